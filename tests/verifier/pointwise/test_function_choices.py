"""Choices of unknown functions are declarations without functions, inside what was assumed."""

import pytest

import sdekit as sk
from sdekit.verifier.pointwise.function_choices import functions_in_words, with_chosen_functions


def words_of(model):
    return [functions_in_words(choice) for _, choice in with_chosen_functions(model)]


@pytest.mark.parametrize("name", ["sgrld", "rhmc", "recipe", "santa", "langevin-kinetic"])
def test_a_choice_leaves_no_function_open(name):
    for chosen, choice in with_chosen_functions(sk.catalog.get(name)):
        assert not chosen.functions
        assert "=" in functions_in_words(choice)


def test_positive_functions_and_angles_get_constants():
    phi = sk.scalar("phi", domain="circle")
    U, g = sk.potential("U", phi), sk.function("g", phi, positive=True)
    model = sk.Dynamics({phi: -sk.grad(U, phi)}, {phi: g}, hamiltonian=U)
    assert words_of(model) == ["U(phi) = 1, g(phi) = 1"]


@pytest.mark.parametrize(
    ("declared", "choices"),
    [
        ((), ["1/2*(x**2)", "1", "-(1/2*(x**2))"]),
        (("convex",), ["1/2*(x**2)", "1"]),
        (("coercive",), ["1/2*(x**2)"]),
        (("coercive", "positive"), ["1 + 1/2*(x**2)"]),
        (("positive",), ["1", "1 + 1/2*(x**2)"]),
        (("lipschitz",), ["(1 + x**2)**(1/2)", "1", "-(1 + x**2)**(1/2)"]),
        (("bounded",), ["1"]),
    ],
)
def test_a_choice_has_what_is_declared(declared, choices):
    x = sk.scalar("x")
    u = sk.potential("U", x, **dict.fromkeys(declared, True))
    model = sk.Dynamics({x: -sk.grad(u, x)}, {x: 1}, hamiltonian=u)
    assert words_of(model) == [f"U(x) = {c}" for c in choices]
