"""A surface that is never reached splits the law; one that is reached does not."""

from __future__ import annotations

import pytest

import sdekit as sk
from sdekit.verifier.currents.barriers import barrier_found
from sdekit.verifier.question import Problem
from tests.verifier.models import A, N, overdamped

X, Y, P = (sk.scalar(name) for name in "xyp")
R = sk.scalar("r", domain="positive")
C = sk.scalar("c", domain="circle")
T = sk.vector("t", N)
HALF = (X**2 + Y**2) / 2


def langevin(q, energy):
    return sk.Dynamics(
        {q: P, P: -sk.grad(energy, q) - A * P}, {P: A}, hamiltonian=energy + P**2 / 2, target=energy
    )


@pytest.mark.parametrize(
    ("model", "q"),
    [
        (overdamped(HALF - sk.log((X - Y) ** 2), X, Y), "x - y"),
        (overdamped(HALF - sk.log((X - Y) ** 2) / 2, X, Y), "x - y"),
        (overdamped(HALF + 1 / (X**2 + Y**2 - 1) ** 2, X, Y), "1 - x**2 - y**2"),
        (overdamped(sk.dot(T, T) / 2 - sk.log(sk.sum(T) ** 2), T), "dot(ones(n), t)"),
        (overdamped(-sk.log(sk.sin(C) ** 2), C), "sin(c)"),
        (langevin(X, 1 / X**12 - 1 / X**6 + X**2 / 2), "x"),
    ],
)
def test_a_surface_that_is_never_reached_is_named(model, q):
    found = barrier_found(Problem(model))
    assert found is not None and q in found[0]
    assert sk.verify(model).checks["uniqueness"].verdict == "refuted"


@pytest.mark.parametrize(
    "model",
    [
        # A Bessel process of dimension 3/2 or 1 + 2 a reaches 0.
        overdamped(HALF - sk.log((X - Y) ** 2) / 4, X, Y),
        overdamped(HALF - A * sk.log((X - Y) ** 2), X, Y),
        # 1/|z|^4 is infinite at one point only, and on the half-line there is one side only.
        overdamped(HALF + 1 / (X**2 + Y**2) ** 2, X, Y),
        overdamped(R + 1 / R**2, R),
        langevin(R, 1 / R**12 - 1 / R**6 + R**2 / 2),
        # H bounds p no better than the logarithm that it holds.
        langevin(X, X**2 / 2 - sk.log(sk.cos(X) ** 2 + X**2)),
        overdamped(HALF, X, Y),
        # One point leaves one arc of a circle, though sin(c/2) has two signs.
        overdamped(-sk.log(sk.sin(C / 2) ** 2), C),
    ],
)
def test_what_is_reached_or_splits_nothing_is_no_barrier(model):
    """Twin."""
    assert barrier_found(Problem(model)) is None
    assert sk.verify(model).checks["uniqueness"].verdict != "refuted"


def test_a_distance_that_never_vanishes_keeps_h_a_lyapunov_function():
    assert sk.verify(langevin(R, 1 / R**12 - 1 / R**6 + R**2 / 2)).verdict == "proved"
    reached = langevin(R, R**2 / 2 - sk.log(1 + R))
    assert "L H" not in sk.verify(reached).checks["non_explosion"].reason
