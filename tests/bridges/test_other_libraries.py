"""Bridges against the real packages: BlackJAX, NumPyro, ArviZ."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.bridges.other_libraries import from_numpyro, to_blackjax
from sdekit.diagnostics.draw_statistics import mean_estimate
from sdekit.errors import SimulationError
from sdekit.simulation.runs.inference_data import to_inference_data

N = sk.dim("n")
THETA, P = sk.vector("theta", N), sk.vector("p", N)
U = sk.potential("U", THETA)
LANGEVIN = sk.Dynamics(
    drift={THETA: P, P: -sk.grad(U, THETA) - P},
    diffusion={P: sk.eye(N)},
    hamiltonian=U + sk.dot(P, P) / 2,
    target=U,
    name="Langevin",
)


def test_blackjax_runs_a_sampler_in_its_own_loop():
    """BAOAB with h = 0.5 on a harmonic target has the exact variance 1 in the position."""
    from blackjax.util import run_inference_algorithm

    sampler = sk.sampler(LANGEVIN, potential=lambda q: jnp.sum(q**2) / 2, scheme="BAOAB")
    algorithm = to_blackjax(sampler, 0.5)
    _, history = run_inference_algorithm(
        jax.random.key(0), algorithm, 4_000, initial_position=jnp.zeros(20),
        transform=lambda state, info: state.position,
    )  # fmt: skip
    squares = np.asarray(history)[200:] ** 2
    # 20 independent coordinates: their means give the standard error.
    means = squares.mean(0)
    assert abs(means.mean() - 1) < 4.5 * means.std(ddof=1) / np.sqrt(20)
    with pytest.raises(SimulationError, match="the step size is wrong"):
        to_blackjax(sampler, -1.0)


def gamma_model(data):
    import numpyro
    from numpyro import distributions as dist

    rate = numpyro.sample("rate", dist.Gamma(2.0, 1.0))
    numpyro.deterministic("mean", 1 / rate)
    with numpyro.plate("rows", len(data)):
        numpyro.sample("x", dist.Exponential(rate), obs=data)


DATA = np.array([0.5, 1.5, 0.25, 0.75])


def test_a_numpyro_model_is_a_target_on_the_unconstrained_scale():
    """Posterior Gamma(2 + 4, 1 + 3): U(log r) = -6 log r + 4 r up to a constant."""
    target = from_numpyro(gamma_model, DATA)
    u = np.array([-0.5, 0.2, 0.9])
    found = np.array([target.potential({"rate": jnp.float32(x)}) for x in u])
    exact = -6 * u + 4 * np.exp(u)
    np.testing.assert_allclose(found - found[0], exact - exact[0], rtol=1e-4, atol=1e-5)
    back = target.constrained({"rate": jnp.zeros((1, 2))})
    np.testing.assert_allclose(back["rate"], 1.0)
    np.testing.assert_allclose(back["mean"], 1.0)


def test_a_numpyro_posterior_is_sampled():
    target = from_numpyro(gamma_model, DATA)
    run = sk.simulate(
        LANGEVIN, target.position, potential=target.potential, scheme="BAOAB", step_size=0.1,
        steps=4_000, thin=20, burn_in=200, chains=40,
    )  # fmt: skip
    rate = target.constrained(run.position)["rate"]
    means = rate.mean(1)
    assert abs(means.mean() - 6 / 4) < 4.5 * means.std(ddof=1) / np.sqrt(40)
    # Twin: without the Jacobian the law would be Gamma(5, 4).
    assert abs(means.mean() - 5 / 4) > 7 * means.std(ddof=1) / np.sqrt(40)


def test_a_numpyro_model_is_tuned_sampled_and_judged():
    pytest.importorskip("numpyro")
    run = sk.sample(gamma_model, DATA, seed=1)
    assert run.verdict == "converged"
    rate = mean_estimate(run.samples["rate"])
    assert abs(rate.z(6 / 4)) < 4.5 and abs(rate.z(5 / 4)) > 7
    assert abs(mean_estimate(run.samples["mean"]).z(4 / 5)) < 4.5  # 1 / rate: 4 / (6 - 1)
    with pytest.raises(SimulationError, match="a NumPyro model states its own domains"):
        sk.sample(gamma_model, DATA, domains={"rate": "positive"})
    with pytest.raises(SimulationError, match="discrete latent variable"):
        sk.sample(discrete_model, None)


def test_a_model_that_fails_is_refused():
    with pytest.raises(SimulationError, match="cannot initialize the model"):
        from_numpyro(gamma_model)
    with pytest.raises(SimulationError, match="no latent continuous site"):
        from_numpyro(lambda: None)


def discrete_model(observed=None):
    import numpyro
    from numpyro import distributions as dist

    k = numpyro.sample("k", dist.Poisson(2.0), obs=observed)
    numpyro.sample("x", dist.Normal(1.0 * k, 1.0))


def subsampled_model(data, taken):
    import numpyro
    from numpyro import distributions as dist

    m = numpyro.sample("m", dist.Normal(0, 10))
    with numpyro.plate("rows", len(data), subsample_size=taken):
        numpyro.sample("y", dist.Normal(m, 1.0), obs=numpyro.subsample(data, event_dim=0))


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (discrete_model, (), "a discrete latent variable, k"),
        (subsampled_model, (DATA, 2), "the plate rows .* found 2 of 4"),
    ],
)
def test_a_model_without_a_smooth_potential_is_refused_where_it_is_read(model, arguments, message):
    with pytest.raises(SimulationError, match=message):
        from_numpyro(model, *arguments)


def test_observed_counts_and_whole_plates_are_no_reason_to_refuse():
    assert set(from_numpyro(discrete_model, 3).position) == {"x"}
    assert set(from_numpyro(subsampled_model, DATA, len(DATA)).position) == {"m"}
    assert set(from_numpyro(subsampled_model, DATA, None).position) == {"m"}


def test_inference_data_has_chains_draws_and_facts():
    data = to_inference_data({"theta": np.zeros((2, 5, 3))}, {"seed": 3, "notes": None})
    assert data.posterior["theta"].dims == ("chain", "draw", "theta_dim_0")
    assert data.posterior.attrs["inference_library"] == "sdekit"
    assert data.posterior.attrs["seed"] == 3
    with pytest.raises(SimulationError, match=r"expected \(chain, draw, ...\), found \(5,\)"):
        to_inference_data({"theta": np.zeros(5)})
