"""Draws in memory as ArviZ's data. Not for stores on the disk (`stored.to_arviz`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from sdekit.diagnostics.draw_statistics import as_posterior, require_arviz
from sdekit.errors import SimulationError
from sdekit.simulation.bind.position import PositionLayout


def to_inference_data(
    samples: Mapping[str, Any],
    attributes: Mapping[str, Any] | None = None,
    times: np.ndarray | None = None,
    axes: Mapping[str, np.ndarray] | None = None,
    *,
    sample_stats: Mapping[str, Any] | None = None,
) -> Any:
    """Draws as `arviz.InferenceData` (ArviZ 0.x) or `xarray.DataTree` (ArviZ 1.x).

    Args:
        samples: Per variable draws of shape (chain, draw, *shape).
        attributes: Facts about the run, kept as attributes of the posterior.
        times: Of the draws: the coordinate `time` of their axis.
        axes: Names of the first axes of `shape`, the same for all variables, with coordinates.
        sample_stats: Numbers of each draw, shape (chain, draw, ...), as a group of their own.

    Returns:
        Data with a group `posterior`, and one `sample_stats` where there are any.

    Raises:
        SimulationError: If a variable lacks the axes of chains and draws.
        MissingDependencyError: Without ArviZ.

    Example:
        >>> import numpy as np
        >>> to_inference_data({"theta": np.zeros((2, 10, 3))}).posterior.theta.shape
        (2, 10, 3)

    Checked by: tests/bridges/test_other_libraries.py.
    """
    arviz = require_arviz()
    arrays = {name: np.asarray(draws) for name, draws in samples.items()}
    for name, draws in arrays.items():
        if draws.ndim < 2:
            raise SimulationError(
                f"the draws of {name} have the wrong shape", expected="(chain, draw, ...)",
                found=draws.shape, fix="add the axis of chains with draws[None]",
            )  # fmt: skip
    own = dict(axes or {})
    named = {
        name: [*own, *(f"{name}_dim_{i}" for i in range(draws.ndim - 2 - len(own)))]
        for name, draws in arrays.items()
    }
    posterior = arviz.convert_to_dataset(arrays, dims=named, coords=own)
    if times is not None:
        posterior = posterior.assign_coords(time=("draw", times))
    facts = {"inference_library": "sdekit", **(attributes or {})}
    posterior.attrs.update({name: _plain(value) for name, value in facts.items()})
    stats = {} if sample_stats is None else {"sample_stats": dict(sample_stats)}
    return as_posterior(posterior, **{k: arviz.convert_to_dataset(v) for k, v in stats.items()})


def named_leaves(samples: Mapping[str, Any], layout: PositionLayout) -> dict[str, np.ndarray]:
    """The draws, with those of a flattened position as the leaves it was given as.

    A leaf is named by its keys, `layer.w` for {"layer": {"w": ...}}, a bare array by its variable.
    Where such names would clash, with each other, with a variable or with the axes, the leaves are
    numbered: `theta[0]`, `theta[1]`.

    Args:
        samples: Per variable draws of shape (chain, draw, *shape).
        layout: How the position was flattened.

    Returns:
        Per variable or leaf draws of shape (chain, draw, *its shape).

    Checked by: tests/simulation/runs/test_inference_data.py.
    """
    flat = layout.variables[0].name
    if layout.by_variable or flat not in samples:
        return dict(samples)
    others = {name: draws for name, draws in samples.items() if name != flat}
    names = _leaf_names(flat, layout, set(others))
    whole, found, first = samples[flat].reshape(*samples[flat].shape[:2], -1), {}, 0
    for name, shape in zip(names, layout.leaves, strict=True):
        last = first + int(np.prod(shape))
        found[name] = whole[:, :, first:last].reshape(*whole.shape[:2], *shape)
        first = last
    return {**found, **others}


def _leaf_names(flat: str, layout: PositionLayout, others: set[str]) -> list[str]:
    example = jax.tree.unflatten(layout.tree, range(len(layout.leaves)))
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(example)[0]]
    names = [jax.tree_util.keystr(p, simple=True, separator=".") if p else flat for p in paths]
    axes = {f"{n}_dim_{i}" for n in {*names, *others} for i in range(32)} | {"chain", "draw"}
    is_clear = len(set(names)) == len(names) and not set(names) & (others | axes)
    if is_clear and all(name and "/" not in name for name in names):
        return names
    return [f"{flat}[{i}]" for i in range(len(names))]


def _plain(value: Any) -> Any:
    """What a netCDF or Zarr attribute can hold."""
    if value is None or isinstance(value, bool | dict | list | tuple):
        return str(value)
    return value if isinstance(value, str | int | float) else str(value)
