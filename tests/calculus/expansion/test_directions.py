"""Growth in every direction, each with a neighbour that has a direction without growth."""

from __future__ import annotations

import pytest

import sdekit as sk
from sdekit.calculus.expansion.directions import grows_in_every_direction
from sdekit.calculus.expansion.rewriting import summands

X, Y, Z = sk.scalar("x"), sk.scalar("y"), sk.scalar("z")
S, T = sk.scalar("s", domain="positive"), sk.scalar("t", domain="positive")
A = sk.scalar("a", domain="circle")
C, B = sk.parameter("c", positive=True), sk.parameter("b")
exp, log = sk.exp, sk.log


def toda(x):
    """Bond energy of the Toda chain."""
    return exp(-x) + x - 1


GROWING = [
    (exp(-X) + exp(X - Y) + exp(Y - Z) + exp(Z), (X, Y, Z)),
    (toda(X) + toda(Y - X) + toda(-Y), (X, Y)),
    (exp(-X) + exp(X - Y) + C * Y, (X, Y)),
    ((X - Y) ** 4 / 4 + B * (X - Y) ** 3 / 3 + X**2 / 2 + B * X, (X, Y)),
    (exp(X) - C * X + exp(2 * Y) - Y, (X, Y)),
    (sk.abs_(X) + 2 * sk.abs_(X - Y), (X, Y)),
    (sk.softplus(X) + sk.softplus(-X) + sk.sqrt(1 + (X - 3 * Y) ** 2) - log(1 + Y**2), (X, Y)),
    (X**4 + Y**4 - B * X * Y + sk.cos(A) * sk.sin(X * Y), (X, Y, A)),
    (S**2 + T**2 + C * S * T + log(S) / 2 - 3 * log(T), (S, T)),
    (S + T + C / S, (S, T)),
    (2 * X + exp(-X) + Y**2, (X, Y)),
]

NOT_GROWING = [
    (exp(X - Y) + exp(Y - Z) + exp(Z - X), (X, Y, Z)),
    (toda(X - Y) + toda(Y - X), (X, Y)),
    (exp(-X) + exp(X - Y) + B * Y, (X, Y)),
    ((X - Y) ** 2 + B * (X - Y) ** 3 / 3 + X**2 / 2, (X, Y)),
    (exp(X) + C * X + exp(2 * Y) - Y, (X, Y)),
    (sk.abs_(X) + sk.abs_(Y) - 2 * sk.abs_(X - Y), (X, Y)),
    (sk.softplus(X) + sk.softplus(Y), (X, Y)),
    (X**2 + Y**2 - B * X * Y, (X, Y)),
    (S**2 + T**2 - C * S * T, (S, T)),
    (S + T + log(S), (S, T)),
    (S + T - C / S, (S, T)),
    (log(1 + X**2) + Y**2, (X, Y)),
    (X**2 + Y**2 + sk.cos(A) * X**2, (X, Y, A)),
]


@pytest.mark.parametrize(("energy", "blocks"), GROWING, ids=range(len(GROWING)))
def test_what_grows_in_every_direction_is_seen(energy, blocks):
    energy = (
        sk.Dynamics(drift={x: 0 * x for x in blocks}, diffusion={blocks[0]: 1}, hamiltonian=energy)
        .spelled_out()
        .hamiltonian
    )
    assert grows_in_every_direction(summands(energy), blocks)


@pytest.mark.parametrize(("energy", "blocks"), NOT_GROWING, ids=range(len(NOT_GROWING)))
def test_what_may_not_grow_in_a_direction_is_never_said_to(energy, blocks):
    energy = (
        sk.Dynamics(drift={x: 0 * x for x in blocks}, diffusion={blocks[0]: 1}, hamiltonian=energy)
        .spelled_out()
        .hamiltonian
    )
    assert grows_in_every_direction(summands(energy), blocks) is None
