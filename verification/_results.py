"""What every verification run of the theory layer shares: arguments, versions, JSON, figures."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

HERE = Path(__file__).resolve().parent
PACKAGES = ("sdekit", "numpy", "scipy", "jax", "optax")


def arguments(description: str) -> argparse.Namespace:
    """--out DIR (default verification/results) and --quick."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--quick", action="store_true", help="small sizes, for development")
    parsed = parser.parse_args()
    parsed.out.mkdir(parents=True, exist_ok=True)
    return parsed


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or None


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
            "commit": _commit(),
            "python": platform.python_version(),
            "versions": {package: _version(package) for package in PACKAGES},
            "results": {},
        }

    def add(self, key: str, value: Any) -> None:
        """One result; NumPy numbers and arrays become plain, seven digits each."""
        self.content["results"][key] = _plain(value)

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
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(entry) for entry in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return float(f"{number:.7g}") if np.isfinite(number) else None
    return int(value) if isinstance(value, np.integer) else value
