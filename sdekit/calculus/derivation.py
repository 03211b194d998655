r"""The stationarity condition of one triple, term by term, as a reader would write it down.

The condition div(rho v) = grad grad^T : (rho D), divided by rho = exp(-H), is

$$\sum_X \nabla_X\!\cdot v_X - v_X\cdot\nabla_X H
  = \sum_{XY} \nabla_X\!\cdot\nabla_Y\!\cdot D_{XY} - 2\,\nabla_X H\cdot(\nabla_Y\!\cdot D_{XY})
  + D_{XY} : (\nabla_X H\,\nabla_Y H^{\mathsf T} - \nabla_X\nabla_Y H)$$

with one term for each block. Each is an expression of the declaration grammar, evaluated to its
normal form by `contraction`. Not for the verdict, which the rung `stationarity` reaches by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from sdekit.declare.dynamics import Dynamics
from sdekit.declare.expression import Divergence, Dot, Expression, Gradient, Number, Outer, Product
from sdekit.declare.operators import ZERO, negate
from sdekit.declare.symbols import Variable

#: Sides of the condition.
TRANSPORT, DIFFUSION = "transport", "diffusion"


@dataclass(frozen=True)
class Term:
    """One term of the condition.

    Attributes:
        side: "transport" for div(rho v) / rho, "diffusion" for the other side.
        kind: Which of the terms of the module docstring it is.
        variables: The variables whose block it belongs to.
        expression: The term as an expression, not yet evaluated.
    """

    side: str
    kind: str
    variables: tuple[Variable, ...]
    expression: Expression


def _contract(left: Expression, right: Expression) -> Expression:
    """Full contraction, for scalars the product."""
    return Dot(left, right) if left.shape else Product((left, right))


def _outer(left: Expression, right: Expression) -> Expression:
    if left.shape and right.shape:
        return Outer(left, right)
    return Product((left, right))


def terms(dynamics: Dynamics) -> Iterator[Term]:
    """The terms of the condition, block by block; those that are zero as written are left out.

    Args:
        dynamics: An Ito declaration with a hamiltonian.
    """
    H = dynamics.hamiltonian
    assert H is not None, "a plain SDE has no stationarity condition"
    for x in dynamics.variables:
        drift = dynamics.drift[x]
        if drift == ZERO:
            continue
        if drift.depends_on(x):
            yield Term(TRANSPORT, "drift_divergence", (x,), Divergence(drift, x))
        if H.depends_on(x):
            transported = _contract(drift, Gradient(H, x))
            yield Term(TRANSPORT, "drift_energy", (x,), negate(transported))
    for (x, y), block in dynamics.blocks():
        yield from _diffusion_terms(H, x, y, block)


def _diffusion_terms(H: Expression, x: Variable, y: Variable, block: Expression) -> Iterator[Term]:
    if block.depends_on(y):
        flux = Divergence(block, y)
        if block.depends_on(x):
            yield Term(DIFFUSION, "diffusion_curvature", (x, y), Divergence(flux, x))
        if H.depends_on(x):
            slope = Product((Number(Fraction(2)), _contract(Gradient(H, x), flux)))
            yield Term(DIFFUSION, "diffusion_slope", (x, y), negate(slope))
    if H.depends_on(x) and H.depends_on(y):
        squared = _contract(block, _outer(Gradient(H, x), Gradient(H, y)))
        yield Term(DIFFUSION, "energy_squared", (x, y), squared)
        curvature = _contract(block, Gradient(Gradient(H, x), y))
        yield Term(DIFFUSION, "energy_curvature", (x, y), negate(curvature))
