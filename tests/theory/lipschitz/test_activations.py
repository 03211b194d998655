"""SBAF and A-ReLU satisfy their differential equations, in NumPy and under jax.grad."""

import numpy as np
import pytest

from sdekit.theory.lipschitz import activations

INSIDE = np.linspace(0.02, 0.98, 49)


@pytest.mark.parametrize(("k", "alpha"), [(0.91, 0.5), (2.0, 0.3)])
def test_sbaf_satisfies_its_differential_equation(k, alpha):
    h = 1e-6
    above, below = (activations.sbaf(INSIDE + s, k, alpha) for s in (h, -h))
    slope = (above - below) / (2 * h)
    found = activations.sbaf_derivative(INSIDE, k, alpha)
    assert np.abs(found - slope).max() < 1e-8
    # Twin: with alpha and 1 - alpha exchanged (as a misprint would) it fails.
    wrong = activations.sbaf_derivative(INSIDE, k, 1 - alpha - 0.1)
    assert np.abs(wrong - slope).max() > 1e-2


def test_sbaf_is_smallest_at_alpha_and_one_at_the_ends():
    values = activations.sbaf(INSIDE, 2.0, 0.3)
    assert INSIDE[values.argmin()] == pytest.approx(0.3, abs=0.011)
    lowest = 1 / (1 + 2.0 * 0.3**0.3 * 0.7**0.7)
    assert activations.sbaf(np.array(0.3), 2.0, 0.3) == pytest.approx(lowest)
    assert activations.sbaf(np.array([-5.0, 9.0])) == pytest.approx(1.0, abs=2e-3)
    assert activations.sbaf_derivative(np.array(1e-6)) < -100  # unbounded slope at the ends


def test_sbaf_of_a_sigmoid_is_lipschitz():
    z = np.linspace(-40, 40, 80_001)
    for alpha in (0.3, 0.5):
        values = activations.sbaf_of_sigmoid(z, 2.0, alpha)
        inside = np.abs(z) < 10
        sigmoid = 1 / (1 + np.exp(-z[inside]))
        assert np.abs(values[inside] - activations.sbaf(sigmoid, 2.0, alpha)).max() < 1e-12
        assert np.abs(np.diff(values) / np.diff(z)).max() <= max(alpha, 1 - alpha) / 4


def test_a_relu_satisfies_its_differential_equation():
    x = np.linspace(0.1, 3, 30)
    h = 1e-6
    slope = (activations.a_relu(x + h) - activations.a_relu(x - h)) / (2 * h)
    assert np.abs(activations.a_relu_derivative(x) - slope).max() < 1e-8
    assert activations.a_relu_derivative(x) == pytest.approx(1.30 * activations.a_relu(x) / x)
    assert not activations.a_relu(np.array([-1.0, 0.0])).any()
    # Twin: with exponent 1 it is a scaled ReLU, whose slope is constant.
    assert np.ptp(activations.a_relu_derivative(x, n=1.0)) < 1e-15 < np.ptp(slope)


def test_jax_differentiates_both_without_nan():
    jax = pytest.importorskip("jax")
    points = jax.numpy.asarray([-1.0, 0.0, 0.2, 0.7])
    for function, derivative in (
        (activations.a_relu, activations.a_relu_derivative),
        (activations.sbaf, activations.sbaf_derivative),
    ):
        found = jax.vmap(jax.grad(function))(points)
        assert np.isfinite(found).all()
        exact = np.asarray(derivative(np.asarray(points, dtype=np.float64)))
        assert np.abs(np.asarray(found)[2:] - exact[2:]).max() < 1e-5
