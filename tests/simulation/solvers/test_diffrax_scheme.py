"""diffrax's solvers in our own loop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.diagnostics.draw_statistics import mean_estimate
from sdekit.errors import SchemeError, SimulationError
from sdekit.simulation.solvers.diffrax_problem import fixed_step

X = sk.scalar("x")
N = sk.dim("n")
THETA = sk.vector("theta", N)
#: dx = (1 - x) dt + sqrt(1/2) x dW has a Gamma-type law with mean 1 and variance 1/3.
MULTIPLICATIVE = sk.Dynamics(drift={X: 1 - X}, diffusion={X: X**2 / 4})


def test_a_milstein_step_is_its_formula():
    sampler = sk.sampler(MULTIPLICATIVE, scheme="milstein")
    made = fixed_step(sampler.bind(0.7).problem, "milstein")
    x, z, h = 0.7, -1.3, 0.1
    s = np.sqrt(0.5)
    dw = np.sqrt(h) * z
    exact = x + (1 - x) * h + s * x * dw + 0.5 * s**2 * x * (dw**2 - h)
    found = made.advance({"x": jnp.asarray(x)}, jnp.array([z]), 0.0, h)
    np.testing.assert_allclose(found["x"], exact, rtol=1e-6)


def test_eulers_step_is_that_of_our_own_scheme():
    """Only the momentum has noise: both draw one normal for each of its entries."""
    options = {
        "potential": lambda q: jnp.sum(q**4) / 4, "parameters": {"A": 1.0, "mu": 2.0},
        "step_size": 0.02, "steps": 100, "chains": 3,
    }  # fmt: skip
    ours, theirs = (
        sk.simulate(sk.catalog.get("sgnht"), jnp.full(3, 0.5), scheme=name, **options).samples
        for name in ("EM", "euler")
    )
    for name, block in ours.items():
        np.testing.assert_allclose(theirs[name], block, rtol=1e-4, atol=1e-5)


def test_every_solver_agrees_with_the_vector_form_of_diffrax():
    """The state is blocks in our loop, and one vector in `to_diffrax`."""
    u = sk.potential("U", THETA)
    p = sk.vector("p", N)
    additive = sk.Dynamics(
        drift={THETA: p, p: -sk.grad(u, THETA) - p}, diffusion={p: sk.eye(N)}, target=u,
        hamiltonian=u + sk.dot(p, p) / 2,
    )  # fmt: skip
    start, h = {"theta": jnp.array([0.3, -0.2]), "p": jnp.array([1.0, 0.4])}, 0.1
    normals = np.random.default_rng(0).standard_normal((2, 2)).astype(np.float32)
    for name in ("euler", "heun", "shark", "sra1", "slow-rk", "spark"):
        sampler = sk.sampler(additive, potential=lambda q: jnp.sum(q**4) / 4, scheme=name)
        made = fixed_step(sampler.bind(start["theta"]).problem, name)
        rows = made.motions // 2
        found = made.advance(start, normals[:rows].reshape(-1), 0.0, h)
        given = sk.to_diffrax(
            additive, start["theta"], t1=1.0, solver=name,
            potential=lambda q: jnp.sum(q**4) / 4, auxiliary={"p": start["p"]},
        )  # fmt: skip
        # The operator has motions for theta too, which are dead.
        full = np.concatenate([np.zeros((rows, 2), np.float32), normals[:rows]], axis=1)
        expected = given.blocks(given.step(given.y0, jnp.asarray(full), 0.0, h))
        for block in start:
            np.testing.assert_allclose(found[block], expected[block], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scheme", ["milstein", "slow-rk"])
def test_long_runs_have_the_stationary_mean_and_variance(scheme):
    """d/dt E x^2 = 2 E x - 2 E x^2 + E x^2 / 2 = 0 gives E x^2 = 4/3; the bias is of order h."""
    run = sk.simulate(
        MULTIPLICATIVE, 1.0, scheme=scheme, step_size=0.01, steps=20_000, thin=20, burn_in=500,
        chains=50,
    )  # fmt: skip
    x = run.samples["x"].astype(float)
    assert abs(mean_estimate(x).z(1.0)) < 4.5
    assert abs(mean_estimate(x**2).z(4 / 3)) < 4.5
    assert abs(mean_estimate(x).z(1.1)) > 7


def test_one_chain_equals_the_first_of_many():
    options = {"scheme": "shark", "step_size": 0.1, "steps": 50}
    ou = sk.Dynamics(drift={THETA: -THETA}, diffusion={THETA: sk.eye(N)})
    one = sk.simulate(ou, np.zeros(3), **options).samples["theta"]
    many = sk.simulate(ou, np.zeros(3), chains=3, **options).samples["theta"]
    np.testing.assert_allclose(one[0], many[0], rtol=1e-5, atol=1e-6)


def test_solvers_that_do_not_fit_are_refused():
    with pytest.raises(SchemeError, match="does not converge for diagonal noise"):
        sk.simulate(MULTIPLICATIVE, 1.0, scheme="shark", step_size=0.1, steps=5)
    still = sk.Dynamics(drift={X: -X})
    with pytest.raises(SimulationError, match="there is none"):
        sk.simulate(still, 1.0, scheme="milstein", step_size=0.1, steps=5)
    u = sk.potential("U", THETA)
    langevin = sk.Dynamics(drift={THETA: -sk.grad(u, THETA)}, diffusion={THETA: sk.eye(N)})
    batch = sk.Minibatch(lambda q: 0.0, lambda q, x: -jnp.sum((q - x) ** 2), np.zeros((5, 2)), 2)
    with pytest.raises(SimulationError, match="exact gradients"):
        sk.simulate(
            langevin, jax.numpy.zeros(2), potential=batch, scheme="shark", step_size=0.1, steps=5
        )


@pytest.mark.parametrize("scheme", ["euler", "heun", "milstein"])
def test_a_factor_that_reads_the_state_runs_at_symbolic_size(scheme):
    """Geometric Brownian motion of three prices: the mean of log x is (-1 - s^2 / 2) t."""
    n = sk.dim("n")
    x, s = sk.vector("x", n), sk.parameter("s", positive=True)
    prices = sk.Dynamics(drift={x: -x}, noise={x: s * sk.diag(x)})
    run = sk.simulate(
        prices, np.ones(3), parameters={"s": 0.3}, step_size=0.01, steps=100, thin=100, chains=500,
        scheme=scheme,
    )  # fmt: skip
    logs = np.log(np.asarray(run.samples["x"], float))
    # The largest error of log x per step is s^2 h z^2 / 2, whose mean the order 1 removes: O(h).
    assert abs(logs.mean() + 1.045) < 4.5 * 0.3 / np.sqrt(1500) + 0.01
