"""The start of a chain: auxiliary variables from the law that H declares for them.

Momenta (auxiliary variables that the target variables' drift reads) are drawn from their Gaussian
law given the position; other auxiliary variables start at their mean, such as a thermostat at the
noise level. A variable whose law is not Gaussian starts at zero, or in the middle of its domain.

Not for the target variables, whose start the user gives (`position`).

Checked by: tests/simulation/bind/test_start.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.core import Tracer
from jax.scipy.linalg import solve_triangular

from sdekit.declaration.tree.expression import Call
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.errors import SimulationError
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate, shape_of
from sdekit.simulation.bind.user_functions import QUICK, USER_ERRORS, reads_tracers, told
from sdekit.simulation.steps.covariance import symmetrized

#: Largest block whose dense Hessian is built.
_LARGEST_DENSE = 2000


@dataclass(frozen=True)
class StartLaw:
    """How one auxiliary variable starts.

    Attributes:
        variable: The variable.
        kind: "diagonal" or "dense" for a Gaussian law with such a precision, "other" otherwise.
        is_drawn: Whether it is drawn rather than put at its mean.
    """

    variable: Variable
    kind: str
    is_drawn: bool


def start_laws(problem: Problem) -> tuple[StartLaw, ...]:
    """The law of every auxiliary variable, in the order of the state."""
    laws = []
    for x in problem.dynamics.auxiliary_variables:
        kind = _kind_of_law(problem, x)
        laws.append(StartLaw(x, kind, kind != "other" and _is_momentum(problem, x)))
    return tuple(laws)


def law_of_block(problem: Problem, x: Variable) -> StartLaw:
    """The conditional law of one block under exp(-H), drawn where it is Gaussian."""
    kind = _kind_of_law(problem, x)
    return StartLaw(x, kind, kind != "other")


def _is_momentum(problem: Problem, x: Variable) -> bool:
    drift = problem.dynamics.drift
    return any(drift[target].depends_on(x) for target in problem.dynamics.target_variables)


def normals_of(laws: tuple[StartLaw, ...], problem: Problem) -> int:
    """Normals that one chain's start takes."""
    return sum(_count(law.variable, problem) for law in laws if law.is_drawn)


def _count(x: Variable, problem: Problem) -> int:
    return math.prod(shape_of(x, problem.sizes))


def slope(problem: Problem, x: Variable, values: Mapping[str, Any]) -> Callable[[Array], Array]:
    """The derivative of H by x as a function of x, for one chain."""
    energy = problem.dynamics.hamiltonian
    assert energy is not None
    # What does not read x has no derivative by x: its (possibly costly) value is not needed.
    calls = [node for node in energy.walk() if isinstance(node, Call)]
    unread = {c.function.name for c in calls if not c.shape and not c.depends_on(x)}
    functions = {**problem.functions, **{name: lambda *_: 0.0 for name in unread}}
    environment = problem.environment(values)

    def of_x(block: Array) -> Array:
        given = {**values, x.name: block}
        inner = type(environment)(given, problem.sizes, functions, dtype=problem.dtype)
        return jnp.asarray(evaluate(energy, inner), problem.dtype)

    return jax.grad(of_x)


def kinds_of_laws(problem: Problem, x: Variable, swept: Mapping[str, Any]) -> list[str]:
    """The kind of a variable's law at each of several values of parameters, where it reads any.

    Args:
        problem: The bound dynamics.
        x: An auxiliary variable.
        swept: Values by name, (count, *shape).
    """
    energy = problem.dynamics.hamiltonian
    nodes = () if energy is None else energy.walk()
    read = {node.name for node in nodes if isinstance(node, Parameter)}
    own = {name: jnp.asarray(values) for name, values in swept.items() if name in read}
    if not own:
        return []
    count = len(next(iter(own.values())))
    values, probes = _probing_point(problem, x)
    others = {name: value for name, value in values.items() if name not in own}

    def at(own: Mapping[str, Any]) -> Any:
        return _probed(problem, x, {**others, **own}, jnp.asarray(probes))

    try:
        answers = jax.jit(jax.vmap(at), compiler_options=QUICK)(own)
    except (SimulationError, *USER_ERRORS):
        return ["other"] * count
    return [_named_kind(problem, x, *map(bool, answer)) for answer in zip(*answers, strict=True)]


def _probing_point(problem: Problem, x: Variable) -> tuple[dict[str, Any], np.ndarray]:
    """A random state with the parameters, by name, and values of x to probe at."""
    rng = np.random.default_rng(0)
    values: dict[str, Any] = {
        parameter.name: _number_like(parameter, problem)
        for parameter in problem.dynamics.parameters
        if parameter.name in problem.parameters
    }
    for y in problem.dynamics.variables:
        draw = np.abs(rng.standard_normal(shape_of(y, problem.sizes))) * 0.5 + 0.1
        values[y.name] = draw.astype(problem.dtype)
    shape = shape_of(x, problem.sizes)
    return values, np.stack([rng.uniform(0.5, 1.5, shape) for _ in range(2)]).astype(problem.dtype)


def _kind_of_law(problem: Problem, x: Variable) -> str:
    """Probe the Hessian of H by x at a random state, to rounding."""
    if problem.dynamics.hamiltonian is None:
        return "other"
    values, probes = _probing_point(problem, x)
    probe = partial(_probed, problem, x)
    try:
        is_traced = bool(problem.functions) and reads_tracers(probe, values, probes)
        # One program, whose arguments are all that could be computed beforehand, piece by piece.
        found = () if is_traced else jax.jit(probe, compiler_options=QUICK)(values, probes)
    except (SimulationError, *USER_ERRORS):
        return "other"
    if is_traced:
        raise SimulationError(
            f"how {x.name} starts is found from numbers, and a function in H reads traced ones",
            found=", ".join(problem.functions),
            fix="declare what it reads as parameters, and write the function with them",
        )
    return _named_kind(problem, x, *(bool(answer) for answer in found))


def _named_kind(
    problem: Problem, x: Variable, is_quadratic: bool, is_diagonal: bool, is_positive: bool
) -> str:
    if not is_quadratic:
        return "other"
    if is_diagonal:
        return "diagonal" if is_positive else "other"
    return "dense" if _count(x, problem) <= _LARGEST_DENSE else "other"


def _number_like(parameter: Parameter, problem: Problem) -> Any:
    """The value of a parameter, or for a traced one some value that its declaration allows."""
    value = problem.parameters[parameter.name]
    if not isinstance(value, Tracer):
        return value
    draw = np.random.default_rng(1).uniform(0.5, 1.5, value.shape)
    if parameter.assumptions & {"positive_definite", "positive_semidefinite"}:
        draw = draw @ draw.T
    elif parameter.assumptions & {"symmetric", "antisymmetric"}:
        draw = draw - draw.T if "antisymmetric" in parameter.assumptions else draw + draw.T
    return draw.astype(problem.dtype)


def _probed(
    problem: Problem, x: Variable, values: Mapping[str, Any], probes: Array
) -> tuple[Array, Array, Array]:
    """Whether H is quadratic in x, entry by entry, and with positive coefficients if so."""
    points = jnp.stack([jnp.zeros_like(probes[0]), *probes, 2 * probes[0]])
    at_zero, *slopes = lax.map(slope(problem, x, values), points)
    first, second, double = (at_point - at_zero for at_point in slopes)
    tolerance = 1e-3 * jnp.max(jnp.abs(first)) + 1e-30
    is_quadratic = jnp.all(jnp.abs(double - 2 * first) <= tolerance) & jnp.all(jnp.isfinite(first))
    difference = jnp.abs(first / probes[0] - second / probes[1])
    return is_quadratic, jnp.all(difference <= tolerance), jnp.all(first > 0)


def start_blocks(
    problem: Problem,
    laws: tuple[StartLaw, ...],
    target: Mapping[str, Array],
    given: Mapping[str, Array],
    normals: Array,
) -> dict[str, Array]:
    """All blocks of one chain's start.

    Args:
        problem: The bound dynamics.
        laws: From `start_laws`.
        target: Blocks of the target variables.
        given: Blocks of auxiliary variables that the user sets.
        normals: Standard normals, shape (normals_of(laws),).
    """
    blocks = {**target}
    for law in laws:
        shape = shape_of(law.variable, problem.sizes)
        blocks[law.variable.name] = jnp.full(shape, _inside(law.variable), problem.dtype)
    blocks.update(given)
    offset = 0
    for law in laws:
        x = law.variable
        count = _count(x, problem)
        own = normals[offset : offset + count]
        offset += count if law.is_drawn else 0
        if x.name not in given and law.kind != "other":
            blocks[x.name] = _gaussian(problem, law, blocks, own)
    return {x.name: blocks[x.name] for x in problem.dynamics.variables}


def _inside(x: Variable) -> float:
    """A point inside the domain: 0 where it is the real line or a circle."""
    if x.domain.kind == "positive":
        return 1.0
    if x.domain.lower is None or x.domain.upper is None:
        return 0.0
    return (float(x.domain.lower) + float(x.domain.upper)) / 2.0


def _gaussian(problem: Problem, law: StartLaw, blocks: Mapping[str, Array], z: Array) -> Array:
    x = law.variable
    shape = shape_of(x, problem.sizes)
    of_x = slope(problem, x, {**problem.parameters, **blocks})
    zero = jnp.zeros(shape, problem.dtype)
    at_zero = of_x(zero)
    if law.kind == "diagonal":
        precision = of_x(jnp.ones(shape, problem.dtype)) - at_zero
        mean = -at_zero / precision
        noise = symmetrized(z.reshape(shape), x) / jnp.sqrt(precision) if law.is_drawn else 0.0
        return mean + noise
    n = math.prod(shape)
    hessian, gradient = jax.jacfwd(of_x)(zero).reshape(n, n), at_zero.reshape(n)
    if not law.is_drawn:
        return -jnp.linalg.solve(hessian, gradient).reshape(shape)
    # With the Hessian L L^T the mean is -L^-T L^-1 g, and L^-T z has its inverse as covariance.
    root = jnp.linalg.cholesky(hessian)
    whitened = z - solve_triangular(root, gradient, lower=True)
    return solve_triangular(root, whitened, lower=True, trans="T").reshape(shape)


def check_auxiliary(problem: Problem, given: Mapping[str, Any]) -> dict[str, Array]:
    """Blocks of auxiliary variables that the user sets.

    Raises:
        SimulationError: If a name is unknown or a shape is wrong.
    """
    names = {x.name: x for x in problem.dynamics.auxiliary_variables}
    found = {}
    for name, value in given.items():
        if name not in names:
            raise SimulationError(
                f"{name} is no auxiliary variable",
                expected=", ".join(names) or "a dynamics with auxiliary variables",
                found=name,
            )
        try:
            block = jnp.asarray(value, problem.dtype)
        except USER_ERRORS as error:
            raise SimulationError(f"the start of {name} is no array", found=told(error)) from error
        if block.shape != shape_of(names[name], problem.sizes):
            raise SimulationError(
                f"the start of {name} has the wrong shape",
                expected=shape_of(names[name], problem.sizes),
                found=block.shape,
            )
        found[name] = block
    return found
