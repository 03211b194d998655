"""The papers' algorithms against their formulas written out in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit import catalog
from sdekit.errors import SchemeError, SimulationError
from sdekit.simulation.noise.streams import NORMALS, NoiseSource, chain_keys

A, MU, H, N = 0.7, 3.0, 0.02, 3
STEPS = 400


def potential(theta):
    return jnp.sum(theta**4) / 4 + theta[0] * theta[1]


def gradient(theta):
    return theta**3 + np.array([theta[1], theta[0], 0.0])


@pytest.fixture(scope="module")
def noise():
    """The normals of chain 0 of a run with seed 5."""
    with jax.enable_x64(True):
        keys = chain_keys(jax.random.key(5), np.uint32(0), NORMALS)
        source = NoiseSource(dtype=np.dtype(np.float64))
        return np.asarray(jax.jit(lambda k: source.normals(k, 0, STEPS, N))(keys))


def run(scheme, dynamics="sgnht", parameters=None, step_size: float | None = H, **more):
    return sk.simulate(
        catalog.get(dynamics),
        np.array([0.5, -0.2, 0.1]),
        potential=potential,
        parameters=parameters or {"A": A, "mu": MU},
        scheme=scheme,
        precision="float64",
        step_size=step_size,
        steps=STEPS,
        seed=5,
        auxiliary={"p": np.array([0.3, 0.1, -0.4])},
        **more,
    )


def algorithm_1_written_out(noise):
    theta, p, xi = np.array([0.5, -0.2, 0.1]), np.array([0.3, 0.1, -0.4]), A
    path = []
    for z in noise:
        p = p - xi * p * H - gradient(theta) * H + np.sqrt(2 * A * H) * z
        theta = theta + p * H
        xi = xi + (p @ p - N) / MU * H
        path.append((theta, p, xi))
    return path


def algorithm_2_written_out(noise):
    eta, a = H**2, A * H
    theta, u, alpha = np.array([0.5, -0.2, 0.1]), H * np.array([0.3, 0.1, -0.4]), A * H
    path = []
    for z in noise:
        u = u - alpha * u - eta * gradient(theta) + np.sqrt(2 * a * eta) * z
        theta = theta + u
        alpha = alpha + (u @ u - N * eta) / MU
        path.append((theta, u / H, alpha / H))
    return path


def largest_gap(result, path):
    theta, p, xi = (np.array(column) for column in zip(*path, strict=True))
    gaps = (
        result.samples["theta"][0] - theta, result.samples["p"][0] - p,
        result.samples["xi"][0] - xi,
    )  # fmt: skip
    return max(np.max(np.abs(gap)) for gap in gaps)


def test_algorithm_1_is_the_published_recursion(noise):
    assert largest_gap(run("Algorithm1"), algorithm_1_written_out(noise)) < 1e-12


def test_algorithm_2_is_the_published_recursion_and_the_same_as_algorithm_1(noise):
    second = run("Algorithm2")
    assert largest_gap(second, algorithm_2_written_out(noise)) < 1e-11
    assert largest_gap(second, algorithm_1_written_out(noise)) < 1e-11


def test_algorithm_2_takes_its_published_eta_and_a(noise):
    """h and A follow: eta = h^2, a = A h; twin: another a is another run."""
    parameters = {"eta": H**2, "a": A * H, "mu": MU}
    given = run("Algorithm2", parameters=parameters, step_size=None)
    assert largest_gap(given, algorithm_2_written_out(noise)) < 1e-11
    other = run("Algorithm2", parameters={**parameters, "a": 1.1 * A * H}, step_size=None)
    assert largest_gap(other, algorithm_2_written_out(noise)) > 1e-3
    wrong = [
        ("takes eta and a together", {"eta": 1.0, "mu": MU}, None),
        ("takes eta and a together", {**parameters, "A": A}, None),
        ("step size is wrong", {**parameters, "eta": -1.0}, None),
        ("eta says another step size", parameters, 2 * H),
        ("no step size", {"A": A, "mu": MU}, None),
    ]
    for message, values, step_size in wrong:
        with pytest.raises(SimulationError, match=message):
            run("Algorithm2", parameters=values, step_size=step_size)


def test_the_recursion_check_has_power(noise):
    """Twin: Euler-Maruyama, which moves theta with the old momentum, differs visibly."""
    assert largest_gap(run("EM"), algorithm_1_written_out(noise)) > 1e-3


def test_sghmc_is_its_published_recursion(noise):
    result = run("SGHMC", "langevin", {"A": A})
    theta, p = np.array([0.5, -0.2, 0.1]), np.array([0.3, 0.1, -0.4])
    for z in noise:
        p = p - A * p * H - gradient(theta) * H + np.sqrt(2 * A * H) * z
        theta = theta + p * H
    assert np.max(np.abs(result.samples["theta"][0, -1] - theta)) < 1e-12


def test_algorithm_2_refuses_what_is_no_thermostat(langevin):
    with pytest.raises(SchemeError, match="Algorithm 2 is for the scalar thermostat"):
        sk.sampler(langevin, lambda q: q**2, {"A": 1.0}, "Algorithm2")


def test_algorithm_1_refuses_a_dynamics_without_momenta(ornstein_uhlenbeck):
    with pytest.raises(SchemeError, match="Algorithm 1 is for dynamics with momenta"):
        sk.sampler(ornstein_uhlenbeck, scheme="Algorithm1")


def test_algorithm_2_keeps_its_temperature_where_a_schedule_changes_the_step():
    """u = p h and alpha = xi h are rescaled with h: both algorithms draw the same numbers."""

    def halved(step):
        return jnp.where(step < STEPS // 2, H, H / 2)

    first, second = (
        sk.simulate(
            catalog.get("sgnht"), np.ones(3), potential=potential, parameters={"A": A, "mu": MU},
            scheme=scheme, precision="float64", step_size=halved, steps=STEPS, seed=5,
        ).samples
        for scheme in ("Algorithm1", "Algorithm2")
    )  # fmt: skip
    for name, block in first.items():
        assert np.max(np.abs(block - second[name])) < 1e-11
    # Twin: at the step the momenta move by far less than the factor 2 of scaled variables.
    p = first["p"][0]
    jump = np.abs(p[STEPS // 2] - p[STEPS // 2 - 1])
    assert np.max(jump) < 0.5 * np.max(np.abs(p[STEPS // 2 - 1]))


def test_sgld_with_decreasing_steps_is_its_published_recursion():
    theta = sk.scalar("theta")
    u = sk.potential("U", theta)
    sgld = sk.Dynamics(drift={theta: -sk.grad(u, theta)}, diffusion={theta: 1}, hamiltonian=u)

    def schedule(step):
        return 0.1 / (1.0 + step) ** 0.5

    result = sk.simulate(
        sgld, 1.0, potential=lambda q: q**2 / 2, scheme="SGLD", precision="float64",
        step_size=schedule, steps=50, thin=5, seed=9,
    )  # fmt: skip
    with jax.enable_x64(True):
        keys = chain_keys(jax.random.key(9), np.uint32(0), NORMALS)
        noise = np.asarray(NoiseSource(dtype=np.dtype(np.float64)).normals(keys, 0, 50, 1))
    x, path = 1.0, []
    for k, z in enumerate(noise[:, 0]):
        h = schedule(k)
        x = x - h * x + np.sqrt(2 * h) * z
        path.append(x)
    assert np.allclose(result.samples["theta"][0], path[4::5], rtol=0, atol=1e-12)
    assert np.allclose(result.step_sizes, [schedule(k) for k in range(4, 50, 5)], rtol=1e-12)
