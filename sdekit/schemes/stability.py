"""The step size at which a linear scheme becomes unstable, in numbers.

Not for conditions in symbols (`sdekit.schemes.harmonic`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp

from sdekit.errors import SchemeError

#: Step sizes are searched on this grid, then by bisection.
GRID = np.geomspace(1e-5, 1e5, 151)


def first_instability(step_map: sp.Matrix, step_size: sp.Symbol) -> float | None:
    """The smallest step size with spectral radius >= 1 of a matrix that depends on it.

    Args:
        step_map: M, shape (d, d), in the step size alone.
        step_size: Its symbol.

    Raises:
        SchemeError: If other symbols are left.
    """
    left = step_map.free_symbols - {step_size}
    if left:
        raise SchemeError(
            "the stability limit needs a number for every symbol",
            found=", ".join(sorted(symbol.name for symbol in left)),
        )
    evaluate = sp.lambdify(step_size, step_map, "numpy")
    return first_crossing(lambda h: spectral_radius(np.asarray(evaluate(h), dtype=float)))


def spectral_radius(matrix: np.ndarray) -> float:
    """The largest modulus of an eigenvalue."""
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def first_crossing(radius: Callable[[float], float]) -> float | None:
    """The smallest h on a wide grid at which the radius reaches 1, to rounding."""
    # A neutral scheme has radius 1 for every small step; only growth counts.
    upper = next((float(h) for h in GRID if radius(float(h)) > 1 + 1e-9), None)
    if upper is None:
        return None
    lower = upper * float(GRID[0] / GRID[1])
    for _ in range(45):
        middle = (lower + upper) / 2
        if radius(middle) > 1 + 1e-12:
            upper = middle
        else:
            lower = middle
    return lower
