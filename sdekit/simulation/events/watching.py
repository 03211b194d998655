r"""Watching barriers during a run: the step of a scheme with a look at what lies behind it.

Not for declaring barriers (`barrier`) nor for what comes of them (`passages`).

Checked by: tests/simulation/events/test_events.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.declaration.model.noise_factor import full_block
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.schemes.split.flow_records import GeometricBrownian
from sdekit.schemes.split.splitting import splitting
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate, shape_of
from sdekit.simulation.events.barrier import Barrier
from sdekit.simulation.events.brownian_bridge import bridge_passage, relative
from sdekit.simulation.events.reachable_levels import (
    check_reachable,
    wall_ahead,
)
from sdekit.simulation.kernel_steps.running import KERNEL
from sdekit.simulation.loop.program import LoopState
from sdekit.simulation.loop.schedules import Grid
from sdekit.simulation.runs.output_times import Span
from sdekit.simulation.steps.sampler import Bound, Sampler
from sdekit.simulation.steps.scheme import Blocks, Cache, Scheme, StepInput

#: Uniform numbers of one barrier: whether it is passed, and two for when.
UNIFORMS = 3


class Passed(NamedTuple):
    """The first passage of one barrier.

    Attributes:
        step: Number of the step in which it was, -1 before.
        share: Of that step, at the passage.
        side: 1 for the upper level, -1 for the lower one, 0 before.
    """

    step: Array
    share: Array
    side: Array


class Watch(NamedTuple):
    """What a run carries along to watch.

    Attributes:
        steps: Steps so far.
        stopped: Whether the chain stays where it is.
        passed: First passages by name.
    """

    steps: Array
    stopped: Array
    passed: dict[str, Passed]


class _Passage(NamedTuple):
    """A passage within one step.

    Attributes:
        share: Of the step, at the passage.
        side: 0 where there is none.
        distance: Of the level at the beginning of the step.
        place: The state at the passage.
    """

    share: Array
    side: Array
    distance: Array
    place: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Watching:
    """The events of one run.

    Attributes:
        barriers: By name.
        problem: The bound dynamics.
    """

    barriers: Mapping[str, Barrier]
    problem: Problem

    @property
    def key(self) -> Any:
        """Tells programs apart."""
        return tuple(self.barriers.items())

    @cached_property
    def groups(self) -> dict[str, int]:
        """Number of the function of each barrier: one function has one path, and takes one draw."""
        functions = [(own.function, own.index) for own in self.barriers.values()]
        distinct = list(dict.fromkeys(functions))
        return {name: distinct.index(f) for name, f in zip(self.barriers, functions, strict=True)}

    @cached_property
    def _geometric(self) -> frozenset[Barrier]:
        """Barriers of geometric Brownian motions, whose logarithms have bridges of one variance."""
        flows = [part.flow for part in splitting(self.problem.dynamics).parts]
        moved = {x for f in flows if isinstance(f, GeometricBrownian) for x in f.variables}
        return frozenset(own for own in self.barriers.values() if own.function in moved)

    @property
    def reads_time(self) -> bool:
        """Whether a function or level reads the time."""
        return any(own.reads_time for own in self.barriers.values())

    def begun(self, state: LoopState, lanes: tuple[int, ...]) -> LoopState:
        """The state with nothing passed so far."""
        none, dtype = jnp.zeros(lanes, jnp.int32), self.problem.dtype
        passed = {name: Passed(none - 1, none.astype(dtype), none) for name in self.barriers}
        watch = Watch(none, jnp.zeros(lanes, bool), passed)
        return state._replace(cache=state.cache._replace(watch=watch))

    def watched(self, scheme: Scheme) -> Scheme:
        """The scheme that looks behind each step."""

        def step(blocks: Blocks, cache: Cache, given: StepInput) -> tuple[dict[str, Array], Cache]:
            inner = replace(given, uniforms=None)
            after, handed_on = scheme.step(blocks, cache, inner)
            handed_on = handed_on._replace(watch=None)

            def one(before: Any, after: Any, old: Any, new: Any, watch: Watch, u: Any) -> Any:
                return self._looked(before, (after, new), old, watch, u, given)

            looked = one
            if given.uniforms is not None and given.uniforms.ndim > 1:
                looked = jax.vmap(one, in_axes=-1, out_axes=-1)
            old = cache._replace(watch=None)
            now, kept, watch = looked(
                dict(blocks), after, old, handed_on, cache.watch, given.uniforms
            )
            return now, kept._replace(watch=watch)

        count = UNIFORMS * len(set(self.groups.values()))
        return replace(scheme, step=step, uniforms=count, compensated=None)

    def _looked(
        self, before: Blocks, new: Any, old: Cache, watch: Watch, u: Array, given: StepInput
    ) -> tuple[dict[str, Array], Cache, Watch]:
        """One chain: what it hands on, and what it has passed by now."""
        after, handed_on = new
        none = jnp.zeros((), jnp.int32)
        first = _Passage(jnp.asarray(jnp.inf, u.dtype), none, jnp.zeros((), u.dtype), dict(after))
        of, seen = none - 1, {}
        for name, own in self.barriers.items():
            k = self.groups[name]
            found = self._passage(own, before, after, u[UNIFORMS * k : UNIFORMS * (k + 1)], given)
            is_new = (found.side != 0) & (watch.passed[name].step < 0) & ~watch.stopped
            seen[name] = is_new, found
            if own.stop:
                is_first = is_new & (found.share < first.share)
                first = jax.tree.map(partial(jnp.where, is_first), found, first)
                of = jnp.where(is_first, k, of)
        passed = {}
        for name, (is_new, found) in seen.items():
            # A nearer level of the same function was passed before; what lay behind was not.
            is_nearer = (of == self.groups[name]) & (found.side == first.side)
            is_nearer &= found.distance <= first.distance
            share = jnp.where(is_nearer, jnp.minimum(found.share, first.share), found.share)
            now = Passed(watch.steps, share, found.side)
            is_noted = is_new & (share <= first.share)
            passed[name] = jax.tree.map(partial(jnp.where, is_noted), now, watch.passed[name])
        chosen = first.place
        kept = jax.tree.map(
            lambda a, b: jnp.where(watch.stopped, a, b), (dict(before), old), (chosen, handed_on)
        )
        stopped = watch.stopped | (of >= 0)
        return *kept, Watch(watch.steps + 1, stopped, passed)

    def _passage(
        self, own: Barrier, before: Blocks, after: Blocks, u: Array, given: StepInput
    ) -> _Passage:
        """The first passage within a step, if there is one."""
        begin, end = self._value(own, before, given, 0.0), self._value(own, after, given, 1.0)
        slopes, moved = self._bridge(own, before, given)
        parts = [jnp.sum(slope * moved[x]) for x, slope in slopes.items()]
        variance = sum(parts, jnp.zeros((), u.dtype)) * given.h
        found_share, found_side = jnp.asarray(jnp.inf, u.dtype), jnp.zeros((), jnp.int32)
        level = distance = begin
        for side, bound, draw in ((1, own.upper, u[0]), (-1, own.lower, 1 - u[0])):
            if bound is None:
                continue
            ends = (self._level(bound, given, 0.0), self._level(bound, given, 1.0))
            distances = (side * (ends[0] - begin), side * (ends[1] - end))
            wall = wall_ahead(
                own, self.problem, self._environment(before, given), side=side, level=ends[0]
            )
            draws = (draw, u[1], u[2])
            is_passed, share = bridge_passage(*distances, variance, draws, wall=wall)
            if own in self._geometric:
                scaled = relative(side, (begin, end), ends, variance)
                as_logarithm = bridge_passage(*scaled.distances, scaled.variance, draws)
                is_passed = jnp.where(scaled.holds, as_logarithm[0], is_passed)
                share = jnp.where(scaled.holds, as_logarithm[1], share)
            is_first = is_passed & (share < found_share)
            found_share = jnp.where(is_first, share, found_share)
            found_side = jnp.where(is_first, side, found_side)
            distance = jnp.where(is_first, distances[0], distance)
            level = jnp.where(is_first, ends[0] + share * (ends[1] - ends[0]), level)
        share = jnp.where(found_side == 0, 0.0, found_share)
        place = {x: block + share * (after[x] - block) for x, block in before.items()}
        # Given where the function is, the rest of a bridge lies on a line.
        gap = level - self._value(own, place, given, share)
        total = jnp.where(variance > 0, variance, 1.0) / given.h
        ahead = jnp.where(variance > 0, gap / total, 0.0)
        place = {x: block + ahead * moved.get(x, 0.0) for x, block in place.items()}
        return _Passage(share, found_side, distance, place)

    def _value(self, own: Barrier, blocks: Blocks, given: StepInput, share: Any) -> Any:
        """The function, at a share of the step."""
        found = evaluate(own.function, self._environment(blocks, given, share))
        return jnp.asarray(found, self.problem.dtype)[own.index]

    def _level(self, level: Any, given: StepInput, share: float) -> Any:
        found = evaluate(level, self._environment({}, given, share))
        return jnp.asarray(found, self.problem.dtype)

    def _environment(self, blocks: Blocks, given: StepInput, share: Any = 0.0) -> Any:
        time = None if given.time is None else given.time + share * given.h
        values = {**given.parameters, **blocks}
        return self.problem.environment(values, time=time, epoch=given.epoch)

    def _bridge(
        self, own: Barrier, blocks: Blocks, given: StepInput
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The slope a of an affine function, and 2 D a, by variable; empty for others."""
        if not own.is_affine:
            return {}, {}
        environment = self._environment(blocks, given)
        found = jax.grad(lambda b: self._value(own, b, given, 0.0))(dict(blocks))
        slopes = {x: found[x.name] for x in own.variables}
        moved = {}
        for y in self.problem.dynamics.variables:
            parts = [self._product(y, x, slope, environment) for x, slope in slopes.items()]
            there = [part for part in parts if part is not None]
            if there:
                moved[y.name] = 2 * sum(there)
        return {x.name: slope for x, slope in slopes.items() if x.name in moved}, moved

    def _product(self, y: Variable, x: Variable, slope: Any, environment: Any) -> Any:
        """D_yx a_x; None where the block is zero."""
        noise = self.problem.dynamics.diffusion
        block = noise.get((x, x)) if x == y else full_block(noise, y, x)
        if block is None:
            return None
        value = jnp.asarray(evaluate(block, environment), self.problem.dtype)
        return value * slope if not value.ndim else jnp.tensordot(value, slope, slope.ndim)

    def _noise_moves(self, own: Barrier) -> bool:
        """Whether the noise of a function reads the state."""
        blocks = self.problem.dynamics.diffusion.items()
        return any(block.variables for pair, block in blocks if set(pair) & set(own.variables))

    def notes(self) -> tuple[str, ...]:
        """What a reader must know about how passages were found."""
        found = []
        for name, own in self.barriers.items():
            if not own.is_affine:
                found.append(
                    f"the event {name} was watched at the ends of steps alone, since its function "
                    "is not affine: passages are late by some sigma sqrt(h)"
                )
            elif not any(
                (x, y) in self.problem.dynamics.diffusion
                or (y, x) in self.problem.dynamics.diffusion
                for x in own.variables
                for y in self.problem.dynamics.variables
            ):
                found.append(
                    f"no noise acts on the function of the event {name}: passages were found "
                    "where the line between the ends of a step passes"
                )
            elif own not in self._geometric and self._noise_moves(own):
                found.append(
                    f"the event {name} was watched with the noise at the beginning of each step: "
                    "where noise varies, passages are off by some order of h"
                )
        return tuple(found)


def check_events(given: Any, sampler: Sampler, span: Span, has_updates: bool) -> None:
    """Refuse events of a run that has no paths whose ends a bridge could join.

    Raises:
        SimulationError: If there are some and it has none.
    """
    step = span.step_size
    refused = {
        "a kernel": KERNEL in sampler.options,
        "updates, which may move the state between steps": has_updates,
        "noise='weak', whose increments are no normals": sampler.noise.law is not None,
        "a schedule, under which steps have no time": callable(step) and not isinstance(step, Grid),
        "burn_in, in which events would pass unseen": span.burn_in,
    }
    _refuse(given, refused)


def _refuse(given: Any, refused: Mapping[str, Any]) -> None:
    for found, is_there in refused.items():
        if given and is_there:
            raise SimulationError(
                "events need paths in time from the start on",
                found=found,
                fix="give step_size as a number, no burn_in, and a scheme of Euler or splitting",
            )


def watching(given: Mapping[str, Barrier], bound: Bound) -> Watching | None:
    """The events of a run, checked against what runs; None where there are none.

    Raises:
        SimulationError: If a barrier does not fit the dynamics, or the scheme proposes and rejects.
    """
    if not given:
        return None
    _refuse(given, {"proposals": bound.scheme.uniforms})
    for name, own in given.items():
        _check(name, own, bound.problem)
        check_reachable(name, own, bound.problem)
    return Watching(given, bound.problem)


def _check(name: str, own: Barrier, problem: Problem) -> None:
    known = set(problem.dynamics.variables)
    for x in own.variables:
        if x not in known or x.domain.kind == "circle":
            raise SimulationError(
                f"the event {name} cannot read {x.name}",
                expected="variables of the dynamics that do not wrap",
                found="a circle" if x in known else "no variable of the dynamics",
            )
        shape = shape_of(x, problem.sizes)
        if own.index and not all(-n <= i < n for i, n in zip(own.index, shape, strict=True)):
            raise SimulationError(
                f"the event {name} reads an entry that {x.name} has not",
                expected=f"below {shape}", found=own.index,
            )  # fmt: skip
    if own.reads_time and problem.dtype == np.float32:
        raise SimulationError(
            f"the event {name} reads the time, which single precision does not hold",
            fix="give precision='float64'",
        )
    zeros = {x.name: np.zeros(shape_of(x, problem.sizes)) for x in problem.dynamics.variables}
    environment = problem.environment({**problem.parameters, **zeros}, time=0.0)
    for part in (own.function, own.lower, own.upper):
        if part is not None:
            jax.eval_shape(lambda part=part: jnp.asarray(evaluate(part, environment)))
