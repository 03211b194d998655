"""The kind of noise is read off the symbols, and what is not proved counts as general."""

import pytest

import sdekit as sk
from sdekit.schemes.solvers.noise_type import NoiseKind, factor_matrix, noise_type

N = sk.dim("n")
X, Y = sk.scalar("x"), sk.scalar("y")
THETA, P = sk.vector("theta", N), sk.vector("p", N)
A = sk.parameter("A", positive=True)
U = sk.potential("U", THETA)


def scalar_sde(**noise):
    return sk.Dynamics(drift={X: -X, Y: -Y}, **noise)


CASES = {
    "constant matrix": (scalar_sde(diffusion={X: 2, Y: 1, (X, Y): 1}), "additive"),
    "level of the momentum": (
        sk.Dynamics(drift={THETA: P, P: -sk.grad(U, THETA) - P}, diffusion={P: A * sk.eye(N)}),
        "additive",
    ),
    "depends on time only": (scalar_sde(diffusion={X: 1 + sk.time**2}), "additive"),
    "geometric": (scalar_sde(diffusion={X: X**2, Y: 1}), "diagonal"),
    "entrywise": (
        sk.Dynamics(drift={THETA: -THETA}, diffusion={THETA: sk.diag(sk.ones(N) + THETA**2)}),
        "diagonal",
    ),
    "reads a variable without noise": (scalar_sde(diffusion={X: 1 + Y**2}), "diagonal"),
    "reads another noisy variable": (scalar_sde(diffusion={X: 1 + Y**2, Y: 1}), "general"),
    "reads the norm": (
        sk.Dynamics(drift={THETA: -THETA}, diffusion={THETA: sk.dot(THETA, THETA) * sk.eye(N)}),
        "general",
    ),
    "mixed and state dependent": (
        scalar_sde(diffusion={X: X**2 + 1, Y: Y**2 + 1, (X, Y): X * Y}),
        "general",
    ),
    "one motion for both": (scalar_sde(noise={X: [X], Y: [Y]}), "commutative"),
    "linear and commuting": (scalar_sde(noise={X: [X, 0], Y: [0, Y]}), "commutative"),
    "linear and not commuting": (scalar_sde(noise={X: [X, Y], Y: [0, X]}), "general"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_kind_is_the_simplest_that_holds(name):
    dynamics, kind = CASES[name]
    found = noise_type(dynamics)
    assert found.kind == kind
    assert found.reason


def test_a_vector_with_two_motions_is_classified_at_its_size():
    m = sk.dim("m", 2)
    rows = sk.parameter("S", N, m)
    dynamics = sk.Dynamics(drift={THETA: -THETA}, noise={THETA: rows * sk.outer(THETA, sk.ones(m))})
    assert noise_type(dynamics, {"n": 1}).kind == NoiseKind.COMMUTATIVE
    coordinates, matrix = factor_matrix(dynamics, {"n": 3})
    assert (len(coordinates), matrix.shape) == (3, (3, 2))


def test_the_reason_names_the_columns_that_do_not_commute():
    dynamics, _ = CASES["linear and not commuting"]
    assert "columns 1 and 2" in noise_type(dynamics).reason


def test_many_motions_are_not_decided():
    dynamics = sk.Dynamics(drift={THETA: -THETA}, noise={THETA: sk.dot(THETA, THETA)})
    assert "more than 12" in noise_type(dynamics, {"n": 13}).reason
