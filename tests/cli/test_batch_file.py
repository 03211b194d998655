"""Batch files for Slurm."""

import os
import shutil
import subprocess
import sys

import pytest

from sdekit.cli.app import run
from sdekit.cli.batch_file import batch_file
from sdekit.errors import SimulationError


def ran(text, task, folder):
    """What a job of the array prints: bash, with the variable that Slurm sets."""
    script = folder / "job.sh"
    script.write_text(text)
    environment = {**os.environ, "SLURM_ARRAY_TASK_ID": str(task)}
    done = subprocess.run(
        ["bash", str(script)], capture_output=True, text=True, env=environment, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (["run.py"], ["run.py", "--part", "3/8"]),
        (["run.py", "--out=a b/{part}", "it's $HOME"], ["run.py", "--out=a b/3/8", "it's $HOME"]),
        (["run.py", "", "*"], ["run.py", "", "*", "--part", "3/8"]),
    ],
)
def test_a_job_of_the_array_runs_the_command_with_its_part(tmp_path, command, wanted):
    shown = [sys.executable, "-c", "import sys; print(*sys.argv[1:], sep='\\n')"]
    assert ran(batch_file([*shown, *command], 8), 3, tmp_path) == wanted


def test_the_array_has_a_job_for_each_part():
    lines = batch_file(["true"], 8, hours=1.5, cpus=4, gpus=1, name="thermostat").splitlines()
    for option in ("--array=0-7", "--time=1:30:00", "--cpus-per-task=4", "--requeue",
                   "--gpus-per-task=1", "--job-name=thermostat"):  # fmt: skip
        assert f"#SBATCH {option}" in lines
    assert not any("gpus" in line for line in batch_file(["true"], 2).splitlines())


@pytest.mark.parametrize(
    "given",
    [{"parts": 0}, {"hours": 0}, {"cpus": 0}, {"gpus": -1}, {"name": "a b"}, {"command": []}],
)
def test_what_no_scheduler_would_take_is_refused(given):
    with pytest.raises(SimulationError):
        batch_file(**{"command": ["true"], "parts": 2, **given})


def test_the_command_line_prints_it(capsys):
    assert run(["slurm", "--parts", "4", "--", "python", "run.py", "--fast"]) == 0
    assert 'exec python run.py --fast --part "${SLURM_ARRAY_TASK_ID}/4"' in capsys.readouterr().out


def test_a_part_of_the_command_line_is_read_or_refused(capsys):
    assert run(["simulate", "overdamped", "--part", "one"]) == 2
    assert "--part is no part: expected I/N" in capsys.readouterr().err
