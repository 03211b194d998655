"""How each operation of JAX acts on numbers with rounding bounds: one rule for each kind.

Not for the walk through a program (`rounding`, which states the formulas) nor for what JAX runs
(`rounded_numbers`).

Notation: a number x stands for everything within e of it; u is the unit roundoff.
Checked by: tests/simulation/guard/test_rounding.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import special

from sdekit.simulation.guard.rounded_numbers import (
    ACCELERATOR,
    ARITHMETIC,
    ELEMENTARY,
    SPECIAL,
    Rounded,
    any_error,
    exact,
    finished,
    is_real,
    measured,
    run_by_jax,
)

Rule = Callable[[Any, "list[Rounded]"], "list[Rounded]"]


def entrywise(function: Callable[..., Any], units: float = ARITHMETIC) -> Rule:
    """The rule of an operation on each entry by itself."""

    def rule(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
        (out,) = equation.outvars
        values = [a.value for a in arguments]
        if not is_real(out):
            # Whole numbers divide and shift as the library does; the rest wraps everywhere.
            plain = equation.primitive.name in _WRAPPING
            value = function(*values) if plain else run_by_jax(equation, values)[0]
            return [Rounded(value, _either(arguments))]
        given = function(*values, **_options(equation))
        error: Any = 0.0
        for place, argument in enumerate(arguments):
            if not np.any(argument.error):
                continue
            top: Any = 0.0
            for sign in (1.0, -1.0):
                moved = [*values]
                moved[place] = argument.value + sign * argument.error
                change = np.abs(function(*moved, **_options(equation)) - given)
                top = np.maximum(top, change)
            error = error + np.where(np.isnan(top), np.inf, top)
        return [finished(out, given, error, units)]

    return rule


def _options(equation: Any) -> dict[str, Any]:
    return {"y": equation.params["y"]} if equation.primitive.name == "integer_pow" else {}


def _either(arguments: list[Rounded]) -> Any:
    """Bounds of an answer that is unsure where any of the arguments is."""
    return sum(np.asarray(a.error) for a in arguments) if any_error(arguments) else 0.0


def comparison(function: Callable[..., Any]) -> Rule:
    """The rule of a comparison: unsure (1) where the two are within their bounds."""

    def rule(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
        a, b = arguments
        unsure: Any = 0.0
        # Whether a number equals itself asks for NaN, and no rounding changes that.
        if any_error(arguments) and equation.invars[0] is not equation.invars[1]:
            reach = a.errors() + b.errors()
            close = np.abs(np.subtract(a.value, b.value, dtype=float)) <= reach
            unsure = (close & (reach > 0)).astype(float)
        return [Rounded(function(a.value, b.value), unsure)]

    return rule


def _select(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
    which, *cases = arguments
    chosen = np.asarray(which.value).astype(int)
    shape = np.shape(cases[0].value)
    if not all(isinstance(c.value, (np.ndarray, np.generic)) for c in cases):
        which.sure()
        return [Rounded(run_by_jax(equation, [a.value for a in arguments])[0])]
    index = np.broadcast_to(chosen, shape)
    value = np.choose(index, [c.value for c in cases])
    error: Any = 0.0
    if any_error(cases):
        error = np.choose(index, [c.errors() for c in cases])
    if np.any(which.error):
        apart = [np.abs(np.subtract(c.value, value, dtype=float)) + c.errors() for c in cases]
        widest = np.maximum.reduce(apart)
        widest = np.where(np.isnan(widest), np.inf, widest)
        error = np.where(np.broadcast_to(which.errors(), shape) > 0, widest, error)
    return [Rounded(value, error)]


def _clamp(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
    low, x, high = arguments
    value = np.minimum(np.maximum(x.value, low.value), high.value)
    return [Rounded(value, _either(arguments))]


def moved(move: Callable[[Any, Any], Any]) -> Rule:
    """The rule of an operation that moves entries about: `move(array, params)`."""

    def rule(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
        if not isinstance(arguments[0].value, (np.ndarray, np.generic)):
            return [Rounded(run_by_jax(equation, [a.value for a in arguments])[0])]
        return [arguments[0].map(lambda x: move(x, equation.params))]

    return rule


def _slice(x: Any, p: Any) -> Any:
    strides = p["strides"] or (1,) * len(p["start_indices"])
    ends = zip(p["start_indices"], p["limit_indices"], strides, strict=True)
    return x[tuple(slice(*end) for end in ends)]


def _broadcast(x: Any, p: Any) -> Any:
    shape = [1] * len(p["shape"])
    for place, axis in enumerate(p["broadcast_dimensions"]):
        shape[axis] = np.shape(x)[place]
    return np.broadcast_to(np.reshape(x, shape), p["shape"])


def _concatenate(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
    axis = equation.params["dimension"]
    error = 0.0
    if any_error(arguments):
        error = np.concatenate([a.errors() for a in arguments], axis)
    return [Rounded(np.concatenate([a.value for a in arguments], axis), error)]


def _convert(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
    (out,), (argument,) = equation.outvars, arguments
    dtype = np.float64 if is_real(out) else out.aval.dtype
    value = np.asarray(argument.value).astype(dtype)
    error = argument.error
    if np.any(error) and not is_real(out) and is_real(equation.invars[0]):
        ends = [(argument.value + s * error).astype(dtype) for s in (1.0, -1.0)]
        error = np.abs(np.subtract(*ends, dtype=float))
    return [finished(out, value, error)]


def _reduce_sum(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
    (out,), (a,) = equation.outvars, arguments
    axes = equation.params["axes"]
    if not is_real(out):
        a.sure()
        return [Rounded(run_by_jax(equation, [a.value])[0])]
    length = math.prod(np.shape(a.value)[axis] for axis in axes)
    unit = float(jnp.finfo(out.aval.dtype).eps) / 2
    error = length * unit * np.sum(np.abs(a.value), axes)
    if np.any(a.error):
        error = error + np.sum(a.errors(), axes)
    return [finished(out, np.sum(a.value, axes), error)]


def extremum(function: Callable[..., Any]) -> Rule:
    """The rule of the largest or smallest entry."""

    def rule(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
        axes = equation.params["axes"]
        (a,) = arguments
        error = np.max(a.errors(), axes) if np.any(a.error) else 0.0
        return [Rounded(function(a.value, axes), error)]

    return rule


def _dot_general(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
    (out,) = equation.outvars
    if not is_real(out):
        return measured(equation, arguments)
    (left, right), (of_left, of_right) = equation.params["dimension_numbers"]
    a, b = (
        _rows_last(x, axes, own)
        for x, axes, own in zip(arguments, (left, right), (of_left, of_right), strict=True)
    )
    length = math.prod(np.shape(arguments[0].value)[axis] for axis in left)
    units = float(jnp.finfo(out.aval.dtype).eps) / 2
    if jax.default_backend() != "cpu" and out.aval.dtype == jnp.float32:
        units += ACCELERATOR
    (x, ex), (y, ey) = a, b
    y, ey = np.swapaxes(y, -1, -2), np.swapaxes(ey, -1, -2) if np.ndim(ey) else ey
    value = np.matmul(x, y)
    error = (length + 1) * units * np.matmul(np.abs(x), np.abs(y))
    if np.ndim(ey):
        error = error + np.matmul(np.abs(x), ey)
    if np.ndim(ex):
        error = error + np.matmul(ex, np.abs(y) + ey)
    shape = out.aval.shape
    return [finished(out, value.reshape(shape), error.reshape(shape))]


def _rows_last(x: Rounded, summed: Any, batch: Any) -> tuple[Any, Any]:
    """Value and bounds as (batch, free, summed)."""
    shape = np.shape(x.value)
    free = [axis for axis in range(len(shape)) if axis not in (*summed, *batch)]
    sizes = [tuple(shape[axis] for axis in axes) for axes in (batch, free, summed)]
    whole = (*sizes[0], math.prod(sizes[1]), math.prod(sizes[2]))

    def cut(array: Any) -> Any:
        return np.transpose(array, (*batch, *free, *summed)).reshape(whole)

    return cut(x.value), cut(x.errors()) if np.any(x.error) else 0.0


def _iota(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
    p = equation.params
    shape = [1] * len(p["shape"])
    shape[p["dimension"]] = -1
    line = np.arange(p["shape"][p["dimension"]]).reshape(shape)
    return [exact(np.broadcast_to(line, p["shape"]).astype(p["dtype"]))]


#: Operations that NumPy does on whole numbers and truth values as the compiler does.
_WRAPPING = frozenset("add sub mul max min neg abs and or not xor".split())


def _logistic(x: Any) -> Any:
    return special.expit(x)


_ARITHMETIC = {
    "add": np.add, "add_any": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
    "neg": np.negative, "abs": np.abs, "max": np.maximum, "min": np.minimum, "sign": np.sign,
    "floor": np.floor, "ceil": np.ceil, "square": np.square, "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x), "rem": np.fmod,
    "and": np.bitwise_and, "or": np.bitwise_or, "not": np.invert, "xor": np.bitwise_xor,
}  # fmt: skip
_ELEMENTARY = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log1p": np.log1p,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh,
    "atanh": np.arctanh, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "atan2": np.arctan2, "cbrt": np.cbrt, "logistic": _logistic,
    "integer_pow": lambda x, y: np.power(np.asarray(x, float), y),
}  # fmt: skip
_SPECIAL = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "pow": np.power, "erf": special.erf,
    "erfc": special.erfc, "erf_inv": special.erfinv, "lgamma": special.gammaln,
    "digamma": special.digamma,
}  # fmt: skip
_COMPARISONS = {
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal,
}  # fmt: skip

RULES: dict[str, Rule] = {
    **{name: entrywise(f) for name, f in _ARITHMETIC.items()},
    **{name: entrywise(f, ELEMENTARY) for name, f in _ELEMENTARY.items()},
    **{name: entrywise(f, SPECIAL) for name, f in _SPECIAL.items()},
    **{name: comparison(f) for name, f in _COMPARISONS.items()},
    "is_finite": lambda e, a: [Rounded(np.isfinite(a[0].value), 0.0)],
    "select_n": _select,
    "clamp": _clamp,
    "reshape": moved(lambda x, p: np.reshape(x, p["new_sizes"])),
    "squeeze": moved(lambda x, p: np.squeeze(x, tuple(p["dimensions"]))),
    "transpose": moved(lambda x, p: np.transpose(x, p["permutation"])),
    "broadcast_in_dim": moved(_broadcast),
    "rev": moved(lambda x, p: np.flip(x, p["dimensions"])),
    "slice": moved(_slice),
    "copy": moved(lambda x, p: x),
    "copy_p": moved(lambda x, p: x),
    "concatenate": _concatenate,
    "convert_element_type": _convert,
    "iota": _iota,
    "reduce_sum": _reduce_sum,
    "reduce_max": extremum(np.max),
    "reduce_min": extremum(np.min),
    "dot_general": _dot_general,
}
