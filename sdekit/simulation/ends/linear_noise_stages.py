r"""Stages of noise that is linear in the state: geometric Brownian motions, commuting matrices.

Not for which letter a dynamics gets (`sdekit.schemes.ends.linear_noise`).

Notation: C and G as in `GeometricBrownian` and `CommutingNoise`; h the share of the step.
Checked by: tests/simulation/ends/test_linear_noise_stages.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from sdekit.declaration.tree.expression import Expression, Ones
from sdekit.declaration.tree.symbols import Variable
from sdekit.schemes.solvers.noise_type import diagonal_entries
from sdekit.schemes.split.flow_records import CommutingNoise, GeometricBrownian, Rows
from sdekit.simulation.bind.jax_reader import Environment, evaluate, is_batched, per_chain, shape_of
from sdekit.simulation.steps.covariance import (
    apply_matrix,
    dense_matrix,
    is_constant,
    noise_terms,
)
from sdekit.simulation.steps.linear_flows import covariance_root, linear_flow
from sdekit.simulation.steps.stage import (
    Moved,
    Stage,
    added,
    at_block,
    increments,
    noise_elements,
    noise_expressions,
    prepared_noise,
)

Sizes = Mapping[str, int]


def geometric_stage(flow: GeometricBrownian, sizes: Sizes) -> Stage:
    """Every entry times the exponential of a normal number, correlated as C says."""
    blocks = dict(flow.noise)
    terms = () if flow.is_common else noise_terms(blocks, sizes)
    # The diagonal of C where it is seen; anything of that shape where it is not.
    seen = {x: diagonal_entries(blocks[x, x], x) for x in flow.variables}
    own = {x: Ones(x.shape) if entries is None else entries for x, entries in seen.items()}
    read = tuple(rate for found in flow.rates for rate in found.pieces)

    def losses(environment: Environment) -> dict[str, Any]:
        return {x.name: _own_noise(x, blocks[x, x], environment) for x in flow.variables}

    def prepare(environment: Environment, h: ArrayLike) -> Any:
        return losses(environment), prepared_noise(terms, environment)

    def apply(
        environment: Environment, z: Array, h: ArrayLike, constants: Any, changes: bool = False
    ) -> Moved:
        lost, roots = (losses(environment), None) if constants is None else constants
        if flow.is_common:
            noise = {x.name: jnp.sqrt(2.0 * lost[x.name]) * z[0] for x in flow.variables}
        else:
            noise = increments(terms, environment, z, roots)
        found = {}
        for x, rate in zip(flow.variables, flow.rates, strict=True):
            block = environment.values[x.name]
            grown = -at_block(lost[x.name], own[x], x, block)
            for piece in rate.pieces:
                grown = grown + at_block(evaluate(piece, environment), piece, x, block)
            grown = grown * h + jnp.sqrt(jnp.asarray(h)) * noise[x.name]
            found[x.name] = block * (jnp.expm1(grown) if changes else jnp.exp(grown))
        return found

    noisy = tuple(blocks.values())
    constant = all(map(is_constant, noisy))
    elements = 1 if flow.is_common else noise_elements(terms)
    reads = (*read, *noisy) if flow.is_common else (*read, *noise_expressions(terms))
    return Stage(flow.variables, elements, reads, prepare if constant else None, apply)


def _own_noise(x: Variable, block: Expression, environment: Environment) -> Array:
    """The diagonal of C, a scalar or of the shape of x."""
    entries = diagonal_entries(block, x)
    if entries is not None:
        return jnp.asarray(evaluate(entries, environment), environment.dtype)
    matrix, with_chains = dense_matrix({(x, x): block}, (x,), environment)
    own = per_chain(jnp.diagonal, (matrix,), (with_chains,))
    return own.reshape(shape_of(x, environment.sizes) + own.shape[1:])


def commuting_stage(flow: CommutingNoise, sizes: Sizes) -> Stage:
    """The exponential of one random matrix, which is that of the flow as all matrices commute."""
    xs, count = flow.variables, len(flow.generators)
    tables = (flow.drift, *flow.generators, flow.gram)
    read = tuple(entry for rows in tables for row in rows for entry in row)

    def coefficients(environment: Environment) -> tuple[Any, ...]:
        drift, *generators = [_matrix(rows, environment) for rows in tables[:-1]]
        gram, with_chains = _matrix(flow.gram, environment)
        root = per_chain(lambda g: covariance_root(2.0 * g), (gram,), (with_chains,))
        return drift[0], [found for found, _ in generators], root

    def prepare(environment: Environment, h: ArrayLike) -> Any:
        return coefficients(environment)

    def apply(
        environment: Environment, z: Array, h: ArrayLike, constants: Any, changes: bool = False
    ) -> Moved:
        drift, generators, root = coefficients(environment) if constants is None else constants
        noise = jnp.sqrt(jnp.asarray(h)) * apply_matrix(root, z)
        tail = noise.ndim - 1
        total = _with_chains(drift, tail) * h
        for k in range(count):
            total = total + _with_chains(generators[k], tail) * noise[k]
        change = per_chain(lambda m: linear_flow(m, None, None, 1.0)[0], (total,), (bool(tail),))
        stacked = jnp.stack([environment.values[x.name] for x in xs])
        moved = apply_matrix(change, stacked)
        found = {x.name: moved[k] for k, x in enumerate(xs)}
        return found if changes else added(environment, found)

    constant = all(map(is_constant, read))
    return Stage(xs, count, read, prepare if constant else None, apply)


def _with_chains(matrix: Array, tail: int) -> Array:
    return matrix[..., None] if matrix.ndim == 2 and tail else matrix


def _matrix(rows: Rows, environment: Environment) -> tuple[Array, bool]:
    """The matrix of scalars, and whether it has the axis of chains."""
    entries = [entry for row in rows for entry in row]
    values = [jnp.asarray(evaluate(e, environment), environment.dtype) for e in entries]
    tails = [v.shape for v, e in zip(values, entries, strict=True) if is_batched(v, e)]
    tail = tails[0] if tails else ()
    stacked = jnp.stack([jnp.broadcast_to(v, tail) for v in values])
    return stacked.reshape(len(rows), len(rows[0]), *tail), bool(tail)
