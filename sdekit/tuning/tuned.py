"""`tune`: from a target to a scheme, step, friction and metric, with a stated bias.

Not for the draws themselves (`sample`), nor for the windows (`pilot`) and the coupled chains
(`coupled_bias`) that it asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.errors import SimulationError
from sdekit.simulation.bind.step_size import check_count
from sdekit.simulation.noise.streams import check_seed
from sdekit.simulation.runs.compiled_run import check_untransformed, compiled_as_usual
from sdekit.tuning.coupled_bias import LangevinChains, bias_bounds, setting_of
from sdekit.tuning.ensembles import BLOCK, ChainEnsemble
from sdekit.tuning.landscape import Landscape, Surveyor, survey
from sdekit.tuning.pilot import AGREE, Pilot, run_pilot
from sdekit.tuning.preconditioning import LinearMap, whitened
from sdekit.tuning.sampled_target import SampledTarget, target_of

#: Friction of the unadjusted chains in whitened time: harmonic means and squares, of frequency 1,
#: then have the same correlation time 2 gamma = gamma + 1 / gamma.
FRICTION = 1.0
#: Gradients per effective draw of BAOAB at the step h: that time over h.
LANGEVIN_TIME = 2.0
#: The longest step of the unadjusted chains, where the target is no stiffer than N(0, I).
LONGEST = 1.0
#: What confirming a bias costs for each effective draw of a run of 4,000: up to 20,000 gradients.
CONFIRMING = 5.0
#: Gradients that tuning may take where nobody says.
BUDGET = 40_000


@dataclass(frozen=True, eq=False)
class Tuned:
    """How a target is best sampled, and what is known against it.

    Attributes:
        scheme: "HMC" (Metropolis-adjusted trajectories) or "BAOAB" (unadjusted).
        step_size: h in whitened time.
        parameters: {"leapfrog_steps": ...} or {"gamma": ...}.
        metric: theta = mean + L z, of the parameters without limits, flattened.
        burn_in: Draws of each chain that the pilot dropped.
        chains: Number of chains.
        bias: Upper estimate of the bias of every reported mean, in its standard deviations: 0 for
            adjusted chains, infinite where the target is refused.
        deviation_bias: The same for standard deviations.
        reason: Why this choice.
        refusal: Why the target is not sampled soundly, and what to do; "" where it is.
        notes: What else a user should know.
        gradients: Gradient evaluations that tuning took, over all chains; a Hessian counts d.
    """

    scheme: str
    step_size: float
    parameters: Mapping[str, float]
    metric: LinearMap
    burn_in: int
    chains: int
    bias: float
    deviation_bias: float
    reason: str
    refusal: str = ""
    notes: tuple[str, ...] = ()
    gradients: int = 0

    def __str__(self) -> str:
        values = ", ".join(f"{name} = {value:g}" for name, value in self.parameters.items())
        kind = "diagonal" if self.metric.factor.ndim == 1 else "dense"
        lines = [
            f"{self.scheme}, h = {self.step_size:.3g}, {values}, {kind} metric, "
            f"{self.chains} chains; {self.gradients} gradients",
            f"  bias of means at most {self.bias:.2g} standard deviations: {self.reason}",
        ]
        lines += [f"  REFUSED: {self.refusal}"] if self.refusal else []
        return "\n".join(lines + [f"  {note}" for note in self.notes])

    def to_dict(self) -> dict[str, Any]:
        """The choice as plain data, without the metric."""
        names = ("scheme", "step_size", "burn_in", "chains", "bias", "deviation_bias", "reason")
        more = ("refusal", "gradients")
        found = {name: getattr(self, name) for name in (*names, *more)}
        bounds = {k: v if np.isfinite(v) else None for k, v in found.items() if "bias" in k}
        return {**found, **bounds, "parameters": dict(self.parameters), "notes": list(self.notes)}


@dataclass(eq=False)
class Tuning:
    """The state of one call of `tune`, from which `sample` goes on.

    Attributes:
        surveyor: Derivatives of the target.
        landscape: Modes and tails.
        pilot: Metropolis chains.
        tolerance: Of the bias.
        budget: Gradients that may be spent.
        tried: Unadjusted steps whose bias was too large, in words.
    """

    surveyor: Surveyor
    landscape: Landscape
    pilot: Pilot
    tolerance: float
    budget: float
    tried: list[str] = field(default_factory=list)

    @property
    def target(self) -> SampledTarget:
        """What is sampled."""
        return self.surveyor.target

    @property
    def gradients(self) -> int:
        """Gradients so far."""
        return self.surveyor.gradients + self.pilot.ensemble.gradients


def tune(
    dynamics: str,
    U: Any,
    position: Any = None,
    *,
    tolerance: float = 0.02,
    budget: int | None = None,
    chains: int = 4,
    seed: int = 0,
    domains: Any = None,
    adjusted: bool | None = None,
) -> Tuned:
    """Choose scheme, step, friction and metric for a target, and state the bias.

    Descents from dispersed starts find modes and a first metric; windows of Metropolis chains
    improve it; then unadjusted BAOAB chains, whose bias two coupled steps show, are weighed against
    adjusted ones, which have none. Everything runs in double precision.

    Args:
        dynamics: "langevin".
        U: Minus the log density, a JAX function of the position; or from `sk.from_numpyro`.
        position: A point of positive density, any PyTree of arrays.
        tolerance: Bias of every mean that is accepted, in standard deviations.
        budget: Gradient evaluations that tuning may take, over all chains; 40,000 when left out.
        chains: Number of chains, from 2.
        seed: Of starts and noise.
        domains: By name of the leaf: "positive", "simplex", "ordered", or (lower, upper). U is a
            density of the constrained values; the Jacobian is added here.
        adjusted: Whether to correct by Metropolis steps; whichever is cheaper when left out.

    Returns:
        The choice. Where the target cannot be sampled soundly its `refusal` says why, and what to
        do instead.

    Raises:
        SimulationError: If an argument is wrong or the target is not finite at the start.

    Example:
        >>> import jax.numpy as jnp
        >>> tuned = tune("langevin", lambda x: jnp.sum(x**2) / 2, jnp.zeros(2))
        >>> tuned.scheme, tuned.bias, tuned.refusal
        ('HMC', 0.0, '')

    Source: Leimkuhler, Matthews (2013) for BAOAB; Duane et al. (1987) for HMC.
    Checked by: tests/tuning/test_sample.py.
    """
    if dynamics != "langevin":
        raise SimulationError(
            "this dynamics is not tuned", expected='"langevin"', found=repr(dynamics)[:60],
            fix="choose steps with sk.bias, and run sk.simulate",
        )  # fmt: skip
    check_untransformed("sk.tune", position)
    with jax.enable_x64(True), compiled_as_usual():
        target = target_of(U, position, domains)
        _, tuned = tuned_target(
            target, tolerance=tolerance, budget=budget, chains=chains, seed=seed, adjusted=adjusted
        )
    return tuned


def tuned_target(
    target: SampledTarget,
    *,
    tolerance: float,
    budget: int | None,
    chains: int,
    seed: int,
    adjusted: bool | None,
) -> tuple[Tuning, Tuned]:
    """Tune a target; within double precision.

    Raises:
        SimulationError: If an argument is wrong.
    """
    check_seed(seed)
    check_count("chains", chains, 2)
    if not (isinstance(tolerance, (int, float)) and 0 < tolerance < np.inf):
        raise SimulationError(
            "the tolerated bias is wrong", expected="a number > 0, in standard deviations",
            found=repr(tolerance)[:40], fix="write tolerance=0.02",
        )  # fmt: skip
    if budget is not None:
        check_count("budget", budget, 1)
    limit = float(BUDGET if budget is None else budget)
    surveyor = Surveyor(target)
    landscape = survey(surveyor, chains, seed)
    ensemble = ChainEnsemble(target, chains, seed)
    pilot = run_pilot(surveyor, landscape, ensemble, limit)
    tuning = Tuning(surveyor, landscape, pilot, tolerance, limit)
    refusal = _refusal(tuning)
    tuned = None
    if not refusal and adjusted is not True:
        tuned = _unadjusted(tuning, must=adjusted is False)
    if tuned is None:
        tuned = _adjusted(tuning)
    if adjusted is False and tuned.scheme == "HMC" and not refusal:
        refusal = f"no unadjusted step meets the tolerance within the budget ({tuned.reason})"
        refusal += ": raise tolerance or budget, or let the chains be adjusted"
    if refusal:
        tuned = replace(tuned, refusal=refusal, bias=np.inf, deviation_bias=np.inf)
    return tuning, replace(tuned, gradients=tuning.gradients)


def metric_of(tuning: Tuning) -> LinearMap:
    """The metric, centred at the mean of the pilot's draws."""
    draws = tuning.pilot.draws.theta
    mean = draws.reshape(-1, draws.shape[2]).mean(0)
    return LinearMap(mean, tuning.pilot.factor, lambda flat: flat)


def _refusal(tuning: Tuning) -> str:
    pilot, landscape = tuning.pilot, tuning.landscape
    if landscape.heavy:
        return (
            f"heavy tail: {landscape.heavy}, so that means or variances do not exist; "
            "transform the parameter (by a logarithm) or give it a lighter prior"
        )
    if not pilot.stiffness.max() > 0:
        return (
            "the gradient of U does not vary at any draw, so that there is no curvature (a count, "
            "a rounded value, a flat density); sum or integrate discrete values out"
        )
    spread = float(pilot.stiffness.max() / max(np.median(pilot.stiffness), 1e-300))
    agrees = pilot.r_hat < 1.5 * AGREE and pilot.acceptance > 0.5
    if len(landscape.modes) > 1 and not agrees:
        return (
            f"separate modes: {len(landscape.modes)} were found and chains do not pass between "
            "them; break the symmetry (ordered parameters), or sample each and weigh them"
        )
    if not agrees and spread > 30:
        return (
            f"funnel: the curvature varies {spread:.0f}-fold along the draws; reparameterize "
            "(non-centred), or use a metric that depends on the position (riemannian entries)"
        )
    if not agrees:
        return (
            f"chains disagree after the pilot: R-hat {pilot.r_hat:.2f}, acceptance "
            f"{pilot.acceptance:.2f}; raise budget, start nearer to the bulk, or reparameterize"
        )
    return ""


def _adjusted(tuning: Tuning) -> Tuned:
    pilot = tuning.pilot
    tried = f" ({'; '.join(tuning.tried)})" if tuning.tried else ""
    return Tuned(
        scheme="HMC",
        step_size=pilot.step_size,
        parameters={"leapfrog_steps": pilot.leaps},
        metric=metric_of(tuning),
        burn_in=pilot.steps,
        chains=pilot.ensemble.chains,
        bias=0.0,
        deviation_bias=0.0,
        reason=f"Metropolis steps leave the target invariant; {pilot.acceptance:.2f} are accepted, "
        f"{pilot.cost:.1f} gradients per effective draw expected{tried}",
        notes=tuning.landscape.notes,
    )


def _unadjusted(tuning: Tuning, *, must: bool) -> Tuned | None:
    """BAOAB with the longest step whose bias is confirmed; None where adjusted is better."""
    pilot = tuning.pilot
    h = min(LONGEST, 1.2 / float(np.sqrt(pilot.stiffness.max())))
    chains = LangevinChains(pilot.ensemble, is_coupled=True)
    while True:
        cost = LANGEVIN_TIME / h
        if not must and cost + CONFIRMING > pilot.cost:
            return None
        bounds = confirmed(tuning, chains, h)
        means, deviations = (float(row.max()) for row in bounds)
        if means <= tuning.tolerance:
            return Tuned(
                scheme="BAOAB",
                step_size=h,
                parameters={"gamma": FRICTION},
                metric=metric_of(tuning),
                burn_in=pilot.steps,
                chains=pilot.ensemble.chains,
                bias=means,
                deviation_bias=deviations,
                reason=f"chains coupled at h and h/2 differ by less; {cost:.1f} gradients per "
                f"effective draw expected, {pilot.cost:.1f} if adjusted",
                notes=tuning.landscape.notes,
            )
        tuning.tried.append(f"BAOAB at h = {h:.2g} may be biased by {means:.2g}")
        if tuning.gradients > tuning.budget or h < 1e-3:
            return None
        share = np.sqrt(0.7 * tuning.tolerance / means) if np.isfinite(means) else 0.5
        h *= float(np.clip(share, 0.25, 0.8))


def confirmed(tuning: Tuning, chains: LangevinChains, h: float) -> np.ndarray:
    """Upper estimates of the bias of every reported value at the step h, (2, k).

    Beside the target a Gaussian of the same metric runs on the same noise; BAOAB has no bias for
    it, and costs no gradient of the target. The coupled run is lengthened while its error, not its
    difference, exceeds the tolerance, and the budget lasts.
    """
    factor = tuning.pilot.factor
    d, unit = tuning.target.size, np.ones(len(factor)) if factor.ndim == 1 else np.eye(len(factor))
    mean = metric_of(tuning).mean
    plain = SampledTarget(lambda z: jnp.sum(z**2) / 2, np.zeros(d), lambda z: {}, lambda z: z)
    model = ChainEnsemble(plain, chains.ensemble.chains, 0)
    model.key = chains.ensemble.key
    both = (chains, LangevinChains(model, is_coupled=True, taken=chains.taken))
    settings = [setting_of(L, h, FRICTION) for L in (factor, unit)]
    start = tuning.pilot.draws.theta[:, -1]
    starts = (start, whitened(factor, start - mean))
    states = [c.begin(x, s) for c, x, s in zip(both, starts, settings, strict=True)]
    linear = _linear_values(tuning.target, mean, factor)
    found: list[list[np.ndarray]] = []
    bounds = np.full((2, 1), np.inf)
    for number, blocks in enumerate((1, 8, 8, 16, 32)):
        made = [c.run(x, s, blocks * BLOCK) for c, x, s in zip(both, states, settings, strict=True)]
        states = [after for after, _ in made]
        if number == 0:
            continue  # the pair has to part first
        values = [reported(tuning.target, each.theta) for each in made[0][1]]
        values += [linear(each.theta) for each in made[1][1]]
        found.append(values)
        x, y, u, w = (np.concatenate(parts, 1) for parts in zip(*found, strict=True))
        bounds = bias_bounds((x, y), (u, w))
        if bounds[0].max() <= tuning.tolerance or not np.isfinite(bounds).all():
            break
        if tuning.gradients > tuning.budget:
            break
    return bounds


def _linear_values(target: SampledTarget, mean: np.ndarray, factor: np.ndarray) -> Any:
    """z -> the reported values to first order about the mean, in units of their deviation."""

    def flat(theta: Any) -> Any:
        return jnp.concatenate([jnp.ravel(v) for v in target.values(theta).values()])

    slopes = np.asarray(jax.jit(jax.jacfwd(flat))(jnp.asarray(mean)))
    rows = slopes * factor if factor.ndim == 1 else slopes @ factor
    size = np.sqrt((rows**2).sum(1, keepdims=True))
    rows = rows / np.where(size == 0, 1.0, size)
    return lambda z: z @ rows.T


def reported(target: SampledTarget, theta: np.ndarray) -> np.ndarray:
    """The values that users see, one after the other, (chain, draw, k)."""
    values = target.named_values(theta)
    return np.concatenate([v.reshape(*theta.shape[:2], -1) for v in values.values()], 2)
