"""Inputs given by tables."""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DivergenceError, SimulationError

X = sk.scalar("x")
U = sk.function("u", sk.time)
DRIVEN = sk.Dynamics(drift={X: U}, diffusion={})


def end(table, t0=0.0, **given):
    run = sk.simulate(DRIVEN, 0.0, functions={"u": table}, t0=t0, **given)
    return run.samples["x"][0]


@pytest.mark.parametrize("t0", [0.0, 1e5])
def test_a_run_with_the_jumps_among_its_times_integrates_a_step_function_exactly(t0):
    """Jumps at 0.3 and 0.7 are no multiples of the step; t0 is large for single precision."""
    table = sk.tabulated(t0 + np.array([0.0, 0.3, 0.7]), [1.0, -2.0, 4.0])
    found = end(table, t0, step_size=0.125, times=t0 + np.array([0.3, 0.7, 1.0]))
    np.testing.assert_allclose(found, [0.3, -0.5, 0.7], atol=1e-6)
    # Twin: steps across the jumps are off by a share of the jump.
    across = end(table, t0, step_size=0.125, times=t0 + np.array([1.0]))
    assert abs(across[-1] - 0.7) > 0.05


def test_a_line_is_integrated_by_the_midpoint_of_each_step():
    table = sk.tabulated([0.0, 1.0, 2.0], [0.0, 2.0, 0.0], kind="linear")
    assert [float(table(t)) for t in (0.0, 0.25, 1.5, 2.0)] == [0, 0.5, 1, 0]
    np.testing.assert_allclose(end(table, step_size=0.125, t1=2.0)[-1], 2.0, atol=0.02)


def test_a_table_of_vectors_has_the_shape_of_its_entries():
    v = sk.vector("v", 2)
    driven = sk.Dynamics(drift={v: sk.function("u", sk.time, shape=(2,))}, diffusion={})
    table = sk.tabulated([0.0, 1.0], [[1.0, 2.0], [0.0, -1.0]])
    run = sk.simulate(driven, np.zeros(2), functions={"u": table}, step_size=0.25, t1=2.0)
    np.testing.assert_allclose(run.samples["v"][0, -1], [1.0, 1.0], atol=1e-6)


def test_outside_of_the_table_there_is_no_value():
    """Before the first time, and behind the end of a line."""
    step, line = (
        sk.tabulated([1.0, 2.0], [3.0, 4.0]),
        sk.tabulated([1.0, 2.0], [3.0, 4.0], "linear"),
    )
    assert jnp.isnan(step(0.5)) and jnp.isnan(line(0.5)) and jnp.isnan(line(2.5))
    assert float(step(9.0)) == 4.0
    with pytest.raises(DivergenceError):
        end(line, t0=1.0, step_size=0.25, t1=4.0)


@pytest.mark.parametrize(
    ("times", "values", "kind", "message"),
    [
        ([0, 1], [1, 2, 3], "previous", "make no table"),
        ([], [], "previous", "make no table"),
        ([0], [1], "linear", "two at least"),
        ([0, 0], [1, 2], "previous", "do not increase"),
        ([0, 1], [1, np.nan], "previous", "not finite"),
        ([0, 1], ["a", "b"], "previous", "holds numbers"),
        ([0, 1], [1, 2], "cubic", "unknown kind"),
    ],
)
def test_what_is_no_table_is_refused(times, values, kind, message):
    with pytest.raises(SimulationError, match=message):
        sk.tabulated(times, values, kind)


def test_a_jump_inside_a_step_is_noted_and_one_between_steps_is_exact():
    u, x = sk.function("u", sk.time), sk.scalar("x")
    given = {"functions": {"u": sk.tabulated([0.0, 1.0, 3.0], [5.0, 0.0, 2.0])}, "chains": 1}
    moved = sk.Dynamics({x: u}, {x: 0})
    for how, inside in (
        ({"step_size": 0.25, "steps": 16}, 0),
        ({"step_size": 0.3, "times": [1.0, 3.0, 4.0]}, 0),
        ({"step_size": 0.7, "t1": 4.0}, 1),
    ):
        run = sk.simulate(moved, 0.0, **given, **how)
        error = abs(float(run.samples["x"][0, -1]) - 7)
        # Where a step holds a jump the value of its middle, or beginning, counts for all of it.
        assert (error > 0.1) if inside else (error < 1e-5)
        assert any("jumps inside" in note for note in run.notes) == bool(inside)
