r"""`audit`: is somebody's JAX step function the SDE that it claims to be?

Three comparisons. The implied drift and diffusion (`implied`) with the declared ones at random
states, entry by entry and, as far as states tell them apart, term by term; of a step that carries
something on, the same from states that it has made itself (`own_states`); and, where the stationary
law is a known Gaussian, the moments of chains that start in it with that law (`audit_moments`). The
last two see what one step hides: a gradient that is stale, noise that is used twice. A verdict is
reached only with error bars: consistent means that every term and moment was seen to be right
within the stated resolution, inconsistent that some difference is beyond its error at the stated
level, and not enough evidence anything else. Nothing is read from the step's source. Not for
whether the declared SDE is right (`sdekit.verifier`).
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from sdekit.auditing import audit_coefficients, audit_moments
from sdekit.auditing.audit_arguments import LARGEST_SEED, check_chains, check_numbers, check_objects
from sdekit.auditing.audit_checks import (
    AtStates,
    Declared,
    StepMap,
    declared_coefficients,
    random_states,
    step_map,
)
from sdekit.auditing.audit_law import (
    NoLaw,
    exact_discrepancies,
    exact_steps,
    required_linear_sde,
    stationary_law,
)
from sdekit.auditing.audit_result import (
    CONSISTENT,
    INCONSISTENT,
    OPEN,
    Audit,
    Comparison,
    KernelAudit,
)
from sdekit.auditing.implied_coefficients import RATIOS, Sums
from sdekit.auditing.own_states import OWN_CHAINS, own_comparisons, own_state_check
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.dynamics_checks import require_free_entries
from sdekit.declaration.tree.names import by_name
from sdekit.errors import SimulationError
from sdekit.kernels.steps import Kernel

#: Increments at each state and step size at the first look; every further look doubles them.
_FIRST_LOOK = 40_000
#: Draws at one finite step: a variance is known to 0.5 %.
_EXACT_DRAWS = 100_000
#: Where no step size is given: at most this, in the unit of time, and in times of the fastest rate.
_STEP_SIZE, _SMALL = 0.01, 0.1
#: Up to so many times of the fastest rate the bound of the extrapolation's bias holds for right
#: schemes, not beyond (tests/auditing/test_audit_bias.py computes it).
_LARGEST = 0.125
#: The least and the largest of each count that make sense.
_RANGES = {
    "states": (3, 1000),
    "draws": (1000, 10**12),
    "chains": (0, 10**8),
    "seed": (0, LARGEST_SEED),
}


def audit(
    step: Callable[[Any, Any, Any], Any] | Kernel,
    dynamics: Dynamics | Kernel | None = None,
    *,
    position: Any = None,
    sizes: Mapping[str, int] | None = None,
    potential: Callable[..., Any] | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    parameters: Mapping[str, Any] | None = None,
    to_state: Callable[[dict[str, Any]], Any] | None = None,
    from_state: Callable[[Any], Mapping[str, Any]] | None = None,
    step_size: float | None = None,
    level: float = 1e-3,
    resolution: float = 0.25,
    states: int = 12,
    draws: int = 640_000,
    chains: int = 8192,
    seed: int = 0,
    exact: bool = False,
    leapfrog_steps: int | None = None,
) -> Audit | KernelAudit:
    r"""Compare a step function with the SDE it claims to discretize, or with a Markov kernel.

    Stationary moments are compared where H is quadratic with the given functions, such as for a
    quadratic potential, or the SDE is linear.

    Args:
        step: (key, state, h) -> state after a time h, a pure JAX function; a minibatch, if it needs
            one, is drawn from the key. A kernel alone has its compiled step audited.
        dynamics: The declared SDE, or the kernel that a step claims to be: one step from states of
            its law is compared with that law, and with the kernel's own step.
        position: Unused values are not needed: sizes are read from it, or from `sizes`.
        sizes: Size of each dimension, such as {"n": 2}; 2 where nothing is said.
        potential: The target's potential U that the step uses, a JAX function of the position.
        functions: Other unknown functions by name.
        parameters: Values of the parameters.
        to_state: Blocks by name -> the step's own state; the blocks themselves when left out.
        from_state: The step's state -> blocks by name.
        step_size: The smallest h of the one-step law, with 2h and 4h; 0.01, or less where the SDE's
            fastest rate at the states asks for it, when left out. One that is too large for that
            rate gives no evidence. Chains run at h/2, 2h and 8h, or less for the same reason.
        level: Probability that a correct step is called inconsistent (Bonferroni over all
            comparisons and looks).
        resolution: "consistent" needs every term, and every stationary variance that is compared,
            to be known to this relative precision.
        states: Random states at which coefficients are compared.
        draws: At most this many increments for each state and step size; of a kernel states, fewer
            where they take more than a minute of the processor, as `audit.draws` says.
        chains: At most this many chains for the stationary moments; 0 to leave them out.
        seed: Of states, increments and chains.
        exact: The step claims to be exact for a linear SDE: compare its law at the finite
            `step_size` with the exact one, instead of the limit of small steps; the times of the
            fastest and of the slowest rate when left out. Chains run at the first of them.
        leapfrog_steps: The number of steps of a kernel that leaves it open.

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

    Checked by: tests/auditing/test_audit.py, tests/auditing/test_audit_stationary.py,
        tests/auditing/test_own_states.py.
    """
    kernel = step if isinstance(step, Kernel) else dynamics
    if isinstance(kernel, Kernel):
        from sdekit.auditing.kernel_audit.audit_kernel import audit_kernel

        if kernel is step and dynamics is not None:
            raise SimulationError(
                "a kernel is audited by itself, and a step against a kernel",
                found="a kernel in the place of the step, and another argument",
                fix="give the kernel alone, or a step function and the kernel",
            )
        check_numbers(step_size or _STEP_SIZE, level, resolution, {"draws": (draws, 1000, 10**9)})
        return audit_kernel(
            None if isinstance(step, Kernel) else step,
            kernel,
            sizes=sizes or {},
            position=by_name(position),
            potential=potential,
            functions=by_name(functions or {}),
            parameters=by_name(parameters or {}),
            to_state=to_state,
            from_state=from_state,
            step_size=step_size,
            leapfrog_steps=leapfrog_steps,
            level=level,
            draws=draws,
            seed=seed,
        )
    started = time.perf_counter()
    largest = _STEP_SIZE if step_size is None else step_size
    check_objects(step, dynamics, potential=potential, to_state=to_state, from_state=from_state)
    assert isinstance(dynamics, Dynamics) and not isinstance(step, Kernel)
    require_free_entries(dynamics.variables, "no audit knows")
    counts = {"states": states, "draws": draws, "chains": chains, "seed": seed}
    check_numbers(largest, level, resolution, {k: (v, *_RANGES[k]) for k, v in counts.items()})
    check_chains(chains, audit_moments.LEAST_CHAINS)
    declared = declared_coefficients(
        dynamics.ito(),
        sizes or {},
        by_name(position),
        potential,
        by_name(functions or {}),
        by_name(parameters or {}),
    )
    points = random_states(declared, states, seed)
    steps = step_map(step, declared, to_state, from_state, points[0])
    expected = declared.at(points)
    law = stationary_law(declared, expected)
    others = 0 if isinstance(law, NoLaw) or chains == 0 else audit_moments.comparisons(declared)
    others += own_comparisons(declared, expected.terms) if steps.has_memory else 0
    case = _Case(declared, steps, expected, step_size, level, others, resolution, draws, seed)
    first = _exact_step(case) if exact else _small_steps(case)
    own, forgetting = _own_states(case, first, exact)
    moments, second = audit_moments.stationary_moments(
        declared,
        steps,
        law,
        chains,
        first.step_sizes[0] if exact else largest,
        exact,
        first.threshold,
        resolution,
        seed + 2,
    )
    discrepancies = (*first.found.discrepancies, *own.discrepancies, *second.discrepancies)
    seen = max(first.found.resolution, own.resolution, second.resolution)
    verdict = INCONSISTENT if discrepancies else CONSISTENT if seen <= resolution else OPEN
    shortage = "; ".join(
        reason
        for reason in (
            _shortage(first, second, resolution, moments.reason),
            forgetting,
        )
        if reason
    )
    return Audit(
        verdict=verdict,
        reason=shortage if verdict == OPEN else "",
        discrepancies=discrepancies,
        level=level,
        resolution=first.found.resolution,
        draws=first.draws,
        states=states,
        step_sizes=first.step_sizes,
        checks={**first.found.checks, **own.checks, **second.checks},
        stationary=moments,
        seconds=time.perf_counter() - started,
    )


@dataclass(frozen=True)
class _Case:
    """One step function with what its one-step law is compared with, and how closely.

    Attributes:
        declared: Coefficients of the declared SDE.
        step: The step function on flat states.
        expected: The coefficients at the states.
        step_size: h, if the user gives one.
        level: Error level of the whole audit.
        others: Comparisons that the audit makes besides these.
        resolution: That is asked for.
        draws: At most, for each state and step size.
        seed: Of the states; increments take the next one.
    """

    declared: Declared
    step: StepMap
    expected: AtStates
    step_size: float | None
    level: float
    others: int
    resolution: float
    draws: int
    seed: int

    @functools.cached_property
    def rate(self) -> float:
        """The SDE's fastest rate at the states."""
        return max(self.declared.fastest_rate(self.expected.points), 1e-30)

    @property
    def small_step(self) -> float:
        """The smallest step size at which the limit of small steps is looked for."""
        return min(_STEP_SIZE, _SMALL / self.rate) if self.step_size is None else self.step_size

    def threshold(self, comparisons: int) -> float:
        """The |z| to which each of so many comparisons, and of the others, is held."""
        return float(stats.norm.ppf(1 - self.level / (2 * (comparisons + self.others))))


@dataclass(frozen=True)
class _OneStep:
    """What one step was seen to do, and the |z| that every comparison of the audit is held to."""

    found: Comparison
    threshold: float
    draws: int
    step_sizes: tuple[float, ...]
    reason: str = ""


def _shortage(first: _OneStep, second: Comparison, resolution: float, other: str) -> str:
    """Why there is not enough evidence."""
    reasons = []
    if first.found.resolution > resolution:
        seen = f"one step shows a term to {first.found.resolution:.0%} only"
        few = f"{seen}: give more draws, or another step_size"
        reasons.append(first.reason or few)
    if second.resolution > resolution:
        reasons.append(other)
    return "; ".join(reasons)


def _small_steps(case: _Case) -> _OneStep:
    """The limit of small steps, with more draws until the resolution is reached."""
    points = case.expected.points
    # Each look at the growing sample is another chance to be wrong.
    looks = 1 + max(0, math.ceil(math.log2(case.draws / _FIRST_LOOK)))
    count = audit_coefficients.comparisons(len(points), case.declared.dimension)
    threshold = case.threshold(looks * count)
    rate, step_size = case.rate, case.small_step
    if rate * step_size > _LARGEST * (1 + 1e-6):
        return _too_large(step_size, rate, threshold)
    seen = case.step.twice if case.step.has_memory else case.step.flat
    sums = Sums(seen, points, step_size, case.seed + 1)
    wanted = _FIRST_LOOK
    while True:
        sums.add(wanted - sums.count)
        found = audit_coefficients.compared(
            case.declared, case.expected, sums.estimate(), sums.steps, threshold
        )
        if found.discrepancies or found.resolution <= case.resolution or sums.count >= case.draws:
            break
        wanted = min(2 * sums.count, case.draws)
    return _OneStep(found, threshold, sums.count, tuple(float(h) for h in sums.steps))


def _too_large(step_size: float, rate: float, threshold: float) -> _OneStep:
    """No evidence: the limit of small steps is not seen from there."""
    reason = (
        f"a step_size of {step_size:g} is too large to see the limit of small steps, for the SDE's "
        f"fastest rate is {rate:.3g}: leave it out, or give at most {_SMALL / rate:.2g}"
    )
    steps = tuple(float(h) for h in step_size * RATIOS)
    return _OneStep(Comparison([], math.inf, {}), threshold, 0, steps, reason)


def _exact_step(case: _Case) -> _OneStep:
    """The law at the finite step; its draws fix what it resolves."""
    sde = required_linear_sde(case.declared, case.expected)
    sizes = exact_steps(sde) if case.step_size is None else (case.step_size,)
    points, size = case.expected.points, case.declared.dimension
    draws = min(case.draws, _EXACT_DRAWS)
    threshold = case.threshold(len(sizes) * len(points) * size * (size + 1))
    texts, checks = exact_discrepancies(
        case.step.flat,
        sde,
        points,
        step_sizes=sizes,
        draws=draws,
        seed=case.seed + 1,
        threshold=threshold,
    )
    # A relative change of a variance by this would be threshold standard errors away.
    seen = threshold * float(np.sqrt(2 / draws))
    return _OneStep(Comparison(texts, seen, checks), threshold, draws, sizes)


def _own_states(case: _Case, first: _OneStep, exact: bool) -> tuple[Comparison, str]:
    """The step from states that it has made itself, where it has a memory and nothing is wrong yet.

    A step that claims to be exact is looked at where it claims it only: by its chains.
    """
    if exact or not case.step.has_memory or first.found.discrepancies or first.reason:
        return Comparison([], 0.0, {}), ""
    return own_state_check(
        case.declared,
        case.step,
        random_states(case.declared, OWN_CHAINS, case.seed + 3),
        step_size=case.small_step,
        rate=case.rate,
        threshold=first.threshold,
        seed=case.seed + 4,
    )
