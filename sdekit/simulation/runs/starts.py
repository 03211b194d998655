"""Where the chains of a run start: all at one position, each at its own, or drawn by the user.

Where the ranks of the variables decide how a position is read, one more leading axis of the length
of the chains gives each chain its own row. A bare JAX potential takes a position of any shape, and
so do the leaves of a PyTree: there only `starts=` says it.

Not for one chain's position (`position`) nor for laws of momenta (`start`).

Checked by: tests/simulation/runs/test_starts.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import SimulationError
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import shape_of
from sdekit.simulation.bind.position import order_of
from sdekit.simulation.bind.start import check_auxiliary
from sdekit.simulation.bind.user_functions import USER_ERRORS, told
from sdekit.simulation.guard.compiled_values import Probed
from sdekit.simulation.runs.result import Run
from sdekit.simulation.steps.sampler import Sampler
from sdekit.simulation.updates.extra import ExtraLayout, read_extra
from sdekit.simulation.updates.update import Update

#: Number folded into the seed's key for the starts that the user draws.
_POSITIONS = 0x706F7369


@dataclass(frozen=True, eq=False)
class Starts:
    """Where chains start.

    Attributes:
        example: A position of the structure that all have.
        each: Their positions, every leaf with a leading axis of chains; None where all are the same
            or drawn.
        draw: Key -> position, where the user draws them.
        seed: Of those keys.
        notes: How a position was read that could be read in another way.
    """

    example: Any
    each: Any = None
    draw: Callable[[Any], Any] | None = None
    seed: int = 0
    notes: tuple[str, ...] = ()

    def blocks(self, problem: Problem, numbers: np.ndarray) -> dict[str, Array]:
        """Blocks of the target variables, chains last.

        Args:
            problem: The bound dynamics.
            numbers: Numbers of the chains, () or (lanes,); those beyond the last start as it does.
        """
        layout, dtype = problem.layout, problem.dtype
        if self.draw is not None:
            return self._drawn(problem, numbers)
        if self.each is None:
            found = layout.blocks(self.example, dtype)
            return {name: along_chains(block, numbers) for name, block in found.items()}
        rows = jax.tree.map(lambda x: x[np.minimum(numbers, len(x) - 1)], self.each)
        if not numbers.ndim:
            return layout.blocks(rows, dtype)
        return jax.vmap(lambda one: layout.blocks(one, dtype), out_axes=-1)(rows)

    def _drawn(self, problem: Problem, numbers: np.ndarray) -> dict[str, Array]:
        key, draw = jax.random.fold_in(jax.random.key(self.seed), _POSITIONS), self.draw
        assert draw is not None

        def of_chain(number: Any) -> dict[str, Array]:
            return problem.layout.blocks(draw(jax.random.fold_in(key, number)), problem.dtype)

        try:
            if not numbers.ndim:
                return of_chain(jnp.asarray(numbers))
            return jax.jit(jax.vmap(of_chain, out_axes=-1))(jnp.asarray(numbers))
        except USER_ERRORS as error:
            raise _drawing_error(error) from error


def read_starts(sampler: Sampler, position: Any, starts: Any, *, chains: int, seed: int) -> Starts:
    """How the user's `position` or `starts` is meant.

    Raises:
        SimulationError: If both or none are given, or an axis has not the length of the chains.
    """
    if (position is None) == (starts is None):
        raise SimulationError(
            "where do the chains start?",
            expected="position= for all chains, or starts= for each",
            found="neither" if position is None else "both",
            fix="give position=np.zeros(n), or the position of each chain as starts=",
        )
    if starts is not None:
        return _each(starts, chains)
    if callable(position):
        try:
            return Starts(position(jax.random.key(seed)), draw=position, seed=seed)
        except USER_ERRORS as error:
            raise _drawing_error(error) from error
    return _by_rank(sampler, position, chains)


@dataclass(frozen=True, eq=False)
class Continued:
    """The end of a run as a start.

    Attributes:
        starts: Positions, every leaf with a leading axis of chains.
        auxiliary: Auxiliary variables by name, with that axis.
        time: At the end; None where steps had sizes of a schedule.
        extra: Extra arrays as the user's tree, with that axis; None where there are none.
    """

    starts: Any
    auxiliary: dict[str, Any]
    time: float | None
    extra: Any = None


def continued(run: Run, dynamics: Dynamics, chains: Any, others: tuple[Any, ...]) -> Continued:
    """Where the chains of a run stand.

    Args:
        run: That went before.
        dynamics: Of the run to come.
        chains: Its number of chains, if given.
        others: Other starts, of which none must be given.

    Raises:
        SimulationError: If it holds no state of all its chains, or a start is given as well.
    """
    if not isinstance(run, Run):
        raise SimulationError(
            "start_from is no run", expected="what sk.simulate returned", found=repr(run)[:60]
        )
    if any(other is not None for other in others):
        raise SimulationError(
            "where do the chains start?", found="start_from and another start",
            fix="leave position, starts and auxiliary out",
        )  # fmt: skip
    if run.state is None or not run.has_all_chains:
        raise SimulationError(
            "the run does not hold the state of all its chains",
            fix="go on in the process that ran them, or with resume=True",
        )
    if chains not in (None, run.chains):
        raise SimulationError(
            "the run has another number of chains",
            expected=run.chains,
            found=chains,
            fix="leave chains out",
        )
    watch = run.state.cache.watch
    stopped = 0 if watch is None else int(np.sum(np.atleast_1d(watch.stopped)[: run.chains]))
    if stopped:
        raise SimulationError(
            "chains of the run have stopped at an event, at times of their own",
            expected="chains that go on until the end",
            found=f"{stopped} of {run.chains} that have stopped",
            fix="run once with a later t1, or lengthen a store with resume=True",
        )
    blocks = {name: _chains_first(block, run.chains) for name, block in run.state.blocks.items()}
    targets = {x.name: blocks[x.name] for x in run.layout.variables}
    auxiliary = {x.name: blocks[x.name] for x in dynamics.auxiliary_variables if x.name in blocks}
    time = None if run.times is None else float(run.times[-1])
    extra = None if run.extra_layout is None else run.extra_layout.gathered(blocks)
    return Continued(run.layout.position(targets, axes=1), auxiliary, time, extra)


def _chains_first(block: Any, chains: int) -> Any:
    """Rows of the chains of a state, which has lanes last, or no such axis for one chain."""
    values = np.asarray(block)
    if chains == 1:
        return values[None]
    return np.moveaxis(values, -1, 0)[:chains]


def _each(starts: Any, chains: int) -> Starts:
    leaves = jax.tree.leaves(starts)
    shapes = [np.shape(leaf) for leaf in leaves]
    if not leaves or any(not shape or shape[0] != chains for shape in shapes):
        raise SimulationError(
            "starts has not one row for each chain",
            expected=f"arrays with a leading axis of {chains}",
            found=", ".join(str(shape) for shape in shapes) or "nothing",
            fix="give position= for one start of all chains",
        )
    return Starts(jax.tree.map(lambda x: np.asarray(x)[0], starts), jax.tree.map(_held, starts))


def _held(leaf: Any) -> Any:
    return leaf if isinstance(leaf, Array) else np.asarray(leaf)


def _by_rank(sampler: Sampler, position: Any, chains: int) -> Starts:
    """A position read by the ranks of the variables, where they are all that can be meant."""
    variables = sampler.dynamics.target_variables
    leaves, tree = jax.tree.flatten(position)
    ranks = [np.ndim(leaf) for leaf in leaves]
    if len(variables) == 1 and variables[0].ndim == 1 and not _ranks_decide(sampler, leaves):
        return Starts(position, notes=_reading(leaves, chains))
    if len(variables) == 1 and variables[0].ndim <= 1:
        declared = [variables[0].ndim] * len(leaves)
    else:
        order = order_of(position, variables, len(leaves))
        declared = [0] * len(leaves)
        for x, place in zip(variables, order, strict=True):
            declared[place] = x.ndim
    own = [rank == least + 1 for rank, least in zip(ranks, declared, strict=True)]
    if chains > 1:
        for leaf, is_own in zip(leaves, own, strict=True):
            if is_own and np.shape(leaf)[0] != chains:
                raise SimulationError(
                    "the position has not one row for each chain",
                    expected=f"a leading axis of {chains}, or none",
                    found=f"shape {np.shape(leaf)}",
                    fix="chains= says how many chains start there",
                )
    own = [is_own and np.shape(leaf)[0] == chains for leaf, is_own in zip(leaves, own, strict=True)]
    if not any(own):
        return Starts(position)
    each = [
        _held(leaf) if is_own else np.broadcast_to(np.asarray(leaf), (chains, *np.shape(leaf)))
        for leaf, is_own in zip(leaves, own, strict=True)
    ]
    example = [np.asarray(leaf)[0] for leaf in each]
    return Starts(jax.tree.unflatten(tree, example), jax.tree.unflatten(tree, each))


def _ranks_decide(sampler: Sampler, leaves: list[Any]) -> bool:
    """Whether a vector can only be meant as an array of rank one: no JAX function takes another."""
    potential = sampler.potential
    is_formula = type(potential).__module__.partition(".")[0] == "sympy"
    return len(leaves) == 1 and (potential is None or is_formula)


def _reading(leaves: list[Any], chains: int) -> tuple[str, ...]:
    shapes = [np.shape(leaf) for leaf in leaves]
    if chains == 1 or all(not shape or shape[0] != chains for shape in shapes):
        return ()
    return (
        f"the position of shape {', '.join(map(str, shapes))} was read as one start of all "
        f"{chains} chains; starts= gives each its own",
    )


def along_chains(block: Any, numbers: np.ndarray) -> Array:
    """A block of one chain for all of them, chains last."""
    if not numbers.ndim:
        return block
    return jnp.broadcast_to(jnp.asarray(block)[..., None], (*np.shape(block), *numbers.shape))


def auxiliary_blocks(
    problem: Problem, given: Any, chains: int, numbers: np.ndarray
) -> dict[str, Array]:
    """Blocks of auxiliary variables that the user sets, chains last; one row for each chain counts.

    Raises:
        SimulationError: If it is no mapping, a name is unknown or a shape is wrong.
    """
    if not isinstance(given, Mapping):
        raise SimulationError(
            "auxiliary is no dictionary",
            expected="starts of auxiliary variables by name",
            found=type(given).__name__,
        )
    shapes = {x.name: shape_of(x, problem.sizes) for x in problem.dynamics.auxiliary_variables}
    own = {
        name: np.asarray(value)
        for name, value in given.items()
        if name in shapes and np.shape(value) == (chains, *shapes[name])
    }
    first = check_auxiliary(problem, {**given, **{name: rows[0] for name, rows in own.items()}})
    found = {}
    for name, block in first.items():
        if name in own:
            rows = own[name][np.minimum(numbers, chains - 1)]
            block = jnp.asarray(np.moveaxis(rows, 0, -1) if numbers.ndim else rows, problem.dtype)
        else:
            block = along_chains(block, numbers)
        found[name] = block
    return found


@dataclass(frozen=True, eq=False)
class ExtraStart:
    """Updates of a run, and where their extra arrays start.

    Attributes:
        updates: In their order; none where nothing else counts.
        extra: The user's tree, the same for all chains.
        rows: In its place, the tree with a leading axis of chains.
    """

    updates: tuple[Update, ...] = ()
    extra: Any = None
    rows: Any = None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know."""
        if not self.updates:
            return ()
        when = ", ".join(str(each.every) for each in self.updates)
        return (f"updates of one's own, every {when} steps: what is proved is the dynamics alone",)

    def layout(self, sampler: Sampler) -> ExtraLayout | None:
        """How the arrays map to blocks; None without updates."""
        return self._read(sampler)[0] if self.updates else None

    def blocks(self, sampler: Sampler, numbers: np.ndarray) -> dict[str, Array]:
        """Their blocks, chains last."""
        if not self.updates:
            return {}
        layout, first = self._read(sampler)
        if self.rows is None:
            return {name: along_chains(leaf, numbers) for name, leaf in first.items()}
        chosen = {
            n: np.asarray(rows)[np.minimum(numbers, len(rows) - 1)]
            for n, rows in layout.spread(self.rows).items()
        }
        return {
            n: jnp.asarray(np.moveaxis(rows, 0, -1) if numbers.ndim else rows)
            for n, rows in chosen.items()
        }

    def _read(self, sampler: Sampler) -> tuple[ExtraLayout, dict[str, Array]]:
        given = self.extra
        if self.rows is not None:
            given = jax.tree.map(lambda rows: np.asarray(rows)[0], self.rows)
        names = {x.name for x in sampler.dynamics.variables}
        return read_extra(given, names, sampler.dtype)


#: A run without updates.
NO_UPDATES = ExtraStart()


def _drawing_error(error: Exception) -> SimulationError:
    return SimulationError(
        "the function that draws positions fails",
        expected="a JAX function of a key",
        found=told(error),
    )


def check_finite_start(blocks: Mapping[str, Any], seen: Mapping[str, Probed]) -> None:
    """Refuse a start at which a block, an energy or a gradient is no number.

    Raises:
        SimulationError: If one is.
    """
    for name, block in blocks.items():
        if not np.all(np.isfinite(block)):
            raise SimulationError(
                f"the start of {name} is not finite", found=" ".join(str(block).split())[:80],
                fix="start at finite numbers",
            )  # fmt: skip
    for name, found in seen.items():
        if found.value is not None and not np.all(np.isfinite(found.value)):
            raise SimulationError(
                f"the value of {name} is not finite at the start",
                expected="a number",
                found=" ".join(str(found.value).split())[:80],
                fix="start where the potential is defined",
            )
        for block in found.gradient.values():
            if not np.all(np.isfinite(block)):
                raise SimulationError(
                    f"the gradient of {name} is not finite at the start",
                    found=" ".join(str(block).split())[:80],
                    fix="start where the potential is smooth",
                )
