"""The committed results of `verification/`, as pages read them: `results["zoo"]["found"]`.

Not for computing any: a number of a page comes from a cell or from here, never from a hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["RESULTS", "Measured"]

RESULTS = Path(__file__).resolve().parents[2] / "verification" / "results"


class Measured:
    """Results by the name of their file, read when they are asked for."""

    def __init__(self, folder: Path = RESULTS) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> Any:
        return json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))
