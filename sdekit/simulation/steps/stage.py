r"""One stage of a step as a JAX function of the blocks, and what all kinds of stages share.

A stage moves some variables for a share h of the step and freezes the others. It reads normals from
its own slot of the step's noise. Coefficients that read neither state nor time are prepared once,
outside the loop.

Not for particular flows (`stages`, `linear_stages`) nor for the order of stages (`scheme`).

Notation: blocks have a last axis of chains where several run (`lower`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jax import Array
from jax.typing import ArrayLike

from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.simulation.bind.jax_reader import Environment, evaluate, is_batched
from sdekit.simulation.steps.covariance import NoiseTerm

Updates = tuple[tuple[Variable, Expression], ...]
Moved = dict[str, Array]


@dataclass(frozen=True)
class Stage:
    """A flow that can run.

    Attributes:
        moves: Variables it changes.
        elements: Normals it takes, for each chain.
        expressions: Expressions it reads at the state before it.
        prepare: (environment, h) -> constants; None if there are none.
        apply: (environment, normals (elements[, chains]), h, constants, changes) -> the moved
            blocks, or by how much they move where `changes` is true: a sum that rounds 1 - 1e-7
            to single precision has lost the 1e-7.
        reads_moved: Whether it evaluates its expressions again after moving something, so that a
            gradient computed beforehand does not serve it.
        keeps_domain: Whether what it moves stays in its domain by itself.
    """

    moves: tuple[Variable, ...]
    elements: int
    expressions: tuple[Expression, ...]
    prepare: Callable[[Environment, ArrayLike], Any] | None
    apply: Callable[..., Moved]
    reads_moved: bool = False
    keeps_domain: bool = False


def at_block(value: Any, expression: Expression, x: Variable, like: Array) -> Any:
    """A value that is a scalar or of the shape of x, made to broadcast against the block of x."""
    if x.ndim and expression.ndim and like.ndim > x.ndim and not is_batched(value, expression):
        return value[..., None]
    return value


def shifted(
    environment: Environment, updates: Updates, h: ArrayLike, base: Moved | None = None
) -> Moved:
    """X + h * rate for each pair, all rates at the same state; `base` stands in for X."""
    found = {}
    for x, rate in updates:
        block = environment.values[x.name]
        moved = h * at_block(evaluate(rate, environment), rate, x, block)
        found[x.name] = (block if base is None else base.get(x.name, 0.0)) + moved
    return found


def added(environment: Environment, changes: Moved) -> Moved:
    """The moved blocks of changes."""
    return {name: environment.values[name] + change for name, change in changes.items()}


def still_known(environment: Environment, moved: tuple[Variable, ...]) -> Mapping[Any, Any]:
    """Known values of nodes that read none of the moved variables."""
    kept = environment.known.items()
    return {node: v for node, v in kept if not any(node.depends_on(x) for x in moved)}


def prepared_noise(terms: tuple[NoiseTerm, ...], environment: Environment) -> tuple[Any, ...]:
    """The constant coefficients of each noise term, None where it has none."""
    return tuple(term.prepare(environment) if term.prepare else None for term in terms)


def increments(
    terms: tuple[NoiseTerm, ...], environment: Environment, z: Array, prepared: Any
) -> Moved:
    """Noise of all terms for time 1, by name; each term reads its own slot of the normals."""
    found: Moved = {}
    offset = 0
    for k, term in enumerate(terms):
        own = z[offset : offset + term.elements]
        offset += term.elements
        found.update(term.increments(environment, own, None if prepared is None else prepared[k]))
    return found


def noise_expressions(terms: tuple[NoiseTerm, ...]) -> tuple[Expression, ...]:
    """What the coefficients of the noise read."""
    return tuple(expression for term in terms for expression in term.expressions)


def noise_elements(terms: tuple[NoiseTerm, ...]) -> int:
    """Normals that all terms take together."""
    return sum(term.elements for term in terms)
