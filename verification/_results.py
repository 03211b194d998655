"""What every verification run shares: arguments, versions, commit, JSON, tables, figures.

Scripts run by path import it by name, those run as modules from `verification`. Not for measuring.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import subprocess
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PACKAGES = ("sdekit", "numpy", "scipy", "jax", "optax", "diffrax", "arviz", "zarr")


def arguments(
    description: str, parser: argparse.ArgumentParser | None = None
) -> argparse.Namespace:
    """--out DIR and --quick, beside the options that the parser has already.

    Results go to verification/results; those of a quick run, which are no evidence, to a new
    temporary folder.
    """
    parser = parser or argparse.ArgumentParser()
    parser.description = description
    parser.add_argument("--out", type=Path, help="folder of the results")
    parser.add_argument("--quick", action="store_true", help="small sizes, for development")
    parsed = parser.parse_args()
    if parsed.out is None:
        parsed.out = Path(tempfile.mkdtemp()) if parsed.quick else HERE / "results"
    parsed.out.mkdir(parents=True, exist_ok=True)
    return parsed


def installed(package: str) -> str | None:
    """Its version, None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit that ran, marked if the sources were changed."""

    def git(*command: str) -> str:
        done = subprocess.run(
            ["git", *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "sdekit", "verification/*.py")
    return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "") or None


class Report:
    """Collects one run and writes NAME.json and NAME.png.

    Args:
        name: File name without suffix.
        options: What `arguments` returned.
        seed: The seed of the run.
    """

    def __init__(self, name: str, options: argparse.Namespace, seed: int) -> None:
        self.name, self.out = name, options.out
        self.started = time.perf_counter()
        self.content: dict[str, Any] = {
            "run": name,
            "quick": options.quick,
            "seed": seed,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": _commit(),
            "python": platform.python_version(),
            "versions": {package: installed(package) for package in PACKAGES},
            "results": {},
        }

    def add(self, key: str, value: Any) -> None:
        """One result; NumPy numbers and arrays become plain, seven digits each."""
        self.content["results"][key] = _plain(value)

    def judge(self, measured: Mapping[str, Any], passed: bool) -> None:
        """All results of a run with one claim, whose text stands in `table`."""
        for key, value in measured.items():
            self.add(key, value)
        self.content["passed"] = bool(passed)
        print(f"{self.name}: {'passed' if passed else 'FAILED'}")

    def claim(self, claim: str, result: str, passed: bool) -> None:
        """One of several claims: what is said, what was found, whether it holds."""
        row = {"claim": claim, "result": result, "passed": bool(passed)}
        self.content.setdefault("claims", []).append(row)

    def write(self, figure: Figure | None = None, tables: str = "") -> None:
        """Write the JSON, the figure, and the tables (Markdown) if there are any."""
        self.content["seconds"] = round(time.perf_counter() - self.started, 1)
        text = json.dumps(self.content, indent=1, allow_nan=False)
        (self.out / f"{self.name}.json").write_text(text + "\n", encoding="utf-8")
        if tables:
            (self.out / f"{self.name}.md").write_text(tables, encoding="utf-8")
        if figure is not None:
            figure.tight_layout()
            figure.savefig(self.out / f"{self.name}.png", dpi=80)
            plt.close(figure)
        print(f"{self.name}: {self.content['seconds']} s, written to {self.out}")


def table(title: str, header: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table; numbers with four digits, None as a dash."""
    lines = [f"### {title}", "", "| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    lines += ["| " + " | ".join(_cell(entry) for entry in row) + " |" for row in rows]
    return "\n".join(lines) + "\n\n"


def _cell(entry: Any) -> str:
    if entry is None:
        return "-"
    if isinstance(entry, float):
        return f"{entry:.4g}"
    return str(entry)


def _plain(value: Any) -> Any:
    # NumPy and JAX, numbers and arrays.
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return float(f"{value:.7g}") if math.isfinite(value) else None
    return value
