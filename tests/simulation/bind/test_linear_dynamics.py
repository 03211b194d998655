"""Declared dynamics as linear SDEs: the right matrices, and refusal of everything else."""

import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.bind.linear_dynamics import linear_sde

N = sk.dim("n")
Q, P = sk.vector("q", N), sk.vector("p", N)
K = sk.parameter("K", N, N, symmetric=True)
A = sk.parameter("A", positive=True)
X = sk.scalar("x")
V = sk.scalar("v", domain="positive")
OSCILLATORS = sk.Dynamics(drift={Q: P, P: -(K @ Q) - A * P + sk.ones(N)}, diffusion={P: 2 * A})
STIFFNESS = np.array([[2.0, 0.5], [0.5, 1.0]])


def test_coupled_oscillators_have_their_matrices():
    found = linear_sde(OSCILLATORS, {"K": STIFFNESS, "A": 0.3}, {"n": 2})
    zero, one = np.zeros((2, 2)), np.eye(2)
    np.testing.assert_allclose(found.drift, np.block([[zero, one], [-STIFFNESS, -0.3 * one]]))
    np.testing.assert_allclose(found.diffusion, np.block([[zero, zero], [zero, 0.6 * one]]))
    np.testing.assert_allclose(found.forcing, [0, 0, 1, 1])


def test_their_stationary_law_is_the_gibbs_law_at_temperature_two():
    found = linear_sde(OSCILLATORS, {"K": STIFFNESS, "A": 0.3}, {"n": 2})
    covariance = found.stationary_covariance()
    np.testing.assert_allclose(covariance[:2, :2], 2 * np.linalg.inv(STIFFNESS), rtol=1e-10)
    np.testing.assert_allclose(covariance[2:, 2:], 2 * np.eye(2), atol=1e-10)
    np.testing.assert_allclose(
        found.stationary_mean(), [*np.linalg.solve(STIFFNESS, [1, 1]), 0, 0], atol=1e-12
    )


def test_a_declared_factor_may_be_singular():
    y = sk.scalar("y")
    shared = sk.Dynamics(drift={X: -X, y: -2 * y}, noise={X: [1], y: [1]})
    np.testing.assert_allclose(linear_sde(shared).diffusion, np.full((2, 2), 0.5))


@pytest.mark.parametrize(
    ("dynamics", "options", "message"),
    [
        (sk.Dynamics(drift={X: -(X**3)}, diffusion={X: 1}), {}, "the drift of x is not linear"),
        (sk.Dynamics(drift={X: -X}, diffusion={X: X**2}), {}, "the noise of x is not linear"),
        (
            sk.Dynamics(drift={X: -sk.grad(sk.potential("U", X), X)}, diffusion={X: 1}), {},
            "reads Derivative",
        ),
        (sk.Dynamics(drift={X: -A * X}, diffusion={X: 1}), {}, "parameter A has no value"),
        (sk.Dynamics(drift={X: -X}, diffusion={X: 1}), {"parameters": {"b": 1}}, "unknown param"),
        (OSCILLATORS, {"parameters": {"K": 1.0, "A": 1.0}, "sizes": {"n": 2}}, "wrong shape"),
        (sk.Dynamics(drift={X: -X}, diffusion={X: 1 + sk.time**2}), {}, "depend on the time"),
        (sk.Dynamics(drift={V: -V}, diffusion={V: 1}), {}, "does not live on the whole line"),
    ],
)  # fmt: skip
def test_what_is_not_linear_is_refused(dynamics, options, message):
    with pytest.raises(SimulationError, match=message):
        linear_sde(dynamics, **options)
