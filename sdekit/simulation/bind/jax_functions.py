"""Functions of JAX arrays: elementary ones by their records, inverses, reductions, comparisons.

Not for expressions (`jax_reader`, `lower_sympy`).

Checked by: tests/declaration/functions/test_records.py.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.declaration.functions.record import ElementaryFunction
from sdekit.declaration.functions.records import BY_SYMPY, FUNCTIONS
from sdekit.errors import SimulationError


def jax_function(name: str) -> Callable[[Any], Any]:
    """An elementary function, by the name of its record.

    Raises:
        SimulationError: If JAX has no such function.
    """
    return _resolved(FUNCTIONS[name])


def jax_function_of_sympy(kind: type) -> Callable[[Any], Any] | None:
    """The function that a class of SymPy stands for; None if there is none of one argument."""
    record = BY_SYMPY.get(kind.__name__)
    if record is None or record.sympy_leading:
        return None
    if record.reciprocal_of:
        partner = _resolved(FUNCTIONS[record.reciprocal_of])
        return lambda x: 1 / partner(x)
    return _resolved(record) if record.jax else None


@lru_cache(maxsize=256)
def _resolved(record: ElementaryFunction) -> Callable[[Any], Any]:
    module, _, function = record.jax.rpartition(".")
    if not module:
        raise SimulationError(
            f"the function {record.name} has no counterpart in JAX",
            fix="give its dotted path in the record of the function",
        )
    return getattr(import_module(module), function)


def _definite_inverse(matrix: Array) -> Array:
    identity = np.eye(matrix.shape[-1], dtype=matrix.dtype)
    return jax.scipy.linalg.solve(matrix, identity, assume_a="pos")


def _definite_log_determinant(matrix: Array) -> Array:
    return 2.0 * jnp.sum(jnp.log(jnp.diagonal(jnp.linalg.cholesky(matrix))))


#: By whether a matrix is declared positive definite: Cholesky's method compiles and runs faster.
INVERSES = {False: jnp.linalg.inv, True: _definite_inverse}
LOG_DETERMINANTS = {False: lambda m: jnp.linalg.slogdet(m)[1], True: _definite_log_determinant}


def of_pairs(function: Callable[[Array], Array], rows: Array) -> Array:
    """A function of the difference of each two rows, (N, N): of the smaller index minus the larger.

    Both triangles hold the same value, and the diagonal is zero.
    """
    low, high = np.triu_indices(rows.shape[0], 1)
    found = jax.vmap(function)(rows[low] - rows[high])
    square = jnp.zeros((rows.shape[0],) * 2, found.dtype)
    return square.at[low, high].set(found).at[high, low].set(found)


def onto_symmetry(jacobian: Array, symmetry: str | None, first: int) -> Array:
    """The derivative by a symmetric or antisymmetric matrix, whose axes begin at `first`."""
    if symmetry is None:
        return jacobian
    sign = 1.0 if symmetry == "symmetric" else -1.0
    return (jacobian + sign * jnp.swapaxes(jacobian, first, first + 1)) * 0.5


def _norm(values: Any, axis: tuple[int, ...]) -> Array:
    return jnp.sqrt(jnp.sum(values * values, axis=axis))


#: What makes one number of all entries, by its word.
REDUCE: Mapping[str, Callable[..., Array]] = {
    "max": jnp.max,
    "min": jnp.min,
    "sum": jnp.sum,
    "norm": _norm,
    "logsumexp": jax.scipy.special.logsumexp,
}
COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
