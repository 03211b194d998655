"""What streaming to a store costs beside the same run in memory, and checkpoints within it.

Wall time, because the disk may keep a run waiting. Checkpoints are timed where they are written.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import sdekit as sk
from sdekit.simulation.store import zarr_store as store_module
from verification.performance.claims import Measure
from verification.performance.timing import Case

GROUP = "streaming"
MEMORY, STORE = "in memory", "streamed to a Zarr store"
CHAINS, SIZE, THIN = 32, 10, 100


def thermostats(steps: int) -> Callable[..., Any]:
    """`simulate` of some chains of the thermostat on a Gaussian, every variable kept."""
    sampler = sk.sampler(
        sk.catalog.get("sgnht"), potential=lambda q: (q**2).sum() / 2,
        parameters={"A": 1.0, "mu": float(SIZE)},
    )  # fmt: skip

    def run(**options: Any) -> sk.Run:
        return sk.simulate(
            sampler, np.zeros(SIZE), step_size=0.1, steps=steps, thin=THIN, chains=CHAINS,
            **options,
        )  # fmt: skip

    return run


class Streamed:
    """A run into a new store each time, with the share of its time that checkpoints took."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self.run, self.shares = run, []

    def __call__(self) -> None:
        written = store_module.save_checkpoint
        spent = 0.0

        def timed(*arguments: Any) -> None:
            nonlocal spent
            began = time.perf_counter()
            written(*arguments)
            spent += time.perf_counter() - began

        folder = Path(tempfile.mkdtemp())
        began = time.perf_counter()
        with patch.object(store_module, "save_checkpoint", timed):
            self.run(store=folder / "run.zarr")
        self.shares.append(spent / (time.perf_counter() - began))
        shutil.rmtree(folder)


def cases(quick: bool) -> tuple[list[Case], Streamed]:
    """Both cases, and where the shares of checkpoints are collected."""
    # Long enough that the last write, which nothing hides, counts as it does in a long run.
    steps = 300_000 if quick else 3_000_000
    run = thermostats(steps)
    streamed = Streamed(run)
    work = CHAINS * steps
    return [Case(MEMORY, run, work, once=True), Case(STORE, streamed, work, once=True)], streamed


def measures() -> list[Measure]:
    return [
        Measure(
            f"Streaming to a Zarr store with thinning {THIN}, over the same run in memory",
            GROUP, STORE, MEMORY, 1.1, is_least=False, clock="wall",
        )
    ]  # fmt: skip
