r"""Algorithm 2 of Ding et al. (2014): the thermostat in the variables of SGD with momentum.

With u = p h, eta = h^2, alpha = xi h, a = A h:

$$u^+ = u - \alpha u - \eta\nabla\tilde U(\theta) + \sqrt{2a\eta}\,\zeta,\quad
  \theta^+ = \theta + u^+,\quad \alpha^+ = \alpha + (u^{+\top}u^+/n - \eta)$$

Algorithm 1 and SGHMC, which are Euler-Maruyama in a certain order, stand in `words`.

Properties: Ito; weak order 1; one gradient per step; the same numbers as Algorithm 1 up to
rounding. Not for new work: a palindromic word has order 2 at the same cost.

Source: Ding et al. 2014, NeurIPS 27, Algorithm 2.
Checked by: tests/simulation/steps/test_published.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from sdekit.declaration.tree.expression import Expression, Product
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.schemes.split.flow_records import OrnsteinUhlenbeck, Shift
from sdekit.schemes.split.splitting import splitting
from sdekit.schemes.split.word import ALGORITHM_2
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate
from sdekit.simulation.steps.scheme import Blocks, Cache, Scheme, StepInput


def algorithm_2(problem: Problem) -> Scheme:
    """The scheme in (theta, u, alpha); samples come back as (theta, p, xi).

    Raises:
        SimulationError: If the dynamics is no thermostat theta' = p, p' = f(theta) - xi p + noise,
            xi' = g(p) with scalar xi and constant isotropic noise.
    """
    kick, friction, thermostat = _recognised(problem)
    theta, p, xi = _variables(kick, friction, thermostat, problem)
    force = dict(kick.updates)[p]
    rate = dict(thermostat.updates)[xi]
    noise = friction.diffusion.scalar if friction.diffusion.scalar is not None else ZERO
    (oracle,) = problem.oracles([force]) or (None,)
    oracles = () if oracle is None else (oracle,)

    def step(blocks: Blocks, cache: Cache, given: StepInput) -> tuple[dict[str, Array], Cache]:
        h = given.h
        sources, known = dict(cache.sources), {}
        if oracle is not None:
            tables = (given.tables or {}).get(oracle.name)
            gradient, sources[oracle.name] = oracle.evaluate(
                blocks, given.draws[0], sources[oracle.name], tables
            )
            known = oracle.known(gradient)
        u, alpha, eta = blocks[p.name], blocks[xi.name], h * h  # type: ignore[operator]
        values = {**given.parameters, theta.name: blocks[theta.name]}
        environment = problem.environment(values, known=known)
        a = jnp.asarray(evaluate(noise, environment)) * h
        z = given.normals.reshape(u.shape)
        u = u - alpha * u + eta * evaluate(force, environment) + jnp.sqrt(2.0 * a * eta) * z
        moved = problem.environment({**given.parameters, p.name: u / h})
        return {
            theta.name: blocks[theta.name] + u,
            p.name: u,
            xi.name: alpha + eta * evaluate(rate, moved),
        }, Cache({}, sources)

    def rescaled(blocks: Blocks, factor: ArrayLike) -> dict[str, Array]:
        return {**blocks, p.name: blocks[p.name] * factor, xi.name: blocks[xi.name] * factor}

    def prepare(parameters: Mapping[str, Any], h: ArrayLike, dtype: np.dtype) -> Any:
        return ()

    count = 1
    for dim in p.shape:
        count *= problem.sizes.get(dim.name, dim.size or 1)
    return Scheme(
        name=ALGORITHM_2,
        elements=count,
        oracles=oracles,
        evaluations=oracles,
        carried=(),
        prepare=prepare,
        step=step,
        start=rescaled,
        finish=lambda blocks, h: rescaled(blocks, 1.0 / h),  # type: ignore[operator]
    )


def _recognised(problem: Problem) -> tuple[Shift, OrnsteinUhlenbeck, Shift]:
    """Kick, friction and thermostat of the dynamics."""
    flows = {part.letter: part.flow for part in splitting(problem.dynamics).parts}
    kick, friction, thermostat = (flows.get(letter) for letter in "BOD")
    fits = (
        set(flows) == set("ABOD")
        and isinstance(kick, Shift)
        and isinstance(friction, OrnsteinUhlenbeck)
        and isinstance(thermostat, Shift)
        and friction.diffusion.is_scalar
        and friction.friction.scalar is not None
        and isinstance(bare(friction.friction.scalar), Variable)
        and friction.friction.is_scalar
        and len(kick.updates) == len(thermostat.updates) == 1
    )
    if not fits:
        raise SimulationError(
            "Algorithm 2 is for the scalar thermostat",
            expected="theta' = p, p' = -grad U - xi p + noise, xi' = (p.p - n)/mu",
            found=f"parts {' '.join(sorted(flows))}",
            fix='use scheme="Algorithm1", or a splitting word',
        )
    return kick, friction, thermostat  # type: ignore[return-value]


def bare(expression: Expression) -> Expression:
    """The expression without factors 1."""
    if isinstance(expression, Product):
        left = [factor for factor in expression.factors if factor != ONE]
        if len(left) == 1:
            return bare(left[0])
    return expression


def _variables(
    kick: Shift, friction: OrnsteinUhlenbeck, thermostat: Shift, problem: Problem
) -> tuple[Variable, Variable, Variable]:
    p, xi = friction.variable, thermostat.updates[0][0]
    positions = [x for x in problem.dynamics.variables if x not in (p, xi)]
    if len(positions) != 1 or problem.dynamics.drift[positions[0]] != p or xi.shape:
        raise SimulationError(
            "Algorithm 2 is for the scalar thermostat",
            expected="variables theta, p, xi with theta' = p",
            found=", ".join(x.name for x in problem.dynamics.variables),
            fix='use scheme="Algorithm1", or a splitting word',
        )
    return positions[0], p, xi
