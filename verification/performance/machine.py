"""The machine that ran, and how fast it copies memory; no name of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from verification.performance.timing import Case

GROUP = "machine"
#: Far more than the last level cache.
BYTES = 160_000_000


def facts() -> dict[str, Any]:
    """Kind of processor, cores, load averages."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    return {"processor": model, "cores": os.cpu_count(), "load": os.getloadavg()}


def cases() -> list[Case]:
    """A large copy, per byte read or written."""
    source = np.ones(BYTES // 4, np.float32)
    target = np.empty_like(source)
    return [Case("limit: copy of 160 MB, per byte", lambda: np.copyto(target, source), 2 * BYTES)]
