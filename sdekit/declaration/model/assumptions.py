"""Whether numbers are what a symbol assumes of them.

Not for saying so to the user (`parameter_values`, `user_functions`).

Checked by: tests/simulation/bind/test_user_functions.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

#: How far a semidefinite matrix may be from that, in units of its largest entry.
ROUNDING = 1e-10


def holds(assumption: str, array: Any, *, slack: float = 0.0, xp: Any = np) -> Any:
    """Whether an array fulfils an assumption.

    Args:
        assumption: "positive", "nonnegative", "symmetric", "antisymmetric", "positive_definite" or
            "positive_semidefinite".
        array: Finite numbers.
        slack: In units of the largest entry, how far rounding may have moved it; 0 asks for strict
            positivity.
        xp: `jax.numpy` for a traced array, of which the answer is one as well.
    """
    scale = xp.max(xp.abs(array), initial=0.0)

    def is_positive(lowest: Any) -> Any:
        return lowest >= -slack * scale if slack else lowest > 0

    if assumption in ("positive", "nonnegative"):
        lowest = xp.min(array, initial=np.inf)
        return is_positive(lowest) if assumption == "positive" else lowest >= -slack * scale
    if array.ndim == 2 and array.shape[0] != array.shape[1]:
        return False
    apart = max(slack, 1e-5) * scale
    if assumption == "antisymmetric":
        return xp.all(xp.abs(array + array.T) <= apart)
    is_symmetric = xp.all(xp.abs(array - array.T) <= apart)
    if assumption == "symmetric":
        return is_symmetric
    lowest = xp.linalg.eigvalsh(array)[0]
    if assumption == "positive_definite":
        return is_symmetric & is_positive(lowest)
    # The eigenvalues of single precision are rounded to that.
    rounding = max(ROUNDING, 8 * len(array) * float(np.finfo(array.dtype).eps))
    return is_symmetric & (lowest >= -max(slack, rounding) * scale)
