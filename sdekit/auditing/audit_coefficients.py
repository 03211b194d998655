"""The implied coefficients of an audited step against the declared ones, entry by entry.

A difference counts beyond its standard error, the bound of the extrapolation's bias and a floor
below which nothing is judged; it is told as the change of one term that explains it best. Not for
the estimates (`implied`), nor for stationary moments (`audit_moments`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sdekit.auditing.audit_checks import Declared
from sdekit.auditing.audit_result import FLOOR, Comparison
from sdekit.auditing.implied_coefficients import RATIOS, Implied, extrapolated
from sdekit.auditing.suspects import Candidate, candidates, noise_text
from sdekit.declaration.tree.symbols import Variable

#: Below this share of the largest singular value, combinations of terms are rounding of float32.
DEPENDENT = 1e-4


def comparisons(states: int, size: int) -> int:
    """How many numbers are compared: drift and its coefficients, and diffusion, at each state."""
    return states * (2 * size + size**2)


def compared(
    declared: Declared, expected: Any, found: Implied, steps: np.ndarray, threshold: float
) -> Comparison:
    """Compare the estimates with the declared coefficients.

    Args:
        declared: The SDE.
        expected: Its coefficients at the states.
        found: The estimates at the same states.
        steps: The step sizes of the estimates, shape (3,).
        threshold: The |z| beyond which a difference is one.
    """
    result = Comparison([], 0.0, {})
    for x in declared.variables:
        _compare_drift(declared, expected, found, x, threshold, result)
    for x in declared.variables:
        _compare_diffusion(declared, expected, found, x, threshold, steps, result)
    return result


def _z(difference: np.ndarray, error: np.ndarray, bias: np.ndarray, scale: float) -> np.ndarray:
    """How many standard errors a difference is beyond the bias bound and `FLOOR` of the scale."""
    beyond = np.maximum(np.abs(difference) - bias - FLOOR * scale, 0.0)
    return beyond / np.maximum(error, 1e-6 * max(scale, 1e-3))


def _scale(values: np.ndarray) -> float:
    return float(np.abs(values).max(initial=0.0))


def _compare_drift(
    declared: Declared, expected: Any, found: Implied, x: Variable, threshold: float, result: Any
) -> None:
    part = declared.places[x]
    implied, error, bias = (
        found.drift[:, part],
        found.drift_error[:, part],
        found.drift_bias[:, part],
    )
    terms = expected.terms[x]
    total = sum(terms.values(), np.zeros_like(implied))
    worst = float(_z(implied - total, error, bias, _scale(total)).max())
    excess, spread, margin = _coefficients(found, part, list(terms.values()))
    for value, uncertainty, slack in zip(excess, spread, margin, strict=True):
        beyond = max(float(abs(value) - slack) - FLOOR, 0.0)
        worst = max(worst, beyond / max(float(uncertainty), 1e-6))
        result.resolution = max(result.resolution, float(threshold * uncertainty + slack))
    result.checks[f"drift of {x.name}"] = {"z": worst, "threshold": threshold}
    if worst > threshold:
        result.discrepancies.append(
            _drift_text(declared, expected, x, implied, error + bias / threshold)
        )


def _coefficients(
    found: Implied, part: slice, terms: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted least squares: by how much the factor of each term is off, its error, its bias.

    Of terms that are linearly dependent at the states only the combination is known that the states
    tell: the fit of least norm is held against the part of (1, 1, ...) that they can see. The fit
    is linear: the factors at h, 2h and 4h are extrapolated like the drift itself, and have a bound
    of their own. The bounds of all entries would say less, for noise adds to each of them.
    """
    if not terms:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    weight = 1 / np.maximum(found.drift_error[:, part], 1e-6).ravel()
    fit, seen = fit_of(terms, weight)
    spread = np.sqrt(np.sum((fit / weight) ** 2, axis=1))
    means = found.means[:, :, part].reshape(len(found.means), -1)
    estimate, bias = extrapolated(means @ fit.T, RATIOS, spread)
    return estimate - seen, spread, bias + np.abs(fit) @ found.rounding[:, part].ravel()


def fit_of(terms: Sequence[np.ndarray], weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weighted least squares fit of terms, of least norm in units of their sizes.

    Args:
        terms: Values at all states, each with N entries.
        weight: Shape (N,).

    Returns:
        The matrix from N observations to factors of the terms, and the factors that it gives for
        the sum of the terms: ones where the terms are independent.
    """
    design = np.stack([term.ravel() for term in terms], axis=1)
    scaled = design * weight[:, None]
    sizes = np.linalg.norm(scaled, axis=0)
    sizes = np.where(sizes > 0, sizes, 1.0)
    inverse = np.linalg.pinv(scaled / sizes, rcond=DEPENDENT) / sizes[:, None]
    return inverse * weight, inverse @ scaled.sum(axis=1)


def _drift_text(
    declared: Declared, expected: Any, x: Variable, implied: np.ndarray, error: np.ndarray
) -> str:
    """The change of one term that explains the implied drift best."""
    total = sum(expected.terms[x].values(), np.zeros_like(implied))
    if np.abs(implied).max() < FLOOR * _scale(total):
        return f"drift of {x.name}: {x.name} does not move"
    best: tuple[float, str] | None = None
    for term, values in expected.terms[x].items():
        for candidate in candidates(term):
            change = _evaluated(declared, candidate, x, expected.points) - values
            misfit = float(np.mean(((implied - total - change) / np.maximum(error, 1e-6)) ** 2))
            if best is None or misfit < best[0]:
                best = misfit, candidate.text
    plain = float(np.mean(((implied - total) / np.maximum(error, 1e-6)) ** 2))
    if best is not None and best[0] < max(4.0, 0.01 * plain):
        return f"drift of {x.name}: {best[1]}"
    worst = np.unravel_index(np.argmax(np.abs(implied - total)), implied.shape)
    return (
        f"drift of {x.name}: {implied[worst]:.4g} where {total[worst]:.4g} is expected, and no "
        "change of one term explains it"
    )


def _evaluated(declared: Declared, candidate: Candidate, x: Variable, points: Any) -> np.ndarray:
    if candidate.term is None:
        return np.zeros((len(points), declared.width(x)))
    return declared.evaluate(candidate.term, x, points)


def _compare_diffusion(
    declared: Declared,
    expected: Any,
    found: Implied,
    x: Variable,
    threshold: float,
    steps: np.ndarray,
    result: Any,
) -> None:
    part = declared.places[x]
    rows = found.diffusion[:, part, :]
    wanted = expected.diffusion[:, part, :]
    error, bias = found.diffusion_error[:, part, :], found.diffusion_bias[:, part, :]
    worst = float(_z(rows - wanted, error, bias, _scale(expected.diffusion)).max())
    result.checks[f"diffusion of {x.name}"] = {"z": worst, "threshold": threshold}
    diagonal = np.abs(np.diagonal(wanted[:, :, part], axis1=1, axis2=2))
    if diagonal.max() > 0:
        scale = diagonal.max()
        own = np.diagonal(error[:, :, part], axis1=1, axis2=2)
        slack = np.diagonal(bias[:, :, part], axis1=1, axis2=2)
        resolution = threshold * own.mean() / np.sqrt(own.size) + slack.mean()
        result.resolution = max(result.resolution, float(resolution / scale))
    if worst > threshold:
        result.discrepancies.append(_diffusion_text(declared, expected, found, x, threshold, steps))


def _diffusion_text(
    declared: Declared,
    expected: Any,
    found: Implied,
    x: Variable,
    threshold: float,
    steps: np.ndarray,
) -> str:
    """The noise scale of x in words; the covariance where its variances are right."""
    part, total = declared.places[x], expected.diffusion
    z = np.abs(found.diffusion - total) - found.diffusion_bias - FLOOR * _scale(total)
    z = (z / np.maximum(found.diffusion_error, 1e-6 * max(_scale(total), 1e-3)))[:, part, :]
    own = np.arange(part.stop - part.start)
    if z[:, own, part.start + own].max() <= threshold:
        state, i, j = np.unravel_index(np.argmax(z), z.shape)
        names, i = declared.entry_names, i + part.start
        value, wanted = found.diffusion[state, i, j], total[state, i, j]
        return (
            f"the noise of {names[i]} and {names[j]} has covariance {2 * value:.3g}*h where "
            f"{2 * wanted:.3g}*h is expected"
        )
    raw = found.raw[:, :, part, part]
    mean = np.array([np.mean(np.diagonal(r, axis1=1, axis2=2)) for r in raw])
    declared_mean = float(np.diagonal(total[:, part, part], axis1=1, axis2=2).mean())
    return noise_text(x.name, mean, declared_mean, declared.written(x), steps, declared.scalars)
