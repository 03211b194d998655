"""Lengths of linear forms in vectors that span the space, and twins that leave a direction free."""

from __future__ import annotations

import pytest

import sdekit as sk
from sdekit.calculus.expansion.lengths import grows_in_lengths
from sdekit.calculus.expansion.rewriting import summands

N = sk.dim("n")
X, Y, Z = (sk.vector(name, N) for name in "xyz")
A, B = sk.parameter("a", positive=True), sk.parameter("b")


def square(vector):
    """|v|^2."""
    return sk.dot(vector, vector)


GROWING = [
    (A * square(X + Y) / 2 + square(X - Y) ** 2 / 4, (X, Y)),
    (sk.sqrt(1 + square(X - Y)) + square(Y - Z) + A * square(X), (X, Y, Z)),
    (square(X - 2 * Y) ** 2 - B * square(X - 2 * Y) + square(X), (X, Y)),
    (square(X) + square(Y) - sk.log(1 + square(X - Y)) + sk.cos(square(X)), (X, Y)),
]
NOT_GROWING = [
    (square(X - Y) ** 2 / 4, (X, Y)),
    (sk.sqrt(1 + square(X - Y)) + square(Y - Z), (X, Y, Z)),
    (A * square(X + Y) - square(X - Y), (X, Y)),
    (B * square(X - 2 * Y) + square(X), (X, Y)),
    (square(X) + square(Y) - A / square(X - Y), (X, Y)),
    (square(X) - 1 / sk.sqrt(square(X)), (X,)),
    (sk.log(1 + square(X)) + square(Y), (X, Y)),
    (square(X) + square(Y) + A * sk.dot(X, Y), (X, Y)),
]


@pytest.mark.parametrize(("energy", "blocks"), GROWING, ids=range(len(GROWING)))
def test_lengths_that_span_are_seen_to_grow(energy, blocks):
    assert grows_in_lengths(summands(energy), blocks)


@pytest.mark.parametrize(("energy", "blocks"), NOT_GROWING, ids=range(len(NOT_GROWING)))
def test_what_may_fall_or_stay_in_a_direction_is_never_said_to_grow(energy, blocks):
    assert grows_in_lengths(summands(energy), blocks) is None
