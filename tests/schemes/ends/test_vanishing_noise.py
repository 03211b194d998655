"""How noise vanishes at the ends of a domain depends on D alone, not on how it is written."""

from fractions import Fraction

import pytest

import sdekit as sk
from sdekit.schemes.ends.vanishing_noise import entrywise_noise, vanishing_ends

N = sk.dim("n")
V, X = sk.scalar("v", domain="positive"), sk.vector("x", N, domain="positive")
U, P = sk.scalar("u", domain=(-1, 3)), sk.scalar("p", domain=(0, "pi"))
S, C = sk.parameter("s", positive=True), sk.parameter("c", N)


def own_block(x, **given):
    return dict(sk.Dynamics(drift={x: 0 * x}, **given).blocks())[x, x]


@pytest.mark.parametrize(
    ("x", "given", "power"),
    [
        (V, {"diffusion": {V: S**2 * V / 2}}, 1),
        (V, {"noise": {V: S * sk.sqrt(V)}}, 1),
        (V, {"noise": {V: [sk.sqrt(V), S * sk.sqrt(V)]}}, 1),
        (V, {"noise": {V: V * sk.sqrt(V)}}, 3),
        (V, {"noise": {V: sk.sqrt(V) * sk.sqrt(sk.sqrt(V))}}, Fraction(3, 2)),
        (X, {"diffusion": {X: sk.diag(C * X)}}, 1),
        (X, {"noise": {X: S * sk.diag(sk.sqrt(X))}}, 1),
        (U, {"diffusion": {U: S * (U + 1) * (3 - U)}}, None),
        (U, {"noise": {U: sk.sqrt(3 + 2 * U - U**2)}}, None),
        (P, {"diffusion": {P: S * P * (sk.pi - P)}}, None),
    ],
)
def test_noise_that_reads_each_entry_is_seen_in_every_notation(x, given, power):
    found = entrywise_noise(x, own_block(x, **given))
    assert found is not None and found.power == power
    assert not found.coefficient.depends_on(x)


@pytest.mark.parametrize(
    ("x", "block"),
    [
        (V, S**2),
        (V, V + V**2),
        (U, S * (U + 1)),
        (X, sk.outer(X, X)),
        (X, sk.dot(X, X) * sk.eye(N)),
        (X, sk.diag(X * sk.dot(X, X))),
    ],
)
def test_other_noise_is_not(x, block):
    assert entrywise_noise(x, own_block(x, diffusion={x: block})) is None


def test_the_ends_at_which_noise_vanishes_are_named():
    assert vanishing_ends(U, own_block(U, diffusion={U: (U + 1) * (3 - U)})) == (True, True)
    assert vanishing_ends(U, own_block(U, diffusion={U: 3 - U})) == (False, True)
    assert vanishing_ends(V, own_block(V, noise={V: sk.sqrt(V) + V})) == (True, False)
    assert vanishing_ends(V, own_block(V, diffusion={V: 1 + V})) == (False, False)
    real = sk.scalar("r")
    assert vanishing_ends(real, own_block(real, diffusion={real: real**2})) == (False, False)
