r"""Values and gradients of the losses whose constants stand in `lipschitz`.

Mean losses over m rows of linear predictors z = X w, in NumPy, for one weight vector or many at
once. They are the independent side of the checks of `lipschitz` (maximize the gradient norm, hold
it against the constant) and small enough for experiments; not a training library.

Shapes: X (m, p); y (m,); weights (p, trials), or (p, classes, trials) for softmax.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy import ndarray

#: (logit, label, quantile) -> value or slope, all of shape (m, trials) and (m, 1).
Pointwise = Callable[[ndarray, ndarray, float], ndarray]


def _sigmoid(z: ndarray) -> ndarray:
    return 0.5 * (1 + np.tanh(z / 2))


def _square(z: ndarray, y: ndarray, _tau: float) -> ndarray:
    return (z - y) ** 2 / 2


def _square_slope(z: ndarray, y: ndarray, _tau: float) -> ndarray:
    return z - y


def _logistic(z: ndarray, y: ndarray, _tau: float) -> ndarray:
    return np.logaddexp(0, z) - y * z


def _logistic_slope(z: ndarray, y: ndarray, _tau: float) -> ndarray:
    return _sigmoid(z) - y


def _absolute(z: ndarray, y: ndarray, _tau: float) -> ndarray:
    return np.abs(z - y)


def _absolute_slope(z: ndarray, y: ndarray, _tau: float) -> ndarray:
    return np.sign(z - y)


def _check(z: ndarray, y: ndarray, tau: float) -> ndarray:
    return (y - z) * (tau - (y < z))


def _check_slope(z: ndarray, y: ndarray, tau: float) -> ndarray:
    return (y < z) - tau * np.ones_like(z)


def _log_cosh(z: ndarray, y: ndarray, _tau: float) -> ndarray:
    gap = np.abs(z - y)
    return gap + np.log1p(np.exp(-2 * gap)) - np.log(2)


def _log_cosh_slope(z: ndarray, y: ndarray, _tau: float) -> ndarray:
    return np.tanh(z - y)


def _binary_quantile(z: ndarray, y: ndarray, tau: float) -> ndarray:
    """-log of P(label): p = 1 - tau e^{(tau-1) z} for z >= 0, (1 - tau) e^{tau z} below."""
    up, down = np.maximum(z, 0), np.minimum(z, 0)
    positive = np.where(z >= 0, -np.log1p(-tau * np.exp((tau - 1) * up)), -np.log1p(-tau) - tau * z)
    negative = np.where(
        z >= 0, -np.log(tau) + (1 - tau) * z, -np.log1p(-(1 - tau) * np.exp(tau * down))
    )
    return np.where(y > 0.5, positive, negative)


def _binary_quantile_slope(z: ndarray, y: ndarray, tau: float) -> ndarray:
    up, down = np.exp(-(1 - tau) * np.maximum(z, 0)), np.exp(tau * np.minimum(z, 0))
    positive = np.where(z >= 0, -tau * (1 - tau) * up / (1 - tau * up), -tau)
    negative = np.where(z >= 0, 1 - tau, tau * (1 - tau) * down / (1 - (1 - tau) * down))
    return np.where(y > 0.5, positive, negative)


def _sech_tail(z: ndarray) -> tuple[ndarray, ndarray]:
    """(4/pi) arctan(e^-|z|), the tail beyond |z| of the density (2/pi) sech; and its logarithm."""
    magnitude = np.abs(z)
    small = np.exp(-np.minimum(magnitude, 300.0))
    return (
        4 / np.pi * np.arctan(np.exp(-magnitude)),
        np.log(4 / np.pi * np.arctan(small) / small) - magnitude,
    )


def _smooth_binary_quantile(z: ndarray, y: ndarray, tau: float) -> ndarray:
    """-log of P(latent < z) for label 1, of P(latent > z) for label 0."""
    tail, log_tail = _sech_tail(z)
    lower = np.where(z < 0, np.log(tau) + log_tail, np.log1p(-(1 - tau) * tail))
    upper = np.where(z > 0, np.log1p(-tau) + log_tail, np.log1p(-tau * tail))
    return -np.where(y > 0.5, lower, upper)


def _smooth_binary_quantile_slope(z: ndarray, y: ndarray, tau: float) -> ndarray:
    tail, _ = _sech_tail(z)
    small = np.exp(-np.minimum(np.abs(z), 300.0))
    # Density over tail on the side of the tail, 1 far out; density over the rest on the other.
    hazard = small / ((1 + small**2) * np.arctan(small))
    density = 4 / np.pi * small / (1 + small**2)
    lower = np.where(z < 0, hazard, (1 - tau) * density / (1 - (1 - tau) * tail))
    upper = np.where(z > 0, hazard, tau * density / (1 - tau * tail))
    return np.where(y > 0.5, -lower, upper)


@dataclass(frozen=True)
class PointwiseLoss:
    """A loss of one logit.

    Args:
        value: Loss per row.
        slope: Its derivative in the logit (a subgradient at kinks).
        binary: Whether labels are 0 and 1.
    """

    value: Pointwise
    slope: Pointwise
    binary: bool = False


#: Losses by the names of `lipschitz.LOSSES`; softmax, of several logits, stands apart.
POINTWISE: Mapping[str, PointwiseLoss] = MappingProxyType(
    {
        "least-squares": PointwiseLoss(_square, _square_slope),
        "logistic": PointwiseLoss(_logistic, _logistic_slope, True),
        "mae": PointwiseLoss(_absolute, _absolute_slope),
        "quantile": PointwiseLoss(_check, _check_slope),
        "log-cosh": PointwiseLoss(_log_cosh, _log_cosh_slope),
        "binary-quantile": PointwiseLoss(_binary_quantile, _binary_quantile_slope, True),
        "smooth-binary-quantile": PointwiseLoss(
            _smooth_binary_quantile, _smooth_binary_quantile_slope, True
        ),
    }
)


def mean_loss(
    name: str, design: ndarray, response: ndarray, weights: ndarray, quantile: float = 0.5
) -> ndarray:
    """Mean loss per trial, shape (trials,)."""
    if name == "softmax":
        logits = np.einsum("mp,pkr->mkr", design, weights)
        shifted = logits - logits.max(axis=1, keepdims=True)
        chosen = shifted[np.arange(len(response)), response.astype(int)]
        return (np.log(np.exp(shifted).sum(axis=1)) - chosen).mean(axis=0)
    return POINTWISE[name].value(design @ weights, response[:, None], quantile).mean(axis=0)


def mean_gradient(
    name: str, design: ndarray, response: ndarray, weights: ndarray, quantile: float = 0.5
) -> ndarray:
    """Gradient of the mean loss in the weights, of their shape.

    Checked by: tests/theory/lipschitz/test_losses.py.
    """
    if name == "softmax":
        logits = np.einsum("mp,pkr->mkr", design, weights)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        excess = exponentials / exponentials.sum(axis=1, keepdims=True)
        excess[np.arange(len(response)), response.astype(int)] -= 1
        return np.einsum("mp,mkr->pkr", design, excess) / len(response)
    slopes = POINTWISE[name].slope(design @ weights, response[:, None], quantile)
    return design.T @ slopes / len(response)
