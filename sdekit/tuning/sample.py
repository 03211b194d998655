"""`sample`: from a target to draws that can be trusted, or to the reason why not.

Not for the choice of scheme and metric (`tuned`), nor for runs of a declared dynamics
(`sdekit.simulation.runs.run`).
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.bridges.other_libraries import from_numpyro
from sdekit.calls import meant, unknown_arguments
from sdekit.diagnostics.draw_statistics import require_arviz
from sdekit.errors import SimulationError
from sdekit.simulation.bind.step_size import check_count
from sdekit.simulation.noise.streams import check_seed
from sdekit.simulation.runs.compiled_run import check_untransformed, compiled_as_usual
from sdekit.simulation.runs.inference_data import to_inference_data
from sdekit.tuning.coupled_bias import LangevinChains, setting_of
from sdekit.tuning.ensembles import BLOCK, Draws
from sdekit.tuning.landscape import LOOKS
from sdekit.tuning.sampled_target import SampledTarget, is_numpyro_model, target_of
from sdekit.tuning.soundness import quality, stiffness_objections, tail_objections
from sdekit.tuning.tuned import FRICTION, Tuned, Tuning, tuned_target

#: Effective draws of every value, bulk and tail, without which nothing is called converged.
EFFECTIVE = 400
#: How many times `draws` a run may be lengthened to.
LONGER = 8
CONVERGED = "converged"


@dataclass(frozen=True, eq=False)
class Sample:
    """Draws of a target and what is known about them.

    Attributes:
        samples: Draws of each parameter in its domain, (chain, draw, *shape), by name.
        tuned: How they were made.
        verdict: "converged", or in words what is wrong.
        sample_stats: `lp` = -U without limits (log Jacobians included), (chain, draw).
        r_hat: The largest split R-hat of all values and the energy.
        effective: Their least effective size, bulk or tail.
        acceptance: Share of accepted trajectories; None for unadjusted chains.
        gradients: Gradient evaluations, tuning and checks included, over all chains.
        seed: Of starts and noise.
        seconds: Wall time, compilation included.
        notes: What else a user should know.
    """

    samples: Mapping[str, np.ndarray]
    tuned: Tuned
    verdict: str
    sample_stats: Mapping[str, np.ndarray]
    r_hat: float
    effective: float
    acceptance: float | None
    gradients: int
    seed: int
    seconds: float
    notes: tuple[str, ...]
    _target: SampledTarget
    _theta: np.ndarray

    @property
    def bias(self) -> float:
        """Upper estimate of the bias of every mean, in its standard deviations."""
        return self.tuned.bias

    @property
    def is_converged(self) -> bool:
        """Whether nothing is known that speaks against the draws."""
        return self.verdict == CONVERGED

    @property
    def chains(self) -> int:
        """Number of chains."""
        return self._theta.shape[0]

    @property
    def draws(self) -> int:
        """Draws of each chain."""
        return self._theta.shape[1]

    @cached_property
    def position(self) -> Any:
        """Draws as the user's PyTree; leaves (chain, draw, *leaf)."""
        with jax.enable_x64(True):
            found = jax.jit(jax.vmap(jax.vmap(self._target.position)))(jnp.asarray(self._theta))
        return jax.tree.map(np.asarray, found)

    def to_arviz(self) -> Any:
        """The draws as `arviz.InferenceData` (ArviZ 0.x) or `xarray.DataTree` (ArviZ 1.x).

        Raises:
            MissingDependencyError: Without ArviZ.
        """
        facts = {
            "scheme": self.tuned.scheme, "step_size": self.tuned.step_size, "seed": self.seed,
            "verdict": self.verdict, "bias": self.bias,
        }  # fmt: skip
        return to_inference_data(self.samples, facts, sample_stats=self.sample_stats)

    def summary(self) -> Any:
        """ArviZ's table of means, standard deviations, effective sample sizes and R-hat.

        Raises:
            MissingDependencyError: Without ArviZ.
        """
        return require_arviz().summary(self.to_arviz())

    def __str__(self) -> str:
        lines = [
            f"{self.chains} chains of {self.draws} draws by {self.tuned.scheme}: {self.verdict}",
            f"  R-hat at most {self.r_hat:.3f}, at least {self.effective:.0f} effective draws, "
            f"bias of means at most {self.bias:.2g} standard deviations, "
            f"{self.gradients} gradients",
        ]
        return "\n".join(lines + [f"  {note}" for note in self.notes])


def sample(
    target: Any = None,
    position: Any = None,
    *arguments: Any,
    log_density: Callable[[Any], Any] | None = None,
    domains: Any = None,
    tolerance: float = 0.02,
    chains: int = 4,
    draws: int = 1000,
    seed: int = 0,
    budget: int | None = None,
    adjusted: bool | None = None,
    **options: Any,
) -> Sample:
    """Draws from a density, tuned, checked and judged.

    Three forms: `sample(U, position)` with U = -log density, `sample(log_density=f, position=x)`,
    and `sample(model, *data, **options)` for a NumPyro model, of which the arguments are its own.

    Chains are lengthened up to 8 times `draws` until R-hat is at most 1.01 and every value has 400
    effective draws, bulk and tail.

    Args:
        target: U, a JAX function of the position; a NumPyro model; or from `sk.from_numpyro`.
        position: A point of positive density, any PyTree of arrays, each within its domain.
        *arguments: The other arguments of a NumPyro model.
        log_density: In place of U, its negative.
        domains: By name of the leaf: "positive", "simplex", "ordered", or (lower, upper). The
            density is one of the constrained values; the Jacobian is added here.
        tolerance: Bias of every mean that is accepted, in standard deviations.
        chains: Number of chains, from 2.
        draws: Draws of each chain, at least.
        seed: Of starts and noise.
        budget: Gradient evaluations that tuning may take; 40,000 when left out.
        adjusted: Whether to correct by Metropolis steps; whichever is cheaper when left out.
        **options: Keyword arguments of a NumPyro model.

    Returns:
        Draws with `.verdict`, `.bias`, `.tuned`. A target that is refused gives the draws of the
        pilot, and a verdict that says why.

    Raises:
        SimulationError: If an argument is wrong, the target is not finite at the start, or a
            NumPyro model has discrete latent variables or plates that draw rows anew.

    Example:
        >>> import jax.numpy as jnp
        >>> run = sample(lambda x: x - 2 * jnp.log(x), 1.0, domains="positive")
        >>> run.verdict, run.samples["theta"].shape
        ('converged', (4, 1000))

    Checked by: tests/tuning/test_sample.py.
    """
    began = time.perf_counter()
    check_seed(seed)
    check_count("draws", draws, BLOCK)
    check_untransformed("sk.sample", position, arguments, options)
    given = () if position is None else (position, *arguments)
    with jax.enable_x64(True), compiled_as_usual():
        if is_numpyro_model(target, given, options):
            found = target_of(from_numpyro(target, *given, seed=seed, **options), None, domains)
        else:
            _check_alone(arguments, options)
            found = target_of(target, position, domains, log_density=log_density)
        tuning, tuned = tuned_target(
            found, tolerance=tolerance, budget=budget, chains=chains, seed=seed, adjusted=adjusted
        )
        if tuned.refusal:
            return _result(tuning, tuned, tuning.pilot.draws, seed, began)
        return _result(tuning, tuned, _long_enough(tuning, tuned, draws), seed, began)


def _check_alone(arguments: tuple[Any, ...], options: Mapping[str, Any]) -> None:
    own = list(inspect.signature(sample).parameters)
    other = [word for word in options if meant(word, own)]
    if other:
        raise unknown_arguments("sk.sample", other, own)
    if arguments or options:
        unknown = ", ".join(options) or f"{len(arguments)} arguments after the position"
        raise SimulationError(
            "these are arguments of a NumPyro model, and the target is none",
            expected="sample(U, position, chains=..., ...)", found=unknown,
            fix="see help(sk.sample) for the options; call the model under "
            "numpyro.handlers.seed if it is one",
        )  # fmt: skip


def _long_enough(tuning: Tuning, tuned: Tuned, draws: int) -> Draws:
    """Draws until they are converged, or `LONGER` times as many as asked for."""
    more = _continuation(tuning, tuned)
    found = more(draws)
    while found.theta.shape[1] < LONGER * draws:
        if not quality(_values(tuning, found)).objections(EFFECTIVE):
            break
        found = found.then(more(min(found.theta.shape[1], LONGER * draws - found.theta.shape[1])))
    return found


def _continuation(tuning: Tuning, tuned: Tuned) -> Callable[[int], Draws]:
    """Draws that go on where the last ones ended."""
    pilot = tuning.pilot
    if tuned.scheme == "HMC":

        def adjusted(count: int) -> Draws:
            pilot.states, made = pilot.ensemble.trajectories(
                pilot.states, pilot.factor, tuned.step_size, pilot.leaps, count
            )
            return made

        return adjusted
    setting = setting_of(pilot.factor, tuned.step_size, FRICTION)
    chains = LangevinChains(pilot.ensemble, is_coupled=False)
    states, _ = chains.run(chains.begin(pilot.draws.theta[:, -1], setting), setting, BLOCK)

    def unadjusted(count: int) -> Draws:
        nonlocal states
        states, (made,) = chains.run(states, setting, count)
        energy = jax.jit(jax.vmap(jax.vmap(tuning.target.potential)))(jnp.asarray(made.theta))
        return Draws(made.theta, np.asarray(energy), None)

    return unadjusted


def _values(tuning: Tuning, draws: Draws) -> dict[str, np.ndarray]:
    """What is judged: the reported values and the energy."""
    return {**tuning.target.named_values(draws.theta), "the energy": draws.energy}


def _result(tuning: Tuning, tuned: Tuned, draws: Draws, seed: int, began: float) -> Sample:
    values = _values(tuning, draws)
    found = quality(values)
    objections, notes = [tuned.refusal] if tuned.refusal else [], tuned.notes
    if not tuned.refusal:
        objections += found.objections(EFFECTIVE)
        objections += tail_objections(values)
        points = draws.theta.reshape(-1, draws.theta.shape[2])
        some = points[np.linspace(0, len(points) - 1, 3 * LOOKS).astype(int)]
        lost = tuning.surveyor.undefined(some, tuning.pilot.factor, seed)
        if lost:
            notes += (
                f"U is no number (NaN) at {lost} of {len(some)} points one step from draws, which "
                "are taken to have no density; where that is meant, let U be infinite",
            )
        stiffness = tuning.surveyor.stiffness(some, tuning.pilot.factor)
        objections += stiffness_objections(stiffness, tuned.step_size)
        if not tuned.bias <= tuning.tolerance:
            objections.append(f"means may be biased by {tuned.bias:.2g} standard deviations")
    del values["the energy"]
    return Sample(
        samples=values,
        tuned=tuned,
        verdict="; ".join(objections) or CONVERGED,
        sample_stats={"lp": -draws.energy},
        r_hat=found.r_hat[0],
        effective=found.effective[0],
        acceptance=draws.accepted,
        gradients=tuning.gradients,
        seed=seed,
        seconds=time.perf_counter() - began,
        notes=notes,
        _target=tuning.target,
        _theta=draws.theta,
    )
