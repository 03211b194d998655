"""What is proved about the order of a scheme, statement by statement, and for which n.

Not for computing anything (`sdekit.schemes.order.order_series`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sdekit.schemes.order.free_algebra import universal_order
from sdekit.schemes.order.order_series import HIGHEST_ORDER, AllSizes, OneSize
from sdekit.schemes.split.flow_records import Inexact
from sdekit.schemes.split.splitting import Splitting
from sdekit.schemes.split.unroll import unroll


@dataclass(frozen=True)
class Claim:
    """One statement with the sizes it is proved for.

    Attributes:
        statement: What is proved.
        scope: For which sizes.
        method: How.
    """

    statement: str
    scope: str
    method: str

    def __str__(self) -> str:
        return f"{self.statement} [{self.scope}; {self.method}]"


def claims_of(
    parts: Splitting, scheme: str, one: OneSize, every: AllSizes | None
) -> tuple[Claim, ...]:
    """All statements about a scheme.

    Args:
        parts: The splitting.
        scheme: A word or a name.
        one: The orders at one size.
        every: What holds for all sizes; None if nothing was asked.
    """
    claims = [_weak_for_all_sizes(parts, scheme)]
    claims += _at_one_size("weak order", "A_k = L^k / k!", one.weak, one.weak_known, one)
    if one.step.slopes is None:
        claims.append(
            Claim("no H is declared: nothing is said of a stationary law", one.place, "-")
        )
    elif every is not None and every.is_stationary is False:
        claims.append(Claim("exp(-H) is not stationary", every.refuted_at, "L^dagger 1 is not 0"))
    elif one.invariant is None and one.invariant_known:
        claims.append(Claim("exp(-H) is not stationary", one.place, "L^dagger 1 is not 0"))
    elif one.invariant is None:
        claims.append(Claim("it is open whether exp(-H) is stationary", one.place, "L^dagger 1"))
    else:
        claims += _of_invariant_measure(one, every)
    return tuple(claims)


def _weak_for_all_sizes(parts: Splitting, scheme: str) -> Claim:
    """What holds for every n: the free algebra knows neither dimensions nor potentials."""
    scope = "all n" if parts.dynamics.dimensions else "components"
    if all(move.letter is None for move in unroll(parts, scheme)):
        return Claim("weak order >= 1", scope, "every stage is consistent")
    bound = universal_order(parts.parse(scheme), HIGHEST_ORDER)
    method = "the word agrees with the flow for any operators, in the free algebra"
    inexact = [part.flow.order for part in parts.parts if isinstance(part.flow, Inexact)]
    if inexact:
        bound = min(bound, *inexact)
        method += "; sub-integrators keep that order"
    return Claim(f"weak order >= {bound}", scope, method)


def _of_invariant_measure(one: OneSize, every: AllSizes | None) -> Iterator[Claim]:
    assert one.invariant is not None
    if every is not None and every.is_stationary:
        reason = f"A_k^dagger 1 = 0 for k <= {every.order} in the index calculus"
        yield Claim(f"invariant-measure order >= {every.order}", "all n", reason)
    what, test = "invariant-measure order", "A_k^dagger 1 = 0"
    yield from _at_one_size(what, test, one.invariant, one.invariant_known, one)


def _at_one_size(what: str, test: str, found: int, known: bool, one: OneSize) -> Iterator[Claim]:
    if not known:
        reason = f"{test} could not be decided for k = {found + 1}"
        yield Claim(f"{what} >= {found}", one.place, reason)
    elif found >= one.degree:
        yield Claim(f"{what} >= {found}", one.place, f"{test} for k <= {found}")
    else:
        reason = f"{test} for k <= {found}, not for {found + 1}"
        yield Claim(f"{what} = {found}", one.place, reason)
