"""The host's side of a run: start of the chains, compiled calls one after the other, divergence.

Not for options and results (`run`) nor for what is compiled (`loop`).

Checked by: tests/simulation/runs/test_run.py.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import jax
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as Spec
from jax.typing import ArrayLike

from sdekit.simulation.guard.compiled_values import Probed, probed
from sdekit.simulation.loop.blocks import Plan, tail_plan, tiled
from sdekit.simulation.loop.compiled_loop import advance, compiler_options
from sdekit.simulation.loop.devices import CHAINS, split_last_axis
from sdekit.simulation.loop.observables import emptied
from sdekit.simulation.loop.program import Fixed, Keys, LoopState, Program
from sdekit.simulation.loop.tracing import jitted
from sdekit.simulation.noise.streams import (
    ACCEPT,
    GRADIENT,
    MOST_STEPS,
    NORMALS,
    START,
    THREEFRY,
    UPDATES,
    chain_keys,
)
from sdekit.simulation.steps.sampler import Bound, Sampler
from sdekit.simulation.steps.scheme import prepared_draws
from sdekit.simulation.steps.small_steps import sizes_and_drifts
from sdekit.simulation.sweeps.step_constants import step_constants
from sdekit.simulation.sweeps.swept_values import Sweep

#: Seconds of a call after which a store or the progress bar may be told.
PACE = 0.5
#: Most times longer that a call may be than the one before.
MOST_GROWTH = 8.0


@dataclass(frozen=True)
class Chunk:
    """What one compiled call gave.

    Attributes:
        samples: Kept draws by name, (draws, *shape, chains).
        observed: Observables accumulated since the last batch ended.
        ends_batch: Whether their batch ends with this chunk.
        state: Where the chains stand.
        next_step: Number of the next step.
        draws: Number of draws.
    """

    samples: dict[str, np.ndarray]
    observed: Any
    ends_batch: bool
    state: LoopState
    next_step: int
    draws: int


@dataclass(frozen=True)
class Diverged:
    """The first chain that left the finite numbers.

    Attributes:
        chain: Its number.
        step: The step after which it was not finite.
    """

    chain: int
    step: int


@dataclass(frozen=True, eq=False)
class Driver:
    """One program for one set of chains.

    Attributes:
        sampler: What runs.
        bound: For positions of this structure.
        program: What is compiled.
        chains: Numbers of the chains of this process, in one stretch.
        devices: Devices that share the chains; more than one only for several chains.
        seed: Of the noise.
        before: Steps that the chains have taken in runs before this one.
        sweep: Of whose rows `chains` are the numbers; None where all chains have one value.
    """

    sampler: Sampler
    bound: Bound
    program: Program
    chains: range
    devices: tuple[Any, ...]
    seed: int
    before: int = 0
    sweep: Sweep | None = None

    @property
    def key(self) -> Array:
        """The key of all noise; another one where steps were taken before, with their number."""
        key = jax.random.key(self.seed, impl=THREEFRY)
        return jax.random.fold_in(key, self.before % 2**32) if self.before else key

    @cached_property
    def latest_tables(self) -> dict[str, tuple[int, Any]]:
        """The tables made last for each oracle, with their number: they cost a pass of memory."""
        return {}

    @cached_property
    def numbers(self) -> int:
        """Numbers in the state of one chain."""
        problem = self.bound.problem
        return sum(math.prod(shape) for shape in problem.block_shapes.values())

    @property
    def tiling(self) -> tuple[int, int]:
        """Groups of chains that a device runs one after the other, and chains of a group."""
        return tiled(-(-len(self.chains) // len(self.devices)), self.numbers)

    @property
    def lanes(self) -> int:
        """Chains that run: those asked for, filled up to equal groups."""
        tiles, each = self.tiling
        return len(self.devices) * tiles * each

    @property
    def is_single(self) -> bool:
        """Whether arrays have no axis of chains."""
        return self.lanes == 1

    @property
    def chain_numbers(self) -> np.ndarray:
        """Number of the chain of each lane, () or (lanes,): what decides its random numbers."""
        numbers = self.lane_numbers
        return numbers if self.sweep is None else numbers % self.sweep.chains

    @property
    def lane_numbers(self) -> np.ndarray:
        """Number of each lane, () or (lanes,)."""
        numbers = self.chains.start + np.arange(self.lanes)
        return numbers[0] if self.is_single else numbers

    @cached_property
    def own_parameters(self) -> dict[str, np.ndarray]:
        """Swept parameters by name, lanes last; empty without a sweep."""
        if self.sweep is None:
            return {}
        return self.sweep.on_lanes(self.lane_numbers, self.bound.problem.dtype)

    @cached_property
    def keys(self) -> dict[int, Array]:
        """Threefry keys of all chains, by stream."""
        numbers = self.chain_numbers.astype(np.uint32)
        return _all_keys(self.key, numbers)

    def start(
        self, positions: Mapping[str, Array], given: Mapping[str, Array], tables: Any
    ) -> tuple[LoopState, dict[str, Probed], dict[str, Any]]:
        """The state before the first step, what the program found for each oracle, and
        `sizes_and_drifts` there.

        Args:
            positions: Blocks of the target variables, chains last (without the axis for one).
            given: Auxiliary blocks the user sets, chains last.
            tables: Tables of gradient sources.
        """
        key = ("start", self.bound, self.is_single, tuple(given))
        if key not in self.sampler.programs:
            self.sampler.programs[key] = jitted(self._start_function())
        arguments = (positions, given, self.keys[START], tables, self.own_parameters)
        return self.sampler.programs[key](*arguments)

    def _start_function(self) -> Callable[..., Any]:
        def of_one(
            target: Mapping[str, Array], given: Any, keys: Array, tables: Any, own: Any
        ) -> Any:
            problem, scheme = self.bound.problem, self.bound.scheme
            problem = replace(problem, parameters={**problem.parameters, **own})
            bound = replace(self.bound, problem=problem)
            blocks = self.sampler.start(bound, target, given, keys)
            blocks |= {name: given[name] for name in given if name not in blocks}
            position = problem.layout.position(blocks)
            cache = self.sampler.first_cache(bound, blocks, keys, position, tables)
            words = sum(oracle.source.words for oracle in scheme.oracles)
            bits = self.sampler.noise.bits(keys, 2, 1, words)[0]
            draws = prepared_draws(scheme.oracles, bits, 0)
            seen = probed(scheme.oracles, blocks, draws, cache.sources, tables)
            found = sizes_and_drifts(problem, scheme, blocks, cache)
            return LoopState(blocks, cache), seen, found

        if self.is_single:
            return of_one
        return jax.vmap(of_one, in_axes=(-1, -1, -1, None, -1), out_axes=-1)

    def constants(self, h: float) -> Any:
        """Coefficients that need no state, in double precision until the last rounding."""
        return step_constants(self.sampler, self.bound, h, (self.sweep, self.lane_numbers))

    def call(self, plan: Plan, program: Program) -> Callable[..., Any]:
        """The compiled `advance` for a plan."""
        key = (program, plan, self.lanes, self.devices)
        if key not in self.sampler.programs:
            self.sampler.programs[key] = self._compiled(plan, program)
        return self.sampler.programs[key]

    def _compiled(self, plan: Plan, program: Program) -> Callable[..., Any]:
        """The jitted `advance`; without machine loops where the compiler refuses them."""
        plain = replace(program, machine_loops=False)
        forms = [self._jitted(plan, program), self._jitted(plan, plain)]

        def call(*arguments: Any) -> Any:
            try:
                return forms[0](*arguments)
            except jax.errors.JaxRuntimeError as error:
                if len(forms) == 1 or "UNIMPLEMENTED" not in str(error):
                    raise
                del forms[0]
                return forms[0](*arguments)

        return call

    def _jitted(self, plan: Plan, program: Program) -> Callable[..., Any]:
        run = partial(advance, program, plan)
        if len(self.devices) == 1:
            return jitted(run, compiler_options=compiler_options())
        mesh = Mesh(np.asarray(self.devices), (CHAINS,))

        def sharded(
            state: Any, keys: Any, fixed: Any, first: Any, blocks: Any, observed: Any
        ) -> Any:
            arguments = (state, keys, fixed, first, blocks, observed)
            after, kept, sizes, seen, bad = jax.eval_shape(run, *arguments)
            mapped = jax.shard_map(
                run,
                mesh=mesh,
                in_specs=(
                    *jax.tree.map(split_last_axis, (state, keys)),
                    *jax.tree.map(lambda x: Spec(), (fixed, first, blocks)),
                    jax.tree.map(split_last_axis, observed),
                ),
                out_specs=(
                    *jax.tree.map(split_last_axis, (after, kept)),
                    jax.tree.map(lambda x: Spec(), sizes),
                    *jax.tree.map(split_last_axis, (seen, bad)),
                ),
                check_vma=False,
            )
            return mapped(*arguments)

        return jax.jit(sharded, compiler_options=compiler_options())

    def spread(self, tree: Any) -> Any:
        """Arrays placed on the devices that own their chains."""
        if len(self.devices) == 1:
            # The first device takes arrays by itself; placing them costs as much as 10^4 steps.
            is_first = self.devices[0] == jax.local_devices()[0]
            return tree if is_first else jax.device_put(tree, self.devices[0])
        mesh = Mesh(np.asarray(self.devices), (CHAINS,))
        return jax.tree.map(
            lambda x: jax.device_put(x, NamedSharding(mesh, split_last_axis(x))), tree
        )

    def tables(self, step: int) -> tuple[dict[str, Any], int]:
        """Tables of the gradient sources that have any, and the first step that needs others.

        A change falls on a beginning of a pass over the data where the thinning allows it.
        """
        scheme, found, until = self.bound.scheme, {}, MOST_STEPS
        for oracle in scheme.oracles:
            source: Any = oracle.source  # tables are no part of what every source must have
            period = getattr(source, "period", None)
            if period is None:
                continue
            ahead = sum(o is oracle for o in scheme.carried)
            steps = max(1, period // max(1, sum(o is oracle for o in scheme.evaluations)))
            number = (step + ahead) // steps
            if self.latest_tables.get(oracle.name, (-1,))[0] != number:
                made = source.tables(self.key, number)
                self.latest_tables[oracle.name] = (number, made)
            found[oracle.name] = self.latest_tables[oracle.name][1]
            until = min(until, (number + 1) * steps - ahead)
        return found, until

    def chunks(
        self,
        plan: Plan,
        draws: int,
        state: LoopState,
        fixed: Fixed,
        first_step: int,
        observed: Any,
        *,
        done: int = 0,
        paced: bool = False,
    ) -> Iterator[Chunk | Diverged]:
        """Run `draws` draws, call after call; ends after a divergence, with the draws before it.

        A batch of observables ends with the first block that completes `plan.chunk_draws` draws,
        counted from draw 0: never where the pace or a resumption happens to cut the run.

        Args:
            plan: How calls are cut.
            draws: Draws to make.
            state: Where the chains stand.
            fixed: What does not change.
            first_step: Number of the first step.
            observed: Accumulated observables of the batch that is going on.
            done: Draws that were made before.
            paced: Whether calls are cut so that each takes about `PACE` seconds. What a gradient
                costs is not known beforehand, and progress and checkpoints come between calls.
        """
        most_blocks, is_compiled = (1 if paced else plan.blocks), False
        given, of = fixed, self.keys
        keys = self.spread(Keys(of[NORMALS], of[GRADIENT], of[ACCEPT], of[UPDATES], fixed.own))
        fixed = fixed._replace(own=None)
        state = self.spread(state)
        until = -1
        while draws:
            if first_step >= until:
                tables, until = self.tables(first_step)
                fixed = fixed._replace(tables=tables)
            room = min(draws, max(1, (until - first_step) // plan.thin))
            current = plan if room >= plan.draws else tail_plan(plan, room)
            current = replace(current, aligned=first_step % 2 == 0)
            batch_left = plan.chunk_draws - done % plan.chunk_draws
            to_batch_end = -(-batch_left // current.draws)
            blocks = min(current.blocks, room // current.draws, most_blocks, to_batch_end)
            made = blocks * current.draws
            arguments = (keys, fixed, np.uint32(first_step), np.int32(blocks), observed)
            began = time.perf_counter()
            after, kept, _, seen, _ = self.call(current, self.program)(state, *arguments)
            if not _is_finite(after, len(self.chains)):
                diverged = self._find(current, state, arguments)
                good = (diverged.step - first_step) // plan.thin
                if good > 0:
                    # The state behind the last good draw was never looked at: the call is made
                    # again up to there.
                    yield from self.chunks(
                        plan, good, state, given, first_step, observed, done=done
                    )
                yield diverged
                return
            if paced and is_compiled:
                share = PACE / max(time.perf_counter() - began, 1e-6)
                most_blocks = max(1, int(blocks * min(share, MOST_GROWTH)))
            is_compiled = True
            draws -= made
            done += made
            first_step += made * plan.thin
            state = after
            samples = self.on_host(kept, made)
            ends_batch = made >= batch_left
            yield Chunk(samples, seen, ends_batch, state, first_step, made)
            observed = emptied(seen) if ends_batch else seen

    def on_host(self, kept: Mapping[str, Array], draws: int) -> dict[str, np.ndarray]:
        """Kept draws (draws, *shape, chains), cut to what was filled and the chains asked for."""
        found = {}
        for name, values in kept.items():
            array = np.asarray(values)[:draws]
            found[name] = array[..., None] if self.is_single else array[..., : len(self.chains)]
        return found

    def _find(self, plan: Plan, state: LoopState, arguments: tuple[Any, ...]) -> Diverged:
        """Run a call again, noting the step after which each chain was not finite."""
        monitored = replace(self.program, monitored=True)
        _, _, _, _, bad = self._compiled(plan, monitored)(state, *arguments)
        steps = np.asarray(bad).reshape(-1)[: len(self.chains)]
        first = int(np.argmin(steps))
        return Diverged(self.chains[first], int(steps[first]))


@jax.jit
def _all_keys(key: Array, chains: ArrayLike) -> dict[int, Array]:
    streams = np.array([NORMALS, GRADIENT, START, ACCEPT, UPDATES], np.uint32)
    # One hash for all streams: four of them would take four times as long to compile.
    of_stream = jax.vmap(chain_keys, in_axes=(None, None, 0))(key, chains, streams)
    return {int(stream): keys for stream, keys in zip(streams, of_stream, strict=True)}


def _is_finite(state: LoopState, chains: int) -> bool:
    for block in state.blocks.values():
        values = np.asarray(block)
        if not np.all(np.isfinite(values[..., :chains] if values.ndim else values)):
            return False
    return True
