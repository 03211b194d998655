"""Brownian paths for diffrax's solvers, chosen by need.

Increments drawn on the spot where the step is fixed (as fast as a plain loop), a virtual Brownian
tree where steps are chosen or paths compared (ten to twenty times the cost), and one given
increment for a step in a loop of one's own. Not for the noise of our own schemes (`noise.py`).
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import diffrax
import jax
from jax import Array

from sdekit.errors import SimulationError
from sdekit.schemes.solvers.solver_table import Solver

#: Kinds of path; the first takes what is needed.
PATHS = ("auto", "increments", "tree")


class GivenIncrement(diffrax.AbstractBrownianPath):
    """A Brownian path known over one step only: what a solver's `step` is given in our own loop.

    Args:
        increment: W over the step, shape (m,).
        area: Space-time Levy area over the step, shape (m,); unused by solvers that need none.
        levy_area: Kind of increment.
    """

    increment: Array
    area: Array
    levy_area: ClassVar[Any] = diffrax.SpaceTimeLevyArea

    t0: ClassVar[Any] = -math.inf
    t1: ClassVar[Any] = math.inf

    def evaluate(self, t0: Any, t1: Any = None, left: bool = True, use_levy: bool = False) -> Any:
        """The increment, whatever the interval: a solver asks for its own step only."""
        if use_levy:
            return diffrax.SpaceTimeLevyArea(dt=t1 - t0, W=self.increment, H=self.area)
        return self.increment


class PathSettings(NamedTuple):
    """What is asked of a Brownian path and of the steps along it.

    Attributes:
        key: JAX key.
        t0: Start.
        t1: End.
        adaptive: Whether steps are chosen from the path.
        rtol: Relative tolerance of steps that are chosen.
        atol: Absolute tolerance of those.
        path: One of `PATHS`.
        tolerance: Of the tree.
    """

    key: Array
    t0: Any
    t1: Any
    adaptive: bool
    rtol: float
    atol: float
    path: str
    tolerance: Any


def brownian_path(entry: Solver, motions: int, dtype: Any, asked: PathSettings) -> Any:
    """The path that a solver needs, and no more.

    Args:
        entry: The solver.
        motions: Number m of Brownian motions.
        dtype: Type of the increments.
        asked: Of the path.

    Raises:
        SimulationError: If the kind does not fit adaptive steps.
    """
    path = asked.path
    if path == "increments" and asked.adaptive:
        raise SimulationError(
            "steps that are chosen from the path need a path that can be refined",
            found="path='increments'", fix="say path='tree', or leave it out",
        )  # fmt: skip
    area = diffrax.SpaceTimeLevyArea if entry.needs_levy_area else diffrax.BrownianIncrement
    shape = jax.ShapeDtypeStruct((motions,), dtype)
    if asked.adaptive or path == "tree":
        return diffrax.VirtualBrownianTree(
            asked.t0, asked.t1, tol=asked.tolerance, shape=shape, key=asked.key, levy_area=area
        )
    return diffrax.UnsafeBrownianPath(shape=shape, key=asked.key, levy_area=area)
