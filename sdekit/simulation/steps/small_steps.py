r"""Are a run's steps so small that its sums need care, or that single precision cannot hold them?

A sum in single precision rounds by 2^-24 of the state. Where steps move the state by a share r of
it, the drift is known to 2^-24 / r of itself. Decided from the declaration where possible: a state
with a stationary density keeps its size, so that the share at the start tells; one without may grow
without end, and is summed with care always.

Not for the sums themselves (`scheme`).

Checked by: tests/simulation/steps/test_small_steps.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ZERO
from sdekit.errors import SimulationError
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate
from sdekit.simulation.steps.scheme import Blocks, Cache, Scheme

#: Share of the state below which sums are compensated: the drift would be wrong by 2^-12 of itself.
CAREFUL = 2.0**-12
#: Share of the state below which a step that cannot be compensated is refused.
LOST = 2.0**-20


def sizes_and_drifts(
    problem: Problem, scheme: Scheme, blocks: Blocks, cache: Cache
) -> dict[str, tuple[Array, Array]]:
    """Largest entry of each variable and of its drift, where that needs no unknown function.

    Gradients that are at hand count as known.
    """
    known: dict[Any, Any] = {}
    for oracle in scheme.carried:
        known.update(oracle.known(cache.gradients[oracle.name]))
    environment = problem.environment({**problem.parameters, **blocks}, known=known)
    found = {}
    for x in problem.dynamics.variables:
        drift = problem.dynamics.drift[x]
        if drift != ZERO and _is_known(drift, known):
            value = jnp.max(jnp.abs(jnp.asarray(evaluate(drift, environment), problem.dtype)))
            found[x.name] = (jnp.max(jnp.abs(blocks[x.name])), value)
    return found


def _is_known(node: Expression, known: Collection[Expression]) -> bool:
    if node in known:
        return True
    if isinstance(node, ex.Call | ex.Time):
        return False
    return all(_is_known(child, known) for child in node.children)


def smallest_share(found: Mapping[str, tuple[Any, Any]], h: float) -> tuple[float, str]:
    """The smallest h |drift| / |x| over the variables, and the variable; infinite where unknown."""
    shares = [(float("inf"), "")]
    for name, (size, drift) in found.items():
        largest, moved = float(np.max(size)), h * float(np.max(drift))
        if largest > 0 and moved > 0:
            shares.append((moved / largest, name))
    return min(shares)


def is_careful(problem: Problem, scheme: Scheme, share: tuple[float, str], h: float) -> bool:
    """Whether sums are compensated.

    Args:
        problem: The bound dynamics.
        scheme: The scheme of the run.
        share: From `smallest_share`.
        h: The smallest step size.

    Raises:
        SimulationError: If h vanishes in the run's precision, or if rounding would take the steps
            of a scheme that cannot be compensated.
    """
    if h < np.finfo(problem.dtype).tiny:
        raise SimulationError(
            f"the step size vanishes in {problem.dtype}",
            expected=f"at least {np.finfo(problem.dtype).tiny:.3g}",
            found=h,
            fix="scale the time, or give precision='float64'",
        )
    if problem.dtype == np.float64:
        return False
    if scheme.compensated is not None:
        return problem.dynamics.hamiltonian is None or share[0] < CAREFUL
    if share[0] < LOST and not scheme.uniforms:
        raise SimulationError(
            f"single precision cannot hold the steps of {scheme.name}",
            expected=f"steps that move {share[1]} by {LOST:.1e} of itself",
            found=f"{share[0]:.1e}",
            fix="give precision='float64', or use a splitting word or 'EM'",
        )
    return False


def with_rest(cache: Cache, blocks: Blocks) -> Cache:
    """The cache with nothing taken by rounding so far from these blocks."""
    return cache._replace(rest={name: jnp.zeros_like(block) for name, block in blocks.items()})


def with_care(
    problem: Problem, scheme: Scheme, state: tuple[dict[str, Array], Cache], h: Any
) -> tuple[Callable[..., Any], tuple[dict[str, Array], Cache]]:
    """The step of a program that cannot look at its numbers, and where it starts.

    In single precision sums keep what rounding takes from them; the start of a scheme that has no
    such sums is NaN where its steps would be lost.

    Args:
        problem: The bound dynamics.
        scheme: Of the program.
        state: Blocks and cache at the start.
        h: Step sizes, traced or not.
    """
    blocks, cache = state
    if problem.dtype == np.float64:
        return scheme.step, state
    if scheme.compensated is not None:
        return scheme.compensated.step, (blocks, with_rest(cache, blocks))
    lost = jnp.asarray(False)
    found = {} if scheme.uniforms else sizes_and_drifts(problem, scheme, blocks, cache)
    for size, drift in found.values():
        moved = drift * jnp.min(h)
        lost |= (moved > 0) & (moved < LOST * size)
    return scheme.step, ({name: jnp.where(lost, jnp.nan, b) for name, b in blocks.items()}, cache)
