"""Single steps of a kernel: which claims they make, and whether they keep exp(-H) by themselves.

Not for what steps show together (`composition`) nor for the mathematics of a claim, which is in the
module of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import singledispatch
from typing import Any

from sdekit.calculus.contraction import (
    Tensor,
    counterexample,
    current,
    is_zero,
    lower,
    residual,
    substitute,
    text,
)
from sdekit.calculus.contraction.tensor import combine, number
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import POSITIVE
from sdekit.declaration.functions.grammar import log
from sdekit.declaration.tree.expression import Expression
from sdekit.kernels.path import letters_of_word, moved_by
from sdekit.kernels.steps import (
    Choice,
    Delayed,
    Flow,
    Map,
    Metropolis,
    Midpoint,
    Refresh,
    Step,
)
from sdekit.verifier.markov.acceptance import (
    check_acceptance,
    check_involution,
    drawn_weights,
    has_noise,
    is_jump,
)
from sdekit.verifier.markov.composition import StepResult
from sdekit.verifier.markov.harmonic_flux import refute_by_paths, refute_by_sums
from sdekit.verifier.markov.imbalance import (
    refute_delayed,
    refute_invariance,
    refute_involution,
    refute_mixture,
    single_numbers,
)
from sdekit.verifier.markov.kernel_problem import KernelProblem, nonnegative, read_permutation
from sdekit.verifier.markov.refreshment import check_refreshment
from sdekit.verifier.markov.volume import check_volume, is_one_to_one, log_determinant
from sdekit.verifier.verdict import Check, Witness, proved, refuted, undecided


def guarded(check: Callable[..., Any], *arguments: Any) -> Any:
    """A check, undecided with the reason where the calculus ends."""
    try:
        return check(*arguments)
    except Unsupported as unsupported:
        return undecided(unsupported.reason)


@singledispatch
def result_of(step: Step, problem: KernelProblem) -> StepResult:
    """What is known of one step."""
    return _open(step, f"a {type(step).__name__} without acceptance is not seen to keep exp(-H)")


def _open(step: Step, reason: str, claims: dict[str, Check] | None = None) -> StepResult:
    return StepResult(step, undecided(reason), undecided(reason), claims or {})


@result_of.register
def _(step: Refresh, problem: KernelProblem) -> StepResult:
    check = guarded(check_refreshment, problem, step)
    # A refreshment that keeps the law, full or partial, is reversible.
    return StepResult(step, check, check, {"refreshment": check})


@result_of.register
def _(step: Metropolis, problem: KernelProblem) -> StepResult:
    weights = [w for part in step.proposal for w in drawn_weights(part)]
    if any(_reads_moved(weight, step) for weight in weights) and len(step.proposal) == 1:
        return _mixture(problem, step, single_numbers(step))
    claims: dict[str, Check] = {}
    if not is_jump(step):
        claims["volume"] = guarded(check_volume, problem, step)
        claims["involution"] = guarded(check_involution, problem, step)
    claims["acceptance"] = guarded(check_acceptance, problem, step)
    conditions: tuple[str, ...] = ()
    if weights:
        probable = guarded(check_weights, problem, weights)
        conditions = probable.side_conditions
        if not probable.is_proved:
            claims["acceptance"] = probable
    if all(claim.is_proved for claim in claims.values()):
        reason = "detailed balance of each proposal with its reverse"
        check = _proved_by(reason, list(claims.values()), conditions)
        return StepResult(step, check, check, claims)
    return _not_proved(problem, step, claims)


def _proved_by(reason: str, checks: Sequence[Check], conditions: tuple[str, ...] = ()) -> Check:
    """A proof from others, with what they take for granted."""
    return proved(
        reason,
        assumptions=tuple(a for check in checks for a in check.assumptions),
        assumed=next((check.assumed for check in checks if check.assumed), None),
        side_conditions=(*(c for check in checks for c in check.side_conditions), *conditions),
    )


def _not_proved(problem: KernelProblem, step: Metropolis, claims: dict[str, Check]) -> StepResult:
    """A Metropolis step with a claim that is open: exact points decide where they can."""
    if not is_jump(step) and not claims["involution"].is_proved:
        found = refute_involution(problem, step)
        if found is not None:
            reason = f"{claims['involution'].reason}: {found.reason}"
            claims["involution"] = replace(found, reason=reason)
    bijective = is_bijection(problem, step, claims)
    against = guarded(refute_invariance, problem, step) if bijective else None
    if against is not None and not against.is_refuted:
        against = None
    if against is None and (is_jump(step) or claims["involution"].is_proved):
        against = refute_by_paths(problem, step)
    if against is None and bijective and not claims["involution"].is_proved:
        against = refute_by_sums(problem, step)
    open_claims = [name for name, claim in claims.items() if not claim.is_proved]
    if against is None:
        reason = "; ".join(f"{name}: {claims[name].reason}" for name in open_claims)
        return _open(step, reason, claims)
    acceptance = claims["acceptance"]
    is_undone = is_jump(step) or claims["involution"].is_proved
    if acceptance.verdict == "undecided" and is_undone:
        reason = f"{acceptance.reason}; {against.reason}"
        claims["acceptance"] = replace(against, reason=reason)
    return StepResult(step, against, against, claims)


def is_bijection(problem: KernelProblem, step: Step, claims: Mapping[str, Check]) -> bool:
    """Whether the proposal of a step is known to be one, with the volume that is known of it."""
    if not isinstance(step, Metropolis) or claims.get("involution", undecided("")).is_proved:
        return isinstance(step, Metropolis)
    try:
        read_permutation(problem, step.flip)
    except Unsupported:
        return False
    return all(
        isinstance(part, Flow)
        or (isinstance(part, Midpoint) and claims["volume"].is_proved)
        or (isinstance(part, Map) and is_one_to_one(problem, part))
        for part in step.proposal
    )


@result_of.register
def _(step: Delayed, problem: KernelProblem) -> StepResult:
    attempts = [result_of(step.first, problem), result_of(step.second, problem)]
    claims = merged_claims(attempts)
    if any(has_noise(s) for s in (step.first, step.second)):
        return _open(step, "delayed rejection is known for maps without noise", claims)
    bad = next((r for r in attempts if not r.invariance.is_proved), None)
    if bad is None and step.remembers:
        reason = "the second ratio holds the first rejection, seen from both ends"
        check = _proved_by(reason, [r.invariance for r in attempts])
        return StepResult(step, check, check, claims)
    reason = (
        "the second attempt forgets the first rejection"
        if bad is None
        else f"an attempt is not in balance: {bad.invariance.reason}"
    )
    if all(is_bijection(problem, r.step, r.claims) for r in attempts):
        found = guarded(refute_delayed, problem, step)
        if found is not None and found.is_refuted:
            found = replace(found, reason=f"{reason}; {found.reason}")
            named = {} if bad is not None else {"acceptance": found}
            return StepResult(step, found, found, {**claims, **named})
    return _open(step, reason, claims)


# ------------------------------------------------------------------ random choices


def _reads_moved(weight: Any, step: Step) -> bool:
    return any(weight.depends_on(x) for x in moved_by(step))


def _mixture(
    problem: KernelProblem, step: Step, options: Sequence[tuple[Tensor, Metropolis]]
) -> StepResult:
    """Steps drawn with weights that read what they move."""
    single = [result_of(option, problem) for _, option in options]
    claims = merged_claims(single)
    if all(is_bijection(problem, option.step, option.claims) for option in single):
        found = guarded(refute_mixture, problem, options)
        if found is not None and found.is_refuted:
            reason = f"the weights read the state: {found.reason}"
            found = replace(found, reason=reason)
            return StepResult(step, found, found, {**claims, "acceptance": found})
    return _open(step, "the weights of a choice read what the steps move", claims)


def _balanced_with_weights(problem: KernelProblem, step: Choice) -> StepResult | None:
    """Options each in balance with exp(-H) times its weight, which reads what it moves.

    Source: Green (1995), section 3.
    """
    results = []
    energy = problem.kernel.hamiltonian
    for weight, option in step.options:
        own = problem
        if _reads_moved(weight, option):
            if not isinstance(option, Metropolis) or entry_signs(weight) != POSITIVE:
                return None
            own = KernelProblem(replace(problem.kernel, hamiltonian=energy - log(weight)))
            # What is accepted with is what is stated, or H of the kernel, and no other law.
            option = option if option.energy is not None else replace(option, energy=energy)
        results.append(result_of(option, own))
    if not all(r.invariance.is_proved for r in results):
        return None
    check = _proved_by(
        "each option keeps exp(-H) times its weight", [r.invariance for r in results]
    )
    loose = next((r.reversibility for r in results if not r.reversibility.is_proved), check)
    return StepResult(step, check, loose, merged_claims(results))


def check_weights(problem: KernelProblem, weights: Sequence[Expression]) -> Check:
    """Whether some weights are probabilities; for parameters with a side condition.

    Raises:
        Unsupported: If a weight is outside the calculus.
    """
    left = combine([(Fraction(-1), number(1)), *((Fraction(1), lower(w)) for w in weights)])
    if not is_zero(left):
        return undecided(f"the weights are not seen to sum to 1, but to {text(left)} more")
    conditions = [nonnegative(problem, weight) for weight in weights]
    return proved("the weights are probabilities", side_conditions=tuple(filter(None, conditions)))


@result_of.register
def _(step: Choice, problem: KernelProblem) -> StepResult:
    weights = guarded(check_weights, problem, [weight for weight, _ in step.options])
    if not weights.is_proved:
        return _open(step, weights.reason)
    if any(_reads_moved(weight, option) for weight, option in step.options):
        moves = [option for _, option in step.options]
        balanced = guarded(_balanced_with_weights, problem, step)
        if isinstance(balanced, StepResult):
            return balanced
        if all(isinstance(option, Metropolis) for option in moves):
            return _mixture(problem, step, [(lower(w), s) for w, s in step.options])  # type: ignore[misc]
        return _open(step, "the weights of a choice read what the steps move")
    results = [result_of(option, problem) for _, option in step.options]
    claims = merged_claims(results)
    bad = [(w, r) for (w, _), r in zip(step.options, results, strict=True) if not _is_kept(r)]
    if bad:
        found = _wrong_options(problem, bad)
        reason = f"an option is not seen to keep exp(-H): {bad[0][1].invariance.reason}"
        return StepResult(step, found, found, claims) if found else _open(step, reason, claims)
    check = _proved_by(
        "each option keeps exp(-H), and the weights do not read what it moves",
        [weights, *(r.invariance for r in results)],
    )
    loose = next((r.reversibility for r in results if not r.reversibility.is_proved), check)
    return StepResult(step, check, loose, claims)


def _is_kept(result: StepResult) -> bool:
    return result.invariance.is_proved


def _wrong_options(
    problem: KernelProblem, bad: Sequence[tuple[Expression, StepResult]]
) -> Check | None:
    """A refutation of options whose weights do not read what they move; others keep exp(-H)."""
    steps = [result.step for _, result in bad]
    ((weight, only), *more) = bad
    if not more and only.invariance.is_refuted and entry_signs(weight) == POSITIVE:
        return replace(only.invariance, reason=f"an option is wrong: {only.invariance.reason}")
    if all(is_bijection(problem, result.step, result.claims) for _, result in bad):
        options = [(lower(w), s) for (w, _), s in zip(bad, steps, strict=True)]
        found = guarded(refute_mixture, problem, options)
        return found if found is not None and found.is_refuted else None
    return None


#: From the weakest verdict of one name to the strongest.
_RANK = {"refuted": 0, "undecided": 1, "proved": 2}


def merged_claims(results: list[StepResult]) -> dict[str, Check]:
    """The claims of several steps, the weakest of each name."""
    found: dict[str, Check] = {}
    for result in results:
        for name, claim in result.claims.items():
            before = found.get(name)
            if before is None or _RANK[claim.verdict] < _RANK[before.verdict]:
                found[name] = claim
            elif claim.is_proved and before.is_proved and claim.reason not in before.reason:
                found[name] = replace(
                    before,
                    reason=f"{before.reason}; {claim.reason}",
                    assumptions=(*before.assumptions, *claim.assumptions),
                    side_conditions=(*before.side_conditions, *claim.side_conditions),
                    assumed=before.assumed or claim.assumed,
                )
    return found


# ------------------------------------------------------------------ maps and flows by themselves


@result_of.register
def _(step: Map, problem: KernelProblem) -> StepResult:
    volume = guarded(check_volume, problem, step)
    undone = guarded(check_involution, problem, Metropolis((step,)))
    check = undone
    if undone.is_proved or guarded(is_one_to_one, problem, step) is True:
        check = guarded(_map_invariance, problem, step)
    loose = check if undone.is_proved else undecided("a map that is not its own inverse")
    return StepResult(step, check, loose, {"volume": volume})


def _map_invariance(problem: KernelProblem, step: Map) -> Check:
    images = {x: lower(image, x.shape) for x, image in step.images}
    left = substitute(problem.energy, images) - problem.energy - log_determinant(problem, step)
    if is_zero(left):
        return proved("a map, one to one, that keeps exp(-H)")
    found = counterexample(left)
    reason = "the map changes H less log-volume"
    if found is None:
        return undecided(reason, residual=text(left))
    witness = Witness(found.dimensions, found.point, found.value, functions=found.functions)
    return refuted(reason, witness, residual=text(left))


@result_of.register
def _(step: Midpoint, problem: KernelProblem) -> StepResult:
    volume = guarded(check_volume, problem, step)
    always = Metropolis((step,), accept="always")
    if volume.is_proved:
        found = guarded(refute_invariance, problem, always)
        if found is not None and found.is_refuted:
            return StepResult(step, found, found, {"volume": volume})
    reason = "the midpoint rule without acceptance is not seen to keep exp(-H)"
    return _open(step, reason, {"volume": volume})


@result_of.register
def _(step: Flow, problem: KernelProblem) -> StepResult:
    try:
        models = [problem.model(letter.part) for letter in letters_of_word(step)]
        claims: dict[str, Check] = {}
        if any(not model.diffusion for model in models):
            claims["volume"] = guarded(check_volume, problem, step)
        if all(is_zero(residual(model)) for model in models):
            check = proved("exp(-H) is stationary under each letter")
            balanced = all(is_zero(u) for model in models for u in current(model).values())
            word = letters_of_word(step)
            if balanced and word == word[::-1]:
                return StepResult(step, check, check, claims)
            return StepResult(step, check, undecided("a flow has no reverse by itself"), claims)
        always = Metropolis((step,), accept="always")
        found = refute_invariance(problem, always) or refute_by_sums(problem, always)
    except Unsupported as unsupported:
        return _open(step, unsupported.reason)
    if found is None:
        return _open(step, "a letter does not keep exp(-H) by itself", claims)
    return StepResult(step, found, found, claims)
