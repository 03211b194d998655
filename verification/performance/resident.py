"""How much memory a long run with strong thinning takes beside a short one.

Run by `performance`; `python -m verification.performance.resident STEPS` writes bytes as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import sdekit as sk
from verification.performance.one_chain import LEVEL, H, double_well, thermostat

THIN = 10_000
#: Draws of the run that comes first, so that everything is compiled and loaded.
FIRST_DRAWS = 100


def kilobytes(name: str) -> int:
    """A field of /proc/self/status."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise KeyError(name)


def growth(steps: int) -> dict[str, float]:
    """Largest resident memory during the run, and what is kept afterwards, in MB over before."""
    sampler = sk.sampler(
        thermostat(), potential=double_well, parameters={"A": LEVEL, "mu": 1.0},
        scheme="Algorithm1",
    )  # fmt: skip
    options = {"step_size": H, "thin": THIN}
    sk.simulate(sampler, 0.0, steps=FIRST_DRAWS * THIN, **options)
    # Largest memory from now on: 5 resets the peak (proc_pid_clear_refs(5)).
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = kilobytes("VmRSS")
    sk.simulate(sampler, 0.0, steps=steps, **options)
    return {
        "peak": (kilobytes("VmHWM") - before) * 1.024e-3,
        "kept": (kilobytes("VmRSS") - before) * 1.024e-3,
    }


if __name__ == "__main__":
    print(json.dumps(growth(int(sys.argv[1]))))
