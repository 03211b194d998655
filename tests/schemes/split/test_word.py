"""Splitting words are read letter by letter, and slips of the pen are named."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sdekit.errors import SchemeError
from sdekit.schemes.split.word import parse_word


def test_a_letter_that_occurs_k_times_gets_one_kth_of_the_step() -> None:
    half = Fraction(1, 2)
    expected = (("B", half), ("A", half), ("O", Fraction(1)), ("A", half), ("B", half))
    assert parse_word("BAOAB", "ABO") == expected


@pytest.mark.parametrize("spelling", ["B A O A B", " BAOAB ", "B\tA OA\nB"])
def test_white_space_does_not_matter(spelling: str) -> None:
    assert parse_word(spelling, "ABO") == parse_word("BAOAB", "ABO")


def test_a_group_is_written_out_before_letters_are_counted() -> None:
    word = parse_word("B (C A O A C)*3 B", "ABCO")
    assert "".join(letter for letter, _ in word) == "BCAOACCAOACCAOACB"
    shares = dict(word)
    assert shares == {
        "B": Fraction(1, 2),
        "C": Fraction(1, 6),
        "A": Fraction(1, 6),
        "O": Fraction(1, 3),
    }


def test_groups_may_be_nested() -> None:
    word = parse_word("B (A (C)*2 A)*2 B", "ABC")
    assert "".join(letter for letter, _ in word) == "BACCAACCAB"


def test_multipliers_replace_equal_shares() -> None:
    word = parse_word("A[1/6] B[1/2] A[2/3] B[1/2] A[1/6]", "AB")
    assert [share for _, share in word] == [
        Fraction(1, 6), Fraction(1, 2), Fraction(2, 3), Fraction(1, 2), Fraction(1, 6)
    ]  # fmt: skip


def test_multipliers_may_be_negative_and_decimal() -> None:
    word = parse_word("A[1.5] B A[-0.5]", "AB")
    assert [share for _, share in word] == [Fraction(3, 2), Fraction(1), Fraction(-1, 2)]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("BAXAB", "uses letters that this dynamics does not have.*found X"),
        ("BAB", "leaves out O, so it is another dynamics"),
        ("B", "leaves out A and O"),
        ("", "empty"),
        ("   ", "empty"),
        ("baoab", "cannot read .* at column 1.*letters are capital, BAOAB"),
        ("leapfrog", r"names are in sk\.schemes\.names"),
        ("BAO-AB", "column 4"),
        ("(BA O", "closing parenthesis"),
        ("BAO)*2", "opening parenthesis"),
        ("(BAO)", "column 5"),
        ("A[1/2] B O A[1/3]", "multipliers of A .* adding up to 5/6"),
        ("A[1/2] B O A", "1 multipliers adding up to 1/2"),
        ("A[1/0] B O", "divides by zero"),
        ("[1/2] A B O", "directly behind its letter"),
        ("A[1][1] B O", "directly behind its letter"),
        ("(BAO)*2[1/2]", "directly behind its letter"),
        ("(BAO)*100000", "too long"),
    ],
)
def test_a_slip_of_the_pen_is_named(word: str, message: str) -> None:
    with pytest.raises(SchemeError, match=message):
        parse_word(word, "ABO")


def test_an_empty_group_repeats_nothing() -> None:
    assert parse_word("()*3 A", "A") == (("A", Fraction(1)),)
