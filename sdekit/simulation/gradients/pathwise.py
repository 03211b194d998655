"""Values that follow what they are computed from in jumps, of which no derivative may be taken.

The derivative of a path misses what its jumps contribute to the derivative of a mean, and would be
wrong without complaint. Not for kinks, such as a reflection without momentum, which it does not
miss.

Checked by: tests/simulation/gradients/test_pathwise.py.
"""

from __future__ import annotations

from typing import Any

import jax

from sdekit.errors import SimulationError


def undifferentiable(value: Any, why: str) -> Any:
    """The value itself.

    Args:
        value: PyTree.
        why: What jumps, for the message.

    Raises:
        SimulationError: As soon as it is differentiated by something it depends on.
    """

    @jax.custom_jvp
    def same(value: Any) -> Any:
        return value

    @same.defjvp
    def refuse(primals: Any, tangents: Any) -> Any:
        raise SimulationError(
            "these paths have no derivative that gives the derivative of a mean",
            expected="paths that move smoothly with what they are differentiated by",
            found=why,
            fix="declare the variable on the real line, with sk.max(x, 0) where it must be "
            "positive, or take differences of runs of one seed",
        )

    return same(value)
