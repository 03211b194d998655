"""Integrability by bounds from below, for every size, with twins that have infinite mass."""

from __future__ import annotations

import pytest

import sdekit as sk
from sdekit.verifier.integrals.lower_bounds import finite_by_bounds, grows_by_bounds
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.normalizability import check_normalizable

N, ROWS = sk.dim("n"), sk.dim("N")
Q, M, P = sk.vector("q", N), sk.parameter("m", N), sk.vector("p", N)
DATA, Y = sk.parameter("X", ROWS, N), sk.parameter("y", ROWS)
K = sk.parameter("K", N, N, positive_semidefinite=True)
J = sk.parameter("J", positive=True)
GAPS = sk.outer(Q, sk.ones(N)) - sk.outer(sk.ones(N), Q)
X, Z = sk.scalar("x"), sk.scalar("z")
V, W = (sk.scalar(name, domain=(0, 1)) for name in "vw")
T, S = (sk.scalar(name, domain="positive") for name in "ts")
TH = sk.scalar("th", domain=("0", "pi"))
A, B = (sk.scalar(name, domain="circle") for name in "ab")
ONES = sk.ones(N)
SQUARES = sk.dot(Y - DATA @ Q, Y - DATA @ Q) / 2


def logsumexp(z):
    """As a declaration writes it out."""
    return sk.log(sk.dot(sk.exp(z), sk.ones(*z.shape)))


MIXTURE = -sk.log(sk.exp(-sk.dot(Q - M, Q - M) / 2) + sk.exp(-sk.dot(Q + M, Q + M) / 2))
SCORES = sk.matrix("C", N, sk.dim("k"))
SOFTMAX = sk.dot(sk.log(sk.exp(DATA @ SCORES) @ sk.ones(sk.dim("k"))), sk.ones(ROWS))
KERNEL = sk.logdet(sk.exp(2 * X) * K + sk.exp(2 * Z) * sk.eye(N))
QUARTIC = sk.dot(Q**2, Q**2) / 4

FINITE = [
    (-J * sk.cos(A - B), (A, B)),
    (sk.sin(A) * sk.sin(B) + sk.cos(A) * sk.cos(B), (A, B)),
    (MIXTURE, (Q,)),
    (-sk.log(sk.exp(-((X - 1) ** 2)) + sk.exp(-(X**2) / 3)) + Z**2, (X, Z)),
    (SQUARES + sk.dot(ONES, sk.abs_(Q)), (Q,)),
    (
        sk.dot(SCORES, SCORES) + SOFTMAX - sk.dot(DATA @ SCORES, sk.ones(ROWS, sk.dim("k"))),
        (SCORES,),
    ),
    (QUARTIC - J * sk.dot(ONES, Q) ** 2 - sk.dot(Q, Q), (Q,)),
    (QUARTIC - sk.dot(Q, K @ Q), (Q,)),
    (SQUARES + sk.dot(ONES, Q**2) + sk.dot(ONES, sk.tanh(Q)), (Q,)),
    ((X**2 + Z**2) / 2 - sk.log((X - Z) ** 2), (X, Z)),
    (sk.abs_(X) + sk.abs_(Z) + sk.abs_(X - Z), (X, Z)),
    (KERNEL / 2 + X**2 + J * Z**2, (X, Z)),
    (sk.max(sk.abs_(Q)), (Q,)),
    (-200 * sk.exp(-((X - 1) ** 2) - 10 * Z**2) + X**4 + Z**4, (X, Z)),
    ((J + 2) / 2 * sk.log(1 + X**2 + 3 * Z**2), (X, Z)),
    (sk.sqrt(1 + X**2 + Z**2), (X, Z)),
    (sk.sqrt(V) + sk.sin(V * W), (V, W)),
    (1 / (1 + V) - W**2, (V, W)),
    (sk.dot(Q, Q) / 2 - sk.dot(sk.ones(ROWS), sk.softplus(DATA @ Q)), (Q,)),
    (X**2 + Z**2 - J * sk.log(1 + sk.exp(X + Z)), (X, Z)),
    (sk.dot(Q, Q) / 2 + logsumexp(DATA @ Q) - sk.dot(Y, DATA @ Q), (Q,)),
    (sk.dot(Q, Q) / 2 - J * logsumexp(DATA @ Q), (Q,)),
    (T + S - J * sk.log(T) - sk.log((T - S) ** 2), (T, S)),
    (T + S + 1 / T + sk.sin(T * S), (T, S)),
    (sk.dot(Q, Q) / 2 - sk.dot(sk.log(sk.ones(ROWS) + sk.erf(DATA @ Q)), sk.ones(ROWS)), (Q,)),
    (X**2 + Z**2 - 2 * sk.log(1 + sk.tanh(X * Z)), (X, Z)),
]

# Poles at which the energy is infinite, of differences of rows, and chains.
FINITE += [
    ((X**2 + Z**2) / 2 + 4 / (X - Z) ** 12 - 4 / (X - Z) ** 6, (X, Z)),
    (sk.dot(Q, Q) / 2 + sk.dot(P, P) / 2 + J / sk.sqrt(sk.dot(Q - P, Q - P)), (Q, P)),
    (sk.exp(-X) + sk.exp(X - Z) + J * Z, (X, Z)),
    (-sk.log(sk.sin(TH)) - J * sk.cos(A) * sk.sin(TH), (TH, A)),
    (2 * sk.log(2 - sk.cos(A - B) ** 2), (A, B)),
    (sk.dot(Q, Q) / 2 - J * sk.dot(sk.log(sk.ones(N, N) + GAPS**2), sk.ones(N, N)), (Q,)),
    (sk.dot(Q, Q) / 2 - J * sk.dot(sk.exp(-(GAPS**2)), sk.ones(N, N)), (Q,)),
]

INFINITE = [
    ((X**2 + Z**2) / 2 - 4 / (X - Z) ** 12 + 4 / (X - Z) ** 6, (X, Z)),
    ((X**2 + Z**2) / 2 + 4 / (X - Z) ** 11, (X, Z)),
    (sk.dot(Q, Q) / 2 + sk.dot(P, P) / 2 - J / sk.sqrt(sk.dot(Q - P, Q - P)), (Q, P)),
    (sk.exp(X - Z) + J * Z, (X, Z)),
    (2 * sk.log(1 - sk.cos(A - B) ** 2), (A, B)),
    (-J * sk.dot(sk.log(sk.ones(N, N) + GAPS**2), sk.ones(N, N)), (Q,)),
    (sk.dot(Q, Q) / 2 - J * sk.dot(sk.exp(GAPS**2), sk.ones(N, N)), (Q,)),
    (2 * sk.log(sk.sin(TH)) - J * sk.cos(A) * sk.sin(TH), (TH, A)),
    (-sk.log(1 + sk.tanh(X)), (X,)),
    (sk.dot(sk.abs_(SCORES), sk.ones(*SCORES.shape)) - 9 * SOFTMAX, (SCORES,)),
    (X**2 + 3 * sk.log(1 + sk.tanh(-(X**3))), (X,)),
    (sk.abs_(X) + sk.abs_(Z) - 2 * sk.log(1 + sk.exp(X) + sk.exp(Z)), (X, Z)),
    (sk.dot(Q, Q) / 2 - J * logsumexp(Q**2), (Q,)),
    (sk.dot(ONES, sk.abs_(Q)) - logsumexp(2 * Q), (Q,)),
    (sk.dot(Q, Q) / 2 + sk.log(sk.dot(sk.exp(DATA @ Q), Y)), (Q,)),
    (T + S - T * S, (T, S)),
    (KERNEL + X**2, (X, Z)),
    (X**2 + Z**2 - KERNEL * sk.exp(X**2), (X, Z)),
    (sk.dot(ONES, sk.abs_(Q)) - 2 * sk.max(sk.abs_(Q)), (Q,)),
    (T + S - 1 / T + sk.sin(T * S), (T, S)),
    (T + S + 2 * sk.log(T + S) + sk.sin(T * S), (T, S)),
    # A length of two entries has the measure r dr.
    ((J + 1) / 2 * sk.log(1 + X**2 + Z**2), (X, Z)),
    # Two shapes that are no function of one length.
    (sk.log(1 + X**2 + Z**2) / 2 + sk.log(1 + 2 * X**2 + Z**2) / 2, (X, Z)),
    # Poles at the ends of intervals, at which signs are those of the inside.
    (-1 / V + W, (V, W)),
    (2 * sk.log(V) + V * W, (V, W)),
    (-1 / (V * W), (V, W)),
    (4 * sk.log(V + W), (V, W)),
    (-1 / sk.sin(TH) + V, (TH, V)),
    (-sk.exp(1 / V) + W, (V, W)),
    (-J * sk.cos(X - Z), (X, Z)),
    (-J * sk.cos(A - B) + sk.cos(X), (A, B, X)),
    (SQUARES, (Q,)),
    (MIXTURE - sk.dot(Q, Q) / 2, (Q,)),
    (-sk.log(sk.exp(-((X - 1) ** 2)) + sk.exp(-(Z**2))), (X, Z)),
    (sk.dot(Q, Q) / 2 - J * sk.dot(ONES, Q) ** 2, (Q,)),
    (QUARTIC - J * sk.dot(Q, Q) ** 2, (Q,)),
    (QUARTIC - sk.dot(ONES, Q**5), (Q,)),
    (X**2 + Z**2 - 3 * X * Z, (X, Z)),
    (X**2 + Z**2 + sk.log((X - Z) ** 2), (X, Z)),
    (sk.abs_(X) + sk.abs_(Z) - 2 * sk.abs_(X - Z), (X, Z)),
    (-200 * sk.exp(X) + X**4, (X,)),
    (1 / sk.sin(A) ** 2 - 2 / sk.sin(A) ** 2, (A,)),
]


@pytest.mark.parametrize(("energy", "blocks"), FINITE, ids=[str(c[0]) for c in FINITE])
def test_a_bound_from_below_is_found(energy, blocks):
    assert finite_by_bounds(energy, blocks) is not None


@pytest.mark.parametrize(("energy", "blocks"), INFINITE, ids=[str(c[0]) for c in INFINITE])
def test_no_bound_is_claimed_where_the_mass_may_be_infinite(energy, blocks):
    assert finite_by_bounds(energy, blocks) is None


@pytest.mark.parametrize(
    ("energy", "blocks", "grows"),
    [
        (MIXTURE, (Q,), True),
        (SQUARES + sk.dot(ONES, sk.abs_(Q)), (Q,), True),
        (X**2 + Z**2 - sk.cos(X * Z), (X, Z), True),
        (sk.log(1 + X**2), (X,), True),
        # Twins: flat in a direction, infinite mass, a pole, a finite integral that falls somewhere.
        (SQUARES, (Q,), False),
        (sk.log(1 + X**2) / 4, (X,), False),
        (X**2 + sk.log(X**2) / 4, (X,), False),
        (X**2, (X, Z), False),
        (X**2 * sk.exp(-Z) / 2 + Z / 2 + Z**2 * sk.exp(-Z), (X, Z), False),
        (T - sk.log(T), (T,), False),
    ],
)
def test_an_energy_grows_where_a_bound_of_each_block_does(energy, blocks, grows):
    assert (grows_by_bounds(energy, blocks) is not None) is grows


def test_momenta_of_a_double_pendulum_leave_an_energy_that_is_smooth_on_the_torus():
    p, q = sk.scalar("p"), sk.scalar("q")
    bent = (p**2 + 2 * q**2 - 2 * p * q * sk.cos(A - B)) / (2 * (1 + sk.sin(A - B) ** 2))
    energy = bent - 2 * sk.cos(A) - sk.cos(B)
    still = sk.Dynamics(dict.fromkeys((A, B, p, q), 0), hamiltonian=energy)
    assert check_normalizable(Problem(still)).is_proved
