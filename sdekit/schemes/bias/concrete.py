"""A dynamics at given sizes with its potential and parameters given.

Not for symbolic statements about every potential (`sdekit.schemes.order.scheme_order`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr
from sdekit.errors import SchemeError
from sdekit.schemes.bias.formula_reader import FormulaReader
from sdekit.schemes.bias.given_values import entry_values, exact_value
from sdekit.schemes.jet_ring.smooth_formulas import require_smooth
from sdekit.schemes.order.ring_stages import small_sizes

Value = int | float | str | Fraction | sp.Expr


@dataclass(frozen=True)
class Particle:
    """A dynamics at given sizes in a given potential.

    Attributes:
        components: The dynamics, unknown functions and parameters still open.
        function: The unknown function that the potential stands for; None if H holds none.
        potential: The potential in the coordinates, parameters put in.
        others: Formulas of the other unknown functions.
        values: Exact value of each parameter symbol that has one.
        observable: The observable in the coordinates.
        gradient_covariance: Variance of the noise of a stochastic gradient; None without.
    """

    components: Components
    function: AppliedUndef | None
    potential: Expr | None
    others: tuple[tuple[AppliedUndef, Expr], ...]
    values: Mapping[sp.Symbol, Expr]
    observable: Expr
    gradient_covariance: Expr | None = None

    def concrete(self, expression: Expr) -> Expr:
        """The expression with potential, other functions and parameters put in."""
        given = () if self.function is None else ((self.function, self.potential),)
        for function, formula in (*given, *self.others):
            expression = expression.subs(function, formula).doit()
        return sp.sympify(expression).subs(self.values)

    @property
    def observable_text(self) -> str:
        """The observable, with a variable of one coordinate under its own name."""
        names = {
            self.components.coordinates[places[0]]: sp.Symbol(variable.name)
            for variable, places in self.components.variables
            if len(places) == 1
        }
        return str(self.observable.xreplace(names))

    @property
    def open_symbols(self) -> tuple[sp.Symbol, ...]:
        """Parameters without a value."""
        found: set[sp.Symbol] = set()
        written = (*self.components.drift, *self.components.diffusion.values(), self.observable)
        for expression in written:
            found |= self.concrete(expression).free_symbols
        return tuple(sorted(found - set(self.components.coordinates), key=lambda s: s.name))


def particle(
    dynamics: Dynamics,
    potential: str | sp.Expr | None,
    parameters: Mapping[str, Value],
    observable: str | sp.Expr | None,
    *,
    functions: Mapping[str, str | sp.Expr] | None = None,
    gradient_covariance: str | sp.Expr | float | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Particle:
    """Put potential, parameter values and observable into a dynamics.

    Args:
        dynamics: Any declaration; sizes that are left open become 1.
        potential: In the target's variables (text is read by the parser of model files); None if
            H holds no unknown function.
        parameters: Numbers by name; an entry M_1_1 of a matrix M may be called M.
        observable: In the variables; the squared norm of the target variables when left out.
        functions: Formulas of other unknown functions by name, in the variables.
        gradient_covariance: Variance V of the noise of a stochastic gradient, a number or a
            formula in the target's variable.
        sizes: The size of dimensions, by name.

    Raises:
        SchemeError: If potential, functions or values are missing, not needed, not smooth, or
            contradict the declaration.
    """
    at = small_sizes(dynamics.ito(), sizes or {})
    components = dynamics.at(**at)
    _require_real_line(components)
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
    others = [f for f in _unknown_functions(components.expressions()) if f != function]
    read = FormulaReader(dynamics, components, tuple(parameters))
    written = {} if potential is None else {"potential": potential}
    written |= {f"function {f.func.__name__}": _given(formulas, f) for f in others}
    _require_known_functions(formulas, others)
    noise = gradient_covariance
    if isinstance(noise, (int, float)):
        noise = exact_value("gradient_covariance", noise)
    if noise is not None:
        written["gradient noise"] = noise
    found = {what: read(formula, what) for what, formula in written.items()}
    seen = read.squared_norm() if observable is None else read(observable, "observable")
    values: dict[sp.Symbol, Expr] = entry_values(dynamics, at, parameters)
    own = {name: sp.Symbol(name) for name in parameters if name not in read.declared}
    _require_used(own, (*found.values(), seen), read.declared)
    values |= {symbol: exact_value(name, parameters[name]) for name, symbol in own.items()}
    found = {what: formula.subs(values) for what, formula in found.items()}
    known = tuple((f, found[f"function {f.func.__name__}"]) for f in others)
    made = Particle(
        components, function, found.get("potential"), known, values, seen,
        found.get("gradient noise"),
    )  # fmt: skip
    for what, formula in (*found.items(), ("observable", made.concrete(seen))):
        require_smooth(formula, components.coordinates, what)
    for formula in components.expressions():
        require_smooth(made.concrete(formula), components.coordinates, "dynamics")
    return made


def _require_real_line(components: Components) -> None:
    for x, domain in zip(components.coordinates, components.domains, strict=True):
        if domain.kind != "real":
            raise SchemeError(
                "bias theory knows variables on the whole real line",
                found=f"{x} with domain {domain}",
                fix="write the dynamics in a variable without bounds, such as its logarithm",
            )


def _require_known_functions(formulas: Mapping[str, Expr], others: Iterable[AppliedUndef]) -> None:
    names = {name for f in others for name in _short_names(f)}
    for name in formulas:
        if name not in names:
            raise SchemeError(
                f"the dynamics has no unknown function {name} beside its potential",
                expected=", ".join(sorted(names)) or "no functions",
                found=name,
            )


def _require_used(
    own: Mapping[str, sp.Symbol], formulas: Iterable[Expr], declared: Iterable[str]
) -> None:
    """Names of its own may be used in the formulas; one that nothing uses is a mistake."""
    used = {symbol for formula in formulas for symbol in formula.free_symbols}
    for name, symbol in own.items():
        if symbol not in used:
            raise SchemeError(
                f"unknown parameter {name}",
                expected=", ".join(declared) or "a dynamics with parameters",
                found=name,
                fix="leave it out; only parameters of the dynamics or the potential have values",
            )


def _unknown_functions(expressions: Iterable[Expr]) -> list[AppliedUndef]:
    found = {function for expression in expressions for function in expression.atoms(AppliedUndef)}
    return sorted(found, key=str)


def _short_names(function: Expr) -> tuple[str, ...]:
    """What the entry of an unknown function may be called."""
    name = function.func.__name__
    return (name, name.removesuffix("_1_1"), name.removesuffix("_1"))


def _given(formulas: Mapping[str, Expr], function: Expr) -> Expr:
    """The formula of an unknown function; the entry of a matrix may be called by its name."""
    names = _short_names(function)
    for known in names:
        if known in formulas:
            return formulas[known]
    raise SchemeError(
        f"the function {names[0]} is not given",
        expected="a formula for every unknown function",
        fix=f'give functions={{"{names[1]}": "..."}}',
    )


def _unknown_potential(components: Components, formulas: Mapping[str, Expr]) -> AppliedUndef | None:
    energy = components.target if components.target is not None else components.hamiltonian
    if energy is None:
        raise SchemeError(
            "the dynamics declares no H, so there is no stationary law to be biased",
            fix="declare hamiltonian=H",
        )
    found = [f for f in _unknown_functions([energy]) if f.func.__name__ not in formulas]
    if len(found) > 1:
        raise SchemeError(
            "bias theory knows targets with one unknown function",
            expected="a target such as U(theta)",
            found=", ".join(str(f) for f in found),
            fix="for quadratic targets see sdekit.schemes.bias.linear_step",
        )
    return found[0] if found else None
