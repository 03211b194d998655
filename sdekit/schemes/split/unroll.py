"""From a scheme to the sequence of its moves: what the runner runs and what theory analyses.

This is the only place that knows which flows make a step, in which order, for which shares of it.

Not for names (`scheme_names`), for the flows themselves (`flow_records`, `splitting`) nor for
running them (`sdekit.simulation.steps`).

Checked by: tests/schemes/split/test_unroll.py, tests/simulation/steps/test_same_step.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SchemeError
from sdekit.schemes.split.affine import forces_of
from sdekit.schemes.split.flow_records import (
    Blocks,
    Flow,
    Inexact,
    IntervalNoise,
    Shift,
    Updates,
)
from sdekit.schemes.split.scheme_names import named
from sdekit.schemes.split.splitting import Splitting


@dataclass(frozen=True)
class Move:
    """One move of a step; everything it does not move stands still.

    Attributes:
        flow: How it is solved.
        share: How much of the step.
        updates: Its piece of the drift.
        diffusion: Its piece of the diffusion, both triangles.
        letter: The part it belongs to; None for a group of variables.
        gradient_noise: What a stochastic gradient adds to the diffusion, both triangles: read by
            theory, never drawn by a run.
        clock: Where in the step its coefficients read the time, which stands still meanwhile: the
            middle is a time of order 2 for every palindrome (half of it runs first, half last).
    """

    flow: Flow
    share: Fraction
    updates: Updates
    diffusion: Blocks
    letter: str | None = None
    clock: Fraction = Fraction(0)
    gradient_noise: Blocks = ()

    @property
    def name(self) -> str:
        """The letter, or the variables."""
        return self.letter or ", ".join(x.name for x in self.moves)

    @property
    def moves(self) -> tuple[Variable, ...]:
        """The variables that change."""
        return self.flow.variables

    @property
    def method(self) -> str:
        """ "exact", or the sub-integrator: "rk4", "strang", "euler_maruyama" or "moments"."""
        return self.flow.method if isinstance(self.flow, Inexact | IntervalNoise) else "exact"

    @property
    def calls(self) -> frozenset[ex.Call]:
        """The unknown functions that it evaluates, each with its arguments."""
        written = [rate for _, rate in self.updates] + [block for _, block in self.diffusion]
        return frozenset(node for e in written for node in e.walk() if isinstance(node, ex.Call))

    @property
    def forces(self) -> frozenset[ex.Call]:
        """The unknown functions whose gradients its drift reads."""
        return forces_of([rate for _, rate in self.updates])


def unroll(parts: Splitting, scheme: str | None = None) -> tuple[Move, ...]:
    """The moves of one step, the first one first.

    Args:
        parts: The splitting of the dynamics.
        scheme: A word over its letters, or a name; the default word when left out.

    Raises:
        SchemeError: If the scheme does not fit the dynamics, or a step of it is no sequence of
            flows and Euler-Maruyama steps; the reason is named.

    Example:
        >>> import sdekit as sk
        >>> parts = sk.splitting(sk.catalog.get("langevin"))
        >>> [(move.name, str(move.share)) for move in unroll(parts, "BAOAB")]
        [('B', '1/2'), ('A', '1/2'), ('O', '1'), ('A', '1/2'), ('B', '1/2')]
        >>> [move.name for move in unroll(parts, "SGHMC")]
        ['p', 'theta']
    """
    scheme = parts.default_word if scheme is None else scheme
    record = named(scheme)
    if record is None:
        word = parts.parse(scheme)
        return tuple(move for letter, share in word for move in _letter(parts, letter, share))
    if record.groups is None:
        raise SchemeError(
            f"there is no order theory of {record.name}",
            found=record.no_theory,
            fix=f"use a word such as {parts.default_word}, or measure with sk.empirical_order",
        )
    dynamics = parts.dynamics
    moves = (_group(dynamics, group) for group in record.groups(dynamics))
    return tuple(_carrying(move, parts.gradient_noise) for move in moves)


def moves_that_run(parts: Splitting, scheme: str) -> tuple[Move, ...]:
    """The moves of one step, those of schemes without order theory too.

    Raises:
        SchemeError: If the scheme does not fit, or no flows make its step.
    """
    record = named(scheme)
    if record is None or not record.method:
        return unroll(parts, scheme)
    check_scheme(parts, scheme)
    move = _group(parts.dynamics, parts.dynamics.variables)
    flow = move.flow if isinstance(move.flow, Inexact) else Inexact(move.updates, (), "")
    return (replace(move, flow=replace(flow, method=record.method)),)


def check_scheme(parts: Splitting, scheme: str) -> None:
    """Refuse a scheme that does not fit the parts, as far as the symbols tell.

    Raises:
        SchemeError: If it does not fit.
    """
    record = named(scheme)
    if record is None or record.groups is not None:
        unroll(parts, scheme)
    elif record.check is not None:
        record.check(parts.dynamics)


def _letter(parts: Splitting, letter: str, share: Fraction) -> tuple[Move, ...]:
    """One move, or one for each sub-step."""
    part = parts.part(letter)
    count = part.flow.substeps if isinstance(part.flow, Inexact) else 1
    move = Move(
        part.flow,
        share / count,
        part.updates,
        part.diffusion,
        letter,
        Fraction(1, 2),
        part.gradient_noise,
    )
    return (move,) * count


def _carrying(move: Move, carried: Blocks) -> Move:
    """The move of a group with the gradient noise of its variables."""
    moved = move.moves
    found = tuple((pair, block) for pair, block in carried if set(pair) & set(moved))
    for pair, _ in found:
        _check_together(pair, moved)
    return replace(move, gradient_noise=found) if found else move


def _group(dynamics: Dynamics, group: tuple[Variable, ...]) -> Move:
    """One Euler-Maruyama step of some variables."""
    updates = tuple((x, dynamics.drift[x]) for x in group if dynamics.drift[x] != ZERO)
    touched = tuple((pair, b) for pair, b in dynamics.blocks() if set(pair) & set(group))
    for pair, _ in touched:
        _check_together(pair, group)
    moved = {x for x, _ in updates}
    if not touched and not any(rate.variables & moved for _, rate in updates):
        return Move(Shift(updates), Fraction(1), updates, ())
    rows = {x: row for x, row in (dynamics.noise or {}).items() if x in group}
    shared = [x for x, row in (dynamics.noise or {}).items() if isinstance(row, tuple)]
    # Rows over shared motions whose products vanish are told apart by D alone.
    as_declared = bool(rows) and (set(shared) <= set(group) or not set(shared) & set(group))
    factor = tuple(rows.items()) if as_declared else ()
    flow = Inexact(updates, touched, "euler_maruyama", factor)
    return Move(flow, Fraction(1), updates, touched)


def _check_together(coupled: Sequence[Variable], moved: tuple[Variable, ...]) -> None:
    if not set(coupled) <= set(moved):
        raise SchemeError(
            "variables that share noise cannot be moved one after the other",
            found=", ".join(x.name for x in coupled),
            fix='use scheme="EM"',
        )


def fresh_gradients(moves: Sequence[Move], *, forces_only: bool = False) -> tuple[bool, ...]:
    """For each move of a step in a long run, whether it evaluates unknown functions anew.

    Neighbours share one evaluation while nothing that the function reads has moved, also across
    the end of a step.

    Args:
        moves: Of one step.
        forces_only: Whether functions count only where their gradients are a drift.
    """
    good: set[ex.Call] = set()
    found: list[bool] = []
    for _ in range(2):
        found = []
        for move in moves:
            calls = move.forces if forces_only else move.calls
            lost = {call for call in calls if call.variables & set(move.moves)}
            # Sub-integrators evaluate at points of their own in between.
            between = lost if move.method in ("rk4", "strang") else set()
            found.append(bool(calls - (good - between)))
            good = {call for call in good | calls if not call.variables & set(move.moves)}
    return tuple(found)
