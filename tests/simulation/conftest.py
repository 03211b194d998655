"""Models and references that several tests of running share."""

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.simulation.store import sinks


def _double_well(theta):
    return jnp.sum((theta**4 + theta**3 - 13 * theta**2 - theta + 12) / 14 + 0.5)


@pytest.fixture(scope="session")
def double_well():
    """The potential of MATH A.6 with its exact moments."""
    return SimpleNamespace(
        potential=_double_well, mean=-2.14795530, variance=2.86176737, left=0.87087216,
        barrier=-0.0383009, gradient=lambda q: (4 * q**3 + 3 * q**2 - 26 * q - 1) / 14,
    )  # fmt: skip


@pytest.fixture(scope="session")
def thermostat():
    """SGNHT with scalar blocks."""
    theta, p, xi = sk.scalar("theta"), sk.scalar("p"), sk.scalar("xi")
    level, mu = sk.parameter("A", positive=True), sk.parameter("mu", positive=True)
    u = sk.potential("U", theta)
    return sk.Dynamics(
        drift={theta: p, p: -sk.grad(u, theta) - xi * p, xi: (p * p - 1) / mu},
        diffusion={p: level},
        hamiltonian=u + p**2 / 2 + mu * (xi - level) ** 2 / 2,
        target=u,
        name="scalar thermostat",
    )


@pytest.fixture(scope="session")
def langevin():
    """Langevin dynamics of a scalar position."""
    theta, p = sk.scalar("theta"), sk.scalar("p")
    friction = sk.parameter("A", positive=True)
    u = sk.potential("U", theta)
    return sk.Dynamics(
        drift={theta: p, p: -sk.grad(u, theta) - friction * p},
        diffusion={p: friction},
        hamiltonian=u + p**2 / 2,
        target=u,
    )


@pytest.fixture
def written_at_once(monkeypatch):
    """Stores write every chunk with a checkpoint, whatever that costs."""
    monkeypatch.setattr(sinks, "WRITING_SHARE", 1e9)


@pytest.fixture(scope="session")
def ornstein_uhlenbeck():
    """dx = -x dt + sqrt(2) dW."""
    x = sk.scalar("x")
    return sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)


def _standard_score(values, exact):
    """z of the mean of independent chains: values (chain, draw)."""
    means = np.asarray(values, np.float64).mean(axis=1)
    return (means.mean() - exact) / (means.std(ddof=1) / np.sqrt(len(means)))


@pytest.fixture(scope="session")
def standard_score():
    """z of a mean over independent chains."""
    return _standard_score
