r"""Composition: what the steps of a kernel show about the whole.

Kernels that keep exp(-H) keep it one after the other; a palindrome of reversible ones is
reversible. After one step that does not, what follows may hide it: only steps that lose nothing,
or that can be followed at exact points, leave the refutation standing. Not for single steps.

Checked by: tests/verifier/markov/test_kernel_ladder.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flint import arb, ctx, fmpq

from sdekit.calculus.contraction import lower
from sdekit.calculus.contraction.values.concrete_model import OutsideDomain
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.operators import ZERO
from sdekit.kernels.steps import Map, Metropolis, Refresh, Step
from sdekit.verifier.markov.acceptance import check_acceptance, check_involution
from sdekit.verifier.markov.exact_moves import (
    PRECISION,
    Place,
    log_acceptance,
    propose,
    shown,
    state_texts,
)
from sdekit.verifier.markov.gaussian_chain import refute_by_covariance
from sdekit.verifier.markov.harmonic_flux import refute_by_paths
from sdekit.verifier.markov.imbalance import single_numbers, tried_places, witness_at
from sdekit.verifier.markov.kernel_problem import KernelProblem, keeps_energy, read_flip
from sdekit.verifier.markov.refreshment import Refreshed
from sdekit.verifier.markov.volume import check_volume
from sdekit.verifier.verdict import Check, proved, refuted, undecided


@dataclass(frozen=True)
class StepResult:
    """What is known of one step.

    Attributes:
        step: The step.
        invariance: Whether it keeps exp(-H) by itself.
        reversibility: Whether it is in detailed balance.
        claims: The checks that led there, by name.
    """

    step: Step
    invariance: Check
    reversibility: Check
    claims: dict[str, Check] = field(default_factory=dict)


def compose_invariance(problem: KernelProblem, results: Sequence[StepResult]) -> Check:
    """Whether the steps one after the other keep exp(-H)."""
    results = tuple(results)
    wrong = next((k for k, r in enumerate(results) if not r.invariance.is_proved), None)
    if wrong is None:
        reason = "exp(-H) is kept by the step" if len(results) == 1 else "each step keeps exp(-H)"
        return proved(
            reason,
            assumptions=tuple(a for r in results for a in r.invariance.assumptions),
            side_conditions=tuple(c for r in results for c in r.invariance.side_conditions),
            assumed=next((r.invariance.assumed for r in results if r.invariance.assumed), None),
        )
    found, later = results[wrong], results[wrong + 1 :]
    absorbed = _absorbed(problem, found, later[:1])
    if absorbed is not None:
        repaired = replace(found, invariance=absorbed)
        return compose_invariance(problem, (*results[:wrong], repaired, *later))
    if found.invariance.is_refuted and all(_loses_nothing(r) for r in later):
        if wrong and not later and _absorbed(problem, found, results[:1]) is not None:
            reason = (
                f"{found.invariance.reason}; seen where {_names(results[0])} has just been redrawn"
            )
            return replace(found.invariance, reason=f"{reason}, the flip left out changes nothing")
        return found.invariance
    summed = _summed(problem, found, later)
    if summed is not None:
        return summed
    if isinstance(found.step, Refresh) and found.invariance.is_refuted and later:
        tracked = _track(problem, found, later)
        if tracked is not None:
            return tracked
    chained = refute_by_covariance(problem, [r.step for r in results])
    if chained is not None:
        return chained
    reason = f"step {wrong + 1} is not seen to keep exp(-H): {found.invariance.reason}"
    if found.invariance.is_refuted:
        reason = (
            f"step {wrong + 1} alone does not keep exp(-H) ({found.invariance.reason}); whether "
            "the steps behind it repair that is not decided"
        )
    return undecided(reason)


def _summed(problem: KernelProblem, found: StepResult, later: Sequence[StepResult]) -> Check | None:
    """A refutation of what is left of a wrong step behind a full refreshment."""
    if not (isinstance(found.step, Metropolis) and later):
        return None
    refresh, *rest = later
    is_full = isinstance(refresh.step, Refresh) and refresh.step.keep == ZERO
    undone = found.claims.get("involution")
    if not (is_full and refresh.invariance.is_proved and undone is not None and undone.is_proved):
        return None
    if not all(_loses_nothing(r) for r in rest):
        return None
    assert isinstance(refresh.step, Refresh)
    return refute_by_paths(problem, found.step, refresh.step.variables)


def _names(result: StepResult) -> str:
    assert isinstance(result.step, Refresh)
    return ", ".join(x.name for x in result.step.variables)


def _absorbed(
    problem: KernelProblem, found: StepResult, behind: Sequence[StepResult]
) -> Check | None:
    """A proof where a flip that is left out is of blocks that are redrawn in full right behind."""
    step = found.step
    if not (isinstance(step, Metropolis) and not step.flip and behind):
        return None
    refresh = behind[0]
    is_full = isinstance(refresh.step, Refresh) and refresh.step.keep == ZERO
    if not (is_full and refresh.invariance.is_proved):
        return None
    assert isinstance(refresh.step, Refresh)
    flipped = replace(step, flip=tuple((x, -x) for x in refresh.step.variables))
    try:
        if not keeps_energy(problem, read_flip(problem, flipped.flip)):
            return None
        checks = (check_involution, check_acceptance, check_volume)
        claims = [check(problem, flipped) for check in checks]
    except Unsupported:
        return None
    if any(claim is None or not claim.is_proved for claim in claims):
        return None
    return proved(
        "what is not flipped is redrawn in full",
        assumptions=tuple(a for claim in claims if claim is not None for a in claim.assumptions),
        assumed=next((c.assumed for c in claims if c is not None and c.assumed), None),
    )


def _loses_nothing(result: StepResult) -> bool:
    """Whether two laws before a step that keeps exp(-H) are two laws behind it."""
    if not result.invariance.is_proved:
        return False
    if isinstance(result.step, Refresh):
        # Scaling by c and adding a Gaussian is invertible for every c but 0.
        return result.step.keep != ZERO and bool(_never_zero(result.step))
    return isinstance(result.step, Map)


def _never_zero(step: Refresh) -> bool:
    from sdekit.calculus.signs.implied_signs import entry_signs
    from sdekit.calculus.signs.sign_values import POSITIVE

    return entry_signs(step.keep) == POSITIVE


def _track(problem: KernelProblem, first: StepResult, later: Sequence[StepResult]) -> Check | None:
    """A point at which the law behind a wrong refreshment and reversible steps is not exp(-H)."""
    assert isinstance(first.step, Refresh)
    if not all(r.invariance.is_proved and r.reversibility.is_proved for r in later):
        return None
    steps = [r.step for r in later]
    try:
        density = Refreshed(problem, first.step)
        while steps and isinstance(steps[0], Refresh):
            # What it does not read may be redrawn.
            if any(map(density.reads, steps[0].variables)):
                return None
            steps = steps[1:]
        moves = [step for step in steps if isinstance(step, Metropolis)]
        if not steps:
            return first.invariance
        if len(moves) != 1 or any(not isinstance(s, (Metropolis, Map)) for s in steps):
            return None
        for place, count in tried_places(problem, moves[0]):
            density.make_quadratic(place)
            check = _at_place(place, count, density, steps, moves[0])
            if check is not None:
                return check
    except Unsupported:
        return None
    return None


def _at_place(
    place: Place, count: int, density: Refreshed, steps: list[Any], move: Metropolis
) -> Check | None:
    try:
        with ctx.workprec(PRECISION):
            start = place.state()
            ratio = _mean(place, count, density, list(reversed(steps)))
            place.put(start)
            if (ratio - 1).contains(0):
                return None
            details = {
                "state": state_texts(place, start),
                "density behind the kernel, over exp(-H)": shown(ratio),
            }
            return refuted(
                "exp(-H) is not kept: a wrong refreshment is not repaired by the steps behind it",
                witness_at(place, move, count, shown(ratio - 1)),
                details=details,
            )
    except OutsideDomain:
        return None


def _mean(place: Place, count: int, density: Refreshed, steps: list[Any]) -> arb:
    """The density ratio one step behind another, each reversible: its mean over the next state."""
    if not steps:
        return density.log_ratio(place).exp()
    step, *rest = steps
    start = place.state()
    if isinstance(step, Map):
        place.apply_images([(x, lower(image, x.shape)) for x, image in step.images])
        value = _mean(place, count, density, rest)
    else:
        stay = _mean(place, count, density, rest)
        place.put(start)
        value = arb(0)
        for weight, option in single_numbers(step):
            chance = place.value(weight)
            propose(place, option, count)
            accepted = arb(log_acceptance(place, option, place.counted)).exp()
            moved = _mean(place, count, density, rest)
            value += chance * (accepted * moved + (fmpq(1) - accepted) * stay)
            place.put(start)
    place.put(start)
    return value


def compose_reversibility(
    problem: KernelProblem, results: Sequence[StepResult], invariance: Check
) -> Check:
    """Whether the steps one after the other are in detailed balance.

    A full refreshment at the start may be repeated at the end: seen without the blocks that it
    redraws, the chain is the same.
    """
    if not invariance.is_proved:
        return undecided("exp(-H) was not shown to be kept")
    open_one = next((r for r in results if not r.reversibility.is_proved), None)
    if open_one is not None:
        return undecided(open_one.reversibility.reason)
    steps = [r.step for r in results]
    if steps == steps[::-1]:
        many = "" if len(steps) == 1 else ": a palindrome of steps that are"
        return proved(f"detailed balance{many}")
    ends = (steps[0], steps[-1])
    for end, doubled in zip(ends, (steps + steps[:1], steps[-1:] + steps), strict=True):
        is_full = isinstance(end, Refresh) and end.keep == ZERO
        if is_full and doubled == doubled[::-1]:
            assert isinstance(end, Refresh)
            redrawn = ", ".join(x.name for x in end.variables)
            rest = [x.name for x in problem.kernel.variables if x not in end.variables]
            return proved(
                f"detailed balance of the chain of {', '.join(rest)}: {redrawn} is redrawn in full "
                "each time, and with that at both ends the steps are a palindrome of reversible "
                "ones",
                details={"chain": rest},
            )
    return undecided(
        "exp(-H) is kept, but the steps are no palindrome of reversible ones: detailed balance is "
        "not claimed"
    )
