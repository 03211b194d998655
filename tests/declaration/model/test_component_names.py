"""Components never share a name with another symbol of the model."""

from __future__ import annotations

import sdekit as sk
from sdekit.declaration.tree.names import entry_name

n = sk.dim("n")


def test_a_component_and_a_scalar_of_its_name_are_two_coordinates():
    a, other = sk.vector("a", n), sk.scalar("a_1")
    energy = (sk.dot(a, a) + other**2) / 2
    at = sk.Dynamics({a: -a, other: -other}, {a: 1, other: 1}, hamiltonian=energy).at(n=2)
    assert len(set(at.coordinates)) == 3
    assert {str(x) for x in at.coordinates} == {"a_e1", "a_2", "a_1"}
    assert at.hamiltonian.diff(at.coordinates[2]) == at.coordinates[2]


def test_names_without_a_collision_stay_as_they_are():
    """Twin: only what would collide is marked."""
    assert entry_name("a", (0,), {"a", "b_1", "a_x"}) == "a_1"
    assert entry_name("a", (), {"a", "a_1"}) == "a"


def test_entries_of_two_blocks_never_share_a_name():
    names = {"a", "a_1", "a_e1", "a_", "a_1_2"}
    shapes = {"a": (2, 2), "a_1": (2,), "a_e1": (2,), "a_": (2,), "a_1_2": ()}
    shown = []
    for name, shape in shapes.items():
        indices = [()]
        for length in shape:
            indices = [(*i, k) for i in indices for k in range(length)]
        shown += [entry_name(name, index, names) for index in indices]
    assert len(set(shown)) == len(shown) == 11


def test_a_flat_direction_across_the_collision_is_refuted():
    a, other = sk.vector("a", n), sk.scalar("a_1")
    energy = (sk.dot(a, sk.ones(n)) + other) ** 4
    drift = {x: -sk.grad(energy, x) for x in (a, other)}
    flat = sk.Dynamics(drift, {a: 1, other: 1}, hamiltonian=energy)
    assert sk.verify(flat, n=1).verdict.value == "refuted"
