"""A dynamics of one particle with its potential and parameters given.

Not for symbolic statements about every potential (`sdekit.schemes.order.scheme_order`).
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.parser import parse_expression
from sdekit.declaration.tree.expression import Call, Expression
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.errors import SchemeError
from sdekit.schemes.jet_ring.sympy_stubs import Formula
from sdekit.schemes.order.ring_stages import small_sizes

Value = int | float | str | Fraction | sp.Expr


@dataclass(frozen=True)
class Particle:
    """One particle in a given potential.

    Attributes:
        components: The dynamics at n = 1, unknown functions and parameters still open.
        function: The unknown function that the potential stands for; None if H holds none.
        potential: The potential in the coordinate, parameters put in.
        others: Formulas of the other unknown functions.
        values: Exact value of each parameter symbol that has one.
        observable: The observable in the coordinates.
        gradient_noise: Variance of the noise of a stochastic gradient; None without.
    """

    components: Components
    function: AppliedUndef | None
    potential: Formula | None
    others: tuple[tuple[AppliedUndef, Formula], ...]
    values: Mapping[sp.Symbol, Formula]
    observable: Formula
    gradient_noise: Formula | None = None

    def concrete(self, expression: Formula) -> Formula:
        """The expression with potential, other functions and parameters put in."""
        given = () if self.function is None else ((self.function, self.potential),)
        for function, formula in (*given, *self.others):
            expression = expression.subs(function, formula).doit()
        return sp.sympify(expression).subs(self.values)

    @property
    def open_symbols(self) -> tuple[sp.Symbol, ...]:
        """Parameters without a value."""
        found: set[Any] = set()
        written = (*self.components.drift, *self.components.diffusion.values(), self.observable)
        for expression in written:
            found |= self.concrete(expression).free_symbols
        return tuple(sorted(found - set(self.components.coordinates), key=lambda s: s.name))


def particle(
    dynamics: Dynamics,
    potential: str | sp.Expr | None,
    parameters: Mapping[str, Value],
    observable: str | sp.Expr,
    functions: Mapping[str, str | sp.Expr] | None = None,
    gradient_noise: str | sp.Expr | float | None = None,
) -> Particle:
    """Put potential, parameter values and observable into a dynamics at n = 1.

    Args:
        dynamics: Any declaration; sizes that are open become 1.
        potential: In the target's variable (text is read by the parser of model files); None if
            H holds no unknown function.
        parameters: Numbers by name; an entry M_1_1 of a matrix M may be called M.
        observable: In the variables of the dynamics.
        functions: Formulas of other unknown functions by name, in the variables.
        gradient_noise: Variance V of the noise of a stochastic gradient, a number or a formula in
            the target's variable.

    Raises:
        SchemeError: If the target has several coordinates, or the potential or another function is
            missing or not needed.
    """
    components = dynamics.at(**small_sizes(dynamics.ito(), {}))
    names = _names(components)
    formulas = dict(functions or {})
    function = _unknown_potential(components, formulas)
    if (function is None) != (potential is None):
        given = "no potential is given" if potential is None else "a potential is given"
        raise SchemeError(
            f"{given}, but the target {'holds' if function else 'has no'} unknown function",
            expected="a potential exactly where the dynamics leaves one open",
            found="none" if potential is None else str(potential),
            fix="leave the potential out" if function is None else 'give potential="theta**2/2"',
        )
    read = _reader(dynamics, names, parameters)
    values = _values(dynamics, components, parameters)
    formula = None if potential is None else read(potential, "potential").subs(values)
    others = tuple(
        (other, read(_given(formulas, other), f"function {other.func.__name__}"))
        for other in _unknown_functions(components.expressions())
        if other != function
    )
    noise = None
    if isinstance(gradient_noise, (int, float)):
        noise = exact_value("gradient_noise", gradient_noise)
    elif gradient_noise is not None:
        noise = read(gradient_noise, "gradient noise").subs(values)
    seen = read(observable, "observable")
    return Particle(components, function, formula, others, values, seen, noise)


def _unknown_functions(expressions: Iterable[Formula]) -> list[AppliedUndef]:
    found = {function for expression in expressions for function in expression.atoms(AppliedUndef)}
    return sorted(found, key=str)


def _given(formulas: Mapping[str, Formula], function: Formula) -> Formula:
    """The formula of an unknown function; the entry of a matrix may be called by its name."""
    name = function.func.__name__
    for known in (name, name.removesuffix("_1_1"), name.removesuffix("_1")):
        if known in formulas:
            return formulas[known]
    raise SchemeError(
        f"the function {name} is not given",
        expected="a formula for every unknown function",
        fix=f'give functions={{"{name.removesuffix("_1_1")}": "..."}}',
    )


def _names(components: Components) -> dict[str, sp.Symbol]:
    """Coordinates by the name of their variable and by their own."""
    names = {symbol.name: symbol for symbol in components.coordinates}
    for variable, positions in components.variables:
        if len(positions) == 1:
            names[variable.name] = components.coordinates[positions[0]]
    return names


def _unknown_potential(
    components: Components, formulas: Mapping[str, Formula]
) -> AppliedUndef | None:
    energy = components.target if components.target is not None else components.hamiltonian
    if energy is None:
        raise SchemeError(
            "the dynamics declares no H, so there is no stationary law to be biased",
            fix="declare hamiltonian=H",
        )
    found = [f for f in _unknown_functions([energy]) if f.func.__name__ not in formulas]
    if len(found) > 1 or (found and len(found[0].args) != 1):
        raise SchemeError(
            "bias theory knows targets of one coordinate with one unknown function",
            expected="a target such as U(theta) with one size, which becomes 1",
            found=", ".join(str(f) for f in found),
            fix="for several dimensions see sdekit.schemes.bias.linear_step (quadratic targets)",
        )
    return found[0] if found else None


def _reader(
    dynamics: Dynamics, names: Mapping[str, sp.Symbol], parameters: Mapping[str, Value]
) -> Any:
    scope: dict[str, Expression] = {name: Variable(name) for name in names}
    scope |= {p.name: Parameter(p.name) for p in dynamics.parameters if not p.shape}
    scope |= {name: Parameter(name) for name in parameters if name not in scope}

    def read(formula: str | sp.Expr, what: str) -> Formula:
        if isinstance(formula, str):
            tree = parse_expression(formula, scope, where=what)
            if tree.shape or any(isinstance(node, Call) for node in tree.walk()):
                raise SchemeError(f"the {what} is no scalar formula", found=formula)
            formula = ComponentReader({}).scalar(tree)
        elif isinstance(formula, Expression):
            formula = ComponentReader({}).scalar(formula)
        by_name = {
            symbol: names[symbol.name] for symbol in _symbols(formula, what) if symbol.name in names
        }
        return formula.xreplace(by_name)

    return read


def _symbols(formula: Any, what: str) -> set[Any]:
    if not isinstance(formula, sp.Basic):
        raise SchemeError(
            f"the {what} is no formula",
            expected='text such as "theta**2/2" or a SymPy expression',
            found=repr(formula)[:80],
        )
    return formula.free_symbols


def _values(
    dynamics: Dynamics, components: Components, parameters: Mapping[str, Value]
) -> dict[sp.Symbol, Formula]:
    symbols = {symbol.name: symbol for symbol in components.parameters}
    declared = {p.name for p in dynamics.parameters}
    values: dict[sp.Symbol, Formula] = {}
    for name, value in parameters.items():
        number = exact_value(name, value)
        entries = [s for n, s in symbols.items() if n == name or n.startswith(f"{name}_1")]
        if name in declared and not any(n == name for n in symbols):
            values |= dict.fromkeys(entries, number)
        # A name of its own may be used in the potential only.
        values[symbols.get(name, sp.Symbol(name))] = number
        values |= dict.fromkeys(_assumed(dynamics, name), number)
    return values


def _assumed(dynamics: Dynamics, name: str) -> list[sp.Symbol]:
    """The symbol that a formula in text uses for the parameter, with and without assumptions."""
    reader = ComponentReader({})
    found = [reader.scalar(Parameter(name))]
    found += [reader.scalar(p) for p in dynamics.parameters if p.name == name and not p.shape]
    return [s for s in found if isinstance(s, sp.Symbol)]


def exact_value(name: str, value: Value) -> Formula:
    """The value of a parameter as an exact rational; a float is read as it is printed.

    Raises:
        SchemeError: If it is no finite number.
    """
    try:
        if isinstance(value, numbers.Rational):
            return sp.Rational(int(value.numerator), int(value.denominator))
        exact = Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError):
        raise SchemeError(
            f"the value of parameter {name} is no number",
            expected='a number such as 2, 0.5 or "1/3"',
            found=repr(value)[:60],
        ) from None
    return sp.Rational(exact.numerator, exact.denominator)
