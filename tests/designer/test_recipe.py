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


def test_sums_of_parameters_and_roots_have_their_recipe():
    assert blocks("sgld") == blocks("student-flow") == {}
    assert blocks("sghmc-tempered") == {("theta", "p"): "-((A + B)*eye(n)/A)"}
    assert blocks("mclmc-2d") == {("x", "phi"): "sin(phi)", ("y", "phi"): "-cos(phi)"}
    assert set(blocks("gle-memory")) == {("theta", "p"), ("p", "s"), ("s", "s")}


def test_every_proved_entry_of_the_catalogue_has_a_recipe():
    for entry in sk.catalog.entries(plain=False):
        if not entry.is_wrong and entry.triple().hamiltonian is not None:
            assert sk.recipe(entry.dynamics()) is not None, entry.name


def test_the_two_parts_of_the_drift_are_told_apart():
    found = sk.recipe(sk.catalog.get("langevin"))
    p = found.dynamics.variables[1]
    assert (repr(found.reversible[p]), repr(found.irreversible[p])) == (
        "-(A*p)",
        "-grad(U(theta), theta)",
    )


def test_what_is_stationary_beyond_the_ansatz_is_not_called_impossible():
    """Q[x, y] = sin(y) makes this current, and no term of it shows that."""
    x, y, z = sk.scalar("x", domain="circle"), sk.scalar("y", domain="circle"), sk.scalar("z")
    shear = sk.Dynamics({x: sk.cos(y), y: 0, z: -z}, {z: 1}, hamiltonian=z**2 / 2)
    with pytest.raises(VerificationError, match="no proof"):
        sk.recipe(shear)


@pytest.mark.parametrize("name", ["sgnht-sign", "sgnht-mass", "langevin-heating", "gle-sign"])
def test_what_is_not_stationary_has_no_recipe(name):
    assert sk.recipe(sk.catalog.get(name)) is None


def test_the_recipe_needs_a_hamiltonian():
    x = sk.scalar("x")
    with pytest.raises(VerificationError, match="needs a Hamiltonian"):
        sk.recipe(sk.Dynamics({x: -x}, {x: 1}))
