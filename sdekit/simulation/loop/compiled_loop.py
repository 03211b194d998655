"""The compiled loop: noise in blocks outside, steps inside, draws kept as they come.

`advance` runs some blocks of a plan for all chains, starting from any step, and is a pure function
of its arguments. Chains stand on the last axis of every array; a single chain has no such axis.

Two things decide the speed. Noise is drawn for a whole block at once, because a hash within each
step costs a hundred times the step; and two steps are taken at a time, since the generator makes
normals in pairs. XLA compiles a loop into one machine loop only while its body stays small, so that
more unrolling is slower (PERFORMANCE: "the cliff").

Not for cutting a run (`plan`) nor for what one step does (`scheme`).

Checked by: tests/simulation/runs/test_run.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from sdekit.simulation.loop.blocks import Plan
from sdekit.simulation.loop.machine_loop import as_machine_loop
from sdekit.simulation.loop.program import Fixed, Keys, LoopState, Program
from sdekit.simulation.loop.tracing import traced
from sdekit.simulation.noise.streams import NoiseBlock, made_apart
from sdekit.simulation.steps.scheme import StepInput, prepared_draws
from sdekit.simulation.sweeps.swept_step import swept_step

#: Where no step is named.
_NEVER = np.uint32(np.iinfo(np.uint32).max)
#: Operations of a step from which on a pair of steps is a loop of two turns instead of two copies:
#: they would take twice as long to compile, and the loop costs nothing beside them.
LONG_STEP = 300


class _Carried(NamedTuple):
    state: LoopState
    observed: Any
    first_bad: Any


class _StepData(NamedTuple):
    """What one step reads, with leading axes of steps outside the inner loop.

    There `normals` are a `NoiseBlock`, inside they are the arrays of one step or pair.
    """

    normals: Any
    draws: Any
    uniforms: Any
    h: Any
    number: Any
    updates: Any = None


def advance(
    program: Program,
    plan: Plan,
    state: LoopState,
    keys: Keys,
    fixed: Fixed,
    first_step: Array,
    blocks: Array,
    observed: Any = (),
) -> tuple[LoopState, dict[str, Array], Array, Any, Array]:
    """Run `blocks` blocks of the plan.

    Args:
        program: What a step does and what is kept.
        plan: How the call is cut (static).
        state: Where the chains stand.
        keys: Of the chains.
        fixed: What does not change.
        first_step: uint32, number of the first step; even for an aligned plan.
        blocks: Number of blocks to run, at most plan.blocks.
        observed: Accumulated observables.

    Returns:
        The state afterwards; the kept draws by name, (plan.chunk_draws, *shape[, chains]), of
        which the first blocks * plan.draws are filled; the step sizes at the draws, if there is a
        schedule; the observables; and for each chain the first step after which it was not finite
        (monitored programs), the largest uint32 where there is none.
    """
    if plan.tiles > 1:
        return _tile_after_tile(program, plan, state, keys, fixed, first_step, blocks, observed)
    fixed = fixed._replace(own=keys.own)
    h = fixed.h if program.schedule is None else program.schedule(first_step)
    example, weight = jax.eval_shape(lambda: _kept(program, state, h))
    buffers = jax.tree.map(
        lambda x: jnp.zeros((plan.chunk_draws, *x.shape), x.dtype), (example, weight)
    )
    never = jnp.full(keys.normals.shape[1:], _NEVER)

    def one_block(index: Array, carried: Any) -> Any:
        inner, kept = carried
        index = _with_all_cores(index)
        start = first_step + index.astype(jnp.uint32) * np.uint32(plan.draws * plan.thin)
        inner, draws = _block_of_draws(program, plan, inner, keys, fixed, start)
        at = index * plan.draws
        kept = jax.tree.map(
            lambda buffer, new: lax.dynamic_update_slice_in_dim(buffer, new, at, axis=0),
            kept,
            draws,
        )
        return inner, kept

    start = _Carried(state, observed, never)
    end, (kept, sizes) = lax.fori_loop(0, blocks, one_block, (start, buffers))
    return end.state, kept, sizes, end.observed, end.first_bad


def _with_all_cores(index: Array) -> Array:
    """The index of a block; the loop around stays one of separate operations.

    XLA for CPUs (jaxlib 0.12) compiles a whole loop into one function, which runs on one core,
    unless something in it has to be called, such as a sort. A block's normals are large enough to
    be shared by all cores; the loop over its steps, which is inside, stays one function.
    """
    if jax.default_backend() != "cpu":
        return index
    return lax.sort(jnp.stack([index, jnp.zeros_like(index)]))[-1]


def _tile_after_tile(
    program: Program, plan: Plan, state: Any, keys: Any, fixed: Fixed, *rest: Any
) -> tuple[LoopState, dict[str, Array], Array, Any, Array]:
    """`advance` for groups of chains that fit the cache, one group after the other."""
    first_step, blocks, observed = rest
    whole = replace(plan, tiles=1)

    def cut(x: Array) -> Array:
        return jnp.moveaxis(x.reshape(*x.shape[:-1], plan.tiles, x.shape[-1] // plan.tiles), -2, 0)

    def joined(x: Array) -> Array:
        x = jnp.moveaxis(x, 0, -2)
        return x.reshape(*x.shape[:-2], x.shape[-2] * x.shape[-1])

    def one_tile(own: Any) -> Any:
        tile_state, tile_keys, tile_observed = own
        return advance(
            program, whole, tile_state, tile_keys, fixed, first_step, blocks, tile_observed
        )

    after, kept, sizes, seen, bad = lax.map(one_tile, jax.tree.map(cut, (state, keys, observed)))
    after, kept, seen, bad = jax.tree.map(joined, (after, kept, seen, bad))
    return after, kept, jax.tree.map(lambda x: x[0], sizes), seen, bad


def _kept(program: Program, state: LoopState, h: Any) -> tuple[Any, Any]:
    """What is kept of a state, and the step size there under a schedule."""
    kept = {name: state.blocks[name] for name in program.names}
    return kept, () if program.schedule is None else jnp.asarray(h)


def _block_of_draws(
    program: Program, plan: Plan, carried: _Carried, keys: Keys, fixed: Fixed, first: Array
) -> tuple[_Carried, Any]:
    """One block that holds whole draws, or one draw made of several blocks."""
    if plan.holds_draws:
        data = _step_data(program, plan, keys, first)
        return _looped(program, partial(_run_draws, program, plan), carried, fixed, data)

    def one(inner: _Carried, index: Array) -> tuple[_Carried, None]:
        index = _with_all_cores(index)
        data = _step_data(program, plan, keys, first + index * np.uint32(plan.steps))
        return _run_block(program, plan, inner, fixed, data), None

    numbers = lax.iota(jnp.uint32, plan.repeats)
    carried, _ = lax.scan(one, carried, numbers)
    if plan.rest:
        short = replace(plan, steps=plan.rest, rest=0)
        data = _step_data(program, short, keys, first + np.uint32(plan.thin - plan.rest))
        carried = _run_block(program, short, carried, fixed, data)
    last = first + np.uint32(plan.thin - 1)
    h = fixed.h if program.schedule is None else program.schedule(last)
    carried, draw = _keep(program, carried, h)
    return carried, jax.tree.map(lambda x: x[None], draw)


def _step_data(program: Program, plan: Plan, keys: Keys, first: Array) -> _StepData:
    """Noise and draws of a block; leading axes (pairs, 2) or (steps,)."""
    scheme, noise, steps = program.scheme, program.noise, plan.steps
    tail = keys.normals.shape[1:]
    if scheme.elements == 0:
        empty = jnp.zeros((steps // 2 if plan.in_pairs else steps, 0, *tail), noise.dtype)
        odd = None if plan.in_pairs else jnp.zeros((), jnp.int32)
        normals = NoiseBlock((empty, empty), 0, odd)
    else:
        draw = partial(noise.block, steps=steps, elements=scheme.elements, in_pairs=plan.in_pairs)
        drawn = draw if _entries(plan) > 1 else partial(_apart, draw)
        normals = drawn(keys.normals, first)
    bits = noise.bits(keys.gradients, first, steps, scheme.words)
    draws = prepared_draws(scheme.evaluations, bits, 1)
    draws = tuple(
        draw if oracle.source.words else None
        for oracle, draw in zip(scheme.evaluations, draws, strict=True)
    )
    uniforms = None
    if scheme.uniforms:
        accept = noise.bits(keys.accept, first, steps, scheme.uniforms)
        uniforms = ((accept >> np.uint32(8)).astype(noise.dtype) + 0.5) * 2.0**-24
    numbers = lax.iota(jnp.uint32, steps) + first
    h = None if program.schedule is None else jax.vmap(program.schedule)(numbers)
    updating = program.updating
    number = numbers if program.timed or program.monitored or updating else None
    words = updating and noise.bits(keys.updates, first, steps, updating.words)
    rest = (draws, uniforms, h, number, words)
    if plan.in_pairs:
        rest = jax.tree.map(lambda x: x.reshape(steps // 2, 2, *x.shape[1:]), rest)
    return _StepData(normals, *rest)


def _apart(draw: Callable[..., Any], keys: Array, first: Array) -> Any:
    """`draw(keys, first)`, kept apart from the one turn of the loop that reads it."""
    return made_apart(partial(draw, keys, first), first == _NEVER)


def _one_step(program: Program, carried: _Carried, fixed: Fixed, data: _StepData) -> _Carried:
    scheme = program.scheme
    h, constants = fixed.h, fixed.constants
    if program.schedule is not None:
        h = data.h
        if fixed.own is None:
            constants = scheme.prepare(fixed.parameters, h, program.noise.dtype)
    draws = tuple(
        oracle.source.prepare(jnp.zeros((0,), jnp.uint32)) if draw is None else draw
        for oracle, draw in zip(scheme.evaluations, data.draws, strict=True)
    )
    time = (
        fixed.clock(data.number, program.noise.dtype, program.schedule)
        if program.timed
        else (None, None)
    )
    rest = (fixed.parameters, time[0], fixed.tables, time[1])
    given = StepInput(data.normals, draws, data.uniforms, h, constants, *rest)
    before, own = carried.state, fixed.own
    if own is None:
        state = LoopState(*scheme.step(before.blocks, before.cache, given))
    else:
        state = LoopState(*swept_step(scheme, (before.blocks, before.cache), given, own))
    if program.updating:
        state = program.updating.after(state, data.updates, data.number, fixed)
    first_bad = carried.first_bad
    if program.monitored:
        first_bad = jnp.minimum(first_bad, _bad_since(state, data.number, first_bad))
    return _Carried(state, carried.observed, first_bad)


def _bad_since(state: LoopState, number: Array, like: Array) -> Array:
    """The step's number for chains that are not finite, the largest number for the others."""
    good = jnp.full(like.shape, True)
    for block in state.blocks.values():
        axes = tuple(range(block.ndim - like.ndim))
        good = good & jnp.all(jnp.isfinite(block), axis=axes)
    return jnp.where(good, _NEVER, number)


def _both_steps(program: Program, carried: _Carried, fixed: Fixed, pair: _StepData) -> Any:
    """Two steps, traced once; yields the state after each."""
    rest = (pair.draws, pair.uniforms, pair.h, pair.number, pair.updates)
    two = pair.normals
    each = [_StepData(two[k], *jax.tree.map(lambda x, k=k: x[k], rest)) for k in (0, 1)]
    step = traced(partial(_one_step, program), carried, fixed, each[0])
    if step.operations < LONG_STEP:
        first = step.call(carried, fixed, each[0])
        return [first, step.call(first, fixed, each[1])]

    def turn(inner: _Carried, data: _StepData) -> tuple[_Carried, _Carried]:
        inner = step.call(inner, fixed, data)
        return inner, inner

    _, both = lax.scan(turn, carried, _StepData(jnp.stack(two), *rest))
    return [jax.tree.map(lambda x, k=k: x[k], both) for k in (0, 1)]


def _entries(plan: Plan) -> int:
    """Entries of the data of a block: pairs of steps, or steps."""
    return plan.steps // 2 if plan.in_pairs else plan.steps


def _at(plan: Plan, data: _StepData, index: Any) -> _StepData:
    """The data of one step or pair."""
    rest = jax.tree.map(
        lambda x: lax.dynamic_index_in_dim(x, index, 0, keepdims=False),
        data._replace(normals=()),
    )
    take = data.normals.pair if plan.in_pairs else data.normals.step
    return rest._replace(normals=take(index))


def _run_steps(
    program: Program,
    plan: Plan,
    carried: _Carried,
    fixed: Fixed,
    data: _StepData,
    first: Any,
    count: int,
) -> _Carried:
    """`count` entries (pairs or steps) of the data from `first` on, keeping nothing."""

    def body(inner: _Carried, index: Array) -> tuple[_Carried, None]:
        one = _at(plan, data, first + index)
        if plan.in_pairs:
            return _both_steps(program, inner, fixed, one)[-1], None
        return _one_step(program, inner, fixed, one), None

    return lax.scan(body, carried, lax.iota(jnp.int32, count))[0]


def _run_block(
    program: Program, plan: Plan, carried: _Carried, fixed: Fixed, data: _StepData
) -> _Carried:
    """All steps of a block, keeping nothing."""

    def run(carried: _Carried, fixed: Fixed, data: _StepData) -> _Carried:
        return _run_steps(program, plan, carried, fixed, data, 0, _entries(plan))

    return _looped(program, run, carried, fixed, data)


def _looped(program: Program, run: Callable[..., Any], *arguments: Any) -> Any:
    return as_machine_loop(run, *arguments) if program.machine_loops else run(*arguments)


def _keep(program: Program, carried: _Carried, h: Any) -> tuple[_Carried, Any]:
    draw = _kept(program, carried.state, h)
    if program.observe is None:
        return carried, draw
    seen = program.observe(carried.observed, carried.state.blocks, h)
    return carried._replace(observed=seen), draw


def _step_size(program: Program, fixed: Fixed, data: _StepData, place: int | None) -> Any:
    """The size of the step just taken."""
    if program.schedule is None:
        return fixed.h
    return data.h if place is None else data.h[place]


def _run_draws(
    program: Program, plan: Plan, carried: _Carried, fixed: Fixed, data: _StepData
) -> tuple[_Carried, Any]:
    """All steps of a block, keeping each `thin`-th state."""
    entries = _entries(plan)
    if plan.thin > 1:
        each = entries // plan.draws
        place = 1 if plan.in_pairs else None

        def one_draw(inner: _Carried, draw: Array) -> tuple[_Carried, Any]:
            inner = _run_steps(program, plan, inner, fixed, data, draw * each, each)
            last = _at(plan, data, (draw + 1) * each - 1) if program.schedule else data
            return _keep(program, inner, _step_size(program, fixed, last, place))

        return lax.scan(one_draw, carried, lax.iota(jnp.int32, plan.draws))

    def body(inner: _Carried, index: Array) -> tuple[_Carried, Any]:
        one = _at(plan, data, index)
        if not plan.in_pairs:
            inner = _one_step(program, inner, fixed, one)
            return _keep(program, inner, _step_size(program, fixed, one, None))
        first, second = _both_steps(program, inner, fixed, one)
        observed, first_draw = _keep(program, first, _step_size(program, fixed, one, 0))
        second = second._replace(observed=observed.observed)
        second, second_draw = _keep(program, second, _step_size(program, fixed, one, 1))
        both = jax.tree.map(lambda a, b: jnp.stack([a, b]), first_draw, second_draw)
        return second, both

    carried, draws = lax.scan(body, carried, lax.iota(jnp.int32, entries))
    if plan.in_pairs:
        draws = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), draws)
    return carried, draws


def compiler_options() -> dict[str, Any]:
    """Options of each compilation: the widest vectors that the processor has."""
    if jax.default_backend() != "cpu":
        return {}
    info = Path("/proc/cpuinfo")
    if info.exists() and " avx512f " in info.read_text(encoding="ascii", errors="ignore"):
        return {"xla_cpu_prefer_vector_width": 512}
    return {}
