"""Arguments against every affine involution."""

from __future__ import annotations

import sdekit as sk
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.reversibility import check_reversibility
from tests.verifier.models import THETA, P, U

Q = sk.parameter("Q", sk.dim("n"), sk.dim("n"), antisymmetric=True)


def check(dynamics, sizes=None):
    return check_reversibility(Problem(dynamics.ito(), sizes))


def test_a_current_along_the_level_sets_of_an_unknown_potential_is_not_reversed():
    slope = sk.grad(U, THETA)
    turning = sk.Dynamics({THETA: -slope + Q @ slope}, {THETA: 1}, hamiltonian=U)
    found = check(turning)
    assert found.is_refuted
    assert "for every U fixes theta" in found.reason


def test_one_concrete_energy_leaves_other_involutions_open():
    """Twin: for U = |theta|^2 / 2 in the plane a reflection of one axis reverses the rotation."""
    turning = sk.Dynamics(
        {THETA: -THETA + Q @ THETA}, {THETA: 1}, hamiltonian=sk.dot(THETA, THETA) / 2
    )
    assert check(turning).verdict.value == "undecided"


def test_a_function_that_occurs_twice_has_a_symmetry():
    """Twin: U(x) + U(y) is kept by an exchange, so nothing is fixed."""
    x, y = sk.scalar("x"), sk.scalar("y")
    V = sk.potential("V", x)
    W = V(y)
    drift = {x: -sk.diff(V, x) + sk.diff(W, y), y: -sk.diff(W, y) - sk.diff(V, x)}
    found = check(sk.Dynamics(drift, {x: 1, y: 1}, hamiltonian=V + W))
    assert found.is_proved
    assert found.details["involution"] == "x <-> y"


def test_a_magnetic_field_is_refuted_through_the_momentum():
    field = sk.Dynamics(
        {THETA: P, P: -sk.grad(U, THETA) + Q @ P - P},
        {P: 1},
        hamiltonian=U + sk.dot(P, P) / 2,
        target=U,
    )
    found = check(field)
    assert found.is_refuted
    assert "takes p to -p" in found.reason
    without = sk.Dynamics(
        {THETA: P, P: -sk.grad(U, THETA) - P}, {P: 1}, hamiltonian=U + sk.dot(P, P) / 2, target=U
    )
    assert check(without).is_proved
