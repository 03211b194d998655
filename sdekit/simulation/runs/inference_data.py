"""Draws in memory as `arviz.InferenceData`. Not for stores on the disk (`store.to_arviz`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sdekit.diagnostics.draw_statistics import require_arviz
from sdekit.errors import SimulationError


def to_inference_data(
    samples: Mapping[str, Any], attributes: Mapping[str, Any] | None = None
) -> Any:
    """Draws as `arviz.InferenceData`.

    Args:
        samples: Per variable draws of shape (chain, draw, *shape).
        attributes: Facts about the run, kept as attributes of the posterior.

    Returns:
        InferenceData with a group `posterior`.

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
    data = arviz.from_dict(posterior=arrays)
    facts = {"inference_library": "sdekit", **(attributes or {})}
    data.posterior.attrs.update({name: _plain(value) for name, value in facts.items()})
    return data


def _plain(value: Any) -> Any:
    """What a netCDF or Zarr attribute can hold."""
    if value is None or isinstance(value, bool | dict | list | tuple):
        return str(value)
    return value if isinstance(value, str | int | float) else str(value)
