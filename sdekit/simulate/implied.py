r"""The drift and diffusion that a step function implies, by small-step regression.

For one state z and step sizes h, 2h, 4h with the same random keys, increments D(h) give
$$v = \tfrac83 m(h) - 2\,m(2h) + \tfrac13 m(4h) + O(h^3),\qquad m(h) = E\,D(h)/h,$$
and the same combination of $\mathrm{Cov}\,D(h)/(2h)$ gives the diffusion. Standard errors are those
of the combined samples; the bias that is left is bounded by how much the extrapolation changes from
one order to the next. Not for judging the numbers (`audit`).

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
_RATIOS = np.array([1.0, 2.0, 4.0])
#: Increments drawn at once; more would only cost memory.
_BATCH = 20_000

Blocks = Mapping[str, Any]
#: (key, flat state, h) -> flat state after one step.
FlatStep = Callable[[Any, Any, Any], Any]


@dataclass(frozen=True, eq=False)
class Implied:
    """Estimates at S states of dimension d.

    Attributes:
        drift: Shape (S, d); with `drift_error` its standard error and `drift_bias` a bound of the
            extrapolation's bias.
        diffusion: Shape (S, d, d), with error and bias alike.
        raw: Cov D(h)/(2h) before extrapolation at h, 2h, 4h, shape (3, S, d, d).
        draws: Increments drawn for each state and step size.
    """

    drift: np.ndarray
    drift_error: np.ndarray
    drift_bias: np.ndarray
    diffusion: np.ndarray
    diffusion_error: np.ndarray
    diffusion_bias: np.ndarray
    raw: np.ndarray
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
        return self.step_size * _RATIOS

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
            return _power_sums(rates, jnp.asarray(self.steps, dtype=z.dtype))

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
        count = self.count
        first, second, products, product_squares, combined = (m / count for m in self._moments)
        mean, drift_bias = extrapolated(np.moveaxis(first, 1, 0), _RATIOS)
        spread = np.maximum(second - mean**2, 0.0)
        centred = products - first[..., :, None] * first[..., None, :]
        raw = np.moveaxis(centred * (self.steps / 2)[None, :, None, None], 1, 0)
        diffusion, diffusion_bias = extrapolated(raw, _RATIOS)
        product_spread = np.maximum(product_squares - combined**2, 0.0)
        return Implied(
            mean,
            np.sqrt(spread / count),
            drift_bias,
            diffusion,
            np.sqrt(product_spread / count),
            diffusion_bias,
            raw,
            count,
        )


def extrapolation_weights(sizes: np.ndarray) -> np.ndarray:
    r"""The weights $w_i=\prod_{j\ne i} h_j/(h_j-h_i)$ of values at h_i in the value at h = 0."""
    others = [np.delete(sizes, i) for i in range(len(sizes))]
    return np.array([np.prod(hs / (hs - h)) for h, hs in zip(sizes, others, strict=True)])


def extrapolated(values: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The value at h = 0 and a bound of its bias, from values at three sizes along the first axis.

    Args:
        values: Shape (3, ...).
        sizes: Step sizes, the smallest first, shape (3,).
    """
    third = np.tensordot(extrapolation_weights(sizes), values, axes=1)
    second = np.tensordot(extrapolation_weights(sizes[:2]), values[:2], axes=1)
    # The last change alone can be small by accident; each one is a fraction of the one before.
    return third, np.maximum(np.abs(third - second), np.abs(second - values[0]) / 2)


def _power_sums(rates: Any, steps: Any) -> tuple[Any, ...]:
    """Sums over draws of what the estimates and their standard errors need.

    Args:
        rates: D(h)/h, shape (3, R, d).
        steps: Shape (3,).
    """
    weights = jnp.asarray(extrapolation_weights(_RATIOS), dtype=rates.dtype)
    combined = jnp.einsum("k,krd->rd", weights, rates)
    products = rates[..., :, None] * rates[..., None, :]
    centred = rates - rates.mean(axis=1, keepdims=True)
    scaled = jnp.einsum(
        "k,krij->rij", weights * steps / 2, centred[..., :, None] * centred[..., None, :]
    )
    return (
        rates.sum(axis=1),
        (combined**2).sum(axis=0),
        products.sum(axis=1),
        (scaled**2).sum(axis=0),
        scaled.sum(axis=0),
    )
