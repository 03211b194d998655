r"""What a program gives operation by operation, with a bound of what rounding may change.

`rounded` walks through the operations of a jaxpr on the host, without a compiler, in double
precision. Beside each number x it keeps a bound e of how far a compiled program may be from it, of
first order in the unit roundoff u of the program's own precision (a running error analysis):

$$y = f(x_1, x_2, \dots):\quad
  e_y = \sum_j \max_\pm |f(\dots, x_j \pm e_j, \dots) - y| + k\,u\,|y|$$
$$y = \sum_{i\le L} x_i:\quad e_y = \sum_i e_i + L\,u \sum_i |x_i|$$

so that the bound of a sum is its length times the size of what it adds up, in whatever order that
is done. A choice whose condition is within its bound may turn out either way: the bound is then the
difference of the two. Where control flow or an index hangs on such a condition nothing is claimed
(`Unclaimed`). Long loops and operations without a rule (`rules`) run as programs of their own, and
their sensitivity is measured by perturbing what they read.

Not for comparing (`compiled_values`).

Source: Higham (2002), Accuracy and Stability of Numerical Algorithms, section 3.3.
Checked by: tests/simulation/guard/test_rounding.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from sdekit.simulation.guard.rounded_numbers import (
    LINEAR,
    Rounded,
    Unclaimed,
    exact,
    linear,
    measured,
)
from sdekit.simulation.guard.rules import RULES
from sdekit.simulation.loop.tracing import equations, functions_of

#: Operations that a loop may take before it runs as a program of its own.
MOST_OPERATIONS = 3000

_CALLS = frozenset(
    "jit pjit closed_call core_call remat remat2 checkpoint custom_jvp_call custom_vjp_call "
    "custom_vjp_call_jaxpr".split()
)


def rounded(closed: ClosedJaxpr, arguments: Sequence[Any]) -> list[Rounded]:
    """The results of a jaxpr on exact arguments, each with its bound.

    Args:
        closed: The operations.
        arguments: One array for each input, as `jax.tree.leaves` orders them.

    Raises:
        Unclaimed: If the course of the program hangs on rounding.
    """
    with np.errstate(all="ignore"):
        return _run(closed.jaxpr, closed.consts, [exact(a) for a in arguments])


def _run(jaxpr: Jaxpr, constants: Sequence[Any], arguments: Sequence[Rounded]) -> list[Rounded]:
    known: dict[Any, Rounded] = {}

    def read(variable: Any) -> Rounded:
        return exact(variable.val) if isinstance(variable, Literal) else known[variable]

    known.update(zip(jaxpr.constvars, map(exact, constants), strict=True))
    known.update(zip(jaxpr.invars, arguments, strict=True))
    for equation in jaxpr.eqns:
        outputs = _equation(equation, [read(v) for v in equation.invars])
        known.update(zip(equation.outvars, outputs, strict=True))
    return [read(v) for v in jaxpr.outvars]


def _equation(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
    name = equation.primitive.name
    if name in _CALLS:
        inner = functions_of(equation)
        if len(inner) == 1 and len(inner[0].invars) == len(arguments):
            return _run(inner[0], _constants(equation), arguments)
    if name in _FLOW and not _is_long(equation):
        return _FLOW[name](equation, arguments)
    if name in RULES and not _is_complex(equation):
        return RULES[name](equation, arguments)
    if name in LINEAR and not _is_complex(equation):
        return linear(equation, arguments)
    return measured(equation, arguments)


def _constants(equation: Any) -> Sequence[Any]:
    closed = [p for p in equation.params.values() if isinstance(p, ClosedJaxpr)]
    return closed[0].consts if closed else ()


def _is_complex(equation: Any) -> bool:
    values = (*equation.invars, *equation.outvars)
    return any(np.issubdtype(getattr(v.aval, "dtype", None), np.complexfloating) for v in values)


def _is_long(equation: Any) -> bool:
    if equation.primitive.name != "scan":
        return False
    inside = sum(1 for _ in equations(equation.params["jaxpr"].jaxpr))
    return inside * equation.params["length"] > MOST_OPERATIONS


def _scan(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
    p = equation.params
    fixed, moving = _scan_counts(p)
    constants, carried = arguments[:fixed], arguments[fixed : fixed + moving]
    rows = arguments[fixed + moving :]
    order = range(p["length"])
    found: list[list[Rounded]] = []
    for k in reversed(order) if p["reverse"] else order:
        outputs = _closed(p["jaxpr"], [*constants, *carried, *(row.entry(k) for row in rows)])
        carried = outputs[:moving]
        found.append(outputs[moving:])
    if p["reverse"]:
        found.reverse()
    kinds = equation.outvars[moving:]
    if not found:
        return [*carried, *(exact(np.zeros(v.aval.shape, v.aval.dtype)) for v in kinds)]
    return [*carried, *(Rounded.stacked(column) for column in zip(*found, strict=True))]


def _scan_counts(params: Any) -> tuple[int, int]:
    """Numbers of constants and of carried arrays, as this or that version of JAX tells them."""
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    constants, carried, _ = params["ft_in"].unpack()
    return len(constants), len(carried)


def _while(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
    p = equation.params
    of_cond, of_body = p["cond_nconsts"], p["body_nconsts"]
    tested, moved = arguments[:of_cond], arguments[of_cond : of_cond + of_body]
    carried = arguments[of_cond + of_body :]
    length = sum(1 for _ in equations(p["body_jaxpr"].jaxpr)) + 1
    for _ in range(MOST_OPERATIONS // length + 1):
        (more,) = _closed(p["cond_jaxpr"], [*tested, *carried])
        if not more.sure().all():
            return carried
        carried = _closed(p["body_jaxpr"], [*moved, *carried])
    return measured(equation, arguments)


def _cond(equation: Any, arguments: list[Rounded]) -> list[Rounded]:
    branches = equation.params["branches"]
    which = int(np.clip(int(arguments[0].sure()), 0, len(branches) - 1))
    return _closed(branches[which], arguments[1:])


def _closed(closed: ClosedJaxpr, arguments: list[Rounded]) -> list[Rounded]:
    return _run(closed.jaxpr, closed.consts, arguments)


_FLOW: dict[str, Callable[[Any, list[Rounded]], list[Rounded]]] = {
    "scan": _scan,
    "while": _while,
    "cond": _cond,
}

__all__ = ["Rounded", "Unclaimed", "rounded"]
