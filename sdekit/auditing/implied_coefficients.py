r"""The drift and diffusion that a step function implies, by small-step regression.

For one state z and step sizes h, 2h, 4h with the same random keys, increments D(h) give
$$v = \tfrac83 m(h) - 2\,m(2h) + \tfrac13 m(4h) + O(h^3),\qquad m(h) = E\,D(h)/h,$$
and the same combination of $\mathrm{Cov}\,D(h)/(2h)$ gives the diffusion. Standard errors are those
of the combined samples; the bias that is left is bounded by how much the extrapolation changes from
one order to the next, and the rounding of increments by the precision of the state. Moments are
taken about each batch's own mean: raw products of a large drift would leave nothing of small noise
in single precision. Of a step that carries something on from one call to the next, the increment is
that of the second step and the covariance what it adds to that of the first: a state that the step
has made itself, so that what it was given at the start does not count. Not for judging the numbers
(`audit`).

Source: Richardson (1911) for the extrapolation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.errors import SimulationError

#: The step sizes in units of the smallest.
RATIOS = np.array([1.0, 2.0, 4.0])
#: Increments drawn at once; more would only cost memory.
_BATCH = 20_000

Blocks = Mapping[str, Any]
#: Values that are a power of h times a constant grow by 2 from h, 2h to 2h, 4h for h^1, by less
#: than this if no power of h leads: then the extrapolation is worth no more than the values.
_LEAST_GROWTH = 1.25
#: Differences below so many standard errors say nothing about powers of h.
_TOLD_APART = 4.0
#: Roundings of the state in one step, each of half a unit in the last place; a splitting step adds
#: to the same block a few times.
_ROUNDINGS = 4

#: (key, flat state, h) -> flat state after one step, or after one and two, shape (2, d).
FlatStep = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True, eq=False)
class Implied:
    """Estimates at S states of dimension d.

    Attributes:
        drift: Shape (S, d); with `drift_error` its standard error and `drift_bias` a bound of the
            extrapolation's bias.
        diffusion: Shape (S, d, d), with error and bias alike.
        means: m(h) before extrapolation at h, 2h, 4h, shape (3, S, d).
        raw: Cov D(h)/(2h) before extrapolation, shape (3, S, d, d).
        rounding: What the rounding of increments may add to the drift, shape (S, d); a part of
            `drift_bias`.
        draws: Increments drawn for each state and step size.
    """

    drift: np.ndarray
    drift_error: np.ndarray
    drift_bias: np.ndarray
    diffusion: np.ndarray
    diffusion_error: np.ndarray
    diffusion_bias: np.ndarray
    means: np.ndarray
    raw: np.ndarray
    rounding: np.ndarray
    draws: int


@dataclass
class Sums:
    """Running sums over increments, so that more draws can be added.

    Attributes:
        step_size: The smallest of the three step sizes.
        states: Shape (S, d).
    """

    step: FlatStep
    states: np.ndarray
    step_size: float
    seed: int
    count: int = 0

    def __post_init__(self) -> None:
        self._moments: list[np.ndarray] | None = None
        self._batch = jax.jit(self._increments)
        self._next = 0

    @property
    def steps(self) -> np.ndarray:
        """h, 2h and 4h."""
        return self.step_size * RATIOS

    def _increments(self, key: Any, states: Any) -> Any:
        """Sums over one batch, with random numbers of its own for each state: estimates at
        different states are independent, as a least squares fit over states takes them to be.
        """

        def at_state(given: tuple[Any, Any]) -> Any:
            own, z = given
            keys = jax.random.split(own, _BATCH)

            def at_step(h: Any) -> Any:
                return (jax.vmap(lambda k: self.step(k, z, h))(keys) - z) / h

            rates = jax.vmap(at_step)(jnp.asarray(self.steps, dtype=z.dtype))
            earlier, rates = (None, rates) if rates.ndim == 3 else (rates[:, :, 0], rates[:, :, 1])
            return _power_sums(rates, earlier, jnp.asarray(self.steps, dtype=z.dtype))

        return jax.lax.map(at_state, (jax.random.split(key, len(states)), states))

    def add(self, draws: int) -> None:
        """Draw at least this many more increments for each state.

        Raises:
            SimulationError: If the step returns something that is not finite.
        """
        for _ in range(-(-draws // _BATCH)):
            key = jax.random.fold_in(jax.random.key(self.seed), self._next)
            # States are an argument: with a compilation cache the program serves any others.
            sums = self._batch(key, jnp.asarray(self.states))
            parts = [np.asarray(part, dtype=float) for part in sums]
            if not all(np.isfinite(part).all() for part in parts):
                raise SimulationError(
                    "the step returns values that are not finite",
                    fix="choose a smaller step_size, or states where the step is defined",
                )
            old = self._moments
            self._moments = (
                parts if old is None else [a + b for a, b in zip(old, parts, strict=True)]
            )
            self._next += 1
            self.count += _BATCH

    def estimate(self) -> Implied:
        """The estimates from all draws so far."""
        assert self._moments is not None
        # Moments about batch means: their degrees of freedom are those of all batches together.
        count, free = self.count, self._next * (_BATCH - 1)
        first, *centred = self._moments
        combined, products, scaled_squares, scaled = (m / free for m in centred)
        means = np.moveaxis(first / self._next, 1, 0)
        raw = np.moveaxis(products * (self.steps / 2)[None, :, None, None], 1, 0)
        drift_error = np.sqrt(combined / count)
        diffusion_error = np.sqrt(np.maximum(scaled_squares - scaled**2, 0.0) / count)
        drift, drift_bias = extrapolated(means, RATIOS, drift_error)
        diffusion, diffusion_bias = extrapolated(raw, RATIOS, diffusion_error)
        rounding, squares = self._rounding(means, raw)
        return Implied(
            drift,
            drift_error,
            drift_bias + rounding,
            diffusion,
            diffusion_error,
            diffusion_bias + squares,
            means,
            raw,
            rounding,
            count,
        )

    def _rounding(self, means: np.ndarray, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What rounding the state may add to drift and diffusion, shapes (S, d) and (S, d, d)."""
        unit = np.finfo(self.states.dtype).eps / 2
        size = np.abs(self.states) + self.steps[:, None, None] * np.abs(means)
        each = _ROUNDINGS * unit * size / self.steps[:, None, None]
        spread = np.sqrt(np.maximum(np.diagonal(raw, axis1=2, axis2=3), 0.0) * 2)
        spread /= np.sqrt(self.steps)[:, None, None]
        # Rounding is independent of an increment that is spread over many units, and at most
        # proportional to one that is not.
        shared = each**2 / np.maximum(np.maximum(spread, each), np.finfo(float).tiny)
        mixed = spread[..., :, None] * shared[..., None, :]
        pairs = mixed + np.swapaxes(mixed, 2, 3) + each[..., :, None] * each[..., None, :]
        weights = np.abs(extrapolation_weights(RATIOS))
        return (
            np.tensordot(weights, each, axes=1),
            np.tensordot(weights * self.steps / 2, pairs, axes=1),
        )


def extrapolation_weights(sizes: np.ndarray) -> np.ndarray:
    r"""The weights $w_i=\prod_{j\ne i} h_j/(h_j-h_i)$ of values at h_i in the value at h = 0."""
    others = [np.delete(sizes, i) for i in range(len(sizes))]
    return np.array([np.prod(hs / (hs - h)) for h, hs in zip(sizes, others, strict=True)])


def extrapolated(
    values: np.ndarray, sizes: np.ndarray, error: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The value at h = 0 and a bound of its bias, from values at three sizes along the first axis.

    Args:
        values: Shape (3, ...).
        sizes: Step sizes, the smallest first, shape (3,).
        error: Standard error of the value at h = 0, shape (...). Where it is given, differences
            beyond it that do not grow with h like a power of it bound the bias by themselves.
    """
    third = np.tensordot(extrapolation_weights(sizes), values, axes=1)
    second = np.tensordot(extrapolation_weights(sizes[:2]), values[:2], axes=1)
    # The last change alone can be small by accident; each one is a fraction of the one before.
    bound = np.maximum(np.abs(third - second), np.abs(second - values[0]) / 2)
    if error is None:
        return third, bound
    near, far = np.abs(np.diff(values, axis=0))
    is_no_power = (far < _LEAST_GROWTH * near) & (near > _TOLD_APART * error)
    return third, np.where(is_no_power, np.maximum(bound, near + far), bound)


def _power_sums(rates: Any, earlier: Any, steps: Any) -> tuple[Any, ...]:
    """Means over draws, and sums of centred products for the covariance and the standard errors.

    Args:
        rates: Displacement over h, shape (3, R, d).
        earlier: The same one step before, which is subtracted; None for a single step.
        steps: Shape (3,).
    """
    weights = jnp.asarray(extrapolation_weights(RATIOS), dtype=rates.dtype)
    mean, moved = _centred(rates if earlier is None else rates - earlier)
    combined = jnp.einsum("k,krd->rd", weights, moved)
    later = moved if earlier is None else _centred(rates)[1]
    products = later[..., :, None] * later[..., None, :]
    total = jnp.einsum("kri,krj->kij", later, later, precision="highest")
    if earlier is not None:
        before = _centred(earlier)[1]
        products -= before[..., :, None] * before[..., None, :]
        total -= jnp.einsum("kri,krj->kij", before, before, precision="highest")
    scaled = jnp.einsum("k,krij->rij", weights * steps / 2, products)
    return (mean, (combined**2).sum(axis=0), total, (scaled**2).sum(axis=0), scaled.sum(axis=0))


def _centred(rates: Any) -> tuple[Any, Any]:
    """Mean over draws, and the differences from it.

    A sum of many large numbers is rounded by more than their spread; a sum of differences is not.
    """
    first = rates[:, 0]
    differences = rates - first[:, None]
    shift = differences.mean(axis=1)
    return first + shift, differences - shift[:, None]
