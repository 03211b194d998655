"""One call of `simulate`, its arguments checked: from the start of the chains to the `Run`.

Not for the course of the steps (`course`) nor for the user's arguments (`run`).

Checked by: tests/simulation/runs/test_run.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import DivergenceError, SimulationError
from sdekit.simulation.bind.double import low_half
from sdekit.simulation.bind.parameter_values import parameter_arrays
from sdekit.simulation.bind.step_size import check_step_size
from sdekit.simulation.events.barrier import Barrier
from sdekit.simulation.events.watching import Watching, check_events, watching
from sdekit.simulation.gradients.declared_noise import check_noise_parts
from sdekit.simulation.guard.compiled_values import aside
from sdekit.simulation.guard.compiler_guard import CompilerGuard
from sdekit.simulation.loop.course import Course, Interrupted, Outcome
from sdekit.simulation.loop.devices import chosen_share, part_share
from sdekit.simulation.loop.driver import Diverged, Driver
from sdekit.simulation.loop.observables import Observables
from sdekit.simulation.loop.program import Fixed, LoopState, Program
from sdekit.simulation.loop.progress import ProgressBar
from sdekit.simulation.loop.schedules import Grid, as_schedule
from sdekit.simulation.runs.fingerprint import digest, fingerprint
from sdekit.simulation.runs.output_times import Span
from sdekit.simulation.runs.result import Run
from sdekit.simulation.runs.starts import (
    NO_UPDATES,
    ExtraStart,
    Starts,
    auxiliary_blocks,
    check_finite_start,
)
from sdekit.simulation.steps.boundaries import check_inside
from sdekit.simulation.steps.sampler import Bound, Sampler
from sdekit.simulation.steps.small_steps import is_careful, smallest_share, with_rest
from sdekit.simulation.store.sinks import open_sink
from sdekit.simulation.sweeps.swept_run import SweptRun
from sdekit.simulation.sweeps.swept_step import LaneValues
from sdekit.simulation.sweeps.swept_values import Sweep
from sdekit.simulation.updates.updating import bind_updates


@dataclass(frozen=True, eq=False)
class Job:
    """One call of `simulate`; the attributes are its arguments, checked.

    Attributes:
        sampler: What runs.
        starts: Where chains start.
        span: How far the run goes and what it keeps.
        chains: Number of chains.
        seed: Of the noise.
        auxiliary: Starts of auxiliary variables, by name.
        before: Steps that the chains have taken in runs before this one.
        sweep: Values of parameters, each of which all chains run with.
        own: Updates of the user.
        events: Barriers by name.
    """

    sampler: Sampler
    starts: Starts
    span: Span
    chains: int
    seed: int
    auxiliary: Mapping[str, Any]
    before: int = 0
    sweep: Sweep | None = None
    own: ExtraStart = NO_UPDATES
    events: Mapping[str, Barrier] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Chains of all values."""
        return self.chains if self.sweep is None else self.sweep.rows

    def run(
        self,
        record: Sequence[str] | None,
        observables: Mapping[str, Any],
        store: Any,
        resume: bool,
        progress: bool,
        devices: Any,
        part: Any = None,
    ) -> Run | Any:
        """Run it.

        Raises:
            SimulationError: If something does not fit the dynamics.
            DivergenceError: If a chain leaves the finite numbers.
        """
        began = time.perf_counter()
        bound = self.sampler.bind(self.starts.example, self.own.layout(self.sampler))
        schedule = self._schedule()
        h = check_step_size(self.span.step_size) if schedule is None else float(schedule(0))
        names = _recorded(bound, record)
        share = (
            chosen_share(devices, self.rows)
            if part is None
            else part_share(part, devices, self.rows)
        )
        own = len(share.chains)
        watched = None
        if observables:
            ndims = {name: len(shape) for name, shape in bound.problem.block_shapes.items()}
            seen = bound.problem.as_given
            watched = Observables(observables, ndims, None if own == 1 else own, seen)
        check_events(self.events, self.sampler, self.span, bool(self.own.updates))
        events = watching(self.events, bound)
        program = self._program(bound, names, schedule, watched, events)
        driver = Driver(
            self.sampler, bound, program, share.chains, share.devices, self.seed, self.before,
            self.sweep,
        )  # fmt: skip
        constants = driver.constants(h) if schedule is None else None
        fixed = Fixed(
            h=np.asarray(h, self.sampler.dtype) if schedule is None else None,
            constants=constants if self.sweep is None else None,
            parameters=bound.problem.parameters,
            tables={},
            low=self._low_halves(h),
            begin=self._begin(),
            own=self.sweep and LaneValues(driver.own_parameters, constants),
        )
        guard = self._guard(driver)
        state, found = self._start(driver, bound, guard)
        least = h if schedule is None else self._least(schedule)
        if is_careful(bound.problem, bound.scheme, smallest_share(found, least), least):
            # The same program with sums that keep what rounding takes from them.
            program = self._program(bound, names, schedule, watched, events, careful=True)
            driver = replace(driver, program=program)
            state = state._replace(cache=with_rest(state.cache, state.blocks))
        if events is not None:
            state = events.begun(state, driver.chain_numbers.shape)
        every = bound.problem.block_shapes.items()
        shapes = {n: (shape, state.blocks[n].dtype) for n, shape in every if n in names}
        header = {} if store is None else self._header(driver, names, state, watched)
        sink = open_sink(store, resume, header, shapes, share, self.span.draws)
        paced = progress or store is not None
        span = self.span
        course = Course(
            driver, fixed, span.draws, span.thin, span.burn_in, watched, paced, span.keeps_start,
            guard,
        )  # fmt: skip
        with (
            closing(sink),
            ProgressBar(
                span.steps,
                # Processes of one machine share a terminal, and are about equally far.
                enabled=progress and share.chains.start == 0,
                description=self.sampler.dynamics.name or "simulating",
            ) as bar,
        ):
            outcome, ended = course.follow(state, sink, bar.advance)
        seconds = time.perf_counter() - began
        run = self._result(bound, outcome, None if schedule else h, share.chains.start, seconds)
        told = (*self.starts.notes, *guard.notes, *self._noise_notes(), *self.own.notes)
        told += () if events is None else events.notes()
        run = replace(run, remarks=told)
        run = run if self.sweep is None else SweptRun(run, self.sweep)
        if isinstance(ended, Diverged):
            raise self._divergence(ended, run, schedule)
        if isinstance(ended, Interrupted):
            raise _interruption(ended, run, store is None, span.draws)
        return run

    def _divergence(self, found: Diverged, run: Any, schedule: Any) -> DivergenceError:
        h = self.span.step_size if schedule is None else float(schedule(found.step))
        chain = f"chain {found.chain % self.chains}"
        if self.sweep is not None:
            chain += f" at {self.sweep.text(found.chain // self.chains)}"
        return DivergenceError(
            f"{chain} is not finite after step {found.step + 1}",
            run=run,
            found=f"step size {h}",
            expected="finite numbers",
            fix="use a smaller step, or mend the sign of U if it falls without bound: it is minus "
            "the log density; what was sampled before is in the error's run"
            if found.step
            else "use a smaller step, or a diffusion that is positive semidefinite there",
        )

    def _result(
        self,
        bound: Bound,
        outcome: Outcome,
        step_size: float | None,
        first_chain: int,
        seconds: float,
    ) -> Run:
        return Run(
            samples=outcome.samples,
            dynamics=self.sampler.dynamics,
            scheme=bound.scheme.name,
            step_size=step_size,
            step_sizes=outcome.step_sizes,
            thin=self.span.thin,
            burn_in=self.span.burn_in,
            chains=self.rows,
            first_chain=first_chain,
            seed=self.seed,
            parameters=bound.problem.parameters,
            layout=bound.problem.layout,
            seconds=seconds,
            state=outcome.state,
            observed=outcome.observed,
            span=self.span,
            steps_before=self.before,
            problem=bound.problem,
            extra_layout=bound.problem.extra,
        )

    def _header(
        self, driver: Driver, names: tuple[str, ...], state: LoopState, watched: Observables | None
    ) -> dict[str, Any]:
        """What identifies the run.

        Two runs with equal headers give equal numbers, as far as the fingerprint can tell functions
        apart by their values.
        """
        swept = {} if self.sweep is None else self.sweep.values
        parameters = {
            k: np.asarray(v).tolist() for k, v in self.sampler.parameters.items() if k not in swept
        }
        span, is_drawn = self.span, self.starts.draw is not None
        asked = {} if span.times is None else {"times": digest(span.times)}
        asked |= {"t0": span.t0} if span.t0 else {}
        asked |= {"steps_before": self.before} if self.before else {}
        asked |= {"events": repr(sorted(self.events.items()))} if self.events else {}
        asked |= {"sweep": {k: v.tolist() for k, v in swept.items()}} if swept else {}
        asked |= {"updates": [u.every for u in self.own.updates]} if self.own.updates else {}
        return {
            "dynamics": self.sampler.dynamics.name or "",
            "declaration": digest(np.array(_declared(self.sampler.dynamics))),
            "variables": list(names),
            "scheme": driver.bound.scheme.name,
            "step_size": "schedule" if callable(span.step_size) else float(span.step_size),
            "thin": span.thin,
            "burn_in": span.burn_in,
            "draws": span.draws,
            "chains": self.rows,
            "seed": self.seed,
            "precision": str(self.sampler.dtype),
            "noise": self.sampler.noise.backend,
            "parameters": parameters,
            "observables": {} if watched is None else watched.described(state.blocks),
            "fingerprint": fingerprint(driver, state, watched, span.steps, is_drawn),
            **asked,
        }

    def _noise_notes(self) -> tuple[str, ...]:
        law = self.sampler.noise.law
        if law is None:
            return ()
        return (f"noise: {law}; orders are kept, laws of single increments are not",)

    def _low_halves(self, h: float) -> tuple[Any, dict[str, Any]] | None:
        """What single precision takes from numbers that stand beside the time."""
        dynamics = self.sampler.dynamics
        if not dynamics.depends_on_time or self.sampler.dtype == np.float64:
            return None
        exact = parameter_arrays(dynamics, self.sampler.parameters)
        return low_half(h), {name: low_half(value) for name, value in exact.items()}

    def _begin(self) -> tuple[Any, Any]:
        """Halves of the time at the start."""
        t0, dtype = self.span.t0, self.sampler.dtype
        return np.asarray(t0, dtype), low_half(t0) if dtype == np.float32 else np.zeros(())

    def _least(self, schedule: Callable[[Any], Any]) -> float:
        """The shortest of the steps, as far as it is known."""
        if isinstance(schedule, Grid):
            return float(schedule.sizes.min())
        return min(float(schedule(0)), float(schedule(self.span.steps - 1)))

    def _schedule(self) -> Callable[[Any], Any] | None:
        size = self.span.step_size
        if not callable(size) or isinstance(size, Grid):
            return size if isinstance(size, Grid) else None
        if self.sampler.dynamics.depends_on_time:
            raise SimulationError(
                "a dynamics that depends on the time runs with a constant step size",
                fix="give step_size as a number",
            )
        return as_schedule(size)

    def _program(
        self,
        bound: Bound,
        names: tuple[str, ...],
        schedule: Any,
        watched: Observables | None,
        events: Watching | None,
        careful: bool = False,
    ) -> Program:
        """The program, the same object for the same run, so that it is compiled once."""
        varying = self.span.step_size if schedule else None
        key = ("program", bound, names, varying, careful, self.own.updates, events and events.key)
        programs = self.sampler.programs
        if watched is None and key in programs:
            return programs[key]
        scheme = (bound.scheme.compensated or bound.scheme) if careful else bound.scheme
        program = Program(
            scheme=scheme if events is None else events.watched(scheme),
            noise=self.sampler.noise,
            names=names,
            schedule=schedule,
            timed=self.sampler.dynamics.depends_on_time or bool(events and events.reads_time),
            observe=None if watched is None else watched.update,
            updating=bind_updates(bound, self.own.updates),
        )
        if watched is None:
            programs[key] = program
        return program

    def _guard(self, driver: Driver) -> CompilerGuard:
        scheme = driver.bound.scheme
        return CompilerGuard(
            scheme,
            driver.bound.problem.parameters,
            len(driver.chains),
            driver.is_single,
            self.span.steps * self.sampler.options.get("leapfrog_steps", 1),
            self.sampler.programs.setdefault(("traces", driver.bound), {}),
            driver.own_parameters,
        )

    def _start(
        self, driver: Driver, bound: Bound, guard: CompilerGuard
    ) -> tuple[LoopState, dict[str, Any]]:
        numbers = driver.chain_numbers
        if self.sweep is not None:
            self.sweep.check_values(self.sampler, bound)
        given = auxiliary_blocks(bound.problem, self.auxiliary, self.chains, numbers)
        target = self.starts.blocks(bound.problem, numbers)
        given |= self.own.blocks(self.sampler, numbers)
        check_inside({**given, **target}, bound.problem.dynamics)
        rest = (given, driver.tables(0)[0])
        state, seen, found = driver.start(target, *rest)
        check_finite_start(state.blocks, seen)
        if self.sweep is None:
            check_noise_parts(bound.problem, state.blocks, driver.is_single)
        else:
            self.sweep.check_noise(bound.problem, state.blocks)
        guard.started(state, seen, rest[-1])
        if not seen:
            return state, found
        # A start is often a special point, such as 0, at which a fault does not show.
        beside = aside(target, bound.problem.layout.variables)
        guard.started(*driver.start(beside, *rest)[:2], rest[-1])
        return state, found


def _interruption(found: Interrupted, run: Any, in_memory: bool, draws: int) -> KeyboardInterrupt:
    """What Ctrl-C raises: no class of ours, so that a process ends as the shell expects."""
    how = (
        "what was sampled is in the attribute `run` of this exception"
        if in_memory
        else "the same call with resume=True goes on from there"
    )
    stopped = KeyboardInterrupt(f"interrupted after draw {found.draws} of {draws}: {how}")
    stopped.run = run  # type: ignore[attr-defined]
    return stopped


def _declared(dynamics: Dynamics) -> str:
    """The formulas of a dynamics, which its name need not tell."""
    carried = (dict(dynamics.gradient_noise),) if dynamics.gradient_noise else ()
    return repr((dict(dynamics.drift), dict(dynamics.diffusion), dynamics.hamiltonian, *carried))


def _recorded(bound: Bound, record: Sequence[str] | None) -> tuple[str, ...]:
    names = list(bound.problem.block_shapes)
    if record is None:
        return tuple(names)
    if isinstance(record, str) or not record or not set(record) <= set(names):
        raise SimulationError(
            "record does not name variables of the dynamics or extra arrays"
            if bound.problem.extra
            else "record does not name variables of the dynamics",
            expected=f"some of {', '.join(names)}",
            found=repr(record)[:80],
            fix=f'write record=["{names[0]}"]',
        )
    return tuple(record)
