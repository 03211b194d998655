"""Whether numbers are what a symbol assumes of them.

Not for saying so to the user (`parameter_values`, `user_functions`).

Checked by: tests/simulation/bind/test_user_functions.py.
"""

from __future__ import annotations

import numpy as np

#: How far a semidefinite matrix may be from that, in units of its largest entry.
ROUNDING = 1e-10


def holds(assumption: str, array: np.ndarray, *, slack: float = 0.0) -> bool:
    """Whether an array fulfils an assumption.

    Args:
        assumption: "positive", "nonnegative", "symmetric", "antisymmetric", "positive_definite" or
            "positive_semidefinite".
        array: Finite numbers.
        slack: In units of the largest entry, how far rounding may have moved it; 0 asks for strict
            positivity.
    """
    scale = float(np.max(np.abs(array), initial=0.0))

    def is_positive(lowest: float) -> bool:
        return lowest >= -slack * scale if slack else lowest > 0

    if assumption in ("positive", "nonnegative"):
        lowest = float(np.min(array, initial=np.inf))
        return is_positive(lowest) if assumption == "positive" else lowest >= -slack * scale
    if array.ndim == 2 and array.shape[0] != array.shape[1]:
        return False
    apart = max(slack, 1e-5) * scale
    if assumption == "antisymmetric":
        return bool(np.all(np.abs(array + array.T) <= apart))
    is_symmetric = bool(np.all(np.abs(array - array.T) <= apart))
    if assumption == "symmetric" or not is_symmetric:
        return is_symmetric
    lowest = float(np.linalg.eigvalsh(array)[0])
    if assumption == "positive_definite":
        return is_positive(lowest)
    return lowest >= -max(slack, ROUNDING) * scale
