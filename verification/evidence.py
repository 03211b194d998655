"""Evidence as JSON: what was measured, with seed, versions and commit. Not for measuring."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "verification" / "results"
PACKAGES = ("jax", "numpy", "scipy", "diffrax", "arviz", "zarr")


def commit() -> str:
    """The commit that ran, marked if the sources were changed."""

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "sdekit", "verification")
    return git("rev-parse", "HEAD") + (" with changes" if changed else "")


def write(name: str, measured: Mapping[str, Any], passed: bool) -> Path:
    """Write `results/<name>.json` and print where it is.

    Args:
        name: Name of the check.
        measured: What was measured; NumPy numbers are written as floats.
        passed: Whether the check holds.
    """
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    facts = {
        "check": name,
        "passed": bool(passed),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        **measured,
    }
    path.write_text(json.dumps(facts, indent=1, default=float) + "\n", encoding="ascii")
    print(f"{name}: {'passed' if passed else 'FAILED'}, {path.relative_to(ROOT)}")
    return path
