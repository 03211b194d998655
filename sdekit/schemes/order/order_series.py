"""How far the power series of a scheme agree with those of the flow, at one size and at all.

Not for stating what follows (`sdekit.schemes.order.order_claims`).

Notation: A_k the coefficient of h^k in the one-step operator, L the generator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sdekit.calculus.limits import BudgetExceeded, Unsupported, spending
from sdekit.schemes.jet_ring.jets import Polynomial
from sdekit.schemes.order.one_step_series import adjoint_of_one, flow_symbol, step_symbol, weighted
from sdekit.schemes.order.ring_stages import Step, step_of
from sdekit.schemes.split.scheme_names import EULER_MARUYAMA
from sdekit.schemes.split.splitting import Splitting

#: Runge-Kutta sub-steps agree with the flow up to this power of h, so nothing beyond it is claimed.
HIGHEST_ORDER = 4
#: Seconds granted to the index calculus; known dynamics need half of one.
BUDGET = 5.0


@dataclass(frozen=True)
class OneSize:
    """Orders at one size.

    Attributes:
        step: The scheme in its ring.
        place: The size in words, such as "n = 1".
        degree: How many powers of h were looked at.
        weak: Largest r with A_k = L^k / k! for k <= r.
        weak_known: Whether the first k that fails was decided.
        invariant: Largest r with A_k^dagger 1 = 0 for k <= r; None without a stationary exp(-H).
        invariant_known: Whether the first k that fails was decided.
        leading: A_{r+1}^dagger 1 for that r, if it was reached.
    """

    step: Step
    place: str
    degree: int
    weak: int
    weak_known: bool
    invariant: int | None
    invariant_known: bool
    leading: Polynomial | None


@dataclass(frozen=True)
class AllSizes:
    """What the index calculus proves for every n.

    Attributes:
        is_stationary: Whether L^dagger 1 = 0: True for all n, False at some n, None if undecided.
        refuted_at: The size at which it is not, in words.
        order: Largest r, up to the one at n = 1, with A_k^dagger 1 = 0 for k <= r and all n.
        leading_text: A_{r+1}^dagger 1 in vector notation.
    """

    is_stationary: bool | None
    refuted_at: str = ""
    order: int = 0
    leading_text: str | None = None


def series_at(parts: Splitting, scheme: str, sizes: Mapping[str, int]) -> OneSize:
    """Orders of a scheme at one size.

    Raises:
        SchemeError: If the scheme does not fit, or a coefficient has no rule in the ring.
    """
    place = ", ".join(f"{name} = {size}" for name, size in sizes.items()) or "components"
    # Most schemes are of order 1 or 2: the long series is only made for those that are not.
    step = step_of(parts, scheme, sizes, 3)
    one = _orders(step, place, 3)
    if max(one.weak, one.invariant or 0) < 3:
        return one
    return _orders(step_of(parts, scheme, sizes, HIGHEST_ORDER), place, HIGHEST_ORDER)


def _orders(step: Step, place: str, degree: int) -> OneSize:
    weak, weak_known = _agreement(step, _weak_defects(step, degree))
    found, known, leading = _invariant(step, degree)
    return OneSize(step, place, degree, weak, weak_known, found, known, leading)


def _weak_defects(step: Step, degree: int) -> list[Polynomial]:
    """Symbols of A_k - L^k / k! for k = 1, ..., degree."""
    made = step_symbol(step.ring, step.stages, degree, step.dual)
    exact = flow_symbol(step.ring, step.whole, degree, step.dual)
    return [a - b for a, b in zip(made[1:], exact[1:], strict=True)]


def _agreement(step: Step, defects: list[Polynomial]) -> tuple[int, bool]:
    """How many leading defects vanish, and whether the first that does not was decided."""
    for k, defect in enumerate(defects):
        vanishes = step.ring.is_zero(defect)
        if not vanishes:
            return k, vanishes is False
    return len(defects), True


def _invariant(step: Step, degree: int) -> tuple[int | None, bool, Polynomial | None]:
    """The invariant-measure order (None if exp(-H) is not stationary) and its leading term."""
    if step.slopes is None:
        return None, True, None
    series = adjoint_of_one(step.ring, step.stages, degree, step.slopes)[1:]
    found, known = _agreement(step, series)
    if found == 0:
        return None, known, None
    return found, known, series[found] if found < len(series) else None


def for_all_sizes(parts: Splitting, scheme: str, one: OneSize) -> AllSizes | None:
    """The same for every n, where sizes are open and the law is stationary at n = 1."""
    sizes = [dim for dim in parts.dynamics.dimensions if dim.size is None]
    if not sizes or one.invariant is None:
        return None
    try:
        with spending(BUDGET):
            return _in_index_calculus(parts, scheme, one.invariant)
    except (Unsupported, BudgetExceeded):
        return _at_two(parts)


def _in_index_calculus(parts: Splitting, scheme: str, order: int) -> AllSizes:
    from sdekit.calculus import contraction
    from sdekit.schemes.order.all_sizes import adjoint_of_one as for_every_n

    series = for_every_n(parts, scheme, order + 1)
    if not contraction.is_zero(series[1]):
        return _at_two(parts)
    proved = 1
    while proved < order and contraction.is_zero(series[proved + 1]):
        proved += 1
    text = contraction.text(series[order + 1]) if proved == order < HIGHEST_ORDER else None
    return AllSizes(True, "", proved, text)


def _at_two(parts: Splitting) -> AllSizes:
    """Whether L^dagger 1 vanishes with every open size 2: that proves nothing, but may refute."""
    sizes = {dim.name: 2 for dim in parts.dynamics.dimensions if dim.size is None}
    step = step_of(parts, EULER_MARUYAMA.name, sizes, 1)
    assert step.slopes is not None
    along = weighted(step.ring, step.slopes)
    vanishes = step.ring.is_zero(step.whole.apply_adjoint(step.ring.one, along))
    return AllSizes(False if vanishes is False else None, "n = 2")
