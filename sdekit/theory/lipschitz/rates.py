r"""Lipschitz and smoothness constants of losses, for rates and for step-size guards.

$L = \sup_w\|\nabla f(w)\|$ of the mean loss over m rows gives the rate 1/L, with which no step is
longer than 1. It is *not* the smoothness $\sup_w\|\nabla^2f\|$, which is what descent and stability
need (`smoothness`, `step_guards`): the printed derivation equates the two. For least squares the
rate 1/L is stable exactly when K + ||X^T y|| / ||X^T X|| > 1/2.

Every constant exists twice: `mode="bound"` is valid (tests maximize the gradient norm against
it); `mode="paper"` is the formula as printed, with `is_bound` and a note where it is no bound.
The formulas stand in `lipschitz_table`.

Source: slides on Lipschitz-adaptive rates; what is valid is derived and tested here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdekit.errors import DataError, check_word
from sdekit.theory.arrays import real_array
from sdekit.theory.lipschitz.lipschitz_table import LOSSES, Setting


@dataclass(frozen=True)
class Constant:
    """A Lipschitz constant and what is known of it.

    Args:
        value: L.
        loss: Name of the loss.
        mode: "bound" or "paper".
        formula: Formula used.
        is_bound: Whether sup ||grad|| <= value is a theorem.
        note: Remark on a printed constant; empty in mode "bound".
    """

    value: float
    loss: str
    mode: str
    formula: str
    is_bound: bool
    note: str

    @property
    def rate(self) -> float:
        """1/L.

        Raises:
            DataError: If the printed constant is not positive, so that there is no rate.
        """
        if not self.value > 0:
            raise DataError(
                f"the printed constant of {self.loss} is not positive",
                found=self.value,
                fix='use mode="bound"',
            )
        return 1 / self.value


def _setting(
    loss: str, design: Any, response: Any, radius: float | None, quantile: float, classes: int
) -> Setting:
    check_word("loss", loss, LOSSES, DataError)
    if radius is not None and not (np.isfinite(radius) and radius > 0):
        raise DataError("the radius K must be positive", found=radius)
    if not 0 < quantile < 1:
        raise DataError("the quantile must lie strictly between 0 and 1", found=quantile)
    if classes < 2:
        raise DataError("softmax needs at least 2 classes", found=classes)
    matrix = real_array(design, "X", 2)
    target = None if response is None else real_array(response, "y", 1)
    if target is not None and target.shape[0] != matrix.shape[0]:
        raise DataError(
            "X and y have different numbers of rows",
            expected=matrix.shape[0],
            found=target.shape[0],
        )
    return Setting(matrix, target, radius, quantile, classes)


def constant(
    loss: str,
    design: Any,
    response: Any = None,
    *,
    mode: str = "bound",
    radius: float | None = None,
    quantile: float = 0.5,
    classes: int = 2,
) -> Constant:
    """Lipschitz constant of a mean loss in the weights of a linear predictor.

    Args:
        loss: A key of `LOSSES`.
        design: X, shape (m, p); append a column of ones for an intercept.
        response: y, shape (m,); needed by least squares and log-cosh only.
        mode: "bound" (valid) or "paper" (as printed).
        radius: K, the bound on ||w|| that least squares needs and log-cosh can use.
        quantile: tau of the quantile losses.
        classes: k of softmax; the constant is for all classes together (Frobenius norm).

    Raises:
        DataError: For an unknown loss or mode, a missing ingredient, numbers out of range.

    Example:
        >>> constant("mae", [[3.0, 4.0], [0.0, 0.0]]).value
        2.5

    Checked by: tests/theory/lipschitz/test_rates.py.
    """
    setting = _setting(loss, design, response, radius, quantile, classes)
    entry = LOSSES[loss]
    if mode == "bound":
        return Constant(float(entry.bound(setting)), loss, mode, entry.formula, True, "")
    if mode == "paper":
        return Constant(
            float(entry.paper(setting)),
            loss,
            mode,
            entry.paper_formula,
            entry.paper_is_bound,
            entry.paper_note,
        )
    raise DataError("unknown mode", expected="'bound' or 'paper'", found=repr(mode))


def smoothness(loss: str, design: Any, *, quantile: float = 0.5) -> float | None:
    r"""Smoothness constant $\sup_w\|\nabla^2f(w)\|_2$, for step-size guards.

    Add `l2_smoothness` or `tikhonov_smoothness` for regularizers.

    Returns:
        The constant, or None for a loss whose gradient jumps.

    Raises:
        DataError: As `constant`.
    """
    setting = _setting(loss, design, None, None, quantile, 2)
    value = LOSSES[loss].smoothness(setting)
    return None if value is None else float(value)


def l2_constant(strength: float, radius: float) -> float:
    """Lipschitz constant lambda K of lambda/2 ||w||^2 on ||w|| <= K, exact; add it to the loss."""
    return strength * radius


def l2_smoothness(strength: float) -> float:
    """Smoothness lambda of lambda/2 ||w||^2."""
    return strength


def tikhonov_constant(matrix: Any, radius: float) -> float:
    """Lipschitz constant 2 K ||Gamma^T Gamma||_2 of ||Gamma w||^2 on ||w|| <= K, exact.

    lambda/2 ||w||^2 is Gamma = sqrt(lambda/2) I (the print has lambda/2 I).
    """
    return radius * tikhonov_smoothness(matrix)


def tikhonov_smoothness(matrix: Any) -> float:
    """Smoothness 2 ||Gamma^T Gamma||_2 of ||Gamma w||^2."""
    return 2 * float(np.linalg.norm(real_array(matrix, "Gamma", 2), 2)) ** 2


def printed_radius(design: Any) -> float:
    """The printed guess of K: (a + b)/2, a = sum_j mean_i x_ij, b = mean_j max_i x_ij.

    Meant for non-negative features scaled to sum 1; a guess, not a bound on any weights.
    """
    x = real_array(design, "X", 2)
    return (float(x.mean(axis=0).sum()) + float(x.max(axis=0).mean())) / 2


def output_layer(
    activations: Any,
    classes: int,
    *,
    mode: str = "bound",
    l2: float = 0.0,
    weight_norm: float = 0.0,
) -> Constant:
    """Constant of a softmax network in the weights of its last layer only.

    Args:
        activations: Penultimate activations of a minibatch, shape (m, width).
        classes: k.
        mode: "paper" is the printed (k-1)/(k m) K_z with K_z = ||A||_F, no bound even for that
            layer; "bound" is valid for it, and says nothing of the other layers: that the last
            layer has the largest gradient is false in general (y = w2 w1 x with w1 = 1/10,
            w2 = 10).
        l2: lambda of the penalty lambda/2 ||w||^2.
        weight_norm: Largest Frobenius norm of a weight tensor, for that penalty.
    """
    found = constant("softmax", activations, mode=mode, classes=classes)
    total = found.value + l2_constant(l2, weight_norm)
    return Constant(total, found.loss, mode, found.formula, found.is_bound, found.note)


def softmax_per_class(design: Any) -> float:
    """Bound on the gradient in the weights of one class: min(||X||_2/sqrt(m), mean ||x_i||)."""
    return constant("logistic", design).value


def softmax_per_entry(design: Any) -> float:
    """Bound on every entry of the softmax gradient: max_j mean_i |x_ij|.

    The largest entry of a gradient is a Lipschitz constant in the 1-norm of the weights, not in
    the 2-norm that a rate 1/L needs.
    """
    return float(np.abs(real_array(design, "X", 2)).mean(axis=0).max())


def output_layer_least_squares(activations: Any, response: Any, output_norm: float) -> float:
    """The network form (K_a + ||y||) K_z / m for half the mean square; valid for the last layer.

    Looser than `constant("least-squares", ...)`, to which the print calls it equivalent.

    Args:
        activations: A, shape (m, width); K_z = ||A||_2.
        response: y, shape (m,).
        output_norm: K_a, a bound on ||A w||.
    """
    setting = _setting("least-squares", activations, response, None, 0.5, 2)
    size = float(np.linalg.norm(setting.need("response")))
    return (output_norm + size) * setting.spectral_norm / setting.rows


def rate_is_stable(rate: float, smoothness_constant: float) -> bool:
    """Whether gradient descent with this rate is stable near a minimum: rate < 2 / L_s."""
    return rate < 2 / smoothness_constant


def iterations_for_gradient(
    smoothness_constant: float, initial_gap: float, tolerance: float
) -> int:
    """Steps of 1/L_s after which some gradient had norm <= tolerance: 2 L_s (f_0 - f*) / tol^2.

    The print has tol in place of tol^2 (its criterion is the squared norm), and needs the
    smoothness where it writes the Lipschitz constant.
    """
    if not (smoothness_constant > 0 and initial_gap >= 0 and tolerance > 0):
        raise DataError(
            "smoothness and tolerance must be positive, the gap not negative",
            found=(smoothness_constant, initial_gap, tolerance),
        )
    return int(np.ceil(2 * smoothness_constant * initial_gap / tolerance**2))
