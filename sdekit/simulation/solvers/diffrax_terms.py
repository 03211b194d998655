"""Drift and noise of a bound dynamics as functions of one vector, as general solvers want them.

Not for which solver takes them (`diffrax_problem.py`).

Notation: y is the blocks of all variables behind each other, shape (d,); m Brownian motions; args
the `Epoch` from which the time counts, or None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import lineax
from jax import Array

from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.schemes.solvers.noise_type import diagonal_of
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate, shape_of
from sdekit.simulation.steps.covariance import NoiseTerm, factor_terms, noise_terms


def join_blocks(problem: Problem, blocks: Mapping[str, Any]) -> Array:
    """Blocks by name as one vector in the order of the variables."""
    parts = [
        jnp.asarray(blocks[x.name], problem.dtype).reshape(-1) for x in problem.dynamics.variables
    ]
    return jnp.concatenate(parts)


def split_blocks(problem: Problem, y: Array) -> dict[str, Array]:
    """States of shape (..., d) as blocks by name, shape (..., *shape)."""
    found, first = {}, 0
    for x in problem.dynamics.variables:
        shape = shape_of(x, problem.sizes)
        count = math.prod(shape)
        found[x.name] = y[..., first : first + count].reshape(*y.shape[:-1], *shape)
        first += count
    return found


def vector_field(problem: Problem, drift: Mapping[Variable, Expression]) -> Any:
    """The drift as a function (t, y, args) -> (d,)."""

    def field(t: Any, y: Array, args: Any) -> Array:
        values = {**problem.parameters, **split_blocks(problem, y)}
        environment = problem.environment(values, time=t, epoch=args)
        parts = []
        for x in problem.dynamics.variables:
            value = jnp.asarray(evaluate(drift[x], environment), y.dtype)
            parts.append(jnp.broadcast_to(value, shape_of(x, problem.sizes)).reshape(-1))
        return jnp.concatenate(parts)

    return field


def vector_field_of_blocks(problem: Problem, drift: Mapping[Variable, Expression]) -> Any:
    """The drift as a function (t, blocks, args) -> blocks."""

    def field(t: Any, blocks: Mapping[str, Array], args: Any) -> dict[str, Array]:
        environment = problem.environment({**problem.parameters, **blocks}, time=t, epoch=args)
        return {
            x.name: jnp.broadcast_to(
                jnp.asarray(evaluate(drift[x], environment), problem.dtype),
                shape_of(x, problem.sizes),
            )
            for x in problem.dynamics.variables
        }

    return field


def noise_terms_of(problem: Problem) -> tuple[NoiseTerm, ...]:
    """The terms of the noise, from the declared factor or from D."""
    dynamics = problem.dynamics
    if dynamics.noise is not None:
        return factor_terms(dynamics.noise, problem.sizes)
    return noise_terms(dict(dynamics.blocks()), problem.sizes)


def _prepared(problem: Problem, terms: tuple[NoiseTerm, ...]) -> list[Any]:
    """What each term computes once from the parameters."""
    environment = problem.environment(problem.parameters)
    return [None if term.prepare is None else term.prepare(environment) for term in terms]


def noise_operator(problem: Problem, terms: tuple[NoiseTerm, ...]) -> tuple[int, Any]:
    """Number of Brownian motions, and the noise as (t, y, args) -> linear operator."""
    prepared = _prepared(problem, terms)
    size = sum(math.prod(shape_of(x, problem.sizes)) for x in problem.dynamics.variables)
    diagonal = is_diagonal(problem)
    motions = size if diagonal else sum(term.elements for term in terms)

    def columns(t: Any, y: Array, epoch: Any) -> Array:
        values = {**problem.parameters, **split_blocks(problem, y)}
        environment = problem.environment(values, time=t, epoch=epoch)
        parts = []
        for term, constants in zip(terms, prepared, strict=True):

            def moved(z: Array, term: NoiseTerm = term, constants: Any = constants) -> Array:
                increments = term.increments(environment, z, constants)
                blocks = {
                    x.name: jnp.zeros(shape_of(x, problem.sizes), y.dtype)
                    for x in problem.dynamics.variables
                }
                return join_blocks(problem, {**blocks, **increments})

            if diagonal:
                parts.append(moved(jnp.ones(term.elements, y.dtype)))
            else:
                parts.append(jax.vmap(moved, out_axes=1)(jnp.eye(term.elements, dtype=y.dtype)))
        return sum(parts[1:], parts[0]) if diagonal else jnp.concatenate(parts, axis=1)

    def diffusion(t: Any, y: Array, args: Any) -> Any:
        found = columns(t, y, args)
        if diagonal:
            return lineax.DiagonalLinearOperator(found)
        return lineax.MatrixLinearOperator(found)

    return motions, diffusion


def noise_of_blocks(problem: Problem) -> tuple[int, Any, Any]:
    """Diagonal noise by blocks: motions that move something, their normals, and the operator.

    A diagonal operator has a motion for each entry, of which those without noise are dead: their
    normals are zeros, which need not be drawn.

    Returns:
        The number m' of living motions; a function of normals of shape (m',) to blocks; and the
        noise as (t, blocks, args) -> diagonal operator on blocks.
    """
    terms = noise_terms_of(problem)
    prepared = _prepared(problem, terms)
    shapes = {x.name: shape_of(x, problem.sizes) for x in problem.dynamics.variables}
    noisy = [x.name for term in terms for x in term.variables]

    def filled(normals: Array) -> dict[str, Array]:
        blocks, first = {}, 0
        for name, shape in shapes.items():
            blocks[name] = jnp.zeros(shape, normals.dtype)
            if name in noisy:
                count = math.prod(shape)
                blocks[name] = normals[first : first + count].reshape(shape)
                first += count
        return blocks

    def diffusion(t: Any, blocks: Mapping[str, Array], args: Any) -> Any:
        environment = problem.environment({**problem.parameters, **blocks}, time=t, epoch=args)
        found = {name: jnp.zeros(shape, problem.dtype) for name, shape in shapes.items()}
        for term, constants in zip(terms, prepared, strict=True):
            ones = jnp.ones(term.elements, problem.dtype)
            found.update(term.increments(environment, ones, constants))
        return lineax.DiagonalLinearOperator(found)

    return sum(math.prod(shapes[name]) for name in noisy), filled, diffusion


def is_diagonal(problem: Problem) -> bool:
    """Whether each entry of y has a Brownian motion of its own, or none."""
    dynamics = problem.dynamics
    if dynamics.noise is None:
        return diagonal_of(dynamics) is not None
    return all(
        not isinstance(row, tuple) and row.ndim <= x.ndim and x.symmetry is None
        for x, row in dynamics.noise.items()
    )
