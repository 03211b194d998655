"""What is to be sampled, as a function of a flat vector without limits.

From a potential or log density of any PyTree with domains, or from a NumPyro model. Not for how it
is sampled (`ensembles`, `tuned`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from sdekit.bridges.other_libraries import NUMPYRO_ERRORS, NumpyroTarget
from sdekit.errors import SimulationError
from sdekit.simulation.bind.user_functions import QUICK, told
from sdekit.simulation.gradients.minibatch import Minibatch
from sdekit.tuning.domain_maps import maps_of

#: Draws that one call of a compiled program turns into reported values.
ROWS = 200


@dataclass(frozen=True, eq=False)
class SampledTarget:
    """A density exp(-U) on R^d and the names under which users know its coordinates.

    Attributes:
        potential: U of a flat vector, log Jacobians included.
        start: A point, shape (d,).
        values: Flat vector -> what is reported, by name.
        position: Flat vector -> the user's position.
    """

    potential: Callable[[Array], Array]
    start: np.ndarray
    values: Callable[[Array], dict[str, Array]]
    position: Callable[[Array], Any]

    @property
    def size(self) -> int:
        """d."""
        return self.start.size

    @cached_property
    def _all_values(self) -> Callable[[Array], dict[str, Array]]:
        return jax.jit(jax.vmap(self.values))

    def named_values(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """The reported values of draws (chain, draw, d) by name, (chain, draw, *shape)."""
        points = theta.reshape(-1, self.size)
        count = len(points)
        # Rows of one size, so that one program serves every number of draws.
        padded = np.concatenate([points, np.repeat(points[:1], -count % ROWS, 0)])
        found = [
            self._all_values(jnp.asarray(rows)) for rows in padded.reshape(-1, ROWS, self.size)
        ]
        return {
            name: np.concatenate([np.asarray(part[name]) for part in found])[:count].reshape(
                *theta.shape[:2], *found[0][name].shape[1:]
            )
            for name in found[0]
        }


def target_of(
    given: Any, position: Any, domains: Any, *, log_density: Any = None, sign: float = 1.0
) -> SampledTarget:
    """The target that the arguments of `tune` and `sample` describe.

    Args:
        given: U of the position, a `NumpyroTarget`; or None with a log density.
        position: Start, any PyTree of arrays, within its domains.
        domains: By name of the leaf.
        log_density: In place of U.
        sign: Of what is given; for the log density -1.

    Raises:
        SimulationError: If something is missing, does not fit, or is not finite at the start.
    """
    if (given is None) is (log_density is None):
        raise SimulationError(
            "a target is given by its potential or by its log density", expected="one of both",
            found="neither" if given is None else "both",
            fix="sk.sample(U, position), or sk.sample(log_density=f, position=...)",
        )  # fmt: skip
    if log_density is not None:
        return target_of(log_density, position, domains, sign=-1.0)
    if isinstance(given, Minibatch):
        raise SimulationError(
            "the bias of a stochastic gradient is not tuned", expected="the full potential",
            found="a Minibatch",
            fix="give minibatch.potential, or run sk.simulate with a thermostat",
        )  # fmt: skip
    if isinstance(given, NumpyroTarget):
        return _from_model(given, domains)
    if not callable(given):
        raise SimulationError(
            "the target is of no known kind", expected="a JAX function of the position",
            found=repr(given)[:80], fix="write sk.sample(U, position), U first",
        )  # fmt: skip
    if position is None:
        raise SimulationError(
            "no start is given", expected="position=, of the structure that U takes", found="none",
            fix="give any point of positive density; to a NumPyro model give its data",
        )  # fmt: skip
    return _from_function(given, position, domains, sign)


def is_numpyro_model(given: Any, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> bool:
    """Whether a function samples NumPyro sites when it is called."""
    if "numpyro" not in sys.modules or not callable(given) or isinstance(given, NumpyroTarget):
        return False
    handlers = sys.modules["numpyro.handlers"]
    try:
        traced = handlers.trace(handlers.seed(given, jax.random.key(0)))
        return bool(traced.get_trace(*arguments, **options))
    except NUMPYRO_ERRORS:
        return False


def _from_model(given: NumpyroTarget, domains: Any) -> SampledTarget:
    if domains:
        raise SimulationError(
            "a NumPyro model states its own domains", expected="no domains",
            found=repr(domains)[:60], fix="leave domains out",
        )  # fmt: skip
    start, unravel = ravel_pytree(jax.tree.map(_double, given.position))
    target = SampledTarget(
        lambda y: given.potential(unravel(y)),
        np.asarray(start, np.float64),
        lambda y: dict(given.to_model(unravel(y))),
        lambda y: dict(given.to_model(unravel(y))),
    )
    return _checked(target)


def _double(leaf: Any) -> Any:
    return jnp.asarray(np.asarray(leaf, np.float64))


def _from_function(
    function: Callable[[Any], Any], position: Any, domains: Any, sign: float
) -> SampledTarget:
    paths, tree = jax.tree_util.tree_flatten_with_path(position)
    leaves = [_real(leaf) for _, leaf in paths]
    if not sum(leaf.size for leaf in leaves):
        raise SimulationError(
            "the position is empty", expected="one number at least", found=repr(position)[:60]
        )
    names = [jax.tree_util.keystr(p, simple=True, separator=".") or "theta" for p, _ in paths]
    maps = maps_of(domains, names, leaves)
    free = [np.asarray(m.from_domain(x), np.float64) for m, x in zip(maps, leaves, strict=True)]
    ends = np.cumsum([0, *(leaf.size for leaf in free)])

    def pieces(y: Array) -> list[Array]:
        both = zip(free, ends, strict=False)
        return [y[end : end + leaf.size].reshape(leaf.shape) for leaf, end in both]

    def inside(y: Array) -> list[Array]:
        return [m.to_domain(piece) for m, piece in zip(maps, pieces(y), strict=True)]

    def potential(y: Array) -> Array:
        volume = sum((m.log_volume(p) for m, p in zip(maps, pieces(y), strict=True)), jnp.zeros(()))
        return sign * function(jax.tree.unflatten(tree, inside(y))) - volume

    target = SampledTarget(
        potential,
        np.concatenate([leaf.reshape(-1) for leaf in free]),
        lambda y: dict(zip(names, inside(y), strict=True)),
        lambda y: jax.tree.unflatten(tree, inside(y)),
    )
    return _checked(target)


def _real(leaf: Any) -> np.ndarray:
    array = np.asarray(leaf)
    if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise SimulationError(
            "the position holds something that is no array of real numbers",
            expected="real numbers", found=repr(leaf)[:60],
        )  # fmt: skip
    return array.astype(np.float64)


def _checked(target: SampledTarget) -> SampledTarget:
    """The target, if its value and gradient at the start are finite numbers."""
    start = jnp.asarray(target.start)
    try:
        shape = jax.eval_shape(target.potential, start)
        if shape.shape != () or not jnp.issubdtype(shape.dtype, jnp.floating):
            raise SimulationError(
                "the potential does not return a scalar", expected="a floating point number",
                found=f"{shape.dtype} of shape {shape.shape}",
                fix="sum over data and coordinates inside it",
            )  # fmt: skip
        slope = jax.jit(jax.value_and_grad(target.potential), compiler_options=QUICK)
        value, gradient = slope(start)
    except NUMPYRO_ERRORS as error:
        raise SimulationError(
            "the target fails at the position given", expected="a number", found=told(error)
        ) from error
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        raise SimulationError(
            "the target is not finite at the start", expected="a finite value and gradient",
            found=f"U = {float(value):g}", fix="start where the density is positive and smooth",
        )  # fmt: skip
    return target
