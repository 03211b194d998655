"""At a boundary the law of exp(-H) is kept: conormal and specular reflection, circles, counts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.bind.jax_reader import Environment
from sdekit.simulation.steps import boundaries
from sdekit.simulation.steps.boundaries import led_back, walls_of

N = sk.dim("n")
#: Mean of a half-normal law.
HALF = np.sqrt(2 / np.pi)


def gaussian(q):
    return jnp.sum(q**2) / 2


def preconditioned():
    x = sk.vector("x", N, domain="positive")
    metric, u = sk.parameter("P", N, N, positive_definite=True), sk.potential("U", x)
    return sk.Dynamics(
        drift={x: -metric @ sk.grad(u, x)}, diffusion={x: metric}, hamiltonian=u, target=u
    )


def massive(noise=True, domain="positive"):
    """Langevin dynamics, or Hamiltonian flow, with a mass matrix, in a box."""
    q, p = sk.vector("q", N, domain=domain), sk.vector("p", N)
    mass, u = sk.parameter("M", N, N, positive_definite=True), sk.potential("U", q)
    velocity = sk.inv(mass) @ p
    return sk.Dynamics(
        drift={q: velocity, p: -sk.grad(u, q) - p if noise else -sk.grad(u, q)},
        diffusion={p: mass} if noise else {},
        hamiltonian=u + sk.dot(p, velocity) / 2,
        target=u,
    )


def score(values, exact):
    """z of a mean over independent chains, values (chain, draw)."""
    means = np.asarray(values, np.float64).mean(axis=1)
    return (means.mean() - exact) / (means.std(ddof=1) / np.sqrt(len(means)))


METRIC = np.array([[1.0, 0.8], [0.8, 1.0]])
STEP = 1e-3
RUN = {"potential": gaussian, "parameters": {"P": METRIC}, "chains": 2000, "seed": 1}


def overdamped_draws():
    options = {"step_size": STEP, "steps": 3000, "burn_in": 1500, "thin": 1500}
    return np.asarray(sk.simulate(preconditioned(), np.ones(2), **RUN, **options).samples["x"])


def test_a_dense_diffusion_reflects_along_the_conormal():
    """Half-normal entries without correlation.

    What lies between two steps is unseen: for a projecting scheme that moves the mean by at most
    0.5826 sqrt(2 h) (Asmussen, Glynn, Pitman 1995), and reflecting does better.
    """
    draws = overdamped_draws()
    unseen = 0.5826 * np.sqrt(2 * STEP)
    error = draws.std() / np.sqrt(draws[..., 0].size)
    assert np.all(np.abs(draws.mean(axis=(0, 1)) - HALF) < unseen + 4.5 * error)
    assert abs(np.corrcoef(draws.reshape(-1, 2).T)[0, 1]) < 4.5 / np.sqrt(draws[..., 0].size)


def test_mirroring_each_entry_would_give_another_law(monkeypatch):
    """Twin: that is what was done before, mean 1.045 and correlation .25 for -0.8 of noise."""
    monkeypatch.setattr(boundaries, "_wall", lambda dynamics, x: boundaries.Wall(x))
    draws = overdamped_draws()
    assert abs(np.corrcoef(draws.reshape(-1, 2).T)[0, 1]) > 0.2


def test_a_variable_without_ends_that_shares_noise_is_turned_along_the_conormal():
    """x goes back by twice its depth, y along D n = (1, r); in other axes the wall is oblique."""
    x, y, r = sk.scalar("x", domain="positive"), sk.scalar("y"), sk.parameter("r")
    oblique = sk.Dynamics(
        {x: -x - r * y, y: -r * x - y}, {x: 1, y: 1, (x, y): r}, hamiltonian=(x**2 + y**2) / 2
    )
    problem = sk.sampler(oblique, parameters={"r": 0.8}).bind({"x": 1.0, "y": 0.0}).problem
    before = {"x": jnp.array(0.5), "y": jnp.array(1.0)}
    environment = problem.environment({**problem.parameters, **before})
    for depth, folded in ((0.3, 1), (-0.3, 0)):
        moved = {"x": jnp.array(-depth), "y": jnp.array(2.0)}
        found, folds = led_back(walls_of(problem), before, moved, environment)
        np.testing.assert_allclose(found["x"], abs(depth), rtol=1e-6)
        np.testing.assert_allclose(found["y"], 2.0 + 2 * 0.8 * depth * folded, rtol=1e-6)
        assert folds == folded


@pytest.mark.parametrize("name", ["q", "p"])
def test_a_momentum_turns_at_a_wall(name):
    q, p = sk.scalar("q", domain="positive"), sk.scalar("p")
    wall = sk.Dynamics(
        drift={q: p, p: -q - p},
        diffusion={p: 1},
        hamiltonian=q**2 / 2 + p**2 / 2,
        target=q**2 / 2,
    )
    run = sk.simulate(wall, 0.5, step_size=0.05, steps=400, thin=200, burn_in=200, chains=2000)
    assert abs(score(run.samples[name], HALF if name == "q" else 0.0)) < 4.5
    assert "met the ends of the domain" in run.notes[0]


def test_langevin_dynamics_with_a_mass_matrix_keeps_its_law_in_a_box():
    """On (0, 1)^2 with U = 0 the law is uniform: mean 1/2, variance 1/12, no correlation."""
    run = sk.simulate(
        massive(domain=(0, 1)), np.full(2, 0.3), potential=lambda q: 0.0 * q.sum(),
        parameters={"M": METRIC}, step_size=0.1, steps=200, thin=100, burn_in=100, chains=2000,
    )  # fmt: skip
    q, p = (np.asarray(run.samples[name], float) for name in "qp")
    assert abs(score(q[..., 0], 0.5)) < 4.5
    assert abs(score((q[..., 0] - 0.5) ** 2, 1 / 12)) < 4.5
    assert abs(score((q[..., 0] - 0.5) * (q[..., 1] - 0.5), 0.0)) < 4.5
    assert abs(score(p[..., 0] * p[..., 1], 0.8)) < 4.5


@pytest.mark.parametrize("mass", [np.eye(2), METRIC])
def test_hamiltonian_monte_carlo_is_exact_in_a_domain(mass):
    run = sk.simulate(
        massive(noise=False), np.ones(2), scheme="HMC", leapfrog_steps=5, potential=gaussian,
        parameters={"M": mass}, step_size=0.3, steps=100, burn_in=20, chains=300,
    )  # fmt: skip
    x = np.asarray(run.samples["q"], float)
    assert abs(score(x[..., 0], HALF)) < 4.5
    assert abs(score(x[..., 0] ** 2, 1.0)) < 4.5


def flight(domain, matrix, time):
    """(position, momentum) -> those after a free flight, and the number of reflections."""
    sampler = sk.sampler(
        massive(noise=False, domain=domain), potential=lambda q: 0 * q.sum(),
        parameters={"M": np.linalg.inv(matrix)}, precision="float64",
    )  # fmt: skip
    with sampler.precision():
        problem = sampler.bind(np.full(len(matrix), 0.5)).problem
        walls = walls_of(problem)

    @jax.jit
    def run(q, p):
        values = {**problem.parameters, "q": q, "p": p}
        environment = Environment(values, problem.sizes, problem.functions, dtype=problem.dtype)
        found, folds = led_back(walls, values, {"q": q + time * matrix @ p}, environment)
        return found["q"], found["p"], folds

    def in_double(q, p):
        with sampler.precision():
            return tuple(np.asarray(part) for part in run(jnp.asarray(q), jnp.asarray(p)))

    return in_double


def test_a_flight_with_many_reflections_is_reversible_and_keeps_the_energy():
    rng = np.random.default_rng(3)
    root = rng.normal(size=(3, 3))
    matrix = root @ root.T + np.eye(3)
    fly = flight((0, 1), matrix, 3.0)
    for _ in range(20):
        q, p = rng.uniform(size=3), rng.normal(size=3)
        end, turned, folds = fly(q, p)
        assert folds > 0 and np.all((end >= 0) & (end <= 1))
        assert np.isclose(turned @ matrix @ turned, p @ matrix @ p, rtol=1e-12)
        back, again, _ = fly(end, -turned)
        assert np.allclose(back, q, atol=1e-9) and np.allclose(-again, p, atol=1e-9)


def test_a_flight_is_that_of_small_steps():
    """An independent route: many short flights, each of which meets a face at most once."""
    matrix = np.array([[1.0, 0.5], [0.5, 2.0]])
    q, p = np.array([0.2, 0.7]), np.array([1.1, -0.4])
    end, turned, folds = flight((0, 1), matrix, 4.0)(q, p)
    count = 20_000
    for _ in range(count):
        q = q + 4.0 / count * matrix @ p
        for i in range(2):
            depth = max(-q[i], 0.0) - max(q[i] - 1.0, 0.0)
            if depth:
                q = q + 2 * depth / matrix[i, i] * matrix[:, i]
                p = p - 2 * (matrix[i] @ p) / matrix[i, i] * np.eye(2)[i]
    assert folds > 3
    assert np.allclose(end, q, atol=1e-6) and np.allclose(turned, p, atol=1e-6)


def test_a_momentum_that_cannot_be_turned_is_refused():
    q, p = sk.scalar("q", domain="positive"), sk.scalar("p")
    crooked = sk.Dynamics(drift={q: p + p**2, p: -q}, diffusion={p: 1})
    with pytest.raises(SimulationError, match="no rule for what a momentum does where q meets"):
        sk.simulate(crooked, {"q": 1.0, "p": 0.0}, step_size=0.1, steps=1)


@pytest.mark.parametrize(("domain", "start"), [("positive", -2.0), ((0, 1), 7.25)])
def test_a_start_outside_the_domain_is_refused(domain, start):
    x = sk.scalar("x", domain=domain)
    dynamics = sk.Dynamics(drift={x: -x}, diffusion={x: 1})
    with pytest.raises(SimulationError, match="the start of x lies outside its domain"):
        sk.simulate(dynamics, start, step_size=0.1, steps=1)
    with pytest.raises(SimulationError, match="the start of x lies outside its domain"):
        sk.sampler(dynamics).init(jax.random.key(0), start)
    # Twin: the end itself and what lies inside are starts.
    sk.simulate(dynamics, 0.0, step_size=0.1, steps=1)


def test_a_circle_wraps_and_counts_nothing():
    angle = sk.scalar("a", domain="circle")
    turning = sk.Dynamics(drift={angle: 1}, diffusion={angle: 1})
    run = sk.simulate(turning, 6.0, step_size=0.1, steps=100)
    assert np.all((run.samples["a"] >= 0) & (run.samples["a"] < 2 * np.pi))
    assert run.state.cache.folds is None


def test_a_circle_wraps_by_its_own_period_and_keeps_the_phase():
    length = sk.parameter("L", positive=True)
    place = sk.scalar("a", domain={"circle": length})
    turning = sk.Dynamics(drift={place: 1}, diffusion={place: 0})
    run = sk.simulate(turning, 2.5, step_size=0.25, steps=40, parameters={"L": 3.0})
    assert np.allclose(run.samples["a"], np.mod(2.5 + 0.25 * np.arange(1, 41), 3.0))


def test_an_end_at_pi_reflects():
    polar = sk.scalar("th", domain=("0", "pi"))
    turning = sk.Dynamics(drift={polar: 1}, diffusion={polar: 0})
    run = sk.simulate(turning, 3.0, step_size=0.5, steps=1)
    assert run.samples["th"].item() == pytest.approx(2 * np.pi - 3.5, abs=1e-6)
