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

from sdekit.calculus.contraction.lowering import lower
from sdekit.calculus.contraction.tensor import Tensor, combine, zero
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import (
    Divergence,
    Dot,
    Expression,
    Gradient,
    Number,
    Outer,
    Product,
)
from sdekit.declaration.tree.operators import ZERO, negate
from sdekit.declaration.tree.symbols import Variable

#: The two sides of the condition.
TRANSPORT, DIFFUSION = "transport", "diffusion"


@dataclass(frozen=True)
class Term:
    """One term of the condition and what it comes to.

    Attributes:
        side: "transport" for div(rho v) / rho, "diffusion" for the other side.
        kind: Which of the terms of the module docstring it is.
        variables: The variables whose block it belongs to.
        value: Its normal form.
    """

    side: str
    kind: str
    variables: tuple[Variable, ...]
    value: Tensor


@dataclass(frozen=True)
class Derivation:
    """Both sides of the condition, written out.

    Attributes:
        slopes: The gradient of H by each variable, those that are not zero.
        terms: All terms that are not zero as written, in order.
        transport: Sum of the terms of that side.
        diffusion: Sum of the terms of the other side.
        residual: transport - diffusion; zero where exp(-H) is stationary.
        auxiliary_energy: H - target, what is integrated over; None without a target.
    """

    slopes: tuple[tuple[Variable, Tensor], ...]
    terms: tuple[Term, ...]
    transport: Tensor
    diffusion: Tensor
    residual: Tensor
    auxiliary_energy: Tensor | None


def derive(dynamics: Dynamics) -> Derivation | None:
    """Write the condition out.

    Args:
        dynamics: Any declaration; a Stratonovich one is turned into Ito first.

    Returns:
        The derivation, or None for a plain SDE, which has no condition.

    Raises:
        Unsupported: If a term is beyond the index calculus.

    Checked by: tests/calculus/test_stationarity_terms.py.
    """
    ito = dynamics.ito()
    if ito.hamiltonian is None:
        return None
    terms = tuple(
        Term(side, kind, variables, lower(expression))
        for side, kind, variables, expression in _terms(ito, ito.hamiltonian)
    )
    sides = {
        side: combine([(Fraction(1), zero())] + [(Fraction(1), term.value) for term in terms
                                                 if term.side == side])
        for side in (TRANSPORT, DIFFUSION)
    }  # fmt: skip
    slopes = ((x, lower(Gradient(ito.hamiltonian, x))) for x in ito.variables)
    rest = None if ito.target is None else lower(ito.hamiltonian) - lower(ito.target)
    return Derivation(
        slopes=tuple((x, slope) for x, slope in slopes if not slope.is_empty),
        terms=terms,
        transport=sides[TRANSPORT],
        diffusion=sides[DIFFUSION],
        residual=sides[TRANSPORT] - sides[DIFFUSION],
        auxiliary_energy=rest,
    )


Unevaluated = tuple[str, str, tuple[Variable, ...], Expression]


def _terms(dynamics: Dynamics, H: Expression) -> Iterator[Unevaluated]:
    for x in dynamics.variables:
        drift = dynamics.drift[x]
        if drift == ZERO:
            continue
        if drift.depends_on(x):
            yield TRANSPORT, "drift_divergence", (x,), Divergence(drift, x)
        if H.depends_on(x):
            transported = _contract(drift, Gradient(H, x))
            yield TRANSPORT, "drift_energy", (x,), negate(transported)
    for (x, y), block in dynamics.blocks():
        yield from _diffusion_terms(H, x, y, block)


def _diffusion_terms(
    H: Expression, x: Variable, y: Variable, block: Expression
) -> Iterator[Unevaluated]:
    if block.depends_on(y):
        flux = Divergence(block, y)
        if block.depends_on(x):
            yield DIFFUSION, "diffusion_curvature", (x, y), Divergence(flux, x)
        if H.depends_on(x):
            slope = Product((Number(Fraction(-2)), _contract(Gradient(H, x), flux)))
            yield DIFFUSION, "diffusion_slope", (x, y), slope
    if H.depends_on(x) and H.depends_on(y):
        squared = _contract(block, _outer(Gradient(H, x), Gradient(H, y)))
        yield DIFFUSION, "energy_squared", (x, y), squared
        curvature = _contract(block, Gradient(Gradient(H, x), y))
        yield DIFFUSION, "energy_curvature", (x, y), negate(curvature)


def _contract(left: Expression, right: Expression) -> Expression:
    """Full contraction, for scalars the product."""
    return Dot(left, right) if left.shape else Product((left, right))


def _outer(left: Expression, right: Expression) -> Expression:
    if left.shape and right.shape:
        return Outer(left, right)
    return Product((left, right))
