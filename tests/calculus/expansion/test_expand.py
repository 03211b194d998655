"""Expansions: equal to what they expand, at exact points and several sizes."""

from __future__ import annotations

import random

import pytest

import sdekit as sk
from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.monomial_sums import TooLarge
from sdekit.calculus.field.witnesses.balls import ball_value
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.verifier.integrals.quadratic import as_sum, split_by
from tests.calculus.expansion.expressions_at_random import (
    A,
    B,
    G,
    M,
    N,
    P,
    Q,
    X,
    admissible_values,
    random_matrix,
    random_scalar,
)


def value(expression, size, seed):
    reader = ComponentReader({"n": size})
    scalar = reader.scalar(expression)
    return ball_value(scalar, admissible_values(random.Random(seed), reader, size))


@pytest.mark.parametrize("size", [1, 2])
def test_an_expansion_has_the_value_of_the_expression(size):
    rng = random.Random(size)
    compared = 0
    for trial in range(150 if size == 1 else 60):
        expression = sk.trace(random_matrix(rng, 2)) if trial % 3 else random_scalar(rng, 3)
        try:
            other = collected(expression)
        except TooLarge:
            continue
        gap = value(expression, size, trial) - value(other, size, trial)
        assert not gap.is_finite() or gap.contains(0), expression
        compared += gap.is_finite()
    assert compared > 45


def test_a_wrong_expansion_would_be_seen():
    """Twin: a changed coefficient is visible at the same points."""
    assert not (value(A * X**2, 1, 3) - value(A * X**2 + X / 100, 1, 3)).contains(0)


@pytest.mark.parametrize(
    ("written", "equal"),
    [
        ((X - A) ** 2, X**2 - 2 * A * X + A**2),
        (sk.trace((G - M).T @ (G - M)), sk.dot(G - M, G - M)),
        (sk.logdet(3 * A * sk.inv(M)), N * sk.log(3) + N * sk.log(A) - sk.logdet(M)),
        (sk.inv(2 * A * sk.eye(N)), sk.eye(N) / (2 * A)),
        ((A - B) * sk.eye(N) + B * sk.eye(N), A * sk.eye(N)),
        (P @ M @ Q, sk.dot(M @ P, Q)),
        (M @ sk.inv(M) @ P, P),
        (sk.trace(sk.outer(P, Q)), sk.dot(P, Q)),
        (sk.dot(sk.ones(N), sk.ones(N)), N.as_expression()),
        (sk.sqrt(1 + X**2) ** 2, 1 + X**2),
        (sk.abs_(-2 * A * X), 2 * A * sk.abs_(X)),
    ],
)
def test_equal_energies_expand_to_the_same_monomials(written, equal):
    assert expand(written) == expand(equal)


def test_the_root_of_a_square_is_not_taken_for_the_base():
    assert expand(sk.sqrt(X**2)) != expand(X)


def test_a_huge_power_of_a_sum_is_given_up():
    wide = sum((sk.parameter(f"c{k}") * X for k in range(12)), start=X)
    with pytest.raises(TooLarge):
        expand(wide**8)


@pytest.mark.parametrize("block", [X, P, Q])
def test_a_split_by_degree_adds_up_to_the_energy(block):
    energy = (
        sk.dot(P - A * Q, M @ (P - A * Q)) / 2
        + X * sk.dot(P, Q)
        + (X - B) ** 2 * A
        + sk.log(1 + sk.dot(P, P))
        + sk.dot(P, P * Q)
    )
    split = split_by(expand(energy), block)
    assert value(as_sum(split, block) - energy, 2, 5).contains(0)
    assert split.hessian


def test_a_linear_part_of_a_symmetric_matrix_is_its_symmetric_half():
    x = sk.matrix("Xs", N, symmetric=True)
    split = split_by(expand(sk.dot(G, x)), x)
    half = expand((G + G.T) / 2)
    assert split.linear == half
