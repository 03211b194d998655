"""Particles: sums of unknown functions over rows and pairs, for any number of them."""

from __future__ import annotations

import pytest

import sdekit as sk
from sdekit.verifier.verdict import Verdict

K, D = sk.dim("k"), sk.dim("d")
X, P = sk.variable("X", K, D), sk.variable("P", K, D)
ROW = sk.vector("z", D)
G = sk.parameter("g", positive=True)
TRAP = sk.dot(X, X) / 2


def _pairs(**properties):
    return sk.sum(sk.pairs(sk.potential("W", ROW, **properties), X)) / 2


def _rows(**properties):
    return sk.sum(sk.rows(sk.potential("V", ROW, **properties), X))


def _langevin(energy, noise=G):
    return sk.Dynamics(
        drift={X: P, P: -sk.grad(energy, X) - G * P},
        diffusion={P: noise},
        hamiltonian=energy + sk.dot(P, P) / 2,
        target=energy,
    )


def _overdamped(energy):
    return sk.Dynamics(drift={X: -sk.grad(energy, X)}, diffusion={X: 1}, hamiltonian=energy)


PROVED = [
    _langevin(TRAP + _pairs(even=True, bounded=True)),
    _overdamped(TRAP + _pairs(even=True, convex=True) / K),
    _overdamped(_rows(convex=True, coercive=True) + _pairs(even=True, convex=True)),
    _langevin(_rows(convex=True, coercive=True) + _pairs(even=True, bounded=True)),
]


@pytest.mark.parametrize("dynamics", PROVED, ids=range(len(PROVED)))
def test_particles_are_proved_for_every_number_of_them(dynamics):
    found = sk.verify(dynamics)
    assert found.verdict is Verdict.PROVED and not found.to_dict()["conditional"]
    assert found.scope == "all n" and "_sum(X)" not in str(found)


def test_a_force_that_counts_pairs_once_and_an_energy_that_counts_them_twice_are_refuted():
    pairs = _pairs(even=True)
    wrong = sk.Dynamics(
        drift={X: -X - sk.grad(pairs, X)}, diffusion={X: 1}, hamiltonian=TRAP + 2 * pairs
    )
    assert sk.verify(wrong).checks["stationarity"].verdict is Verdict.REFUTED
    assert sk.verify(_langevin(TRAP + pairs, 2 * G)).verdict is Verdict.REFUTED


def test_pairs_alone_leave_the_centre_free_and_are_never_proved():
    free = sk.verify(_overdamped(_pairs(even=True, convex=True, coercive=True)))
    assert free.verdict is not Verdict.PROVED
    sloped = sk.verify(_overdamped(_rows(convex=True) + _pairs(even=True, convex=True)))
    assert not sloped.checks["normalizable"].is_proved or sloped.checks["normalizable"].assumptions


def test_a_proof_up_to_explosion_names_pairs_that_are_zero_where_they_may_be():
    turn = sk.parameter("J", K, K, antisymmetric=True)

    def turned(**properties):
        energy = TRAP + _pairs(even=True, **properties)
        force = sk.grad(energy, X)
        model = sk.Dynamics({X: -force - turn @ force}, {X: 1}, hamiltonian=energy)
        return sk.verify(model)

    convex = turned(convex=True)
    assert convex.verdict is Verdict.PROVED and convex.to_dict()["conditional"]
    assert "pairs are zero" in convex.checks["non_explosion"].reason
    assert not turned(convex=True, coercive=True).checks["non_explosion"].is_proved
