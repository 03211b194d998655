r"""What gradient noise does to a dynamics that does not declare it.

Noise B on top of D, of one size in every direction: either it is another temperature,
$e^{-H/T}$ (`temperature`), or a thermostat takes it out: where the noise level A occurs in D and H
alone and not in v, the dynamics with D + B is the one with A + B in its place, so that a target
that does not depend on A is kept.

Not for measuring B (`sdekit.simulation.gradients.measured_noise`).

Checked by: tests/schemes/guards/test_heating.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression, Eye
from sdekit.declaration.tree.operators import multiply
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.errors import SdekitError
from sdekit.schemes.guards.temperature import effective_temperature


@dataclass(frozen=True)
class Heating:
    """What noise B, of one size in every direction, does.

    Attributes:
        symbol: The name that stands for B.
        temperature: T for which exp(-H/T) is stationary; None if there is none.
        absorbed: The parameter to which B is added without changing the target; None if none is.
    """

    symbol: str
    temperature: sp.Expr | None
    absorbed: str | None


def heated(dynamics: Dynamics, variables: Sequence[Variable]) -> Heating:
    """What gradient noise on these variables does to the law.

    Args:
        dynamics: With H, its gradient noise not declared.
        variables: Those whose drift has the gradient.

    Example:
        >>> import sdekit.catalog as catalog
        >>> given = catalog.get("langevin")
        >>> heated(given, given.variables[1:]).temperature
        (A + B)/A
    """
    name = next(n for n in ("B", "B_gradient", "B_of_gradient") if n not in dynamics.names)
    level = Parameter(name, (), frozenset({"positive"}))
    absorbed = _absorbing(dynamics, variables)
    if absorbed is not None:
        return Heating(name, None, absorbed)
    try:
        hot = dynamics.changed({"gradient_noise": dict.fromkeys(variables, level)})
        return Heating(name, effective_temperature(hot), None)
    except (SdekitError, Unsupported):
        return Heating(name, None, None)


def _absorbing(dynamics: Dynamics, variables: Sequence[Variable]) -> str | None:
    """The parameter A with D = A I on the variables that occurs nowhere else but in H."""
    ito = dynamics.ito()
    found = {_level(ito.diffusion.get((x, x)), x) for x in variables}
    if len(found) != 1 or None in found:
        return None
    (level,) = found
    own = {(x, x) for x in variables}
    rest = [block for pair, block in ito.diffusion.items() if pair not in own]
    target = ito.hamiltonian if ito.target is None else ito.target
    read = (*ito.drift.values(), *rest, *(() if target is None else (target,)))
    if any(node == level for expression in read for node in expression.walk()):
        return None
    return None if level is None or level.value is not None else level.name


def _level(block: Expression | None, x: Variable) -> Parameter | None:
    if isinstance(block, Parameter) and not block.shape:
        return block
    for node in () if block is None else block.walk():
        if isinstance(node, Parameter) and not node.shape and block == multiply(node, Eye(x.shape)):
            return node
    return None
