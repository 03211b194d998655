"""The estimated gradient noise put to use: SGHMC's B-hat and CCAdL on anisotropic noise.

Target: posterior of a Gaussian mean in coordinates where it is N(0, I). The data scatter four times
wider along the second axis than the likelihood says, so that the gradient noise is anisotropic.
"""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.diagnostics.draw_statistics import mean_estimate
from sdekit.simulation.gradients.gradient_noise import (
    covariance_function,
    momentum_noise,
    noise_covariance,
)

N_ROWS, STEP = 1_000, 0.02
RAW = np.random.default_rng(0).normal(size=(N_ROWS, 2))
ROWS = (RAW - RAW.mean(0)) / RAW.std(0) * np.array([1.0, 4.0])

N = sk.dim("n")
THETA, P, XI = sk.vector("theta", N), sk.vector("p", N), sk.scalar("xi")
U = sk.potential("U", THETA)
A, MU, H = (sk.parameter(name, positive=True) for name in ("A", "mu", "h"))
B = sk.parameter("B", N, N, symmetric=True)
SIGMA = sk.function("Sigma", THETA, shape=(N, N), symmetric=True)
KINETIC = sk.dot(P, P) / 2


def target():
    def log_likelihood(z, rows):
        return -jnp.sum((rows - z / np.sqrt(N_ROWS)) ** 2, axis=1) / 2

    return sk.Minibatch(lambda z: 0.0, log_likelihood, ROWS, 100, vectorized=True)


def squares(dynamics, scheme, parameters, **options):
    run = sk.simulate(
        dynamics, np.zeros(2), potential=target(), scheme=scheme, parameters=parameters,
        step_size=STEP, steps=8_000, thin=50, burn_in=1_000, chains=16, record=["theta"],
        **options,
    )  # fmt: skip
    return mean_estimate(run.samples["theta"].astype(float) ** 2)


#: The step-size bias of BAOAB and BADODAB at h = 0.02 is of order h^2 = 4e-4, far below the errors.


def test_sghmc_with_the_estimated_noise_has_the_posterior_variance():
    """Injected is A - B-hat, so that injected and gradient noise together are the friction's."""
    sghmc = sk.Dynamics(
        drift={THETA: P, P: -sk.grad(U, THETA) - A * P},
        diffusion={P: A * sk.eye(N) - B},
        hamiltonian=U + KINETIC,
        target=U,
    )
    b = momentum_noise(noise_covariance(target(), jnp.zeros(2)), STEP)
    np.testing.assert_allclose(b, np.diag([0.1, 1.6]), atol=0.1)
    found = squares(sghmc, "BAOAB", {"A": 3.0, "B": b})
    assert np.max(np.abs(found.z(1.0))) < 4.5
    # Twin: without B-hat the second coordinate would have temperature (3 + 1.6) / 3.
    assert found.z(4.6 / 3)[1] < -7


@pytest.mark.parametrize("is_corrected", [True, False])
def test_ccadl_corrects_what_a_scalar_thermostat_cannot(is_corrected):
    """CCAdL's friction h Sigma / 2 pairs with the gradient noise; injected is A only."""
    damping = (H / 2) * (SIGMA @ P) if is_corrected else (H - H) * P
    dynamics = sk.Dynamics(
        drift={
            THETA: P,
            P: -sk.grad(U, THETA) - damping - XI * P,
            XI: (sk.dot(P, P) - N) / MU,
        },
        diffusion={P: A * sk.eye(N)},
        hamiltonian=U + KINETIC + MU * (XI - A) ** 2 / 2,
        target=U,
    )
    options = {"functions": {"Sigma": covariance_function(target(), 200)}} if is_corrected else {}
    values = {"A": 1.0, "mu": 2.0, "h": STEP}
    found = squares(dynamics, "EM", values, **options)
    # Euler-Maruyama at h = 0.02 heats by about h / 2 = 1 percent, and 200 rows give Sigma to 10.
    if is_corrected:
        np.testing.assert_allclose(found.value, 1.0, atol=0.1)
    else:
        assert found.value[0] < 0.75
        assert found.value[1] > 1.25
