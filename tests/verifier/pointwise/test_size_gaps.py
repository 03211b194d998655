"""A proof for all n has a value at every n, also at sizes far away and at unequal ones."""

from __future__ import annotations

import pytest

import sdekit as sk
from sdekit.declaration.tree.expression import Size
from sdekit.verifier.pointwise.size_gaps import size_without_value
from sdekit.verifier.question import Problem
from tests.verifier.models import A, N

K = sk.dim("k")
X, Y = sk.vector("x", N), sk.vector("y", K)
n, k = Size(N), Size(K)


def gap(extra, **sizes):
    energy = (sk.dot(X, X) + sk.dot(Y, Y)) / 2 + extra
    model = sk.Dynamics({X: -X, Y: -Y}, {X: 1, Y: 1}, hamiltonian=energy)
    return size_without_value(Problem(model, sizes or None))


@pytest.mark.parametrize(
    ("extra", "where"),
    [
        (1 / (n - 20), "n = 20"),
        (1 / (n**2 - n - 210), "n = 15"),
        (1 / (n - k - 3), "k = 1, n = 4"),
        (sk.sqrt(30 - n), "n = 31"),
        (sk.log(n - 1), "n = 1"),
        (sk.loggamma(n - 2), "n = 1"),
        (A / (A * n - 3 * A), "n = 3"),
        (sk.dot(X, X) ** 2 / ((n - 2) * sk.dot(X, X)), "n = 2"),
        (1 / (1 / n - 1), "n = 1"),
        (1 / (sk.sqrt(n) - 2), "not shown"),
        (A / (A / n - A / 2 + A * k / n**2 - A * k / 4), "n = 2"),
        (1 / (sk.exp(n) - sk.exp(40)), "not shown"),
        (1 / (n - 10**6), "not shown"),
        (sk.log(1 + (n - 1000) * A), "not shown"),
    ],
    ids=repr,
)
def test_a_size_without_a_value_is_named(extra, where):
    assert where in gap(extra)


@pytest.mark.parametrize(
    "extra",
    [
        1 / (n + k - 1),
        1 / (n + 1 / n - 1),
        1 / (sk.sqrt(n) + 1),
        1 / (1 / n - 1 + sk.dot(X, X)),
        1 / (2 * n - 1),
        sk.sqrt(n - 1),
        sk.log(n * k),
        sk.loggamma(n / 2),
        1 / (n - 3 + sk.dot(X, X)),
        A / (n - A),
    ],
    ids=repr,
)
def test_what_has_a_value_at_every_size_has_no_gap(extra):
    """Twin; a pole at one value of a parameter or on a thin set is judged elsewhere."""
    assert gap(extra) is None


@pytest.mark.parametrize(("shift", "where"), [(5, "n = 5"), (n / 2 + 10, "n = 20"), (A, "None")])
def test_a_matrix_of_ones_is_singular_at_the_size_that_meets_its_shift(shift, where):
    """Small sizes do not show it; beside a parameter it is singular at one value of that only."""
    D = sk.inv(sk.ones(N, N) - shift * sk.eye(N))
    model = sk.Dynamics({X: -X}, {X: D @ D}, hamiltonian=sk.dot(X, X) / 2)
    assert where in str(size_without_value(Problem(model)))


def test_a_definite_matrix_of_ones_has_no_gap():
    """Twin."""
    D = sk.inv(sk.ones(N, N) + n * sk.eye(N))
    model = sk.Dynamics({X: -X}, {X: D}, hamiltonian=sk.dot(X, X) / 2)
    assert size_without_value(Problem(model)) is None


def test_given_sizes_are_judged_by_themselves():
    assert gap(1 / (n - 20), n=2, k=1) is None
    assert "n = 20" in gap(1 / (n - 20), n=20, k=1)
    assert "n = 1" in gap(1 / (sk.exp(n) - sk.E), n=1, k=1)
    assert gap(1 / (sk.exp(n) - sk.E), n=2, k=1) is None


def test_a_gap_is_no_proof():
    model = sk.Dynamics({X: -X}, {X: 1}, hamiltonian=sk.dot(X, X) / 2 + 1 / (n - 20))
    assert sk.verify(model).verdict == "undecided"
    assert sk.verify(model, n=2).verdict == "proved"
