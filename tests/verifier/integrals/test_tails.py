"""Leading terms at infinity, and what they mean for integrability."""

from __future__ import annotations

from fractions import Fraction

import pytest

import sdekit as sk
from sdekit.calculus.expansion.growth import Z
from sdekit.declaration.tree.expression import Constant
from sdekit.verifier.integrals.tails import Tail, tail

A = sk.parameter("A", positive=True)
NU = sk.parameter("nu", positive=True)
K = sk.parameter("k")
PI = Constant("pi")

CASES = [
    (A * Z**2, Tail.FINITE),
    (-A * Z**4 + Z, Tail.INFINITE),
    (A * Z - 3 * sk.log(Z), Tail.FINITE),
    (sk.exp(Z) - A * Z**5, Tail.FINITE),
    (sk.exp(-Z) - A * Z, Tail.INFINITE),
    (sk.log(sk.cosh(A * Z)), Tail.FINITE),
    ((NU + 1) / 2 * sk.log(1 + Z**2 / NU), Tail.FINITE),
    (sk.log(1 + Z**2 / NU) / 2, Tail.INFINITE),
    (2 * sk.log(Z) - sk.log(1 + Z), Tail.INFINITE),
    (sk.log(1 + Z**2) * Fraction(51, 100), Tail.FINITE),
    (sk.asinh(Z) * Fraction(3, 2), Tail.FINITE),
    (sk.asinh(Z) / 2, Tail.INFINITE),
    (sk.sqrt(1 + Z**2 / A) - Z / (2 * sk.sqrt(A)), Tail.FINITE),
    (Z**4 - 10 * Z**3, Tail.FINITE),
    (sk.tanh(Z) + sk.atan(Z), Tail.INFINITE),
    (sk.log(1 + sk.exp(A * Z)), Tail.FINITE),
    (sk.exp(Z**2) - sk.exp(Z), Tail.FINITE),
    (sk.exp(Z) - sk.exp(2 * Z), Tail.INFINITE),
    (sk.log(sk.exp(Z) + sk.exp(-Z)), Tail.FINITE),
    (sk.log(Z) ** 2, Tail.FINITE),
    # Slower than any multiple of log z.
    (A * sk.log(1 + Z**2) ** Fraction(1, 2), Tail.INFINITE),
    (1 / Z, Tail.INFINITE),
    (sk.exp(-Z) * Z**3, Tail.INFINITE),
    (sk.abs_(-3 * Z), Tail.FINITE),
    (K * Z**2, Tail.UNKNOWN),
    (Z**2 * sk.sin(Z), Tail.UNKNOWN),
    (Z + Z * sk.sin(Z), Tail.UNKNOWN),
    (sk.log(sk.log(Z)), Tail.UNKNOWN),
    (sk.sqrt(1 + Z**2) - Z, Tail.UNKNOWN),
    # c log z with c = 1 exactly, and a term between log z and a constant.
    (sk.log(Z) + sk.log(Z) ** Fraction(1, 2), Tail.UNKNOWN),
    # 1 / (z log(z)^2) is integrable, 1 / z is not.
    (sk.log(1 + Z * sk.log(Z) ** 2), Tail.UNKNOWN),
    # Powers with a symbolic exponent.
    (Z**A, Tail.FINITE),
    (Z ** (-A), Tail.INFINITE),
    (Z**A - (NU + 5) * sk.log(Z), Tail.FINITE),
    (Z ** (A + 2) - NU * Z**2, Tail.FINITE),
    ((1 + Z**2) ** A * NU - Z ** (2 * A + 1), Tail.INFINITE),
    (2 * sk.log(Z) + Z ** (-A), Tail.FINITE),
    (Z**A - Z**2, Tail.UNKNOWN),
    (Z**A - Z**NU, Tail.UNKNOWN),
    (Z**K, Tail.UNKNOWN),
    (K * Z**A, Tail.UNKNOWN),
    # Angles with a limit.
    (-3 * sk.log(sk.sin(1 / Z)), Tail.FINITE),
    (-sk.log(sk.sin(PI - 1 / Z)) / 2, Tail.INFINITE),
    (-3 * sk.log(-sk.cos(PI / 2 + 1 / Z)), Tail.FINITE),
    (-3 * sk.log(sk.cos(1 / Z)), Tail.INFINITE),
    (-3 * sk.log(sk.cos(PI / 3 + 1 / Z)), Tail.UNKNOWN),
]


@pytest.mark.parametrize(("energy", "expected"), CASES)
def test_the_leading_term_decides(energy, expected):
    assert tail(energy)[0] is expected


def test_what_is_chosen_by_a_sign_settles_at_infinity():
    x = sk.scalar("x")
    b, m = sk.parameter("b", positive=True), sk.parameter("m")

    def queue(slope):
        energy = slope * x + sk.where(x > 0, 0, x**2 / 2)
        drift = {x: -slope - sk.where(x > 0, 0, x)}
        return sk.verify(sk.Dynamics(drift, {x: 1}, hamiltonian=energy)).verdict

    assert queue(b) == "proved"
    assert queue(m) == "refuted"


def test_an_exponent_between_bounds_decides():
    x, g = sk.scalar("x", domain="positive"), sk.parameter("g", positive=True)
    energy = 2 * g * sk.log(x) - 2 * (
        x ** (1 - 2 * g) / (1 - 2 * g) - x ** (2 - 2 * g) / (2 - 2 * g)
    )

    def law(*facts):
        ckls = sk.Dynamics({x: 1 - x}, {x: x ** (2 * g) / 2}, hamiltonian=energy, assume=facts)
        return sk.verify(ckls).verdict

    assert law(2 * g > 1, g < 1) == "proved"
    assert law(2 * g > 1) != "proved"
