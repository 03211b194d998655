"""What tells two runs apart beside their arguments: starts, potentials, schedules, observables.

Functions cannot be compared, but their values can: each part of a run is told by a few numbers that
a resumed run computes again. What the user gives as numbers must be the same in every bit; what is
computed may differ by rounding, since GPUs and other machines add up in another order. Functions
are read at the start of the first chain and at a place beside it, because many potentials look
alike at their minimum.

Not a proof: functions that agree in both places are taken for the same. Not for arguments that are
numbers or names (`job`).

Checked by: tests/simulation/runs/test_fingerprint.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.declaration.tree.expression import Call
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate
from sdekit.simulation.gradients.sources import FunctionSource
from sdekit.simulation.loop.driver import Driver
from sdekit.simulation.loop.observables import Observables
from sdekit.simulation.loop.program import LoopState
from sdekit.simulation.loop.tracing import jitted
from sdekit.simulation.noise.streams import START
from sdekit.simulation.steps.boundaries import within_domain
from sdekit.simulation.steps.sampler import Bound, Sampler
from sdekit.simulation.updates.updating import KEY_WORDS, Updating

#: Difference of two sketches, over their norm, that rounding may make: far above that of single
#: precision, so that a run is not lost because another machine sums in another order.
TOLERANCE = 1e-4
#: How far beside the start functions are read; no round number, at which they might vanish.
_BESIDE = 0.437
#: Steps at which a schedule is read, evenly spaced, beside all powers of two.
_READ_STEPS = 256

#: A digest, or a few numbers.
Part = str | list[float]


def digest(array: Any) -> str:
    """Tells arrays apart by every bit."""
    held = np.ascontiguousarray(array)
    text = f"{held.dtype}{held.shape}".encode()
    return hashlib.sha256(text + held.tobytes()).hexdigest()[:16]


def sketch(arrays: Iterable[Any]) -> list[float]:
    """Norm of all values and two random projections: tells arrays apart beyond their rounding.

    Example:
        >>> agrees(sketch([np.ones(3)]), sketch([np.ones(3) + 1e-7]))
        True
        >>> agrees(sketch([np.ones(3)]), sketch([np.array([1.0, 1.0, 1.01])]))
        False
    """
    flat = [np.asarray(array, np.float64).ravel() for array in arrays]
    values = np.nan_to_num(np.concatenate(flat) if flat else np.zeros(0), posinf=0, neginf=0)
    weights = np.random.default_rng(0).standard_normal((2, len(values)))
    return [float(np.linalg.norm(values)), *map(float, weights @ values)]


def agrees(stored: Part | None, found: Part) -> bool:
    """Whether two parts are the same to rounding."""
    if not isinstance(stored, list) or not isinstance(found, list):
        return stored == found
    scale = max(stored[0], found[0])
    gaps = np.abs(np.asarray(stored) - np.asarray(found))
    return bool(np.all(gaps <= TOLERANCE * scale))


def fingerprint(
    driver: Driver,
    state: LoopState,
    watched: Observables | None,
    steps: int,
    is_drawn: bool,
) -> dict[str, Part]:
    """The parts of a run by their names in messages.

    Args:
        driver: Of the chains of this process.
        state: At the start.
        watched: Streaming observables.
        steps: Steps of the whole run, for the schedule.
        is_drawn: Whether a function of the user draws the positions.
    """
    found: dict[str, Part] = {}
    count = len(driver.chains)
    targets = {x.name for x in driver.bound.problem.layout.variables}
    names = [x.name for x in driver.bound.problem.dynamics.variables]
    # What the user gives comes first: another start gives other momenta, too.
    names.sort(key=lambda name: name not in targets)
    names += [name for name in driver.bound.problem.block_shapes if name not in names]
    first = {k: state.blocks[k] if driver.is_single else state.blocks[k][..., 0] for k in names}
    for name in first:
        block = state.blocks[name]
        own = np.asarray(block) if driver.is_single else np.asarray(block)[..., :count]
        part = digest(own) if name in targets and not is_drawn else sketch([own])
        found[f"the start of {name}"] = part
    beside = _beside(driver.bound.problem, first)
    found |= _functions(driver, first, beside)
    if driver.program.updating:
        found |= _updates(driver.program.updating, first, beside)
    if driver.program.schedule is not None:
        found["the schedule"] = _schedule(driver.program.schedule, steps)
    if watched is not None:
        for name in watched.named:
            values = [watched.of_chain(name, blocks) for blocks in (first, beside)]
            found[f"the observable {name}"] = sketch(values)
    return found


def _beside(problem: Problem, blocks: Mapping[str, Array]) -> dict[str, Array]:
    """Blocks some way from these, within their domains."""
    found = {}
    for x in problem.dynamics.variables:
        moved = blocks[x.name] + jnp.asarray(_BESIDE, problem.dtype)
        found[x.name] = within_domain(moved, x) if x.domain.is_bounded else moved
    return {**blocks, **found}


def _updates(updating: Updating, *points: Mapping[str, Array]) -> dict[str, Part]:
    """What the updates make of the blocks of one chain."""
    words = jnp.zeros(KEY_WORDS, jnp.uint32)
    return {
        f"update {k}": sketch(
            values for at in points for values in updating.of_chain(k, words, at).values()
        )
        for k in range(len(updating.updates))
    }


def _functions(
    driver: Driver, first: Mapping[str, Array], beside: Mapping[str, Array]
) -> dict[str, Part]:
    """The potential and other unknown functions: their gradients, and values where they are cheap.

    Gradients from minibatches take the noise of the start of this seed.
    """
    problem, programs = driver.bound.problem, driver.sampler.programs
    if not problem.dynamics.functions:
        return {}
    key = ("fingerprint", driver.bound)
    if key not in programs:
        programs[key] = jitted(_function_values(driver.sampler, driver.bound))
    keys = driver.keys[START] if driver.is_single else driver.keys[START][..., 0]
    tables = driver.tables(0)[0]
    points = jax.tree.map(lambda *both: jnp.stack(both), dict(first), dict(beside))
    values = programs[key](points, keys, tables)
    found = {}
    for symbol in problem.dynamics.functions:
        is_potential = symbol == problem.potential
        name = "the potential" if is_potential else f"the function {symbol.name}"
        found[f"{name} at the start"] = sketch(jax.tree.leaves(values[symbol.name]))
    return found


def _function_values(sampler: Sampler, bound: Bound) -> Callable[..., Any]:
    """(points, keys, tables) -> gradients and values of each function at all points."""
    problem, oracles = bound.problem, bound.scheme.oracles
    # With all oracles carried, the cache of a start holds all gradients.
    whole = replace(bound, scheme=replace(bound.scheme, carried=oracles))
    calls = {
        node
        for expression in problem.dynamics.expressions()
        for node in expression.walk()
        if isinstance(node, Call) and _is_cheap(problem, node)
    }

    def of_one(
        time: Array, blocks: Mapping[str, Array], keys: Array, tables: Any
    ) -> dict[str, Any]:
        cache = sampler.first_cache(whole, blocks, keys, problem.layout.position(blocks), tables)
        found: dict[str, Any] = {symbol.name: {} for symbol in problem.dynamics.functions}
        for oracle in oracles:
            call = oracle.nodes[0].operand
            assert isinstance(call, Call)
            found[call.function.name][oracle.name] = cache.gradients[oracle.name]
        values = {**problem.parameters, **blocks}
        environment = problem.environment(values, time=time)
        for call in calls:
            found[call.function.name][f"value of {call!r}"] = evaluate(call, environment)
        return found

    times = np.array([0.0, _BESIDE], problem.dtype)
    return lambda points, keys, tables: jax.lax.map(
        lambda one: of_one(one[0], one[1], keys, tables), (times, points)
    )


def _is_cheap(problem: Problem, call: Call) -> bool:
    """Whether a value costs no pass over all data of a minibatch."""
    is_potential = call.function == problem.potential
    return not is_potential or isinstance(problem.source, FunctionSource)


def _schedule(schedule: Callable[[Any], Any], steps: int) -> list[float]:
    even = np.linspace(0, steps - 1, _READ_STEPS).astype(np.uint32)
    powers = np.uint32(2) ** np.arange(max(1, (steps - 1).bit_length()), dtype=np.uint32)
    read = np.unique(np.concatenate([even, powers]))
    sizes = np.asarray(jax.vmap(schedule)(jnp.asarray(read)), np.float64)
    # Step sizes of all orders of magnitude count the same.
    return sketch([np.log(np.maximum(np.abs(sizes), 1e-300))])
