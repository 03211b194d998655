"""Loops over a small state, compiled as one machine loop.

XLA's runtime for CPUs starts each operation of a loop's body by itself, some 30 ns each, except for
loops that touch less than 1 kB per turn, which it compiles as one function. A step of a few dozen
numbers therefore cost ten times its arithmetic. XLA marks such loops by an attribute of the call
around them; here the same mark is set for larger ones.

The mark is no public interface. It is set only

- for the versions of jaxlib it was tested with (elsewhere everything runs without it);
- for loops made of operations that XLA can compile that way (`COMPILED`); anything else, linear
  algebra for one, runs without it;
- for bodies up to `MOST_BYTES`, beyond which XLA's own kernels are as fast or faster.

Results agree with those of the unmarked loop to rounding. Where the compiler ends the process all
the same, SDEKIT_MACHINE_LOOPS=off in the environment runs everything without the mark.

Not for what the loop does (`loop`).

Checked by: tests/simulation/loop/test_machine_loop.py.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import jax
from jax import lax
from jax.core import Tracer
from jax.experimental.xla_metadata import set_xla_metadata
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun

from sdekit.simulation.loop.tracing import equations, functions_of, traced

_VERSION = version("jaxlib")
#: Series of jaxlib that the mark was tested with and that gain by it, up to four times the speed;
#: 0.12 compiles the same loops as one function by itself.
TESTED = ("0.10.",)
#: Bytes that the operations of one turn of a loop write, at least and at most. XLA compiles smaller
#: loops as one function by itself.
LEAST_BYTES, MOST_BYTES = 640, 2**16

#: Entries from which on XLA leaves sums and the like to a library, which is no machine loop.
LIBRARY_REDUCTION = 4096

#: Operations that work on each entry by itself.
_ENTRYWISE = frozenset(
    "abs acos acosh add add_any and asin asinh atan atan2 atanh bitcast_convert_type cbrt ceil "
    "clamp complex conj convert_element_type copy copy_p cos cosh div eq erf erf_inv erfc exp "
    "exp2 expm1 floor ge gt imag integer_pow is_finite le lgamma log log1p logistic lt max min "
    "mul ne neg not or pow real rem round rsqrt select_n shift_left shift_right_arithmetic "
    "shift_right_logical sign sin sinh sqrt square sub tan tanh xor".split()
)
#: Operations that move or add up entries.
_STRUCTURAL = frozenset(
    "broadcast_in_dim concatenate dynamic_slice dynamic_update_slice iota pad reduce_and "
    "reduce_max reduce_min reduce_or reduce_prod reduce_sum reshape rev slice split squeeze "
    "stack tile transpose unstack".split()
)
#: Operations with functions inside.
_NESTED = frozenset(
    "closed_call cond custom_jvp_call custom_vjp_call jit pjit remat2 scan while".split()
)
COMPILED = _ENTRYWISE | _STRUCTURAL | _NESTED

_MARK = {"xla_cpu_small_call": "true", "inlineable": "false"}
# Attributes are inherited by everything inside, where they would keep calls from being inlined.
_UNMARK = {"xla_cpu_small_call": "false", "inlineable": "true"}


def as_machine_loop(run: Callable[..., Any], *arguments: Any) -> Any:
    """`run(*arguments)`, whose loops become one machine function where that is possible and faster.

    Args:
        run: A function with loops (`lax.scan`) in it, of arrays to arrays.
        arguments: PyTrees of arrays.

    Returns:
        What `run` returns.
    """
    if jax.default_backend() != "cpu" or not _VERSION.startswith(TESTED) or _is_off():
        return run(*arguments)

    def with_arguments(*own: Any) -> Any:
        return run(*own), own

    plain = traced(run, *arguments)
    if not _fits(plain.jaxpr):
        return plain.call(*arguments)
    with set_xla_metadata(**_UNMARK):
        closed, shape = jax.make_jaxpr(with_arguments, return_shape=True)(*arguments)

    passed = [constant for constant in closed.consts if isinstance(constant, Tracer)]

    def compiled(passed: list[Any], flat: list[Any]) -> Any:
        given = iter(passed)
        constants = [next(given) if isinstance(c, Tracer) else c for c in closed.consts]
        return jaxpr_as_fun(ClosedJaxpr(closed.jaxpr, constants))(*flat), passed

    # A parameter that nothing reads ends the compiler. Therefore all of them are returned, and the
    # barrier keeps known values from being moved inside in their stead.
    operands = lax.optimization_barrier((passed, jax.tree.leaves(arguments)))
    with set_xla_metadata(**_MARK):
        flat, _ = jax.jit(compiled)(*operands)
    return jax.tree.unflatten(jax.tree.structure(shape), flat)[0]


def _is_off() -> bool:
    return os.environ.get("SDEKIT_MACHINE_LOOPS", "").lower() in ("0", "off")


def _fits(jaxpr: Jaxpr) -> bool:
    known = all(_is_compiled(equation) for equation in equations(jaxpr))
    return known and LEAST_BYTES <= _bytes_per_turn(jaxpr, inside=False) <= MOST_BYTES


def _is_compiled(equation: Any) -> bool:
    name = equation.primitive.name
    if name.startswith("reduce_") and _entries(equation.invars[0]) >= LIBRARY_REDUCTION:
        return False
    return name in COMPILED


def _entries(value: Any) -> int:
    return math.prod(value.aval.shape)


def _item(value: Any) -> int:
    """Bytes of one entry."""
    return value.aval.dtype.itemsize


def _bytes_per_turn(jaxpr: Jaxpr, *, inside: bool) -> int:
    """Bytes that the bodies of loops write; what stands outside loops counts nothing."""
    total = 0
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        inner = functions_of(equation)
        if inner:
            total += sum(
                _bytes_per_turn(f, inside=inside or name in ("scan", "while")) for f in inner
            )
        elif inside and name != "dynamic_update_slice":
            # An update writes its own entries only, which were counted where they were computed.
            total += sum(_entries(v) * _item(v) for v in equation.outvars)
    return total
