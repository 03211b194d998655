"""Runs to an end and at times."""

import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.loop.schedules import Grid
from sdekit.simulation.store.stored import read_samples

X = sk.scalar("x")
OU = sk.sampler(sk.Dynamics(drift={X: -X}, diffusion={X: 1}), scheme="EM")
DRIVE = sk.Dynamics(drift={X: sk.cos(sk.time)}, diffusion={})


def simulate(sampler=OU, **given):
    return sk.simulate(sampler, 3.0, **{"step_size": 0.1, "seed": 2, **given})


def test_a_run_to_an_end_is_the_run_of_its_steps_with_the_start_before_it():
    by_steps = simulate(steps=10, chains=2)
    to_end = simulate(t1=1.0, chains=2)
    assert np.array_equal(to_end.samples["x"][:, 1:], by_steps.samples["x"])
    assert np.all(to_end.samples["x"][:, 0] == 3.0)
    np.testing.assert_allclose(to_end.times, np.linspace(0, 1, 11))
    np.testing.assert_allclose(by_steps.times, to_end.times[1:])
    assert to_end.steps == by_steps.steps == 10


def test_steps_are_shortened_so_that_whole_ones_lead_to_the_end():
    run = simulate(t0=1.0, t1=2.05, thin=3)
    # 10.5 steps of 0.1 become 12, of which each third is kept.
    assert run.step_size == pytest.approx(1.05 / 12)
    np.testing.assert_allclose(run.times, np.linspace(1, 2.05, 5))
    assert simulate(t1=0.3).steps == 3  # 0.3 / 0.1 is 2.9999999999999996


@pytest.mark.parametrize("times", [[0, 0.2, 0.4, 1.0], [0.3, 0.6, 0.9], [0.1, 0.5]])
def test_draws_at_times_are_the_states_of_the_run_at_these_times(times):
    whole = simulate(steps=10, chains=3)
    run = simulate(times=times, chains=3)
    np.testing.assert_allclose(run.times, times)
    for place, time in enumerate(times):
        number = round(10 * time)
        exact = whole.samples["x"][:, number - 1] if number else np.full(3, 3.0)
        np.testing.assert_allclose(run.samples["x"][:, place], exact, atol=3e-6)
    assert run.steps == round(10 * times[-1])


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(
    "given", [{"times": [1e5, 1e5 + 0.5, 1e5 + 7]}, {"times": 1e5 + np.arange(5)},
              {"t1": 1e5 + 3, "thin": 7}, {"steps": 300}],
)  # fmt: skip
def test_what_reads_the_time_reads_it_from_t0_on(precision, given):
    """In single precision the time 1e5 has steps of 0.008."""
    run = sk.simulate(DRIVE, 0.0, step_size=0.01, t0=1e5, precision=precision, **given)
    exact = np.sin(run.times) - np.sin(1e5)
    np.testing.assert_allclose(run.samples["x"][0], exact, atol=5e-5)
    # Twin: a clock that begins at 0 would be far off.
    assert np.abs(np.sin(run.times - 1e5) - exact).max() > 0.1


def test_a_grid_of_times_takes_its_steps_and_no_more():
    grid = Grid(np.array([0.0, 1.0, 4.0, 4.5]), np.array([2, 3, 1]))
    assert [float(grid(step)) for step in range(6)] == [0.5, 0.5, 1, 1, 1, 0.5]
    times = [float(grid.time(np.uint32(step))) for step in range(6)]
    assert times == [0, 0.5, 1, 2, 3, 4]


@pytest.mark.parametrize("asked", [{"times": [0, 0.2, 0.4, 1.0, 1.1]}, {"t1": 1.0, "thin": 2}])
def test_a_stored_run_at_times_is_resumed_with_its_start_kept_once(tmp_path, asked):
    plain = simulate(chains=2, **asked).samples["x"]
    store = tmp_path / "run.zarr"
    for resume in (False, True):
        run = simulate(chains=2, store=store, resume=resume, **asked)
        assert np.array_equal(run.samples["x"], plain)
    assert np.array_equal(read_samples(store)["x"], plain)
    with pytest.raises(SimulationError, match="the store holds another run"):
        simulate(chains=2, store=store, resume=True, t1=1.1, step_size=0.11, thin=2)


def test_a_piecewise_law_is_that_of_the_process_at_each_time():
    """Var X(t) = 2 t of dX = sqrt(2) dW at times in any distances, each within 4.5 errors."""
    walk = sk.Dynamics(drift={X: 0}, diffusion={X: 1})
    times = np.array([0.01, 0.5, 0.55, 3.0])
    run = sk.simulate(walk, 0.0, step_size=0.2, times=times, chains=8000, seed=3)
    found = run.samples["x"].var(axis=0)
    z = (found / (2 * times) - 1) / np.sqrt(2 / 8000)
    assert np.abs(z).max() < 4.5
    # Twin: at the next time the variance is another one.
    assert np.abs((found[:-1] / (2 * times[1:]) - 1) / np.sqrt(2 / 8000)).min() > 4.5


REFUSED = {
    "nothing": ({}, "how far does the run go.*found none"),
    "two": ({"steps": 3, "t1": 1.0}, "found steps and t1"),
    "no interval": ({"t1": 0.0}, "ends before it begins"),
    "only the start": ({"times": [0.0]}, "ends before it begins"),
    "the same time twice": ({"times": [1, 1]}, "times do not increase"),
    "before the start": ({"times": [1.0, 2.0], "t0": 1.5}, "times do not increase from the start"),
    "empty": ({"times": []}, "times are no times"),
    "text": ({"times": "abc"}, "times are no times"),
    "truths": ({"times": [True, False]}, "times are no times"),
    "not a number": ({"t1": float("nan")}, "t1 is no time"),
    "t0 that is none": ({"t0": "0", "steps": 3}, "t0 is no time"),
    "burn-in": ({"t1": 1.0, "burn_in": 3}, "a run to a time has no burn-in"),
    "thinned times": ({"times": [1.0, 2.0], "thin": 2}, "times say what is kept"),
    "a schedule": ({"t1": 1.0, "step_size": lambda step: 0.1}, "the step size is wrong"),
    "too many": ({"t1": 1.0, "step_size": 1e-12}, "too many steps"),
    "observables": ({"t1": 1.0, "observables": {"x": lambda b: b["x"]}}, "average over steps"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_says_nothing_or_two_things_is_refused(what):
    given, message = REFUSED[what]
    with pytest.raises(SimulationError, match=message):
        simulate(**given)
