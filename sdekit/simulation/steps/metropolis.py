r"""Hamiltonian Monte Carlo: leapfrog trajectories with Metropolis acceptance, the exact baseline.

$$p\sim\mathcal N(0, M),\quad (\theta', p') = \Phi_{BAB}^L(\theta, p),\quad
  \text{accept with } \min(1, e^{H(\theta,p)-H(\theta',p')})$$

Properties: exp(-H) is exactly invariant for every step size; a trajectory of L steps counts as one
step of the run and costs L gradients. Use it to check other samplers. Not for stochastic gradients,
which make the acceptance wrong.

Source: Duane et al. 1987, doi:10.1016/0370-2693(87)91197-X.
Checked by: tests/simulation/steps/test_metropolis.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.core import Tracer

from sdekit.declaration.tree.expression import Expression
from sdekit.errors import SimulationError
from sdekit.schemes.split.affine import expanded_terms
from sdekit.schemes.split.scheme_names import hamiltonian_flow
from sdekit.schemes.split.splitting import splitting
from sdekit.schemes.split.unroll import unroll
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate, shape_of
from sdekit.simulation.bind.start import StartLaw, start_blocks, start_laws
from sdekit.simulation.bind.step_size import check_count
from sdekit.simulation.gradients.pathwise import undifferentiable
from sdekit.simulation.gradients.sources import FunctionSource
from sdekit.simulation.steps.scheme import (
    Acceptance,
    Blocks,
    Cache,
    Scheme,
    StepInput,
    composed,
    prepared_draws,
)
from sdekit.simulation.steps.stages import staged

#: Leapfrog steps of a trajectory where the user gives none.
LEAPFROG_STEPS = 10


def hamiltonian_monte_carlo(problem: Problem, options: Mapping[str, Any]) -> Scheme:
    """The scheme; each of its steps is a whole trajectory.

    Raises:
        SchemeError: If the dynamics is no Hamiltonian flow.
        SimulationError: If momenta have no Gaussian law of their own, or gradients are noisy.
    """
    hamiltonian_flow(problem.dynamics)
    laws = _momentum_laws(problem)
    length = _length(options)
    leapfrog_moves = unroll(splitting(problem.dynamics), "BAB")
    leap = composed(problem, "BAB", staged(leapfrog_moves, problem.sizes))
    if any(not isinstance(oracle.source, FunctionSource) for oracle in leap.oracles):
        raise SimulationError(
            "HMC cannot accept or reject with a stochastic gradient",
            fix="give the full potential as a function, or use SGHMC or a thermostat",
        )
    resting, moving = _terms(problem, laws)
    nothing = prepared_draws(leap.evaluations, jnp.zeros((0,), jnp.uint32), 0)

    def energy(terms: tuple[Expression, ...], blocks: Blocks, parameters: Any) -> Array:
        environment = problem.environment({**parameters, **blocks})
        # One number for each chain, also where no term reads the state.
        like = blocks[laws[0].variable.name]
        total = jnp.zeros(like.shape[laws[0].variable.ndim :], problem.dtype)
        return sum((jnp.asarray(evaluate(term, environment)) for term in terms), total)

    def step(blocks: Blocks, cache: Cache, given: StepInput) -> tuple[dict[str, Array], Cache]:
        start = {**blocks, **_refreshed(problem, laws, blocks, given.normals)}
        inner = StepInput(
            given.normals[:0], nothing, None, given.h, given.constants, given.parameters
        )

        def leapfrog(_: Any, carried: Any) -> Any:
            blocks, kept = carried
            return leap.step(blocks, kept, inner)

        bare = cache._replace(acceptance=None)
        end, after = jax.lax.fori_loop(0, length, leapfrog, (start, bare))
        assert cache.acceptance is not None
        # The potential at the start is known from the step before.
        before = cache.acceptance.energy + energy(moving, start, given.parameters)
        potential = energy(resting, end, given.parameters)
        gained = potential + energy(moving, end, given.parameters) - before
        assert given.uniforms is not None
        # Comparisons with NaN are false: a trajectory that diverged is rejected.
        gained = undifferentiable(gained, "a trajectory is accepted or rejected")
        accept = jnp.log(given.uniforms[0]) < -gained
        chosen = {name: jnp.where(accept, end[name], block) for name, block in start.items()}
        gradients = jax.tree.map(
            lambda new, old: jnp.where(accept, new, old), after.gradients, cache.gradients
        )
        acceptance = Acceptance(
            jnp.where(accept, potential, cache.acceptance.energy),
            cache.acceptance.accepted + accept,
        )
        return chosen, Cache(gradients, after.sources, after.folds, acceptance)

    count = sum(math.prod(shape_of(law.variable, problem.sizes)) for law in laws)
    return Scheme(
        name=f"HMC({length})",
        elements=count,
        oracles=leap.oracles,
        evaluations=(),
        carried=leap.carried,
        prepare=leap.prepare,
        step=step,
        uniforms=1,
        reflects=leap.reflects,
        potential_energy=partial(energy, resting),
    )


def _length(options: Mapping[str, Any]) -> Any:
    length = options.get("leapfrog_steps", LEAPFROG_STEPS)
    if isinstance(length, Tracer):  # one program for trajectories of every length
        return length
    return check_count("the number of leapfrog steps", length, 1)


def _momentum_laws(problem: Problem) -> tuple[StartLaw, ...]:
    """Laws of the momenta, which must not depend on the position."""
    energy = problem.dynamics.hamiltonian
    laws = start_laws(problem)
    if energy is None or not laws or any(not law.is_drawn for law in laws):
        raise SimulationError(
            "HMC needs a Hamiltonian with momenta of Gaussian law",
            expected="H = U + p.p/2, or with a mass",
        )
    # (U + K)/T is U/T + K/T, whichever way it is written.
    for term in expanded_terms(energy):
        read = term.variables
        if read & {law.variable for law in laws} and read & set(problem.layout.variables):
            raise SimulationError("HMC needs a separable Hamiltonian", found=f"the term {term!r}")
    return laws


def _terms(
    problem: Problem, laws: tuple[StartLaw, ...]
) -> tuple[tuple[Expression, ...], tuple[Expression, ...]]:
    """The terms of H without momenta, and those with them."""
    energy = problem.dynamics.hamiltonian
    assert energy is not None
    terms = expanded_terms(energy)
    momenta = [law.variable for law in laws]
    moving = tuple(term for term in terms if any(term.depends_on(p) for p in momenta))
    return tuple(term for term in terms if term not in moving), moving


def _refreshed(
    problem: Problem, laws: tuple[StartLaw, ...], blocks: Blocks, normals: Array
) -> dict[str, Array]:
    """The blocks with new momenta."""
    target = {x.name: blocks[x.name] for x in problem.layout.variables}

    def of_one(own: Any, z: Array) -> dict[str, Array]:
        return start_blocks(problem, laws, own, {}, z)

    if normals.ndim == 1:
        return of_one(target, normals)
    return jax.vmap(of_one, in_axes=-1, out_axes=-1)(target, normals)
