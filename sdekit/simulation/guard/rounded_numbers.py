"""Numbers with rounding bounds, and operations that JAX itself runs on them.

Not for the rules of single operations (`rules`).

Notation: a number x stands for everything within e of it; u is the unit roundoff.
Checked by: tests/simulation/guard/test_rounding.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

#: Units of roundoff by which a compiled operation may miss the rounded result: arithmetic (also
#: when fused or turned into a reciprocal), elementary functions, special functions.
ARITHMETIC, ELEMENTARY, SPECIAL = 2.0, 32.0, 4096.0
#: Unit roundoff of a single precision product on accelerators, which round the factors first.
ACCELERATOR = 2.0**-8
#: Perturbations of an operation without a rule, and the factor from their largest effect to a
#: bound: signs are random, and few of them seldom find the worst.
TRIALS, MARGIN = 2, 16.0


class Unclaimed(Exception):
    """The course of the program hangs on rounding, or an operation cannot run by itself."""


@dataclass(frozen=True)
class Rounded:
    """An array and its bounds; the error is 0.0 where nothing was rounded."""

    value: Any
    error: Any = 0.0

    def sure(self) -> np.ndarray:
        """The value, where rounding cannot change it.

        Raises:
            Unclaimed: If it can.
        """
        if np.any(self.error):
            raise Unclaimed
        return np.asarray(self.value)

    def errors(self) -> np.ndarray:
        """The bounds, one for each entry."""
        return np.broadcast_to(np.asarray(self.error, float), np.shape(self.value))

    def map(self, move: Callable[[Any], Any]) -> Rounded:
        """What moves entries about."""
        return Rounded(move(self.value), move(self.error) if np.ndim(self.error) else self.error)

    def entry(self, k: int) -> Rounded:
        """Row k."""
        return self.map(lambda x: x[k])

    @staticmethod
    def stacked(rows: Sequence[Rounded]) -> Rounded:
        """Rows put together."""
        if any(not isinstance(row.value, (np.ndarray, np.generic)) for row in rows):
            return Rounded(jnp.stack([row.value for row in rows]))
        error = np.stack([row.errors() for row in rows]) if any_error(rows) else 0.0
        return Rounded(np.stack([row.value for row in rows]), error)


def any_error(arguments: Sequence[Rounded]) -> bool:
    """Whether rounding has touched any of them."""
    return any(np.any(a.error) for a in arguments)


def exact(value: Any) -> Rounded:
    """An array as it is; floating point numbers in double precision."""
    dtype = getattr(value, "dtype", None)
    if dtype is not None and jnp.issubdtype(dtype, jax.dtypes.extended):
        return Rounded(value)
    array = np.asarray(value)
    return Rounded(array.astype(np.float64) if jnp.issubdtype(array.dtype, jnp.floating) else array)


def is_real(variable: Any) -> bool:
    """Whether a variable of a jaxpr holds floating point numbers."""
    return jnp.issubdtype(variable.aval.dtype, jnp.floating)


def finished(variable: Any, value: Any, error: Any, units: float = ARITHMETIC) -> Rounded:
    """The result of one operation with its own rounding, underflow and overflow."""
    if not is_real(variable):
        return Rounded(value, error)
    info = jnp.finfo(variable.aval.dtype)
    size = np.abs(value)
    own = error + units * float(info.eps) / 2 * size
    own = np.where(size < float(info.tiny), own + float(info.tiny) * (size > 0), own)
    beyond = (size > float(info.max)) & np.isfinite(size)
    return Rounded(value, np.where(beyond | np.isnan(own), np.inf, own))


def run_by_jax(equation: Any, values: Sequence[Any]) -> list[Any]:
    """The operation itself, run by JAX on values in the precision of the program."""
    given = [
        value
        if jnp.issubdtype(v.aval.dtype, jax.dtypes.extended)
        else jnp.asarray(np.asarray(value), v.aval.dtype)
        for value, v in zip(values, equation.invars, strict=True)
    ]
    bind_params = getattr(equation.primitive, "get_bind_params", None)
    made = bind_params(equation.params) if bind_params else equation.params
    functions, params = made if isinstance(made, tuple) else ((), made)
    try:
        found = equation.primitive.bind(*functions, *given, **params)
    except (NotImplementedError, TypeError, ValueError, jax.errors.JaxRuntimeError) as error:
        # Some operations exist within compiled programs only.
        raise Unclaimed from error
    found = found if equation.primitive.multiple_results else [found]
    return [exact(x).value for x in found]


def linear(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
    """The rule of a linear operation that JAX itself runs: bounds add up as the numbers do."""
    (out,) = equation.outvars
    for argument, variable in zip(arguments, equation.invars, strict=True):
        if not is_real(variable):
            argument.sure()
    reals = [is_real(v) for v in equation.invars]
    pairs = list(zip(arguments, reals, strict=True))
    value = run_by_jax(equation, [a.value for a in arguments])[0]
    if not is_real(out):
        return [Rounded(value)]
    sizes = run_by_jax(equation, [np.abs(a.value) if real else a.value for a, real in pairs])[0]
    length = LINEAR[equation.primitive.name](equation)
    error = (length + 1) * float(jnp.finfo(out.aval.dtype).eps) / 2 * sizes
    if any_error(arguments):
        spread = [a.errors() if real else a.value for a, real in pairs]
        error = error + run_by_jax(equation, spread)[0] * (1 + 1e-3)
    return [finished(out, value, error)]


def measured(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
    """An operation without a rule: run by JAX, and again on perturbed arguments."""
    values = [a.value for a in arguments]
    given = run_by_jax(equation, values)
    reals = [is_real(v) for v in equation.invars]
    largest = [0.0] * len(given)
    rng = np.random.default_rng(0)
    for _ in range(TRIALS if any(reals) else 0):
        other = []
        for argument, variable, real in zip(arguments, equation.invars, reals, strict=True):
            if not real:
                other.append(argument.sure() if np.any(argument.error) else argument.value)
                continue
            unit = 8 * float(jnp.finfo(variable.aval.dtype).eps)
            reach = argument.errors() + unit * np.abs(argument.value)
            other.append(argument.value + reach * rng.choice([-1.0, 1.0], np.shape(reach)))
        for k, again in enumerate(run_by_jax(equation, other)):
            if is_real(equation.outvars[k]):
                change = np.max(np.abs(again - given[k]), initial=0.0)
                largest[k] = max(largest[k], float("inf") if np.isnan(change) else float(change))
            elif isinstance(again, np.ndarray) and np.any(again != given[k]):
                largest[k] = float("inf")
    found = []
    for variable, value, change in zip(equation.outvars, given, largest, strict=True):
        if not is_real(variable):
            found.append(Rounded(value, change))
            continue
        size = np.max(np.abs(value), initial=0.0, where=np.isfinite(value))
        unit = float(jnp.finfo(variable.aval.dtype).eps)
        found.append(finished(variable, value, MARGIN * change + ELEMENTARY * unit * size))
    return found


def _updates(equation: Any) -> int:
    return math.prod(equation.invars[1].aval.shape[:-1])


#: Linear operations that JAX runs, with the number of terms that one result adds up.
LINEAR: dict[str, Callable[[Any], int]] = {
    **dict.fromkeys(("gather", "pad", "dynamic_update_slice", "dynamic_slice"), lambda e: 0),
    "scatter": lambda e: 0,
    "scatter-add": _updates,
    "cumsum": lambda e: e.invars[0].aval.shape[e.params["axis"]],
}
