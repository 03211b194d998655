r"""Rung: detailed balance, plainly or up to an affine involution of the state.

With u the velocity of the probability current, the time-reversed process of a stationary one has
drift v - 2u. Detailed balance is u = 0; balance up to an involution is defined in
`involutions.flips`. Proved with reflections of blocks about their centres, half-turns of circles
and exchanges of two blocks; refuted by an argument against every affine involution only. Not for
deciding stationarity, without which there is no balance.

Source: Risken (1996), section 6.4; Pavliotis (2014), section 4.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sdekit.calculus.contraction import Tensor, counterexample, current, is_zero, residual, text
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.currents.periodicity import turned_function
from sdekit.verifier.involutions.flips import Flip, reverse, swaps
from sdekit.verifier.involutions.forced import contradictions
from sdekit.verifier.involutions.parities import reversing_flips
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Witness, proved, refuted, undecided

#: Exchanges of two blocks that are tried.
_MOST_SWAPS = 12


def check_reversibility(problem: Problem) -> Check:
    """Whether the stationary process looks the same backwards in time.

    Args:
        problem: A dynamics with H.

    Returns:
        Proved with the involution; refuted with a point where the current is not zero.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.

    Checked by: tests/verifier/rungs/test_reversibility.py.
    """
    if problem.is_balanced:
        held = [problem.check(name) for name in ("stationarity", "regularity")]
        if all(check.is_proved for check in held):
            return proved("detailed balance: the probability current vanishes")
    model = problem.lowered
    left = residual(model)
    if not is_zero(left):
        reason = "exp(-H) is not stationary, and without that there is no balance"
        found = _refutation(problem, left, f"{reason}; the residual is given")
        return undecided("exp(-H) was not shown to be stationary") if found is None else found
    stationary = problem.check("stationarity")
    if not stationary.is_proved:
        return undecided(f"exp(-H) was not shown to be stationary: {stationary.reason}")
    regular = problem.check("regularity")
    if regular.is_refuted:
        return undecided(f"exp(-H) is not stationary: {regular.reason}")
    velocity = current(model)
    if all(is_zero(u) for u in velocity.values()):
        return proved("detailed balance: the probability current vanishes")
    for chosen in _candidates(problem, velocity):
        if reverse(model, velocity, chosen):
            names = ", ".join(flip.text for flip in chosen if flip.text)
            return proved(
                f"detailed balance up to the involution {names}", details={"involution": names}
            )
    for tensor, reason in contradictions(problem, velocity):
        check = _refutation(problem, tensor, f"no affine involution reverses the current: {reason}")
        if check is not None:
            return check
    return undecided(
        "the probability current is not zero, and no reflection of blocks, half-turn of a circle "
        "or exchange of two blocks was seen to reverse it"
    )


def _candidates(
    problem: Problem, velocity: Mapping[Variable, Tensor]
) -> Iterator[tuple[Flip, ...]]:
    """Those of the linear system first, then exchanges."""
    flipped = reversing_flips(problem.lowered, velocity)
    if flipped is not None:
        yield flipped
    for number, pair in enumerate(swaps(problem.lowered)):
        if number < _MOST_SWAPS:
            yield pair


def _refutation(problem: Problem, tensor: Tensor, reason: str) -> Check | None:
    """A refutation with a point at which the tensor is not zero, if one is found."""
    if turned_function(problem.dynamics) is not None:
        # The functions of a counterexample need not have the period that is assumed of them.
        return None
    try:
        found = counterexample(tensor, sizes=problem.sizes)
    except Unsupported:
        return None
    if found is None:
        return None
    witness = Witness(found.dimensions, found.point, found.value, functions=found.functions)
    return refuted(reason, witness, residual=text(tensor))
