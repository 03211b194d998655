"""First passages: exact laws at large steps, what is noted, what is refused."""

from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.events.brownian_bridge import bridge_passage

CHAINS = 4000
X, Y, DRIFT = sk.scalar("x"), sk.scalar("y"), sk.parameter("m")
WALK = sk.Dynamics(drift={X: DRIFT}, noise={X: 1})
UP = sk.barrier(X, upper=1)


@pytest.fixture(scope="module")
def rising():
    """Brownian motion with drift 1/2 to the level 1, in steps of 1."""
    return sk.simulate(
        WALK, 0.0, parameters={"m": 0.5}, scheme="EM", step_size=1.0, t1=100.0, thin=50,
        chains=CHAINS, events={"out": UP},
    )  # fmt: skip


def test_times_of_drifted_brownian_motion_are_inverse_gaussian_at_a_step_of_one(rising):
    found = rising.events["out"]
    law = stats.invgauss(2.0, scale=1.0)  # mean b/m = 2, shape b^2 = 1
    assert found.censored == 0 and np.all(found.sides == 1)
    assert stats.kstest(found.times, law.cdf).pvalue > 1e-4
    mean, error = found.mean()
    assert abs(mean - 2.0) < 4.5 * error
    share, spread = found.survival([0.5, 3.0])
    assert np.all(np.abs(share - law.sf([0.5, 3.0])) < 4.5 * spread)
    # Twin: the law of a drift that differs by a fifth.
    assert stats.kstest(found.times, stats.invgauss(1 / 0.6, scale=1.0).cdf).pvalue < 1e-4


def test_chains_stay_at_the_level_where_they_stopped(rising):
    np.testing.assert_allclose(rising.samples["x"][:, -1], 1.0, atol=1e-6)
    with pytest.raises(SimulationError, match="beyond the end"):
        rising.events["out"].survival(101.0)
    with pytest.raises(SimulationError, match="4000 of 4000 that have stopped"):
        sk.simulate(WALK, start_from=rising, parameters={"m": 0.5}, step_size=1.0, t1=101.0)


def test_a_function_that_is_not_affine_is_watched_at_the_ends_of_steps_and_says_so(rising):
    plain = sk.simulate(
        WALK, 0.0, parameters={"m": 0.5}, scheme="EM", step_size=1.0, t1=100.0, thin=50,
        chains=CHAINS, events={"out": sk.barrier(X**3, upper=1)},
    )  # fmt: skip
    assert any("not affine" in note for note in plain.notes)
    assert not any("affine" in note for note in rising.notes)
    # Twin: without the correction the passage is late, by 0.58 sqrt(h)/m = 1.2 here.
    assert np.nanmean(plain.events["out"].times) > 2.5


def test_a_price_passes_a_level_with_its_exact_law_at_steps_of_a_quarter():
    price = sk.scalar("s", domain="positive")
    model = sk.Dynamics({price: price / 10}, noise={price: 3 * price / 10})
    given = {"step_size": 0.25, "t1": 1.0, "chains": 4 * CHAINS}
    level = sk.barrier(price, upper=1.25, stop=False)
    run = sk.simulate(model, 1.0, events={"up": level}, **given)
    # log s is a walk with drift 0.1 - 0.3^2 / 2.
    drift, b = 0.055, np.log(1.25)
    law = stats.norm.cdf
    exact = 1 - law((b - drift) / 0.3) + np.exp(2 * drift * b / 0.09) * law((-b - drift) / 0.3)
    share = np.isfinite(run.events["up"].times).mean()
    error = np.sqrt(exact * (1 - exact) / (4 * CHAINS))
    assert abs(share - exact) < 4.5 * error
    assert not any("order of h" in note for note in run.notes)
    # Twin: the law of a volatility that is a tenth larger.
    other = 1 - law((b - drift) / 0.33) + np.exp(2 * drift * b / 0.33**2) * law((-b - drift) / 0.33)
    assert abs(share - other) > 4.5 * error


def test_both_levels_of_a_difference_of_correlated_walks_are_right():
    pair = sk.Dynamics(drift={X: 0, Y: 0}, noise={X: [1, 0], Y: [Fraction(3, 5), Fraction(4, 5)]})
    run = sk.simulate(
        pair, {"x": 0.0, "y": 0.0}, scheme="EM", step_size=0.1, t1=40.0, thin=100, chains=CHAINS,
        events=sk.barrier(X - Y, lower=-1, upper=2),
    )  # fmt: skip
    found = run.events["event"]
    mean, error = found.mean()
    assert abs(mean - 2 / 0.8) < 4.5 * error  # a b / sigma^2
    up = np.mean(found.sides == 1)
    assert abs(up - 1 / 3) < 4.5 * np.sqrt(2 / 9 / CHAINS)
    ends = (run.samples["x"] - run.samples["y"])[:, -1]
    np.testing.assert_allclose(ends, np.where(found.sides == 1, 2.0, -1.0), atol=1e-5)


def test_the_first_of_several_events_stops_a_chain_and_others_are_noted():
    events = {"out": sk.barrier(X, upper=1, lower=-1), "half": sk.barrier(X, upper=0.5, stop=False)}
    asked = {"parameters": {"m": 0.0}, "scheme": "EM", "chains": 500, "events": events}
    times = [0.0, 0.5, 3.0, 20.0]
    run = sk.simulate(WALK, 0.0, step_size=0.1, times=times, **asked)
    out, half = run.events["out"], run.events["half"]
    seen = half.sides == 1
    assert np.all(half.times[seen] <= out.times[seen])
    assert np.all(seen[out.sides == 1])
    assert 0 < half.censored < 500 and out.end == pytest.approx(20.0)
    assert any("had not passed half" in note for note in run.notes)
    # A path within the last interval of the grid stands where it stopped.
    stopped = out.times < 3.0
    np.testing.assert_array_equal(run.samples["x"][stopped, 2], run.samples["x"][stopped, 3])
    with pytest.raises(SimulationError, match="had not by t = 20"):
        half.mean()


def test_events_go_on_in_a_store_and_differ_between_values_of_a_sweep(tmp_path):
    asked = {"scheme": "EM", "step_size": 0.2, "chains": 8, "events": {"out": UP}, "seed": 5}
    swept = {**asked, "sweep": {"m": [0.0, 2.0]}}
    whole = sk.simulate(WALK, 0.0, steps=40, **swept)
    sk.simulate(WALK, 0.0, steps=10, store=tmp_path / "run.zarr", **swept)
    again = sk.simulate(WALK, 0.0, steps=40, store=tmp_path / "run.zarr", resume=True, **swept)
    for first, second in zip(whole, again, strict=True):
        np.testing.assert_array_equal(first.events["out"].times, second.events["out"].times)
    assert whole[1].events["out"].censored < whole[0].events["out"].censored
    with pytest.raises(SimulationError, match="another run"):
        other = {**swept, "events": {"out": sk.barrier(X, upper=2)}}
        sk.simulate(WALK, 0.0, steps=40, store=tmp_path / "run.zarr", resume=True, **other)


def test_a_bridge_without_noise_passes_where_the_line_does():
    passed, share = bridge_passage(jnp.array([1.0, 1.0, -1.0]), jnp.array([-3.0, 0.5, 2.0]), 0.0,
                                   (0.5, 0.3, 0.7))  # fmt: skip
    assert passed.tolist() == [True, False, True]
    np.testing.assert_allclose(share[jnp.array([0, 2])], [0.25, 0.0])


def test_what_has_no_passages_is_refused_in_words():
    n = sk.dim("n")
    v, angle = sk.vector("v", n), sk.scalar("a", domain="circle")
    for wrong, words in [
        ({"function": v, "upper": 1}, "no scalar"),
        ({"function": X}, "no level"),
        ({"function": X, "lower": 2, "upper": 1}, "below the upper"),
        ({"function": X, "upper": float("nan")}, "finite"),
        ({"function": X, "upper": Y}, "no number"),
    ]:
        with pytest.raises(SimulationError, match=words):
            sk.barrier(**wrong)
    asked = {"parameters": {"m": 0.0}, "scheme": "EM", "steps": 10}
    overdamped = sk.Dynamics(drift={X: -(X**3)}, diffusion={X: 1}, hamiltonian=X**4 / 4)
    turning = sk.Dynamics(drift={angle: 1}, noise={angle: 1})
    for dynamics, other, words in [
        (overdamped, {"noise": "weak", "parameters": None}, "no normals"),
        (WALK, {"burn_in": 5}, "burn_in"),
        (WALK, {"step_size": lambda k: 0.1 / (1 + k)}, "schedule"),
        (WALK, {"events": sk.barrier(Y, upper=1)}, "no variable"),
        (WALK, {"events": sk.barrier(X, upper=sk.time)}, "float64"),
        (WALK, {"events": [1]}, "no barriers"),
        (overdamped, {"scheme": "MALA", "parameters": None}, "proposals"),
        (turning, {"events": sk.barrier(angle, upper=1), "parameters": None}, "a circle"),
    ]:
        with pytest.raises(SimulationError, match=words):
            sk.simulate(dynamics, 0.0, **{"step_size": 0.1, "events": UP, **asked, **other})


def test_a_level_may_move_with_the_time():
    # A level 1 - t/2 meets a walk without drift as a level 1 does one with drift 1/2.
    level = sk.barrier(X, upper=1 - sk.time / 2)
    run = sk.simulate(
        WALK, 0.0, parameters={"m": 0.0}, scheme="EM", step_size=1.0, steps=100, thin=100,
        chains=CHAINS, precision="float64", events=level,
    )  # fmt: skip
    mean, error = run.events["event"].mean()
    assert abs(mean - 2.0) < 4.5 * error
