r"""Exact points at which a kernel step does not keep exp(-H): a state, a proposal, both sides.

A step that moves y to $\Phi(y)$ with probability a(y), and else stays, keeps the density at
$z = \Phi(y)$ exactly if what flows in is what flows out,
$$\rho(y)\,a(y)\,/\,|\det D\Phi(y)| = \rho(z)\,a(z).$$
Densities are continuous, so that one point where the two differ refutes. The polynomials that stand
for unknown functions at a point agree there with smooth functions of any growth. Not for proofs.

Checked by: tests/verifier/markov/test_kernel_ladder.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from flint import arb, ctx, fmpq

from sdekit.calculus.contraction import Tensor, lower
from sdekit.calculus.contraction.tensor import number as constant
from sdekit.calculus.contraction.values.concrete_model import OutsideDomain
from sdekit.calculus.contraction.values.evaluate import model_texts
from sdekit.calculus.contraction.values.function_polynomials import Value
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Parameter
from sdekit.kernels.path import letters_of_word
from sdekit.kernels.steps import Delayed, Drawn, Flow, Metropolis, Midpoint
from sdekit.verifier.markov.exact_moves import (
    PRECISION,
    Place,
    State,
    chance_of_moving,
    log_acceptance,
    places,
    propose,
    shown,
    state_texts,
    withdraw,
)
from sdekit.verifier.markov.kernel_problem import KernelProblem
from sdekit.verifier.verdict import Check, Witness, refuted

#: Points tried for one claim: at three sizes where there is one.
TRIED = 18
#: The step size of a point: small steps make small numbers.
SMALL_STEP = fmpq(1, 2)
#: That of an implicit one, which iteration has to find.
IMPLICIT_STEP = fmpq(1, 32)
#: Numbers of steps tried where every number is claimed.
COUNTS = (1, 2)


def surely_differ(left: Value, right: Value) -> bool:
    """Whether two numbers, or all numbers of two balls, differ."""
    gap = left - right
    return bool(gap != 0) if isinstance(gap, fmpq) else not arb(gap).contains(0)


def tried_places(problem: KernelProblem, step: Metropolis) -> Iterator[tuple[Place, int]]:
    """Points and numbers of steps at which a step is tried."""
    tensors = _tensors(step)
    for place in islice(places(problem, tensors), TRIED):
        for part in step.proposal:
            size = getattr(part, "step_size", None)
            if isinstance(size, Parameter) and size.value is None:
                small = IMPLICIT_STEP if isinstance(part, Midpoint) else SMALL_STEP
                place.model.symbols[size] = {(): small}
        for count in _counts(place, step):
            yield place, count


def _counts(place: Place, step: Metropolis) -> tuple[int, ...]:
    """The numbers of steps to try: of a random number, those that occur."""
    for part in step.proposal:
        steps = getattr(part, "steps", 1)
        if isinstance(steps, Drawn):
            return tuple(count for count, weight in steps.weights if weight != ZERO)
        if isinstance(steps, Dim):
            size = place.model.sizes.get(steps, steps.size)
            return COUNTS if size is None else (size,)
    return (1,)


def single_numbers(step: Metropolis) -> list[tuple[Tensor, Metropolis]]:
    """A step for each number of steps that is drawn, with its weight; the step itself if none is.

    Raises:
        Unsupported: If a random number of steps stands beside other moves.
    """
    if not any(isinstance(getattr(part, "steps", 1), Drawn) for part in step.proposal):
        return [(constant(1), step)]
    if len(step.proposal) > 1:
        raise Unsupported("a random number of steps stands beside other moves")
    flow = next(iter(step.proposal))
    assert isinstance(flow, (Flow, Midpoint)) and isinstance(flow.steps, Drawn)
    return [
        (lower(weight), replace(step, proposal=(replace(flow, steps=count),)))
        for count, weight in flow.steps.weights
        if weight != ZERO
    ]


def _tensors(step: Metropolis) -> list[Tensor]:
    found = [] if step.energy is None else [lower(step.energy)]
    for part in step.proposal:
        if isinstance(part, Flow):
            found.append(lower(part.step_size))
            for letter in letters_of_word(part):
                found += [lower(rate, x.shape) for x, rate in letter.part.updates]
    return found


def _open_count(step: Metropolis) -> str | None:
    """The name of an open number of steps; None if there is none."""
    for part in step.proposal:
        steps = getattr(part, "steps", 1)
        if isinstance(steps, Dim):
            return steps.name
        if isinstance(steps, Drawn):
            return "steps"
    return None


def attempt(
    problem: KernelProblem,
    step: Metropolis,
    claim: Callable[[Place, int], tuple[str, Value, dict[str, Any]] | None],
) -> Check | None:
    """The first point at which a claim fails, as a refuted check.

    Args:
        problem: The kernel.
        step: What is tried.
        claim: What fails at a place with a number of steps: the reason, the value that should be
            zero, and details; None where nothing does.
    """
    for place, count in tried_places(problem, step):
        try:
            with ctx.workprec(PRECISION):
                start = place.state()
                found = claim(place, count)
                place.put(start)
                if found is None:
                    continue
                reason, value, details = found
                return refuted(
                    reason, witness_at(place, step, count, shown(value)), details=details
                )
        except OutsideDomain:
            continue
        except Unsupported:
            return None
    return None


def witness_at(place: Place, step: Metropolis, count: int, value: str) -> Witness:
    """The present place as a witness."""
    dimensions, point, functions = model_texts(place.model)
    name = _open_count(step)
    if name is not None:
        dimensions[name] = count
    return Witness(dimensions, point, value, functions=functions)


def refute_involution(problem: KernelProblem, step: Metropolis) -> Check | None:
    """A state to which the proposal, made twice, does not return."""

    def claim(place: Place, count: int) -> tuple[str, Value, dict[str, Any]] | None:
        start = place.state()
        propose(place, step, count)
        middle = place.state()
        propose(place, step, count)
        gap = _gap(start, place.state())
        if gap is None:
            return None
        details = {
            "state": state_texts(place, start),
            "proposal": state_texts(place, middle),
            "after twice": state_texts(place, place.state()),
        }
        return "the flipped proposal, made twice, does not return", gap, details

    return attempt(problem, step, claim)


def _gap(first: State, second: State) -> Value | None:
    for x, entries in first.items():
        for index, value in entries.items():
            if surely_differ(value, second[x][index]):
                return second[x][index] - value
    return None


def refute_invariance(problem: KernelProblem, step: Metropolis) -> Check | None:
    """A state into which more or less density flows than out of it.

    Raises:
        Unsupported: If a random number of steps stands beside other moves.
    """
    options = single_numbers(step)
    if len(options) > 1:
        return refute_mixture(problem, options)
    ((_, step),) = options
    return attempt(problem, step, lambda place, count: _flows(place, step, count))


def _flows(place: Place, step: Metropolis, count: int) -> tuple[str, Value, dict[str, Any]] | None:
    start, below = place.state(), place.energy()
    before = place.log_volume
    propose(place, step, count)
    there, above, ratio = place.state(), place.energy(), place.counted
    stretched = place.log_volume - before
    if _gap(start, there) is None:
        return None
    propose(place, step, count)
    back = place.counted
    place.put(there)
    returns = log_acceptance(place, step, back)
    place.put(start)
    goes = log_acceptance(place, step, ratio)
    for accepted, state, proposal in ((goes, start, there), (returns, there, start)):
        if accepted > 0:
            details = {"state": state_texts(place, state), "proposal": state_texts(place, proposal)}
            reason = "the acceptance is no probability: its logarithm is positive at a proposal"
            return reason, accepted, {**details, "log acceptance": shown(accepted)}
    into, out = goes - below - stretched, returns - above
    if not surely_differ(into, out):
        return None
    details = {
        "state": state_texts(place, start),
        "proposal": state_texts(place, there),
        "log density flowing to the proposal": shown(into),
        "log density flowing from it": shown(out),
    }
    reason = (
        f"exp(-H) is not kept: log density {shown(into)} flows to the proposal, "
        f"{shown(out)} flows away from it"
    )
    return reason, into - out, details


def refute_delayed(problem: KernelProblem, step: Delayed) -> Check | None:
    """A state into which two attempts together carry more or less density than out of it.

    Args:
        problem: The kernel.
        step: Two attempts, each a bijection without noise.
    """
    first, second = step.first, step.second

    def one(place: Place, count: int) -> Value:
        return chance_of_moving(place, first, count)

    def two(place: Place, count: int) -> Value:
        missed = 1 - chance_of_moving(place, first, count)
        if missed == 0:
            return fmpq(0)
        start = place.state()
        propose(place, second, count)
        ratio = place.counted
        if step.remembers:
            there = 1 - chance_of_moving(place, first, count)
            if there == 0:
                place.put(start)
                return fmpq(0)
            ratio = ratio + there.log() - missed.log()
        place.put(start)
        return missed * arb(log_acceptance(place, second, ratio)).exp()

    return _refute_sum(problem, [(one, first), (two, second)])


def refute_mixture(
    problem: KernelProblem, options: Sequence[tuple[Tensor, Metropolis]]
) -> Check | None:
    """A state into which a random choice of steps carries more or less density than out of it.

    Args:
        problem: The kernel.
        options: Weights, which may read the state, and steps, each a bijection. Options that keep
            exp(-H) by themselves may be left out where their weights do not read what they move.
    """

    def weighted(weight: Tensor, step: Metropolis) -> Callable[[Place, int], Value]:
        def chance(place: Place, count: int) -> Value:
            return _probability(place, weight) * chance_of_moving(place, step, count)

        return chance

    return _refute_sum(problem, [(weighted(w, step), step) for w, step in options])


def _refute_sum(
    problem: KernelProblem,
    moves: Sequence[tuple[Callable[[Place, int], Value], Metropolis]],
) -> Check | None:
    r"""A state at which moves with their probabilities together do not balance.

    What flows in less what flows out at z, divided by the density, is
    $$\sum_i c_i(y_i)\,\frac{\rho(y_i)}{\rho(z)\,|\det D\Phi_i(y_i)|} - c_i(z),
    \quad y_i = \Phi_i^{-1}(z),$$ c_i the probability of moving along $\Phi_i$.
    """

    def claim(place: Place, count: int) -> tuple[str, Value, dict[str, Any]] | None:
        start, height = place.state(), place.energy()
        flows_in, flows_out = arb(0), arb(0)
        details: dict[str, Any] = {"state": state_texts(place, start)}
        for number, (chance, step) in enumerate(moves, start=1):
            propose(place, step, count)
            details[f"proposal {number}"] = state_texts(place, place.state())
            place.put(start)
            out = chance(place, count)
            withdraw(place, step, count)
            into, below, volume = chance(place, count), place.energy(), place.log_volume
            propose(place, step, count)
            if _gap(start, place.state()) is not None:
                raise Unsupported("a step is not undone by its moves run backwards")
            stretched = below - height + place.log_volume - volume
            flows_in, flows_out = flows_in + into * arb(-stretched).exp(), flows_out + out
            place.put(start)
        if not surely_differ(flows_in, flows_out):
            return None
        details["flows to the state, over its density"] = shown(flows_in)
        details["flows away from it"] = shown(flows_out)
        reason = (
            f"{shown(flows_in)} of the density flows to the state, {shown(flows_out)} away from it"
        )
        return reason, flows_in - flows_out, details

    steps = [step for _, step in moves]
    lead = next((step for step in steps if _open_count(step) is not None), steps[0])
    return attempt(problem, lead, claim)


def _probability(place: Place, weight: Tensor) -> Value:
    found = place.value(weight)
    if not found >= 0:
        raise OutsideDomain("a weight below zero")
    return found
