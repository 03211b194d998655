"""Data on a JAX device: the same moments, and compiled paths that have them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from sdekit.errors import SimulationError
from sdekit.theory import LeastSquaresFlow
from sdekit.theory.least_squares.jax_paths import fast_normals, simulate
from tests.theory.least_squares.problems import data, relative, small_flow

PATHS = 4000


def device_flow(**options):
    design, y, _ = data()
    options = {"batch_size": 5, "step_size": 0.1, **options}
    return LeastSquaresFlow(jnp.asarray(design), jnp.asarray(y), **options)


def test_moments_are_computed_where_the_data_live():
    device, host = device_flow(), small_flow()
    for found, exact in (
        (device.covariance([0.5, 5.0]), host.covariance([0.5, 5.0])),
        (device.mean(2.0), host.mean(2.0)),
        (device.sgd_covariance(20), host.sgd_covariance(20)),
        (device.noise_covariance(jnp.ones(5)), host.noise_covariance(np.ones(5))),
        (device.ridge(0.5), host.ridge(0.5)),
    ):
        assert isinstance(found, jax.Array)
        assert relative(found, exact) < 2e-4  # single precision
    assert relative(device.limit_covariance(), host.limit_covariance()) < 1e-2


@pytest.mark.parametrize("scheme", ["sgd", "euler-maruyama", "midpoint"])
def test_compiled_paths_have_the_exact_moments(scheme):
    flow, host = device_flow(), small_flow()
    states = np.asarray(
        simulate(flow, scheme, steps=30, paths=PATHS, key=jax.random.key(1)), dtype=np.float64
    )
    exact = host.covariance(3.0) if scheme == "midpoint" else host.sgd_covariance(30)
    centred = states - states.mean(axis=0)
    products = np.einsum("ri,rj->rij", centred, centred)
    z = (products.mean(axis=0) - exact) / (products.std(axis=0) / np.sqrt(PATHS))
    assert np.abs(z).max() < 4.5
    # Twin: twice the step size (hence twice the noise) is refuted.
    other = small_flow(step_size=0.2).covariance(3.0)
    z = (products.mean(axis=0) - other) / (products.std(axis=0) / np.sqrt(PATHS))
    assert np.abs(z).max() > 7


def test_one_path_is_the_path_of_its_noise():
    """A single path (a vector in the loop) follows the recursion written out by hand."""
    flow = device_flow()
    states = simulate(flow, "euler-maruyama", steps=3, paths=1, key=jax.random.key(2))
    noise = np.asarray(jax.random.normal(jax.random.fold_in(jax.random.key(2), 0), (3, 1, 40)))
    beta = np.zeros(5)
    for z in noise[:, 0]:
        drift = -np.asarray(flow.gradient(jnp.asarray(beta)))
        beta = beta + 0.1 * drift + np.sqrt(0.1) * np.asarray(flow.noise(jnp.asarray(beta), z))
    assert states.shape == (1, 5)
    assert relative(states[0], beta) < 1e-5


def test_fast_normals_drive_the_same_law():
    host = small_flow()
    states = np.asarray(
        simulate(
            device_flow(), "midpoint", steps=30, paths=PATHS, key=jax.random.key(4),
            normals=fast_normals,
        ),
        dtype=np.float64,
    )  # fmt: skip
    trace = (states - states.mean(axis=0)) ** 2
    error = trace.sum(1).std() / np.sqrt(PATHS)
    assert abs(trace.sum(1).mean() - host.covariance_trace(3.0)) < 4.5 * error
    assert abs(trace.sum(1).mean() - 2 * host.covariance_trace(3.0)) > 7 * error
    odd = fast_normals(jax.random.key(0), (3, 5), jnp.float32)
    assert odd.shape == (3, 5) and len(np.unique(odd)) == 15


def test_what_the_compiled_loop_cannot_do_is_said():
    flow = device_flow()
    with pytest.raises(SimulationError, match="unknown scheme"):
        simulate(flow, "milstein", steps=1, paths=1, key=jax.random.key(0))
    with pytest.raises(SimulationError, match="draws with replacement only"):
        simulate(device_flow(replace=False), "sgd", steps=1, paths=1, key=jax.random.key(0))
    sparse = scipy.sparse.eye_array(4, format="csr")
    with pytest.raises(SimulationError, match="needs a dense X"):
        simulate(
            LeastSquaresFlow(sparse, np.ones(4), batch_size=1, step_size=0.1), "sgd",
            steps=1, paths=1, key=jax.random.key(0),
        )  # fmt: skip
