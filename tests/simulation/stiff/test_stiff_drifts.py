"""Tamed and implicit drifts: their equations hold, they stay where Euler-Maruyama is thrown off."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DivergenceError, SchemeError, SimulationError
from sdekit.schemes.split.splitting import splitting
from sdekit.schemes.split.unroll import moves_that_run
from sdekit.simulation.bind.bound import bind
from sdekit.simulation.steps.stages import stage_of

X, Y, K = sk.scalar("x"), sk.scalar("y"), sk.parameter("k")
CUBIC = sk.Dynamics({X: Y - K * X**3, Y: -X - K * Y}, noise={X: 1 + X / 2, Y: 2})
Z = np.array([[0.3, -1.0, 2.0], [1.2, 0.1, -0.4]])
START = {"x": np.array([5.0, 0.1, -3.0]), "y": np.array([0.0, 1.0, 40.0])}


def stepped(scheme, h, k=4.0, z=Z, start=START):
    """One step of three chains, or of one, in double precision."""
    problem = bind(
        CUBIC, {"x": 0.0, "y": 0.0}, potential=None, parameters={"k": k}, functions={}, sizes={},
        dtype=np.dtype(np.float64),
    )  # fmt: skip
    (move,) = moves_that_run(splitting(CUBIC), scheme)
    blocks = {name: jnp.asarray(block) for name, block in start.items()}
    environment = problem.environment({**problem.parameters, **blocks})
    return stage_of(move.flow, {}).apply(environment, jnp.asarray(z), h, None)


def drift(x, y, k=4.0):
    return np.array([y - k * x**3, -x - k * y])


@pytest.mark.parametrize("h", [1e-3, 0.5, 20.0])
def test_an_implicit_step_solves_its_equation_chain_by_chain(h):
    with jax.enable_x64(True):
        end = stepped("ImplicitEuler", h)
        alone = stepped("ImplicitEuler", h, z=Z[:, 0], start={k: v[0] for k, v in START.items()})
    x, y = np.asarray(end["x"]), np.asarray(end["y"])
    noise = np.sqrt(h) * Z * np.array([1 + START["x"] / 2, 2 * np.ones(3)])
    left = np.array([x, y]) - np.array([START["x"], START["y"]]) - noise - h * drift(x, y)
    # Newton stops at 64 roundings of the state, which the slope of the equation multiplies.
    slope = 1 + h * (1 + 12 * x**2 + 4)
    assert np.all(np.abs(left) < 64 * 2.3e-16 * slope * 200)
    np.testing.assert_allclose([alone["x"], alone["y"]], [x[0], y[0]], rtol=1e-12)
    # Twin: the explicit step does not solve it.
    with jax.enable_x64(True):
        other = stepped("EM", h)
    away, across = np.asarray(other["x"]), np.asarray(other["y"])
    wrong = away - START["x"] - noise[0] - h * drift(away, across)[0]
    assert np.max(np.abs(wrong)) > 1e-5


def test_a_tamed_step_is_shortened_by_its_own_length():
    with jax.enable_x64(True):
        end = stepped("TamedEuler", 0.5)
    v = 0.5 * drift(START["x"], START["y"])
    noise = np.sqrt(0.5) * Z * np.array([1 + START["x"] / 2, 2 * np.ones(3)])
    expected = [START["x"], START["y"]] + v / (1 + np.linalg.norm(v, axis=0)) + noise
    np.testing.assert_allclose([end["x"], end["y"]], expected, rtol=1e-14)


def test_a_step_without_solution_is_not_finite():
    """x' = x + h x'^2 has no solution for x > 1 / (4 h): the run ends instead of going on."""
    up = sk.Dynamics({X: X**2}, noise={X: 1})
    with pytest.raises(DivergenceError):
        sk.simulate(up, 1.0, scheme="ImplicitEuler", step_size=1.0, steps=3)


def test_paths_of_a_stiff_cubic_drift_stay_where_euler_maruyama_leaves():
    well = sk.Dynamics({X: -(X**3)}, {X: 1}, hamiltonian=X**4 / 4)
    given = {"step_size": 0.5, "steps": 50, "chains": 50}
    for scheme in ("TamedEuler", "ImplicitEuler"):
        run = sk.simulate(well, 6.0, scheme=scheme, burn_in=20, **given)
        assert np.abs(run.samples["x"]).max() < 12 and run.scheme == scheme
    with pytest.raises(DivergenceError):
        sk.simulate(well, 6.0, scheme="EM", **given)


def test_an_implicit_step_has_the_slope_of_its_solution():
    with jax.enable_x64(True):
        end = lambda k: jnp.sum(stepped("ImplicitEuler", 0.5, k)["x"] ** 2)  # noqa: E731
        slope, width = float(jax.grad(end)(4.0)), 1e-5
        difference = float(end(4.0 + width) - end(4.0 - width)) / (2 * width)
    assert abs(slope - difference) < 1e-6 * abs(difference)


def test_theory_refuses_them_in_words_and_the_table_lists_them():
    for scheme, reason in (("TamedEuler", "power series"), ("backward Euler", "solves equations")):
        with pytest.raises(SchemeError, match=reason):
            sk.order(CUBIC, scheme)
    assert {"TamedEuler", "ImplicitEuler"} <= set(sk.schemes.names(CUBIC))
    assert "ImplicitEuler" not in sk.schemes.names(sk.catalog.get("hamiltonian"))
    data = sk.Minibatch(lambda q: 0.0, lambda q, x: -((q - x) ** 2), jnp.arange(9.0), batch_size=3)
    overdamped = sk.catalog.get("overdamped")
    with pytest.raises(SimulationError, match="minibatch"):
        sk.simulate(
            overdamped, np.zeros(1), potential=data, scheme="ImplicitEuler", step_size=0.1, steps=2
        )


@pytest.mark.parametrize("scheme", ["TamedEuler", "ImplicitEuler"])
def test_noise_without_drift_moves_as_by_euler_maruyama(scheme):
    x, y = sk.scalar("x"), sk.scalar("y")
    noise = sk.Dynamics(drift={x: 0, y: 0}, noise={x: [1, 0], y: [0, x]})
    options = {"step_size": 0.1, "steps": 5, "seed": 3}
    ends = [
        sk.simulate(noise, {"x": 1.0, "y": 0.0}, scheme=name, **options) for name in (scheme, "EM")
    ]
    for name in ("x", "y"):
        assert np.array_equal(ends[0].samples[name], ends[1].samples[name])
