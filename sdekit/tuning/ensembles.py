"""Chains of one target in compiled blocks whose step, length and metric are arguments.

The steps are those of `sdekit.simulation`: nothing here knows a formula of a scheme. A target
costs two compiled programs of Metropolis chains, whatever is tuned, and one of each further kind.

Notation: d coordinates, C chains; blocks of states are (d, C), as everywhere in `simulation`.
Checked by: tests/tuning/test_ensembles.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.core import eval_context

from sdekit.simulation.noise.streams import ACCEPT, NORMALS, NoiseSource, chain_keys
from sdekit.simulation.steps.metropolis import hamiltonian_monte_carlo
from sdekit.simulation.steps.sampler import sampler
from sdekit.simulation.steps.scheme import Cache, Scheme, StepInput, first_cache, prepared_draws
from sdekit.tuning.metric_dynamics import FACTOR, FRICTION, MOMENTUM, POSITION, metric_dynamics
from sdekit.tuning.sampled_target import SampledTarget

DOUBLE = np.dtype(np.float64)
#: Draws of one call of a compiled program.
BLOCK = 25
#: Trajectories vary by this share of their length, so that no coordinate returns to its start.
JITTER = 0.3
#: The number under which chains draw what they share; no chain has it.
SHARED = np.uint32(2**32 - 1)
#: Coordinates up to which the metric is a full matrix.
MOST_DENSE = 256


class States(NamedTuple):
    """States of all chains: blocks by name, and what their scheme hands on."""

    blocks: dict[str, Array]
    cache: Cache


@dataclass(frozen=True)
class Draws:
    """Draws of a stretch of chains.

    Attributes:
        theta: Shape (chain, draw, d).
        energy: U, shape (chain, draw); (chain, 0) where the scheme does not compute it.
        accepted: Share of accepted trajectories; None where nothing is rejected.
    """

    theta: np.ndarray
    energy: np.ndarray
    accepted: float | None

    def then(self, more: Draws) -> Draws:
        """These draws and those that follow, with the acceptance of the latter."""
        theta = np.concatenate([self.theta, more.theta], 1)
        return Draws(theta, np.concatenate([self.energy, more.energy], 1), more.accepted)


class ChainEnsemble:
    """C chains of a target; keeps count of the gradients that they took.

    Attributes:
        gradients: Gradient evaluations so far, over all chains.
    """

    def __init__(self, target: SampledTarget, chains: int, seed: int) -> None:
        self.target, self.chains = target, chains
        self.key = jax.random.key(seed)
        self.noise = NoiseSource(dtype=DOUBLE)
        self.is_dense = target.size <= MOST_DENSE
        self.gradients = 0
        self.taken = 0

    def bound(self, *, is_thermal: bool, scheme: str) -> Any:
        """Problem and scheme of the declared dynamics with this target."""
        d = self.target.size
        dynamics = metric_dynamics(is_dense=self.is_dense, is_thermal=is_thermal)
        values: dict[str, Any] = {FACTOR: np.eye(d) if self.is_dense else np.ones(d)}
        if is_thermal:
            values[FRICTION] = 1.0
        made = sampler(dynamics, self.target.potential, values, scheme, precision="float64")
        return made.bind(np.zeros(d))

    @cached_property
    def _flow(self) -> Any:
        return self.bound(is_thermal=False, scheme="HMC")

    def first(self, scheme: Scheme, theta: Array, parameters: Any) -> States:
        """States at these points, (d, C), at rest."""
        blocks = {POSITION: theta, MOMENTUM: jnp.zeros_like(theta)}
        nothing = prepared_draws(scheme.carried, jnp.zeros((0, theta.shape[1]), jnp.uint32), 0)
        sources = {oracle.name: () for oracle in scheme.oracles}
        cache = first_cache(scheme, blocks, nothing, sources, None, parameters)
        if cache.acceptance is not None:
            none = jnp.zeros(theta.shape[1], jnp.int32)
            cache = cache._replace(acceptance=cache.acceptance._replace(accepted=none))
        return States(blocks, cache)

    @cached_property
    def _begin(self) -> Any:
        scheme = self._flow.scheme
        return jax.jit(lambda theta: self.first(scheme, theta, {}))

    def states(self, theta: Any) -> States:
        """Metropolis chains at these points, (C, d)."""
        self.gradients += self.chains
        return self._begin(jnp.asarray(theta, DOUBLE).T)

    @cached_property
    def _trajectories(self) -> Any:
        return jax.jit(self._some_trajectories)

    def _some_trajectories(
        self, states: States, factor: Array, h: Array, leaps: Array, key: Array, first: Array
    ) -> tuple[States, Any]:
        with eval_context():  # the laws of the momenta are read from numbers
            scheme = hamiltonian_monte_carlo(self._flow.problem, {"leapfrog_steps": leaps})
        numbers = jnp.arange(self.chains, dtype=jnp.uint32)
        keys = partial(chain_keys, key, numbers)
        normals = self.noise.normals(keys(NORMALS), first, BLOCK, scheme.elements)
        uniforms = _uniforms(self.noise.bits(keys(ACCEPT), first, BLOCK, 1))
        shared = _uniforms(self.noise.bits(chain_keys(key, SHARED, ACCEPT), first, BLOCK, 1))
        sizes = h * (1 + JITTER * (2 * shared[:, 0] - 1))
        parameters = {FACTOR: factor}

        def one(states: States, given: Any) -> tuple[States, Any]:
            z, u, size = given
            constants = scheme.prepare(parameters, size, DOUBLE)
            own = StepInput(z, (), u, size, constants, parameters)
            after = States(*scheme.step(states.blocks, states.cache, own))
            acceptance = after.cache.acceptance
            assert acceptance is not None
            return after, (after.blocks[POSITION], acceptance.energy)

        return lax.scan(one, states, (normals, uniforms, sizes))

    def trajectories(
        self, states: States, factor: np.ndarray, h: float, leaps: int, draws: int
    ) -> tuple[States, Draws]:
        """Metropolis-adjusted trajectories of `leaps` leapfrog steps of about h.

        Args:
            states: From `states` or from here.
            factor: L, (d, d) or (d,).
            h: Mean step.
            leaps: Leapfrog steps of each trajectory.
            draws: Rounded up to whole blocks.
        """
        theta, energy = [], []
        before = np.asarray(_accepted(states))
        count = -(-draws // BLOCK)
        for _ in range(count):
            states, (points, energies) = self._trajectories(
                states, jnp.asarray(factor), jnp.asarray(h, DOUBLE), jnp.asarray(leaps, jnp.int32),
                self.key, np.uint32(self.taken),
            )  # fmt: skip
            self.taken += BLOCK
            theta.append(np.asarray(points))
            energy.append(np.asarray(energies))
        self.gradients += count * BLOCK * leaps * self.chains
        gained = (np.asarray(_accepted(states)) - before).mean() / (count * BLOCK)
        return states, draws_of(theta, energy, float(gained))


def _accepted(states: States) -> Array:
    acceptance = states.cache.acceptance
    assert acceptance is not None
    return acceptance.accepted


def draws_of(
    theta: list[np.ndarray], energy: list[np.ndarray], accepted: float | None = None
) -> Draws:
    """Blocks (draw, d, C) and (draw, C) as draws, chains first."""
    points = np.ascontiguousarray(np.concatenate(theta).transpose(2, 0, 1))
    energies = np.concatenate(energy).T if energy else np.zeros((len(points), 0))
    return Draws(points, energies, accepted)


def _uniforms(bits: Array) -> Array:
    return ((bits >> np.uint32(8)).astype(DOUBLE) + 0.5) * 2.0**-24
