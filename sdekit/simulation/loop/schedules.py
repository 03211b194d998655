"""Step sizes that change along a run, and the averages that belong to them.

A schedule is a function of the step number that JAX can trace; every optax schedule is one. Not
for choosing a step size from Lipschitz constants (`sdekit.theory`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from sdekit.errors import SimulationError

Schedule = Callable[[Any], Any]


def as_schedule(step_size: float | Schedule) -> Schedule:
    """A schedule from a number or a function of the step number.

    Args:
        step_size: A positive number, or a function step -> positive number.

    Raises:
        SimulationError: If the step size is not positive and finite, at the first step if it is a
            function.

    Example:
        >>> float(as_schedule(0.01)(5))
        0.01

    Checked by: tests/simulation/loop/test_schedules.py.
    """
    if not callable(step_size):
        return constant(step_size)
    try:
        first = jax.eval_shape(step_size, jax.ShapeDtypeStruct((), jnp.int32))
    except (TypeError, ValueError, AttributeError) as error:
        raise SimulationError(
            "the step-size schedule cannot be traced by JAX",
            found=str(error).splitlines()[0],
            fix="write it with jax.numpy; the argument is the number of the step",
        ) from error
    if getattr(first, "shape", ()) != ():
        raise SimulationError(
            "the step-size schedule does not give one number",
            expected="shape ()",
            found=first.shape,
            fix="return one step size per step",
        )
    _positive("the step size at step 0", float(step_size(0)))
    return step_size


@dataclass(frozen=True, eq=False)
class Grid:
    """Step sizes with which whole steps lead from each of some times to the next.

    Attributes:
        times: Increasing, the start first, (intervals + 1,).
        counts: Steps of each interval, (intervals,).

    Example:
        >>> grid = Grid(np.array([0.0, 1.0, 4.0]), np.array([2, 3]))
        >>> [float(grid(step)) for step in range(5)]
        [0.5, 0.5, 1.0, 1.0, 1.0]

    Checked by: tests/simulation/loop/test_schedules.py.
    """

    times: np.ndarray
    counts: np.ndarray

    @cached_property
    def sizes(self) -> np.ndarray:
        """Step size of each interval."""
        return np.diff(self.times) / self.counts

    @cached_property
    def numbers(self) -> np.ndarray:
        """Number of the first step of each interval, and of all steps."""
        return np.concatenate([[0], np.cumsum(self.counts)])

    def _interval(self, step: Any) -> Array:
        inner = jnp.asarray(self.numbers[1:-1].astype(np.uint32))
        return jnp.searchsorted(inner, jnp.asarray(step, jnp.uint32), side="right")

    def __call__(self, step: Any) -> Array:
        """The size of a step."""
        return jnp.asarray(self.sizes.astype(jnp.result_type(float)))[self._interval(step)]

    def time(self, step: Array) -> Array:
        """The time at the beginning of a step, in double precision."""
        which = self._interval(step)
        with jax.enable_x64(True):
            first = lax.convert_element_type(jnp.asarray(self.numbers), np.float64)[which]
            begin, size = jnp.asarray(self.times)[which], jnp.asarray(self.sizes)[which]
            return begin + (lax.convert_element_type(step, np.float64) - first) * size


def constant(step_size: float) -> Schedule:
    """The same step size at every step.

    Raises:
        SimulationError: If it is not positive and finite.
    """
    value = _positive("the step size", step_size)
    return lambda step: jnp.asarray(value)


def robbins_monro(first: float, last: float, length: int, power: float = 0.55) -> Schedule:
    r"""Polynomial decay $\epsilon_t = a\,(b+t)^{-\gamma}$ from `first` at step 0 to `last`.

    $$b = \frac{T}{(\epsilon_0/\epsilon_T)^{1/\gamma}-1},\qquad a = \epsilon_0\, b^\gamma$$

    Args:
        first: Step size at step 0.
        last: Step size at step `length`, smaller than `first`.
        length: T.
        power: gamma. The sum of the steps diverges for gamma <= 1 and that of their squares
            converges for gamma > 1/2; both are needed for exact averages in the limit.

    Raises:
        SimulationError: If a value is outside its range.

    Example:
        >>> schedule = robbins_monro(0.1, 0.01, 1000, power=1.0)
        >>> [round(float(schedule(t)), 6) for t in (0, 1000)]
        [0.1, 0.01]

    Source: Welling and Teh (2011), section 2.
    Checked by: tests/simulation/loop/test_schedules.py.
    """
    first, last = _positive("the first step size", first), _positive("the last step size", last)
    if last >= first:
        raise SimulationError(
            "a decreasing schedule needs last < first",
            found=f"first {first}, last {last}",
            fix="use constant(...) for a fixed step size",
        )
    _positive("the length of the schedule", length)
    if not 0 < power <= 1:
        raise SimulationError(
            "the power of the schedule is outside (0, 1]",
            found=power,
            fix="above 1 the steps sum to a finite time, and the chain stops on its way",
        )
    offset = length / math.expm1(math.log(first / last) / power)

    def schedule(step: Any) -> Array:
        return first * (1.0 + jnp.asarray(step) / offset) ** (-power)

    return schedule


def cyclical(first: float, length: int, cycles: int) -> Schedule:
    r"""Cosine cycles, each from `first` down to nearly zero.

    $$\epsilon_t = \frac{\epsilon_0}{2}\Big[\cos\Big(\frac{\pi\,(t \bmod P)}{P}\Big)+1\Big],
       \qquad P = \lceil T/C\rceil$$

    Args:
        first: Step size at the start of a cycle.
        length: T, steps of the run.
        cycles: C.

    Raises:
        SimulationError: If a value is not positive or there are more cycles than steps.

    Source: Zhang, Li, Zhang, Chen, Wilson (2020), equation (1).
    Checked by: tests/simulation/loop/test_schedules.py.
    """
    first = _positive("the first step size", first)
    if cycles < 1 or length < cycles:
        raise SimulationError(
            "a cyclical schedule needs at least one step per cycle",
            expected=f"1 to {length} cycles",
            found=cycles,
            fix="lengthen the run",
        )
    period = -(-length // cycles)

    def schedule(step: Any) -> Array:
        phase = jnp.asarray(step) % period / period
        return first / 2 * (jnp.cos(jnp.pi * phase) + 1)

    return schedule


def weighted_mean(draws: Any, step_sizes: Any) -> np.ndarray:
    r"""Average of SGLD draws of unequal steps: $\sum_t \epsilon_t f_t / \sum_t \epsilon_t$.

    Args:
        draws: Shape (..., draw, *event) with `axis` 1 the draws: (chain, draw, *event).
        step_sizes: Shape (draw,).

    Returns:
        Shape (*event,), float64; all chains together.

    Raises:
        SimulationError: If the lengths differ.

    Source: Welling and Teh (2011), equation (11).
    Checked by: tests/simulation/loop/test_schedules.py.
    """
    values, weights = np.asarray(draws, np.float64), np.asarray(step_sizes, np.float64)
    if values.ndim < 2 or values.shape[1] != len(weights):
        raise SimulationError(
            "one step size per draw is needed",
            expected=f"draws of shape (chain, {len(weights)}, ...)",
            found=values.shape,
            fix="thin the step sizes like the draws",
        )
    return np.tensordot(weights / weights.sum(), values.mean(axis=0), axes=(0, 0))


def effective_weights(step_sizes: Any) -> float:
    r"""How many equal weights these are worth: $(\sum\epsilon_t)^2/\sum\epsilon_t^2$.

    Example:
        >>> effective_weights([1.0, 1.0, 1.0])
        3.0
    """
    weights = np.asarray(step_sizes, np.float64)
    return float(weights.sum() ** 2 / (weights**2).sum())


def _positive(what: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise SimulationError(f"{what} is no number", found=repr(value), fix="give a number")
    if not math.isfinite(value) or value <= 0:
        raise SimulationError(
            f"{what} is not positive and finite", found=value, fix="give a positive number"
        )
    return float(value)
