r"""Stationary moments of an audited step against theory, where the target is harmonic.

Chains start in the exact stationary law: a right step stays there, up to its bias in h, however
slowly it mixes, and moments that move away are evidence. The window averages of each chain at three
step sizes are extrapolated to h = 0, and their dependence on the start, whose moments are known, is
taken out by regression: with slope b, the memory, the moment of a wrong step has moved only by
1 - b of its error, and agreement is evidence only as far as the start is forgotten. Standard errors
are over independent chains. Not for one-step laws (`audit_coefficients`), nor for the law itself
(`audit_law`).

Notation: u the state in units of the law's standard deviations, R its correlation matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdekit.auditing.audit_chains import WINDOWS, Averages, pairs, run_chains
from sdekit.auditing.audit_checks import Declared, StepMap, broken_chain
from sdekit.auditing.audit_law import Gaussian, NoLaw, fastest_rate
from sdekit.auditing.audit_result import (
    CONSISTENT,
    FLOOR,
    INCONSISTENT,
    NOT_APPLICABLE,
    OPEN,
    Comparison,
    StationaryMoments,
)
from sdekit.auditing.implied_coefficients import extrapolated, extrapolation_weights
from sdekit.declaration.tree.symbols import Variable

#: Step sizes in units of the largest: wider apart than for one step, where the same random numbers
#: serve all sizes; here they do not, and the error grows by 1.5 where ratios of 2 give 3.4.
_RATIOS = np.array([1 / 16, 1 / 4, 1.0])
#: The largest step size in units of the one given, and of the SDE's fastest time. From 1.3 such
#: times on, the exact moments of some right schemes lie beyond the bound of the bias
#: (tests/auditing/test_audit_bias.py computes them).
_COARSEST, _FASTEST = 8.0, 1.0
#: Fewer chains have no standard errors to rely on.
LEAST_CHAINS = 256
#: Products of entries held for all chains at once.
_MEMORY = 2**22


@dataclass(frozen=True, eq=False)
class Moments:
    """Moments of u: means, products with i <= j, and one mean square per variable, shape (m,).

    Attributes:
        expected: Under the law.
        value: Extrapolated, without what the start explains.
        error: Standard error of the value.
        bias: Bound of the extrapolation's bias.
        memory: Slope of the window average against the start.
        at_sizes: Values at each step size, shape (k, m).
    """

    expected: np.ndarray
    value: np.ndarray
    error: np.ndarray
    bias: np.ndarray
    memory: np.ndarray
    at_sizes: np.ndarray

    def z(self) -> np.ndarray:
        """How many standard errors each one is off, beyond bias and `FLOOR`."""
        beyond = np.maximum(np.abs(self.value - self.expected) - self.bias - FLOOR, 0.0)
        # Single precision leaves 1e-6 in an average of order one.
        return beyond / np.maximum(self.error, 1e-6)

    def resolution(self, threshold: float, chains: int) -> np.ndarray:
        """The change of each stationary moment that would not have been seen."""
        forgotten = 1 - np.maximum(self.memory, 0.0)
        seen = (threshold * self.error + self.bias + FLOOR) / np.maximum(forgotten, 1e-12)
        # The slope is known to 1/sqrt(chains): less than three of that is not told from nothing.
        return np.where(forgotten > 3 / np.sqrt(chains), seen, np.inf)


@dataclass(frozen=True, eq=False)
class Budget:
    """What the chains may cost.

    Attributes:
        chains: Number of chains.
        sizes: Step sizes, ascending, shape (k,).
    """

    chains: int
    sizes: np.ndarray

    @staticmethod
    def of(chains: int, step_size: float, rate: float, exact: bool) -> Budget:
        """At h for a step that claims to be exact, else at h/2, 2h and 8h or less.

        Args:
            chains: Number of chains.
            step_size: h.
            rate: The fastest rate of the SDE.
            exact: Whether the step claims to be exact.
        """
        if exact:
            return Budget(chains, np.array([step_size]))
        return Budget(chains, _RATIOS * min(_COARSEST * step_size, _FASTEST / max(rate, 1e-30)))


def comparisons(declared: Declared) -> int:
    """How many numbers are compared."""
    d = declared.dimension
    return d + d * (d + 1) // 2 + len(declared.variables)


def stationary_moments(
    declared: Declared,
    step: StepMap,
    law: Gaussian | NoLaw,
    chains: int,
    step_size: float,
    exact: bool,
    threshold: float,
    resolution: float,
    seed: int,
) -> tuple[StationaryMoments, Comparison]:
    """The moments with their verdict, and what is wrong with them.

    Args:
        declared: The SDE.
        step: The step.
        law: Its stationary law, or why there is none.
        chains: At most this many chains; 0 to leave the moments out.
        step_size: h.
        exact: Whether the step claims to be exact at h.
        threshold: The |z| beyond which a moment is wrong.
        resolution: "consistent" needs every variance to be known to this relative precision.
        seed: Of the chains.

    Checked by: tests/auditing/test_audit_stationary.py.
    """
    reason = "no chains were asked for" if chains == 0 else _obstacle(declared, step, law)
    if reason is not None or isinstance(law, NoLaw):
        return StationaryMoments(NOT_APPLICABLE, reason or ""), Comparison([], 0.0, {})
    chains = min(chains, max(_MEMORY // declared.dimension**2, LEAST_CHAINS))
    budget = Budget.of(chains, step_size, fastest_rate(declared, law), exact)
    averages = run_chains(step, law, budget.sizes, budget.chains, seed)
    if not averages.is_finite:
        reason = f"chains leave the finite numbers at a step size of {budget.sizes[-1]:g}"
        return _result(OPEN, reason, law, budget, np.inf, {}), Comparison([], np.inf, {})
    moments = _estimated(declared, law, averages, budget.sizes)
    found = _compared(declared, law, moments, budget.chains, threshold)
    verdict = INCONSISTENT if found.discrepancies else OPEN
    if verdict == OPEN and found.resolution <= resolution:
        verdict = CONSISTENT
    reason = _shortage(found.resolution) if verdict == OPEN else ""
    variances = _variances(declared, law, moments)
    return _result(verdict, reason, law, budget, found.resolution, variances), found


def _obstacle(declared: Declared, step: StepMap, law: Gaussian | NoLaw) -> str | None:
    if isinstance(law, NoLaw):
        return law.reason
    return broken_chain(step, np.zeros(declared.dimension, dtype=np.float32))


def _shortage(resolution: float) -> str:
    if np.isinf(resolution):
        return "the chains have not forgotten their start"
    return f"a variance is known to {resolution:.0%} only"


def _result(
    verdict: str, reason: str, law: Gaussian, budget: Budget, resolution: float, variances: Any
) -> StationaryMoments:
    sizes = tuple(float(h) for h in budget.sizes)
    steps = tuple(round(WINDOWS * sizes[-1] / h) for h in sizes)
    return StationaryMoments(
        verdict, reason, law.source, budget.chains, steps, sizes, resolution, variances
    )


def _estimated(declared: Declared, law: Gaussian, averages: Averages, sizes: np.ndarray) -> Moments:
    d, (rows, columns) = len(law.mean), pairs(len(law.mean))
    scale = np.sqrt(np.diag(law.covariance))
    correlation = law.covariance / np.outer(scale, scale)
    squares = _mean_squares(declared, correlation)
    expected = np.concatenate([np.zeros(d), correlation[rows, columns]])
    expected = np.concatenate([expected, expected @ squares])
    start = np.hstack([averages.start, averages.start @ squares]) - expected
    window = np.concatenate([averages.window, averages.window @ squares], axis=2)
    # The slope comes from the same chains: a bias of 1/chains, small beside the error.
    power = np.mean(start**2, axis=0)
    centred = window - window.mean(axis=1, keepdims=True)
    slopes = np.mean(centred * start, axis=1) / power
    at_sizes = window.mean(axis=1) - slopes * start.mean(axis=0)
    weights = extrapolation_weights(sizes)
    combined = np.tensordot(weights, window, axes=1) - (weights @ slopes) * start
    value, bias = at_sizes[0], np.zeros_like(at_sizes[0])
    if len(sizes) > 1:
        value, bias = extrapolated(at_sizes, sizes)
    error = combined.std(axis=0) / np.sqrt(len(combined))
    return Moments(expected, value, error, bias, slopes[0], at_sizes)


def _mean_squares(declared: Declared, correlation: np.ndarray) -> np.ndarray:
    r"""$u_B^\top R_B^{-1} u_B/w$ of each variable in terms of the features, shape (features, B)."""
    d, (rows, columns) = len(correlation), pairs(len(correlation))
    result = np.zeros((d + len(rows), len(declared.variables)))
    for k, x in enumerate(declared.variables):
        part, inverse = declared.places[x], np.zeros_like(correlation)
        inverse[part, part] = np.linalg.inv(correlation[part, part]) / declared.width(x)
        twice = np.where(rows == columns, 1.0, 2.0)
        result[d:, k] = twice * inverse[rows, columns]
    return result


def _compared(
    declared: Declared, law: Gaussian, moments: Moments, chains: int, threshold: float
) -> Comparison:
    z, seen = moments.z(), moments.resolution(threshold, chains)
    result = Comparison([], 0.0, {})
    for k, x in enumerate(declared.variables):
        square = len(z) - len(declared.variables) + k
        worst = max([*_entries(declared, x), square], key=lambda entry: z[entry])
        if worst >= declared.dimension and z[square] > threshold:
            worst = square
        result.resolution = max(result.resolution, float(seen[square]))
        result.checks[f"stationary moments of {x.name}"] = {
            "z": float(z[worst]),
            "threshold": threshold,
        }
        if z[worst] > threshold:
            result.discrepancies.append(_text(declared, law, moments, x, worst))
    return result


def _entries(declared: Declared, x: Variable) -> list[int]:
    """The features that are told as those of x: its means, and products that start with it."""
    part, d = declared.places[x], declared.dimension
    rows, _ = pairs(d)
    products = d + np.flatnonzero((rows >= part.start) & (rows < part.stop))
    return [*range(part.start, part.stop), *(int(k) for k in products)]


def _text(declared: Declared, law: Gaussian, moments: Moments, x: Variable, entry: int) -> str:
    """A moment in words; what follows +- is the standard error and the bound of the bias."""
    d, (rows, columns) = len(law.mean), pairs(len(law.mean))
    names = declared.entry_names
    deviations = np.sqrt(np.diag(law.covariance))
    if entry < d:
        what, unit, offset = f"mean of {names[entry]}", deviations[entry], law.mean[entry]
    elif entry < d + len(rows):
        i, j = rows[entry - d], columns[entry - d]
        unit, offset = deviations[i] * deviations[j], 0.0
        is_variance = i == j
        what = f"variance of {names[i]}" if is_variance else f"covariance of {names[i]}, {names[j]}"
    else:
        what, unit, offset = f"variance of {x.name}", _variance(declared, law, x), 0.0
    error = unit * (moments.error[entry] + moments.bias[entry])
    digits = int(np.clip(-np.floor(np.log10(max(error, 1e-12))), 0, 12))
    value, expected = (offset + unit * m[entry] for m in (moments.value, moments.expected))
    return (
        f"stationary {what} is {value:.{digits}f} +- {error:.{digits}f} where "
        f"{expected:.{digits}f} is expected"
    )


def _variance(declared: Declared, law: Gaussian, x: Variable) -> float:
    """Expected variance of an entry of x, their average where they differ."""
    return float(np.diag(law.covariance)[declared.places[x]].mean())


def _variances(declared: Declared, law: Gaussian, moments: Moments) -> dict[str, dict[str, Any]]:
    found, first = {}, len(moments.value) - len(declared.variables)
    for k, x in enumerate(declared.variables, start=first):
        unit = _variance(declared, law, x)
        found[x.name] = {
            "expected": unit,
            "found": float(unit * moments.value[k]),
            "error": float(unit * moments.error[k]),
            "bias": float(unit * moments.bias[k]),
            "memory": float(moments.memory[k]),
            "at_step_sizes": [float(unit * value) for value in moments.at_sizes[:, k]],
        }
    return found
