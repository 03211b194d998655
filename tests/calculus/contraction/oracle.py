"""The second route: the same declaration in SymPy components with explicit polynomials, 40 digits.

It shares nothing with the index calculus but the declaration and the numbers that are put in.
"""

from __future__ import annotations

import mpmath
import sympy as sp
from flint import fmpq
from sympy.core.function import AppliedUndef

from sdekit.calculus.contraction import Counterexample
from sdekit.calculus.contraction.heads import parameter, variable
from sdekit.calculus.contraction.values.concrete_model import Model
from sdekit.calculus.contraction.values.function_polynomials import Polynomial, coordinates
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Call, Expression
from sdekit.declaration.tree.names import entry_name
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter, Variable

DIGITS = 40


def rational(value: fmpq) -> sp.Rational:
    return sp.Rational(int(value.p), int(value.q))


class Oracle:
    """A dynamics in SymPy components, with the values of a model put in."""

    def __init__(self, dynamics: Dynamics, model: Model) -> None:
        sizes = {dim.name: size for dim, size in model.sizes.items()}
        free = {dim.name for dim in dynamics.dimensions if dim.size is None}
        self.components: Components = dynamics.at(**{k: v for k, v in sizes.items() if k in free})
        self.model = model
        self.values: dict[str, sp.Rational] = {}
        self.functions: dict[str, tuple[FunctionSymbol, Polynomial]] = {}
        for symbol in (*dynamics.variables, *dynamics.parameters):
            self._put(symbol)
        for function in dynamics.functions:
            self._put_function(function)

    @classmethod
    def of_expression(cls, expression: Expression, model: Model) -> Oracle:
        """The values for the symbols of one expression, without a dynamics."""
        oracle = cls.__new__(cls)
        oracle.model, oracle.values, oracle.functions = model, {}, {}
        for node in expression.walk():
            if isinstance(node, (Variable, Parameter)):
                oracle._put(node)
            elif isinstance(node, Call):
                oracle._put_function(node.function)
                for formal in node.function.arguments:
                    oracle._put(formal)
        return oracle

    def _put(self, symbol: Variable | Parameter) -> None:
        if isinstance(symbol, Parameter) and symbol.value is not None:
            return
        head = variable(symbol) if isinstance(symbol, Variable) else parameter(symbol)
        self.model.drawn(symbol, head.symmetries)
        for index, value in self.model.symbols[symbol].items():
            self.values[entry_name(symbol.name, index)] = rational(value)

    def _put_function(self, function: FunctionSymbol) -> None:
        for index, polynomial in self.model.polynomials(function).items():
            self.functions[entry_name(function.name, index)] = (function, polynomial)

    def concrete(self, expression: sp.Expr) -> sp.Expr:
        """The expression with polynomials in the place of unknown functions."""

        def polynomial(call: AppliedUndef) -> sp.Expr:
            function, form = self.functions[call.func.__name__]
            where = coordinates(function.arguments, self.model.sizes)
            point = dict(zip(where, call.args, strict=True))
            return sp.Add(
                *(
                    rational(c) * sp.Mul(*(point[x] ** power for x, power in exponents))
                    for exponents, c in form.terms.items()
                )
            )

        replaced = sp.sympify(expression).replace(
            lambda node: isinstance(node, AppliedUndef), polynomial
        )
        return replaced.doit()

    def number(self, expression: sp.Expr) -> mpmath.mpf:
        """The value at the point, to 40 digits."""
        symbols = sorted(expression.free_symbols, key=lambda symbol: symbol.name)
        with mpmath.workdps(DIGITS):
            point = [
                mpmath.mpf(self.values[s.name].p) / int(self.values[s.name].q) for s in symbols
            ]
            return mpmath.mpf(sp.lambdify(symbols, expression, "mpmath")(*point))

    @mpmath.workdps(DIGITS)
    def residual(self) -> mpmath.mpf:
        """MATH A.0, with SymPy's scalar derivatives."""
        z = self.components.coordinates
        v = [self.concrete(entry) for entry in self.components.drift]
        H = self.concrete(self.components.hamiltonian)
        slope = [sp.diff(H, x) for x in z]
        total = [sp.diff(v[i], z[i]) - v[i] * slope[i] for i in range(len(z))]
        for (i, j), entry in self.components.diffusion.items():
            D = self.concrete(entry)
            total += [
                -sp.diff(D, z[i], z[j]),
                slope[i] * sp.diff(D, z[j]) + slope[j] * sp.diff(D, z[i]),
                -D * (slope[i] * slope[j] - sp.diff(slope[i], z[j])),
            ]
        return mpmath.fsum(self.number(term) for term in total)

    @mpmath.workdps(DIGITS)
    def generator_of_energy(self) -> mpmath.mpf:
        """L H."""
        z = self.components.coordinates
        H = self.concrete(self.components.hamiltonian)
        slope = [sp.diff(H, x) for x in z]
        total = [self.concrete(v) * h for v, h in zip(self.components.drift, slope, strict=True)]
        total += [
            self.concrete(entry) * sp.diff(slope[i], z[j])
            for (i, j), entry in self.components.diffusion.items()
        ]
        return mpmath.fsum(self.number(term) for term in total)


def printed_residual(dynamics: Dynamics, found: Counterexample) -> mpmath.mpf:
    """The residual in SymPy at a counterexample as it is printed: names and text alone."""
    oracle = Oracle.__new__(Oracle)
    oracle.components = dynamics.at(**found.dimensions)
    named = {s.name: s for s in (*oracle.components.coordinates, *oracle.components.parameters)}
    oracle.values = {name: sp.Integer(1) for name in named}
    oracle.values |= {name: sp.Rational(value) for name, value in found.point.items()}
    symbols = {name: sp.Symbol(name) for name in named}
    forms = {name: sp.parse_expr(text, symbols) for name, text in found.functions.items()}
    formal = {function.name: function.arguments for function in dynamics.functions}

    def concrete(expression: sp.Expr) -> sp.Expr:
        def written(call: AppliedUndef) -> sp.Expr:
            name = call.func.__name__
            (argument,) = formal[name.split("_")[0]]
            own = [symbols[arg] for arg in named if arg.split("_")[0] == argument.name]
            return forms.get(name, sp.S.Zero).subs(dict(zip(own, call.args, strict=True)))

        expression = sp.sympify(expression).replace(
            lambda node: isinstance(node, AppliedUndef), written
        )
        return expression.doit()

    oracle.concrete = concrete  # type: ignore[method-assign]
    return oracle.residual()


def printed_number(value: str) -> mpmath.mpf:
    """An exact rational as printed, or the middle of a ball `[m +/- r]`."""
    with mpmath.workdps(DIGITS):
        return mpmath.mpf(sp.Rational(value.strip("[]").split(" +/- ")[0]).evalf(DIGITS))


def as_number(value: object) -> mpmath.mpf:
    """An exact rational or ball as a number of 40 digits."""
    with mpmath.workdps(DIGITS):
        if isinstance(value, fmpq):
            return mpmath.mpf(int(value.p)) / int(value.q)
        mantissa, exponent = value.mid().man_exp()  # type: ignore[attr-defined]
        return mpmath.ldexp(mpmath.mpf(int(mantissa)), int(exponent))


@mpmath.workdps(DIGITS)
def agree(first: mpmath.mpf, second: mpmath.mpf, digits: int = 30) -> bool:
    """Equal to so many digits, relative to the larger of 1 and their size."""
    return abs(first - second) <= mpmath.mpf(10) ** -digits * max(1, abs(first), abs(second))
