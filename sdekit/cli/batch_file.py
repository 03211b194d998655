"""A batch file that runs the parts of one simulation as an array of Slurm jobs.

Every part writes its own chains below one store and is run again alone where it died: `--requeue`
and `--resume` make a job that was ended go on. Not for submitting it (`sbatch`).

Checked by: tests/cli/test_batch_file.py.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from sdekit.errors import SimulationError

#: In the command, the part in the form I/N.
PART = "{part}"

_LINES = """#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=0-{last}
#SBATCH --time={time}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={cpus}
{gpus}#SBATCH --signal=B:INT@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -eu
# A part that died is run again alone: sbatch --array=I THIS_FILE. Two minutes before the end of its
# time it is interrupted, so that what was sampled is kept.
exec {command}
"""


def batch_file(
    command: Sequence[str],
    parts: int,
    *,
    hours: float = 24.0,
    cpus: int = 1,
    gpus: int = 0,
    name: str = "sdekit",
) -> str:
    """The text of the batch file.

    Args:
        command: What runs one part, word by word; `{part}` stands for "I/N". Without it
            `--part I/N` comes behind.
        parts: N.
        hours: Time of each job.
        cpus: Cores of each job.
        gpus: GPUs of each job.
        name: Of the job.

    Raises:
        SimulationError: If a number is not positive or the command is empty.

    Example:
        >>> print(batch_file(["python", "run.py"], 8).splitlines()[-1])
        exec python run.py --part "${SLURM_ARRAY_TASK_ID}/8"
    """
    if not command:
        raise SimulationError(
            "there is no command", expected="what runs one part, such as python run.py"
        )
    if parts < 1 or cpus < 1 or gpus < 0 or not hours > 0:
        raise SimulationError(
            "a number makes no sense",
            expected="parts >= 1, cpus >= 1, gpus >= 0, hours > 0",
            found=f"parts {parts}, cpus {cpus}, gpus {gpus}, hours {hours:g}",
        )
    if not name.replace("-", "").replace("_", "").isalnum():
        raise SimulationError("the job's name is no name", found=repr(name), expected="letters")
    part = f'"${{SLURM_ARRAY_TASK_ID}}/{parts}"'
    words = [_quoted(word, part) for word in command]
    if not any(PART in word for word in command):
        words += ["--part", part]
    minutes = max(1, round(60 * hours))
    return _LINES.format(
        name=name,
        last=parts - 1,
        time=f"{minutes // 60}:{minutes % 60:02d}:00",
        cpus=cpus,
        gpus=f"#SBATCH --gpus-per-task={gpus}\n" if gpus else "",
        command=" ".join(words),
    )


def _quoted(word: str, part: str) -> str:
    """A word for the shell, the number of the part left open."""
    return part.join(shlex.quote(piece) if piece else "" for piece in word.split(PART)) or "''"
