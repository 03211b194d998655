"""Poles at which H tends to infinity carry nothing; all others are left to their own judges."""

from __future__ import annotations

import pytest

import sdekit as sk
from sdekit.verifier.currents.poles import repulsion, rough_at_other_places

R, S, P = sk.scalar("r"), sk.scalar("s"), sk.scalar("p")
K = sk.parameter("k")
A = sk.parameter("a", positive=True)
V = sk.vector("v", sk.dim("n"))


@pytest.mark.parametrize(
    ("energy", "essential", "logarithmic"),
    [
        (1 / R**12 - 1 / R**6 + R**2, {"r"}, set()),
        (A / R**2 - K / R, {"r"}, set()),
        (1 / (R - S) ** 2 + 1 / (S - R) ** 4, {"r - s"}, set()),
        (1 / sk.dot(V, V) ** 6 + sk.dot(V, V), {"dot(v, v)"}, set()),
        (-A * sk.log((S - R) ** 2) + R**2, set(), {"r - s"}),
        # Falls on one side, has no known sign, or meets something else that is not smooth.
        (1 / R**3, set(), set()),
        (K / R**2, set(), set()),
        (-1 / R**2, set(), set()),
        (1 / R**2 + sk.log(R**2) / R**2, set(), set()),
        (1 / R**2 - 1 / S, set(), set()),
        (1 / R**2 + sk.log((R + S) ** 2), set(), set()),
    ],
)
def test_the_poles_at_which_the_energy_is_infinite_are_found(energy, essential, logarithmic):
    found = repulsion(energy)
    assert set(map(repr, found.essential)) == essential
    assert set(map(repr, found.logarithmic)) == logarithmic


def test_a_pole_at_another_place_is_told_apart():
    bases = repulsion(1 / R**2 + R**2).essential
    assert not rough_at_other_places([3 / R**5, sk.grad(1 / R**2, R)], bases)
    assert rough_at_other_places([1 / S], bases)
    assert rough_at_other_places([1 / (R - 1)], bases)
    assert rough_at_other_places([sk.abs_(R)], bases)


def langevin(target):
    energy = target + P**2 / 2
    return sk.Dynamics(
        drift={R: P, P: -sk.grad(target, R) - P},
        diffusion={P: 1},
        hamiltonian=energy,
        target=target,
    )


def overdamped(target, *variables):
    return sk.Dynamics(
        drift={x: -sk.grad(target, x) for x in variables},
        diffusion=dict.fromkeys(variables, 1),
        hamiltonian=target,
    )


@pytest.mark.parametrize(
    "model",
    [
        langevin(1 / R**12 - 1 / R**6 + R**2 / 2),
        overdamped(1 / R**12 - 1 / R**6 + R**2 / 2, R),
        overdamped((R**2 + S**2) / 2 - sk.log((R - S) ** 2), R, S),
    ],
)
def test_poles_that_repel_are_proved(model):
    assert sk.verify(model).verdict == "proved"


@pytest.mark.parametrize(
    "model",
    [
        langevin(R**2 / 2 + sk.log(R**2) / 4),
        langevin(R**2 / 2 - 1 / R),
        overdamped((R**2 + S**2) / 2 + sk.log((R - S) ** 2), R, S),
    ],
)
def test_poles_that_attract_are_not_proved(model):
    assert sk.verify(model).verdict != "proved"
