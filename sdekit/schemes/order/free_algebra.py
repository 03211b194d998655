r"""Which order a splitting word has for any operators whatsoever.

If the parts move by their exact flows, one step is
$P_h = e^{h c_1 L_{l_1}} e^{h c_2 L_{l_2}} \cdots$ and the dynamics itself is
$e^{h(L_A + L_B + \dots)}$. Both are power series in letters that do not commute; where they agree
up to degree r in the free associative algebra they agree for every dynamics, every dimension and
every potential. Palindromes agree up to degree 2.

Not for the order that a word has because of a particular dynamics
(`sdekit.schemes.order.scheme_order`).
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import factorial

from sdekit.schemes.split.word import Word


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
    Checked by: tests/schemes/order/test_free_algebra.py.
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
