"""Choices of unknown functions are declarations without functions, inside what was assumed."""

import pytest

import sdekit as sk
from sdekit.verifier.pointwise.function_choices import with_chosen_functions


@pytest.mark.parametrize("name", ["sgrld", "rhmc", "recipe", "santa", "langevin-kinetic"])
def test_a_choice_leaves_no_function_open(name):
    for chosen, words in with_chosen_functions(sk.catalog.get(name)):
        assert not chosen.functions
        assert "=" in words


def test_positive_functions_and_angles_get_constants():
    phi = sk.scalar("phi", domain="circle")
    U, g = sk.potential("U", phi), sk.function("g", phi, positive=True)
    model = sk.Dynamics({phi: -sk.grad(U, phi)}, {phi: g}, hamiltonian=U)
    assert [words for _, words in with_chosen_functions(model)] == ["U(phi) = 1, g(phi) = 1"] * 2
