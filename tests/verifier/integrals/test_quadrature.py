"""Rigorous masses: balls that hold the exact integral."""

from __future__ import annotations

import math

import pytest
import sympy as sp
from flint import acb

from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.domains import Domain
from sdekit.verifier.integrals.quadrature import guarded_integral, mass

Y = sp.Symbol("y", real=True)
REAL, POSITIVE, CIRCLE = Domain("real"), Domain("positive"), Domain("circle")
UNIT = Domain("interval", 0, 1)

EXACT = [
    (Y**2 / 2, REAL, math.sqrt(2 * math.pi)),
    ((Y - 3) ** 2 / 2, REAL, math.sqrt(2 * math.pi)),
    (2 * sp.Abs(Y), REAL, 1.0),
    (sp.exp(Y) - 2 * Y, REAL, 1.0),
    (Y**2 / 2, POSITIVE, math.sqrt(math.pi / 2)),
    (3 * Y, POSITIVE, 1 / 3),
    (Y, UNIT, 1 - math.exp(-1)),
    (sp.S.Zero * Y, CIRCLE, 2 * math.pi),
    (sp.cos(Y), CIRCLE, 2 * math.pi * 1.2660658777520084),
]


@pytest.mark.parametrize(("energy", "domain", "exact"), EXACT)
def test_the_ball_holds_the_exact_mass(energy, domain, exact):
    ball = mass(sp.sympify(energy), Y, domain)
    assert ball is not None
    assert abs(float(ball.mid()) - exact) <= float(ball.rad()) + 1e-12
    assert float(ball.rad()) < 1e-3


def test_a_wrong_mass_would_be_seen():
    """Twin: a thousandth more is outside the ball."""
    ball = mass(Y**2 / 2, Y, REAL)
    assert not ball.contains(math.sqrt(2 * math.pi) * 1.001)


@pytest.mark.parametrize("energy", [sp.log(1 + Y**2), sp.sin(Y) + Y**2 * sp.sin(Y), -(Y**2), Y])
def test_without_a_convex_tail_there_is_no_mass(energy):
    assert mass(energy, Y, REAL) is None


def test_an_integrand_that_cannot_be_evaluated_ends_the_integral_with_its_own_error():
    def unsupported(z, analytic):
        raise Unsupported("no rule")

    with pytest.raises(Unsupported, match="no rule"):
        guarded_integral(unsupported, acb(0), acb(1))
