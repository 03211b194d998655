"""Signs of polynomials in sizes hold at every size, and in one size they are exact."""

from __future__ import annotations

import random

import pytest

import sdekit as sk
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.size_signs import size_polynomial, size_signs
from sdekit.declaration.tree.expression import Size

N, K = Size(sk.dim("n")), Size(sk.dim("k"))


def test_signs_in_one_size_are_those_of_its_values():
    chance = random.Random(1)
    for _ in range(60):
        a, b, c = (chance.randint(-9, 9) for _ in range(3))
        values = [a * n**3 + b * n + c for n in range(1, 100)]
        signs = {(v > 0) - (v < 0) for v in values}
        found = size_signs(size_polynomial(a * N**3 + b * N + c))
        assert found == signs, (a, b, c)


@pytest.mark.parametrize(
    ("expression", "signs"),
    [
        (N - 1, {0, 1}),
        (N + K - 1, {1}),
        (N * K - 1, {0, 1}),
        (N - K, {-1, 0, 1}),
        (2 * N - 10**9, {-1, 0, 1}),
        ((N - 1) / 3 + 1, {1}),
        (N**2 - N - 210, {-1, 0, 1}),
    ],
    ids=repr,
)
def test_an_expression_in_sizes_has_these_signs(expression, signs):
    assert entry_signs(expression) == signs
