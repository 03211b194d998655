r"""`audit`: is somebody's JAX step function the SDE that it claims to be?

The implied drift and diffusion (`implied`) are compared with the declared ones at random states,
entry by entry and term by term. A verdict is reached only with error bars: consistent means that
every term was seen to be right within the stated resolution, inconsistent that some difference is
beyond its error at the stated level, and not enough evidence anything else. Nothing is read from
the step's source. Not for whether the declared SDE is right (`sdekit.verify`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from sdekit.declare.dynamics import Dynamics
from sdekit.declare.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.simulate.audit_checks import Declared, declared_coefficients, flat_step, random_states
from sdekit.simulate.audit_exact import exact_discrepancies, fitted_linear_sde
from sdekit.simulate.implied import Implied, Sums
from sdekit.simulate.suspects import Candidate, candidates, noise_text

#: Differences below this share of the largest coefficient are not judged: an extrapolation with
#: three step sizes cannot tell them from its own bias.
FLOOR = 2e-3
#: Draws at one finite step: a variance is known to 0.5 %.
_EXACT_DRAWS = 100_000
CONSISTENT, INCONSISTENT, OPEN = "consistent", "inconsistent", "not enough evidence"


@dataclass(frozen=True)
class Audit:
    """What the audit of a step function found.

    Attributes:
        verdict: "consistent", "inconsistent" or "not enough evidence".
        discrepancies: What is wrong, as the term it looks like.
        level: Probability that a correct step is called inconsistent.
        resolution: The largest relative change of any term that would not have been seen.
        draws: Increments drawn for each state and step size.
        states: States compared.
        step_sizes: The step sizes of the regression.
        checks: Name, largest |z| and threshold of each comparison.
        seconds: Time it took.
    """

    verdict: str
    discrepancies: tuple[str, ...]
    level: float
    resolution: float
    draws: int
    states: int
    step_sizes: tuple[float, ...]
    checks: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_consistent(self) -> bool:
        """Whether every comparison agreed, with enough evidence."""
        return self.verdict == CONSISTENT

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "format": 1,
            "verdict": self.verdict,
            "discrepancies": list(self.discrepancies),
            "level": self.level,
            "resolution": self.resolution,
            "draws": self.draws,
            "states": self.states,
            "step_sizes": list(self.step_sizes),
            "checks": {name: dict(values) for name, values in self.checks.items()},
            "seconds": self.seconds,
        }

    def __str__(self) -> str:
        lines = [
            f"{self.verdict.upper()} at level {self.level:g}: {self.draws} increments at each of "
            f"{self.states} states, step sizes {', '.join(f'{h:g}' for h in self.step_sizes)}"
        ]
        lines += [f"  x {text}" for text in self.discrepancies]
        for name, values in self.checks.items():
            mark = "+" if values["z"] <= values["threshold"] else "x"
            lines.append(f"  {mark} {name}: |z| = {values['z']:.2f} of {values['threshold']:.2f}")
        if self.verdict != INCONSISTENT:
            lines.append(f"  a relative change of a term by {self.resolution:.0%} would be seen")
        return "\n".join(lines)


def audit(
    step: Callable[[Any, Any, Any], Any],
    dynamics: Dynamics,
    *,
    position: Any = None,
    sizes: Mapping[str, int] | None = None,
    potential: Callable[..., Any] | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    parameters: Mapping[str, Any] | None = None,
    to_state: Callable[[dict[str, Any]], Any] | None = None,
    from_state: Callable[[Any], Mapping[str, Any]] | None = None,
    step_size: float = 0.01,
    level: float = 1e-3,
    resolution: float = 0.25,
    states: int = 12,
    draws: int = 640_000,
    seed: int = 0,
    exact: bool = False,
) -> Audit:
    r"""Compare a step function with the SDE it claims to discretize.

    Args:
        step: (key, state, h) -> state after a time h, a pure JAX function; a minibatch, if it needs
            one, is drawn from the key.
        dynamics: The declared SDE.
        position: Unused values are not needed: sizes are read from it, or from `sizes`.
        sizes: Size of each dimension, such as {"n": 2}; 2 where nothing is said.
        potential: The target's potential U that the step uses, a JAX function of the position.
        functions: Other unknown functions by name.
        parameters: Values of the parameters.
        to_state: Blocks by name -> the step's own state; the blocks themselves when left out.
        from_state: The step's state -> blocks by name.
        step_size: The smallest h; 2h and 4h are used as well.
        level: Probability that a correct step is called inconsistent (Bonferroni over all
            comparisons).
        resolution: "consistent" needs every term to be known to this relative precision.
        states: Random states at which coefficients are compared.
        draws: At most this many increments for each state and step size.
        seed: Of states and increments.
        exact: The step claims to be exact for a linear SDE: compare its law at the finite
            `step_size` with the exact one, instead of the limit of small steps.

    Returns:
        The verdict with its evidence.

    Raises:
        SimulationError: If the step cannot be called on the states, arguments are missing, or an
            exact law is asked for where the SDE is not linear.

    Example:
        >>> import jax, sdekit as sk
        >>> x = sk.scalar("x")
        >>> ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
        >>> def euler(key, state, h):
        ...     noise = jax.random.normal(key)
        ...     return {"x": state["x"] - h * state["x"] + (2 * h) ** 0.5 * noise}
        >>> sk.audit(euler, ou).verdict
        'consistent'

    Checked by: tests/simulate/test_audit.py.
    """
    started = time.perf_counter()
    _check_arguments(step_size, level, resolution, states, draws)
    declared = declared_coefficients(
        dynamics.ito(), sizes or {}, position, potential, functions or {}, parameters or {}
    )
    points = random_states(declared, states, seed)
    flat = flat_step(step, declared, to_state, from_state, points[0])
    if exact:
        return _exact(declared, flat, points, step_size, level, draws, seed, started)
    sums = Sums(flat, points, step_size, seed + 1)
    expected = declared.at(points)
    wanted = 40_000
    while True:
        sums.add(wanted - sums.count)
        found = _compared(declared, expected, sums.estimate(), sums.steps, level)
        if found.discrepancies or found.resolution <= resolution or sums.count >= draws:
            break
        wanted = min(2 * sums.count, draws)
    verdict = INCONSISTENT if found.discrepancies else OPEN
    if verdict == OPEN and found.resolution <= resolution:
        verdict = CONSISTENT
    return Audit(
        verdict,
        tuple(found.discrepancies),
        level,
        found.resolution,
        sums.count,
        states,
        tuple(float(h) for h in sums.steps),
        found.checks,
        time.perf_counter() - started,
    )


def _exact(
    declared: Declared,
    flat: Callable[[Any, Any, Any], Any],
    points: np.ndarray,
    step_size: float,
    level: float,
    draws: int,
    seed: int,
    started: float,
) -> Audit:
    size = declared.dimension
    draws = min(draws, _EXACT_DRAWS)
    threshold = float(stats.norm.ppf(1 - level / (2 * len(points) * size * (size + 1))))
    sde = fitted_linear_sde(declared, points)
    texts, checks = exact_discrepancies(flat, sde, points, step_size, draws, seed + 1, threshold)
    # A relative change of a variance by this would be threshold standard errors away.
    resolution = threshold * float(np.sqrt(2 / draws))
    return Audit(
        INCONSISTENT if texts else CONSISTENT,
        tuple(texts),
        level,
        resolution,
        draws,
        len(points),
        (step_size,),
        checks,
        time.perf_counter() - started,
    )


def _check_arguments(
    step_size: float, level: float, resolution: float, states: int, draws: int
) -> None:
    ranges = {
        "step_size": (step_size, 0 < step_size < np.inf, "a positive number"),
        "level": (level, 0 < level < 1, "between 0 and 1"),
        "resolution": (resolution, 0 < resolution < np.inf, "a positive number"),
        "states": (states, 3 <= states <= 1000, "between 3 and 1000"),
        "draws": (draws, draws >= 1000, "at least 1000"),
    }
    for name, (value, is_right, expected) in ranges.items():
        if not is_right:
            raise SimulationError(f"{name} makes no sense", expected=expected, found=value)


@dataclass
class _Comparison:
    discrepancies: list[str]
    resolution: float
    checks: dict[str, dict[str, float]]


def _compared(
    declared: Declared, expected: Any, found: Implied, steps: np.ndarray, level: float
) -> _Comparison:
    count = 2 * found.drift.size + found.diffusion.size
    threshold = float(stats.norm.ppf(1 - level / (2 * count)))
    result = _Comparison([], 0.0, {})
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
    coefficient, spread, margin = _coefficients(implied, error, bias, list(terms.values()))
    for value, uncertainty, slack in zip(coefficient, spread, margin, strict=True):
        worst = max(worst, max(abs(value - 1) - slack - FLOOR, 0.0) / max(uncertainty, 1e-6))
        result.resolution = max(result.resolution, float(threshold * uncertainty + slack))
    result.checks[f"drift of {x.name}"] = {"z": worst, "threshold": threshold}
    if worst > threshold:
        result.discrepancies.append(
            _drift_text(declared, expected, x, implied, error + bias / threshold)
        )


def _coefficients(
    implied: np.ndarray, error: np.ndarray, bias: np.ndarray, terms: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted least squares: the factor of each term, its error, and what the bias may add."""
    if not terms:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    weight = 1 / np.maximum(error, 1e-6).ravel()
    design = np.stack([term.ravel() for term in terms], axis=1) * weight[:, None]
    inverse = np.linalg.pinv(design.T @ design, rcond=1e-10)
    estimate = inverse @ design.T @ (implied.ravel() * weight)
    slack = np.abs(inverse @ design.T) @ (bias.ravel() * weight) / np.sqrt(len(weight))
    return estimate, np.sqrt(np.maximum(np.diag(inverse), 0)), slack


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
        raw = found.raw[:, :, part, part]
        mean = np.array([np.mean(np.diagonal(r, axis1=1, axis2=2)) for r in raw])
        text = noise_text(
            x.name, mean, float(diagonal.mean()), declared.written(x), steps, declared.scalars
        )
        result.discrepancies.append(text)
