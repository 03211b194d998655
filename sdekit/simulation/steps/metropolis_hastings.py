r"""Metropolis steps with one Gaussian proposal: MALA, and the random walk of the noise alone.

$$y \sim \mathcal N\big(x + h\,u(x),\ 2 h\,D(x)\big),\quad
  \text{accept with } \min\Big(1, e^{H(x)-H(y)}\,\frac{q(x\mid y)}{q(y\mid x)}\Big)$$

with u = v, the drift, in MALA and u = 0 in the random walk.

Properties: exp(-H) is exactly invariant for every step size, whatever v and D > 0 are; one gradient
(MALA) or none for each step. Points outside the domain are never accepted. Not for stochastic
gradients, nor for dynamics with momenta, which HMC is for.

Source: Metropolis et al. 1953; Hastings 1970; Roberts and Tweedie 1996, doi:10.2307/3318418
[recalled].
Checked by: tests/simulation/steps/test_metropolis_hastings.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.schemes.solvers.noise_type import diagonal_entries
from sdekit.schemes.split.scheme_names import noisy_everywhere
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate, size_of
from sdekit.simulation.gradients.sources import FunctionSource
from sdekit.simulation.steps.scheme import (
    Acceptance,
    Blocks,
    Cache,
    Scheme,
    StepInput,
    prepared_draws,
)

Values = dict[str, Array]


def gaussian_proposals(problem: Problem, name: str, with_drift: bool) -> Scheme:
    """The scheme.

    Args:
        problem: The bound dynamics.
        name: As results spell it.
        with_drift: Whether the proposal follows the drift.

    Raises:
        SchemeError: If a variable has no noise, or no H is declared.
        SimulationError: If D is not diagonal as written, or a gradient is noisy.
    """
    dynamics = problem.dynamics
    noisy_everywhere(dynamics)
    energy = dynamics.hamiltonian
    assert energy is not None
    scales = {x: _entries(problem, x) for x in dynamics.variables}
    drift = dynamics.drift if with_drift else {}
    oracles = problem.oracles(drift.values())
    if any(not isinstance(oracle.source, FunctionSource) for oracle in oracles):
        raise SimulationError(
            f"{name} cannot accept or reject with a stochastic gradient",
            fix="give the full potential as a function, or use EM (SGLD)",
        )
    nothing = prepared_draws(oracles, jnp.zeros((0,), jnp.uint32), 0)

    def height(blocks: Blocks, parameters: Mapping[str, Any]) -> Array:
        """H, infinite outside of the domain."""
        value = jnp.asarray(evaluate(energy, problem.environment({**parameters, **blocks})))
        inside = _is_inside(dynamics.variables, blocks)
        return jnp.where(inside, value, jnp.inf).astype(problem.dtype)

    def law(blocks: Blocks, known: Mapping[Any, Any], given: StepInput) -> tuple[Values, Values]:
        """Mean and standard deviation of the proposal from these blocks."""
        environment = problem.environment({**given.parameters, **blocks}, known=known)
        mean, deviation = {}, {}
        for x in dynamics.variables:
            own, block = blocks[x.name], jnp.asarray
            rate = block(evaluate(drift[x], environment)) if with_drift else jnp.zeros_like(own)
            mean[x.name] = own + given.h * _filled(rate, own)
            scale = _filled(block(evaluate(scales[x], environment)), own)
            deviation[x.name] = jnp.sqrt(2 * given.h * scale)
        return mean, deviation

    def step(blocks: Blocks, cache: Cache, given: StepInput) -> tuple[Values, Cache]:
        assert cache.acceptance is not None and given.uniforms is not None
        here = {n: v for o in oracles for n, v in o.known(cache.gradients[o.name]).items()}
        mean, deviation = law(blocks, here, given)
        noise = _split(dynamics.variables, problem, given.normals)
        new = {**blocks, **{n: mean[n] + deviation[n] * z for n, z in noise.items()}}
        gradients, sources = {}, dict(cache.sources)
        for oracle, draw in zip(oracles, nothing, strict=True):
            gradients[oracle.name], sources[oracle.name] = oracle.evaluate(
                new, draw, sources[oracle.name]
            )
        there = {n: v for o in oracles for n, v in o.known(gradients[o.name]).items()}
        back, width = law(new, there, given)
        ratio = jnp.zeros((), problem.dtype)
        for x in dynamics.variables:
            z, own = noise[x.name], (blocks[x.name] - back[x.name]) / width[x.name]
            log = (z**2 - own**2) / 2 + jnp.log(deviation[x.name]) - jnp.log(width[x.name])
            ratio = ratio + jnp.sum(log, axis=tuple(range(x.ndim)))
        before, after = cache.acceptance.energy, height(new, given.parameters)
        # Comparisons with NaN are false: what is nowhere defined is rejected.
        accept = jnp.log(given.uniforms[0]) < before - after + ratio

        def chosen(one: Any, other: Any) -> Any:
            return jax.tree.map(lambda a, b: jnp.where(accept, a, b), one, other)

        acceptance = Acceptance(
            jnp.where(accept, after, before), cache.acceptance.accepted + accept
        )
        kept = chosen(gradients, dict(cache.gradients)) if oracles else {}
        return chosen(new, dict(blocks)), Cache(kept, sources, cache.folds, acceptance)

    count = sum(_count(problem, x) for x in dynamics.variables)
    return Scheme(
        name=name,
        elements=count,
        oracles=oracles,
        evaluations=(),
        carried=oracles,
        prepare=lambda parameters, h, dtype: None,
        step=step,
        uniforms=1,
        potential_energy=height,
    )


def _entries(problem: Problem, x: Variable) -> Expression:
    others = [y for (z, y), _ in problem.dynamics.blocks() if z == x and y != x]
    block = problem.dynamics.diffusion_block(x, x)
    entries = None if block is None or others else diagonal_entries(block, x)
    if entries is None:
        raise SimulationError(
            f"the noise of {x.name} is not diagonal as written",
            expected="D a multiple of the identity or diag(w) for a Metropolis step",
            found=repr(block),
            fix="give the dynamics in coordinates in which D is diagonal",
        )
    return entries


def _count(problem: Problem, x: Variable) -> int:
    count = 1
    for dim in x.shape:
        count *= size_of(dim, problem.sizes)
    return count


def _split(variables: tuple[Variable, ...], problem: Problem, normals: Array) -> Values:
    found, offset = {}, 0
    for x in variables:
        shape = tuple(size_of(dim, problem.sizes) for dim in x.shape)
        count = _count(problem, x)
        found[x.name] = normals[offset : offset + count].reshape(*shape, *normals.shape[1:])
        offset += count
    return found


def _filled(value: Array, like: Array) -> Array:
    """A value of fewer axes in the shape of a block: numbers, or one for each chain."""
    if value.ndim == like.ndim or value.ndim == 0:
        return jnp.broadcast_to(value, like.shape)
    axes = (1,) * (like.ndim - value.ndim)
    # A vector of coordinates has its axes first, numbers of the chains theirs last.
    first = value.shape == like.shape[: value.ndim]
    shape = (*value.shape, *axes) if first and value.ndim > 1 else (*axes, *value.shape)
    return jnp.broadcast_to(value.reshape(shape), like.shape)


def _is_inside(variables: tuple[Variable, ...], blocks: Blocks) -> ArrayLike:
    inside: Any = True
    for x in variables:
        if x.domain.kind in ("real", "circle"):
            continue
        block = blocks[x.name]
        low = 0.0 if x.domain.kind == "positive" else float(x.domain.lower)  # type: ignore[arg-type]
        high = jnp.inf if x.domain.kind == "positive" else float(x.domain.upper)  # type: ignore[arg-type]
        inside &= jnp.all((block > low) & (block < high), axis=tuple(range(x.ndim)))
    return inside
