"""Updates as a part of the compiled loop: due ones are made, then gradients are renewed.

Not for what an update is (`update`).

Checked by: tests/simulation/updates/test_update.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from sdekit.errors import SimulationError
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.user_functions import USER_ERRORS, told
from sdekit.simulation.loop.program import Fixed, LoopState
from sdekit.simulation.noise.streams import THREEFRY
from sdekit.simulation.steps.boundaries import lost_outside
from sdekit.simulation.steps.sampler import Bound
from sdekit.simulation.steps.scheme import Cache, renewed_cache
from sdekit.simulation.updates.update import PARTS, Update

#: Random words of a step that an update's key is made of.
KEY_WORDS = 2


@dataclass(frozen=True, eq=False)
class Updating:
    """The updates of a run, bound to its problem.

    Attributes:
        bound: What runs.
        updates: In their order.
        moving: For each, whether it changes what a gradient or an energy reads.
    """

    bound: Bound
    updates: tuple[Update, ...]
    moving: tuple[bool, ...]

    @property
    def words(self) -> int:
        """Random words of one step: a key, and the draws of gradients that are renewed."""
        return KEY_WORDS + self.bound.scheme.carried_words * any(self.moving)

    def after(self, state: LoopState, words: Array, number: Array, fixed: Fixed) -> LoopState:
        """The state behind the updates that are due after a step.

        Args:
            state: Chains last, where there are several.
            words: uint32 (words[, chains]) of the step.
            number: Of the step, from 0.
            fixed: Parameters and tables.
        """
        blocks = state.blocks
        due = [(number + np.uint32(1)) % np.uint32(each.every) == 0 for each in self.updates]
        for place, is_due in enumerate(due):
            make = partial(self._made, place, words[:KEY_WORDS])
            blocks = self._where(place, is_due, make, blocks)
        state = LoopState(blocks, _with_kept_rest(state, blocks))
        moved = [is_due for is_due, moves in zip(due, self.moving, strict=True) if moves]
        if not moved:
            return state
        always = any(u.every == 1 for u, m in zip(self.updates, self.moving, strict=True) if m)
        renew = partial(self._renewed, words[KEY_WORDS:], fixed)
        if always:
            return renew(state)
        return lax.cond(reduce(jnp.logical_or, moved), renew, lambda same: same, state)

    def _where(self, place: int, due: Array, make: Callable[[Any], Any], blocks: Any) -> Any:
        if self.updates[place].every == 1:
            return make(blocks)
        return lax.cond(due, make, lambda same: same, blocks)

    def _made(self, place: int, words: Array, blocks: dict[str, Array]) -> dict[str, Array]:
        of_one = partial(self.of_chain, place)
        if words.ndim == 1:
            return {**blocks, **of_one(words, blocks)}
        return {**blocks, **jax.vmap(of_one, in_axes=-1, out_axes=-1)(words, blocks)}

    def of_chain(self, place: int, words: Array, blocks: Mapping[str, Array]) -> dict[str, Array]:
        """The blocks of one chain that an update changes; NaN outside of a domain."""
        key = jax.random.fold_in(jax.random.wrap_key_data(words, impl=THREEFRY), place)
        problem = self.bound.problem
        found = self.updates[place].function(key, *given_parts(problem, blocks))
        return lost_outside(_blocks_of(problem, found, blocks), problem.dynamics)

    def _renewed(self, words: Array, fixed: Fixed, state: LoopState) -> LoopState:
        """The state with gradients and energy at its blocks."""
        cache = renewed_cache(
            self.bound.scheme, state.cache, state.blocks, words,
            tables=fixed.tables, parameters=fixed.parameters,
        )  # fmt: skip
        return state._replace(cache=cache)


def _with_kept_rest(state: LoopState, blocks: Mapping[str, Array]) -> Cache:
    """The cache behind updates: what rounding took from entries that they set is none of the new.

    The rest of the others stays: it may be all that small steps have moved so far.
    """
    rest = state.cache.rest
    if rest is None:
        return state.cache
    kept = {
        n: jnp.where(blocks[n] == state.blocks[n], r, jnp.zeros_like(r)) for n, r in rest.items()
    }
    return state.cache._replace(rest=kept)


def given_parts(problem: Problem, blocks: Mapping[str, Any]) -> tuple[Any, dict[str, Any], Any]:
    """Position, auxiliary variables and extra arrays of one chain, as an update gets them."""
    assert problem.extra is not None
    auxiliary = {x.name: blocks[x.name] for x in problem.dynamics.auxiliary_variables}
    return problem.layout.position(blocks), auxiliary, problem.extra.gathered(blocks)


def _blocks_of(
    problem: Problem, found: Mapping[str, Any], blocks: Mapping[str, Array]
) -> dict[str, Array]:
    changed: dict[str, Array] = {}
    if "position" in found:
        changed |= problem.layout.blocks(found["position"], problem.dtype)
    changed |= found.get("auxiliary", {})
    if "extra" in found and problem.extra is not None:
        changed |= problem.extra.spread(found["extra"])
    return {name: jnp.asarray(new, blocks[name].dtype) for name, new in changed.items()}


def bind_updates(bound: Bound, updates: tuple[Update, ...]) -> Updating | None:
    """The updates for what runs; None where there are none.

    Raises:
        SimulationError: If one fails, or returns something else than some of its parts.
    """
    if not updates:
        return None
    problem = bound.problem
    assert problem.extra is not None
    dtypes = dict(zip(problem.extra.names, problem.extra.dtypes, strict=True))
    blocks = {
        name: jax.ShapeDtypeStruct(shape, dtypes.get(name, problem.dtype))
        for name, shape in problem.block_shapes.items()
    }
    given = jax.eval_shape(lambda own: given_parts(problem, own), blocks)
    found = [_tried(each, place, given) for place, each in enumerate(updates)]
    energetic = bound.scheme.potential_energy is not None
    moving = tuple(bool({"position", "extra"} & set(each)) or energetic for each in found)
    return Updating(bound, updates, moving)


def _tried(each: Update, place: int, given: tuple[Any, Any, Any]) -> Mapping[str, Any]:
    """What an update returns, as shapes."""
    name = f"update {place}, {getattr(each.function, '__name__', 'a function')},"
    key = jax.eval_shape(lambda: jax.random.key(0, impl=THREEFRY))
    try:
        found: Any = jax.eval_shape(each.function, key, *given)
    except USER_ERRORS as error:
        raise SimulationError(
            f"{name} fails",
            expected="a JAX function of (key, position, auxiliary, extra) of one chain",
            found=told(error),
        ) from error
    if not isinstance(found, Mapping) or not found or not set(found) <= set(PARTS):
        what = ", ".join(map(str, found)) if isinstance(found, Mapping) else type(found).__name__
        raise SimulationError(
            f"{name} does not say what it changes",
            expected=f"a dictionary with any of {', '.join(PARTS)}",
            found=what or "an empty dictionary",
            fix="return {'extra': new}",
        )
    wanted = dict(zip(PARTS, given, strict=True))
    if "auxiliary" in found:
        own = found["auxiliary"]
        known = isinstance(own, Mapping) and set(own) <= set(wanted["auxiliary"])
        if not known:
            raise SimulationError(
                f"{name} returns auxiliary variables that there are not",
                expected=", ".join(wanted["auxiliary"]) or "none: the dynamics has none",
                found=", ".join(map(str, own)) if isinstance(own, Mapping) else repr(own)[:60],
            )
        wanted["auxiliary"] = {k: wanted["auxiliary"][k] for k in own}
    for part, value in found.items():
        _check_same(name, part, wanted[part], value)
    return found


def _check_same(name: str, part: str, wanted: Any, found: Any) -> None:
    """Same structure, shapes and number types."""
    if jax.tree.structure(wanted) != jax.tree.structure(found):
        raise SimulationError(
            f"{name} returns another structure of {part}",
            expected=str(jax.tree.structure(wanted)).removeprefix("PyTreeDef"),
            found=str(jax.tree.structure(found)).removeprefix("PyTreeDef"),
            fix=f"return {part} as it was given, with new numbers",
        )
    pairs = zip(jax.tree_util.tree_leaves_with_path(wanted), jax.tree.leaves(found), strict=True)
    for (path, old), new in pairs:
        # A Python number takes the type of what it replaces.
        kinds = jnp.promote_types(old.dtype, new.dtype) == old.dtype
        if old.shape != new.shape or not (new.dtype == old.dtype or (new.weak_type and kinds)):
            raise SimulationError(
                f"{name} changes shape or number type of {part}{jax.tree_util.keystr(path)}",
                expected=f"{old.dtype} of shape {old.shape}",
                found=f"{new.dtype} of shape {new.shape}",
                fix="convert it with .astype, and keep its shape",
            )
