"""Certificate fields and coercivity in components: exact, and checked a second time."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp

import sdekit as sk
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.verifier.integrals.certificate_fields import certificate_field
from sdekit.verifier.integrals.coercivity import coercive
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.normalizability import check_normalizable
from tests.verifier.models import THETA, N, Q, R, T, U, V, claimed

M = sk.function("m", T)
S = sk.function("s", T, positive=True)


def field_of(energy, *auxiliary):
    at = claimed(V + energy, *auxiliary).at()
    excess = sp.expand(at.hamiltonian - at.target)
    t = at.target_coordinates[0]
    ys = [c for c in at.coordinates if c != t]
    return certificate_field(excess, ys, t, at), excess, ys, t


def test_the_field_of_location_and_scale_transports_the_mass():
    field, excess, (q,), t = field_of((Q - M) ** 2 / (2 * S**2) + sk.log(S), Q)
    (w,) = field
    identity = excess.diff(t) + w.diff(q) - w * excess.diff(q)
    assert sp.simplify(identity) == 0


def test_coupled_gaussians_have_a_matrix_field():
    energy = (1 + T**2) * Q**2 / 2 + Q * R + R**2 - sk.log(1 + 2 * T**2) / 2
    field, excess, ys, t = field_of(energy, Q, R)
    assert field is not None
    identity = excess.diff(t) + sum(
        w.diff(y) - w * excess.diff(y) for w, y in zip(field, ys, strict=True)
    )
    assert sp.simplify(identity) == 0


@pytest.mark.parametrize(
    "energy",
    [
        (Q - M) ** 2 / (2 * S**2),
        (Q - M) ** 2 / (2 * S**2) + 2 * sk.log(S),
        Q**4 + T * Q**3,
    ],
)
def test_where_the_mass_moves_there_is_no_field(energy):
    assert field_of(energy, Q)[0] is None


X, Y = sp.symbols("x y", real=True)
C = sp.Symbol("c", positive=True)


@pytest.mark.parametrize(
    ("energy", "is_coercive"),
    [
        (X**4 + Y**4 - X**2 * Y**2, True),
        (X**4 + Y**4 - 3 * X**2 * Y**2, False),
        (X**4 + Y**2 - 10 * X * Y, True),
        (X**4 + Y**2 - 3 * X**2 * Y, False),
        (X**4 + Y**2 - X**2 * Y, True),
        (C * X**6 + Y**2 + X**3 - 100 * Y, True),
        (X**2 * Y**2 + X**2 + Y**2, True),
        (X**2, False),
        (X**3 + Y**2, False),
        (X**2 + Y**2 + sp.log(1 + X**2 * Y**2), True),
        (X**2 + Y**2 - sp.log(1 + X**2 * Y**2), False),
    ],
)
def test_growth_in_several_variables_is_recognised(energy, is_coercive):
    assert (coercive(energy, [X, Y]) is not None) is is_coercive


def test_squares_are_completed():
    x = sk.scalar("x")
    assert decided_signs(x**2 + x + 1) == frozenset({1})
    assert decided_signs(x**2 + 2 * x + 1) == frozenset({0, 1})
    assert -1 in decided_signs(x**2 + 3 * x + 1)


def test_a_witness_respects_that_a_function_is_positive():
    """g tr(X X) / 2 is a Gaussian at n = 1, and no Gaussian from n = 2 on."""
    g, X = sk.function("g", THETA, positive=True), sk.matrix("X", N, N)
    at_rest = claimed(U + g * sk.trace(X @ X) / 2, X, target=U, position=THETA)
    assert check_normalizable(Problem(at_rest, {"n": 1})).is_proved
    found = check_normalizable(Problem(at_rest, {"n": 2}))
    assert found.is_refuted
    assert Fraction(found.witness.point["g(theta_1, theta_2)"]) > 0
