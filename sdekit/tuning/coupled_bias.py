r"""Unadjusted Langevin chains, alone or coupled: draws, and the bias of their stationary law.

Two chains run on the same noise, one with the step h, one with h/2. Where half the step has at most
half the bias b (a quarter of it for BAOAB, whose invariant-measure order is 2),

$$|b_h| \le 2\,|\langle f\rangle_h - \langle f\rangle_{h/2}|,$$

and near a mode the two stay close, so that the difference of their means is known far better than
the mean itself. Not for Metropolis chains, which have no such bias (`ensembles`).

Checked by: tests/tuning/test_coupled_bias.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from sdekit.diagnostics.draw_statistics import correlated_mean
from sdekit.simulation.noise.streams import NORMALS, chain_keys
from sdekit.simulation.steps.scheme import StepInput, prepared_draws
from sdekit.tuning.ensembles import BLOCK, DOUBLE, ChainEnsemble, Draws, States, draws_of
from sdekit.tuning.metric_dynamics import FACTOR, FRICTION, POSITION

#: Standard errors that an upper estimate adds: over a hundred coordinates it fails once in 7.
SURE = 3.0
#: |b_h| over |b_h - b_{h/2}|, at most, where half the step has at most half the bias.
SHARE = 2.0


class LangevinSetting(NamedTuple):
    """What the chains run with: L, friction, step, steps of a draw."""

    factor: Array
    friction: Array
    h: Array
    every: Array


@dataclass(eq=False)
class LangevinChains:
    """C chains, or C pairs of coupled chains, of an ensemble's target.

    Attributes:
        ensemble: Whose target, seed and count of gradients they share.
        is_coupled: Whether each has a companion of half the step.
        scheme: A word whose noise moves the momenta alone.
    """

    ensemble: ChainEnsemble
    is_coupled: bool
    scheme: str = "BAOAB"
    taken: int = 0

    @cached_property
    def _scheme(self) -> Any:
        return self.ensemble.bound(is_thermal=True, scheme=self.scheme).scheme

    def _states(self, theta: Array, setting: LangevinSetting) -> tuple[States, ...]:
        given = {FACTOR: setting.factor, FRICTION: setting.friction}
        state = self.ensemble.first(self._scheme, theta, given)
        return (state, state) if self.is_coupled else (state,)

    @cached_property
    def _begin(self) -> Any:
        return jax.jit(self._states)

    @cached_property
    def _move(self) -> Any:
        return jax.jit(self._moved)

    def _moved(
        self, pair: tuple[States, ...], setting: LangevinSetting, key: Array, first: Array
    ) -> tuple[tuple[States, ...], Any]:
        scheme, noise, chains = self._scheme, self.ensemble.noise, self.ensemble.chains
        parameters = {FACTOR: setting.factor, FRICTION: setting.friction}
        keys = chain_keys(key, jnp.arange(chains, dtype=jnp.uint32), NORMALS)
        nothing = prepared_draws(scheme.evaluations, jnp.zeros((0, chains), jnp.uint32), 0)
        sizes = (setting.h, setting.h / 2)
        constants = [scheme.prepare(parameters, size, DOUBLE) for size in sizes]
        decay = jnp.exp(-setting.friction * setting.h / 2)

        def step(states: States, z: Array, which: int) -> States:
            own = StepInput(z, nothing, None, sizes[which], constants[which], parameters)
            return States(*scheme.step(states.blocks, states.cache, own))

        def both(k: Array, pair: tuple[States, ...]) -> tuple[States, ...]:
            number = first + k.astype(jnp.uint32)
            z = noise.normals(keys, 2 * number, 2, scheme.elements)
            # Friction forgets part of the first half: this is the noise of the whole step.
            whole = (decay * z[0] + z[1]) / jnp.sqrt(1 + decay**2)
            coarse = step(pair[0], whole, 0)
            if not self.is_coupled:
                return (coarse,)
            fine = lax.fori_loop(0, 2, lambda i, states: step(states, z[i], 1), pair[1])
            return coarse, fine

        def draw(pair: Any, number: Array) -> tuple[Any, Any]:
            begin = number * setting.every
            pair = lax.fori_loop(begin, begin + setting.every, both, pair)
            return pair, tuple(states.blocks[POSITION] for states in pair)

        return lax.scan(draw, pair, jnp.arange(BLOCK, dtype=jnp.int32))

    def begin(self, theta: Any, setting: LangevinSetting) -> tuple[States, ...]:
        """Chains at these points, (C, d), at rest; a pair begins at one point."""
        self.ensemble.gradients += self.ensemble.chains
        return self._begin(jnp.asarray(theta, DOUBLE).T, setting)

    def run(
        self, states: tuple[States, ...], setting: LangevinSetting, draws: int
    ) -> tuple[tuple[States, ...], list[Draws]]:
        """Draws of the chains, and of their companions."""
        found: list[Any] = []
        every = int(setting.every)
        for _ in range(-(-draws // BLOCK)):
            first = np.uint32(self.taken * every)
            states, points = self._move(states, setting, self.ensemble.key, first)
            self.taken += BLOCK
            found.append([np.asarray(each) for each in points])
        cost = 3 if self.is_coupled else 1
        self.ensemble.gradients += cost * every * BLOCK * len(found) * self.ensemble.chains
        return states, [draws_of([each[k] for each in found], []) for k in range(len(states))]


def setting_of(factor: np.ndarray, h: float, friction: float) -> LangevinSetting:
    """A setting whose draws lie about one unit of whitened time apart."""
    every = max(1, round(1 / h))
    numbers = (jnp.asarray(factor), jnp.asarray(friction, DOUBLE), jnp.asarray(h, DOUBLE))
    return LangevinSetting(*numbers, jnp.asarray(every, jnp.int32))


def bias_bounds(
    values: tuple[np.ndarray, np.ndarray],
    controls: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    r"""Upper estimates of the bias of every mean and standard deviation, in standard deviations.

    $$2\,\frac{|\overline{\delta}| + 3\,\mathrm{se}(\overline\delta)}{\sigma}$$

    with delta the difference of the coupled values, or of their squares about the mean over
    $2\sigma$ for the standard deviation. Infinite where a value is not finite.

    Args:
        values: At the step h and, on the same noise, at h/2; each of shape (chain, draw, k).
        controls: Gaussian values of chains on that noise too, whose means and variances are known
            not to depend on the step: what they explain of the differences is noise.

    Returns:
        Shape (2, k): of the means, of the standard deviations.

    Checked by: tests/tuning/test_coupled_bias.py.
    """
    coarse, fine = values
    bounds = np.full((2, coarse.shape[2]), np.inf)
    for k in range(coarse.shape[2]):
        x, y = coarse[..., k], fine[..., k]
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            continue
        if y.std() == 0:
            bounds[:, k] = 0.0 if np.array_equal(x, y) else np.inf
            continue
        found = _differences(x, y, y.mean(), y.std())
        if controls is not None:
            known = _differences(controls[0][..., k], controls[1][..., k], 0.0, 1.0)
            found = [_unexplained(a, b) for a, b in zip(found, known, strict=True)]
        for row, difference in enumerate(found):
            mean = correlated_mean(difference)
            bounds[row, k] = SHARE * (abs(mean.value) + SURE * mean.standard_error)
    return bounds


def _differences(x: np.ndarray, y: np.ndarray, centre: float, spread: float) -> list[np.ndarray]:
    u, w = (x - centre) / spread, (y - centre) / spread
    return [u - w, (u**2 - w**2) / 2]


def _unexplained(found: np.ndarray, known: np.ndarray) -> np.ndarray:
    """What is left of differences when those of known mean 0 are regressed out."""
    variance = known.var()
    if not np.isfinite(known).all() or variance == 0:
        return found
    slope = ((found - found.mean()) * (known - known.mean())).mean() / variance
    return found - slope * known
