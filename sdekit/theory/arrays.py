"""Arrays of any library: NumPy on the host, JAX on a device, SciPy sparse matrices.

For the modules of `sdekit.theory` whose formulas are the same wherever the data live. Not a
wrapper of array libraries: code asks for the namespace of its data and calls it directly.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from sdekit.errors import DataError

#: A NumPy or JAX array; its shape is stated in the docstring of whoever takes or returns it.
Array: TypeAlias = Any


def is_sparse(array: Any) -> bool:
    """Whether this is a SciPy sparse matrix or array (asked without importing SciPy)."""
    return hasattr(array, "tocsr") and hasattr(array, "nnz")


def namespace(array: Array) -> ModuleType:
    """The library that computes with this array: `numpy`, or the array's own (`jax.numpy`).

    Example:
        >>> namespace(np.ones(3)).__name__
        'numpy'
    """
    if isinstance(array, np.ndarray) or not hasattr(array, "__array_namespace__"):
        return np
    return array.__array_namespace__()


def real_array(value: Any, name: str, ndim: int) -> Array:
    """`value` as an array of finite real numbers, left on the device where it lives.

    Args:
        value: An array, a nested list, or an object that NumPy can convert.
        name: What the user calls it, for the error.
        ndim: Number of axes it must have.

    Returns:
        A float64 NumPy array, or the given device array in its own precision.

    Raises:
        DataError: If it has another number of axes, is empty, or holds NaN or infinity.
    """
    if hasattr(value, "__array_namespace__") and not isinstance(value, np.ndarray):
        array = value * 1.0
    else:
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{name} is not an array of real numbers",
                found=type(value).__name__,
                fix="give numbers only, every row of the same length",
            ) from error
    if array.ndim != ndim or array.size == 0:
        raise DataError(
            f"{name} has the wrong shape", expected=f"{ndim} axes, none empty", found=array.shape
        )
    if not bool(namespace(array).isfinite(array).all()):
        raise DataError(
            f"{name} holds NaN or infinity", fix="drop or impute those rows before fitting"
        )
    return array


def times_array(times: Any, name: str = "times") -> tuple[np.ndarray, bool]:
    """Times as a float64 vector, and whether a single time was given.

    Raises:
        DataError: If a time is negative or not finite.
    """
    vector = np.asarray(times, dtype=np.float64)
    flat = np.atleast_1d(vector)
    if flat.ndim != 1 or flat.size == 0 or not np.isfinite(flat).all() or flat.min() < 0:
        raise DataError(
            f"{name} must be finite and not negative",
            expected="one time or a vector of times",
            found=times,
        )
    return flat, vector.ndim == 0


def real_number(value: Any, name: str, zero_allowed: bool = False) -> float:
    """`value` as a finite float above zero (or from zero on).

    Raises:
        DataError: If it is no number, not finite, or out of range.
    """
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} must be a number", found=repr(value)) from error
    if not np.isfinite(number) or number < 0 or (number == 0 and not zero_allowed):
        raise DataError(
            f"{name} must not be negative" if zero_allowed else f"{name} must be positive",
            found=value,
        )
    return number
