"""Solutions at times that are no steps."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.solvers.saved_times import grid_with

N = sk.dim("n")
W = sk.vector("w", N)
WIENER = sk.Dynamics(drift={W: 0}, noise={W: 1})
X = sk.scalar("x")
OU = sk.Dynamics(drift={X: -X}, noise={X: 1})
PATHS = 4000
TIMES = np.array([0.2, 0.5, 0.7, 1.0], np.float32)


def z_of_variances(values, variances):
    """Standard errors between sample variances (of PATHS normals) and the exact ones."""
    found = np.asarray(values, float).var(axis=1)
    return (found / variances - 1) / np.sqrt(2 / PATHS)


@pytest.mark.parametrize("given", [{}, {"path": "tree"}])
def test_a_wiener_process_has_its_variance_between_steps(given):
    problem = sk.to_diffrax(WIENER, jnp.zeros(PATHS), t1=1.0, **given)
    found = problem.solve(t1=1.0, dt0=0.5, saveat=diffrax.SaveAt(ts=TIMES)).ys
    assert np.abs(z_of_variances(found, TIMES)).max() < 4.5
    increments = np.diff(np.asarray(found), axis=0)
    assert np.abs(z_of_variances(increments, np.diff(TIMES))).max() < 4.5


def test_interpolation_between_steps_would_not_have_it():
    """Twin: diffrax's own call, which interpolates."""
    p = sk.to_diffrax(WIENER, jnp.zeros(PATHS), t1=1.0)
    found = diffrax.diffeqsolve(
        p.terms, p.solver, 0.0, 1.0, 0.5, p.y0, saveat=diffrax.SaveAt(ts=TIMES), adjoint=p.adjoint
    ).ys
    assert np.abs(z_of_variances(found, TIMES)).max() > 7


def test_times_may_be_numbers_also_inside_jit():
    problem = sk.to_diffrax(WIENER, jnp.zeros(2), t1=1.0)

    def ends(saveat):
        return problem.solve(t1=1.0, dt0=0.5, saveat=saveat).ys

    assert jax.eval_shape(lambda: ends(TIMES.tolist())).shape == (4, 2)
    with pytest.raises(SimulationError, match=r"traced.*saveat="):
        jax.eval_shape(lambda: ends(diffrax.SaveAt(ts=TIMES)))
    for wrong in ("ends", [0.5, 0.25], [[0.5]], float("nan")):
        with pytest.raises(SimulationError, match="numbers that increase"):
            ends(wrong)


def test_chosen_steps_come_to_the_times_as_well():
    problem = sk.to_diffrax(OU, 1.0, t1=1.0, adaptive=True)
    times = jnp.array([0.125, 0.3, 0.9])
    saveat = diffrax.SaveAt(subs=[diffrax.SubSaveAt(ts=times), diffrax.SubSaveAt(steps=True)])
    found = problem.solve(t1=1.0, dt0=0.25, saveat=saveat, max_steps=256)
    steps = np.asarray(found.ts[1])
    assert np.all(np.abs(steps[None] - np.asarray(times)[:, None]).min(axis=1) < 1e-6)


def test_chosen_steps_with_general_noise_come_back_to_rejected_times():
    a, b, c = (sk.scalar(name) for name in "abc")
    area = sk.Dynamics(drift={a: 0, b: 0, c: 0}, noise={a: [1, 0], b: [0, 1], c: [-b, a]})
    start = {"a": 0.0, "b": 0.0, "c": 0.0}
    controller = sk.to_diffrax(area, start, t1=1.0, adaptive=True).stepsize_controller
    assert controller.store_rejected_steps
    # Twin: noise that commutes needs none.
    usual = sk.to_diffrax(OU, 0.0, t1=1.0, adaptive=True).stepsize_controller
    assert isinstance(usual, diffrax.PIDController)


def test_times_that_are_steps_to_rounding_make_no_step_of_their_own():
    tenths = np.arange(1, 10) * np.float32(0.1)
    assert len(grid_with(tenths.astype(float), 0.0, 1.0, 0.1)) == 11
    assert grid_with(np.array([0.0, 1.0]), 0.0, 1.0, 0.5).tolist() == [0, 0.5, 1]
    assert grid_with(np.array([1 - 1e-9]), 0.0, 1.0, 0.5).tolist() == [0, 0.5, 1]


def test_without_noise_diffrax_interpolates_as_it_does():
    still = sk.to_diffrax(sk.Dynamics(drift={X: -X}, diffusion={}), 1.0, t1=1.0)
    found = still.solve(t1=1.0, dt0=0.1, saveat=diffrax.SaveAt(ts=TIMES))
    np.testing.assert_allclose(np.asarray(found.ys)[:, 0], np.exp(-TIMES), rtol=1e-4)


def _traced_times(problem):
    jax.jit(lambda ts: problem.solve(t1=1.0, dt0=0.5, saveat=diffrax.SaveAt(ts=ts)).ys)(TIMES)


REFUSED = {
    "dense output": (
        {},
        lambda p: p.solve(t1=1.0, dt0=0.5, saveat=diffrax.SaveAt(dense=True)),
        "dense output",
    ),
    "outside": (
        {},
        lambda p: p.solve(t1=0.5, dt0=0.1, saveat=diffrax.SaveAt(ts=[0.2, 0.6])),
        "outside the interval",
    ),
    "too close for the tree": (
        {"path": "tree"},
        lambda p: p.solve(t1=1.0, dt0=0.5, saveat=diffrax.SaveAt(ts=[0.3, 0.30001])),
        "closer together than the Brownian tree",
    ),
    "traced": ({}, _traced_times, "is traced"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_be_interpolated_without_a_word_is_refused(what):
    given, call, message = REFUSED[what]
    with pytest.raises(SimulationError, match=message):
        call(sk.to_diffrax(OU, 0.0, t1=1.0, **given))
