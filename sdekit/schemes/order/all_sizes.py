r"""$A_k^\dagger 1$ of a scheme for every n at once, in the index calculus.

In $L^2(e^{-H})$ the adjoint of a generator with drift v and diffusion D is again of second order:

$$L^\dagger f = (v - 2 u) \cdot \nabla f + D : \nabla\nabla f - R\,f,$$

u the probability current and R the stationarity residual of that part alone. An Euler-Maruyama
stage keeps its coefficients frozen: $(v \cdot \partial + D : \partial\partial)^j / j!$, whose
adjoint puts $-(\nabla - \nabla H)\cdot$ in front of each factor.

Not for single sizes, which are faster (`sdekit.schemes.order.one_step_series`).

Notation: v, D, H as in the declaration; X and Y blocks of the state; W_X = nabla_X - H_X.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import factorial

from sdekit.calculus import contraction
from sdekit.calculus.contraction import Lowered, Tensor
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.schemes.split.factors import Factor, plan
from sdekit.schemes.split.flow_records import Blocks, Updates
from sdekit.schemes.split.splitting import Splitting

Series = list[Tensor]


@dataclass(frozen=True)
class _Adjoint:
    """A part as what acts on functions from the other side.

    Attributes:
        forward: Drift and diffusion of the part, with the H of the whole.
        backward: The part with the drift v - 2 u.
        residual: R of the part.
    """

    forward: Lowered
    backward: Lowered
    residual: Tensor

    def apply(self, f: Tensor) -> Tensor:
        """The adjoint of the generator applied to f."""
        rest = contraction.contract(self.residual, (), f, (), ())
        return contraction.combine(
            [(Fraction(1), contraction.generator(self.backward, f)), (Fraction(-1), rest)]
        )


def adjoint_of_one(splitting: Splitting, scheme: str, degree: int) -> Series:
    """The functions A_k^dagger 1, k = 0, ..., degree, as tensors that hold for every n.

    Args:
        splitting: Parts of a dynamics with H.
        scheme: A word or a name (`sdekit.schemes.split.unroll`).
        degree: The highest power of h.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.
        BudgetExceeded: If the time granted by `spending` is over.
        SchemeError: If the scheme does not fit.
    """
    one = contraction.lower(ZERO + 1)
    series = [one] + [contraction.combine([(Fraction(0), one)])] * degree
    cache: dict[tuple[Updates, Blocks], _Adjoint] = {}
    for factor in plan(splitting, scheme):
        key = (factor.updates, factor.diffusion)
        if key not in cache:
            cache[key] = _adjoint(splitting.dynamics, factor)
        series = _through(cache[key], factor, series)
    return series


def _adjoint(dynamics: Dynamics, factor: Factor) -> _Adjoint:
    whole = contraction.lower_dynamics(dynamics)
    forward = _lowered(dynamics, factor, whole)
    current = contraction.current(forward)
    drift = {
        X: contraction.combine([(Fraction(1), forward.drift[X]), (Fraction(-2), current[X])])
        for X in forward.variables
    }
    backward = Lowered(forward.variables, drift, forward.diffusion, forward.hamiltonian)
    return _Adjoint(forward, backward, contraction.residual(forward))


def _lowered(dynamics: Dynamics, factor: Factor, whole: Lowered) -> Lowered:
    """Drift and diffusion of a factor, as tensors."""
    drift = {X: whole.drift[X].scaled(0) for X in whole.variables}
    for X, rate in factor.updates:
        drift[X] = contraction.lower(rate, X.shape)
    alone = Dynamics(dict.fromkeys(dynamics.variables, ZERO), dict(factor.diffusion))
    diffusion = contraction.lower_dynamics(alone).diffusion
    return Lowered(whole.variables, drift, diffusion, whole.hamiltonian)


def _through(part: _Adjoint, factor: Factor, series: Series) -> Series:
    result: list[list[tuple[Fraction, Tensor]]] = [[] for _ in series]
    for k, f in enumerate(series):
        if f.is_empty:
            continue
        count = len(series) - k
        powers = _frozen(part, f, count) if factor.frozen else _exact(part, f, count)
        for j, term in enumerate(powers):
            result[k + j].append((factor.share**j / factorial(j), term))
    nothing = series[0].scaled(0)
    return [contraction.combine([(Fraction(1), nothing), *terms]) for terms in result]


def _exact(part: _Adjoint, f: Tensor, count: int) -> Series:
    """f, L^dagger f, (L^dagger)^2 f, ..."""
    found = [f]
    while len(found) < count and not found[-1].is_empty:
        found.append(part.apply(found[-1]))
    return found


def _frozen(part: _Adjoint, f: Tensor, count: int) -> Series:
    """The adjoint of (v . d + D : d d)^j on f, all derivatives outside."""
    slopes = {X: contraction.gradient(part.forward.energy, X) for X in part.forward.variables}
    factors: dict[tuple[Variable, ...], Tensor] = {(): f}
    found = [f]
    for _ in range(1, count):
        factors = _multiplied(part.forward, factors)
        terms = [
            (Fraction(1), _weighted_divergences(tensor, blocks, slopes))
            for blocks, tensor in factors.items()
        ]
        found.append(contraction.combine([(Fraction(0), f), *terms]))
    return found


def _multiplied(
    model: Lowered, factors: Mapping[tuple[Variable, ...], Tensor]
) -> dict[tuple[Variable, ...], Tensor]:
    """Every tensor times -v and times D, by the blocks that are still to be contracted."""
    found: dict[tuple[Variable, ...], Tensor] = {}
    entries = [((X,), v.scaled(-1)) for X, v in model.drift.items() if not v.is_empty]
    entries += [(pair, D) for pair, D in model.diffusion.items()]
    for blocks, tensor in factors.items():
        for more, entry in entries:
            key = blocks + more
            left = range(tensor.ndim)
            right = range(tensor.ndim, tensor.ndim + entry.ndim)
            outer = contraction.contract(tensor, left, entry, right, (*left, *right))
            known = found.get(key)
            parts = [(Fraction(1), outer)] + ([(Fraction(1), known)] if known is not None else [])
            found[key] = contraction.combine(parts)
    return found


def _weighted_divergences(
    tensor: Tensor, blocks: tuple[Variable, ...], slopes: Mapping[Variable, Tensor]
) -> Tensor:
    """W_X for every block, the last first: nabla_X . T - T . H_X."""
    for X in reversed(blocks):
        slope = slopes[X]
        kept = tensor.ndim - slope.ndim
        labels = range(tensor.ndim)
        pulled = contraction.contract(tensor, labels, slope, labels[kept:], labels[:kept])
        spread = contraction.divergence(tensor, X)
        tensor = contraction.combine([(Fraction(1), spread), (Fraction(-1), pulled)])
    return tensor
