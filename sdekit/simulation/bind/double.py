"""Double precision inside runs of single precision: numbers in two halves, and the time.

JAX rounds what enters a program of single precision. What needs more digits, the time above all,
enters as a high and a low half and is joined inside.

Not for runs in double precision, which need none of this.

Checked by: tests/simulation/bind/test_double.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike


class Epoch(NamedTuple):
    """A point in time and the parameters, in double precision within a traced program.

    In single precision t = 2e5 has steps of 0.016 and a frequency is off by 3e-8 of itself: after
    2e7 steps of 0.01 a drive of 5 Hz has lost its phase.

    Attributes:
        time: The time at the start of the step, ().
        parameters: By name.
    """

    time: Array
    parameters: Mapping[str, Array]


def double(value: ArrayLike) -> Array:
    """The value in double precision, within `jax.enable_x64(True)`."""
    return lax.convert_element_type(value, np.float64)


def low_half(value: Any) -> np.ndarray:
    """What rounding to single precision takes from a number: high and low together have 48 bits."""
    exact = np.asarray(value, np.float64)
    return (exact - exact.astype(np.float32)).astype(np.float32)


def joined(high: ArrayLike, low: ArrayLike) -> Array:
    """The number of two halves, within `jax.enable_x64(True)`."""
    return double(high) + double(low)


def epoch(
    number: Array,
    h: tuple[ArrayLike, ArrayLike],
    parameters: Mapping[str, tuple[ArrayLike, ArrayLike]],
    begin: tuple[ArrayLike, ArrayLike] = (0.0, 0.0),
) -> Epoch:
    """The epoch of a step.

    Args:
        number: The step's number, an integer.
        h: Halves of the step size.
        parameters: Halves of the parameters, by name.
        begin: Halves of the time at step 0.
    """
    with jax.enable_x64(True):
        time = joined(*begin) + double(number) * jnp.reshape(joined(*h), ())
    return epoch_at(time, parameters)


def epoch_at(time: Array, parameters: Mapping[str, tuple[ArrayLike, ArrayLike]]) -> Epoch:
    """The epoch at a time that is known in double precision."""
    with jax.enable_x64(True):
        return Epoch(time, {name: joined(*halves) for name, halves in parameters.items()})
