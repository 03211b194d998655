"""A step size that is a number a run can take."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdekit.errors import SimulationError


def check_step_size(step_size: Any) -> float:
    """A step size that is a positive number.

    Raises:
        SimulationError: If it is none.
    """
    try:
        h = float("nan") if isinstance(step_size, str) else float(step_size)
    except (TypeError, ValueError):
        h = float("nan")
    if not (np.isfinite(h) and h > 0):
        raise SimulationError(
            "the step size is wrong", expected="a positive number", found=repr(step_size)
        )
    return h
