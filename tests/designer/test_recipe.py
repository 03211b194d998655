"""The complete recipe: Q of published dynamics for every n."""

import pytest

import sdekit as sk
from sdekit.errors import VerificationError


def blocks(name):
    found = sk.recipe(sk.catalog.get(name))
    return {(x.name, y.name): repr(q) for (x, y), q in found.Q.items()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("overdamped", {}),
        ("irreversible", {("theta", "theta"): "J"}),
        ("langevin", {("theta", "p"): "-eye(n)"}),
        ("langevin-magnetic", {("theta", "p"): "-eye(n)", ("p", "p"): "-J(theta)"}),
        ("sgnht", {("theta", "p"): "-eye(n)", ("p", "xi"): "p/mu"}),
        ("sgnht-paper", {("theta", "p"): "-eye(n)", ("p", "xi"): "p/n"}),
        ("sgnht-diagonal", {("theta", "p"): "-eye(n)", ("p", "xi"): "diag(p)/mu"}),
        ("sgrhmc", {("theta", "p"): "-C(theta)"}),
    ],
)
def test_q_is_recovered(name, expected):
    assert blocks(name) == expected


@pytest.mark.parametrize("name", ["sgnht-sign", "sgnht-mass", "langevin-heating", "gle-sign"])
def test_what_is_not_stationary_has_no_recipe(name):
    assert sk.recipe(sk.catalog.get(name)) is None


def test_the_recipe_needs_a_hamiltonian():
    x = sk.scalar("x")
    with pytest.raises(VerificationError, match="needs a Hamiltonian"):
        sk.recipe(sk.Dynamics({x: -x}, {x: 1}))
