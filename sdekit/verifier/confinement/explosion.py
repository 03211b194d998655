"""Shows that a solution explodes: a deterministic drift on the line that outgrows 1 + x^2.

If v(x0 + s) >= (1 + s^2)/k for all s >= 0, the solution from x0 is above x0 + tan(t/k) and reaches
infinity by t = k pi/2. Not for explosions of diffusions or in several dimensions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdekit.declaration.model.sympy_types import Expr
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Witness

if TYPE_CHECKING:
    import sympy as sp

#: Starting points and constants tried.
_STARTS = (0, 1, 2, 5)
_CONSTANTS = (1, 4, 16)


def find_explosion(problem: Problem) -> Witness | None:
    """A start from which the solution explodes, for one real scalar without noise."""
    dynamics = problem.dynamics
    variables = dynamics.variables
    if len(variables) != 1 or variables[0].shape or variables[0].domain.kind != "real":
        return None
    if any(dynamics.blocks()) or dynamics.parameters or dynamics.functions:
        return None
    import sympy as sp

    components = problem.components({})
    x, v = components.coordinates[0], components.drift[0]
    step = sp.Symbol("s", positive=True)
    for direction in (1, -1):
        for start in _STARTS:
            speed = direction * v.subs(x, direction * (start + step))
            for constant in _CONSTANTS:
                if _dominates(speed, step, sp.Integer(constant)):
                    value = f"explodes before t = {2 * constant}"
                    return Witness({}, {x.name: str(direction * start)}, value)
    return None


def _dominates(speed: Expr, step: sp.Symbol, constant: sp.Integer) -> bool:
    """Whether speed - (1 + s^2)/k >= 0 for s > 0, with exp(g) >= 1 + g + g^2/2 for g >= 0."""
    import sympy as sp

    from sdekit.calculus.signs.sign import sign
    from sdekit.calculus.signs.sign_values import never_negative

    def series(factor: Expr) -> Expr:
        g = factor.args[0]
        return 1 + g + g**2 / 2 if never_negative(sign(sp.expand(g))) else factor

    def lowered(term: Expr) -> Expr:
        # A bound from below serves a factor exp(g) beside others that are not negative; inside
        # another function, as in 1/(1 + exp(g)), it could be one from above.
        factors = sp.Mul.make_args(term)
        powers = [factor for factor in factors if isinstance(factor, sp.exp)]
        rest = sp.Mul(*(factor for factor in factors if factor not in powers))
        if rest.has(sp.exp) or not never_negative(sign(rest)):
            return term
        return rest * sp.Mul(*map(series, powers))

    terms = sp.Add.make_args(sp.expand(speed, power_exp=False))
    gap = sp.expand(sp.Add(*map(lowered, terms)) - (1 + step**2) / constant)
    return never_negative(sign(gap))
