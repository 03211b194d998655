r"""Stages with exact linear flows: Ornstein-Uhlenbeck, joint linear blocks, rotations.

Not for the numerics (`linear_flows`) nor for flows of other kinds (`stages`).

Checked by: tests/simulation/steps/test_stages.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from sdekit.declaration.tree import operators as op
from sdekit.declaration.tree.expression import Diag, Expression, Eye, Ones
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.schemes.split.flow_records import LinearBlock, LinearMap, OrnsteinUhlenbeck, Rotation
from sdekit.simulation.bind.jax_reader import Environment, evaluate, is_batched, per_chain, shape_of
from sdekit.simulation.steps.covariance import (
    apply_matrix,
    dense_matrix,
    diagonal_term,
    is_constant,
    noise_terms,
    symmetrized,
)
from sdekit.simulation.steps.linear_flows import linear_flow, ornstein_uhlenbeck
from sdekit.simulation.steps.stage import (
    Moved,
    Stage,
    Updates,
    added,
    at_block,
    increments,
    noise_elements,
    noise_expressions,
    prepared_noise,
)

Sizes = Mapping[str, int]
Maps = Mapping[tuple[Variable, Variable], LinearMap]


def diagonal_of(linear: LinearMap, x: Variable) -> Expression:
    """A map without a matrix piece as one expression, scalar or of the shape of x."""
    if linear.elementwise is None:
        return op.ZERO if linear.scalar is None else linear.scalar
    if linear.scalar is None:
        return linear.elementwise
    scalar = linear.scalar * Ones(x.shape) if x.shape else linear.scalar
    return scalar + linear.elementwise


def matrix_of(linear: LinearMap, x: Variable) -> Expression:
    """A map of a block into one of the same shape as an expression of shape x.shape + x.shape."""
    found = []
    if linear.scalar is not None:
        found.append(linear.scalar * Eye(x.shape) if x.shape else linear.scalar)
    if linear.elementwise is not None:
        found.append(_entrywise_matrix(linear.elementwise, x))
    if linear.matrix is not None:
        found.append(linear.matrix)
    total = found[0]
    for piece in found[1:]:
        total = total + piece
    return total


def _entrywise_matrix(entries: Expression, x: Variable) -> Expression:
    if not x.shape:
        return entries
    if x.ndim > 1:
        raise SimulationError(
            f"the linear flow of {x.name} mixes a matrix with an entry-wise factor",
            fix="run this dynamics by Euler-Maruyama: scheme='EM'",
        )
    return Diag(entries)


def ornstein_uhlenbeck_stage(flow: OrnsteinUhlenbeck, sizes: Sizes) -> Stage:
    r"""$X \leftarrow e^{-\xi h}X + \ldots$ entry by entry, or the dense flow where it must be."""
    x, friction, diffusion = flow.variable, flow.friction, flow.diffusion
    if not (friction.is_scalar or (friction.is_diagonal and diffusion.is_diagonal)):
        matrix = {(x, x): -matrix_of(friction, x)}
        noise = {} if diffusion.is_zero else {(x, x): matrix_of(diffusion, x)}
        return dense_stage((x,), matrix, noise, _force(flow), sizes)
    rate = diagonal_of(friction, x)
    terms = ()
    if diffusion.matrix is not None:
        terms = noise_terms({(x, x): matrix_of(diffusion, x)}, sizes)
    elif not diffusion.is_zero:
        terms = (diagonal_term(x, diagonal_of(diffusion, x), sizes),)

    def coefficients(environment: Environment, h: ArrayLike) -> tuple[Array, ...]:
        value = jnp.asarray(evaluate(rate, environment), environment.dtype)
        decay, gain, spread = ornstein_uhlenbeck(value, h)
        # The increments for time 1 have the covariance 2 D; the flow wants D * spread.
        return decay, value * gain, gain, jnp.sqrt(spread * 0.5)

    def prepare(environment: Environment, h: ArrayLike) -> Any:
        # Friction and noise may be constant each without the other.
        parts = coefficients(environment, h) if is_constant(rate) else None
        return parts, prepared_noise(terms, environment)

    def apply(
        environment: Environment, z: Array, h: ArrayLike, constants: Any, changes: bool = False
    ) -> Moved:
        parts, noise = (None, None) if constants is None else constants
        block = environment.values[x.name]
        values = coefficients(environment, h) if parts is None else parts
        decay, loss, gain, root = (at_block(value, rate, x, block) for value in values)
        pushed: Any = 0.0
        for _, force in _force(flow):
            pushed = gain * at_block(evaluate(force, environment), force, x, block)
        for increment in increments(terms, environment, z, noise).values():
            # Drift and noise before the state: a constant drift rounded alone is rounded the same
            # way at every step.
            pushed = pushed + root * increment
        if changes:
            return {x.name: pushed - loss * block}
        return {x.name: (block if rate == op.ZERO else decay * block) + pushed}

    read = (rate, *(force for _, force in _force(flow)), *noise_expressions(terms))
    constant = is_constant(rate) or any(term.prepare for term in terms)
    return Stage((x,), noise_elements(terms), read, prepare if constant else None, apply)


def _force(flow: OrnsteinUhlenbeck) -> Updates:
    return () if flow.force is None else ((flow.variable, flow.force),)


def linear_block_stage(flow: LinearBlock, sizes: Sizes) -> Stage:
    """Several blocks that are linear in each other, solved jointly."""
    maps, noise = dict(flow.matrix), dict(flow.diffusion)
    scalar = all(linear.is_scalar for linear in (*maps.values(), *noise.values()))
    if scalar and not flow.force and len({x.shape for x in flow.variables}) == 1:
        return _scalar_block_stage(flow.variables, maps, noise, sizes)
    matrix = {pair: _rectangular(linear, pair) for pair, linear in maps.items()}
    diffusion = {pair: _rectangular(linear, pair) for pair, linear in noise.items()}
    return dense_stage(flow.variables, matrix, diffusion, flow.force, sizes)


def _rectangular(linear: LinearMap, pair: tuple[Variable, Variable]) -> Expression:
    x, y = pair
    if linear.is_zero:
        return op.ZERO
    if x.shape == y.shape:
        return matrix_of(linear, x)
    assert linear.matrix is not None and linear.is_scalar is False
    return linear.matrix


def _scalar_block_stage(
    variables: tuple[Variable, ...], maps: Maps, noise: Maps, sizes: Sizes
) -> Stage:
    """Multiples of the identity only: one small matrix serves every entry of the blocks."""
    shape = shape_of(variables[0], sizes)
    count = math.prod(shape)
    # The same small problem with every block replaced by a scalar.
    small = {x: Variable(x.name, ()) for x in variables}

    def scalars(pairs: Maps) -> dict[tuple[Variable, Variable], Expression]:
        given = {pair: linear.scalar for pair, linear in pairs.items()}
        return {(small[x], small[y]): c for (x, y), c in given.items() if c is not None}

    matrix, diffusion = scalars(maps), scalars(noise)
    scalar_variables = tuple(small.values())

    def coefficients(environment: Environment, h: ArrayLike) -> Any:
        return _flow(matrix, diffusion, (), scalar_variables, environment, h)

    def apply(
        environment: Environment, z: Array, h: ArrayLike, constants: Any, changes: bool = False
    ) -> Moved:
        prepared = coefficients(environment, h) if constants is None else constants
        change, _, root = prepared
        blocks = [environment.values[x.name] for x in variables]
        normals = z.reshape(len(variables), *shape, *z.shape[1:])
        found = {}
        for i, x in enumerate(variables):
            moved = sum(change[i, j] * block for j, block in enumerate(blocks))
            moved = moved + sum(root[i, j] * normal for j, normal in enumerate(normals))
            found[x.name] = symmetrized(jnp.asarray(moved), x)
        return found if changes else added(environment, found)

    read = (*matrix.values(), *diffusion.values())
    prepare = coefficients if all(is_constant(e) for e in read) else None
    return Stage(variables, count * len(variables), read, prepare, apply)


def _flow(
    matrix: Mapping[tuple[Variable, Variable], Expression],
    diffusion: Mapping[tuple[Variable, Variable], Expression],
    force: Updates,
    variables: tuple[Variable, ...],
    environment: Environment,
    h: ArrayLike,
) -> tuple[Array, ...]:
    """F, g and S of `linear_flow`, each with chains where a coefficient has."""
    drift, with_chains = dense_matrix(matrix, variables, environment)
    spread, noisy_chains = dense_matrix(diffusion, variables, environment)
    constant, force_chains = _stacked(force, variables, environment) if force else (None, False)
    return per_chain(
        lambda m, d, f: linear_flow(m, d, f, h),
        (drift, spread, constant),
        (with_chains, noisy_chains, force_chains),
    )


def _stacked(
    updates: Updates, variables: tuple[Variable, ...], environment: Environment
) -> tuple[Array, bool]:
    """The rates of all variables as one vector (N[, chains])."""
    rates = dict(updates)
    values = {x: jnp.asarray(evaluate(rate, environment)) for x, rate in rates.items()}
    tail = tuple(v.shape[-1] for x, v in values.items() if is_batched(v, rates[x]))[:1]
    pieces = []
    for x in variables:
        shape = shape_of(x, environment.sizes)
        value = values.get(x, jnp.zeros(()))
        if tail and value.ndim and not is_batched(value, rates[x]):
            value = value[..., None]
        full = jnp.broadcast_to(value, shape + tail)
        pieces.append(full.reshape(math.prod(shape), *tail))
    return jnp.concatenate(pieces).astype(environment.dtype), bool(tail)


def dense_stage(
    variables: tuple[Variable, ...],
    matrix: Mapping[tuple[Variable, Variable], Expression],
    diffusion: Mapping[tuple[Variable, Variable], Expression],
    force: Updates,
    sizes: Sizes,
) -> Stage:
    """The exact flow of a linear SDE through one dense matrix of all its entries."""
    shapes = [shape_of(x, sizes) for x in variables]
    counts = [math.prod(shape) for shape in shapes]
    read = (*matrix.values(), *diffusion.values(), *(rate for _, rate in force))

    def coefficients(environment: Environment, h: ArrayLike) -> Any:
        return _flow(matrix, diffusion, force, variables, environment, h)

    def apply(
        environment: Environment, z: Array, h: ArrayLike, constants: Any, changes: bool = False
    ) -> Moved:
        prepared = coefficients(environment, h) if constants is None else constants
        change, shift, root = prepared
        blocks = [environment.values[x.name] for x in variables]
        tail = blocks[0].shape[variables[0].ndim :]
        stacked = jnp.concatenate(
            [b.reshape(n, *tail) for b, n in zip(blocks, counts, strict=True)]
        )
        drift = shift[:, None] if tail and shift.ndim == 1 else shift
        moved = apply_matrix(change, stacked) + drift
        if diffusion:
            moved = moved + apply_matrix(root, z)
        found, offset = {}, 0
        for x, shape, n in zip(variables, shapes, counts, strict=True):
            found[x.name] = symmetrized(moved[offset : offset + n].reshape(shape + tail), x)
            offset += n
        return found if changes else added(environment, found)

    prepare = coefficients if all(is_constant(e) for e in read) else None
    return Stage(variables, sum(counts) if diffusion else 0, read, prepare, apply)


def rotation_stage(flow: Rotation, sizes: Sizes) -> Stage:
    """x <- exp(h J) x for an antisymmetric J that does not read x."""
    x = flow.variable

    def coefficients(environment: Environment, h: ArrayLike) -> Array:
        matrix = evaluate(flow.matrix, environment)
        chains = is_batched(matrix, flow.matrix)
        return per_chain(lambda m: linear_flow(m, None, None, h)[0], (matrix,), (chains,))

    def apply(
        environment: Environment, z: Array, h: ArrayLike, constants: Any, changes: bool = False
    ) -> Moved:
        change = coefficients(environment, h) if constants is None else constants
        moved = {x.name: apply_matrix(change, environment.values[x.name])}
        return moved if changes else added(environment, moved)

    prepare = coefficients if is_constant(flow.matrix) else None
    return Stage((x,), 0, (flow.matrix,), prepare, apply)
