"""Nothing is proved from values that do not exist."""

from __future__ import annotations

import pytest

import sdekit as sk
from sdekit.verifier.pointwise.existence import missing_value
from sdekit.verifier.question import Problem
from tests.verifier.models import THETA, A, N, U

X, Y = sk.scalar("x"), sk.scalar("y")
W = sk.scalar("w", domain=(0, 1))
Q = sk.vector("q", N)
M = sk.parameter("M", N, N, positive_definite=True)


def missing(energy):
    drift = {X: -X, Y: -Y, W: 0 * W, Q: -Q}
    return missing_value(Problem(sk.Dynamics(drift, {X: 1}, hamiltonian=energy + X**2)))


@pytest.mark.parametrize(
    "energy",
    [
        sk.loggamma(0 * X),
        sk.log(0 * X),
        sk.loggamma(0 * X - 1),
        sk.log(0 * X - 1),
        sk.log(X),
        sk.log(A * X + Y),
        sk.log(W - 2),
        sk.sqrt(X**2 - 1),
        sk.logdet(-sk.eye(N)),
        sk.dot(Q, sk.inv(sk.outer(Q, Q)) @ Q),
    ],
    ids=str,
)
def test_what_has_no_value_is_named(energy):
    assert "nothing is proved" in missing(energy)


@pytest.mark.parametrize(
    "energy",
    [
        sk.log(1 + X**2),
        sk.log(X**2 - X + 1),
        sk.log(1 - W),
        sk.log((X - Y) ** 2),
        sk.log(sk.exp(X) + sk.exp(-Y)),
        sk.loggamma(1 + X**2),
        sk.logdet(M + sk.outer(Q, Q)),
        sk.dot(Q, sk.inv(M) @ Q),
    ],
    ids=str,
)
def test_what_has_a_value_everywhere_is_not(energy):
    """Twin."""
    assert missing(energy) is None


def test_no_verification_is_proved_without_values():
    d = sk.Dynamics({THETA: -sk.grad(U, THETA)}, {THETA: 1}, hamiltonian=U + sk.logdet(-sk.eye(N)))
    found = sk.verify(d)
    assert found.verdict.value == "undecided"
    good = sk.Dynamics({THETA: -sk.grad(U, THETA)}, {THETA: 1}, hamiltonian=U + sk.logdet(M))
    assert sk.verify(good).checks["stationarity"].is_proved
