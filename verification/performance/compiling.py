"""How long each entry of the catalogue takes from its sampler to its first draws.

Parameters are units: 1, ones, the identity, a rotation. Unknown functions are quadratic, or
constant matrices with a smooth factor, so that their derivatives must be compiled as well.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import sdekit as sk
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter
from sdekit.errors import DivergenceError

SIZE = 10
CHAINS = 100
STEPS, H = 100, 1e-3
ROUNDS = 3
#: Seconds that an entry may take.
LIMIT = 3.0


def names(quick: bool) -> tuple[str, ...]:
    """The entries that are compiled."""
    return ("langevin", "sgnht", "recipe") if quick else sk.catalog.names(plain=False)


def unit(shape: tuple[int, ...], assumptions: frozenset[str]) -> np.ndarray:
    """An array of this shape that fulfils the assumptions."""
    if len(shape) < 2:
        return np.ones(shape)
    if "antisymmetric" in assumptions:
        upper = np.triu(np.ones(shape), 1)
        return upper - upper.T
    return np.eye(*shape)


def extent(dims: Sequence[Any]) -> tuple[int, ...]:
    return tuple(SIZE if dim.size is None else dim.size for dim in dims)


def value(parameter: Parameter) -> np.ndarray:
    return unit(extent(parameter.shape), parameter.assumptions)


def function(symbol: FunctionSymbol) -> Any:
    """An unknown function, by its shape; no noise of the gradient passes the unit injected one."""
    constant = jnp.asarray(unit(extent(symbol.shape), symbol.assumptions), jnp.float32)

    def of_blocks(*blocks: Any) -> Any:
        energy = sum(jnp.sum(block * block) for block in blocks) / 2
        is_potential = not symbol.shape and "positive" not in symbol.assumptions
        return energy if is_potential else constant * (1 - energy / (2 + 2 * energy))

    return of_blocks


def first_call(name: str) -> dict[str, float]:
    """Seconds of the first `simulate` of an entry, on both clocks, nothing compiled before."""
    dynamics = sk.catalog.get(name)
    jax.clear_caches()
    functions = {f.name: function(f) for f in dynamics.functions}
    position: Any = {x.name: np.full(extent(x.shape), 0.1) for x in dynamics.target_variables}
    if len(position) == 1:
        (position,) = position.values()
    processor, wall = time.process_time(), time.perf_counter()
    sampler = sk.sampler(
        dynamics, functions=functions,
        parameters={p.name: value(p) for p in dynamics.parameters if p.value is None},
        sizes={dim.name: SIZE for dim in dynamics.dimensions if dim.size is None},
    )  # fmt: skip
    # The mistakes among the entries may diverge; they are compiled all the same.
    with suppress(DivergenceError):
        sk.simulate(sampler, position, step_size=H, steps=STEPS, chains=CHAINS)
    return {"processor": time.process_time() - processor, "wall": time.perf_counter() - wall}


def compile_times(chosen: Sequence[str]) -> dict[str, dict[str, float]]:
    """Median seconds of each entry on both clocks, and the longest wall time."""
    first_call("langevin")  # which loads what all of them need
    found: dict[str, list[dict[str, float]]] = {name: [] for name in chosen}
    # In rounds, so that a slow minute of the machine does not fall on one entry alone.
    for _ in range(ROUNDS):
        for name in chosen:
            found[name].append(first_call(name))
    return {
        name: {
            "processor": float(np.median([spent["processor"] for spent in rounds])),
            "wall": float(np.median([spent["wall"] for spent in rounds])),
            "longest": max(spent["wall"] for spent in rounds),
        }
        for name, rounds in found.items()
    }
