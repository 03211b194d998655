"""The order of a word for any operators, against products of matrices and known coefficients."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from sdekit.schemes.order.order_claims import universal_order
from sdekit.schemes.split.word import Word, parse_word

#: Ruth's third-order composition for two parts; its rational coefficients are exact.
RUTH = "B[7/24] A[2/3] B[3/4] A[-2/3] B[-1/24] A[1]"


@pytest.mark.parametrize(
    ("word", "letters", "expected"),
    [
        ("AB", "AB", 1),
        ("ABA", "AB", 2),
        ("BAOAB", "ABO", 2),
        ("BADODAB", "ABDO", 2),
        ("BAO", "ABO", 1),
        ("A[1/3] B A[2/3]", "AB", 1),
        ("B (A O A)*3 B", "ABO", 2),
        (RUTH, "AB", 3),
        ("A", "A", 4),
    ],
)
def test_known_words_have_their_order(word: str, letters: str, expected: int) -> None:
    assert universal_order(parse_word(word, letters)) == expected


def _error(word: Word, h: float) -> float:
    """Distance between the product of exponentials and the exponential, for random matrices."""
    source = np.random.default_rng(3)
    letters = sorted({letter for letter, _ in word})
    matrices = {letter: source.normal(size=(4, 4)) / 2 for letter in letters}
    made = np.eye(4)
    for letter, share in word:
        made = made @ _exp(h * float(share) * matrices[letter])
    return float(np.abs(made - _exp(h * sum(matrices.values()))).max())


def _exp(matrix: np.ndarray) -> np.ndarray:
    term, total = np.eye(len(matrix)), np.eye(len(matrix))
    for k in range(1, 30):
        term = term @ matrix / k
        total = total + term
    return total


@pytest.mark.parametrize(("word", "letters"), [("BAOAB", "ABO"), ("BAO", "ABO"), (RUTH, "AB")])
def test_the_order_is_that_of_random_matrices(word: str, letters: str) -> None:
    """The error of the product halves by 2^(r + 1): both routes share no code."""
    parsed = parse_word(word, letters)
    slope = np.log2(_error(parsed, 0.02) / _error(parsed, 0.01))
    assert abs(slope - (universal_order(parsed) + 1)) < 0.1


def test_a_share_that_is_off_costs_the_order() -> None:
    """Twin: the third-order word with two coefficients exchanged is of order 1."""
    word = parse_word("B[3/4] A[2/3] B[7/24] A[-2/3] B[-1/24] A[1]", "AB")
    assert universal_order(word) == 1


def test_shares_that_do_not_add_up_have_order_zero() -> None:
    assert universal_order((("A", Fraction(1, 2)), ("B", Fraction(1)))) == 0
