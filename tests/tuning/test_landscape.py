"""Modes, their weights and heavy tails are found before any chain runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdekit.tuning.landscape import Surveyor, heavy_tail, heavy_value, survey
from sdekit.tuning.sampled_target import target_of


def found(potential, d, chains=4):
    with jax.enable_x64(True):
        return survey(Surveyor(target_of(potential, np.zeros(d), None)), chains, 0)


def mixture(log_odds, width):
    def potential(x):
        left = -0.5 * jnp.sum((x + 4) ** 2)
        right = log_odds - 0.5 * jnp.sum((x - 4) ** 2) / width**2 - x.size * jnp.log(width)
        return -jnp.logaddexp(left, right)

    return potential


def test_modes_carry_their_weights():
    modes = found(mixture(1.5, 0.5), 2).modes
    assert [round(float(mode.point[0]), 2) for mode in modes] == [4.0, -4.0]
    assert modes[0].log_weight - modes[1].log_weight == pytest.approx(1.5, abs=1e-3)


def test_a_target_that_falls_without_end_is_asked_for_its_sign():
    """Twin: a flat one ends in no mode either, and its sign may be right."""
    falling, flat = found(lambda x: -jnp.sum(x**2), 2), found(lambda x: 0 * jnp.sum(x), 2)
    assert "is it *minus* the log density?" in falling.notes[-1]
    assert flat.notes[-1] == "no descent ended in a mode"


def test_a_mode_without_weight_is_left_out_and_said_so():
    """Twin of the one before, with other odds."""
    landscape = found(mixture(-20.0, 0.5), 2)
    (mode,) = landscape.modes
    assert mode.point[0] == pytest.approx(-4, abs=1e-3)
    assert any("about e^-20 of the weight is left out" in note for note in landscape.notes)


def test_the_metric_at_a_mode_is_the_inverse_hessian_and_starts_are_dispersed():
    P = np.array([[4.0, 1.9], [1.9, 1.0]]) * 1e6
    landscape = found(lambda x: (x - 3) @ P @ (x - 3) / 2, 2, chains=50)
    np.testing.assert_allclose(landscape.factor @ landscape.factor.T, np.linalg.inv(P), rtol=1e-6)
    z = np.linalg.solve(landscape.factor, (landscape.starts - 3).T)
    assert 1.2 < z.std() < 1.8  # 1.5, with a standard error of 0.11


def student(nu, d):
    return lambda x: (nu + d) / 2 * jnp.log1p(jnp.sum(x**2) / nu)


HEAVY = {
    "Cauchy in each coordinate": lambda x: jnp.sum(jnp.log1p(x**2)),
    "Student t, 2 degrees of freedom": student(2, 3),
    "flat along a coordinate": lambda x: jnp.sum(x[:2] ** 2),
}
LIGHT = {
    "Student t, 5 degrees of freedom": student(5, 3),
    "Laplace": lambda x: jnp.sum(jnp.sqrt(1 + x**2)),
    "log Gamma": lambda x: jnp.sum(jnp.exp(x) - 2 * x),
    "logistic, cut where it rounds to 0": lambda x: jnp.sum(jnp.minimum(jnp.abs(x), 36.0)),
}


@pytest.mark.parametrize("name", [*HEAVY, *LIGHT])
def test_tails_without_variance_are_told_from_those_with_one(name):
    potential = {**HEAVY, **LIGHT}[name]
    with jax.enable_x64(True):
        surveyor = Surveyor(target_of(potential, np.zeros(3), None))
        said = heavy_tail(surveyor, np.zeros(3), np.eye(3), np.random.default_rng(0))
    assert bool(said) is (name in HEAVY)


@pytest.mark.parametrize(("power", "is_heavy"), [(2.0, True), (3.0, True), (3.5, False)])
def test_a_positive_parameter_without_variance_is_told_by_its_power(power, is_heavy):
    """A density (1 + tau)^-s has a variance for s > 3, though log tau has all moments."""

    def potential(x):
        return power * jnp.log1p(x["tau"]) + jnp.sum(x["z"] ** 2)

    start = {"tau": 1.0, "z": np.zeros(2)}
    with jax.enable_x64(True):
        surveyor = Surveyor(target_of(potential, start, {"tau": "positive"}))
        said = heavy_value(surveyor, surveyor.target.start)
    assert ("of tau falls like" in said) is is_heavy
