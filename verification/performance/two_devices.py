"""One against two forced host devices, in a process of its own; wall time, since two cores work.

Run by `performance`; `python -m verification.performance.two_devices STEPS ROUNDS` writes the
timings as JSON. Needs two idle cores: the load of others is part of the timings.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace

import jax.numpy as jnp

import sdekit as sk
from verification.performance.claims import Measure
from verification.performance.processes import told_by
from verification.performance.timing import Case, Timing, measured, of_plain

GROUP = "two host devices"
ONE, TWO = "one device", "two devices"
CHAINS, SIZE = 1_000, 10


def timings(quick: bool) -> dict[str, Timing]:
    """Timings of both, from another process."""
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
    # The pool of threads that XLA has by itself, for one device as for two.
    environment = {"XLA_FLAGS": flags, "PJRT_NPROC": str(os.cpu_count())}
    steps, rounds = ("500", "3") if quick else ("10000", "15")
    found = told_by("two_devices", steps, rounds, environment=environment)
    return {name: of_plain(facts) for name, facts in found.items()}


def measures() -> list[Measure]:
    return [
        Measure(
            f"BAOAB, {CHAINS:,} chains x {SIZE}, two forced host devices faster than one",
            GROUP, ONE, TWO, 1.4, is_least=True, clock="wall",
        )
    ]  # fmt: skip


def cases(steps: int) -> list[Case]:
    sampler = sk.sampler(
        sk.catalog.get("langevin"), potential=lambda q: jnp.sum(q * q) / 2,
        parameters={"A": 1.0}, scheme="BAOAB",
    )  # fmt: skip

    def run(devices: int) -> object:
        return sk.simulate(
            sampler, jnp.zeros(SIZE), step_size=0.01, steps=steps, thin=steps, chains=CHAINS,
            record=["theta"], devices=devices,
        )  # fmt: skip

    one = Case(ONE, lambda: run(1), CHAINS * SIZE * steps)
    return [one, replace(one, name=TWO, run=lambda: run(2))]


if __name__ == "__main__":
    found = measured(cases(int(sys.argv[1])), int(sys.argv[2]), 0.1)
    print(json.dumps({name: timing.plain() for name, timing in found.items()}))
