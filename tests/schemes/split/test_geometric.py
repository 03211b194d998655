"""Geometric Brownian motion as a letter of its own: where it is seen, and its law."""

import numpy as np
import pytest

import sdekit as sk
from sdekit.schemes.split.flow_records import GeometricBrownian

S, V = sk.scalar("s"), sk.scalar("v")
M, G = sk.parameter("m"), sk.parameter("g", positive=True)
PRICE = sk.Dynamics(drift={S: M * S}, diffusion={S: G**2 * S**2 / 2})
GIVEN = {"parameters": {"m": 0.05, "g": 1.0}, "step_size": 0.25, "steps": 8, "thin": 8}


def test_prices_have_one_exact_letter_however_they_are_written():
    for dynamics in (PRICE, sk.Dynamics(drift={S: M * S}, noise={S: G * S})):
        parts = sk.splitting(dynamics)
        assert parts.default_word == "G" and isinstance(parts.part("G").flow, GeometricBrownian)


@pytest.mark.parametrize(
    "dynamics",
    [
        sk.Dynamics(drift={S: M * S}, diffusion={S: G * S}),
        sk.Dynamics(drift={S: M * S}, diffusion={S: 1 + S**2}),
        sk.Dynamics(drift={S: S - S**3}, diffusion={S: S**2}),
        sk.Dynamics(drift={S: 1 - S}, diffusion={S: S**2}),
    ],
)
def test_what_is_no_geometric_motion_gets_no_such_letter(dynamics):
    kinds = {part.kind for part in sk.splitting(dynamics).parts}
    assert "geometric Brownian motion" not in kinds


def test_the_law_is_exact_at_long_steps_and_positive():
    run = sk.simulate(PRICE, 1.0, chains=4000, **GIVEN)
    logs = np.log(np.asarray(run.samples["s"], float)[:, -1])
    assert run.scheme == "G"
    # log s is normal with mean (m - g^2 / 2) t = -0.9 and variance g^2 t = 2.
    assert abs(logs.mean() + 0.9) < 4.5 * np.sqrt(2 / 4000)
    assert abs(logs.var() - 2) < 4.5 * 2 * np.sqrt(2 / 4000)


def test_euler_maruyama_would_fail():
    """Twin: at h = 1/4 and g = 1 prices become negative."""
    run = sk.simulate(PRICE, 1.0, chains=4000, scheme="EM", **GIVEN)
    assert (np.asarray(run.samples["s"])[:, -1] < 0).mean() > 0.01


def test_a_volatility_that_moves_is_frozen_while_the_price_moves():
    """v relaxes to 1 and drives s: the mean of s stays 1, as s is a martingale."""
    model = sk.Dynamics(drift={S: 0, V: 1 - V}, diffusion={S: V**2 * S**2 / 50, V: G / 100})
    parts = sk.splitting(model)
    assert isinstance(parts.part("G").flow, GeometricBrownian)
    run = sk.simulate(
        model, {"s": 1.0, "v": 0.5}, parameters={"g": 1.0}, step_size=0.1, steps=20, thin=20,
        chains=4000,
    )  # fmt: skip
    ends = np.asarray(run.samples["s"], float)[:, -1]
    assert (ends > 0).all() and abs(ends.mean() - 1) < 4.5 * ends.std() / np.sqrt(4000)
