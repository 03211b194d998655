"""The default scheme is a function of the SDE, not of how it was written down."""

from __future__ import annotations

from fractions import Fraction

import pytest

import sdekit as sk
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.schemes.split.splitting import splitting

N = sk.dim("n")
Q, P = sk.vector("q", N), sk.vector("p", N)
A, S = sk.parameter("A", positive=True), sk.parameter("S", N, N)
W = sk.parameter("w", N, positive=True)
U = sk.potential("U", Q)
X, Y = sk.scalar("x"), sk.scalar("y")
B = sk.parameter("b", positive=True)


def langevin(friction=A, **noise) -> Dynamics:
    drift = {Q: P, P: -sk.grad(U, Q) - friction * P}
    return Dynamics(drift, hamiltonian=U + sk.dot(P, P) / 2, target=U, **noise)


#: The same SDE by D, by a factor, and as a Stratonovich SDE.
SAME = {
    "isotropic": (
        langevin(diffusion={P: A}),
        langevin(diffusion={P: A * sk.eye(N)}),
        langevin(noise={P: sk.sqrt(2 * A)}),
        langevin(noise={P: sk.sqrt(2 * A)}, interpretation="stratonovich"),
    ),
    "diagonal": (
        langevin(diffusion={P: sk.diag(W * W) / 2}),
        langevin(noise={P: sk.diag(W)}),
    ),
    "dense": (
        langevin(diffusion={P: S @ S.T / 2}),
        langevin(noise={P: S}),
        langevin(noise={P: S}, interpretation="stratonovich"),
    ),
    "read from the position": (
        langevin(sk.dot(Q, Q), diffusion={P: sk.dot(Q, Q)}),
        langevin(sk.dot(Q, Q), noise={P: sk.sqrt(2 * sk.dot(Q, Q))}),
        langevin(sk.dot(Q, Q), noise={P: sk.sqrt(2 * sk.dot(Q, Q))}, interpretation="stratonovich"),
    ),
    "Ornstein-Uhlenbeck": (
        Dynamics({X: -X}, {X: B**2 / 2}),
        Dynamics({X: -X}, noise={X: B}),
        Dynamics({X: -X}, noise={X: [B]}),
        Dynamics({X: -X}, noise={X: B}, interpretation="stratonovich"),
    ),
    "correlated": (
        Dynamics({X: -X, Y: -Y}, {X: Fraction(1, 2), Y: 1, (X, Y): Fraction(1, 2)}),
        Dynamics({X: -X, Y: -Y}, noise={X: [1, 0], Y: [1, 1]}),
    ),
    "multiplicative": (
        Dynamics({X: -X}, {X: B**2 * X**2 / 2}),
        Dynamics({X: -X}, noise={X: B * X}),
        Dynamics({X: -X - B**2 * X / 2}, noise={X: B * X}, interpretation="stratonovich"),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_the_default_is_that_of_the_sde(name: str) -> None:
    first, *others = (splitting(dynamics) for dynamics in SAME[name])
    assert first.proof.holds
    for other in others:
        assert other.proof.holds
        assert (other.letters, other.default_word) == (first.letters, first.default_word)


def test_another_sde_may_have_another_default() -> None:
    """Twin: the comparison tells words apart."""
    found = {splitting(SAME[name][0]).default_word for name in SAME}
    assert found == {"BAOAB", "O", "G"}


def test_a_temperature_that_reads_the_time_leaves_the_letters() -> None:
    annealed = Dynamics({X: Y, Y: -X - A * Y}, {Y: A * (1 + sk.exp(-sk.time))})
    found = splitting(annealed)
    assert found.proof.holds
    assert (found.letters, found.default_word) == (("A", "B", "O"), "BAOAB")
    assert "middle of the step" in str(found)
    # Twin: without the time there is nothing to say of it.
    assert "middle of the step" not in str(splitting(Dynamics({X: Y, Y: -X - A * Y}, {Y: A})))
