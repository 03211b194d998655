r"""Energies and gradients out of a run's compiled programs against their operations, one by one.

What is compared, for the first and the last chain of the process:

- before the run and on resume, what the program that starts the chains gives for the start and
  for a point beside it: the gradient of each unknown function that the scheme reads (for a
  `Minibatch` with the rows that were drawn), and its value where it is no estimate;
- after the first call of each compiled program of the loop, and at the end of the run, what the
  loop itself hands on with the state: the gradients that a scheme carries from step to step, and
  the potential energy that Metropolis steps compare.

The other side is the same function traced once and evaluated operation by operation on the host
(`rounding`), without a compiler. A number c from the program is accepted against y and its bound e
where

$$|c - y| \le 4\,(e + u\,|y|),$$

and nothing is claimed where e is infinite: where the function jumps within rounding, or overflows.
Not covered: faults that tracing or differentiation make, gradients within a step of schemes that do
not carry them (their lowering in the start program only), and formulas written into the dynamics.

Not for the bounds (`rounding`).

Checked by: tests/simulation/guard/test_compiler_guard.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.simulation.gradients.sources import FunctionSource, Oracle
from sdekit.simulation.guard.rounding import Unclaimed, rounded
from sdekit.simulation.loop.tracing import equations

#: Factor on the bounds, which are of first order.
SLACK = 4.0
#: Numbers that the operations of one function may make, over all of them: about 0.02 s.
MOST_NUMBERS = 2**20
#: Evaluations in a run from which on larger functions are compared as well: all comparisons
#: together cost about as much as 200 of them.
MANY_EVALUATIONS = 20_000
#: Distance of the point beside the start: relative, and of coordinates at 0.
ASIDE, ASIDE_FROM_ZERO = 2.0**-6, 2.0**-10


@dataclass(frozen=True, eq=False)
class Reference:
    """A function whose compiled values are looked at.

    Attributes:
        name: For messages, such as "the gradient of U(theta)".
        function: Of one chain's arguments to a PyTree of arrays.
    """

    name: str
    function: Callable[..., Any]


def compare(
    reference: Reference, traces: dict[Any, Any], given: Any, found: Any, evaluations: int
) -> bool:
    """Compare what a program found with the operations of its function.

    Args:
        reference: What should have been computed.
        traces: Where the trace is kept from one comparison to the next.
        given: Arguments of one chain, NumPy arrays.
        found: The compiled results, a PyTree like the function's.
        evaluations: How often a chain of the run evaluates it, about.

    Returns:
        Whether it was done: False where it would cost too much or nothing can be claimed.

    Raises:
        SimulationError: If they differ by more than rounding.
    """
    key = (reference.name, jax.tree.structure(given))
    if key not in traces:
        traces[key] = jax.make_jaxpr(reference.function)(*given)
    closed = traces[key]
    numbers = sum(
        v.aval.size for e in equations(closed.jaxpr) for v in e.outvars if hasattr(v.aval, "size")
    )
    if numbers > MOST_NUMBERS and evaluations < MANY_EVALUATIONS:
        return False
    try:
        results = rounded(closed, jax.tree.leaves(given))
    except Unclaimed:
        return False
    for result, compiled in zip(results, jax.tree.leaves(found), strict=True):
        _check(reference.name, result, np.asarray(compiled))
    return True


def _check(name: str, expected: Any, compiled: np.ndarray) -> None:
    value, number = np.asarray(expected.value), compiled.astype(np.float64)
    unit = float(jnp.finfo(compiled.dtype).eps) / 2
    allowed = SLACK * (expected.errors() + unit * np.abs(value))
    apart = np.abs(number - value)
    with np.errstate(invalid="ignore"):
        wrong = np.isfinite(number) & np.isfinite(value) & (apart > allowed)
    if not np.any(wrong):
        return
    place = np.unravel_index(np.argmax(np.where(wrong, apart, -1.0)), wrong.shape)
    where = f", entry {tuple(int(k) for k in place)}," if value.ndim else ""
    raise SimulationError(
        f"the compiler computes {name} wrongly{where} by more than rounding, which is at most "
        f"{float(allowed[place]):.3g} there",
        expected=f"{float(value[place])!r}, operation by operation",
        found=f"{float(number[place])!r}, from the compiled program of the run by jax "
        f"{jax.__version__} and jaxlib {version('jaxlib')} on {jax.default_backend()}",
        fix="install another version of jax and jaxlib, or write the function in another way",
    )


@dataclass(frozen=True)
class Probed:
    """What a program computed for one oracle, and from what; a PyTree.

    Attributes:
        draw: The prepared draw of the gradient.
        state: What the source carried before.
        gradient: Blocks by name.
        value: The function itself; None for an estimate.
    """

    draw: Any
    state: Any
    gradient: Mapping[str, Array]
    value: Any


jax.tree_util.register_dataclass(Probed, ["draw", "state", "gradient", "value"], [])


def probed(
    oracles: Sequence[Oracle], blocks: Mapping[str, Array], draws: Any, states: Any, tables: Any
) -> dict[str, Probed]:
    """Gradients and values of one chain, within the program that starts the chains."""
    found = {}
    for oracle, draw in zip(oracles, draws, strict=True):
        state = states[oracle.name]
        gradient, _ = oracle.evaluate(blocks, draw, state, (tables or {}).get(oracle.name))
        value = None
        if isinstance(oracle.source, FunctionSource):
            value = oracle.source_at(blocks).potential(oracle.position(blocks))
        found[oracle.name] = Probed(draw, state, gradient, value)
    return found


def gradient_of(oracle: Oracle) -> Reference:
    """The gradient that an oracle gives: (blocks, draw, state, tables) -> blocks."""

    def function(blocks: Any, draw: Any, state: Any, tables: Any) -> Any:
        return oracle.evaluate(blocks, draw, state, tables)[0]

    return Reference(f"the gradient of {oracle.name}", function)


def value_of(oracle: Oracle) -> Reference:
    """The function behind an oracle: (blocks,) -> a number."""
    return Reference(
        f"the value of {oracle.name}",
        lambda blocks: oracle.source_at(blocks).potential(oracle.position(blocks)),
    )


def aside(blocks: Mapping[str, Array], variables: Iterable[Variable]) -> dict[str, Array]:
    """A point beside the given one, in general position, with the same signs and symmetries.

    Args:
        blocks: By name, chains last.
        variables: Those whose blocks they are.
    """
    rng = np.random.default_rng(0)
    found = {}
    for x in variables:
        block = np.asarray(blocks[x.name])
        size = np.where(block == 0, ASIDE_FROM_ZERO if x.symmetry is None else 0, block * ASIDE)
        shape = block.shape if x.symmetry is None and x.ndim < 2 else ()
        beside = (block + size * rng.uniform(0.5, 1, shape)).astype(block.dtype)
        lower, upper = x.domain.lower, x.domain.upper
        least = 0.0 if x.domain.kind == "positive" else -np.inf if lower is None else float(lower)
        most = np.inf if upper is None else float(upper)
        found[x.name] = np.where((beside >= least) & (beside <= most), beside, block)
    return found
