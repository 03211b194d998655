"""Feller's test: pairs of models on both sides of explosion, the truth by argument."""

import pytest

import sdekit as sk
from sdekit.verifier.confinement.feller import feller_check
from sdekit.verifier.question import Problem

x, y = sk.scalar("x"), sk.scalar("y")
r = sk.scalar("r", domain="positive")
a = sk.parameter("a", positive=True)
b = sk.parameter("b", positive=True)
s = sk.parameter("s", positive=True)


def reversible(z, D, H):
    return sk.Dynamics({z: -D * sk.grad(H, z) + sk.grad(D, z)}, {z: D}, hamiltonian=H)


def feller(dynamics):
    return feller_check(Problem(dynamics.ito()))


#: Balanced models of one coordinate whose scale exp(H)/D has an infinite integral at infinity.
COMPLETE = {
    "OU": reversible(x, 1 + 0 * x, x**2 / 2),
    "D = exp(x^2/4) is too slow": reversible(x, sk.exp(x**2 / 4), x**2 / 2),
    "D = exp(x^2/2) is the border": reversible(x, sk.exp(x**2 / 2), x**2 / 2),
    "a polynomial D": reversible(x, (1 + x**2) ** 5, x**2 / 2),
    "Student with D = 1 + x^2": reversible(x, 1 + x**2, 2 * sk.log(1 + x**2)),
    "Student(3) with D = (1 + x^2)^2": reversible(x, (1 + x**2) ** 2, 2 * sk.log(1 + x**2)),
    "CIR": sk.Dynamics(
        {r: a * (b - r)}, {r: s**2 * r / 2},
        hamiltonian=(1 - 2 * a * b / s**2) * sk.log(r) + 2 * a * r / s**2,
    ),
    "3/2": sk.Dynamics(
        {r: r * (a - b * r)}, {r: s**2 * r**3 / 2},
        hamiltonian=(3 + 2 * b / s**2) * sk.log(r) + 2 * a / (s**2 * r),
    ),
    "CKLS, exponent 2": reversible(r, r**4, 5 * sk.log(r) + 1 / r),
}  # fmt: skip
#: The same with a finite one.
EXPLOSIVE = {
    "D = exp(x^2)": reversible(x, sk.exp(x**2), x**2 / 2),
    "D = exp(a x^2): for a > 1/2": reversible(x, sk.exp(a * x**2), x**2 / 2),
    "D = cosh(x)^2 beside |x|": reversible(x, sk.cosh(2 * x), sk.log(sk.cosh(x))),
    "Student(3) with D = (1 + x^2)^3": reversible(x, (1 + x**2) ** 3, 2 * sk.log(1 + x**2)),
    "half-line": reversible(r, sk.exp(3 * r), r),
    "constant current": sk.Dynamics({x: -x + sk.exp(x**2 / 2)}, {x: 1}, hamiltonian=x**2 / 2),
    "constant current downwards": sk.Dynamics(
        {x: -x - 2 * sk.exp(x**2 / 2)}, {x: 1}, hamiltonian=x**2 / 2
    ),
    "no noise": sk.Dynamics({x: a * sk.exp(x**2 / 2)}, hamiltonian=x**2 / 2),
    "one of two coordinates": sk.Dynamics(
        {x: x * sk.exp(x**2), y: -y}, {x: sk.exp(x**2), y: 1}, hamiltonian=(x**2 + y**2) / 2
    ),
}


@pytest.mark.parametrize("name", COMPLETE)
def test_what_never_reaches_infinity_is_proved(name):
    assert feller(COMPLETE[name]).is_proved


@pytest.mark.parametrize("name", EXPLOSIVE)
def test_what_reaches_infinity_is_refuted(name):
    assert feller(EXPLOSIVE[name]).is_refuted
    assert sk.verify(EXPLOSIVE[name]).verdict.value == "refuted"


def test_the_parameter_of_an_explosion_is_named():
    found = feller(EXPLOSIVE["D = exp(a x^2): for a > 1/2"])
    assert found.witness.point == {"a": "1"}


def test_an_infinite_mass_is_left_to_others():
    """Twin: the scale 1/(1 + x^2) is finite, but so is not the time: v is at most linear."""
    found = feller(reversible(x, 1 + 0 * x, -sk.log(1 + x**2)))
    assert found is None or not found.is_refuted


def test_a_pole_inside_is_left_open():
    assert feller(reversible(x, 1 + 0 * x, x**2 / 2 - sk.log(x**2))) is None


def test_coordinates_that_are_coupled_are_left_open():
    coupled = sk.Dynamics({x: -x + y, y: -x - y}, {x: 1, y: 1}, hamiltonian=(x**2 + y**2) / 2)
    assert feller(coupled) is None
