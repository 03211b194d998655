"""Euler-Maruyama keeps its mean and variance at an end where the noise vanishes."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.schemes.split.splitting import splitting
from sdekit.schemes.split.unroll import unroll
from sdekit.simulation.bind.jax_reader import Environment
from sdekit.simulation.steps.stages import stage_of

COUNT, H = 100_000, 0.02
V, U, Y = sk.scalar("v", domain="positive"), sk.scalar("u", domain=(0, 1)), sk.scalar("y")


GROWING = sk.Dynamics(drift={V: (1 - V) / 2}, diffusion={V: V + V**2})
BETWEEN = sk.Dynamics(drift={U: (1 - 2 * U) / 9}, diffusion={U: U * (1 - U) * (1 + U)})


@functools.cache
def stepped(dynamics):
    """The stage of a step, and one compiled step for all starts."""
    (move,) = unroll(splitting(dynamics), "EM")
    stage = stage_of(move.flow, {})
    return stage, jax.jit(lambda given, z, h: stage.apply(Environment(given), z, h, None))


def moved(dynamics, h=H, **start):
    stage, step = stepped(dynamics)
    given = {name: jnp.full(COUNT, value, jnp.float32) for name, value in start.items()}
    z = jax.random.normal(jax.random.key(0), (stage.elements, COUNT))
    found = step(given, z, jnp.float32(h))
    return {name: np.asarray(value, float) for name, value in found.items()}, z


def z_of_mean(values, expected):
    return (values.mean() - expected) / (values.std() / np.sqrt(len(values)))


@pytest.mark.parametrize("v", [0.3, 0.05, 0.02, 0.003])
def test_mean_and_variance_are_those_of_the_plain_step(v):
    """The distances are 8, 3, 2 and less than one standard deviations."""
    found = moved(GROWING, v=v)[0]["v"]
    mean = v + H * (1 - v) / 2
    assert found.min() >= 0
    assert abs(z_of_mean(found, mean)) < 4.5
    assert abs(z_of_mean((found - mean) ** 2, 2 * H * (v + v**2))) < 4.5


def test_a_mirrored_step_has_another_mean():
    """Twin: what a reflection would do."""
    z = np.random.default_rng(0).standard_normal(COUNT)
    v = 0.02
    mirrored = np.abs(v + H * (1 - v) / 2 + np.sqrt(2 * H * (v + v**2)) * z)
    assert abs(z_of_mean(mirrored, v + H * (1 - v) / 2)) > 7


def test_far_from_the_end_the_step_is_the_plain_one():
    found, z = moved(sk.Dynamics(drift={V: 1 - V}, diffusion={V: V + V**2}), h=0.004, v=3.0)
    plain = 3.0 - 2 * 0.004 + np.sqrt(2 * 0.004 * 12) * np.asarray(z[0])
    np.testing.assert_allclose(found["v"], plain, atol=3e-6)


def test_both_ends_of_an_interval_are_kept():
    for u in (0.002, 0.998):
        found = moved(BETWEEN, u=u)[0]["u"]
        assert found.min() >= 0 and found.max() <= 1
        assert abs(z_of_mean(found, u + H * (1 - 2 * u) / 9)) < 4.5


def test_shared_noise_stays_correlated():
    heston = sk.Dynamics(
        drift={V: 1 - V, Y: 0},
        noise={V: [sk.sqrt(V), 0], Y: [-sk.sqrt(V) * 4 / 5, sk.sqrt(V) * 3 / 5]},
    )
    found, _ = moved(heston, v=0.03, y=0.0)
    assert found["v"].min() >= 0
    assert -0.8 < np.corrcoef(found["v"], found["y"])[0, 1] < -0.7


def test_a_drift_that_points_outwards_ends_at_the_end():
    found, _ = moved(sk.Dynamics(drift={V: -1 + 0 * V}, diffusion={V: V + V**2}), v=0.01)
    assert np.all(found["v"] == 0)
