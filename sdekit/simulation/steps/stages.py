"""The table of stages: for each kind of flow record of `sdekit.schemes` the stage that runs it.

Not for the flows' numerics, nor for the order in which stages run (`scheme`).

Checked by: tests/simulation/steps/test_stages.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.schemes.split.flow_records import (
    CommutingNoise,
    Flow,
    GeometricBrownian,
    Inexact,
    IntervalNoise,
    Joint,
    LinearBlock,
    OrnsteinUhlenbeck,
    PowerNoise,
    Rotation,
    Shift,
)
from sdekit.schemes.split.unroll import Move
from sdekit.simulation.bind.jax_reader import Environment
from sdekit.simulation.ends.linear_noise_stages import commuting_stage, geometric_stage
from sdekit.simulation.ends.vanishing_noise_euler import kept_inside, variables_at_ends
from sdekit.simulation.ends.vanishing_noise_stages import (
    interval_noise_stage,
    power_noise_stage,
)
from sdekit.simulation.loop.tracing import traced
from sdekit.simulation.steps.covariance import NoiseTerm, factor_terms, noise_terms
from sdekit.simulation.steps.linear_stages import (
    linear_block_stage,
    ornstein_uhlenbeck_stage,
    rotation_stage,
)
from sdekit.simulation.steps.stage import (
    Moved,
    Stage,
    Updates,
    added,
    increments,
    noise_elements,
    noise_expressions,
    prepared_noise,
    shifted,
    still_known,
)
from sdekit.simulation.stiff.stiff_drifts import DRIFTS, Drift, explicit_drift

#: Nodes and weights of the classical method of order 4; each slope is taken at the one before.
RUNGE_KUTTA = ((0.0, 1 / 6), (0.5, 1 / 3), (0.5, 1 / 3), (1.0, 1 / 6))
#: Operations of a slope from which on the four slopes are the turns of a loop instead of copies,
#: which would take several times as long to compile.
LONG_SLOPE = 50

Sizes = Mapping[str, int]
Blocks = Mapping[tuple[Variable, Variable], Expression]


def stage_of(flow: Flow, sizes: Sizes) -> Stage:
    """The stage that runs a flow record.

    Raises:
        SimulationError: If the record is of a kind that is not known here.
    """
    if type(flow) not in _BUILDERS:
        raise SimulationError("a part has a flow of unknown kind", found=type(flow).__name__)
    return _BUILDERS[type(flow)](flow, sizes)


def staged(moves: Sequence[Move], sizes: Sizes) -> list[tuple[Stage, float]]:
    """The moves of a step as stages with their shares.

    A letter that occurs twice is one stage; sub-steps that follow each other are one loop.
    """
    made: dict[tuple[int, int], Stage] = {}
    found = []
    runs = groupby(moves, lambda move: (id(move.flow), move.share, isinstance(move.flow, Inexact)))
    for (number, share, in_loop), run in runs:
        same = list(run)
        count = len(same) if in_loop else 1
        if (number, count) not in made:
            once = stage_of(same[0].flow, sizes)
            made[number, count] = once if count == 1 else repeated_stage(once, count)
        found += [(made[number, count], float(share * count))] * (len(same) // count)
    return found


def repeated_stage(stage: Stage, count: int) -> Stage:
    """A stage taken `count` times, each for its part of the share and with noise of its own."""

    def apply(
        environment: Environment, z: Array, h: ArrayLike, constants: Any, changes: bool = False
    ) -> Moved:
        known = still_known(environment, stage.moves)
        each = jnp.asarray(h) / count

        def once(total: Moved, own: Array) -> tuple[Moved, None]:
            values = {**environment.values, **added(environment, total)}
            given = replace(environment, values=values, known=known)
            found = stage.apply(given, own, each, constants, True)
            return {name: change + found.get(name, 0.0) for name, change in total.items()}, None

        start = {x.name: jnp.zeros_like(environment.values[x.name]) for x in stage.moves}
        total = lax.scan(once, start, z.reshape(count, stage.elements, *z.shape[1:]))[0]
        return total if changes else added(environment, total)

    def prepare(environment: Environment, h: ArrayLike) -> Any:
        return None if stage.prepare is None else stage.prepare(environment, jnp.asarray(h) / count)

    return replace(
        stage,
        elements=count * stage.elements,
        apply=apply,
        prepare=None if stage.prepare is None else prepare,
        reads_moved=True,
    )


def shift_stage(flow: Shift, sizes: Sizes) -> Stage:
    """X <- X + h * rate."""

    def apply(
        environment: Environment, z: Array, h: ArrayLike, constants: Any, changes: bool = False
    ) -> Moved:
        return shifted(environment, flow.updates, h, {} if changes else None)

    return Stage(flow.variables, 0, tuple(rate for _, rate in flow.updates), None, apply)


def euler_stage(
    updates: Updates,
    terms: tuple[NoiseTerm, ...],
    diffusion: Blocks,
    drift: Drift = explicit_drift,
) -> Stage:
    r"""One Euler-Maruyama step: $X \leftarrow X + h\,v + \sqrt h\,S\zeta$, v as `drift` takes it.

    Near an end at which the noise vanishes another variable keeps it inside (`kept_inside`).
    """
    kept = variables_at_ends(diffusion)
    moves = tuple(dict.fromkeys([x for x, _ in updates] + [x for t in terms for x in t.variables]))

    def prepare(environment: Environment, h: ArrayLike) -> Any:
        return prepared_noise(terms, environment)

    def apply(
        environment: Environment, z: Array, h: ArrayLike, constants: Any, changes: bool = False
    ) -> Moved:
        noise = increments(terms, environment, z, constants)
        # Drift and noise before the state: a constant drift rounded alone is rounded the same way
        # at every step.
        moved = {name: jnp.sqrt(jnp.asarray(h)) * own for name, own in noise.items()}
        drifts = drift(environment, updates, h, moved) if updates else {}
        inside = {
            x.name: kept_inside(
                x,
                diffusion[x, x],
                environment,
                drift=drifts.get(x.name, 0.0),
                noise=moved[x.name],
                h=h,
            )
            for x in kept
        }
        moved |= {name: moved.get(name, 0.0) + d for name, d in drifts.items()} | inside
        return moved if changes else added(environment, moved)

    read = (*(rate for _, rate in updates), *noise_expressions(terms))
    constant = any(term.prepare for term in terms)
    again = drift is not explicit_drift
    return Stage(moves, noise_elements(terms), read, prepare if constant else None, apply, again)


def inexact_stage(flow: Inexact, sizes: Sizes) -> Stage:
    """A remainder without exact flow, by the sub-integrator its record names."""
    terms = factor_terms(dict(flow.factor), sizes) if flow.factor else ()
    terms = terms or noise_terms(dict(flow.diffusion), sizes)
    if flow.method in DRIFTS:
        return euler_stage(flow.updates, terms, dict(flow.diffusion), DRIFTS[flow.method])

    def apply(
        environment: Environment, z: Array, h: ArrayLike, constants: Any, changes: bool = False
    ) -> Moved:
        if flow.method == "rk4":
            moved = _runge_kutta(environment, flow.updates, h)
            return moved if changes else added(environment, moved)
        half = 0.5 * jnp.asarray(h)
        moved = _runge_kutta(environment, flow.updates, half)
        noise = increments(terms, environment, z, prepared_noise(terms, environment))
        for name, increment in noise.items():
            moved[name] = moved.get(name, 0.0) + jnp.sqrt(jnp.asarray(h)) * increment
        known = still_known(environment, flow.variables)
        values = {**environment.values, **added(environment, moved)}
        between = replace(environment, values=values, known=known)
        for name, change in _runge_kutta(between, flow.updates, half).items():
            moved[name] = moved[name] + change
        return moved if changes else added(environment, moved)

    read = (*(rate for _, rate in flow.updates), *noise_expressions(terms))
    return Stage(flow.variables, noise_elements(terms), read, None, apply, reads_moved=True)


def _runge_kutta(environment: Environment, updates: Updates, h: ArrayLike) -> Moved:
    """What the classical method of order 4 adds, on all updates jointly, the others frozen."""
    start = {x.name: environment.values[x.name] for x, _ in updates}
    known = still_known(environment, tuple(x for x, _ in updates))

    def slope(blocks: Mapping[str, Array]) -> Moved:
        given = replace(environment, values={**environment.values, **blocks}, known=known)
        return shifted(given, updates, 1.0, jax.tree.map(jnp.zeros_like, start))

    once = traced(slope, start)

    def turn(carried: tuple[Moved, Moved], row: Any) -> tuple[tuple[Moved, Moved], None]:
        rates, total = carried
        at = {name: block + (row[0] * h) * rates[name] for name, block in start.items()}
        rates = once.call(at)
        return (rates, {name: total[name] + row[1] * rates[name] for name in start}), None

    nothing = jax.tree.map(jnp.zeros_like, start)
    carried: tuple[Moved, Moved] = nothing, nothing
    if once.operations < LONG_SLOPE:
        for row in RUNGE_KUTTA:
            carried, _ = turn(carried, row)
    else:
        rows = np.array(RUNGE_KUTTA, environment.dtype)
        carried, _ = lax.scan(turn, carried, rows)
    return jax.tree.map(lambda rate: h * rate, carried[1])


def joint_stage(flow: Joint, sizes: Sizes) -> Stage:
    """Flows of different variables that commute, each with its own slot of the noise."""
    stages = tuple(stage_of(inner, sizes) for inner in flow.flows)

    def prepare(environment: Environment, h: ArrayLike) -> Any:
        return tuple(s.prepare(environment, h) if s.prepare else None for s in stages)

    def apply(
        environment: Environment, z: Array, h: ArrayLike, constants: Any, changes: bool = False
    ) -> Moved:
        found: Moved = {}
        offset = 0
        for k, stage in enumerate(stages):
            own = z[offset : offset + stage.elements]
            offset += stage.elements
            prepared = None if constants is None else constants[k]
            found.update(stage.apply(environment, own, h, prepared, changes))
        return found

    return Stage(
        moves=tuple(x for stage in stages for x in stage.moves),
        elements=sum(stage.elements for stage in stages),
        expressions=tuple(e for stage in stages for e in stage.expressions),
        prepare=prepare if any(stage.prepare for stage in stages) else None,
        apply=apply,
        reads_moved=any(stage.reads_moved for stage in stages),
    )


_BUILDERS: Mapping[type, Callable[[Any, Sizes], Stage]] = {
    Shift: shift_stage,
    OrnsteinUhlenbeck: ornstein_uhlenbeck_stage,
    LinearBlock: linear_block_stage,
    Rotation: rotation_stage,
    GeometricBrownian: geometric_stage,
    CommutingNoise: commuting_stage,
    PowerNoise: power_noise_stage,
    IntervalNoise: interval_noise_stage,
    Inexact: inexact_stage,
    Joint: joint_stage,
}
