"""Runs in single precision whose steps are small beside the state."""

import numpy as np
import pytest

import sdekit as sk
from sdekit import catalog
from sdekit.errors import SimulationError

X = sk.scalar("x")
DECAY = sk.Dynamics(drift={X: -X}, diffusion={})
SLOW = sk.Dynamics(drift={X: -X}, diffusion={X: 1}, hamiltonian=X**2 / 2)


def end_of(run):
    return np.asarray(run.samples["x"], float)[:, -1]


def test_a_relaxation_keeps_its_rate_at_ten_million_steps_per_unit_of_time():
    steps, h = 2**18, 1e-7
    run = sk.simulate(DECAY, 1.0, step_size=h, steps=steps, thin=steps, scheme="EM")
    # The state is within one rounding of the compensated sum, whose increments have 24 digits.
    assert abs(end_of(run)[0] - np.exp(-h * steps)) < 2 * 2.0**-24


def test_a_plain_sum_would_have_lost_the_rate():
    """Twin: each increment 1e-7 is rounded to two units in the last place, 1.19e-7."""
    x, h = np.float32(1), np.float32(1e-7)
    for _ in range(2**16):
        x = x + h * -x
    assert abs(x - np.exp(-float(h) * 2**16)) > 1e-3


def test_a_walk_with_drift_keeps_its_mean():
    a, s = sk.parameter("a"), sk.parameter("s", positive=True)
    walk = sk.Dynamics(drift={X: a}, noise={X: s})
    given = {
        "parameters": {"a": 10.0, "s": 0.01},
        "step_size": 1e-3,
        "steps": 50_000,
        "thin": 50_000,
    }
    for scheme in (None, "EM"):
        end = end_of(sk.simulate(walk, 0.0, chains=500, scheme=scheme, **given))
        assert abs(end.mean() - 500) < 4.5 * 0.01 * np.sqrt(50 / 500) + 500 * 2.0**-24


def test_a_drift_rounded_alone_would_shift_the_mean():
    """Twin: 0.01 is 328 units in the last place of 500 and a fraction, the same one every time."""
    rng, x = np.random.default_rng(0), np.full(500, 256, np.float32)
    for _ in range(20_000):
        x = x + np.float32(0.01 * np.sqrt(1e-3)) * rng.standard_normal(500, np.float32)
        x = x + np.float32(0.01)
    assert abs(x.mean() - 456) > 7 * 0.01 * np.sqrt(20 / 500)


@pytest.mark.parametrize("scheme", [None, "EM"])
def test_a_decay_of_a_millionth_per_step_keeps_its_rate(scheme):
    """e^{-1e-6} rounds to 1 - 0.954e-6 in single precision, the rate off by 5 %."""
    steps, h = 2**17, 1e-6
    run = sk.simulate(SLOW, 1e4, step_size=h, steps=steps, thin=steps, chains=200, scheme=scheme)
    exact = 1e4 * np.exp(-h * steps)
    assert abs(end_of(run).mean() - exact) < 4.5 * np.sqrt(2 * h * steps / 200) + 1e4 * 2.0**-24
    lost = 1e4 * float(np.float32(np.exp(-h))) ** steps
    assert abs(lost - exact) > 40 * np.sqrt(2 * h * steps / 200)


def test_only_where_steps_are_small_is_care_taken():
    langevin = catalog.get("langevin")
    sampler = sk.sampler(langevin, lambda q: (q**2).sum() / 2, {"A": 1.0})
    usual = sk.simulate(sampler, np.ones(3), step_size=0.01, steps=10)
    small = sk.simulate(sampler, np.ones(3), step_size=1e-5, steps=10)
    free = sk.simulate(DECAY, 1.0, step_size=0.01, steps=10, scheme="EM")
    assert usual.state.cache.rest is None
    assert set(small.state.cache.rest) == {"theta", "p"} and set(free.state.cache.rest) == {"x"}


def test_what_single_precision_cannot_hold_is_refused_with_the_number():
    with pytest.raises(SimulationError, match=r"cannot hold the steps of euler.*found 1\.0e-08"):
        sk.simulate(SLOW, 1.0, step_size=1e-8, steps=10, scheme="euler")
    with pytest.raises(SimulationError, match="the step size vanishes in float32"):
        sk.simulate(SLOW, 1.0, step_size=1e-40, steps=10)
    fine = {"steps": 10, "scheme": "euler", "precision": "float64"}
    assert np.isfinite(end_of(sk.simulate(SLOW, 1.0, step_size=1e-8, **fine))).all()


def test_a_compensated_run_goes_on_from_its_store_bit_by_bit(tmp_path):
    given = {"step_size": 1e-7, "scheme": "EM", "seed": 3, "thin": 100}
    whole = sk.simulate(DECAY, 1.0, steps=400_000, **given)
    sk.simulate(DECAY, 1.0, steps=400_000, store=tmp_path / "run.zarr", **given)
    again = sk.simulate(
        DECAY, 1.0, steps=400_000, store=tmp_path / "run.zarr", resume=True, **given
    )
    assert np.array_equal(whole.samples["x"], again.samples["x"])
