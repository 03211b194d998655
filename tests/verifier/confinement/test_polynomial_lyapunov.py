"""Polynomial Lyapunov functions in coordinates."""

import pytest

import sdekit as sk
from sdekit.verifier.confinement.polynomial_lyapunov import by_coercivity
from sdekit.verifier.question import Problem

x, y = sk.scalar("x"), sk.scalar("y")
quartic = (x**2 + y**2) / 2 + (x**3 + y**3) / 3 + (x**4 + y**4) / 4
a, b = sk.grad(quartic, x), sk.grad(quartic, y)


def test_an_irreversible_current_in_a_quartic_well_is_bounded():
    model = sk.Dynamics({x: -a + b, y: -b - a}, {x: 1, y: 1}, hamiltonian=quartic)
    assert by_coercivity(Problem(model)).is_proved


@pytest.mark.parametrize("drift", [{x: x**3, y: -y}, {x: x * y, y: x * y}, {x: y**3, y: x**3}])
def test_a_drift_that_leads_outwards_is_not(drift):
    """Twin: each has a solution that is infinite in finite time."""
    model = sk.Dynamics(drift, {x: 1, y: 1}, hamiltonian=(x**2 + y**2) / 2)
    assert by_coercivity(Problem(model)) is None
