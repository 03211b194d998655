"""The normalizable rung: auxiliaries and concrete targets, and what is assumed of unknown ones."""

from __future__ import annotations

from fractions import Fraction

import pytest

import sdekit as sk
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.normalizability import check_normalizable
from tests.verifier.models import MU, THETA, XI, A, N, P, Q, R, T, U, V, claimed, overdamped, sgnht

X = sk.scalar("x")
W = sk.scalar("w", domain=(0, 1))
PHI = sk.scalar("phi", domain="circle")
TAU = sk.scalar("tau", domain="positive")
C = sk.parameter("c")
Z, B = sk.vector("z", N, domain="positive"), sk.vector("b", N, domain=(0, 1))
LEFT = sk.log(sk.ones(N) - B)
M = sk.parameter("m", N)
S, K = sk.parameter("S", N, N, positive_definite=True), sk.parameter("K", N, N, symmetric=True)

TARGETS = [
    ("double well", (T + 4) * (T + 1) * (T - 1) * (T - 3) / 14, (T,), "proved"),
    ("coupled quartic", T**4 + T * X + X**4, (T, X), "proved"),
    ("banana", (1 - T) ** 2 + 100 * (X - T**2) ** 2, (T, X), "proved"),
    ("ring", (T**2 + X**2 - 1) ** 2, (T, X), "proved"),
    ("funnel", T**2 / 18 + T / 2 + X**2 * sk.exp(-T) / 2, (T, X), "proved"),
    ("normal-Gamma", (X - 1) ** 2 * sk.exp(T) / 2 + sk.exp(T) - 3 * T, (T, X), "proved"),
    ("product of Cauchy laws", sk.log(1 + T**2) + sk.log(1 + X**2), (T, X), "proved"),
    ("rational power", (1 + T**2) ** Fraction(1, 4), (T,), "proved"),
    ("logistic", sk.log(1 + sk.exp(T)) + sk.log(1 + sk.exp(-T)), (T,), "proved"),
    ("beta", -sk.log(W) / 2 + sk.log(1 - W) / 3, (W,), "proved"),
    ("von Mises", -A * sk.cos(PHI), (PHI,), "proved"),
    ("Gamma", A * TAU - 2 * sk.log(TAU), (TAU,), "proved"),
    ("Gaussian cut off", sk.dot(Z - M, S @ (Z - M)), (Z,), "proved"),
    ("beta of entries", -A * (sk.log(B) + LEFT) @ sk.ones(N), (B,), "proved"),
    ("saddle cut off", sk.dot(Z - M, K @ (Z - M)), (Z,), "refuted"),
    ("half a beta", LEFT @ sk.ones(N), (B,), "refuted"),
    ("inverted quartic", -(T**4), (T,), "refuted"),
    ("odd quintic", T**5 + T**4, (T,), "refuted"),
    ("translation invariant", (T - X) ** 2, (T, X), "refuted"),
    ("cross of two lines", T**2 * X**2, (T, X), "refuted"),
    ("saddle", T**4 - X**4 + T**2, (T, X), "refuted"),
    ("tail that is too heavy", sk.log(1 + T**2) / 2, (T,), "refuted"),
    ("one-sided logistic", sk.log(1 + sk.exp(T)), (T,), "refuted"),
    ("bounded", sk.sin(T), (T,), "refuted"),
    ("beta of shape zero", sk.log(W), (W,), "refuted"),
    ("parameter of either sign", C * T**2, (T,), "refuted"),
    # True or false, but no theorem here says so.
    ("radial Cauchy of two scalars", sk.log(1 + T**2 + X**2), (T, X), "undecided"),
    ("well with an oscillating wall", T**2 * (2 + sk.sin(X)) + X**2 * sk.sin(T), (T, X),
     "undecided"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("energy", "variables", "verdict"), [c[1:] for c in TARGETS], ids=[c[0] for c in TARGETS]
)
def test_a_concrete_target_is_judged(energy, variables, verdict):
    found = check_normalizable(Problem(overdamped(energy, *variables)))
    assert found.verdict.value == verdict, found.reason
    assert (found.witness is not None) == (verdict == "refuted")


def test_an_unknown_potential_is_assumed_to_be_integrable():
    found = check_normalizable(Problem(sgnht()))
    assert found.is_proved
    assert any("exp(-(U(theta))) is integrable" in a for a in found.assumptions)


def test_what_stands_beside_an_unknown_potential_is_judged():
    two = sk.Dynamics(drift={T: 0 * T, X: 0 * X}, hamiltonian=V - X**2, target=V - X**2)
    assert check_normalizable(Problem(two)).is_refuted
    good = sk.Dynamics(drift={T: 0 * T, X: 0 * X}, hamiltonian=V + X**2, target=V + X**2)
    assert check_normalizable(Problem(good)).is_proved


def test_without_a_target_the_whole_of_h_is_judged():
    harmonic = sk.Dynamics(drift={T: Q, Q: -T}, hamiltonian=(T**2 + Q**2) / 2)
    assert check_normalizable(Problem(harmonic)).is_proved
    pendulum = sk.Dynamics(drift={T: Q, Q: sk.sin(T)}, hamiltonian=Q**2 / 2 + sk.cos(T))
    assert check_normalizable(Problem(pendulum)).is_refuted
    rotor = sk.Dynamics(drift={PHI: Q, Q: sk.sin(PHI)}, hamiltonian=Q**2 / 2 + sk.cos(PHI))
    assert check_normalizable(Problem(rotor)).is_proved


def test_an_infinite_auxiliary_refutes_with_the_parameter_that_does_it():
    free = sgnht(hamiltonian=U + sk.dot(P, P) / 2 + C * (XI - A) ** 2)
    witness = check_normalizable(Problem(free)).witness
    assert witness.value == "infinite"
    assert Fraction(witness.point["c"]) <= 0


def test_a_tempered_law_is_normalizable_all_the_same():
    assert check_normalizable(Problem(claimed((V + Q**2 / 2) / A, Q))).is_proved


def test_least_squares_targets_are_laws_for_every_n():
    rows = sk.dim("N")
    X_data, y = sk.parameter("X", rows, N), sk.parameter("y", rows)
    logits = X_data @ THETA
    losses = sk.dot(sk.ones(rows), sk.log(sk.ones(rows) + sk.exp(logits))) - sk.dot(y, logits)
    ridge = MU * sk.dot(THETA, THETA) / 2
    squares = sk.dot(y - logits, y - logits) / 2
    assert check_normalizable(Problem(overdamped(losses + ridge, THETA))).is_proved
    assert check_normalizable(Problem(overdamped(squares + ridge, THETA))).is_proved
    # Without a prior the data may be short of rank.
    assert not check_normalizable(Problem(overdamped(squares, THETA))).is_proved


def test_coupled_auxiliaries_of_every_kind_are_integrated_together():
    energy = V + Q**2 * sk.exp(R) / 2 + R**2 / 2 - R / 2
    assert check_normalizable(Problem(claimed(energy, Q, R))).is_proved


def test_a_power_whose_exponent_may_be_zero_is_refuted_there():
    c = sk.parameter("c", nonnegative=True)
    found = check_normalizable(Problem(overdamped(TAU**c, TAU)))
    assert found.is_refuted
    assert found.witness.point == {"c": "0"}


def test_data_inside_elementary_functions_end_in_a_verdict():
    """Choices of parameters keep the shape of a tensor, zero included."""
    rows = sk.dim("N")
    X_data, y = sk.parameter("X", rows, N), sk.parameter("y", rows)
    gap = y - sk.tanh(X_data @ THETA)
    found = check_normalizable(Problem(overdamped(sk.dot(gap, gap) / 2, THETA)))
    assert not found.is_proved


@pytest.mark.parametrize(
    ("exponent", "size"),
    [(N - Fraction(1, 2), 1), (Fraction(1), 2), (N - 1, 1), (N, None), (N**2, None)],
    ids=str,
)
def test_a_law_that_is_infinite_at_one_size_is_refuted_there(exponent, size):
    """(1 + |p|^2)^-c has a finite integral over R^n where c > n/2; nothing else is open here."""
    found = check_normalizable(Problem(claimed(V + exponent * sk.log(1 + sk.dot(P, P)), P)))
    assert found.is_proved == (size is None)
    assert size is None or found.witness.dimensions == {"n": size}


def test_a_free_chain_of_any_length_is_refuted_and_one_in_a_trap_is_proved():
    k, d = sk.dim("k"), sk.dim("d")
    beads = sk.variable("X", k, d)
    springs = sk.parameter("K", k, k, positive_semidefinite=True)
    about_centre = sk.eye(k) - sk.ones(k, k) / k

    def law(energy):
        model = sk.Dynamics({beads: -sk.grad(energy, beads)}, {beads: 1}, hamiltonian=energy)
        return sk.verify(model).checks["normalizable"]

    free = law(sk.dot(beads, about_centre @ beads) / 2)
    assert free.verdict == "refuted" and free.witness.direction
    assert law(sk.dot(beads, springs @ beads) / 2 + sk.dot(beads, beads) / 2).is_proved


def test_charges_of_any_sign_are_refuted_by_those_that_attract():
    x, y = sk.vector("x", 3), sk.vector("y", 3)
    charge = sk.parameter("c")

    def law(energy):
        model = sk.Dynamics({x: -x, y: -y}, {x: 1, y: 1}, hamiltonian=energy)
        return check_normalizable(Problem(model.spelled_out()))

    trapped = sk.dot(x, x) / 2 + sk.dot(y, y) / 2
    found = law(trapped + charge / sk.norm(x - y))
    assert found.verdict == "refuted" and found.witness.point["c"].startswith("-")
    assert law(trapped + charge**2 / sk.norm(x - y)).verdict != "refuted"


def test_mutualism_that_outgrows_competition_is_refuted_on_the_quadrant():
    x, y = (sk.scalar(name, domain="positive") for name in "xy")
    a, b = sk.parameter("a"), sk.parameter("b", positive=True)

    def law(cross):
        energy = x**2 + y**2 + 2 * cross * x * y - sk.log(x) / 2 - 3 * sk.log(y)
        model = sk.Dynamics({x: -x, y: -y}, {x: 1, y: 1}, hamiltonian=energy)
        return check_normalizable(Problem(model))

    assert law(a).verdict == "refuted"
    assert law(b).is_proved
