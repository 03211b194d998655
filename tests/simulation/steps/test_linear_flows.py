"""Exact linear flows against independent high-precision references."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.linalg

from sdekit.simulation.steps import linear_flows
from sdekit.simulation.steps.linear_flows import (
    covariance_root,
    decay_mean,
    matrix_exponential,
    ornstein_uhlenbeck,
    rotation,
    van_loan,
)

FRICTIONS = [-300.0, -5.0, -1.0, -1e-2, -1e-6, -1e-12, 0.0, 1e-12, 1e-6, 1e-3, 0.7, 12.4, 12.6, 3e3]
H = 0.01


def exact_flow(friction):
    with mpmath.workdps(40):
        xi, h = mpmath.mpf(friction), mpmath.mpf(H)
        if xi == 0:
            return 1.0, float(h), float(2 * h)
        decay = mpmath.exp(-xi * h)
        return float(decay), float((1 - decay) / xi), float((1 - decay**2) / xi)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 4e-7), ("float64", 1e-15)])
def test_the_friction_flow_is_exact_near_at_and_below_zero(dtype, tolerance):
    with jax.enable_x64(True):
        friction = jnp.asarray(FRICTIONS, dtype)
        found = np.stack(ornstein_uhlenbeck(friction, jnp.asarray(H, dtype)))
        given = np.asarray(friction, np.float64)
    exact = np.array([exact_flow(xi) for xi in given]).T
    # h itself is rounded in single precision, which changes e^{-xi h} by |xi| h times that.
    amplified = 1 + np.abs(given) * H
    assert np.all(np.abs(found - exact) <= 8 * tolerance * amplified * np.maximum(1, np.abs(exact)))


def test_the_textbook_formula_would_fail_the_check():
    """Twin: A (1 - e^{-2 xi h}) / xi without care loses everything at xi = 1e-6."""
    naive = (1 - np.exp(np.float32(-2e-6 * H))) / np.float32(1e-6)
    assert abs(naive - exact_flow(1e-6)[2]) > 1e-3


def test_the_mean_decay_is_smooth_where_series_and_formula_meet():
    with jax.enable_x64(True):
        y = jnp.asarray([0.125 - 1e-9, 0.125 + 1e-9, -0.125 - 1e-9, -0.125 + 1e-9])
        found = np.asarray(decay_mean(y))
    assert np.allclose(found, -np.expm1(-np.asarray(y)) / np.asarray(y), rtol=1e-15, atol=0)


def exponential_error(matrix):
    """Relative error of the exponential."""
    with jax.enable_x64(True):
        found = np.asarray(matrix_exponential(jnp.asarray(matrix)), np.float64)
    with mpmath.workdps(40):
        exact = np.array(mpmath.expm(mpmath.matrix(matrix.tolist())).tolist(), float)
    return np.linalg.norm(found - exact, 1) / np.linalg.norm(exact, 1)


@pytest.mark.parametrize(("dtype", "rounding"), [("float32", 2.0**-24), ("float64", 2.0**-53)])
@pytest.mark.parametrize("norm", [1e-3, 0.9, 1.0, 30.0])
def test_the_exponential_of_a_matrix_is_exact_to_rounding(dtype, rounding, norm):
    """Squaring doubles a relative error, so that it may grow like the norm."""
    matrix = np.random.default_rng(0).standard_normal((4, 4))
    matrix = (matrix * (norm / np.linalg.norm(matrix, 1))).astype(dtype)
    equal = np.full((4, 4), norm / 4, dtype)  # whose powers are as large as they can be
    for given in (matrix, equal):
        assert exponential_error(given) < 16 * rounding * max(1.0, norm)


@pytest.mark.parametrize(("dtype", "rounding"), [("float32", 2.0**-24), ("float64", 2.0**-53)])
def test_a_shorter_series_would_fail_the_check(dtype, rounding, monkeypatch):
    """Twin: with three terms fewer the remainder is above rounding."""
    terms = {kind: count - 3 for kind, count in linear_flows._EXPONENTIAL_TERMS.items()}
    monkeypatch.setattr(linear_flows, "_EXPONENTIAL_TERMS", terms)
    assert exponential_error(np.full((4, 4), 0.25, dtype)) > 64 * rounding


def test_the_exponential_of_what_is_too_large_is_no_number():
    large = jnp.asarray([[-(2.0**18), 2.0**19, np.inf, np.nan]]).T[:, :, None]
    found = np.asarray(jax.vmap(matrix_exponential)(large))[:, 0, 0]
    assert found[0] == 0.0 and np.all(np.isnan(found[1:]))


def quadrature(matrix, diffusion, force, h, points=400):
    """Propagator, shift and covariance by Gauss-Legendre quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(points // 10)
    times, weights = (nodes + 1) * h / 2, weights * h / 2
    flows = [scipy.linalg.expm(matrix * t) for t in times]
    covariance = sum(w * f @ (2 * diffusion) @ f.T for w, f in zip(weights, flows, strict=True))
    shift = sum(w * f @ force for w, f in zip(weights, flows, strict=True))
    return scipy.linalg.expm(matrix * h), shift, covariance


def test_van_loan_agrees_with_quadrature_for_a_singular_diffusion():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((3, 3)) - 2 * np.eye(3)
    column = rng.standard_normal((3, 1))
    diffusion, force = column @ column.T, rng.standard_normal(3)
    with jax.enable_x64(True):
        found = jax.jit(van_loan)(matrix, diffusion, force, 0.3)
        propagator, shift, root = (np.asarray(x) for x in found)
    exact = quadrature(matrix, diffusion, force, 0.3)
    assert np.allclose(propagator, exact[0], rtol=0, atol=1e-13)
    assert np.allclose(shift, exact[1], rtol=0, atol=1e-13)
    assert np.allclose(root @ root.T, exact[2], rtol=0, atol=1e-13)


def test_a_root_of_a_singular_covariance_multiplies_back():
    with jax.enable_x64(True):
        covariance = jnp.asarray([[1.0, 2.0], [2.0, 4.0]])
        root = np.asarray(covariance_root(covariance))
    assert np.allclose(root @ root.T, np.asarray(covariance), rtol=0, atol=1e-14)


def test_an_indefinite_covariance_has_no_root():
    assert np.any(np.isnan(covariance_root(jnp.asarray([[1.0, 2.0], [2.0, 1.0]]))))


def test_a_rotation_turns_and_keeps_lengths():
    with jax.enable_x64(True):
        turn = rotation(jnp.asarray([[0.0, -2.0], [2.0, 0.0]]), 0.25)
    angle = 0.5
    expected = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    assert np.allclose(turn, expected, rtol=0, atol=1e-15)
