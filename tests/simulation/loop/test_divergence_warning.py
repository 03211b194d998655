"""The runner warns of a step that must diverge, before the run, where the smoothness is known."""

import warnings

import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DivergenceError

x = sk.scalar("x")
BROWNIAN = sk.Dynamics(drift={x: -4 * x}, diffusion={x: 1}, hamiltonian=2 * x**2)
n = sk.dim("n")
theta, p = sk.vector("theta", n), sk.vector("p", n)
LANGEVIN = sk.Dynamics(
    drift={theta: p, p: -4 * theta - p},
    diffusion={p: sk.eye(n)},
    hamiltonian=2 * sk.dot(theta, theta) + sk.dot(p, p) / 2,
    target=2 * sk.dot(theta, theta),
)


def test_euler_maruyama_is_warned_of_beyond_two_over_the_curvature():
    with pytest.warns(RuntimeWarning, match="needs h lambda_max < 2, that is a step below 0.5"):
        sk.simulate(BROWNIAN, 0.0, scheme="EM", step_size=0.51, steps=3, smoothness=4.0)


def test_a_splitting_is_warned_of_beyond_two_over_its_root_and_then_diverges():
    with (
        pytest.warns(RuntimeWarning, match=r"h sqrt\(lambda_max\) < 2, that is a step below 1"),
        pytest.raises(DivergenceError),
    ):
        sk.simulate(LANGEVIN, np.ones(2), scheme="BAOAB", step_size=1.5, steps=2000, smoothness=4.0)


def test_stable_steps_and_unknown_curvature_are_not_warned_of():
    """Twin: below the limit, or where nobody states the curvature, there is silence."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        sk.simulate(BROWNIAN, 0.0, scheme="EM", step_size=0.49, steps=3, smoothness=4.0)
        sk.simulate(BROWNIAN, 0.0, scheme="EM", step_size=0.51, steps=3)
    assert [str(warning.message) for warning in told] == []
