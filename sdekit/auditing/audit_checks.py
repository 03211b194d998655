"""What an audit compares with: the declared coefficients at random states, and the step as a map.

Not for the comparison (`audit`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.auditing.audit_arguments import (
    TRACED,
    UNTRACED,
    failure_text,
    known_functions,
    known_sizes,
    parameter_values,
)
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.addends import additive_terms
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.simulation.bind.jax_reader import Environment, evaluate, shape_of


@dataclass(frozen=True, eq=False)
class AtStates:
    """Declared coefficients at S states.

    Attributes:
        points: Shape (S, d).
        terms: For each variable the value of each term of its drift, shape (S, width).
        diffusion: Shape (S, d, d).
    """

    points: np.ndarray
    terms: Mapping[Variable, Mapping[Expression, np.ndarray]]
    diffusion: np.ndarray


@dataclass(frozen=True, eq=False)
class Declared:
    """A dynamics with sizes, parameters and functions put in.

    Attributes:
        dynamics: In Ito form.
        sizes: By name.
        functions: JAX functions of the blocks, by name.
        values: Parameter arrays, by name.
        places: The positions of each variable in the flat state.
    """

    dynamics: Dynamics
    sizes: Mapping[str, int]
    functions: Mapping[str, Callable[..., Any]]
    values: Mapping[str, Any]
    places: Mapping[Variable, slice]

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables in order of the flat state."""
        return self.dynamics.variables

    @property
    def dimension(self) -> int:
        """d, the length of the flat state."""
        return sum(self.width(x) for x in self.variables)

    @property
    def scalars(self) -> dict[str, float]:
        """Scalar parameters."""
        return {k: float(v) for k, v in self.values.items() if np.ndim(v) == 0}

    def width(self, x: Variable) -> int:
        """How many entries a variable has."""
        part = self.places[x]
        return part.stop - part.start

    @property
    def entry_names(self) -> list[str]:
        """A name for each entry of the flat state."""
        return [
            x.name if self.width(x) == 1 else f"{x.name}[{i}]"
            for x in self.variables
            for i in range(self.width(x))
        ]

    def written(self, x: Variable) -> str:
        """The diffusion of x as written, without the identity."""
        block = self.dynamics.diffusion.get((x, x), ZERO)
        if isinstance(block, ex.Product) and isinstance(block.factors[-1], ex.Eye):
            kept = block.factors[:-1]
            block = kept[0] if len(kept) == 1 else ex.Product(kept)
        elif isinstance(block, ex.Eye):
            return "1"
        return f"({block!r})" if isinstance(block, ex.Sum) else repr(block)

    def blocks(self, flat: Any) -> dict[str, Any]:
        """A flat state as blocks by name."""
        return {
            x.name: flat[self.places[x]].reshape(shape_of(x, self.sizes)) for x in self.variables
        }

    def evaluate(self, expression: Expression, x: Variable, points: np.ndarray) -> np.ndarray:
        """A term of the drift of x at all states, shape (S, width)."""

        def at(flat: Any) -> Any:
            value = self.value(expression, flat)
            return jnp.broadcast_to(value, shape_of(x, self.sizes)).reshape(-1)

        return np.asarray(jax.jit(jax.vmap(at))(jnp.asarray(points)), dtype=float)

    def value(self, expression: Expression, flat: Any) -> Any:
        """An expression at one flat state."""
        known = {**self.values, **self.blocks(flat)}
        return jnp.asarray(evaluate(expression, Environment(known, self.sizes, self.functions)))

    def drift(self, flat: Any) -> Any:
        """The whole drift at one flat state, shape (d,)."""
        parts = [
            jnp.broadcast_to(self.value(self.dynamics.drift[x], flat), shape_of(x, self.sizes))
            for x in self.variables
        ]
        return jnp.concatenate([part.reshape(-1) for part in parts])

    def fastest_rate(self, points: np.ndarray) -> float:
        """The largest eigenvalue of the drift's Jacobian at the states, in size, 1 / time."""
        slopes = jax.jit(jax.vmap(jax.jacfwd(self.drift)))(jnp.asarray(points, dtype=jnp.float32))
        slopes = np.asarray(slopes, dtype=float)
        slopes = slopes[np.isfinite(slopes).all(axis=(1, 2))]
        return float(np.abs(np.linalg.eigvals(slopes)).max(initial=0.0))

    def at(self, points: np.ndarray) -> AtStates:
        """All coefficients at the states."""
        terms: dict[Variable, dict[Expression, np.ndarray]] = {}
        for x in self.variables:
            drift = self.dynamics.drift[x]
            parts = [] if drift == ZERO else additive_terms(drift)
            terms[x] = {part: self.evaluate(part, x, points) for part in parts}
            for part, values in terms[x].items():
                _require_finite(f"the term {part!r} of the drift of {x.name}", values, points)
        diffusion = self._diffusion(points)
        _require_finite("the diffusion", diffusion, points)
        return AtStates(points, terms, diffusion)

    def _diffusion(self, points: np.ndarray) -> np.ndarray:
        matrix = np.zeros((len(points), self.dimension, self.dimension))
        for (x, y), block in self.dynamics.blocks():

            def at(flat: Any, block: Expression = block, x: Variable = x, y: Variable = y) -> Any:
                shape = shape_of(x, self.sizes) + shape_of(y, self.sizes)
                value = jnp.broadcast_to(self.value(block, flat), shape)
                return value.reshape(self.width(x), self.width(y))

            values = jax.jit(jax.vmap(at))(jnp.asarray(points))
            matrix[:, self.places[x], self.places[y]] = np.asarray(values, dtype=float)
        return matrix


def _require_finite(name: str, values: np.ndarray, points: np.ndarray) -> None:
    bad = ~np.isfinite(values).reshape(len(points), -1).all(axis=1)
    if bad.any():
        state = ", ".join(f"{value:.3g}" for value in points[bad][0][:8])
        raise SimulationError(
            f"{name} is not finite",
            expected="finite values at random states of order one",
            found=f"others at the state ({state})",
            fix="give functions and parameters that are finite there, derivatives included",
        )


def declared_coefficients(
    dynamics: Dynamics,
    sizes: Mapping[str, int],
    position: Any,
    potential: Callable[..., Any] | None,
    functions: Mapping[str, Callable[..., Any]],
    parameters: Mapping[str, Any],
) -> Declared:
    """The dynamics with everything put in that its coefficients need.

    Raises:
        SimulationError: If a size, parameter or function is missing, unknown or wrong.
    """
    known = known_sizes(dynamics, sizes, position)
    values = parameter_values(dynamics, parameters, known)
    places, start = {}, 0
    for x in dynamics.variables:
        width = int(np.prod(shape_of(x, known), dtype=int))
        places[x] = slice(start, start + width)
        start += width
    chosen = known_functions(dynamics, known, potential, functions)
    return Declared(dynamics, known, chosen, values, places)


def random_states(declared: Declared, count: int, seed: int) -> np.ndarray:
    """Random states of order one, inside the domains, shape (count, d)."""
    rng = np.random.default_rng(seed)
    columns = []
    for x in declared.variables:
        shape = (count, declared.width(x))
        kind = x.domain.kind
        if kind == "positive":
            columns.append(np.exp(0.5 * rng.standard_normal(shape)))
        elif kind == "circle":
            period = float(evaluate(x.domain.circumference, Environment(declared.values)))
            columns.append(rng.uniform(0, period, shape))
        elif x.domain.lower is not None and x.domain.upper is not None:
            low, high = float(x.domain.lower), float(x.domain.upper)
            columns.append(low + (high - low) * rng.uniform(0.2, 0.8, shape))
        else:
            columns.append(rng.standard_normal(shape))
        if x.symmetry is not None:
            size = round(shape[1] ** 0.5)
            matrix = columns[-1].reshape(count, size, size)
            mirrored = np.swapaxes(matrix, 1, 2)
            sign = 1 if x.symmetry == "symmetric" else -1
            columns[-1] = ((matrix + sign * mirrored) / 2).reshape(shape)
    return np.concatenate(columns, axis=1).astype(np.float32)


#: What helps most steps that cannot be called.
MAPPED = "map the blocks to the step's state with to_state, and back with from_state"


@dataclass(frozen=True, eq=False)
class StepMap:
    """A step function between flat states, with the way into and out of its own state.

    Attributes:
        enter: Flat state -> the step's own state.
        move: (key, own state, h) -> own state.
        leave: Own state -> flat state.
        has_memory: Whether the step's own state holds more numbers than the blocks, and the step
            can go on from its own result.
    """

    enter: Callable[[Any], Any]
    move: Callable[[Any, Any, Any], Any]
    leave: Callable[[Any], Any]
    has_memory: bool = False

    def flat(self, key: Any, z: Any, h: Any) -> Any:
        """One step from a flat state to a flat state."""
        return self.leave(self.move(key, self.enter(z), h)).astype(z.dtype)

    def twice(self, key: Any, z: Any, h: Any) -> Any:
        """The flat states after one step and after two, the second from the step's own state."""
        first, second = jax.random.split(key)
        state = self.move(first, self.enter(z), h)
        later = self.move(second, state, h)
        return jnp.stack([self.leave(state), self.leave(later)]).astype(z.dtype)


def step_map(
    step: Callable[[Any, Any, Any], Any],
    declared: Declared,
    to_state: Callable[[dict[str, Any]], Any] | None,
    from_state: Callable[[Any], Mapping[str, Any]] | None,
    example: np.ndarray,
) -> StepMap:
    """The step as a map of flat states, tried once.

    Raises:
        SimulationError: If it cannot be called, or gives other shapes or names back.
    """
    into = to_state or (lambda blocks: blocks)
    back = from_state or (lambda state: state)
    shapes = {x.name: shape_of(x, declared.sizes) for x in declared.variables}

    def leave(state: Any) -> Any:
        moved = back(state)
        return jnp.concatenate([_block(moved[name], name, shapes[name]) for name in shapes])

    found = StepMap(lambda z: into(declared.blocks(z)), step, leave)
    try:
        jax.eval_shape(found.flat, jax.random.key(0), jnp.asarray(example), jnp.float32(0.01))
    except SimulationError:
        raise
    except Exception as error:  # noqa: BLE001 - it may fail in any way
        raise SimulationError(
            "the step cannot be called as step(key, state, h)",
            expected="a state of the same form",
            found=failure_text(error),
            fix=_fix(error),
        ) from None
    has_memory = _held(found, example) > declared.dimension and broken_chain(found, example) is None
    return replace(found, has_memory=has_memory)


def _held(step: StepMap, example: np.ndarray) -> int:
    """How many numbers the step's own state holds."""
    state = jax.eval_shape(lambda z: own_arrays(step.enter(z)), jnp.asarray(example))
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(state))


def broken_chain(step: StepMap, example: np.ndarray) -> str | None:
    """Why the step cannot be applied to its own result; None if it can."""
    try:
        before = jax.eval_shape(lambda z: own_arrays(step.enter(z)), jnp.asarray(example))
        after = jax.eval_shape(step.move, jax.random.key(0), before, jnp.float32(0.01))
    except Exception as error:  # noqa: BLE001 - it may fail in any way
        return f"the step cannot go on from its own result: {type(error).__name__}"
    shapes = [[leaf.shape for leaf in jax.tree.leaves(state)] for state in (before, after)]
    if jax.tree.structure(before) != jax.tree.structure(after) or shapes[0] != shapes[1]:
        return "the step cannot go on from its own result: it has another structure"
    return None


def own_arrays(state: Any) -> Any:
    """The step's own state with arrays for numbers."""
    return jax.tree.map(jnp.asarray, state)


def of_type(new: Any, old: Any) -> Any:
    """A compiled loop needs the types it started with, whatever the step promotes."""
    return new if new.dtype == old.dtype else new.astype(old.dtype)


def _fix(error: Exception) -> str:
    if isinstance(error, UNTRACED):
        return TRACED
    is_of_form = isinstance(error, TypeError | ValueError | LookupError | AttributeError)
    return MAPPED if is_of_form else "call it by itself on such a state, and mend what fails there"


def _block(value: Any, name: str, shape: tuple[int, ...]) -> Any:
    """A block that the step returns, flat; of the declared shape up to axes of length one."""
    value = jnp.asarray(value)
    if [k for k in value.shape if k != 1] != [k for k in shape if k != 1]:
        raise SimulationError(
            f"the step returns the block {name} with another shape",
            expected=shape,
            found=value.shape,
            fix="let from_state return every block by name, of the shape that to_state was given",
        )
    if jnp.iscomplexobj(value):
        raise SimulationError(
            f"the step returns complex numbers for the block {name}",
            expected="real numbers",
            found=value.dtype,
            fix="return the real part, if that is what is meant",
        )
    return value.reshape(-1)
