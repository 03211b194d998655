"""`Run`: the draws of a simulation and everything needed to say how they came about.

Not for making them (`run`) nor for reading stored runs (`store`).

Checked by: tests/simulation/runs/test_run.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NoReturn

import jax
import numpy as np

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.diagnostics.draw_statistics import require_arviz
from sdekit.diagnostics.path_bands import Paths
from sdekit.errors import SdekitError, SimulationError, UnknownNameError
from sdekit.notebook import ShownInNotebooks
from sdekit.schemes.guards.end_notes import end_notes
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.position import PositionLayout
from sdekit.simulation.events.passages import Passages, passages_of
from sdekit.simulation.loop.program import LoopState
from sdekit.simulation.notes.equilibrium import (
    Equilibrium,
    equilibrium_notes,
    equilibrium_of,
)
from sdekit.simulation.notes.noise_notes import noise_notes
from sdekit.simulation.notes.runaway import runaway_notes
from sdekit.simulation.runs.inference_data import (
    acceptance_rates,
    named_leaves,
    sample_stats,
    to_inference_data,
)
from sdekit.simulation.runs.output_times import Span
from sdekit.simulation.runs.tabulated import jump_notes
from sdekit.simulation.updates.extra import ExtraLayout


@dataclass(frozen=True)
class Run(ShownInNotebooks):
    """What a simulation gave.

    Attributes:
        samples: Draws of each recorded variable, (chain, draw, *shape); those of a run with a store
            are read from it when they are first asked for.
        dynamics: What ran.
        scheme: The scheme that ran.
        step_size: h, or None under a schedule.
        step_sizes: Step size at each draw under a schedule, (draw,): the weights of averages.
        thin: Steps from one draw to the next.
        burn_in: Steps before the first draw that were dropped.
        chains: Number of chains, over all processes.
        seed: Of the noise.
        parameters: Values of the parameters, by name.
        layout: How positions map to blocks.
        seconds: Wall time, compilation included.
        state: State of the chains at the end.
        observed: Results of the streaming observables, by name.
        first_chain: Number of the first chain here: not 0 where another process ran that one.
        remarks: What the run found out about itself, a part of `notes`.
        span: What was asked for: times, steps.
        steps_before: Steps that the chains had taken in runs before this one.
        problem: What was bound to run; None for a run that was read or sent.
        extra_layout: How extra arrays map to samples; None without updates.
    """

    samples: Mapping[str, np.ndarray]
    dynamics: Dynamics
    scheme: str
    step_size: float | None
    step_sizes: np.ndarray | None
    thin: int
    burn_in: int
    chains: int
    seed: int
    parameters: Mapping[str, np.ndarray]
    layout: PositionLayout
    seconds: float
    state: LoopState | None = None
    observed: Mapping[str, Any] = field(default_factory=dict)
    first_chain: int = 0
    remarks: tuple[str, ...] = ()
    span: Span | None = None
    steps_before: int = 0
    problem: Problem | None = field(default=None, repr=False, compare=False)
    extra_layout: ExtraLayout | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Functions of the user stand behind the problem, which cannot be pickled.
        return {**self.__dict__, "problem": None}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.__dict__.get("samples", ()):
            raise AttributeError(f"a run has no {name!r}", name=name, obj=self)
        self[name]

    def __getitem__(self, name: Any) -> NoReturn:
        """Draws stand in `samples`: whoever writes run["theta"] is told."""
        of_one = name if name in self.samples else next(iter(self.samples), "NAME")
        raise UnknownNameError(
            f"a run has no {name}", expected="draws by the name of their variable",
            found=name, fix=f'write run.samples["{of_one}"]',
        )  # fmt: skip

    @property
    def _shapes(self) -> Mapping[str, tuple[int, ...]]:
        stored = getattr(self.samples, "shapes", None)
        return {n: v.shape for n, v in self.samples.items()} if stored is None else stored

    @property
    def draws(self) -> int:
        """Draws of each chain."""
        return next(iter(self._shapes.values()))[1] if self.samples else 0

    @property
    def steps(self) -> int:
        """Steps behind the last draw, burn-in included."""
        if self.span is None:
            return self.burn_in + self.draws * self.thin
        return replace(self.span, draws=self.draws).steps

    @property
    def times(self) -> np.ndarray | None:
        """The time of each draw, (draw,); None under a schedule."""
        if self.span is not None and self.span.times is not None:
            return self.span.times[: self.draws]
        if self.step_size is None:
            return None
        begin = 0.0 if self.span is None else self.span.t0
        numbers = self.burn_in + self.thin * np.arange(1, self.draws + 1)
        return begin + self.step_size * numbers

    @cached_property
    def events(self) -> Mapping[str, Passages]:
        """First passages of the events that were watched, by name."""
        watch = None if self.state is None else self.state.cache.watch
        if watch is None or self.span is None:
            return {}
        return passages_of(watch, self.span, self._own)

    def paths(self) -> Paths:
        """The draws against their times: mean, standard error, quantile bands and a figure.

        Raises:
            SimulationError: Under a schedule of step sizes, whose draws have no time.
        """
        if self.times is None:
            raise SimulationError(
                "draws under a schedule have no time",
                found="a schedule of step sizes",
                fix="give step_size as a number, and times= for those that are wanted",
            )
        return Paths(self.times, self.samples)

    @property
    def position(self) -> Any:
        """Draws of the target variables as the user's PyTree; leaves (chain, draw, *leaf)."""
        blocks: dict[str, Any] = {x.name: self.samples[x.name] for x in self.layout.variables}
        return self.layout.position(blocks, axes=2)

    @property
    def extra(self) -> Any:
        """Draws of the extra arrays as the user's PyTree; leaves (chain, draw, *leaf).

        Raises:
            SimulationError: If the run has none, or did not record them.
        """
        layout = self.extra_layout
        if layout is None or not set(layout.names) <= set(self.samples):
            raise SimulationError(
                "there are no draws of extra arrays",
                expected="a run with updates and extra, which records them",
                found=", ".join(self.samples),
                fix="leave record out, or name them in it",
            )
        return layout.gathered(self.samples)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know about the run; the dynamics is verified when first asked."""
        found = [*self.remarks]
        if self.step_sizes is not None:
            found.append("step sizes vary: averages must be weighted with run.step_sizes")
        if self.problem is not None and self.span is not None and self.times is not None:
            grid = self.span.step_size if self.step_size is None else self.step_size
            end = float(self.times[-1])
            found += jump_notes(self.problem.functions, grid, self.span.t0, end)
        found += self._boundary_notes() + self._acceptance_notes() + noise_notes(self)
        found += [
            f"{own.censored} of {self._own} chains had not passed {name} by t = {own.end:g}"
            for name, own in self.events.items()
            if own.censored
        ]
        found += [] if self.events else equilibrium_notes(self) or runaway_notes(self)
        found += end_notes(
            self.dynamics, self.scheme, folded=self._folds is None or self._folds > 0
        )
        if self.dynamics.hamiltonian is None:
            found.append("the dynamics claims no stationary density")
            return tuple(found)
        from sdekit.verifier.ladder import verify

        try:
            verification = verify(self.dynamics)
        except SdekitError as error:
            return (*found, f"the dynamics is not proved: {error}")
        verdict = verification.verdict.value
        if verdict != "proved":
            found.append(f"the dynamics is not proved to sample exp(-H): {verdict}")
        return tuple(found)

    @cached_property
    def equilibrium(self) -> Equilibrium | None:
        """<p . dH/dp>/n, 1 for every H, beside what the scheme itself has; None without momenta."""
        return equilibrium_of(self)

    @property
    def _folds(self) -> float | None:
        """Reflections of a chain, on average; None where none are counted."""
        folds = None if self.state is None else self.state.cache.folds
        # Chains that fill up a device are no chains of the run.
        return (
            None if folds is None else float(np.atleast_1d(np.asarray(folds))[: self._own].mean())
        )

    def _boundary_notes(self) -> list[str]:
        """How often the chains met the ends of their domains."""
        bounded = [x.name for x in self.dynamics.variables if x.domain.is_bounded]
        steps = self.steps
        if self._folds is None or not bounded or not steps:
            return []
        each = 1000 * self._folds / steps
        what = f"{', '.join(bounded)} met the ends of the domain"
        return [f"{what} {each:.3g} times in 1,000 steps and was reflected"] if each else []

    def _acceptance_notes(self) -> list[str]:
        """How many trajectories were accepted, and the chains that never moved."""
        rates = acceptance_rates(self)
        if rates is None:
            return []
        what = "trajectories" if self.scheme.startswith("HMC") else "proposals"
        notes = [f"{float(rates.mean()):.3g} of the {what} were accepted"]
        stuck = self.first_chain + np.flatnonzero(rates == 0)
        if len(stuck):
            notes.append(f"chains that accepted nothing: {', '.join(map(str, stuck[:10]))}")
        return notes

    def gathered(self) -> Run:
        """The run with the chains of all processes, in each of them.

        Processes wait for each other here: each must call this, and for the same run. Without
        `jax.distributed` a run has all its chains, and is returned as it is.

        Returns:
            Samples and observables of all chains; the state, which each process keeps, is None.

        Raises:
            SimulationError: If a chain stopped before the others, or other parts ran elsewhere.
        """
        if self.has_all_chains:
            return self
        if jax.process_count() == 1:
            raise SimulationError(
                "the chains of other parts are not here",
                expected=f"all {self.chains} chains",
                found=f"{self._own} from chain {self.first_chain} on",
                fix="read the store of all parts: sk.read_samples",
            )
        from sdekit.simulation.runs.gathering import gathered_moments, gathered_samples

        samples, observed = gathered_samples(self.samples), gathered_moments(self.observed)
        return replace(self, samples=samples, observed=observed, state=None, first_chain=0)

    @property
    def has_all_chains(self) -> bool:
        """Whether no chains ran elsewhere."""
        return self._own == self.chains

    @property
    def _own(self) -> int:
        """Number of the chains here."""
        return next(iter(self._shapes.values()))[0]

    def to_arviz(self) -> Any:
        """The draws as `arviz.InferenceData` (ArviZ 0.x) or `xarray.DataTree` (ArviZ 1.x).

        A position that was given as a PyTree keeps the names and shapes of its leaves; draws have
        their times as the coordinate `time`. The group `sample_stats` has `energy`, H of each draw
        up to a constant (not behind a `Minibatch`, nor where a variable of H was not recorded), and
        `acceptance_rate`, of the whole chain, where proposals are accepted or rejected. A chain
        that diverges ends its run: no draw of a run is a divergent one.

        Raises:
            MissingDependencyError: Without ArviZ.
        """
        return self._inference_data(sample_stats(self))

    def _inference_data(self, stats: Mapping[str, np.ndarray]) -> Any:
        facts = {**self.facts(), "notes": "; ".join(self.notes)}
        draws = named_leaves(self.samples, self.layout)
        return to_inference_data(draws, facts, self.times, sample_stats=stats)

    def facts(self) -> dict[str, Any]:
        """What the draws are of, for files that hold them."""
        return {
            "dynamics": self.dynamics.name or "",
            "scheme": self.scheme,
            "step_size": "schedule" if self.step_size is None else self.step_size,
            "thin": self.thin,
            "burn_in": self.burn_in,
            "seed": self.seed,
        }

    def summary(self) -> Any:
        """ArviZ's table of means, standard deviations, effective sample sizes and R-hat.

        Raises:
            MissingDependencyError: Without ArviZ.
        """
        # The table reads no energies, which cost a value of U for each draw.
        return require_arviz().summary(self._inference_data({}))

    def citation(self) -> str:
        """One sentence on what ran, and BibTeX of sdekit, the dynamics and the scheme."""
        from sdekit.simulation.notes.citation import citation

        return citation(self)

    def __repr__(self) -> str:
        what = ", ".join(f"{name} {shape}" for name, shape in self._shapes.items())
        return f"<Run of {self.dynamics.name or 'a dynamics'} by {self.scheme}: {what}>"


def chains_first(values: np.ndarray, is_single: bool) -> np.ndarray:
    """Draws (draws, *shape[, chains]) as (chains, draws, *shape), without copying."""
    return values[None] if is_single else np.moveaxis(values, -1, 0)
