"""Steps with a memory: right ones are right, stale gradients and repeated noise are found."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.auditing.own_states import _Off

FAST = {"states": 4, "draws": 80_000, "chains": 0}
overdamped, langevin = sk.catalog.get("overdamped"), sk.catalog.get("langevin")


def height(q):
    return jnp.sum((q**2 - 1) ** 2) / 4


force = jax.grad(height)


def audited(step, dynamics, **carried):
    """The audit of a step on a state with what it carries; `carried` are functions of theta."""
    return sk.audit(
        step,
        dynamics,
        potential=height,
        parameters={} if dynamics is overdamped else {"A": 1.0},
        to_state=lambda b: {**b, **{name: f(b["theta"]) for name, f in carried.items()}},
        from_state=lambda s: {name: s[name] for name in ("theta", "p") if name in s},
        **FAST,
    )


def test_the_last_normals_may_be_used_again():
    """Leimkuhler-Matthews: its first step has a fourth of the noise's variance."""

    def step(key, state, h):
        r = jax.random.normal(key, state["theta"].shape)
        noise = jnp.sqrt(h / 2) * (state["r"] + r)
        return {"theta": state["theta"] - h * force(state["theta"]) + noise, "r": r}

    found = audited(step, overdamped, r=jnp.zeros_like)
    assert found.is_consistent, str(found)
    assert "steps from own states" in found.checks


def test_of_the_last_normals_half_is_too_little():
    """Twin: the mean of the last two normals without the factor sqrt(2) that keeps its sum."""

    def step(key, state, h):
        r = jax.random.normal(key, state["theta"].shape)
        noise = jnp.sqrt(h) * (state["r"] + r) / 2
        return {"theta": state["theta"] - h * force(state["theta"]) + noise, "r": r}

    found = audited(step, overdamped, r=jnp.zeros_like)
    assert found.verdict == "inconsistent"
    assert "variance 0.5" in found.discrepancies[0] or "noise scale" in found.discrepancies[0]


def baoab(is_renewed):
    def step(key, state, h):
        p = state["p"] - h / 2 * state["g"]
        theta = state["theta"] + h / 2 * p
        p = jnp.exp(-h) * p + jnp.sqrt(-jnp.expm1(-2 * h)) * jax.random.normal(key, p.shape)
        theta = theta + h / 2 * p
        g = force(theta) if is_renewed else state["g"]
        return {"theta": theta, "p": p - h / 2 * g, "g": g}

    return step


def test_a_gradient_that_is_carried_and_renewed_is_right():
    found = audited(baoab(is_renewed=True), langevin, g=force)
    assert found.discrepancies == ()
    assert found.checks["steps from own states"]["z"] < 4.5


def test_a_gradient_that_is_never_renewed_is_found():
    """Twin."""
    found = audited(baoab(is_renewed=False), langevin, g=force)
    assert found.verdict == "inconsistent"
    assert "grad(U(theta), theta)" in found.discrepancies[0]
    assert "stale" in found.discrepancies[0]
    assert found.checks["steps from own states"]["z"] > 7


def test_noise_that_comes_again_after_two_steps_is_found():
    """Two normals, used in turn a b a b a b, then two new ones: the first two steps are right."""

    def step(key, state, h):
        new = jax.random.normal(key, state["theta"].shape)
        turn = state["turn"]
        older = jnp.where(turn % 6 < 2, new, state["older"])
        theta = state["theta"] - h * force(state["theta"]) + jnp.sqrt(2 * h) * older
        return {"theta": theta, "older": state["last"], "last": older, "turn": turn + 1}

    carried = {"older": jnp.zeros_like, "last": jnp.zeros_like, "turn": lambda _: jnp.int32(0)}
    found = audited(step, overdamped, **carried)
    assert found.verdict == "inconsistent"
    assert found.checks["steps from own states"]["z"] > 7


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_what_shrinks_with_the_step_is_no_difference(power):
    off = _Off(0.4 * 0.25**power, 0.4, 0.001, 0.001, str)
    assert off.z() == 0


def test_what_does_not_shrink_is_one():
    """Twin."""
    off = _Off(0.4, 0.4, 0.01, 0.01, str)
    assert off.z() > 7
    assert off.resolution(4.5) == pytest.approx(2 * (4.5 * np.hypot(0.01, 0.005) + 0.05))
