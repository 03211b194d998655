"""Potentials that are not looked into, and choices that meet: for every size, with twins."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import sdekit as sk
from sdekit.verifier.ladder import check_within
from sdekit.verifier.pointwise.parts_as_functions import with_joined_choices
from sdekit.verifier.question import Problem

N, ROWS = sk.dim("n"), sk.dim("N")
T, P, X = sk.vector("t", N), sk.vector("p", N), sk.matrix("X", ROWS, N)
x, y = sk.scalar("x"), sk.scalar("y")
A, Y = sk.parameter("A", ROWS, N), sk.parameter("y_0", ROWS)
J = sk.parameter("J", N, N, antisymmetric=True)
d = sk.parameter("d", positive=True)
ONE, ROW = sk.ones(N), sk.ones(ROWS)
R = Y - A @ T
RIDGE = sk.dot(T, T) / 2
HUBER = sk.sum(sk.where(sk.abs_(R) > d * ROW, d * sk.abs_(R) - d**2 / 2 * ROW, R**2 / 2))
BROKEN = sk.sum(sk.where(sk.abs_(R) > d * ROW, d * sk.abs_(R) - d**2 * ROW, R**2 / 2))
CONVEX = sk.potential("U", T, convex=True)
EACH = sk.sum(sk.rows(CONVEX, X))


def flow(energy, turn=None, scale=1):
    z = X if energy.depends_on(X) else T
    force = -sk.grad(energy, z)
    return sk.Dynamics(
        {z: scale * force if turn is None else force + turn @ force}, {z: 1}, hamiltonian=energy
    )


def langevin(energy):
    drift = {T: P, P: -sk.grad(energy, T) - P}
    return sk.Dynamics(drift, {P: 1}, hamiltonian=energy + sk.dot(P, P) / 2, target=energy)


@pytest.mark.parametrize(
    "model",
    [
        langevin(HUBER + RIDGE),
        flow(HUBER + RIDGE),
        flow(3 * sk.max(sk.abs_(T))),
        flow(sk.max(sk.abs_(R)) + RIDGE),
        flow(EACH + sk.dot(X, X)),
    ],
)
def test_energies_without_words_in_the_index_calculus_are_proved(model):
    assert sk.verify(model).verdict == "proved"


@pytest.mark.parametrize(
    ("model", "rung"),
    [
        (langevin(BROKEN + RIDGE), "regularity"),
        (flow(BROKEN + RIDGE), "regularity"),
        (flow(sk.max(sk.abs_(R))), "normalizable"),
        (flow(-3 * sk.max(sk.abs_(T)) + sk.sum(sk.abs_(T))), "normalizable"),
        (flow(sk.max(sk.abs_(T)), scale=2), "stationarity"),
        (flow(sk.max(sk.abs_(T)), turn=J), "regularity"),
        (flow(sk.dot(X, X) - 2 * EACH), "normalizable"),
    ],
)
def test_what_is_wrong_or_open_is_not_proved(model, rung):
    """Twin: pieces that do not meet, no law, a wrong speed, a current along a kink, a concave U."""
    assert not check_within(Problem(model), rung, 0.2).is_proved


@pytest.mark.parametrize(
    ("choice", "joins"),
    [
        (sk.where(sk.abs_(x) > d, d * sk.abs_(x) - d**2 / 2, x**2 / 2), True),
        (sk.where(sk.abs_(x) <= d, x**2 / 2, d * sk.abs_(x) - d**2 / 2), True),
        (sk.where(1 - 2 * x > 0, (1 - 2 * x) ** 2, 0), True),
        (sk.where(x < y, x * d, y * d), True),
        (sk.where(x > 1, x**3, 1), True),
        (sk.where(x * y < 1, (1 - x * y) ** 2, 0), True),
        (sk.where(x * y < 1, (1 - x) ** 2, 0), False),
        (sk.where(x * y > 0, x, 0), False),
        (sk.where(x > 0, x + 1, x), False),
        (sk.where(x > y, x, 2 * y), False),
        (sk.where(x**2 > y, x**2, y), True),
        (sk.where(x > 0, sk.sin(x), 0), False),
    ],
)
def test_a_choice_is_joined_exactly_where_it_is_continuous(choice, joins):
    joined = with_joined_choices(choice)
    assert (joined != choice) is joins
    at = sk.Dynamics({x: joined, y: choice}, assume=[]).at()
    for state in np.random.default_rng(0).integers(-40, 40, (30, 2)):
        place = {**dict(zip(at.coordinates, state, strict=True)), **dict.fromkeys(at.parameters, 7)}
        values = {symbol: sp.Rational(int(value), 8) for symbol, value in place.items()}
        left, right = (entry.xreplace(values) for entry in at.drift)
        assert left == right or not joins


def test_what_vanishes_for_all_functions_needs_no_words():
    assert Problem(flow(sk.max(sk.abs_(T)))).is_balanced
