"""Quadratic targets of any dimension, with gradient noise: closed forms and a simulation."""

from __future__ import annotations

import numpy as np
import pytest

import sdekit.catalog as catalog
from sdekit.errors import SchemeError
from sdekit.schemes.bias.linear_letters import Letter
from sdekit.schemes.bias.linear_step import (
    quadratic_law,
    solve_lyapunov,
    stability_limit,
    stage_maps,
    step_decays,
    step_maps,
)
from tests.schemes.models import langevin, overdamped, sgnht

K, V, H, G = 4.0, 2.0, 0.3, 1.5


def _position_variance(word: str, noise: float = V) -> float:
    law = quadratic_law(
        langevin(), word, stiffness=K, step_size=H, parameters={"A": G}, gradient_covariance=noise
    )
    return float(law.block("theta")[0, 0])


def test_gradient_noise_in_baoab_has_the_known_effect() -> None:
    """1/K + V h^2 coth(gamma h / 2) / (K (4 - K h^2)): the two half kicks share their noise."""
    expected = 1 / K + V * H**2 / np.tanh(G * H / 2) / (K * (4 - K * H**2))
    assert _position_variance("BAOAB") == pytest.approx(expected, rel=1e-12)


def test_two_kicks_with_fresh_noise_would_differ() -> None:
    """Twin: half the noise per kick, drawn twice, has half the effect."""
    expected = 1 / K + V / 2 * H**2 / np.tanh(G * H / 2) / (K * (4 - K * H**2))
    assert abs(_position_variance("BAOAB") - expected) > 0.01


def test_gradient_noise_in_sgld_is_that_of_the_closed_form() -> None:
    law = quadratic_law(overdamped(), "EM", stiffness=K, step_size=H, gradient_covariance=V)
    assert law.covariance[0, 0] == pytest.approx((1 + H * V / 2) / (K * (1 - H * K / 2)), rel=1e-12)


def test_algorithm_1_sees_noise_as_friction_noise() -> None:
    """D = A + h V / 2 in the closed form at frozen friction."""
    D = G + H * V / 2
    momentum = 2 * D / (G * (2 - G * H - K * H**2 / 2))
    law = quadratic_law(
        langevin(),
        "Algorithm1",
        stiffness=K,
        step_size=H,
        parameters={"A": G},
        gradient_covariance=V,
    )
    assert law.block("p")[0, 0] == pytest.approx(momentum, rel=1e-12)
    assert law.block("theta")[0, 0] == pytest.approx((1 - G * H / 2) * momentum / K, rel=1e-12)


def test_commuting_stiffness_and_noise_decouple() -> None:
    stiffness, noise = np.diag([4.0, 2.0]), np.diag([2.0, 5.0])
    law = quadratic_law(
        langevin(), "BAOAB", stiffness=stiffness, step_size=H, parameters={"A": G},
        gradient_covariance=noise,
    )  # fmt: skip
    assert law.block("theta")[0, 0] == pytest.approx(_position_variance("BAOAB"), rel=1e-12)
    assert abs(law.block("theta")[0, 1]) < 1e-14


def test_a_rotation_of_stiffness_and_noise_rotates_the_law() -> None:
    angle = 0.7
    R = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    noise = np.array([[1.0, 0.3], [0.3, 2.0]])
    stiffness = np.diag([4.0, 2.0])

    def law(k: np.ndarray, v: np.ndarray) -> np.ndarray:
        return quadratic_law(
            langevin(),
            "OBABO",
            stiffness=k,
            step_size=H,
            parameters={"A": G},
            gradient_covariance=v,
        ).block("theta")

    turned = law(R @ stiffness @ R.T, R @ noise @ R.T)
    np.testing.assert_allclose(turned, R @ law(stiffness, noise) @ R.T, rtol=1e-10)


def test_a_linear_block_with_memory_samples_the_right_positions() -> None:
    """BAOAB is exact for positions whatever the thermostat, as the memory of a GLE."""
    law = quadratic_law(
        catalog.get("gle"), "BAOAB", stiffness=K, step_size=H, parameters={"lam": 1, "alpha": 2}
    )
    assert law.block("theta")[0, 0] == pytest.approx(1 / K, rel=1e-12)


def test_a_simulation_of_obabo_with_gradient_noise_agrees() -> None:
    """20,000 chains of 200 steps by hand, one gradient per step."""
    source = np.random.default_rng(5)
    chains, c = 20_000, np.exp(-G * H / 2)
    q, p = source.normal(size=chains) / np.sqrt(K), source.normal(size=chains)
    force = -(K * q + np.sqrt(V) * source.normal(size=chains))
    for _ in range(200):
        p = c * p + np.sqrt(1 - c**2) * source.normal(size=chains)
        p = p + H / 2 * force
        q = q + H * p
        force = -(K * q + np.sqrt(V) * source.normal(size=chains))
        p = p + H / 2 * force
        p = c * p + np.sqrt(1 - c**2) * source.normal(size=chains)
    error = (q**2).std() / np.sqrt(chains)
    assert abs((q**2).mean() - _position_variance("OBABO")) / error < 4.5
    # Twin: without gradient noise the prediction is far off.
    assert abs((q**2).mean() - _position_variance("OBABO", noise=0.0)) / error > 7


def test_the_stability_limit_of_the_stiffest_direction_counts() -> None:
    limit = stability_limit(
        langevin(), "BAOAB", stiffness=np.diag([4.0, 25.0]), parameters={"A": 1}
    )
    assert limit == pytest.approx(0.4, rel=1e-6)


@pytest.mark.parametrize("method", ["exact", "rk4", "strang", "euler_maruyama"])
def test_every_way_to_solve_a_stage_agrees_for_short_times(method: str) -> None:
    J, D = np.array([[0.0, 1.0], [-2.0, -1.0]]), np.diag([0.0, 0.5])
    exact, noise = stage_maps("exact", J, D, 1e-3)
    made, made_noise = stage_maps(method, J, D if method != "rk4" else 0 * D, 1e-3)
    assert np.abs(made - exact).max() < 3e-6
    assert method == "rk4" or np.abs(made_noise - noise).max() < 3e-6


@pytest.mark.parametrize("method", ["exact", "rk4", "strang", "euler_maruyama"])
def test_the_maps_of_many_step_sizes_are_those_of_each(method: str) -> None:
    shear = np.array([[0.0, 1.0], [0.0, 0.0]])
    stiff = np.array([[0.0, 1.0], [-2.0, -50.0]])
    none = np.zeros((2, 2))
    letters = [
        Letter(J, none, np.zeros((2, 1)), share, method)
        for J, share in ((shear, 0.5), (stiff, 1.0), (shear, 0.5))
    ]
    sizes = np.geomspace(1e-4, 1e2, 13)
    for size, found in zip(sizes, step_decays(letters, sizes), strict=True):
        M, _ = step_maps(letters, [0], np.zeros((1, 1)), float(size))
        np.testing.assert_allclose(found, M[:2, :2], rtol=1e-9, atol=1e-12 * np.abs(M).max())


def test_a_step_that_overflows_is_unstable() -> None:
    """exp(h J) with a growing direction is beyond all floats at the largest steps of the search."""
    assert stability_limit(langevin(), "BAOAB", stiffness=-1.0, parameters={"A": 1}) is not None


def test_strong_friction_over_a_long_time_does_not_overflow() -> None:
    decay, noise = stage_maps("exact", np.array([[-1e3]]), np.array([[1e3]]), 10.0)
    assert (decay[0, 0], noise[0, 0]) == (0.0, pytest.approx(1.0, rel=1e-9))


def test_an_unstable_step_has_no_law() -> None:
    with pytest.raises(SchemeError, match="no stationary law at this step size"):
        quadratic_law(langevin(), "BAOAB", stiffness=K, step_size=1.1, parameters={"A": 1})
    with pytest.raises(SchemeError, match="spectral radius"):
        solve_lyapunov(np.eye(1), np.eye(1))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stiffness": [[1, 2], [0, 1]], "parameters": {"A": 1}}, "no symmetric matrix"),
        ({"stiffness": 1.0, "parameters": {}}, "not linear with numbers put in"),
        ({"stiffness": 1.0, "parameters": {"A": 1}, "step_size": -1.0}, "not positive"),
        ({"stiffness": 1.0, "parameters": {"A": "x"}}, "value of parameter A is no number"),
        (
            {"stiffness": 1.0, "parameters": {"A": 1}, "gradient_covariance": np.eye(2)},
            "covariance is no symmetric matrix",
        ),
    ],
)
def test_bad_input_is_named(given: dict, message: str) -> None:
    with pytest.raises(SchemeError, match=message):
        quadratic_law(langevin(), "BAOAB", **{"step_size": 0.1, **given})


def test_a_thermostat_is_sent_to_the_mean_field() -> None:
    with pytest.raises(SchemeError, match="see mean_field"):
        quadratic_law(sgnht(), None, stiffness=1.0, step_size=0.1, parameters={"A": 1, "mu": 1})
