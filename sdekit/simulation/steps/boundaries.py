r"""What a step does where it leaves a domain: circles wrap, diffusions reflect, momenta turn.

A process whose law is exp(-H) on a domain with inward normal n reflects along the conormal D n: a
point a depth d outside goes to $z + \frac{2d}{n^\top D n} D n$. A position that a momentum drives
reflects specularly: with velocity W p the point goes to $q + \frac{2d}{W_{ii}} W e_i$ and the
momentum to $p - \frac{2 (W p)_i}{W_{ii}} e_i$, which leaves H as it is. Faces are taken in the
order in which the straight way from the old point to the new one hits them.

Not for coefficients that vanish at the boundary (`degenerate`).

Source: Ikeda, Watanabe 1989, section IV.7 (conormal reflection) [recalled]; for specular walls the
billiard flow, which is the exact flow of H = p.W p/2 in a box.
Checked by: tests/simulation/steps/test_boundaries.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sympy as sp
from jax import Array
from jax.core import Tracer

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import Environment, evaluate, is_batched, shape_of
from sdekit.simulation.gradients.pathwise import undifferentiable
from sdekit.simulation.steps.covariance import diagonal_entries

Blocks = Mapping[str, Array]

#: Reflections of one move; a point that is outside after them becomes NaN, which ends the run.
MOST_REFLECTIONS = 100


@dataclass(frozen=True)
class Wall:
    """How one bounded variable is led back.

    Attributes:
        variable: x.
        momentum: What turns round where x is reflected; None where noise or drift moves x.
        velocity: W p, where x is reflected along W e_i.
        noise: Blocks (y, x) of D for all y that share noise with x, where x is reflected along
            D e_i. Without velocity and noise each entry is mirrored by itself.
    """

    variable: Variable
    momentum: Variable | None = None
    velocity: Expression | None = None
    noise: tuple[tuple[Variable, Expression], ...] = ()

    @property
    def takes_along(self) -> tuple[Variable, ...]:
        """Other variables that change where x is reflected."""
        others = tuple(y for y, _ in self.noise if y != self.variable)
        return others if self.momentum is None else (self.momentum,)


def walls_of(problem: Problem) -> dict[str, Wall]:
    """The walls of all variables that have a boundary, by name.

    Raises:
        SimulationError: If a momentum drives a bounded position and cannot be turned.
    """
    dynamics = problem.dynamics
    bounded = [x for x in dynamics.variables if x.domain.boundary != "none"]
    return {x.name: _wall(dynamics, x) for x in bounded}


def _wall(dynamics: Dynamics, x: Variable) -> Wall:
    if not x.domain.is_bounded:
        return Wall(x)
    rows = {pair[0]: block for pair, block in dynamics.blocks() if pair[1] == x}
    if x in rows:
        is_plain = len(rows) == 1 and diagonal_entries(rows[x], x) is not None
        return Wall(x) if is_plain else Wall(x, noise=tuple(rows.items()))
    velocity = dynamics.drift[x]
    read = velocity.variables
    momenta = [p for p in read - {x} if p.shape == x.shape and not p.domain.is_bounded]
    if not momenta or x in read:
        return Wall(x)
    for p in momenta:
        if read == {p}:
            turn = _turn(dynamics, x, p)
            if turn is not None:
                return Wall(x, p, None if turn == "entries" else velocity)
    raise SimulationError(
        f"no rule for what a momentum does where {x.name} meets the end of its domain",
        expected=f"a drift of {x.name} that is W p with constant W, or odd in each entry of p, "
        "and a Hamiltonian that is even in it",
        found=f"{x.name}' = {velocity!r}"[:120],
        fix=f"declare {x.name} without domain, or keep it inside by its potential",
    )


def _turn(dynamics: Dynamics, x: Variable, p: Variable) -> str | None:
    """How p turns: "entries" one by one, "matrix" with a constant W, None where neither holds.

    Decided in components of a small size, where the entries of parameters are symbols.
    """
    components = dynamics.at(**{dim.name: 2 for dim in dynamics.dimensions if dim.size is None})
    positions = dict(components.variables)
    momenta = [components.coordinates[k] for k in positions[p]]
    rate = sp.Matrix([components.drift[k] for k in positions[x]])
    energy = components.hamiltonian
    if all(
        sp.expand(v.subs(s, -s) - (-v if k == i else v)) == 0
        for i, s in enumerate(momenta)
        for k, v in enumerate(rate.flat())
    ):
        evens = () if energy is None else (sp.expand(energy.subs(s, -s) - energy) for s in momenta)
        return "entries" if all(rest == 0 for rest in evens) else None
    matrix = rate.jacobian(momenta)
    slopes = rate if energy is None else sp.Matrix([sp.diff(energy, s) for s in momenta])
    is_constant = not matrix.free_symbols & set(components.coordinates)
    is_flow = all(
        sp.cancel(entry) == 0 for entry in [*(rate - matrix * sp.Matrix(momenta)), *(rate - slopes)]
    )
    return "matrix" if is_constant and is_flow else None


def taken_along(walls: Mapping[str, Wall], moved: Iterable[Variable]) -> tuple[Variable, ...]:
    """Other variables that reflections of these may change."""
    return tuple(y for x in moved if x.name in walls for y in walls[x.name].takes_along)


def led_back(
    walls: Mapping[str, Wall], before: Blocks, moved: Blocks, environment: Environment
) -> tuple[dict[str, Array], Array | int]:
    """Blocks inside their domains, and how many reflections that took in each chain.

    Args:
        walls: Of `walls_of`.
        before: Blocks before the move, chains last where several run; all inside.
        moved: Those that have changed.
        environment: At the state before the move, for D.
    """
    found, folds = dict(moved), 0
    for name, wall in walls.items():
        if name not in moved:
            continue
        x = wall.variable
        if not x.domain.is_bounded:
            found[name] = jnp.mod(found[name], evaluate(x.domain.circumference, environment))
        elif wall.noise or wall.velocity is not None:
            others = {y.name: found.get(y.name, before[y.name]) for y in wall.takes_along}
            found[name], others, count = undifferentiable(
                _reflected(wall, before[name], found[name], others, environment),
                f"where {name} is reflected the state jumps with what moves it",
            )
            found |= others
            folds += count
        else:
            number = _crossings(found[name], x)
            found[name] = within_domain(found[name], x)
            if wall.momentum is not None:
                p = found.get(wall.momentum.name, before[wall.momentum.name])
                turned = jnp.where(number % 2 == 0, p, -p)
                found[wall.momentum.name] = undifferentiable(
                    turned, f"where {name} is reflected its momentum jumps"
                )
            folds += jnp.sum(number, axis=tuple(range(x.ndim)), dtype=jnp.int32)
    return found, folds


def within_domain(block: Array, x: Variable) -> Array:
    """The block mirrored at the ends of its domain, entry by entry.

    Example:
        >>> import sdekit as sk
        >>> float(within_domain(jnp.asarray(-0.25), sk.scalar("x", domain=(0, 1))))
        0.25
    """
    lower, upper = ends_of(x)
    if np.isinf(upper):
        return lower + jnp.abs(block - lower)
    width = upper - lower
    # Unfolding the reflections gives a circle of twice the width.
    return lower + width - jnp.abs(jnp.mod(block - lower, 2.0 * width) - width)


def check_start_inside(problem: Problem, position: Any, given: Blocks) -> None:
    """`check_inside` for a position of the user; `lost_outside` is about traced ones."""
    example = problem.layout.example(position, problem.dtype)
    check_inside({**given, **(example or {})}, problem.dynamics)


def check_inside(blocks: Mapping[str, Any], dynamics: Dynamics) -> None:
    """Refuse a start outside the domain.

    Args:
        blocks: Values by name, with or without chains.
        dynamics: Whose variables they are.

    Raises:
        SimulationError: Naming the variable, its domain and what lies outside.
    """
    for x in dynamics.variables:
        if not x.domain.is_bounded or isinstance(blocks.get(x.name), Tracer | None):
            continue
        values = np.asarray(blocks[x.name])
        lower, upper = ends_of(x)
        outside = values[(values < lower) | (values > upper)]
        if outside.size:
            raise SimulationError(
                f"the start of {x.name} lies outside its domain",
                expected=f"{x.name} in [{lower:g}, {upper:g}]",
                found=", ".join(f"{value:g}" for value in outside.ravel()[:3]),
                fix="start inside, or declare another domain",
            )


def lost_outside(blocks: Blocks, dynamics: Dynamics) -> dict[str, Array]:
    """The blocks, NaN where a traced start lies outside its domain."""
    found = dict(blocks)
    for x in dynamics.variables:
        if x.domain.is_bounded and x.name in blocks:
            lower, upper = ends_of(x)
            block = blocks[x.name]
            found[x.name] = jnp.where((block >= lower) & (block <= upper), block, jnp.nan)
    return found


def ends_of(x: Variable) -> tuple[float, float]:
    """The ends of the domain of a bounded variable."""
    if x.domain.kind == "positive":
        return 0.0, math.inf
    assert x.domain.lower is not None and x.domain.upper is not None
    return float(x.domain.lower), float(x.domain.upper)


def _crossings(block: Array, x: Variable) -> Array:
    """How often each entry is mirrored on its way back."""
    lower, upper = ends_of(x)
    if np.isinf(upper):
        return (block < lower).astype(jnp.int32)
    number = jnp.abs(jnp.floor((block - lower) / (upper - lower)))
    return jnp.where(block == upper, 0, number).astype(jnp.int32)


def _reflected(
    wall: Wall, before: Array, moved: Array, others: Blocks, environment: Environment
) -> tuple[Array, dict[str, Array], Array]:
    """Reflection along a matrix, chain by chain."""
    x = wall.variable
    shape = shape_of(x, environment.sizes)
    size = math.prod(shape)
    is_batched_run = moved.ndim > x.ndim
    own = [y for y, _ in wall.noise if y != x]
    if wall.velocity is not None:
        assert wall.momentum is not None
        matrices = [_velocity_matrix(wall, environment, size)]
        batched = [False]
    else:
        blocks = dict(wall.noise)
        ordered = [blocks[x], *(blocks[y] for y in own)]
        values = [(jnp.asarray(evaluate(block, environment)), block) for block in ordered]
        batched = [is_batched_run and is_batched(value, block) for value, block in values]
        matrices = [value for value, _ in values]
    names = list(others)

    def of_one(
        a: Array, b: Array, given: list[Array], *found: Array
    ) -> tuple[Array, list[Array], Array]:
        rows = [m.reshape(-1, size) for m in found]
        parts = [value.reshape(-1) for value in given]
        end, parts, count = _billiard(
            a.reshape(-1), b.reshape(-1), parts, rows, ends_of(x), wall.momentum is not None
        )
        shaped = [part.reshape(value.shape) for part, value in zip(parts, given, strict=True)]
        return end.reshape(shape), shaped, count

    given = [others[name] for name in names]
    if is_batched_run:
        axes = (-1, -1, -1, *(-1 if is_last else None for is_last in batched))
        end, after, count = jax.vmap(of_one, in_axes=axes, out_axes=(-1, -1, 0))(
            before, moved, given, *matrices
        )
    else:
        end, after, count = of_one(before, moved, given, *matrices)
    return end, dict(zip(names, after, strict=True)), count


def _velocity_matrix(wall: Wall, environment: Environment, size: int) -> Array:
    """W of the velocity W p, column by column."""
    p, velocity = wall.momentum, wall.velocity
    assert p is not None and velocity is not None
    shape = shape_of(p, environment.sizes)

    def column(direction: Array) -> Array:
        values = {**environment.values, p.name: direction.reshape(shape)}
        at = Environment(values, environment.sizes, environment.functions, dtype=environment.dtype)
        return jnp.asarray(evaluate(velocity, at)).reshape(-1)

    return jnp.stack([column(e) for e in jnp.eye(size, dtype=environment.dtype)], axis=-1)


def _billiard(
    start: Array,
    end: Array,
    others: list[Array],
    matrices: list[Array],
    ends: tuple[float, float],
    turns: bool,
) -> tuple[Array, list[Array], Array]:
    """The straight way from start to end, reflected at each face in the order it is hit.

    Args:
        start: Inside, (m,).
        end: Perhaps outside, (m,).
        others: The momentum, or variables that share noise, each flat.
        matrices: W or D of x, (m, m); then the rows of D of the others.
        ends: Lower and upper end of each coordinate.
        turns: Whether the first of the others is a momentum that turns round.
    """
    lower, upper = ends
    own = matrices[0]

    def is_outside(b: Array) -> Array:
        return (b < lower) | (b > upper)

    def go_on(carried: tuple) -> Array:
        _, b, _, count = carried
        return jnp.any(is_outside(b)) & (count < MOST_REFLECTIONS)

    def reflect(carried: tuple) -> tuple:
        a, b, rest, count = carried
        face = jnp.where(b < lower, lower, upper)
        # How much of the way lies before each face; 2 where none is hit.
        share = jnp.where(is_outside(b), (face - a) / jnp.where(b == a, 1.0, b - a), 2.0)
        i = jnp.argmin(share)
        a = a + jnp.clip(share[i], 0.0, 1.0) * (b - a)
        a = a.at[i].set(jnp.where(b[i] < lower, lower, upper))
        depth = (a[i] - b[i]) / own[i, i]
        b = b + 2.0 * depth * own[:, i]
        if turns:
            (p,) = rest
            rest = [p.at[i].add(-2.0 * (own[i] @ p) / own[i, i])]
        else:
            rest = [y + 2.0 * depth * m[:, i] for y, m in zip(rest, matrices[1:], strict=True)]
        return a, b, rest, count + 1

    _, b, rest, count = jax.lax.while_loop(
        go_on, reflect, (start, end, others, jnp.zeros((), jnp.int32))
    )
    return jnp.where(is_outside(b), jnp.nan, b), rest, count
