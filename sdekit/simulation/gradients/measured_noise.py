r"""How much noise the gradient of a minibatch really brings, as a part of D.

$$B = \tfrac h2 \Big(\sum_j s_j^2\Big) E\,V E^T$$

with E how the gradient enters the drift and s_j the shares of the gradients of a step; its
diagonal, from rows of the data at states of a run.

Not for what is declared (`declared_noise`) nor for V itself (`gradient_noise`).

Checked by: tests/simulation/gradients/test_measured_noise.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from sdekit.declaration.tree.symbols import Variable
from sdekit.schemes.bias.noise_bias import diffusion_of_gradient
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate
from sdekit.simulation.gradients.gradient_noise import batch_factor, row_gradients
from sdekit.simulation.gradients.minibatch import Minibatch
from sdekit.simulation.gradients.sources import gradient_nodes

#: Rows that are looked at, at most; fewer where the state has many coordinates, but not below 16.
MOST_ROWS = 1000
#: Numbers kept at once.
MOST_NUMBERS = 2_000_000


@dataclass(frozen=True)
class MeasuredNoise:
    """The diagonal of B on one variable.

    Attributes:
        variable: Which.
        mean: Over its coordinates.
        error: Standard error of the mean, from the choice of the rows; 0 where all were taken.
        least: The smallest entry.
        largest: The largest entry.
    """

    variable: Variable
    mean: float
    error: float
    least: float
    largest: float


def driven_variables(problem: Problem) -> tuple[Variable, ...]:
    """The variables whose drift reads the gradient of the potential."""
    return tuple(
        x
        for x, rate in problem.dynamics.drift.items()
        if any(call.function == problem.potential for call, _ in gradient_nodes([rate]))
    )


def measured_noise(
    problem: Problem,
    states: Sequence[Mapping[str, Any]],
    step_size: float,
    shares: Sequence[Any],
) -> tuple[MeasuredNoise, ...]:
    """B of a minibatch without SVRG, averaged over states.

    Args:
        problem: Its source is a `Minibatch`.
        states: Blocks of single chains.
        step_size: h.
        shares: For each gradient drawn in a step, how much of the step it acts.
    """
    target = problem.source
    assert isinstance(target, Minibatch)
    variables = driven_variables(problem)
    coordinates = sum(np.size(states[0][x.name]) for x in variables)
    count = min(target.size, max(16, min(MOST_ROWS, MOST_NUMBERS // max(coordinates, 1))))
    chosen = np.sort(np.random.default_rng(0).choice(target.size, count, replace=False))
    factor = batch_factor(target) * diffusion_of_gradient(1.0, step_size, shares)
    is_double = problem.dtype == np.float64
    with jax.enable_x64(True) if is_double else nullcontext():
        batch = jax.tree.map(lambda leaf: jnp.asarray(leaf[chosen]), target.data)
        noise = jax.jit(lambda blocks: _pushed(problem, variables, blocks, batch))
        found = [jax.tree.map(np.asarray, noise(_as_arrays(problem, s))) for s in states]
    if count < target.size:
        factor *= count / (count - 1)
    return tuple(_summary(x, [each[x.name] for each in found], factor, target) for x in variables)


def _as_arrays(problem: Problem, state: Mapping[str, Any]) -> dict[str, Any]:
    extra = () if problem.extra is None else problem.extra.names
    return {
        name: jnp.asarray(block, None if name in extra else problem.dtype)
        for name, block in state.items()
    }


def _pushed(
    problem: Problem, variables: Sequence[Variable], blocks: Mapping[str, Any], batch: Any
) -> dict[str, Any]:
    """E s_i for each row, (rows, *shape) by variable."""
    rates = [problem.dynamics.drift[x] for x in variables]
    oracle = next(o for o in problem.oracles(rates) if o.source is problem.source)
    position = oracle.position(blocks)
    gradients = row_gradients(oracle.source_at(blocks), position, batch)  # type: ignore[arg-type]
    unravel = ravel_pytree(position)[1]

    def drift(gradient: Mapping[str, Any]) -> dict[str, Any]:
        values = {**problem.parameters, **blocks}
        environment = problem.environment(values, known=oracle.known(gradient))
        return {
            x.name: jnp.asarray(evaluate(rate, environment), problem.dtype)
            for x, rate in zip(variables, rates, strict=True)
        }

    def noise(row: Any) -> dict[str, Any]:
        gradient = oracle.blocks(unravel(row.astype(ravel_pytree(position)[0].dtype)))
        origin = jax.tree.map(jnp.zeros_like, gradient)
        return jax.jvp(drift, (origin,), (gradient,))[1]

    return jax.vmap(noise)(gradients)


def _summary(
    x: Variable, pushed: Sequence[np.ndarray], factor: float, target: Minibatch
) -> MeasuredNoise:
    squares = []
    for values in pushed:
        flat = values.reshape(len(values), -1).astype(np.float64)
        squares.append(factor * (flat - flat.mean(axis=0)) ** 2)
    diagonal = np.mean([own.mean(axis=0) for own in squares], axis=0)
    rows = np.mean([own.mean(axis=1) for own in squares], axis=0)
    left = 1 - len(rows) / target.size
    error = float(rows.std() * np.sqrt(left / len(rows)))
    return MeasuredNoise(
        x, float(diagonal.mean()), error, float(diagonal.min()), float(diagonal.max())
    )
