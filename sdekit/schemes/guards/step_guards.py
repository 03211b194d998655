r"""Largest stable step of each solver, from the smoothness constant of the potential.

Plain functions that a runner can call before a run that must diverge. The constant wanted is
$\lambda_{max}(\nabla^2U)$, the *smoothness*; never the Lipschitz constant of U itself: 1/L of the
loss is no step-size guard (`sdekit.theory.lipschitz.rates`). Limits are exact for quadratic U and
necessary in general. Not an accuracy criterion: a stable step can still be badly biased.

Source: derived (Jury conditions of the recursions for a harmonic potential).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from sdekit.errors import SimulationError
from sdekit.schemes.split.scheme_names import named


@dataclass(frozen=True)
class Guard:
    """A stability limit.

    Args:
        kind: The solver.
        condition: The condition on the step h, in words of the formula.
        limit: (lambda_max, friction) to the supremum of stable steps.
    """

    kind: str
    condition: str
    limit: Callable[[float, float], float]


def _first_order(smoothness: float, _friction: float) -> float:
    return 2 / smoothness


def _splitting(smoothness: float, _friction: float) -> float:
    return 2 / np.sqrt(smoothness)


def _unlimited(_smoothness: float, _friction: float) -> float:
    return float("inf")


def _thermostat(smoothness: float, friction: float) -> float:
    """Largest h with K h^2 + 2 xi h < 4 and xi h < 2; the first implies the second."""
    return (np.sqrt(friction**2 + 4 * smoothness) - friction) / smoothness


def _explicit_langevin(smoothness: float, friction: float) -> float:
    """Explicit Euler needs K h < xi, and 4 - 2 xi h + K h^2 > 0 (the second Jury condition)."""
    limit = friction / smoothness
    discriminant = friction**2 - 4 * smoothness
    if discriminant < 0:
        return limit
    return min(limit, (friction - np.sqrt(discriminant)) / smoothness)


#: Stability limits by solver.
GUARDS: Mapping[str, Guard] = MappingProxyType(
    {
        guard.kind: guard
        for guard in (
            Guard("euler-maruyama", "h lambda_max < 2", _first_order),
            Guard("sgld", "h lambda_max < 2", _first_order),
            Guard("gradient-descent", "h lambda_max < 2", _first_order),
            Guard("splitting", "h sqrt(lambda_max) < 2", _splitting),
            Guard("leapfrog", "h sqrt(lambda_max) < 2", _splitting),
            Guard("sghmc", "lambda_max h^2 + 2 xi h < 4", _thermostat),
            Guard("sgnht-algorithm-1", "lambda_max h^2 + 2 xi h < 4", _thermostat),
            Guard(
                "explicit-langevin",
                "lambda_max h < xi and lambda_max h^2 - 2 xi h + 4 > 0",
                _explicit_langevin,
            ),
            Guard("implicit-midpoint", "none", _unlimited),
            Guard("exact-drift", "none", _unlimited),
        )
    }
)


def max_stable_step(kind: str, smoothness: float, friction: float = 0.0) -> float:
    """Supremum of the steps h with which the solver stays stable.

    Args:
        kind: A key of `GUARDS`.
        smoothness: Largest eigenvalue of the Hessian of U (in units of the metric), > 0.
        friction: xi, for the kinds that have one.

    Raises:
        SimulationError: For an unknown kind, or numbers that are not positive.

    Example:
        >>> max_stable_step("splitting", smoothness=4.0)
        1.0

    Checked by: tests/schemes/guards/test_step_guards.py.
    """
    if kind not in GUARDS:
        raise SimulationError(
            "no stability limit is known for this solver",
            expected=", ".join(GUARDS),
            found=repr(kind),
        )
    if not smoothness > 0 or friction < 0:
        raise SimulationError(
            "a step guard needs a positive smoothness constant and friction not below 0",
            found=f"smoothness={smoothness}, friction={friction}",
            fix="use sdekit.theory.lipschitz.rates.smoothness; a loss without one has no limit",
        )
    return float(GUARDS[kind].limit(float(smoothness), float(friction)))


def kind_of_scheme(scheme: str, has_momentum: bool) -> str | None:
    """The guard of a scheme as the runner names it; None where no limit is known.

    Args:
        scheme: "EM", "Algorithm1", ..., or a splitting word such as "BAOAB".
        has_momentum: Whether the force acts on a momentum, not on the position itself.

    Example:
        >>> kind_of_scheme("BAOAB", True), kind_of_scheme("EM", False)
        ('splitting', 'euler-maruyama')
    """
    record = named(scheme)
    if record is not None:
        with_momentum, without = record.guards
        return with_momentum if has_momentum else without
    letters = set(scheme.replace(" ", ""))
    return "splitting" if has_momentum and {"A", "B"} <= letters else None


@dataclass(frozen=True)
class StepCheck:
    """Outcome of a guard.

    Args:
        kind: The solver.
        step_size: h as asked for.
        limit: Supremum of stable steps.
        message: What to tell the user; empty when stable.
    """

    kind: str
    step_size: float
    limit: float
    message: str

    @property
    def is_stable(self) -> bool:
        """Whether h is below the limit."""
        return self.step_size < self.limit


def check_step(kind: str, smoothness: float, step_size: float, friction: float = 0.0) -> StepCheck:
    """Hold a step size against its limit; a runner warns with the message before it starts.

    Args:
        kind: A key of `GUARDS`.
        smoothness: See `max_stable_step`.
        step_size: h > 0.
        friction: See `max_stable_step`.

    Raises:
        SimulationError: If h is not positive, or as `max_stable_step`.
    """
    if not step_size > 0:
        raise SimulationError("the step size must be positive", found=step_size)
    limit = max_stable_step(kind, smoothness, friction)
    message = ""
    if step_size >= limit:
        message = (
            f"{kind} with step {step_size:g} diverges: it needs {GUARDS[kind].condition}, "
            f"that is a step below {limit:g} at lambda_max = {smoothness:g}"
        )
    return StepCheck(kind, float(step_size), limit, message)


def require_stable_step(
    kind: str, smoothness: float, step_size: float, friction: float = 0.0
) -> None:
    """Raise instead of returning, for solvers whose divergence is certain.

    Raises:
        SimulationError: If the step is not stable, or as `check_step`.
    """
    check = check_step(kind, smoothness, step_size, friction)
    if not check.is_stable:
        raise SimulationError(
            f"{kind} must diverge with this step size",
            expected=f"below {check.limit:g}",
            found=f"{check.step_size:g}",
            fix=f"keep {GUARDS[kind].condition}",
        )
