"""Exact linear flows against independent high-precision references."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.linalg

from sdekit.simulation.steps.linear_flows import (
    covariance_root,
    decay_mean,
    linear_flow,
    ornstein_uhlenbeck,
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


def quadrature(matrix, diffusion, force, h, points=400):
    """Propagator, shift and covariance by Gauss-Legendre quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(points // 10)
    times, weights = (nodes + 1) * h / 2, weights * h / 2
    flows = [scipy.linalg.expm(matrix * t) for t in times]
    covariance = sum(w * f @ (2 * diffusion) @ f.T for w, f in zip(weights, flows, strict=True))
    shift = sum(w * f @ force for w, f in zip(weights, flows, strict=True))
    return scipy.linalg.expm(matrix * h), shift, covariance


def test_the_flow_agrees_with_quadrature_for_a_singular_diffusion():
    rng = np.random.default_rng(0)
    matrix = rng.standard_normal((3, 3)) - 2 * np.eye(3)
    column = rng.standard_normal((3, 1))
    diffusion, force = column @ column.T, rng.standard_normal(3)
    with jax.enable_x64(True):
        found = jax.jit(linear_flow)(matrix, diffusion, force, 0.3)
        change, shift, root = (np.asarray(x) for x in found)
    exact = quadrature(matrix, diffusion, force, 0.3)
    assert np.allclose(np.eye(3) + change, exact[0], rtol=0, atol=1e-13)
    assert np.allclose(shift, exact[1], rtol=0, atol=1e-13)
    assert np.allclose(root @ root.T, exact[2], rtol=0, atol=1e-13)


def test_a_root_of_a_singular_covariance_multiplies_back():
    with jax.enable_x64(True):
        covariance = jnp.asarray([[1.0, 2.0], [2.0, 4.0]])
        root = np.asarray(covariance_root(covariance))
    assert np.allclose(root @ root.T, np.asarray(covariance), rtol=0, atol=1e-14)


def test_an_indefinite_covariance_has_no_root():
    assert np.any(np.isnan(covariance_root(jnp.asarray([[1.0, 2.0], [2.0, 1.0]]))))


@pytest.mark.parametrize("rate", [1e-6, 1.0, 16.0, 1e3, 1e6])
def test_single_precision_keeps_the_law_of_a_stiff_memory(rate):
    """U = q^2 / 2 with a memory: E E^T + S S^T = 1 at every h rate; also under vmap and jit."""
    c = np.sqrt(rate)
    matrix = jnp.array([[0, 1, 0], [-1, 0, c], [0, -c, -rate]], "float32")
    flow = jax.vmap(lambda m: linear_flow(m, jnp.diag(jnp.array([0, 0, rate])), None, 1.0))
    change, _, root = (np.asarray(x[0], float) for x in jax.jit(flow)(matrix[None]))
    propagator = np.eye(3) + change
    assert change.dtype == float and root.dtype == float
    assert np.abs(propagator @ propagator.T + root @ root.T - np.eye(3)).max() < 8 * 2.0**-24


def test_a_rotation_turns_and_keeps_lengths():
    with jax.enable_x64(True):
        turn = linear_flow(jnp.asarray([[0.0, -2.0], [2.0, 0.0]]), None, None, 0.25)
    change = np.asarray(turn[0])
    angle = 0.5
    expected = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    assert np.allclose(np.eye(2) + change, expected, rtol=0, atol=1e-15)


def test_a_dense_flow_goes_through_every_nesting_of_vmap_and_jit():
    """In a program of single precision, where JAX would round the products of a batch."""
    matrix = jnp.array([[-1.0, 0.3], [0.0, -2.0]], jnp.float32)
    noise, force = jnp.eye(2, dtype=jnp.float32), jnp.ones(2, jnp.float32)

    def flow(h, scale=1.0):
        return linear_flow(scale * matrix, noise, force, h)

    steps, scales = jnp.array([0.1, 30.0]), jnp.array([1.0, 2.0, 0.5])
    one_by_one = [[flow(h, s) for h in steps] for s in scales]
    nested = jax.vmap(lambda s: jax.vmap(lambda h: flow(h, s))(steps))
    compiled = jax.vmap(jax.jit(jax.vmap(flow, (0, None))), (None, 0))
    for found in (nested(scales), jax.jit(nested)(scales), compiled(steps, scales)):
        for k, part in enumerate(found):
            assert part.dtype == jnp.float32
            exact = np.stack([[row[k] for row in rows] for rows in one_by_one])
            # Rounding of single precision, once, of numbers of at most 1 but for g and S.
            np.testing.assert_allclose(part, exact, rtol=3e-7, atol=3e-7)
