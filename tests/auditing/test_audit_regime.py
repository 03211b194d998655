"""Audit where small steps are not seen: fast rates, large drifts, noise that never changes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.auditing.implied_coefficients import RATIOS, Sums, extrapolated
from sdekit.auditing.suspects import noise_text

langevin, overdamped = sk.catalog.get("langevin"), sk.catalog.get("overdamped")
FAST = {"states": 4, "draws": 80_000, "chains": 0}


def normal(theta):
    return theta @ theta / 2


def baoab(friction, warmth=1.0):
    def step(key, state, h):
        theta, p = state["theta"], state["p"]
        p = p - h / 2 * theta
        theta = theta + h / 2 * p
        decay = jnp.exp(-friction * h)
        noise = jax.random.normal(key, p.shape)
        p = decay * p + jnp.sqrt(warmth * -jnp.expm1(-2 * friction * h)) * noise
        theta = theta + h / 2 * p
        return {"theta": theta, "p": p - h / 2 * theta}

    return step


def audited(friction, warmth=1.0, **options):
    values = {"A": friction}
    step = baoab(friction, warmth)
    return sk.audit(step, langevin, potential=normal, parameters=values, **FAST, **options)


@pytest.mark.parametrize("friction", [40.0, 100.0])
def test_a_right_step_for_a_fast_sde_gets_smaller_steps(friction):
    """At h = 0.01 the bound of the bias does not hold: rate times h is 0.4 and more."""
    found = audited(friction, seed=3)
    assert found.discrepancies == ()
    assert found.step_sizes[0] * friction == pytest.approx(0.1, rel=0.01)


def test_a_wrong_step_for_a_fast_sde_is_found():
    """Twin: with noise of 1.5 times the variance."""
    found = audited(40.0, 1.5, seed=3)
    assert found.verdict == "inconsistent"
    assert found.checks["diffusion of p"]["z"] > 7


@pytest.mark.parametrize(("friction", "step_size"), [(10.0, 0.05), (1.0, 0.5), (1000.0, 0.01)])
def test_a_step_size_that_is_too_large_gives_no_evidence(friction, step_size):
    found = audited(friction, step_size=step_size)
    assert found.verdict == "not enough evidence"
    assert f"a step_size of {step_size} is too large" in found.reason
    assert "give at most" in str(found)
    assert found.to_dict()["resolution"] is None


def test_an_exact_flow_of_a_fast_rate_is_not_rejected_at_a_large_step():
    def exact(key, state, h):
        noise = jnp.sqrt(-jnp.expm1(-20 * h) / 10) * jax.random.normal(key, (2,))
        return {"theta": state["theta"] * jnp.exp(-10 * h) + noise}

    found = sk.audit(exact, overdamped, potential=lambda q: 5 * q @ q, step_size=0.05, **FAST)
    assert found.verdict == "not enough evidence"


def test_values_that_follow_no_power_of_the_step_bound_the_bias_themselves():
    """(1 - e^-2x)/2x at x = 0.6, 1.2, 2.4: the limit is 1, and the table alone says 0.86(10)."""
    x = 0.6 * RATIOS
    value, bound = extrapolated(-np.expm1(-2 * x) / (2 * x), RATIOS, np.array(1e-3))
    assert abs(value - 1) <= bound
    _, without = extrapolated(-np.expm1(-2 * x) / (2 * x), RATIOS)
    assert abs(value - 1) > without


def euler(stiffness, centre, warmth=1.0):
    def step(key, state, h):
        noise = jnp.sqrt(2 * warmth * h) * jax.random.normal(key, state["theta"].shape)
        return {"theta": state["theta"] - h * stiffness * (state["theta"] - centre) + noise}

    return step


def audited_euler(stiffness, centre, warmth=1.0):
    def potential(theta):
        return stiffness * (theta - centre) @ (theta - centre) / 2

    step = euler(stiffness, centre, warmth)
    return sk.audit(step, overdamped, potential=potential, seed=5, **FAST)


@pytest.mark.parametrize(("stiffness", "centre"), [(1.0, 3e3), (1.0, 1e4), (1e4, 0.0)])
def test_a_drift_that_is_large_against_the_noise_hides_no_noise(stiffness, centre):
    found = audited_euler(stiffness, centre)
    assert found.is_consistent, str(found)


def test_wrong_noise_under_a_large_drift_is_found():
    """Twin: a variance 5 % too large."""
    found = audited_euler(1.0, 1e4, 1.05)
    assert found.verdict == "inconsistent"
    assert found.checks["diffusion of theta"]["z"] > 7


def test_the_rounding_of_a_state_far_out_is_no_drift():
    """Increments of 2e-3 at a state of 1e5 are rounded to multiples of 8e-3."""
    points = np.full((1, 1), 1.0e5, dtype=np.float32)
    sums = Sums(lambda key, z, h: z + jnp.float32(0.2) * h, points, 0.01, 0)
    sums.add(1000)
    found = sums.estimate()
    assert abs(found.drift[0, 0] - 0.2) > 0.01
    assert abs(found.drift[0, 0] - 0.2) <= found.drift_bias[0, 0]


def test_noise_of_a_constant_key_is_told_as_none():
    def step(key, state, h):
        return baoab(1.0)(jax.random.key(0), state, h)

    found = sk.audit(step, langevin, potential=normal, parameters={"A": 1.0}, **FAST)
    assert found.verdict == "inconsistent"
    assert any(text.startswith("p gets no noise") for text in found.discrepancies)


def text_of(powers, factor):
    """The noise text where the scale is factor * h^(power / 2) from step to step."""
    steps = 0.01 * RATIOS
    variance = factor**2 * steps[0] ** (powers[0] - 1) / 2 * np.ones(3)
    for k in (1, 2):
        variance[k] = variance[k - 1] * 2.0 ** (powers[k - 1] - 1)
    return noise_text("p", variance, 1.0, "1", steps, {})


@pytest.mark.parametrize(
    ("powers", "text"),
    [
        ((0, 0), "noise scale of p is 0.3 where"),
        ((2, 2), "noise scale of p is h*0.3 where"),
        ((3, 3), "noise scale of p is h**(3/2)*0.3 where"),
        ((1, 1), "noise scale of p is sqrt(0.09*h) where"),
        ((-8, -8), "at a step size of 0.01"),
        ((0, 3), "at a step size of 0.01"),
    ],
)
def test_powers_of_the_step_size_are_named_only_where_they_fit(powers, text):
    assert text in text_of(powers, 0.3)
    assert "-8" not in text_of(powers, 0.3)


@pytest.mark.parametrize("variance", [0.0, -1e-9])
def test_a_variance_of_nothing_is_no_noise(variance):
    text = noise_text("p", np.full(3, variance), 1.0, "1", 0.01 * RATIOS, {"A": 2.0})
    assert text.startswith("p gets no noise")
