"""Flips from a linear system modulo 2, and exchanges of blocks."""

from __future__ import annotations

import itertools

import sdekit as sk
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.reversibility import check_reversibility
from tests.verifier.models import THETA, N, P, U


def check(dynamics, sizes=None):
    return check_reversibility(Problem(dynamics.ito(), sizes))


def chain(length, coupling=1):
    """A thermostat chain of scalars on top of Langevin momenta, flipped all at once."""
    links = [sk.scalar(f"x{k}") for k in range(length)]
    drift = {THETA: P, P: -sk.grad(U, THETA) - links[0] * P, links[0]: sk.dot(P, P) - N}
    for below, link in itertools.pairwise(links):
        drift[below] = drift[below] - coupling * link * below
        drift[link] = coupling * (below**2 - 1)
    energy = U + sk.dot(P, P) / 2 + sum(x**2 for x in links) / 2
    return sk.Dynamics(drift=drift, hamiltonian=energy, target=U)


def test_any_number_of_flips_is_found():
    found = check(chain(7))
    assert found.is_proved
    assert found.details["involution"].count("->") == 8


def test_a_chain_that_drives_itself_is_not_reversed_by_its_flips():
    """Twin: a rotation of two links against each other is even under their flips."""
    base = chain(4)
    x2, x3 = base.variables[4], base.variables[5]
    drift = dict(base.drift)
    drift[x2], drift[x3] = drift[x2] + x3, drift[x3] - x2
    turned = sk.Dynamics(drift=drift, hamiltonian=base.hamiltonian, target=U)
    assert not check(turned).is_proved


def test_an_exchange_of_two_blocks_is_an_involution():
    x, y = sk.scalar("x"), sk.scalar("y")
    slope = {z: z + z**2 + z**3 for z in (x, y)}
    energy = sum(z**2 / 2 + z**3 / 3 + z**4 / 4 for z in (x, y))
    turning = {x: -slope[x] + slope[y], y: -slope[y] - slope[x]}
    found = check(sk.Dynamics(turning, {x: 1, y: 1}, hamiltonian=energy))
    assert found.details["involution"] == "x <-> y"
    # Twin: another weight of y breaks the symmetry, and nothing shows that no other map reverses.
    uneven = energy + y**4
    turning = {x: -slope[x] + slope[y] + 4 * y**3, y: -slope[y] - 4 * y**3 - slope[x]}
    assert (
        check(sk.Dynamics(turning, {x: 1, y: 1}, hamiltonian=uneven)).verdict.value == "undecided"
    )


def test_what_is_not_stationary_at_the_boundary_is_not_in_balance():
    w, y = sk.scalar("w", domain=(0, 1)), sk.scalar("y")
    leaving = sk.Dynamics({w: 1, y: -y}, {w: 1, y: 1}, hamiltonian=y**2 / 2 + 0 * w)
    assert not check(leaving).is_proved
