"""`update`: a step of the user's own inside a run, such as a Gibbs draw of a hyperparameter.

Not for the compiled loop (`updating`) nor for the arrays that updates carry (`extra`).

Checked by: tests/simulation/updates/test_update.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sdekit.errors import SimulationError
from sdekit.simulation.bind.step_size import check_count

#: What an update may return.
PARTS = ("position", "auxiliary", "extra")


@dataclass(frozen=True, eq=False)
class Update:
    """What `update` makes.

    Attributes:
        function: (key, position, auxiliary, extra) -> what changes, by name, for one chain.
        every: Steps from one update to the next.
    """

    function: Callable[..., Any]
    every: int = 1


def update(function: Callable[..., Any], every: int = 1) -> Update:
    r"""A step of one's own, made after every k-th step of `sk.simulate`.

    A Gibbs draw of z given theta between steps of a sampler of theta given z keeps their joint
    law where both keep their conditional one. Gradients and energies that steps hand on are
    computed anew where position or extra change. What the verdict of the dynamics says is about
    the dynamics: nothing is proved about the function.

    Args:
        function: (key, position, auxiliary, extra) -> a dictionary with any of `position`,
            `auxiliary` (some variables by name) and `extra`, as a JAX function of one chain. It
            gets the position and the extra arrays in the user's structures and must return them
            with the same shapes and dtypes. The key depends on seed, chain and step alone.
        every: k >= 1, counted from the first step of the run, burn-in included.

    Raises:
        SimulationError: If the function cannot be called, or k is no whole number from 1 on.

    Example:
        >>> import jax
        >>> import sdekit as sk
        >>> def draw(key, position, auxiliary, extra):
        ...     return {"extra": position + jax.random.normal(key)}
        >>> x = sk.scalar("x")
        >>> u = sk.potential("U", x)
        >>> sgld = sk.Dynamics(drift={x: -sk.grad(u, x)}, diffusion={x: 1}, hamiltonian=u)
        >>> run = sk.simulate(
        ...     sgld, 0.0, potential=lambda x, z: x**2 / 2 + (z - x) ** 2 / 2, step_size=0.1,
        ...     steps=100, updates=[sk.update(draw, every=2)], extra=0.0,
        ... )
        >>> run.extra.shape
        (1, 100)

    Checked by: tests/simulation/updates/test_update.py.
    """
    if not callable(function):
        raise SimulationError(
            "an update cannot be called",
            expected="a JAX function of (key, position, auxiliary, extra)",
            found=repr(function)[:80],
            fix="give the function itself",
        )
    return Update(function, check_count("every", every, 1))


def check_updates(updates: Any, extra: Any) -> tuple[Update, ...]:
    """The updates of a call.

    Raises:
        SimulationError: If they are no list of updates, or extra arrays come without any.
    """
    if updates is None:
        if extra is not None:
            raise SimulationError(
                "extra arrays are carried for updates",
                expected="updates=[sk.update(f)]",
                found="extra without updates",
                fix="leave extra out, and write what does not change into the potential",
            )
        return ()
    if isinstance(updates, Update) or not isinstance(updates, Sequence) or not updates:
        raise SimulationError(
            "updates is no list of updates", expected="[sk.update(f)]", found=repr(updates)[:80]
        )
    for each in updates:
        if not isinstance(each, Update):
            raise SimulationError(
                "updates holds something that is no update",
                expected="sk.update(f, every=k)",
                found=repr(each)[:80],
            )
    return tuple(updates)
