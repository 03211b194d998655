"""The elementary functions of JAX arrays, found by the names in their records; inverses.

Not for expressions (`jax_reader`, `lower_sympy`).

Checked by: tests/declaration/functions/test_records.py.
"""

from __future__ import annotations

from collections.abc import Callable
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
