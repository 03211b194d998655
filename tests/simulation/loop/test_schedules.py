"""Step-size schedules hit their end points and weights average as they should."""

import itertools

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sdekit.errors import SimulationError
from sdekit.simulation.loop import schedules


@pytest.mark.parametrize("power", [1 / 3, 0.55, 1.0])
def test_robbins_monro_runs_from_first_to_last(power):
    schedule = schedules.robbins_monro(0.2, 0.01, 5_000, power)
    offset = 5_000 / ((0.2 / 0.01) ** (1 / power) - 1)
    scale = 0.2 * offset**power
    for step in (0, 17, 1_000, 5_000):
        np.testing.assert_allclose(schedule(step), scale * (offset + step) ** -power, rtol=1e-5)
    np.testing.assert_allclose([schedule(0), schedule(5_000)], [0.2, 0.01], rtol=1e-5)
    assert np.all(np.diff(schedule(np.arange(0, 5_001, 50))) < 0)


def test_cyclical_steps_start_anew_in_each_cycle():
    schedule = schedules.cyclical(0.1, length=30, cycles=3)
    values = [float(schedule(step)) for step in range(30)]
    np.testing.assert_allclose(values[::10], 0.1, rtol=1e-6)
    np.testing.assert_allclose(values[5], 0.05, rtol=1e-6)
    assert all(a > b for a, b in itertools.pairwise(values[:10]))


def test_an_optax_schedule_is_a_schedule():
    schedule = schedules.as_schedule(optax.exponential_decay(0.1, 100, 0.5))
    np.testing.assert_allclose(schedule(jnp.int32(100)), 0.05, rtol=1e-6)


def test_weighted_mean_is_the_mean_under_the_step_sizes():
    draws = np.arange(12.0).reshape(2, 3, 2)
    found = schedules.weighted_mean(draws, [1.0, 2.0, 1.0])
    np.testing.assert_allclose(found, np.average(draws.mean(0), axis=0, weights=[1, 2, 1]))
    assert schedules.effective_weights([2.0, 1.0]) == pytest.approx(9 / 5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.as_schedule(0.0), "the step size is not positive and finite: found 0"),
        (lambda: schedules.as_schedule("0.1"), "the step size is no number: found '0.1'"),
        (lambda: schedules.as_schedule(lambda t: -1.0), "at step 0 is not positive"),
        (lambda: schedules.as_schedule(lambda t: jnp.ones(3)), "does not give one number"),
        (lambda: schedules.as_schedule(lambda t: float(t)), "cannot be traced"),
        (lambda: schedules.robbins_monro(0.1, 0.1, 10), "needs last < first"),
        (lambda: schedules.robbins_monro(0.1, 0.01, 10, 1.5), "outside"),
        (lambda: schedules.cyclical(0.1, 3, 4), "at least one step per cycle"),
        (lambda: schedules.weighted_mean(np.zeros((2, 3)), [1.0]), "one step size per draw"),
    ],
)
def test_impossible_schedules_are_refused(make, message):
    with pytest.raises(SimulationError, match=message):
        make()
