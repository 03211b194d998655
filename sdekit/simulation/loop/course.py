"""The course of a run: burn-in, then draws, chunk after chunk into a sink, until the end or a
divergence.

Not for the compiled calls (`driver`) nor for arguments (`run`).

Checked by: tests/simulation/runs/test_run.py.
"""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.simulation.guard.compiler_guard import CompilerGuard
from sdekit.simulation.loop.blocks import Plan, burn_in_piece, plan_run
from sdekit.simulation.loop.driver import Chunk, Diverged, Driver
from sdekit.simulation.loop.observables import Observables, Watched, emptied
from sdekit.simulation.loop.program import Fixed, LoopState
from sdekit.simulation.loop.schedules import Grid
from sdekit.simulation.store.sinks import OnDisk, Sink

#: Most calls of the program of the draws that a burn-in makes: they take as long as compiling
#: another one.
BURN_IN_CALLS = 64


@dataclass(frozen=True)
class Outcome:
    """What a course ends with.

    Attributes:
        samples: Draws by name, (chain, draw, *shape).
        step_sizes: Step sizes at the draws under a schedule.
        observed: Results of the observables.
        state: State of the chains at the end.
    """

    samples: Mapping[str, np.ndarray]
    step_sizes: np.ndarray | None
    observed: dict[str, Any]
    state: LoopState


@dataclass(frozen=True)
class Interrupted:
    """The user asked to stop.

    Attributes:
        draws: Draws that were made until then, of the whole run.
    """

    draws: int


@contextmanager
def _deferred_interrupt() -> Iterator[list[bool]]:
    """Ctrl-C is noted, to be answered between two calls; a second one ends at once.

    Where it would not raise KeyboardInterrupt anyway, it is left to whoever handles it.
    """
    asked: list[bool] = []

    def note(number: int, frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(True)

    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield asked
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True, eq=False)
class Course:
    """One run.

    Attributes:
        driver: What makes the compiled calls.
        fixed: What does not change during the run.
        draws: Draws to keep, the start among them where it is kept.
        thin: Steps from one to the next.
        burn_in: Steps before the first.
        observables: Streaming observables.
        paced: Whether something happens between calls: progress, or a store.
        keeps_start: Whether the start is the first draw.
        guard: Compares compiled numbers with their operations.
    """

    driver: Driver
    fixed: Fixed
    draws: int
    thin: int
    burn_in: int
    observables: Observables | None
    paced: bool = False
    keeps_start: bool = False
    guard: CompilerGuard | None = None

    def follow(
        self, state: LoopState, sink: Sink, advance: Callable[[int], None]
    ) -> tuple[Outcome, Diverged | Interrupted | None]:
        """Run to the end, to the first chain that is not finite, or until Ctrl-C.

        Args:
            state: At the start; replaced by the sink's where a stored run goes on.
            sink: Where draws go.
            advance: Told the number of steps of each finished call.
        """
        step, done = 0, 0
        watched = Watched({}, {})
        if self.observables is not None:
            watched = self.observables.begin(state.blocks)
        if isinstance(sink, OnDisk):
            step, done, (state, watched) = sink.resumed((state, watched))
            if step:
                self._guard(state)
        if self.keeps_start and not done:
            names = self.driver.program.names
            kept = {name: state.blocks[name][None] for name in names}
            sink.append(0, self.driver.on_host(kept, 1), (state, watched), step)
            done = 1
        ended: Diverged | Interrupted | None = None
        looked_at: dict[bool, LoopState] = {}
        with _deferred_interrupt() as asked:
            for kept, chunk in self._calls(step, done, state, watched):
                if isinstance(chunk, Diverged):
                    ended = chunk
                    break
                advance(chunk.next_step - step)
                state, step = chunk.state, chunk.next_step
                if kept not in looked_at:
                    looked_at[kept] = state
                    self._guard(state)
                if kept:
                    watched = self._watched(watched, chunk)
                    sink.append(done, chunk.samples, (state, watched), step)
                    done += chunk.draws
                else:
                    sink.append(0, {}, (state, watched), step)
                if asked:
                    ended = Interrupted(done)
                    break
            if not isinstance(ended, Diverged) and looked_at.get(True) is not state:
                self._guard(state)
            if ended is None:
                sink.finish()
            else:
                sink.settle()
        return self._outcome(sink, watched, state), ended

    def _guard(self, state: LoopState) -> None:
        if self.guard is not None:
            self.guard.handed_on(state)

    def _calls(
        self, step: int, done: int, state: LoopState, watched: Watched
    ) -> Iterator[tuple[bool, Chunk | Diverged]]:
        """What the compiled calls give, and whether their draws are kept."""
        observed = watched.running
        for plan, count, kept in self._stretches(step, done):
            for chunk in self.driver.chunks(
                plan, count, state, self.fixed, step, observed, done=done, paced=self.paced
            ):
                yield kept, chunk
                if isinstance(chunk, Diverged):
                    return
                state, step = chunk.state, chunk.next_step

    def _watched(self, before: Watched, chunk: Chunk) -> Watched:
        """The observables with the draws of one more chunk."""
        if self.observables is None or not chunk.ends_batch:
            return before._replace(running=chunk.observed)
        totals = self.observables.merge(before.totals, chunk.observed)
        return Watched(emptied(chunk.observed), totals)

    def plan(self, draws: int, thin: int) -> Plan:
        """How calls for so many draws are cut."""
        problem, scheme = self.driver.bound.problem, self.driver.bound.scheme
        sizes = {name: math.prod(shape) for name, shape in problem.block_shapes.items()}
        return plan_run(
            draws,
            thin,
            chains=-(-self.driver.lanes // len(self.driver.devices)),
            normals=self.driver.program.noise.words(scheme.elements),
            numbers=self.driver.numbers,
            recorded=sum(sizes[name] for name in self.driver.program.names),
            draw_bytes=scheme.draw_bytes,
            tiles=self.driver.tiling[0],
        )

    def _stretches(self, step: int, done: int) -> Iterator[tuple[Plan, int, bool]]:
        """Plans with their numbers of draws, and whether the draws are kept."""
        schedule = self.driver.program.schedule
        if isinstance(schedule, Grid):
            for thin, count in _equal_intervals(schedule.counts[done - self.keeps_start :]):
                yield self.plan(count, thin), count, True
            return
        plan = self.plan(self.draws, self.thin)
        burnt = self._burn_in_pieces(plan, self.burn_in - step) if step < self.burn_in else ()
        for own, count in burnt:
            yield own, count, False
        yield plan, self.draws - done, True

    def _burn_in_pieces(self, plan: Plan, left: int) -> Iterator[tuple[Plan, int]]:
        """Plans and numbers of draws of what is left of the burn-in.

        The program of the draws serves where it needs few calls: another one would have to be
        compiled. Tables of gradient sources change between draws only, which stay as they are.
        """
        whole, rest = divmod(left, self.thin)
        if not rest and whole <= BURN_IN_CALLS * plan.chunk_draws:
            yield plan, whole
            return
        has_tables = bool(self.driver.tables(0)[0])
        piece = self.thin if has_tables and not rest else burn_in_piece(left)
        whole, rest = divmod(left, piece)
        yield self.plan(whole, piece), whole
        if rest:
            yield self.plan(1, rest), 1

    def _outcome(self, sink: Sink, watched: Watched, state: LoopState) -> Outcome:
        observed = {}
        if self.observables is not None:
            whole = self.observables.merge(watched.totals, watched.running)
            observed = self.observables.result(whole)
        return Outcome(sink.samples(), self._step_sizes(sink.taken), observed, state)

    def _step_sizes(self, draws: int) -> np.ndarray | None:
        """The size of the last step before each draw, also of draws before a resumption."""
        schedule = self.driver.program.schedule
        if schedule is None or isinstance(schedule, Grid):
            return None
        numbers = jnp.arange(draws, dtype=jnp.uint32) * np.uint32(self.thin)
        return np.asarray(jax.vmap(schedule)(numbers + np.uint32(self.burn_in + self.thin - 1)))


def _equal_intervals(counts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Numbers of steps that follow each other, with how often each does."""
    for steps, same in groupby(map(int, counts)):
        yield steps, len(list(same))
