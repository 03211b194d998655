"""Implied signs and definiteness: never contradicted at an exact admissible point."""

from __future__ import annotations

import random

import pytest

import sdekit as sk
from sdekit.calculus.field.witnesses.balls import number_value
from sdekit.calculus.signs.forms import form_signs
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import NEGATIVE, NONNEGATIVE, POSITIVE, UNKNOWN, ZERO
from sdekit.declaration.model.component_reader import ComponentReader
from tests.calculus.expansion.expressions_at_random import (
    A,
    B,
    J,
    M,
    N,
    P,
    S,
    T,
    V,
    W,
    X,
    admissible_values,
    random_matrix,
    random_scalar,
)


def sign_of(number):
    return 1 if number > 0 else -1 if number < 0 else 0


@pytest.mark.parametrize("size", [1, 2])
def test_no_value_has_a_sign_that_was_excluded(size):
    rng, told = random.Random(10 + size), 0
    for trial in range(150 if size == 1 else 60):
        expression = random_scalar(rng, 3) if trial % 2 else sk.trace(random_matrix(rng, 2))
        signs = entry_signs(expression)
        told += signs != UNKNOWN
        reader = ComponentReader({"n": size})
        scalar = reader.scalar(expression)
        value = number_value(scalar, admissible_values(random.Random(trial), reader, size))
        if value > 0 or value < 0 or value == 0:
            assert sign_of(value) in signs, expression
    assert told > 5


@pytest.mark.parametrize("size", [1, 2])
def test_no_quadratic_form_has_a_sign_that_was_excluded(size):
    rng, told = random.Random(20 + size), 0
    for trial in range(200 if size == 1 else 80):
        matrix = random_matrix(rng, 2)
        signs = form_signs(matrix)
        told += signs != UNKNOWN
        reader = ComponentReader({"n": size})
        values = admissible_values(random.Random(trial), reader, size)
        entries = reader.array(matrix)
        x = [rng.randint(-3, 3) or 1 for _ in range(size)]
        form = sum(
            number_value(entries[i, j], values) * x[i] * x[j]
            for i in range(size)
            for j in range(size)
        )
        assert not (form > 0 or form < 0 or form == 0) or sign_of(form) in signs, matrix
    assert told > 15


def test_a_rule_that_claimed_too_much_would_be_seen():
    """Twin: S and B are of either sign, so a claim of positivity fails at some point."""
    reader = ComponentReader({"n": 1})
    scalars = [reader.scalar(B), reader.array(S)[0, 0]]
    seen = {
        sign_of(admissible_values(random.Random(seed), reader, 1)[scalar])
        for seed in range(9)
        for scalar in scalars
    }
    assert {-1, 1} <= seen


@pytest.mark.parametrize(
    ("scalar", "signs"),
    [
        (A + X**2, POSITIVE),
        (X**2, NONNEGATIVE),
        (-A, NEGATIVE),
        (A - B, UNKNOWN),
        (1 - W**2, NONNEGATIVE),
        (1 / (1 - W**2), POSITIVE),
        (W, UNKNOWN),
        (T, POSITIVE),
        (sk.dot(P, M @ P), NONNEGATIVE),
        (sk.dot(P, J @ P), ZERO),
        (sk.trace(M), POSITIVE),
        (sk.log(1 + X**2), NONNEGATIVE),
        (sk.log(X**2), UNKNOWN),
        (sk.exp(X) * A, POSITIVE),
        (sk.dot(V, V), POSITIVE),
        (X * X * X, UNKNOWN),
        (sk.sqrt(X), NONNEGATIVE),
        (1 + sk.tanh(X), POSITIVE),
        (sk.erf(X) - 1, NEGATIVE),
        (2 + sk.sin(X) + sk.tanh(T), POSITIVE),
        # The twins take the bound.
        (1 + sk.sin(X), NONNEGATIVE),
        (1 + sk.sign(X), NONNEGATIVE),
        (1 + 2 * sk.tanh(X), UNKNOWN),
        (sk.log(sk.cosh(X)), NONNEGATIVE),
        (sk.log(sk.cosh(X) / 2), UNKNOWN),
        (sk.abs_(X) ** sk.parameter("a_2", positive=True), NONNEGATIVE),
        (sk.abs_(X) ** sk.parameter("a_2"), UNKNOWN),
        (X ** sk.parameter("a_2", positive=True), UNKNOWN),
    ],
)
def test_signs_follow_from_the_assumptions(scalar, signs):
    assert entry_signs(scalar) == signs


@pytest.mark.parametrize(
    ("matrix", "signs"),
    [
        (M, POSITIVE),
        (sk.inv(M), POSITIVE),
        (M @ M, POSITIVE),
        (S @ S, NONNEGATIVE),
        (S, UNKNOWN),
        (J, ZERO),
        (M + J, POSITIVE),
        (M - M, UNKNOWN),
        (M * M, POSITIVE),
        (S * M, UNKNOWN),
        (M @ S, UNKNOWN),
        (S @ M @ S, NONNEGATIVE),
        (S.T @ M @ S, NONNEGATIVE),
        (sk.outer(P, P), NONNEGATIVE),
        (sk.diag(V), POSITIVE),
        (sk.diag(P), UNKNOWN),
        (sk.diag(P**2), NONNEGATIVE),
        (sk.diag(V / B), UNKNOWN),
        (sk.ones(N, N), NONNEGATIVE),
        (sk.eye(N, N), POSITIVE),
    ],
)
def test_definiteness_follows_from_the_assumptions(matrix, signs):
    assert form_signs(matrix) == signs
