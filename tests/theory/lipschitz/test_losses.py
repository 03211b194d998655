"""Gradients of the losses are the derivatives of their values."""

import numpy as np
import pytest

from sdekit.theory.lipschitz.losses import POINTWISE, mean_gradient, mean_loss

RNG = np.random.default_rng(0)
DESIGN = RNG.normal(size=(9, 3))
REAL = RNG.normal(size=9)
LABELS = (REAL > 0).astype(float)
CLASSES = RNG.integers(0, 4, size=9)


def difference(name, response, weights, quantile, scale=1.0):
    """Largest gap of the gradient to central differences of the value."""
    exact = scale * mean_gradient(name, DESIGN, response, weights, quantile)
    h, found = 1e-6, np.zeros_like(weights)
    for index in np.ndindex(*weights.shape[:-1]):
        step = np.zeros_like(weights)
        step[index] = h
        above = mean_loss(name, DESIGN, response, weights + step, quantile)
        below = mean_loss(name, DESIGN, response, weights - step, quantile)
        found[index] = (above - below) / (2 * h)
    return np.abs(found - exact).max()


@pytest.mark.parametrize("name", [*POINTWISE, "softmax"])
@pytest.mark.parametrize("quantile", [0.2, 0.5])
def test_gradients_agree_with_central_differences(name, quantile):
    shape = (3, 4, 6) if name == "softmax" else (3, 6)
    response = CLASSES if name == "softmax" else LABELS if POINTWISE[name].binary else REAL
    weights = np.random.default_rng(1).normal(size=shape)
    assert difference(name, response, weights, quantile) < 1e-7
    # Twin: half the gradient is no gradient.
    assert difference(name, response, weights, quantile, scale=0.5) > 1e-3


@pytest.mark.parametrize("name", ["binary-quantile", "smooth-binary-quantile"])
@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.8])
def test_binary_quantile_losses_are_log_probabilities(name, quantile):
    z = np.linspace(-5, 5, 41)[:, None]
    loss = POINTWISE[name].value
    chances = [np.exp(-loss(z, np.full_like(z, label), quantile)) for label in (0.0, 1.0)]
    assert np.abs(chances[0] + chances[1] - 1).max() < 1e-14
    # The latent quantile: P(label 1) at logit 0 is 1 - tau, or tau in the smooth convention.
    at_zero = chances[1][20, 0]
    expected = 1 - quantile if name == "binary-quantile" else quantile
    assert at_zero == pytest.approx(expected, abs=1e-14)
    assert (np.diff(chances[1][:, 0]) > 0).all()


def test_log_cosh_is_accurate_far_out():
    far = POINTWISE["log-cosh"].value(np.array([[800.0]]), np.array([[0.0]]), 0.5)
    assert far[0, 0] == pytest.approx(800 - np.log(2), rel=1e-15)
