"""Milstein's method with drawn Levy areas: laws of the areas, refinement, strong order 1."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.solvers.levy_areas import merged_steps, unit_path

X, Y = sk.scalar("x"), sk.scalar("y")
AREA = sk.Dynamics(drift={X: 0, Y: 0}, noise={X: [1, 0], Y: [0, X]})
GENERAL = sk.Dynamics(
    drift={X: -X, Y: sk.sin(X)}, noise={X: [1, sk.sin(Y)], Y: [sk.cos(X), X]}
)  # fmt: skip
PATHS = 40_000


@pytest.fixture(scope="module")
def steps():
    """Normals of two steps on many paths, three Brownian motions."""
    return jax.random.normal(jax.random.key(1), (2, PATHS, 9))


def test_a_merged_step_has_the_increment_and_the_areas_of_both(steps):
    first, second = (jax.vmap(lambda z: unit_path(z, 3))(own) for own in steps)
    w, h, area = jax.vmap(lambda a, b: unit_path(merged_steps(a, b, 3), 3))(*steps)
    scale = np.sqrt(2.0)
    np.testing.assert_allclose(scale * w, first[0] + second[0], atol=1e-5)
    swept = first[0][:, :, None] * second[0][:, None, :]
    chen = first[2] + second[2] + (swept - swept.transpose(0, 2, 1)) / 2
    np.testing.assert_allclose(2 * area, chen, atol=1e-4)
    # The mean of the path: up to the end of the first step, and behind it.
    mean = (first[1] + first[0] / 2 + first[0] + second[1] + second[0] / 2) / 2
    np.testing.assert_allclose(scale * (h + w / 2), mean, atol=1e-5)


def test_areas_have_their_variance_given_the_increments_also_after_merging(steps):
    for normals in (steps[0], jax.vmap(lambda a, b: merged_steps(a, b, 3))(*steps)):
        w, _, area = jax.vmap(lambda z: unit_path(z, 3))(normals)
        expected = 1 / 12 + (w[:, 0] ** 2 + w[:, 2] ** 2) / 12
        ratio = np.asarray(area[:, 0, 2] ** 2 / expected)
        assert abs(ratio.mean() - 1) < 4.5 * ratio.std() / PATHS**0.5
        assert abs(float(jnp.mean(area[:, 0, 2] ** 2)) - 0.25) < 0.02
        np.testing.assert_allclose(area, -area.transpose(0, 2, 1))


def test_strong_order_is_one_where_that_of_a_scheme_without_areas_is_a_half():
    def slopes(name):
        sampler = sk.sampler(GENERAL, scheme=name, precision="float64")
        start = {"x": 0.3, "y": 0.2}
        return sk.empirical_order(sampler, start, kind="strong", steps=(8, 16, 32), paths=400)

    ours, euler = slopes("area-milstein"), slopes("euler")
    assert ours.local_slopes[-1] > 1 - 4.5 * ours.slope_errors[-1]
    assert ours.local_slopes[-1] - 4.5 * ours.slope_errors[-1] > 0.5
    assert abs(euler.local_slopes[-1] - 0.5) < 4.5 * euler.slope_errors[-1]


def test_levels_that_agree_to_rounding_have_no_error_and_weak_noise_no_paths():
    start = {"x": 0.0, "y": 0.0}
    sampler = sk.sampler(AREA, scheme="area-milstein", precision="float64")
    found = sk.empirical_order(sampler, start, kind="strong", steps=(2, 4, 8), paths=200)
    assert found.order == np.inf and "no error beyond rounding" in str(found)
    additive = sk.Dynamics(drift={X: -(X**3)}, diffusion={X: 1}, hamiltonian=X**4 / 4)
    weak = sk.sampler(additive, scheme="EM", noise="weak")
    with pytest.raises(SimulationError, match="weak noise"):
        sk.empirical_order(weak, 0.0, kind="strong")


def test_the_solver_runs_and_is_none_of_diffrax():
    run = sk.simulate(
        AREA, {"x": 0.0, "y": 0.0}, scheme="area-milstein", step_size=0.25, steps=4, thin=4,
        chains=4000,
    )  # fmt: skip
    y = run.samples["y"][:, 0].astype(np.float64)
    # y is W2-Brownian in the time that x^2 tells: E y^2 = 1/2, E y^4 = 3 (1/4 + 1/3) = 7/4.
    assert abs(np.mean(y**2) - 0.5) < 4.5 * np.std(y**2) / 4000**0.5
    assert abs(np.mean(y**4) - 1.75) < 4.5 * np.std(y**4) / 4000**0.5
    with pytest.raises(SimulationError, match="none of diffrax"):
        sk.to_diffrax(AREA, {"x": 0.0, "y": 0.0}, t1=1.0, solver="area-milstein")
