r"""Noise increments of a diffusion D or of a declared factor sigma.

A term of the noise turns standard normals z into increments S z with S S^T = 2 D (or S = sigma) for
time 1: entry by entry where D is diagonal as written, through a root of the dense matrix of all
variables that share noise otherwise. A constant matrix is factorized once.

Not for noise inside exact flows (`linear_flows`), nor for whether D is positive semidefinite for
all states (`sdekit.verifier`): where it is not, the increment is NaN and the run stops.

Checked by: tests/simulation/steps/test_covariance.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax.numpy as jnp
from jax import Array

from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import matmul
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.schemes.solvers.noise_type import diagonal_entries
from sdekit.schemes.split.pieces import sharing_noise
from sdekit.simulation.bind.jax_reader import Environment, evaluate, is_batched, per_chain, shape_of
from sdekit.simulation.steps.linear_flows import covariance_root

Blocks = Mapping[tuple[Variable, Variable], Expression]
Rows = Mapping[Variable, Expression | tuple[Expression, ...]]


@dataclass(frozen=True)
class NoiseTerm:
    """Increments of some variables from normals of their own.

    Attributes:
        variables: What the term moves.
        elements: Normals that one increment takes, for each chain.
        expressions: What the coefficients read.
        prepare: Constant coefficients, computed once; None if there are none worth it.
        increments: (environment, normals (elements[, chains]), prepared) -> increments by name, for
            time 1; multiply them by sqrt(h).
    """

    variables: tuple[Variable, ...]
    elements: int
    expressions: tuple[Expression, ...]
    prepare: Callable[[Environment], Any] | None
    increments: Callable[[Environment, Array, Any], dict[str, Array]]


def is_constant(expression: Expression) -> bool:
    """Whether the expression reads neither the state nor the time."""
    return not any(isinstance(node, Variable | ex.Time | ex.Call) for node in expression.walk())


def noise_terms(blocks: Blocks, sizes: Mapping[str, int]) -> tuple[NoiseTerm, ...]:
    """Terms for the blocks of D, both triangles given; variables that share noise stay together."""
    terms = []
    for variables in sharing_noise(blocks):
        entries = None
        if len(variables) == 1:
            entries = diagonal_entries(blocks[variables[0], variables[0]], variables[0])
        if entries is not None:
            terms.append(diagonal_term(variables[0], entries, sizes))
        else:
            inside = {pair: block for pair, block in blocks.items() if pair[0] in variables}
            terms.append(_dense_term(variables, inside, sizes))
    return tuple(terms)


def symmetrized(increment: Array, x: Variable) -> Array:
    """Noise of a (anti)symmetric matrix: the projection of independent entries."""
    if x.symmetry is None:
        return increment
    sign = 1.0 if x.symmetry == "symmetric" else -1.0
    return (increment + sign * jnp.swapaxes(increment, 0, 1)) * 0.5


def spread_over(value: Any, coefficient: Expression, x: Variable, z: Array) -> Array:
    """coefficient * z for a scalar coefficient or one of the shape of x."""
    if coefficient.ndim and z.ndim > x.ndim and not is_batched(value, coefficient):
        value = value[..., None]
    return value * z


def diagonal_term(x: Variable, entries: Expression, sizes: Mapping[str, int]) -> NoiseTerm:
    """The term of a diffusion whose diagonal is a scalar or of the shape of x."""
    shape = shape_of(x, sizes)

    def increments(environment: Environment, z: Array, prepared: Any) -> dict[str, Array]:
        amplitude = jnp.sqrt(jnp.asarray(2.0 * evaluate(entries, environment), environment.dtype))
        normals = symmetrized(z.reshape(shape + z.shape[1:]), x)
        return {x.name: spread_over(amplitude, entries, x, normals)}

    return NoiseTerm((x,), math.prod(shape), (entries,), None, increments)


def dense_matrix(
    blocks: Mapping[tuple[Variable, Variable], Expression],
    variables: tuple[Variable, ...],
    environment: Environment,
) -> tuple[Array, bool]:
    """All blocks as one matrix (N, N[, chains]), and whether it has the axis of chains."""
    values = {pair: jnp.asarray(evaluate(e, environment)) for pair, e in blocks.items()}
    chains = [v.shape[-1] for pair, v in values.items() if is_batched(v, blocks[pair])]
    tail = tuple(chains[:1])
    rows = []
    for x in variables:
        n = math.prod(shape_of(x, environment.sizes))
        row = []
        for y in variables:
            m = math.prod(shape_of(y, environment.sizes))
            value = values.get((x, y))
            if value is None:
                row.append(jnp.zeros((n, m, *tail), environment.dtype))
                continue
            if tail and not is_batched(value, blocks[x, y]):
                value = value[..., None]
            last = value.shape[blocks[x, y].ndim :]
            row.append(jnp.broadcast_to(value.reshape(n, m, *last), (n, m, *tail)))
        rows.append(jnp.concatenate(row, axis=1))
    return jnp.concatenate(rows, axis=0).astype(environment.dtype), bool(tail)


def _dense_term(
    variables: tuple[Variable, ...], blocks: Blocks, sizes: Mapping[str, int]
) -> NoiseTerm:
    shapes = [shape_of(x, sizes) for x in variables]
    counts = [math.prod(shape) for shape in shapes]

    def root(environment: Environment) -> Array:
        matrix, batched = dense_matrix(blocks, variables, environment)
        return per_chain(lambda d: covariance_root(2.0 * d), (matrix,), (batched,))

    def increments(environment: Environment, z: Array, prepared: Any) -> dict[str, Array]:
        s = root(environment) if prepared is None else prepared
        moved = apply_matrix(s, z)
        found, offset = {}, 0
        for x, shape, count in zip(variables, shapes, counts, strict=True):
            found[x.name] = moved[offset : offset + count].reshape(shape + z.shape[1:])
            offset += count
        return found

    constant = all(is_constant(block) for block in blocks.values())
    expressions = tuple(blocks.values())
    return NoiseTerm(variables, sum(counts), expressions, root if constant else None, increments)


def apply_matrix(matrix: Array, vector: Array) -> Array:
    """Matrix (N, M[, chains]) times vector (M[, chains])."""
    if matrix.ndim == 2:
        return jnp.tensordot(matrix, vector, 1, precision="highest")
    return jnp.sum(matrix * vector[None], axis=1)


def factor_terms(rows: Rows, sizes: Mapping[str, int]) -> tuple[NoiseTerm, ...]:
    """Terms for a declared factor sigma, dz = v dt + sigma dW."""
    shared = {x: row for x, row in rows.items() if isinstance(row, tuple)}
    terms = [_own_term(x, row, sizes) for x, row in rows.items() if not isinstance(row, tuple)]
    if shared:
        terms.append(_shared_term(shared))
    return tuple(terms)


def _own_term(x: Variable, factor: Expression, sizes: Mapping[str, int]) -> NoiseTerm:
    shape = shape_of(x, sizes)
    if factor.ndim <= x.ndim:
        elements = math.prod(shape)

        def entrywise(environment: Environment, z: Array, prepared: Any) -> dict[str, Array]:
            value = jnp.asarray(evaluate(factor, environment), environment.dtype)
            normals = symmetrized(z.reshape(shape + z.shape[1:]), x)
            return {x.name: spread_over(value, factor, x, normals)}

        return NoiseTerm((x,), elements, (factor,), None, entrywise)

    elements = shape_of(factor, sizes)[-1]
    read = {node.name for node in factor.walk() if isinstance(node, Variable | Parameter)}
    motion = Variable("motion" + "_" * max(map(len, read), default=0), factor.shape[-1:])
    product = matmul(factor, motion)

    def by_matrix(environment: Environment, z: Array, prepared: Any) -> dict[str, Array]:
        values = {**environment.values, motion.name: z}
        given = replace(environment, values=values, known={})
        return {x.name: jnp.asarray(evaluate(product, given))}

    return NoiseTerm((x,), elements, (factor,), None, by_matrix)


def _shared_term(rows: Mapping[Variable, tuple[Expression, ...]]) -> NoiseTerm:
    motions = len(next(iter(rows.values())))
    expressions = tuple(entry for row in rows.values() for entry in row)

    def increments(environment: Environment, z: Array, prepared: Any) -> dict[str, Array]:
        found = {}
        for x, row in rows.items():
            moved = jnp.zeros_like(z[0])
            for entry, motion in zip(row, z, strict=True):
                value = evaluate(entry, environment)
                # Most rows hold one non-zero entry; a product with zero costs as much as any.
                if not (isinstance(value, float) and value == 0.0):
                    moved = moved + value * motion
            found[x.name] = moved
        return found

    return NoiseTerm(tuple(rows), motions, expressions, None, increments)
