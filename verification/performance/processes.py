"""Measurements that need a process of their own, which writes what it found as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from verification._results import ROOT


def told_by(
    module: str,
    *arguments: str,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> Any:
    """What a module of this folder writes as the last line of its output.

    Args:
        module: Its name, run with -m.
        arguments: Of the command line.
        python: Interpreter.
        environment: Variables beside those of this process.

    Raises:
        CalledProcessError: If it fails; its errors stand on the terminal.
    """
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(environment or {})}
    command = [python, "-m", f"verification.performance.{module}", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])
