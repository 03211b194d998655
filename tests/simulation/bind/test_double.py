"""Time and parameters in double precision inside runs of single precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.simulation.bind.double import epoch, low_half
from sdekit.simulation.bind.jax_reader import Environment, evaluate

X, W = sk.scalar("x"), sk.parameter("w", positive=True)
#: A drive of 5 Hz after 2e7 steps of 0.01.
FREQUENCY, H, NUMBER = 2 * np.pi * 5, 0.01, 20_000_003


def halves(value):
    return np.float32(value), low_half(value)


def driven(expression, with_epoch):
    """The value of an expression at the late time, in a program of single precision."""

    def run(number, w, x, h):
        if not with_epoch:
            time = number.astype(np.float32) * h[0]
            return evaluate(expression, Environment({"x": x, "w": w[0]}, time=time))
        given = epoch(number, h, {"w": w})
        zero = jnp.zeros((), np.float32)
        values = {"x": x, "w": w[0]}
        return evaluate(expression, Environment(values, time=zero, epoch=given))

    found = jax.jit(run)(np.uint32(NUMBER), halves(FREQUENCY), np.float32(0.25), halves(H))
    assert found.dtype == np.float32
    return float(found)


@pytest.mark.parametrize(
    ("expression", "exact"),
    [
        (sk.cos(W * sk.time), lambda a: np.cos(a)),
        (-2 * (X - sk.cos(W * sk.time)), lambda a: -2 * (0.25 - np.cos(a))),
        (sk.sin(3 * X - W * sk.time), lambda a: np.sin(0.75 - a)),
        (sk.grad(sk.sin(X - W * sk.time), X), lambda a: np.cos(0.25 - a)),
    ],
)
def test_a_phase_of_a_million_turns_keeps_its_digits(expression, exact):
    phase = np.remainder(np.float64(NUMBER) * H * FREQUENCY, 2 * np.pi)
    # Two halves leave 2^-48 of a phase of 6e6, the product and the sum a few roundings of double.
    assert abs(driven(expression, True) - exact(phase)) < 1e-6


def test_single_precision_would_have_lost_the_phase():
    """Twin: 2^-24 of 6e6 is a third of a turn's radian."""
    phase = np.float64(NUMBER) * H * FREQUENCY
    assert abs(driven(sk.sin(W * sk.time), False) - np.sin(phase)) > 0.05


@pytest.mark.parametrize("scheme", ["EM", "euler", "heun"])
@pytest.mark.parametrize("chains", [1, 3])
def test_runs_in_single_and_double_precision_see_the_same_drive(scheme, chains):
    """A noiseless integral of cos(w t) with w h = 2e3 + 0.3: single precision sees no drive."""
    drive = sk.Dynamics(drift={X: sk.cos(W * sk.time) - X}, noise={X: sk.parameter("s")})
    given = {
        "parameters": {"w": 2e5 * np.pi + 30.0, "s": 0.0}, "step_size": 0.01, "steps": 4000,
        "scheme": scheme, "chains": chains,
    }  # fmt: skip
    single, double = (
        np.asarray(sk.simulate(drive, 0.0, precision=precision, **given).samples["x"], float)
        for precision in ("float32", "float64")
    )
    assert np.abs(double).max() > 1e-3
    assert np.abs(single - double).max() < 1e-5
