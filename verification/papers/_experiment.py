"""What the experiments share: a record of the run, parts that survive an interruption, rows.

Each script is run as `python -m verification.papers.NAME [--reduced] [--quick] [--out DIR]`. Its
settings stand in one block, beside reduced ones for a small machine, which rows then name; a part
(one sampler at one setting with one seed) that was computed is kept below OUT/parts and not
computed again. Not for models.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from verification._results import Report, _plain, arguments


class Experiment(Report):
    """One experiment; rows say what a source claims, what it published, and what was measured.

    Args:
        name: Of the script, without its folder.
        settings: All that decides the numbers.
        options: What `arguments` returned.
    """

    def __init__(self, name: str, settings: Mapping[str, Any], options: argparse.Namespace) -> None:
        super().__init__(f"papers_{name}", options, settings.get("seed", 0))
        self.content["command"] = f"python -m verification.papers.{name}"
        self.content["settings"] = _plain(dict(settings))
        self.content["seconds of parts"] = 0.0
        if getattr(options, "reduced", False):
            self.content["command"] += " --reduced"

    def part(
        self,
        key: Mapping[str, Any],
        make: Callable[[], Mapping[str, Any]],
        named: Collection[str] = (),
    ) -> dict[str, Any]:
        """What `make()` returns, numbers and lists; from the disk where it was made before.

        Args:
            key: Names the part.
            make: Computes it.
            named: Settings that list what keys name one of: a longer list keeps what was made.
        """
        common = {k: v for k, v in self.content["settings"].items() if k not in named}
        text = json.dumps([self.name, common, _plain(dict(key))])
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        path = self.out / "parts" / f"{self.name}-{digest}.json"
        if not path.is_file():
            began = time.perf_counter()
            found = _plain(dict(make())) | {"part_seconds": time.perf_counter() - began}
            path.parent.mkdir(exist_ok=True)
            # Appears at once or not at all, so that an interruption leaves no half of it.
            beside = path.with_suffix(".tmp")
            beside.write_text(json.dumps(found), encoding="utf-8")
            beside.replace(path)
        found = json.loads(path.read_text(encoding="utf-8"))
        self.content["seconds of parts"] += round(found["part_seconds"], 1)
        print(self.name, dict(key), f"{found['part_seconds']:.1f} s", flush=True)
        return found

    def row(self, claim: str, published: str, measured: str, passed: bool | None) -> None:
        """One row of the evidence; None where there is nothing to judge."""
        judged = None if passed is None else bool(passed)
        said = {"claim": claim, "published": published, "result": measured, "passed": judged}
        self.content.setdefault("claims", []).append(said)
        print(f"{'ok ' if judged else 'NOT' if judged is False else '   '} {claim}: {measured}")


def experiment(
    name: str,
    settings: Mapping[str, Any],
    quick: Mapping[str, Any],
    reduced: Mapping[str, Any] | None = None,
) -> tuple[Experiment, dict[str, Any]]:
    """The record of a script and its settings, with arguments read.

    Args:
        name: Of the script.
        settings: Those of the source.
        quick: What replaces them with `--quick`, which is no evidence.
        reduced: What replaces them with `--reduced`, which rows name.
    """
    parser = argparse.ArgumentParser()
    if reduced is not None:
        parser.add_argument("--reduced", action="store_true", help="what a small machine can run")
    options = arguments(f"Experiment {name} of the sources", parser)
    chosen = {**settings, **(reduced or {})} if getattr(options, "reduced", False) else settings
    chosen = {**chosen, **(quick if options.quick else {})}
    return Experiment(name, chosen, options), chosen


def spread(values: Any) -> str:
    """Mean +- standard error over repetitions."""
    numbers = np.asarray(values, float)
    if len(numbers) < 2:
        return f"{numbers.mean():.5g}"
    return f"{numbers.mean():.4g} +- {numbers.std(ddof=1) / np.sqrt(len(numbers)):.2g}"
