r"""Stationarity residual, probability current and generator of a dynamics, in blocks, for every n.

Notation: drift v, diffusion D of N(0, 2 D dt), density exp(-H), blocks X and Y of the state;
subscripts of H are gradients and Hessian blocks. Not for deciding whether a residual is zero
(`relations`) nor for concrete sizes (`sdekit.calculus.field`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sdekit.calculus.contraction.derivative import divergence, gradient
from sdekit.calculus.contraction.lowering import lower
from sdekit.calculus.contraction.rules.projection import projected
from sdekit.calculus.contraction.tensor import Tensor, combine, contract, reindex, zero
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.memory import remembered
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable


@dataclass(frozen=True, eq=False)
class Lowered:
    """A dynamics as tensors, in Ito form.

    Attributes:
        variables: The blocks of the state in order.
        drift: v of every block, of its shape.
        diffusion: Every non-zero block D_XY, both triangles, of shape X.shape + Y.shape.
        hamiltonian: H, or None for a plain SDE.
    """

    variables: tuple[Variable, ...]
    drift: Mapping[Variable, Tensor]
    diffusion: Mapping[tuple[Variable, Variable], Tensor]
    hamiltonian: Tensor | None

    @property
    def energy(self) -> Tensor:
        """H, where there has to be one.

        Raises:
            Unsupported: If the dynamics is declared without H.
        """
        if self.hamiltonian is None:
            raise Unsupported("the dynamics is declared without a Hamiltonian")
        return self.hamiltonian


def lower_dynamics(dynamics: Dynamics) -> Lowered:
    """All coefficients of a dynamics as tensors; a Stratonovich one is converted to Ito first.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.
    """
    ito = dynamics.ito()
    drift = {X: lower(ito.drift[X], X.shape) for X in ito.variables}
    diffusion = {(X, Y): lower(block, X.shape + Y.shape) for (X, Y), block in ito.blocks()}
    hamiltonian = None if ito.hamiltonian is None else lower(ito.hamiltonian)
    nonzero = {pair: block for pair, block in diffusion.items() if not block.is_empty}
    return Lowered(tuple(ito.variables), drift, nonzero, hamiltonian)


@remembered
def residual(dynamics: Dynamics | Lowered) -> Tensor:
    r"""What is left of the stationary Fokker-Planck equation, divided by exp(-H).

    $$R=\sum_X\big[\nabla_X\cdot v_X-v_X\cdot H_X\big]-\sum_{X,Y}\big[\nabla_X\nabla_Y:D_{XY}
      -H_X\cdot(\nabla_Y\cdot D_{XY})-H_Y\cdot(\nabla_X\cdot D_{XY})
      +D_{XY}:(H_XH_Y-H_{XY})\big]$$

    Args:
        dynamics: A dynamics with a Hamiltonian.

    Returns:
        R as a scalar tensor; exp(-H) is stationary where it is integrable and R = 0.

    Raises:
        Unsupported: If there is no Hamiltonian, or a coefficient is outside the calculus.

    Source: Ding et al. (2014), eq. (9), divided by the density.
    Checked by: tests/calculus/contraction/test_models.py.
    """
    return combine((Fraction(1), part) for part in summands_of(dynamics))


def summands_of(dynamics: Dynamics | Lowered) -> list[Tensor]:
    """The summands of the residual one by one, signs included, in the order of its formula.

    Raises:
        Unsupported: As `residual`.
    """
    model = dynamics if isinstance(dynamics, Lowered) else lower_dynamics(dynamics)
    H = model.energy
    slope = {X: gradient(H, X) for X in model.variables}
    parts = [zero()]
    for X in model.variables:
        v = model.drift[X]
        parts += [divergence(v, X), -dot(v, slope[X])]
    for (X, Y), D in model.diffusion.items():
        by_second = divergence(D, Y)
        by_first = divergence(swapped(D, len(X.shape)), X)
        inner = dot_last(D, slope[Y])
        parts += [
            -divergence(by_second, X),
            dot(by_second, slope[X]),
            dot(by_first, slope[Y]),
            -dot(inner, slope[X]),
            dot(D, gradient(slope[X], Y)),
        ]
    return parts


@remembered
def current(dynamics: Dynamics | Lowered) -> dict[Variable, Tensor]:
    r"""Velocity of the probability current, $u_X = v_X - \nabla\cdot D_X + D_X\nabla H$.

    Args:
        dynamics: A dynamics with a Hamiltonian.

    Returns:
        u of every block; all zero exactly in detailed balance. That of a (anti)symmetric variable
        is projected on the (anti)symmetric matrices.

    Raises:
        Unsupported: As `residual`.

    Source: Risken (1996), ch. 6; MATH.md A.0.
    Checked by: tests/calculus/contraction/test_fokker_planck.py.
    """
    model = dynamics if isinstance(dynamics, Lowered) else lower_dynamics(dynamics)
    slope = {X: gradient(model.energy, X) for X in model.variables}
    velocity = {X: [(Fraction(1), model.drift[X])] for X in model.variables}
    for (X, Y), D in model.diffusion.items():
        velocity[X] += [(Fraction(-1), divergence(D, Y)), (Fraction(1), dot_last(D, slope[Y]))]
    return {X: projected(combine(parts), X) for X, parts in velocity.items()}


@remembered
def generator(dynamics: Dynamics | Lowered, f: Expression | Tensor) -> Tensor:
    r"""The generator applied to a scalar, $Lf = v\cdot\nabla f + D:\nabla\nabla f$.

    Args:
        dynamics: Any dynamics; no Hamiltonian is needed.
        f: A scalar function of the state.

    Returns:
        L f as a scalar tensor.

    Raises:
        Unsupported: If a coefficient or f is outside the calculus.

    Checked by: tests/calculus/contraction/test_fokker_planck.py.
    """
    model = dynamics if isinstance(dynamics, Lowered) else lower_dynamics(dynamics)
    f = f if isinstance(f, Tensor) else lower(f)
    slope = {X: gradient(f, X) for X in model.variables}
    parts = [zero(), *(dot(model.drift[X], slope[X]) for X in model.variables)]
    parts += [dot(D, gradient(slope[X], Y)) for (X, Y), D in model.diffusion.items()]
    return combine((Fraction(1), part) for part in parts)


def dot(left: Tensor, right: Tensor) -> Tensor:
    """Full contraction of two tensors of one shape."""
    labels = range(left.ndim)
    return contract(left, labels, right, labels, ())


def dot_last(matrix: Tensor, block: Tensor) -> Tensor:
    """Contraction of the last axes of a diffusion block with a block."""
    labels = range(matrix.ndim)
    kept = matrix.ndim - block.ndim
    return contract(matrix, labels, block, labels[kept:], labels[:kept])


def swapped(block: Tensor, first: int) -> Tensor:
    """The block with its first axes moved behind the others: D_YX of D_XY."""
    labels = range(block.ndim)
    return reindex(block, labels, (*labels[first:], *labels[:first]))
