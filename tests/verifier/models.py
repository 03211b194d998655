"""Symbols and small dynamics that the tests of the verifier share."""

from __future__ import annotations

import sdekit as sk

N = sk.dim("n")
THETA, P = sk.vector("theta", N), sk.vector("p", N)
XI = sk.scalar("xi")
A, B, MU = (sk.parameter(name, positive=True) for name in ("A", "B", "mu"))
U = sk.potential("U", THETA)
KINETIC = sk.dot(P, P) / 2

#: Scalars: a position t with potential V, auxiliaries q, r, s and a positive one.
T = sk.scalar("t")
V = sk.potential("V", T)
Q, R = sk.scalar("q"), sk.scalar("r")
TAU = sk.scalar("tau", domain="positive")


def sgnht(**changes):
    """The scalar thermostat, or a changed one."""
    parts = {
        "drift": {THETA: P, P: -sk.grad(U, THETA) - XI * P, XI: (sk.dot(P, P) - N) / MU},
        "diffusion": {P: A * sk.eye(N)},
        "hamiltonian": U + KINETIC + MU * (XI - A) ** 2 / 2,
        "target": U,
    }
    return sk.Dynamics(**{**parts, **changes})


def claimed(energy, *auxiliary, target=V, position=T):
    """A dynamics at rest: only what is claimed of exp(-H) and its marginal matters."""
    drift = {x: sk.parameter("zero", value=0) * x for x in (position, *auxiliary)}
    return sk.Dynamics(drift=drift, hamiltonian=energy, target=target)


def overdamped(energy, *variables):
    """Brownian dynamics in a concrete potential."""
    return sk.Dynamics(
        drift={x: -sk.grad(energy, x) for x in variables},
        diffusion=dict.fromkeys(variables, 1),
        hamiltonian=energy,
    )
