r"""Integrate exp(-Q) over the auxiliary blocks, one after the other, in closed form.

Each step replaces Q by $-\log\int e^{-Q}dX$ with a family of `integrals`; what is left after the
last block is Q as a function of the target variables alone. Blocks that no family can do are left
open, with the reason. Not for judging the result (`marginalization`, `normalizability`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import Monomial, Terms, as_expression, total
from sdekit.calculus.expansion.rewriting import substituted
from sdekit.declaration.tree.expression import Call, Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.integrals.block_integrals import FAMILIES, integrate
from sdekit.verifier.integrals.location_scale import with_outside_sums_named
from sdekit.verifier.integrals.quadratic import involves
from sdekit.verifier.integrals.questions import Family, Integral, Outcome


@dataclass(frozen=True)
class Step:
    """One block that was integrated out, or could not be.

    Attributes:
        blocks: The block, or several that an unknown function couples.
        energy: The terms of Q that hold it, at that point.
        integral: What is known about the integral.
    """

    blocks: tuple[Variable, ...]
    energy: Expression
    integral: Integral

    @property
    def names(self) -> str:
        """Names of the blocks, for sentences."""
        return ", ".join(x.name for x in self.blocks)

    @property
    def reason(self) -> str:
        """What happened to the block, as a phrase."""
        return f"{self.names}: {self.integral.reason}"


@dataclass(frozen=True)
class Elimination:
    """What is left after integrating out the auxiliary blocks.

    Attributes:
        energy: -log of the integral, up to a constant; without the terms of `open_steps`.
        steps: Blocks done in closed form, in order.
        infinite: The step whose integral is infinite; then nothing else is to be read.
        open_steps: Blocks left; finite ones are marked so.
    """

    energy: Terms
    steps: tuple[Step, ...] = ()
    infinite: Step | None = None
    open_steps: tuple[Step, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether every block was done in closed form."""
        return self.infinite is None and not self.open_steps

    @property
    def is_finite(self) -> bool:
        """Whether the integral is known to be finite for every value of the other variables."""
        return self.infinite is None and all(
            step.integral.outcome is Outcome.FINITE for step in self.open_steps
        )

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What was taken for granted."""
        steps = (*self.steps, *self.open_steps)
        return tuple(a for step in steps for a in step.integral.assumptions)


@dataclass
class _State:
    energy: dict[Monomial, Fraction]
    blocks: list[Variable]
    outside: frozenset[Variable]
    families: tuple[Family, ...]
    steps: list[Step] = field(default_factory=list)


def eliminate(
    energy: Expression,
    blocks: Sequence[Variable],
    outside: Sequence[Variable],
    families: tuple[Family, ...] = FAMILIES,
) -> Elimination:
    """Integrate exp(-energy) over the blocks.

    Args:
        energy: Q, a scalar.
        blocks: What to integrate over.
        outside: The variables that stay.
        families: Theorems to use, as in `integrals.integrate`.

    Returns:
        The energy that is left; -log of the integral up to a constant where it is complete.

    Raises:
        TooLarge: If the energy has more terms than are worth expanding.

    Checked by: tests/verifier/integrals/test_block_integrals.py.
    """
    short, meanings = with_outside_sums_named(energy, blocks, outside)
    if meanings:
        # Fewer terms and clearer signs; sums that have to cancel are looked at in full below.
        named = _eliminated(short, blocks, (*outside, *meanings), families)
        if named.is_complete or named.infinite is not None:
            return _renamed(named, meanings)
    return _eliminated(energy, blocks, outside, families)


def _eliminated(
    energy: Expression,
    blocks: Sequence[Variable],
    outside: Sequence[Variable],
    families: tuple[Family, ...],
) -> Elimination:
    state = _State(dict(expand(energy)), list(blocks), frozenset(outside), families)
    while state.blocks:
        progress = _one_block(state) or _coupled_by_functions(state)
        if progress is None:
            return _stuck(state)
        if progress.integral.outcome is Outcome.INFINITE:
            return Elimination(state.energy, tuple(state.steps), infinite=progress)
    return Elimination(state.energy, tuple(state.steps))


def _renamed(found: Elimination, meanings: Mapping[Variable, Expression]) -> Elimination:
    """The result with the named sums written out again."""

    def step(old: Step) -> Step:
        return Step(old.blocks, substituted(old.energy, meanings), old.integral)

    energy = expand(substituted(as_expression(found.energy), meanings))
    infinite = None if found.infinite is None else step(found.infinite)
    return Elimination(energy, tuple(step(old) for old in found.steps), infinite)


def _terms_with(state: _State, blocks: Sequence[Variable]) -> dict[Monomial, Fraction]:
    return {m: c for m, c in state.energy.items() if any(involves(m, x) for x in blocks)}


def _others(state: _State, x: Variable) -> frozenset[Variable]:
    return state.outside | (frozenset(state.blocks) - {x})


def _one_block(state: _State) -> Step | None:
    for x in state.blocks:
        mine = _terms_with(state, (x,))
        integral = integrate(x, mine, _others(state, x), state.families)
        if integral.outcome in (Outcome.CLOSED, Outcome.INFINITE):
            return _record(state, (x,), mine, integral)
    return None


def _record(state: _State, blocks: tuple[Variable, ...], mine: Terms, integral: Integral) -> Step:
    step = Step(blocks, as_expression(mine), integral)
    if integral.outcome is Outcome.CLOSED:
        rest = {m: c for m, c in state.energy.items() if m not in mine}
        state.energy = total([rest, expand(integral.energy)])
        state.blocks = [y for y in state.blocks if y not in blocks]
        state.steps.append(step)
    return step


def _coupled_by_functions(state: _State) -> Step | None:
    """Blocks that an unknown function couples to each other, and to nothing outside."""
    for x in state.blocks:
        group = _group(state, x)
        mine = _terms_with(state, group)
        energy = as_expression(mine)
        calls = [node for node in energy.walk() if isinstance(node, Call)]
        unknown = any(call.depends_on(y) for call in calls for y in group)
        if not unknown or any(energy.depends_on(y) for y in state.outside):
            continue
        names = ", ".join(y.name for y in group)
        integral = Integral(
            Outcome.CLOSED,
            "integrable by assumption",
            assumptions=(f"exp(-({energy!r})) is integrable over ({names})",),
        )
        return _record(state, group, mine, integral)
    return None


def _group(state: _State, x: Variable) -> tuple[Variable, ...]:
    group = [x]
    grown = True
    while grown:
        mine = _terms_with(state, group)
        joined = [y for y in state.blocks if any(involves(m, y) for m in mine)]
        grown = len(joined) > len(group)
        group = joined or group
    return tuple(group)


def _stuck(state: _State) -> Elimination:
    """Blocks that are left; finite ones are finite for any value of the others."""
    steps = []
    for x in state.blocks:
        mine = _terms_with(state, (x,))
        integral = integrate(x, mine, _others(state, x), state.families)
        coupled = any(involves(m, y) for m in mine for y in state.blocks if y != x)
        if coupled and integral.outcome is Outcome.FINITE:
            integral = Integral(Outcome.UNKNOWN, f"coupled to others, {integral.reason}")
        steps.append(Step((x,), as_expression(mine), integral))
    left = _terms_with(state, state.blocks)
    rest = {m: c for m, c in state.energy.items() if m not in left}
    return Elimination(rest, tuple(state.steps), open_steps=tuple(steps))
