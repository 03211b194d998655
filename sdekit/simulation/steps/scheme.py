r"""A step of a run: stages in the order of a splitting word, sharing gradients.

A gradient is computed once for each change of its position: the last kick of one step and the first
of the next read the same one (with the same minibatch), so that a palindromic word costs one
gradient per step. Which gradients are still good is known from the word alone, before anything
runs.

Not for the flows (`stages`), nor for schemes that are no sequence of stages (`metropolis`).

Notation: blocks have a last axis of chains where several run; h is the step.
Checked by: tests/simulation/steps/test_scheme.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.double import Epoch
from sdekit.simulation.gradients.sources import FunctionSource, Oracle
from sdekit.simulation.steps.boundaries import led_back, taken_along, walls_of
from sdekit.simulation.steps.stage import Stage

Blocks = Mapping[str, Array]


class Acceptance(NamedTuple):
    """What Metropolis steps hand on.

    Attributes:
        energy: The part of H without momenta, at the position.
        accepted: Accepted trajectories so far, int32.
    """

    energy: Array
    accepted: Array


class Cache(NamedTuple):
    """What a step hands to the next beside the blocks.

    Attributes:
        gradients: Gradient blocks that are still good, by oracle.
        sources: What each gradient source carries along, by oracle.
        folds: Reflections at boundaries so far; None where nothing has a boundary.
        acceptance: Of Metropolis steps; None where nothing is rejected.
        rest: What rounding has taken from the sums of the blocks; None where it is not kept.
        watch: What events have noted so far; None where none are watched.
    """

    gradients: dict[str, dict[str, Array]]
    sources: dict[str, Any]
    folds: Array | None = None
    acceptance: Acceptance | None = None
    rest: dict[str, Array] | None = None
    watch: Any = None


@dataclass(frozen=True)
class StepInput:
    """What one step needs beside the state.

    Attributes:
        normals: (elements[, chains]).
        draws: One prepared draw for each gradient of the step.
        uniforms: (uniforms[, chains]) on (0, 1), for schemes that accept or reject.
        h: Step size.
        constants: From `Scheme.prepare`.
        parameters: Arrays by name.
        time: Time at the start of the step; None where nothing depends on it.
        tables: For each oracle the tables of its source, where it has any.
        epoch: Time and parameters in double precision, from which `time` counts; None where the
            step needs none.
    """

    normals: Array
    draws: tuple[Any, ...]
    uniforms: Array | None
    h: ArrayLike
    constants: Any
    parameters: Mapping[str, Any]
    time: ArrayLike | None = None
    tables: Mapping[str, Any] | None = None
    epoch: Epoch | None = None


@dataclass(frozen=True, eq=False)
class Scheme:
    """One step as pure functions.

    Attributes:
        name: The word or the name of the algorithm.
        elements: Normals of one step, for each chain.
        oracles: Gradients the step reads.
        evaluations: The oracle of each gradient that one step computes, in order.
        carried: Oracles whose gradient must be at hand when a step begins.
        prepare: (parameters, h, dtype) -> constants; runs once for a constant step size.
        step: (blocks, cache, input) -> (blocks, cache).
        uniforms: Uniform numbers of one step, for each chain.
        reflects: Whether it leads variables back into bounded domains, and counts how often.
        potential_energy: (blocks, parameters) -> the part of H without momenta, for schemes that
            carry it from step to step.
        compensated: The same step with changes instead of decays, and sums that keep what rounding
            takes from them, where the cache has a `rest`; None for steps that are no stages.
        merge: (normals, normals) -> normals of one step that stands for two on the same path; None
            where normals are those of increments: (a + b) / sqrt(2).
    """

    name: str
    elements: int
    oracles: tuple[Oracle, ...]
    evaluations: tuple[Oracle, ...]
    carried: tuple[Oracle, ...]
    prepare: Callable[[Mapping[str, Any], ArrayLike, np.dtype], Any]
    step: Callable[[Blocks, Cache, StepInput], tuple[dict[str, Array], Cache]]
    uniforms: int = 0
    reflects: bool = False
    potential_energy: Callable[[Blocks, Mapping[str, Any]], Array] | None = None
    compensated: Scheme | None = None
    merge: Callable[[Array, Array], Array] | None = None

    @property
    def words(self) -> int:
        """Random 32-bit words of one step."""
        return sum(oracle.source.words for oracle in self.evaluations)

    @property
    def carried_words(self) -> int:
        """Random 32-bit words of the gradients that are at hand when a step begins."""
        return sum(oracle.source.words for oracle in self.carried)

    @property
    def draw_bytes(self) -> int:
        """Bytes of the prepared draws of one step of one chain."""
        sources = [oracle.source for oracle in self.evaluations]
        return sum(getattr(source, "draw_bytes", 4 * source.words) for source in sources)


def composed(
    problem: Problem,
    name: str,
    word: Sequence[tuple[Stage, float]],
    check: bool = True,
    clock: float = 0.0,
) -> Scheme:
    """The scheme that runs stages one after the other, each for its share of the step.

    Args:
        problem: The bound dynamics.
        name: For messages and results.
        word: Stages with their shares.
        check: Whether to refuse stages that a stochastic gradient cannot serve.
        clock: Where in the step coefficients read the time, as a share of it.

    Raises:
        SimulationError: If a stage needs gradients at points in between from a stochastic source.
    """
    oracles = problem.oracles(e for stage, _ in word for e in stage.expressions)
    walls = walls_of(problem)
    needs = [_needed(stage, oracles) for stage, _ in word]
    if check:
        _check_sources(word, oracles)
    carried, evaluations = _plan(word, needs)
    distinct = list({id(stage): stage for stage, _ in word}.values())
    keys = [(distinct.index(stage), share) for stage, share in word]

    def prepare(parameters: Mapping[str, Any], h: ArrayLike, dtype: np.dtype) -> Any:
        environment = replace(problem.environment(parameters), dtype=dtype)
        done: dict[tuple[int, float], Any] = {}
        for stage, share in word:
            key = (distinct.index(stage), share)
            if key not in done and stage.prepare is not None:
                done[key] = stage.prepare(environment, _share(h, share))
        return tuple(done.get(key) for key in keys)

    def step(
        blocks: Blocks, cache: Cache, given: StepInput, changes: bool = False
    ) -> tuple[dict[str, Array], Cache]:
        values = dict(blocks)
        rest = None if cache.rest is None else dict(cache.rest)
        gradients, sources = dict(cache.gradients), dict(cache.sources)
        draws, folds = iter(given.draws), cache.folds
        time = given.time
        if time is not None and clock:
            time = time + _share(given.h, clock)
        offset = 0
        for k, (stage, share) in enumerate(word):
            known: dict[Any, Any] = {}
            for oracle in needs[k]:
                if oracle.name not in gradients:
                    tables = (given.tables or {}).get(oracle.name)
                    gradients[oracle.name], sources[oracle.name] = oracle.evaluate(
                        values, next(draws), sources[oracle.name], tables
                    )
                known.update(oracle.known(gradients[oracle.name]))
            environment = problem.environment(
                {**given.parameters, **values}, known=known, time=time, epoch=given.epoch
            )
            own = given.normals[offset : offset + stage.elements]
            offset += stage.elements
            own_h, constants = _share(given.h, share), given.constants[k]
            # What keeps a domain by itself would be led out of it by rounding carried along.
            as_changes = changes and not stage.keeps_domain
            moved = stage.apply(environment, own, own_h, constants, as_changes)
            if as_changes:
                moved = _summed(values, moved, rest)
            changed = stage.moves
            if walls:
                moved, count = led_back(walls, values, moved, environment)
                folds = None if folds is None else folds + count
                changed += taken_along(walls, changed)
            values.update(moved)
            gradients = _still_good(gradients, oracles, changed)
        kept = {o.name: gradients[o.name] for o in carried}
        return values, Cache(kept, sources, folds, rest=rest)

    elements = sum(stage.elements for stage, _ in word)
    plain = Scheme(
        name, elements, oracles, evaluations, carried, prepare, step,
        reflects=any(wall.variable.domain.is_bounded for wall in walls.values()),
    )  # fmt: skip
    return replace(plain, compensated=replace(plain, step=partial(step, changes=True)))


def _summed(values: Blocks, changes: Blocks, rest: dict[str, Array] | None) -> dict[str, Array]:
    """values + changes; what rounding takes from the sum goes to `rest`, which is added next time.

    Source: Knuth's two-sum, which is exact whichever of both is larger.
    """
    found = {}
    for name, change in changes.items():
        block = values[name]
        more = change if rest is None else change + rest[name]
        found[name] = total = block + more
        if rest is not None:
            taken = total - block
            rest[name] = (block - (total - taken)) + (more - taken)
    return found


def _share(h: ArrayLike, share: float) -> ArrayLike:
    return h if share == 1.0 else h * share


def _needed(stage: Stage, oracles: tuple[Oracle, ...]) -> tuple[Oracle, ...]:
    """Oracles whose value at the stage's beginning serves it."""
    nodes = {node for e in stage.expressions for node in e.walk()}
    return tuple(
        oracle
        for oracle in oracles
        if any(node in nodes for node in oracle.nodes)
        and not (stage.reads_moved and set(stage.moves) & set(oracle.arguments))
    )


def _check_sources(word: Sequence[tuple[Stage, float]], oracles: tuple[Oracle, ...]) -> None:
    for stage, _ in word:
        nodes = {node for e in stage.expressions for node in e.walk()}
        for oracle in oracles:
            reads = any(node in nodes for node in oracle.nodes)
            between = stage.reads_moved and set(stage.moves) & set(oracle.arguments)
            if reads and between and not isinstance(oracle.source, FunctionSource):
                raise SimulationError(
                    "a part without exact flow needs gradients between two steps, which a "
                    "minibatch does not give",
                    fix='use scheme="EM", or a potential that is a function',
                )


def _plan(
    word: Sequence[tuple[Stage, float]], needs: Sequence[tuple[Oracle, ...]]
) -> tuple[tuple[Oracle, ...], tuple[Oracle, ...]]:
    """Gradients to carry between steps, and those one step computes."""

    def one_step(good: set[str]) -> tuple[set[str], list[Oracle], set[str]]:
        good, computed, used = set(good), [], set()
        for (stage, _), needed in zip(word, needs, strict=True):
            for oracle in needed:
                if oracle.name not in good:
                    computed.append(oracle)
                    good.add(oracle.name)
                elif not any(o.name == oracle.name for o in computed):
                    used.add(oracle.name)
            lost = {o.name for n in needs for o in n if set(o.arguments) & set(stage.moves)}
            good -= lost
        return good, computed, used

    at_end, _, _ = one_step(set())
    _, computed, used = one_step(at_end)
    by_name = {oracle.name: oracle for needed in needs for oracle in needed}
    return tuple(by_name[name] for name in sorted(used & at_end)), tuple(computed)


def _still_good(
    gradients: dict[str, Any], oracles: tuple[Oracle, ...], moved: tuple[Variable, ...]
) -> dict[str, Any]:
    lost = {oracle.name for oracle in oracles if set(oracle.arguments) & set(moved)}
    return {name: value for name, value in gradients.items() if name not in lost}


def first_cache(
    scheme: Scheme,
    blocks: Blocks,
    draws: tuple[Any, ...],
    sources: dict[str, Any],
    tables: Any,
    parameters: Mapping[str, Any],
) -> Cache:
    """The cache before the first step: the gradients that it expects to be at hand.

    Args:
        scheme: The scheme.
        blocks: Start of all blocks.
        draws: One prepared draw for each carried oracle.
        sources: State of each source.
        tables: Tables of the sources that have them.
        parameters: Arrays by name.
    """
    gradients, after = {}, dict(sources)
    for oracle, draw in zip(scheme.carried, draws, strict=True):
        gradients[oracle.name], after[oracle.name] = oracle.evaluate(
            blocks, draw, sources[oracle.name], (tables or {}).get(oracle.name)
        )
    none = jnp.zeros((), jnp.int32)
    energy = scheme.potential_energy
    return Cache(
        gradients,
        after,
        none if scheme.reflects else None,
        None if energy is None else Acceptance(energy(blocks, parameters), none),
    )


def renewed_cache(
    scheme: Scheme,
    cache: Cache,
    blocks: Blocks,
    words: Array,
    *,
    tables: Any,
    parameters: Mapping[str, Any],
) -> Cache:
    """The cache with gradients and energy at blocks that something else than a step has set.

    Args:
        scheme: The scheme.
        cache: What the step before handed on.
        blocks: All blocks.
        words: uint32, (words[, chains]) of the carried gradients.
        tables: Tables of the sources that have them.
        parameters: Arrays by name.
    """
    draws = prepared_draws(scheme.carried, words, 0)
    fresh = first_cache(scheme, blocks, draws, cache.sources, tables, parameters)
    acceptance = cache.acceptance
    if acceptance is not None and fresh.acceptance is not None:
        acceptance = acceptance._replace(energy=fresh.acceptance.energy)
    return cache._replace(gradients=fresh.gradients, sources=fresh.sources, acceptance=acceptance)


def prepared_draws(oracles: Sequence[Oracle], bits: Array, leading: int) -> tuple[Any, ...]:
    """Each oracle's draw from its own words.

    Args:
        oracles: In the order of evaluation.
        bits: uint32, (*steps, words[, chains]) with `leading` axes of steps.
        leading: Number of axes before the words.
    """
    found, offset = [], 0
    for oracle in oracles:
        count = oracle.source.words
        own = jax.lax.slice_in_dim(bits, offset, offset + count, axis=leading)
        offset += count
        prepare = oracle.source.prepare
        if bits.ndim > leading + 1:
            prepare = jax.vmap(prepare, in_axes=-1, out_axes=-1)
        for _ in range(leading):
            prepare = jax.vmap(prepare)
        found.append(prepare(own) if count else _nothing(oracle))
    return tuple(found)


def _nothing(oracle: Oracle) -> Any:
    return oracle.source.prepare(jnp.zeros((0,), jnp.uint32))
