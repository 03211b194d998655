"""Averages taken while a run goes on, without storing the path.

Inside the loop each chain adds up shifted values with compensation, so that single precision loses
nothing over millions of steps; after each compiled chunk the sums are merged in double precision on
the host. Not for stored draws (`diagnostics.py`).

Notation: a function of the blocks of one chain, by name; the weight of a draw is its step size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.errors import SimulationError

Blocks = Mapping[str, Array]


@dataclass(frozen=True)
class Observable:
    """What to average.

    Args:
        function: Blocks of one chain, by name -> array of any shape.
        is_ratio: The function gives (2, *shape), and wanted is mean(first) / mean(second).
    """

    function: Callable[[Blocks], Any]
    is_ratio: bool = False


class Sums(NamedTuple):
    """What one observable carries inside the loop; `low` parts are lost digits (Kahan).

    Args:
        shift: The first value, subtracted from all: shape (*shape[, chains]).
        weight: Sum of weights.
        first: Sum of weight * (value - shift).
        second: Sum of weight * (value - shift)^2.
        low: Compensation of the three sums.
    """

    shift: Array
    weight: Array
    first: Array
    second: Array
    low: tuple[Array, Array, Array]


@dataclass
class Moments:
    """What an observable came to, over all chains.

    Args:
        mean: Weighted mean (or ratio of means).
        variance: Weighted variance of the values; None for a ratio.
        standard_error: Of the mean, from the spread of the batches; NaN for fewer than four.
        batches: Number of batches: chunks times chains.
        weight: Sum of weights over all chains; in a run each draw weighs its step size.
    """

    mean: np.ndarray
    variance: np.ndarray | None
    standard_error: np.ndarray
    batches: int
    weight: float


@dataclass
class Batches:
    """Results of the chunks on the host, in double precision, each of shape (chain, *shape)."""

    weights: list[np.ndarray] = field(default_factory=list)
    means: list[np.ndarray] = field(default_factory=list)
    variances: list[np.ndarray] = field(default_factory=list)


class Observables:
    """The observables of a run.

    Args:
        named: An `Observable`, or a plain function of the blocks of one chain, by name.
        ndims: Number of axes of each block without the axis of chains.
        chains: Number of chains, on the last axis; None where one chain runs without that axis.

    Raises:
        SimulationError: If something cannot be called.

    Example:
        >>> import jax.numpy as jnp
        >>> watched = Observables({"q": lambda blocks: blocks["q"]}, {"q": 0})
        >>> sums = watched.init({"q": jnp.float32(1.0)})
        >>> for value in (1.0, 2.0, 3.0):
        ...     sums = watched.update(sums, {"q": jnp.float32(value)}, 1.0)
        >>> float(watched.result(watched.merge(None, sums))["q"].mean)
        2.0

    Checked by: tests/simulate/test_observables.py.
    """

    def __init__(
        self, named: Mapping[str, Any], ndims: Mapping[str, int], chains: int | None = None
    ) -> None:
        self.named: dict[str, Observable] = {}
        self.ndims, self.chains = dict(ndims), chains
        for name, given in named.items():
            wanted = given if isinstance(given, Observable) else Observable(given)
            if not callable(wanted.function):
                raise SimulationError(
                    f"the observable {name} cannot be called", found=repr(given)[:80],
                    fix="give a function of the blocks by name",
                )  # fmt: skip
            self.named[name] = wanted

    def _values(self, name: str, blocks: Blocks) -> Array:
        """Value for one chain, or for all with the chains on the last axis."""
        function = self.named[name].function
        own = {key: jnp.asarray(blocks[key]) for key in self.ndims if key in blocks}
        if self.chains is not None:
            return jax.vmap(lambda b: jnp.asarray(function(b)), in_axes=-1, out_axes=-1)(own)
        return jnp.asarray(function(own))

    def init(self, blocks: Blocks) -> dict[str, Sums]:
        """Empty sums; their shift is the value at these blocks.

        Raises:
            SimulationError: If a function fails on the blocks.
        """
        found = {}
        for name in self.named:
            try:
                value = jax.eval_shape(lambda b, name=name: self._values(name, b), dict(blocks))
            except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
                raise SimulationError(
                    f"the observable {name} fails", found=f"{type(error).__name__}: {error}",
                    expected=f"a function of the blocks {', '.join(self.ndims)} of one chain",
                ) from error  # fmt: skip
            floating = jnp.issubdtype(value.dtype, jnp.floating)
            dtype = value.dtype if floating else jnp.result_type(float)
            shift = self._values(name, blocks).astype(dtype)
            zero = jnp.zeros_like(shift)
            found[name] = Sums(shift, zero, zero, zero, (zero, zero, zero))
        return found

    def update(self, sums: Mapping[str, Sums], blocks: Blocks, weight: Any) -> dict[str, Sums]:
        """The sums with one more state."""
        return {name: _added(own, self._values(name, blocks), weight) for name, own in sums.items()}

    def merge(
        self, total: dict[str, Batches] | None, sums: Mapping[str, Any]
    ) -> dict[str, Batches]:
        """The results with those of one more chunk (host)."""
        total = {name: Batches() for name in self.named} if total is None else total
        for name, own in sums.items():
            weight, first, second = (
                np.asarray(high, np.float64) - np.asarray(low, np.float64)
                for high, low in zip((own.weight, own.first, own.second), own.low, strict=True)
            )
            with np.errstate(invalid="ignore"):
                mean = first / weight
                spread = second / weight - mean**2
            parts = (weight, np.asarray(own.shift, np.float64) + mean, spread)
            for kept, part in zip(
                (total[name].weights, total[name].means, total[name].variances), parts, strict=True
            ):
                kept.append(self._by_chain(part))
        return total

    def _by_chain(self, part: np.ndarray) -> np.ndarray:
        """Chains first, without those that only fill up the devices."""
        return part[None] if self.chains is None else np.moveaxis(part, -1, 0)[: self.chains]

    def result(self, total: Mapping[str, Batches] | None) -> dict[str, Moments]:
        """Means and errors of all observables by name."""
        return {
            name: _moments(own, self.named[name].is_ratio) for name, own in (total or {}).items()
        }


def _added(sums: Sums, value: Array, weight: Any) -> Sums:
    gap = value.astype(sums.shift.dtype) - sums.shift
    amount = jnp.broadcast_to(jnp.asarray(weight, gap.dtype), gap.shape)
    low_weight, low_first, low_second = sums.low
    weight_sum, low_weight = _compensated(sums.weight, low_weight, amount)
    first, low_first = _compensated(sums.first, low_first, amount * gap)
    second, low_second = _compensated(sums.second, low_second, amount * gap * gap)
    return Sums(sums.shift, weight_sum, first, second, (low_weight, low_first, low_second))


def _compensated(total: Array, low: Array, term: Array) -> tuple[Array, Array]:
    """Kahan's sum: `low` is what the total holds too much of."""
    corrected = term - low
    new = total + corrected
    return new, (new - total) - corrected


def _moments(batches: Batches, is_ratio: bool) -> Moments:
    """Weighted moments over the batches, one per chunk and chain."""
    weights, means, variances = (
        np.concatenate(parts) for parts in (batches.weights, batches.means, batches.variances)
    )
    whole = weights.sum(0)
    mean = (weights * means).sum(0) / whole
    count = len(weights)
    if is_ratio:
        value = mean[0] / mean[1]
        gaps = (means[:, 0] - value * means[:, 1]) / mean[1]
        return Moments(value, None, _error(weights[:, 0], gaps), count, float(whole.flat[0]))
    variance = (weights * (variances + (means - mean) ** 2)).sum(0) / whole
    return Moments(mean, variance, _error(weights, means - mean), count, float(whole.flat[0]))


def _error(weights: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Standard error of a weighted mean from the gaps of its batches."""
    count = len(weights)
    if count < 4:
        return np.full(gaps.shape[1:], np.nan)
    share = weights / weights.sum(0)
    return np.sqrt((share**2 * gaps**2).sum(0) * count / (count - 1))


def kinetic_temperature(momentum: str = "p", inverse_mass: Any = 1.0) -> Observable:
    r"""$k_BT = \langle p^T M^{-1}p\rangle/n$, streaming.

    Args:
        momentum: Name of the variable.
        inverse_mass: Number, or array multiplied entry by entry.

    Checked by: tests/simulate/test_observables.py.
    """
    return Observable(lambda blocks: jnp.mean(blocks[momentum] ** 2 * inverse_mass))


def configurational_temperature(
    potential: Callable[[Any], Any], position: str = "theta"
) -> Observable:
    r"""$k_BT = \langle|\nabla U|^2\rangle/\langle\Delta U\rangle$, streaming.

    Each draw costs a Hessian.

    Args:
        potential: U, a JAX function of the block.
        position: Name of the variable.

    Source: Rugh (1997), doi:10.1103/PhysRevLett.78.772.
    Checked by: tests/simulate/test_observables.py.
    """

    def squares_and_laplacian(blocks: Blocks) -> Array:
        block = blocks[position]
        flat = block.reshape(-1)

        def at(x: Array) -> Any:
            return potential(x.reshape(block.shape))

        gradient = jax.grad(at)(flat)
        return jnp.stack([jnp.sum(gradient**2), jnp.trace(jax.hessian(at)(flat))])

    return Observable(squares_and_laplacian, is_ratio=True)
