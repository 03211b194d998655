r"""Barriers: a function of the state, and the levels at which a path has passed.

Not for noticing it during a run (`watching`) nor for the times (`passages`).

Checked by: tests/simulation/events/test_events.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np

from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation
from sdekit.declaration.tree.expression import Call, Expression, Time
from sdekit.declaration.tree.operators import as_expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError


@dataclass(frozen=True)
class Barrier:
    """Levels of a function of the state; make one with `barrier`.

    Attributes:
        function: Of the state.
        index: Of the entry that counts, where the function is a variable with entries.
        lower: A path that comes down to it has passed; None where there is none.
        upper: A path that comes up to it has passed; None where there is none.
        stop: Whether chains stay where they have passed.
    """

    function: Expression
    index: tuple[int, ...]
    lower: Expression | None
    upper: Expression | None
    stop: bool

    @property
    def is_affine(self) -> bool:
        """Whether a Brownian path of the state is one of the function."""
        return _degree(self.function) <= 1

    @property
    def variables(self) -> tuple[Variable, ...]:
        """What the function reads."""
        nodes = (node for node in self.function.walk() if isinstance(node, Variable))
        return tuple(dict.fromkeys(nodes))

    @property
    def reads_time(self) -> bool:
        """Whether the function or a level reads the time."""
        read = (e for e in (self.function, self.lower, self.upper) if e is not None)
        return any(isinstance(node, Time) for e in read for node in e.walk())


def _degree(node: Expression) -> float:
    """Of an expression in the state and the time, at least; infinite where it is no polynomial."""
    degrees = [_degree(child) for child in node.children]
    match node:
        case Variable() | Time():
            return 1
        case ex.Sum() | ex.Negation() | ex.Trace() | ex.Diag() | ex.Transpose():
            return max(degrees)
        case ex.Product() | ex.MatMul() | ex.Dot() | ex.Outer():
            return sum(degrees)
        case ex.Quotient():
            return degrees[0] if not degrees[1] else math.inf
        case Abbreviation() if node.meaning is not None:
            return _degree(node.meaning)
        case Call():
            return math.inf
    return math.inf if any(degrees) else 0


def barrier(
    function: Any, *, lower: Any = None, upper: Any = None, index: Any = None, stop: bool = True
) -> Barrier:
    r"""Levels that a function of the state may reach, for `events=` of `sk.simulate`.

    Between two steps a path is a Brownian bridge, which passes a level b above x_0 and x_1 with
    probability $\exp(-2 (b - x_0)(b - x_1) / (\sigma^2 h))$; the time of passing is drawn from its
    law. This is exact for Brownian motion with drift at every step size, and leaves an error of
    order h elsewhere, where watching the ends of steps alone leaves one of order sqrt(h).

    Args:
        function: A scalar expression of the variables, such as x or x - y; or a variable with
            entries, of which `index` names one. The correction needs an affine one: others are
            watched at the ends of steps alone, and the run says so.
        lower: A level: number, parameter, or expression of parameters and the time. Reached from
            above.
        upper: A level reached from below.
        index: Entry of a vector (0, 1, ...) or matrix (a pair).
        stop: Whether a chain stays where it passes, at the level; the first of several events
            stops it. Other variables stand at their mean given the ends of the step, so that their
            spread lacks a part of order h. Otherwise it goes on, and its first passage is noted.

    Raises:
        SimulationError: If no level is given, or the function is no scalar.

    Source: Gobet (2000), Stoch. Proc. Appl. 87, 167 (correction); the hitting time t of a bridge
        has t/(h - t) inverse Gaussian with mean a/c and shape a^2/(sigma^2 h), for distances a and
        c of the level from its ends.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> walk = sk.Dynamics(drift={x: 1}, noise={x: 1})
        >>> run = sk.simulate(walk, 0.0, step_size=0.1, t1=20.0, chains=100, scheme="EM",
        ...                   events={"out": sk.barrier(x, upper=1.0)})
        >>> run.events["out"].times.shape
        (100,)

    Checked by: tests/simulation/events/test_events.py.
    """
    expression = as_expression(function)
    place = () if index is None else tuple(np.atleast_1d(np.asarray(index, dtype=int)).tolist())
    if len(place) != len(expression.shape) or (place and not isinstance(expression, Variable)):
        raise SimulationError(
            "the function of a barrier is no scalar",
            expected="a scalar expression, or a variable with the index of an entry",
            found=f"shape {tuple(map(str, expression.shape))}, index {index}",
        )
    if lower is None and upper is None:
        raise SimulationError(
            "a barrier has no level", expected="lower=, upper= or both", found="neither",
            fix="write sk.barrier(x, upper=1)",
        )  # fmt: skip
    numbers = [level for level in (lower, upper) if isinstance(level, Real)]
    if not np.all(np.isfinite(np.asarray(numbers, float))) or (
        len(numbers) == 2 and numbers[0] >= numbers[1]
    ):
        raise SimulationError(
            "the levels of a barrier are none",
            expected="finite numbers, the lower below the upper",
            found=", ".join(map(str, numbers)),
        )
    return Barrier(expression, place, _level(lower), _level(upper), bool(stop))


def _level(level: Any) -> Expression | None:
    if level is None:
        return None
    # A float of the user is a level, not a coefficient that something is proved about.
    found = as_expression(Fraction(float(level)) if isinstance(level, Real) else level)
    if found.shape or any(isinstance(node, Variable | Call) for node in found.walk()):
        raise SimulationError(
            "a level of a barrier is no number",
            expected="a number, or a scalar expression of parameters and the time",
            found=str(found),
            fix="take what reads the state to the other side: barrier(x - y, upper=0)",
        )
    return found


def read_events(given: Any) -> dict[str, Barrier]:
    """Barriers by name.

    Raises:
        SimulationError: If it is something else.
    """
    if isinstance(given, Barrier):
        return {"event": given}
    pairs = given.items() if isinstance(given, Mapping) else ()
    if pairs and all(isinstance(own, Barrier) and isinstance(n, str) for n, own in pairs):
        return dict(given)
    raise SimulationError(
        "events are no barriers",
        expected='sk.barrier(x, upper=1), or several by name: {"out": sk.barrier(...)}',
        found=repr(given)[:80],
        fix="give each barrier a name" if isinstance(given, list) else "make it with sk.barrier",
    )
