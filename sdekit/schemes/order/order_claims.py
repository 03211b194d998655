r"""What is proved about the order of a scheme, statement by statement, and for which n.

A word whose parts move by their exact flows has $P_h = e^{h c_1 L_{l_1}} e^{h c_2 L_{l_2}} \cdots$,
the dynamics itself $e^{h(L_A + L_B + \dots)}$. Both are power series in letters that do not
commute; where they agree up to degree r in the free associative algebra they agree for every
dynamics, every dimension and every potential. Palindromes agree up to degree 2.

Not for the order that a word has because of a particular dynamics (`order_series`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import factorial

from sdekit.schemes.order.order_series import HIGHEST_ORDER, AllSizes, OneSize
from sdekit.schemes.split.flow_records import Inexact
from sdekit.schemes.split.splitting import Splitting
from sdekit.schemes.split.unroll import unroll
from sdekit.schemes.split.word import Word


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


def universal_order(word: Word, highest: int = 4) -> int:
    r"""Largest r <= `highest` up to which the word agrees with the flow of the sum.

    $$[l_1 \cdots l_k]\; e^{c_1 L_{l_1}} e^{c_2 L_{l_2}} \cdots = \frac{1}{k!}, \qquad k \le r$$

    Args:
        word: Pairs (letter, share).
        highest: Where to stop looking.

    Returns:
        The order, at least 0; a palindrome whose shares add up to 1 has at least 2.

    Example:
        >>> from sdekit.schemes.split.word import parse_word
        >>> universal_order(parse_word("BAOAB", "ABO")), universal_order(parse_word("BAO", "ABO"))
        (2, 1)

    Source: Hairer, Lubich, Wanner (2006), III.5 for the palindromes [recalled].
    Checked by: tests/schemes/order/test_order_claims.py.
    """
    letters = sorted({letter for letter, _ in word})
    for degree in range(1, highest + 1):
        for monomial in product(letters, repeat=degree):
            if _coefficient(word, monomial) != Fraction(1, factorial(degree)):
                return degree - 1
    return highest


def _coefficient(word: Word, monomial: tuple[str, ...]) -> Fraction:
    """Coefficient of the monomial in the product of exponentials, by dynamic programming."""
    # reached[j]: coefficient with which the first j letters of the monomial are spelt so far
    reached = [Fraction(1)] + [Fraction(0)] * len(monomial)
    for letter, share in word:
        for end in range(len(monomial), 0, -1):
            power = Fraction(1)
            for start in range(end - 1, -1, -1):
                if monomial[start] != letter:
                    break
                power *= share / (end - start)
                reached[end] += power * reached[start]
    return reached[-1]
