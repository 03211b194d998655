"""Closed forms of marginal integrals, against numerical quadrature of the integrand itself."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import sympy as sp
from scipy import integrate as quadrature

import sdekit as sk
from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import as_expression
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.verifier.integrals.block_integrals import integrate
from sdekit.verifier.integrals.elimination import eliminate
from sdekit.verifier.integrals.questions import Outcome

TH = sk.scalar("theta")
X, Y = sk.scalar("x"), sk.scalar("y")
TAU = sk.scalar("tau", domain="positive")
W = sk.scalar("w", domain=(0, 1))
PHI = sk.scalar("phi", domain="circle")
#: Two functions of theta, one of them positive.
M, S = sk.sin(TH) + TH / 2, 1 + TH**2

LIMITS = {"real": (-math.inf, math.inf), "positive": (0, math.inf), "interval": (0, 1)}

CLOSED = [
    ("Gaussian with a scale", X**2 / (2 * S), X),
    ("Gaussian completion", S * X**2 / 2 + M * X, X),
    ("shifted Gaussian", (X - M) ** 2 / (2 * S**2), X),
    ("Gamma with a rate", S * TAU - 2 * sk.log(TAU), TAU),
    ("inverse Gamma", S / TAU + 3 * sk.log(TAU), TAU),
    ("Weibull", S * TAU**3 - sk.log(TAU), TAU),
    ("half normal", S * TAU**2, TAU),
    ("quartic with a scale", S * X**4, X),
    ("shifted quartic with a scale", (X - M) ** 4 / S**4, X),
    ("logarithm of a Gamma", S * sk.exp(2 * X) - 3 * X, X),
    ("Laplace with a scale", S * sk.abs_(X), X),
    ("shifted Laplace", sk.abs_(X - M), X),
    ("Student with a scale", 2 * sk.log(1 + X**2 / S), X),
    ("shifted Student", 2 * sk.log(1 + (X - M) ** 2), X),
    ("shifted log cosh", sk.log(sk.cosh(X - M)), X),
    ("relativistic with a scale", sk.sqrt(1 + X**2 / S), X),
    ("logistic shifted", sk.log(1 + sk.exp(X - M)) + sk.log(1 + sk.exp(-X + M)), X),
]


def number(expression, theta):
    reader = ComponentReader({})
    return float(reader.scalar(expression).subs(reader.scalar(TH), sp.Rational(theta)))


def mass(energy, x, theta):
    reader = ComponentReader({})
    symbol = reader.scalar(x)
    scalar = reader.scalar(energy).subs(reader.scalar(TH), sp.Rational(theta))
    density = sp.lambdify(symbol, sp.exp(-scalar), "math")

    def safe(value):
        try:
            return density(value)
        except OverflowError:
            return 0.0

    low, high = LIMITS[x.domain.kind]
    if low == -math.inf:
        left, right = (
            quadrature.quad(safe, -40, 0, limit=400),
            quadrature.quad(safe, 0, 40, limit=400),
        )
        return left[0] + right[0] + 2 * quadrature.quad(safe, 40, math.inf)[0]
    return quadrature.quad(safe, low, high, limit=400)[0]


@pytest.mark.parametrize(("energy", "x"), [c[1:] for c in CLOSED], ids=[c[0] for c in CLOSED])
def test_the_closed_form_has_the_ratio_of_the_masses(energy, x):
    found = eliminate(energy, (x,), (TH,))
    assert found.is_complete, found
    left = as_expression(found.energy)
    for theta in ("1/2", "-1"):
        predicted = number(left, theta) - number(left, "0")
        measured = -math.log(mass(energy, x, theta) / mass(energy, x, "0"))
        assert predicted == pytest.approx(measured, abs=1e-6), theta


def test_a_wrong_closed_form_would_be_seen():
    """Twin: dropping the determinant of the Gaussian is far outside the tolerance."""
    energy = X**2 / (2 * S)
    assert abs(math.log(mass(energy, X, "1") / mass(energy, X, "0"))) > 0.3


def test_coupled_gaussians_are_integrated_one_after_the_other():
    energy = S * X**2 + X * Y + Y**2 + M * X
    found = eliminate(energy, (X, Y), (TH,))
    assert found.is_complete
    left = as_expression(found.energy)
    matrix = sp.Matrix([[2 * (1 + sp.Rational(1, 4)), 1], [1, 2]])
    b = sp.Matrix([sp.sin(sp.Rational(1, 2)) + sp.Rational(1, 4), 0])
    exact = sp.log(matrix.det()) / 2 - (b.T * matrix.inv() * b)[0] / 2 - sp.log(3) / 2
    assert number(left, "1/2") - number(left, "0") == pytest.approx(float(exact), abs=1e-12)


N = sk.dim("n")
THETA, P = sk.vector("theta", N), sk.vector("p", N)
G = sk.function("G", THETA, shape=(N, N), positive_definite=True)
MEAN = sk.function("m", THETA, shape=(N,))
NU = sk.parameter("nu", positive=True)
SIGMA = sk.function("sigma", THETA, positive=True)
XI = sk.matrix("Xi", N)
XS = sk.matrix("Xs", N, symmetric=True)


@pytest.mark.parametrize(
    ("energy", "block", "left"),
    [
        (sk.dot(P, sk.inv(G) @ P) / 2, P, -sk.logdet(G) / 2),
        (sk.dot(P - MEAN, sk.inv(G) @ (P - MEAN)) / 2, P, -sk.logdet(G) / 2),
        (sk.dot(P, G @ P) / 2 + sk.dot(MEAN, P), P,
         sk.logdet(G) / 2 - sk.dot(MEAN, sk.inv(G) @ MEAN) / 2),
        (SIGMA * sk.dot(P, P), P, N * sk.log(2 * SIGMA) / 2),
        (sk.sqrt(1 + sk.dot(P, sk.inv(G) @ P)), P, -sk.logdet(G) / 2 + N * sk.log(2) / 2),
        ((NU + N) / 2 * sk.log(1 + sk.dot(P, sk.inv(G) @ P) / NU), P,
         -sk.logdet(G) / 2 + N * sk.log(2) / 2),
        (SIGMA * sk.dot(P, P) ** 2, P, N * sk.log(SIGMA) / 4 + N * sk.log(2) / 2),
        (SIGMA / 2 * sk.dot(XI, XI), XI, N * N * sk.log(SIGMA) / 2),
        (SIGMA / 2 * sk.dot(XS, XS), XS, N * (N + 1) * sk.log(SIGMA) / 4),
        (sk.dot(sk.diag(sk.exp(THETA)) @ P, P) / 2, P,
         sk.dot(sk.ones(N), sk.log(sk.exp(THETA))) / 2),
    ],
)  # fmt: skip
def test_blocks_of_every_size_have_their_determinant(energy, block, left):
    found = eliminate(energy, (block,), (THETA,))
    assert found.is_complete
    assert dict(found.energy) == dict(expand(left))


INFINITE = [
    ("negative quadratic", -(X**2), X),
    ("linear", X, X),
    ("cubic", X**3 + X**2, X),
    ("bounded", sk.sin(X), X),
    ("saturating", sk.tanh(X) ** 2, X),
    ("one-sided exponential", sk.exp(X), X),
    ("Cauchy to the half", sk.log(1 + X**2) / 2, X),
    ("Gamma of shape zero", TAU + sk.log(TAU), TAU),
    ("no decay at infinity", sk.log(TAU) / 2, TAU),
    ("pole downwards", X**2 - 1 / X**2, X),
    ("pole of 1 / |x|", X**2 + sk.log(sk.abs_(X)), X),
    ("beta of shape zero", sk.log(W), W),
]


@pytest.mark.parametrize(("energy", "x"), [c[1:] for c in INFINITE], ids=[c[0] for c in INFINITE])
def test_an_infinite_integral_is_recognised(energy, x):
    assert integrate(x, expand(energy), frozenset()).outcome is Outcome.INFINITE


FINITE = [
    ("double well", X**4 - 10 * X**2, X),
    ("Cauchy", sk.log(1 + X**2), X),
    ("pole upwards", X**2 + 1 / X**2, X),
    ("integrable pole", X**2 + sk.log(sk.abs_(X)) / 2, X),
    ("rational power", sk.sqrt(1 + X**2) ** Fraction(1, 3), X),
    ("oscillating beside a well", X**2 + 5 * sk.sin(3 * X), X),
    ("softplus on both sides", sk.log(1 + sk.exp(X)) + sk.log(1 + sk.exp(-X)), X),
    ("beta", -sk.log(W) / 2 - sk.log(1 - W), W),
    ("beta close to the edge", sk.log(W) * Fraction(9, 10), W),
    ("circle", 3 * sk.cos(PHI), PHI),
    ("log-normal", sk.log(TAU) ** 2, TAU),
    ("exponential against a line", sk.exp(X) - 3 * X, X),
]


@pytest.mark.parametrize(("energy", "x"), [c[1:] for c in FINITE], ids=[c[0] for c in FINITE])
def test_a_finite_integral_is_recognised(energy, x):
    assert integrate(x, expand(energy), frozenset()).outcome is Outcome.CLOSED


UNKNOWN = [
    ("oscillating growth", X**2 * sk.sin(X), X),
    ("undecided sign", sk.parameter("k") * X**4, X),
    ("pole at a parameter", X**2 - 1 / (X - sk.parameter("k")) ** 2, X),
    ("pole of the tangent", X**2 + sk.tan(X), X),
    ("two exponentials", sk.exp(sk.parameter("a") * X) - sk.exp(sk.parameter("b") * X), X),
]


@pytest.mark.parametrize(("energy", "x"), [c[1:] for c in UNKNOWN], ids=[c[0] for c in UNKNOWN])
def test_what_cannot_be_read_off_is_not_decided(energy, x):
    assert integrate(x, expand(energy), frozenset()).outcome is Outcome.UNKNOWN


def test_a_student_law_needs_more_degrees_than_the_block_has_entries():
    energy = (NU + 1) / 2 * sk.log(1 + sk.dot(P, P) / NU)
    assert integrate(P, expand(energy), frozenset()).outcome is Outcome.UNKNOWN
    enough = (NU + N) / 2 * sk.log(1 + sk.dot(P, P) / NU)
    assert integrate(P, expand(enough), frozenset()).outcome is Outcome.CLOSED
    short = N / 2 * sk.log(1 + sk.dot(P, P) / NU)
    assert integrate(P, expand(short), frozenset()).outcome is Outcome.INFINITE
