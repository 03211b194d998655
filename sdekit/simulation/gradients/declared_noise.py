"""Declared gradient noise and the rest of D as matrices of numbers, at states of a run.

Not for what a minibatch really brings (`gradient_noise`).

Checked by: tests/simulation/gradients/test_declared_noise.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sdekit.declaration.model.assumptions import holds
from sdekit.declaration.model.noise_factor import full_block
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate, shape_of
from sdekit.simulation.bind.user_functions import SLACK

Noise = Mapping[tuple[Variable, Variable], Expression]
#: Chains that are looked at.
MOST_CHAINS = 8
#: Largest number of coordinates whose full matrix is looked at; beyond it the diagonal is.
MOST_COORDINATES = 512


def chain_of(
    blocks: Mapping[str, np.ndarray], chain: int, is_single: bool
) -> dict[str, np.ndarray]:
    """The blocks of one chain, of arrays with chains on the last axis unless there is one only."""
    return {name: np.asarray(b if is_single else b[..., chain]) for name, b in blocks.items()}


def noise_matrix(problem: Problem, noise: Noise, own: Mapping[str, np.ndarray]) -> np.ndarray:
    """A part of D at one state, shape (d, d) over the coordinates of its variables in order.

    Beyond `MOST_COORDINATES` its diagonal, shape (d,).

    Args:
        problem: Sizes, parameters and functions.
        noise: Blocks as declared.
        own: The state of one chain.
    """
    variables = [x for x in problem.dynamics.variables if any(x in pair for pair in noise)]
    lengths = [int(np.prod(shape_of(x, problem.sizes), dtype=int)) for x in variables]
    ends = np.cumsum([0, *lengths])
    environment = problem.environment({**problem.parameters, **own})
    if ends[-1] > MOST_COORDINATES:
        found = [
            np.zeros(m)
            if (value := _value(noise, x, x, environment)) is None
            else _diagonal(value, m)
            for x, m in zip(variables, lengths, strict=True)
        ]
        return np.concatenate(found)
    matrix = np.zeros((ends[-1], ends[-1]))
    for i, x in enumerate(variables):
        for j, y in enumerate(variables):
            value = _value(noise, x, y, environment)
            if value is not None:
                place = np.ix_(range(ends[i], ends[i + 1]), range(ends[j], ends[j + 1]))
                matrix[place] = _square(value, lengths[i], lengths[j])
    return matrix


def _value(noise: Noise, x: Variable, y: Variable, environment: object) -> np.ndarray | None:
    block = noise.get((x, x)) if x == y else full_block(noise, x, y)
    return None if block is None else np.asarray(evaluate(block, environment), np.float64)  # type: ignore[arg-type]


def _square(value: np.ndarray, rows: int, columns: int) -> np.ndarray:
    return value * np.eye(rows) if value.ndim == 0 else value.reshape(rows, columns)


def _diagonal(value: np.ndarray, size: int) -> np.ndarray:
    return np.full(size, value) if value.ndim == 0 else np.diagonal(value.reshape(size, size))


def check_noise_parts(problem: Problem, blocks: Mapping[str, Any], is_single: bool) -> None:
    """Refuse injected noise or gradient noise that is no covariance where the chains start.

    Args:
        problem: The bound dynamics; without declared gradient noise nothing is looked at.
        blocks: The state of the chains.
        is_single: Whether they have no axis of chains.

    Raises:
        SimulationError: If one of the two is not positive semidefinite.
    """
    if not problem.gradient_noise:
        return
    chains = 1 if is_single else next(iter(blocks.values())).shape[-1]
    parts = {"injected diffusion": problem.dynamics.diffusion}
    parts["declared gradient noise"] = problem.gradient_noise
    for chain in range(min(chains, MOST_CHAINS)):
        own = chain_of(blocks, chain, is_single)
        for name, noise in parts.items():
            matrix = noise_matrix(problem, noise, own)
            kind = "positive_semidefinite" if matrix.ndim == 2 else "nonnegative"
            if not (np.all(np.isfinite(matrix)) and holds(kind, matrix, slack=SLACK)):
                raise SimulationError(
                    f"the {name} is not positive semidefinite at the start",
                    expected="injected noise and gradient noise that are covariances, each alone",
                    found=" ".join(str(matrix.round(6)).split())[:80],
                    fix="a smaller step or a larger batch makes gradient noise smaller; injected "
                    "noise cannot be negative",
                )
