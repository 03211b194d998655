"""Detailed balance, plainly and up to involutions."""

import pytest

import sdekit as sk
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.reversibility import check_reversibility


def check(name, n=None):
    return check_reversibility(Problem(sk.catalog.get(name).ito(), n))


@pytest.mark.parametrize("name", ["overdamped", "sgrld", "student-flow"])
def test_a_vanishing_current_is_detailed_balance(name):
    assert check(name).reason == "detailed balance: the probability current vanishes"


@pytest.mark.parametrize(
    ("name", "involution"),
    [
        ("langevin", "p -> -p"),
        ("gle", "p -> -p"),
        ("rhmc", "p -> -p"),
        ("sgnht", "p -> -p, xi -> 2*A - xi"),
        ("sgnht-diagonal", "p -> -p, xi -> 2*A - xi"),
        ("sgnht-matrix-symmetric", "p -> -p, xi -> 2*A - xi"),
        ("mclmc-2d", "phi -> phi + pi"),
        ("mclmc-3d", "w -> -w, phi -> phi + pi"),
    ],
)
def test_the_involution_is_named(name, involution):
    found = check(name)
    assert found.is_proved
    assert found.details["involution"] == involution


@pytest.mark.parametrize("name", ["langevin-magnetic", "irreversible", "langevin-kinetic"])
def test_what_no_flip_reverses_is_refuted_with_a_current(name):
    found = check(name)
    assert found.is_refuted
    assert "the current of" in found.reason
    assert found.witness.value not in ("0", "")


def test_nothing_that_is_not_stationary_is_in_balance():
    """Twin: the sign of this thermostat is wrong, and the flips alone would not notice."""
    found = check("sgnht-sign")
    assert found.is_refuted
    assert "not stationary" in found.reason


def test_a_zero_current_is_no_balance_where_the_density_jumps():
    x, phi = sk.scalar("x"), sk.scalar("phi", domain="circle")
    cut = sk.Dynamics({phi: -1}, {phi: 1}, hamiltonian=phi)
    step = sk.Dynamics({x: -x}, {x: 1}, hamiltonian=x**2 / 2 + sk.sign(x))
    for dynamics in (cut, step):
        assert not check_reversibility(Problem(dynamics)).is_proved


def test_a_reflection_about_the_middle_of_irrational_ends_is_found():
    """x -> pi - x turns the velocity cos(x) of y round, and so does y -> -y: each alone will do."""
    x, y, z = sk.scalar("x", domain=("0", "pi")), sk.scalar("y"), sk.scalar("z")
    drift = {x: 0, y: sk.cos(x) * z, z: -sk.cos(x) * y}
    turning = sk.Dynamics(drift, {x: 1}, hamiltonian=(y**2 + z**2) / 2)
    check = sk.verify(turning).checks["reversibility"]
    assert check.verdict is sk.Verdict.PROVED, check.reason
