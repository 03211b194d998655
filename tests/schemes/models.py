"""Dynamics that several tests of schemes use."""

from __future__ import annotations

import sdekit as sk
from sdekit.declaration.model.dynamics import Dynamics

n = sk.dim("n")
theta, p, xi, s = sk.vector("theta", n), sk.vector("p", n), sk.scalar("xi"), sk.vector("s", n)
A, mu = sk.parameter("A", positive=True), sk.parameter("mu", positive=True)
U, W = sk.potential("U", theta), sk.potential("W", theta)
kinetic = sk.dot(p, p) / 2


def langevin() -> Dynamics:
    """Langevin dynamics with friction A."""
    return Dynamics(
        drift={theta: p, p: -sk.grad(U, theta) - A * p},
        diffusion={p: A},
        hamiltonian=U + kinetic,
        target=U,
    )


def two_forces() -> Dynamics:
    """Langevin dynamics in the sum of two potentials."""
    return Dynamics(
        drift={theta: p, p: -sk.grad(U + W, theta) - A * p},
        diffusion={p: A},
        hamiltonian=U + W + kinetic,
        target=U + W,
    )


def overdamped() -> Dynamics:
    """Brownian dynamics."""
    return Dynamics({theta: -sk.grad(U, theta)}, {theta: 1}, hamiltonian=U, target=U)


def sgnht() -> Dynamics:
    """The scalar thermostat."""
    return Dynamics(
        drift={theta: p, p: -sk.grad(U, theta) - xi * p, xi: (sk.dot(p, p) - n) / mu},
        diffusion={p: A * sk.eye(n)},
        hamiltonian=U + kinetic + mu * (xi - A) ** 2 / 2,
        target=U,
    )


def two_particles() -> Dynamics:
    """Two scalar particles, each with a momentum, in one potential of both."""
    x, y, px, py = (sk.scalar(name) for name in ("x", "y", "px", "py"))
    V = sk.potential("V", x, y)
    return Dynamics(
        drift={x: px, y: py, px: -sk.grad(V, x) - A * px, py: -sk.grad(V, y) - A * py},
        diffusion={px: A, py: A},
        hamiltonian=V + (px**2 + py**2) / 2,
        target=V,
    )
