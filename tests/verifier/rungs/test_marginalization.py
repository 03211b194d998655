"""The marginal rung: exact verdicts for every family, and for the traps that look like them."""

from __future__ import annotations

from fractions import Fraction

import pytest

import sdekit as sk
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.marginalization import check_marginalization
from sdekit.verifier.verdict import Verdict
from tests.verifier.models import (
    KINETIC,
    MU,
    TAU,
    THETA,
    XI,
    A,
    B,
    N,
    P,
    Q,
    R,
    T,
    U,
    V,
    claimed,
    sgnht,
)

PHI = sk.scalar("phi", domain="circle")
M = sk.function("m", T)
S = sk.function("s", T, positive=True)
G = sk.function("G", T, positive=True)
K_REAL = sk.parameter("k")
A11, A12, A22 = (sk.function(name, T) for name in ("a11", "a12", "a22"))

PROVED = [
    ("kinetic energy", V + Q**2 / 2, (Q,)),
    ("metric with log det", V + Q**2 / (2 * G) + sk.log(G) / 2, (Q,)),
    ("concrete metric", V + Q**2 / (2 * (1 + T**2)) + sk.log(1 + T**2) / 2, (Q,)),
    ("shifted momentum", V + (Q - M) ** 2 / 2, (Q,)),
    ("location and scale", V + (Q - M) ** 2 / (2 * S**2) + sk.log(S), (Q,)),
    ("quartic location and scale", V + (Q - M) ** 4 / S**4 + sk.log(S), (Q,)),
    ("thermostat with a moving centre", V + Q**2 / 2 + MU * (R - M) ** 2 / 2, (Q, R)),
    ("completed square", V + Q**2 / 2 + T * Q + T**2 / 2, (Q,)),
    ("relativistic", V + A**2 * sk.sqrt(1 + Q**2 / A**2), (Q,)),
    ("Gamma thermostat", V + Q**2 / 2 + MU * TAU - 3 * sk.log(TAU), (Q, TAU)),
    ("Gamma with a rate of theta", V + S * TAU - 2 * sk.log(TAU) - 3 * sk.log(S), (TAU,)),
    ("logarithm of a Gamma", V + Q**2 / 2 + MU * (sk.exp(R) - A * R), (Q, R)),
    ("Student", V + (B + 1) / 2 * sk.log(1 + Q**2 / B), (Q,)),
    ("Student with a scale", V + (B + 1) / 2 * sk.log(1 + Q**2 / (B * S)) + sk.log(S) / 2, (Q,)),
    ("shifted Student", V + (B + 1) / 2 * sk.log(1 + (Q - M) ** 2 / B), (Q,)),
    ("log cosh", V + sk.log(sk.cosh(R)) + Q**2 / 2, (Q, R)),
    ("shifted log cosh", V + sk.log(sk.cosh(R - M)), (R,)),
    ("Laplace with a scale", V + S * sk.abs_(Q) - sk.log(S), (Q,)),
    ("coupled quartic", V + Q**4 + Q**2 * R**2 + R**4, (Q, R)),
    ("quartic with a negative mixed term", V + Q**4 - Q**2 * R**2 + R**4, (Q, R)),
    ("mass that another auxiliary changes", V + Q**2 / 2 * (1 + R**2) + R**2 / 2, (Q, R)),
    ("unknown kinetic energy", V + sk.function("K", Q), (Q,)),
    ("unknown coupling of auxiliaries", V + sk.function("K", Q, R), (Q, R)),
    ("von Mises about theta", V - sk.cos(PHI - T), (PHI,)),
    ("log-normal", V + (sk.log(TAU) - T) ** 2 / 2 + sk.log(TAU), (TAU,)),
    ("log-Gamma with a moving rate and its Jacobian",
     V + sk.exp(Q / S) - 2 * Q / S + sk.log(S), (Q,)),
    ("double well in an auxiliary", V + Q**4 - 10 * Q**2, (Q,)),
]  # fmt: skip

REFUTED = [
    ("metric without log det", V + Q**2 / (2 * G), (Q,)),
    ("concrete metric without log det", V + Q**2 / (2 * (1 + T**2)), (Q,)),
    ("twice the log det", V + Q**2 / (2 * G) + sk.log(G), (Q,)),
    ("quartic with the wrong power", V + (Q - M) ** 4 / S**4 + 2 * sk.log(S), (Q,)),
    ("square that is not completed", V + Q**2 / 2 + T * Q, (Q,)),
    ("coupling theta^2 q^4", V + Q**2 / 2 + T**2 * Q**4, (Q,)),
    ("coupling theta q^3", V + Q**2 / 2 + T * Q**3 / 4 + Q**4, (Q,)),
    ("an auxiliary that is missing", V + Q**2 / 2, (Q, R)),
    ("indefinite form", V + Q**2 / 2 - R**2 / 2, (Q, R)),
    ("flat direction", V + (Q - R) ** 2 / 2, (Q, R)),
    ("linear auxiliary", V + Q**2 / 2 + R, (Q, R)),
    ("Gamma of negative shape", V + MU * TAU + 2 * sk.log(TAU), (TAU,)),
    ("Gamma with the wrong power", V + S * TAU - 2 * sk.log(TAU) - 2 * sk.log(S), (TAU,)),
    ("Student without a mean", V + sk.log(1 + Q**2) / 2, (Q,)),
    ("target twice", 2 * V + Q**2 / 2, (Q,)),
    ("temperature", (V + Q**2 / 2) / A, (Q,)),
    ("mass of either sign", V + K_REAL * Q**2 / 2, (Q,)),
    ("difference of masses", V + (A - B) * Q**2 / 2, (Q,)),
    ("mass that may be zero", V + sk.parameter("m0", nonnegative=True) * Q**2, (Q,)),
    ("unknown coupling to the target", V + sk.function("K", Q, T), (Q,)),
    ("mixed quartic that falls", V + Q**4 - 3 * Q**2 * R**2 + R**4, (Q, R)),
    ("exponential on one side", V + sk.exp(R), (R,)),
    ("tilted cosh", V + sk.cosh(Q) + sk.sin(T) * Q, (Q,)),
    ("half-line Gaussian that moves", V + (TAU - T) ** 2 / 2, (TAU,)),
    ("von Mises of a moving width", V - T * sk.cos(PHI), (PHI,)),
    ("the log of another metric", V + Q**2 / (2 * G) + sk.log(S) / 2, (Q,)),
    ("log-normal without its Jacobian", V + (sk.log(TAU) - T) ** 2 / 2, (TAU,)),
    ("log-Gamma with a moving rate", V + sk.exp(Q / S) - 2 * Q / S, (Q,)),
    ("tilt that wins for some theta", V + sk.abs_(Q) + T * Q, (Q,)),
    ("undeclared metric", V + (A11 * Q**2 + 2 * A12 * Q * R + A22 * R**2) / 2
     - sk.log(A11 * A22 - A12**2) / 2, (Q, R)),
]  # fmt: skip

UNDECIDED = [
    # Its mass moves; the tail is not convex, so that no rigorous quadrature applies.
    ("tilted Student", V + 3 * sk.log(1 + Q**2) + T * sk.atan(Q), (Q,)),
]


def check(energy, auxiliary):
    return check_marginalization(Problem(claimed(energy, *auxiliary)))


@pytest.mark.parametrize(
    ("energy", "auxiliary"), [c[1:] for c in PROVED], ids=[c[0] for c in PROVED]
)
def test_a_marginal_that_is_the_target_is_proved(energy, auxiliary):
    assert check(energy, auxiliary).verdict is Verdict.PROVED


@pytest.mark.parametrize(
    ("energy", "auxiliary"), [c[1:] for c in REFUTED], ids=[c[0] for c in REFUTED]
)
def test_a_marginal_that_is_not_the_target_is_refuted_with_a_witness(energy, auxiliary):
    found = check(energy, auxiliary)
    assert found.verdict is Verdict.REFUTED, found.reason
    assert found.witness is not None
    assert found.witness.value


@pytest.mark.parametrize(
    ("energy", "auxiliary"), [c[1:] for c in UNDECIDED], ids=[c[0] for c in UNDECIDED]
)
def test_what_no_theorem_covers_is_undecided_with_a_reason(energy, auxiliary):
    found = check(energy, auxiliary)
    assert found.verdict is Verdict.UNDECIDED
    assert found.reason


def test_the_tempered_law_is_refuted_at_an_exact_temperature():
    found = check((V + Q**2 / 2) / A, (Q,))
    value, temperature = Fraction(found.witness.value), Fraction(found.witness.point["A"])
    slope = Fraction(found.witness.point["t"])  # V is t^2 / 2, so its slope is t
    assert value == (1 / temperature - 1) * slope


def test_a_missing_log_det_is_refuted_by_a_metric_that_varies():
    found = check(V + Q**2 / (2 * G), (Q,))
    assert found.witness.functions == {"G(t)": "1 + t*t"}
    t = Fraction(found.witness.point["t"])
    assert Fraction(found.witness.value) == -t / (1 + t**2)


def test_two_masses_by_rigorous_quadrature_exclude_each_other():
    found = check(V + Q**2 / 2 + T * Q**3 / 4 + Q**4, (Q,))
    assert "1.554817802" in found.reason
    assert "1.562879924" in found.reason


def test_the_assumption_about_an_unknown_kinetic_energy_is_stated():
    assert check(V + sk.function("K", Q), (Q,)).assumptions == (
        "exp(-(K(q))) is integrable over q",
    )


METRIC = sk.function("G", THETA, shape=(N, N), positive_definite=True)
MEAN = sk.function("m", THETA, shape=(N,))
SCALE = sk.function("s", THETA, positive=True)
NU = sk.parameter("nu", positive=True)
FOR_ALL_N = [
    ("Riemannian", sk.dot(P, sk.inv(METRIC) @ P) / 2 + sk.logdet(METRIC) / 2, "proved"),
    ("without log det", sk.dot(P, sk.inv(METRIC) @ P) / 2, "refuted"),
    ("log det with the wrong sign",
     sk.dot(P, sk.inv(METRIC) @ P) / 2 - sk.logdet(METRIC) / 2, "refuted"),
    ("shifted Riemannian",
     sk.dot(P - MEAN, sk.inv(METRIC) @ (P - MEAN)) / 2 + sk.logdet(METRIC) / 2, "proved"),
    ("relativistic Riemannian",
     sk.sqrt(1 + sk.dot(P, sk.inv(METRIC) @ P)) + sk.logdet(METRIC) / 2, "proved"),
    ("Student with enough degrees", (NU + N) / 2 * sk.log(1 + sk.dot(P, P) / NU), "proved"),
    ("Student with too few degrees", (NU + 1) / 2 * sk.log(1 + sk.dot(P, P) / NU), "refuted"),
    ("element-wise log cosh", sk.dot(sk.ones(N), sk.log(sk.cosh(P))), "proved"),
    ("element-wise quartic and a well", sk.dot(sk.ones(N), P**4) - 3 * KINETIC, "proved"),
    ("quartic length with a scale",
     SCALE * sk.dot(P, P) ** 2 - N * sk.log(SCALE) / 4, "proved"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kinetic", "verdict"), [c[1:] for c in FOR_ALL_N], ids=[c[0] for c in FOR_ALL_N]
)
def test_blocks_are_decided_for_every_n(kinetic, verdict):
    found = check_marginalization(Problem(claimed(U + kinetic, P, target=U, position=THETA)))
    assert found.verdict.value == verdict, found.reason


def test_too_few_degrees_of_freedom_are_enough_at_n_1():
    energy = U + (NU + 1) / 2 * sk.log(1 + sk.dot(P, P) / NU)
    dynamics = claimed(energy, P, target=U, position=THETA)
    assert check_marginalization(Problem(dynamics, {"n": 1})).verdict is Verdict.PROVED
    witness = check_marginalization(Problem(dynamics, {"n": 2})).witness
    assert witness.dimensions == {"n": 2}
    assert witness.value == "infinite"


def test_the_thermostat_needs_its_energy():
    assert check_marginalization(Problem(sgnht())).verdict is Verdict.PROVED
    missing = sgnht(hamiltonian=U + KINETIC)
    assert check_marginalization(Problem(missing)).witness.value == "infinite"
    negative = sgnht(hamiltonian=U + KINETIC - MU * (XI - A) ** 2 / 2)
    assert check_marginalization(Problem(negative)).witness.value == "infinite"


def test_a_marginal_that_jumps_is_not_the_target():
    """The slope of log K is zero on both sides of a, and K jumps there."""
    a, x, q = sk.parameter("a"), sk.scalar("x"), sk.scalar("q")
    V = sk.potential("V", x)
    stiffness = (sk.abs_(x - a) / (x - a) + 2) ** 2 + 1
    drift = {x: 0 * x, q: 0 * q}
    for K in (stiffness, 2 + sk.sign(x)):
        d = sk.Dynamics(drift=drift, hamiltonian=V + K * q**2 / 2, target=V)
        assert not check_marginalization(Problem(d)).is_proved
    smooth = sk.Dynamics(drift=drift, hamiltonian=V + 2 * q**2, target=V)
    assert check_marginalization(Problem(smooth)).is_proved
