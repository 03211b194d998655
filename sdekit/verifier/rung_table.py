"""The rungs of the ladder: one record per claim, in the order in which they are decided.

Adding a rung is adding a record here and its module. Not for the mathematics of a rung; its module
is imported when the rung is reached, so that a model decided by few engines loads few.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from sdekit.verifier.verdict import Check


@dataclass(frozen=True)
class Rung:
    """One claim of the ladder; `Problem.check` decides it.

    Attributes:
        name: Name of the check.
        module: Where it is decided.
        function: Problem -> Check.
        needs_law: Whether the claim is about exp(-H), so that there has to be an H.
    """

    name: str
    module: str
    function: str
    needs_law: bool = True

    @property
    def decide(self) -> Callable[[Any], Check]:
        """The function Problem -> Check of its module; what stops it is an exception."""
        return getattr(import_module(self.module), self.function)


_HERE = "sdekit.verifier.rungs"
RUNGS = (
    Rung("diffusion_symmetric", f"{_HERE}.symmetry", "check_symmetric", needs_law=False),
    Rung("diffusion_psd", f"{_HERE}.definiteness", "check_psd", needs_law=False),
    Rung("stationarity", f"{_HERE}.stationarity", "check_stationarity"),
    Rung("marginalization", f"{_HERE}.marginalization", "check_marginalization"),
    Rung("normalizable", f"{_HERE}.normalizability", "check_normalizable"),
    Rung("regularity", f"{_HERE}.regularity", "check_regularity"),
    Rung("non_explosion", f"{_HERE}.non_explosion", "check_non_explosion"),
    Rung("uniqueness", f"{_HERE}.uniqueness", "check_uniqueness"),
    Rung("reversibility", f"{_HERE}.reversibility", "check_reversibility"),
)
