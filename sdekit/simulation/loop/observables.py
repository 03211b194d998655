"""Averages taken while a run goes on, without storing the path.

Inside the loop each chain adds up shifted values with compensation, so that single precision loses
nothing over millions of steps; after each batch of draws the sums are merged in double precision on
the host. What is carried has a fixed size, and where a batch ends depends on the plan of the run
alone, so that a checkpoint holds it and a resumed run gives the same digits. Not for stored draws
(`diagnostics.py`).

Notation: a function of the blocks of one chain, by name; the weight of a draw is its step size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from sdekit.errors import SimulationError
from sdekit.simulation.loop.totals import (
    Moments,
    Totals,
    joined,
    no_batches,
    of_batch,
    quotient,
    total_moments,
)

Blocks = Mapping[str, Array]


@dataclass(frozen=True)
class Observable:
    """What to average.

    Args:
        function: Blocks of one chain, by name -> array of any shape. A position that was flattened
            comes as the user's PyTree, and extra arrays as theirs, by the name `extra`.
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


class Watched(NamedTuple):
    """All that a run needs to go on with its observables, by name.

    Attributes:
        running: Sums of the batch that is not complete.
        totals: The complete batches.
    """

    running: dict[str, Sums]
    totals: dict[str, Totals]


class Observables:
    """The observables of a run.

    Args:
        named: An `Observable`, or a plain function of the blocks of one chain, by name.
        ndims: Number of axes of each block without the axis of chains.
        chains: Number of chains, on the last axis; None where one chain runs without that axis.
        view: What functions get for the blocks of one chain; the blocks themselves when left out.

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

    Checked by: tests/simulation/loop/test_observables.py.
    """

    def __init__(
        self,
        named: Mapping[str, Any],
        ndims: Mapping[str, int],
        chains: int | None = None,
        view: Callable[[Blocks], Mapping[str, Any]] = dict,
    ) -> None:
        self.named: dict[str, Observable] = {}
        self.ndims, self.chains, self.view = dict(ndims), chains, view
        if not isinstance(named, Mapping):
            raise SimulationError(
                "observables are no mapping from names to functions", found=repr(named)[:80],
                expected='{"x^2": lambda blocks: blocks["x"] ** 2}', fix="give each a name",
            )  # fmt: skip
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
            seen = jax.vmap(lambda b: jnp.asarray(function(self.view(b))), in_axes=-1, out_axes=-1)
            return seen(own)
        return jnp.asarray(function(self.view(own)))

    def _value_shape(self, name: str, blocks: Blocks) -> jax.ShapeDtypeStruct:
        """Shape and number type of a value.

        Raises:
            SimulationError: If the function fails on the blocks, or gives what has no average.
        """
        try:
            value = jax.eval_shape(lambda b: self._values(name, b), dict(blocks))
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise SimulationError(
                f"the observable {name} fails", found=f"{type(error).__name__}: {error}",
                expected=f"a function of the blocks {', '.join(self.ndims)} of one chain",
            ) from error  # fmt: skip
        is_real = jnp.issubdtype(value.dtype, jnp.floating)
        is_counted = jnp.issubdtype(value.dtype, jnp.integer) or value.dtype == bool
        if not (is_real or is_counted) or not value.size:
            shape = value.shape if self.chains is None else value.shape[:-1]
            raise SimulationError(
                f"the observable {name} has no average",
                expected="real numbers, one or more",
                found=f"{value.dtype} of shape {shape}",
                fix="observe real and imaginary part each by itself"
                if jnp.issubdtype(value.dtype, jnp.complexfloating)
                else "leave it out, or give an array that is not empty",
            )
        return value

    def of_chain(self, name: str, blocks: Blocks) -> Array:
        """Value for one chain, whose blocks have no axis of chains."""
        own = {key: jnp.asarray(blocks[key]) for key in self.ndims if key in blocks}
        return jnp.asarray(self.named[name].function(self.view(own)))

    def init(self, blocks: Blocks) -> dict[str, Sums]:
        """Empty sums; their shift is the value at these blocks.

        Raises:
            SimulationError: If a function fails on the blocks.
        """
        found = {}
        for name in self.named:
            value = self._value_shape(name, blocks)
            # Counts and truth values are averaged as numbers.
            floating = jnp.issubdtype(value.dtype, jnp.floating)
            dtype = value.dtype if floating else jnp.result_type(float)
            shift = self._values(name, blocks).astype(dtype)
            zero = jnp.zeros_like(shift)
            found[name] = Sums(shift, zero, zero, zero, (zero, zero, zero))
        return found

    def update(self, sums: Mapping[str, Sums], blocks: Blocks, weight: Any) -> dict[str, Sums]:
        """The sums with one more state."""
        return {name: _added(own, self._values(name, blocks), weight) for name, own in sums.items()}

    def begin(self, blocks: Blocks) -> Watched:
        """What is carried before the first draw; the shift of all sums is the value at the blocks.

        Raises:
            SimulationError: If a function fails on the blocks.
        """
        sums = self.init(blocks)
        return Watched(sums, self._empty(sums))

    def described(self, blocks: Blocks) -> dict[str, str]:
        """Kind, number type and shape of each observable: what a store tells them by.

        Raises:
            SimulationError: If a function fails on the blocks.
        """
        found = {}
        for name, wanted in self.named.items():
            value = self._value_shape(name, blocks)
            shape = value.shape if self.chains is None else value.shape[:-1]
            kind = "ratio" if wanted.is_ratio else "mean"
            found[name] = f"{kind} of {value.dtype}{list(shape)}"
        return found

    def _empty(self, sums: Mapping[str, Sums]) -> dict[str, Totals]:
        return {
            name: no_batches(self._by_chain(own.shift).shape[1:], self.named[name].is_ratio)
            for name, own in sums.items()
        }

    def merge(
        self, total: Mapping[str, Totals] | None, sums: Mapping[str, Any]
    ) -> dict[str, Totals]:
        """The results with those of one more batch of every chain (host)."""
        total = self._empty(sums) if total is None else total
        found = {}
        for name, own in sums.items():
            weight, first, second = (
                np.asarray(high, np.float64) - np.asarray(low, np.float64)
                for high, low in zip((own.weight, own.first, own.second), own.low, strict=True)
            )
            gap = quotient(first, weight)
            batch = of_batch(
                self._by_chain(weight),
                self._by_chain(np.asarray(own.shift, np.float64) + gap),
                self._by_chain(second - weight * gap**2),
                self.named[name].is_ratio,
            )
            found[name] = joined(total[name], batch)
        return found

    def _by_chain(self, values: Any) -> np.ndarray:
        """Chains first, without those that only fill up the devices."""
        part = np.asarray(values)
        return part[None] if self.chains is None else np.moveaxis(part, -1, 0)[: self.chains]

    def result(self, total: Mapping[str, Totals]) -> dict[str, Moments]:
        """Means and errors by name, of the observables that have seen a draw."""
        return {name: total_moments(own) for name, own in total.items() if own.batches}


def emptied(sums: Mapping[str, Sums]) -> dict[str, Sums]:
    """Sums of no draw, with the same shift."""
    found = {}
    for name, own in sums.items():
        zero = jnp.zeros_like(own.shift)
        found[name] = Sums(own.shift, zero, zero, zero, (zero, zero, zero))
    return found


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


def kinetic_temperature(momentum: str = "p", inverse_mass: Any = 1.0) -> Observable:
    r"""$k_BT = \langle p^T M^{-1}p\rangle/n$, streaming.

    Args:
        momentum: Name of the variable.
        inverse_mass: Number, or array multiplied entry by entry.

    Checked by: tests/simulation/loop/test_observables.py.
    """
    return Observable(lambda blocks: jnp.mean(blocks[momentum] ** 2 * inverse_mass))


def configurational_temperature(
    potential: Callable[[Any], Any], position: str = "theta"
) -> Observable:
    r"""$k_BT = \langle|\nabla U|^2\rangle/\langle\Delta U\rangle$, streaming.

    Each draw costs a Hessian.

    Args:
        potential: U, a JAX function of the position.
        position: Name of the variable.

    Source: Rugh (1997), doi:10.1103/PhysRevLett.78.772.
    Checked by: tests/simulation/loop/test_observables.py.
    """

    def squares_and_laplacian(blocks: Blocks) -> Array:
        flat, unravel = ravel_pytree(blocks[position])

        def at(x: Array) -> Any:
            return potential(unravel(x))

        gradient = jax.grad(at)(flat)
        return jnp.stack([jnp.sum(gradient**2), jnp.trace(jax.hessian(at)(flat))])

    return Observable(squares_and_laplacian, is_ratio=True)
