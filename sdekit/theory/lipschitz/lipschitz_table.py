r"""The table of losses behind `lipschitz`: each with its valid, printed and smoothness constant.

Data only, one record per loss; the functions users call stand in `lipschitz`, values and
gradients of the losses in `losses`.

Norms: ||X||_2 spectral; ||X||_F Frobenius, used where the print says ||X|| only.
Source: slides on Lipschitz-adaptive rates; what is valid is derived and tested here.
Checked by: tests/theory/lipschitz/test_rates.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from sdekit.errors import DataError

#: sup of the second derivative of -log F for the hyperbolic secant law (sBQC at quantile 1/2).
SECH_SMOOTHNESS = 0.4163828802021923


@dataclass(frozen=True, eq=False)
class Setting:
    """What a formula may use.

    Args:
        design: X, shape (m, p).
        response: y, shape (m,), or None where the formula does not need it.
        radius: K with ||w|| <= K, or None.
        quantile: tau in (0, 1).
        classes: k >= 2.
    """

    design: np.ndarray
    response: np.ndarray | None
    radius: float | None
    quantile: float
    classes: int

    @property
    def rows(self) -> int:
        """m."""
        return self.design.shape[0]

    @property
    def spectral_norm(self) -> float:
        """||X||_2, from the smaller of the two Gram matrices."""
        tall = self.rows >= self.design.shape[1]
        gram = self.design.T @ self.design if tall else self.design @ self.design.T
        return float(np.sqrt(np.linalg.eigvalsh(gram)[-1]))

    @property
    def unit_slope(self) -> float:
        """Bound for losses of slope at most 1 in the logit: min(||X||_2/sqrt m, mean ||x_i||)."""
        norms = np.linalg.norm(self.design, axis=1)
        return min(self.spectral_norm / np.sqrt(self.rows), float(norms.mean()))

    def need(self, name: str) -> Any:
        """An optional ingredient, or an error that asks for it."""
        value = getattr(self, name)
        if value is None:
            raise DataError(
                f"this constant needs `{name}`",
                fix="pass radius=K, a bound on the norm of the weights"
                if name == "radius"
                else f"pass the {name}",
            )
        return value


@dataclass(frozen=True)
class Loss:
    """A row of the table.

    Args:
        bound: Valid Lipschitz constant.
        formula: It in words of the module.
        paper: The printed constant.
        paper_formula: As printed.
        paper_is_bound: Whether the printed one is valid.
        paper_note: What is wrong with it, or how it is to be read.
        smoothness: Smoothness constant, or None for a loss without one at this setting.
    """

    bound: Callable[[Setting], float]
    formula: str
    paper: Callable[[Setting], float]
    paper_formula: str
    paper_is_bound: bool
    paper_note: str
    smoothness: Callable[[Setting], float | None]


def _quadratic(s: Setting, norm: str | int) -> float:
    gram = s.design.T @ s.design
    target = float(np.linalg.norm(s.design.T @ s.need("response")))
    return (s.need("radius") * float(np.linalg.norm(gram, norm)) + target) / s.rows  # type: ignore[call-overload]


def _log_cosh_bound(s: Setting) -> float:
    if s.radius is None:
        return s.unit_slope
    norms = np.linalg.norm(s.design, axis=1)
    reach = np.tanh(s.radius * norms + np.abs(s.need("response")))
    return min(float((reach * norms).mean()), s.unit_slope)


def _log_cosh_paper(s: Setting) -> float:
    size = float(np.linalg.norm(s.need("response")))
    return float(np.tanh(-size)) * float(np.abs(s.design).max()) / s.rows


def smooth_quantile_slope(tau: float) -> float:
    """Supremum of the slope of the smooth binary quantile loss in its logit."""
    return max(1.0, 2 / np.pi * (1 - tau) / tau, 2 / np.pi * tau / (1 - tau))


def _frobenius(s: Setting) -> float:
    return float(np.linalg.norm(s.design))


def _squared_norm(s: Setting, factor: float) -> float:
    return factor * s.spectral_norm**2 / s.rows


_MEAN = "min(||X||_2/sqrt(m), mean ||x_i||)"
_NETWORK_NOTE = (
    "the slides print no formula for a linear model; this is the network form of their code with "
    "K_z = ||X||. Not an upper bound: the factor is 1/sqrt(m)"
)
_HALF_NOTE = (
    "not an upper bound: 1/2 is the slope at w = 0, its supremum is 1, and dividing ||X|| by m "
    "in place of sqrt(m) shrinks it further"
)

#: All losses by name.
LOSSES: Mapping[str, Loss] = MappingProxyType(
    {
        "least-squares": Loss(
            lambda s: _quadratic(s, 2),
            "K ||X^T X||_2 / m + ||X^T y|| / m",
            lambda s: _quadratic(s, "fro"),
            "K ||X^T X|| / m + ||y^T X|| / m",
            True,
            "valid in every norm above the spectral one; the variant with a minus sign is not",
            lambda s: _squared_norm(s, 1.0),
        ),
        "logistic": Loss(
            lambda s: s.unit_slope,
            _MEAN,
            lambda s: _frobenius(s) / (2 * s.rows),
            "||X|| / (2m)",
            False,
            _HALF_NOTE,
            lambda s: _squared_norm(s, 0.25),
        ),
        "softmax": Loss(
            lambda s: np.sqrt(2) * s.unit_slope,
            f"sqrt(2) {_MEAN}",
            lambda s: (s.classes - 1) / (s.classes * s.rows) * _frobenius(s),
            "(k-1) ||X|| / (k m)",
            False,
            "not an upper bound: (k-1)/k is the slope at w = 0, its supremum is 1, and "
            "dividing ||X|| by m in place of sqrt(m) shrinks it further",
            lambda s: _squared_norm(s, 0.5),
        ),
        "mae": Loss(
            lambda s: s.unit_slope,
            _MEAN,
            lambda s: _frobenius(s) / s.rows,
            "||X|| / m",
            False,
            _NETWORK_NOTE,
            lambda s: None,
        ),
        "quantile": Loss(
            lambda s: max(s.quantile, 1 - s.quantile) * s.unit_slope,
            f"max(tau, 1-tau) {_MEAN}",
            lambda s: max(s.quantile, 1 - s.quantile) * _frobenius(s) / s.rows,
            "max(tau, 1-tau) ||X|| / m",
            False,
            _NETWORK_NOTE,
            lambda s: None,
        ),
        "log-cosh": Loss(
            _log_cosh_bound,
            "mean tanh(K ||x_i|| + |y_i|) ||x_i||; without K " + _MEAN,
            _log_cosh_paper,
            "tanh(g(0) - ||y||) max a / m",
            False,
            "negative as printed (g(0) = 0 here), so it bounds nothing",
            lambda s: _squared_norm(s, 1.0),
        ),
        "binary-quantile": Loss(
            lambda s: max(s.quantile, 1 - s.quantile) * s.unit_slope,
            f"max(tau, 1-tau) {_MEAN}",
            lambda s: max(s.quantile, 1 - s.quantile),
            "max(tau, 1-tau)",
            True,
            "exact, but per logit: multiply by the constant of the logits in the weights",
            lambda s: _squared_norm(s, max(s.quantile, 1 - s.quantile)),
        ),
        "smooth-binary-quantile": Loss(
            lambda s: smooth_quantile_slope(s.quantile) * s.unit_slope,
            f"max(1, (2/pi)(1-tau)/tau, (2/pi) tau/(1-tau)) {_MEAN}",
            lambda s: (
                2 / np.pi * max(1.0, (1 - s.quantile) / s.quantile, s.quantile / (s.quantile - 1))
            ),
            "(2/pi) max(1, (1-tau)/tau, tau/(tau-1))",
            False,
            "per logit; tau/(tau-1) has the wrong sign and the 1 must not carry 2/pi. The loss is "
            "reconstructed from its latent density, its definition was not found",
            # At 0 the latent density jumps from tau to 1 - tau, and the gradient with it.
            lambda s: _squared_norm(s, SECH_SMOOTHNESS) if s.quantile == 0.5 else None,
        ),
    }
)
