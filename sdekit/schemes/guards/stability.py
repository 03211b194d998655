"""The step size at which a linear scheme becomes unstable, in numbers.

Not for conditions in symbols (`sdekit.schemes.bias.harmonic`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sympy as sp

from sdekit.errors import SchemeError

#: Step sizes are searched on this grid, then between two of its points.
GRID = np.geomspace(1e-5, 1e5, 151)
#: Each round looks at this many pieces of what the round before has left, down to rounding.
PIECES, ROUNDS = 64, 8


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
    evaluate = sp.lambdify(step_size, step_map.flat(), "numpy")

    def radii(sizes: np.ndarray) -> np.ndarray:
        entries = [np.broadcast_to(entry, sizes.shape) for entry in evaluate(sizes)]
        return spectral_radii(np.stack(entries, axis=-1).reshape(-1, *step_map.shape))

    return first_crossing(radii)


def spectral_radius(matrix: np.ndarray) -> float:
    """The largest modulus of an eigenvalue."""
    return float(np.abs(np.linalg.eigvals(matrix)).max())


def spectral_radii(matrices: np.ndarray) -> np.ndarray:
    """The largest modulus of an eigenvalue of each matrix; infinite where a matrix overflowed.

    Args:
        matrices: Shape (k, d, d).

    Returns:
        Shape (k,).
    """
    is_finite = np.isfinite(matrices).all(axis=(1, 2))
    found = np.full(len(matrices), np.inf)
    found[is_finite] = np.abs(np.linalg.eigvals(matrices[is_finite])).max(axis=1)
    return found


def first_crossing(radii: Callable[[np.ndarray], np.ndarray]) -> float | None:
    """The smallest h on a wide grid at which the spectral radius reaches 1, to rounding.

    Args:
        radii: The spectral radius at each of many step sizes, from shape (k,) to (k,).
    """
    # A neutral scheme has radius 1 for every small step; only growth counts.
    above = np.flatnonzero(radii(GRID) > 1 + 1e-9)
    if not above.size:
        return None
    upper = float(GRID[above[0]])
    lower = upper * float(GRID[0] / GRID[1])
    for _ in range(ROUNDS):
        sizes = np.linspace(lower, upper, PIECES + 1)
        # The upper end is known to be unstable, whatever its last digits say.
        is_unstable = np.r_[radii(sizes[1:-1]) > 1 + 1e-12, True]
        first = int(is_unstable.argmax())
        lower, upper = float(sizes[first]), float(sizes[first + 1])
    return lower
