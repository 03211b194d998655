"""Runs killed at random moments and resumed give the samples of undisturbed runs, bit for bit.

Run `python -m verification.kill_test`: 20 times a process that streams to a store is killed with
SIGKILL at a random moment of its sampling and resumed until it ends; half of the runs sample with
minibatches in epochs, whose place in the epoch is part of the state. Two more get Ctrl-C and must
leave a store that can be read.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import sdekit as sk
from sdekit.simulation.store.zarr_store import checkpoint_path
from verification._results import ROOT, Report, arguments

JOBS = ("thermostat", "minibatch")


def simulate(job: str, path: Path, *, resume: bool, scale: int = 1) -> None:
    """One run of a job into the store at `path`; a second or two of sampling at scale 1."""
    thermostat = sk.catalog.get("sgnht")
    if job == "thermostat":
        sk.simulate(
            thermostat, np.zeros(10), potential=lambda q: (q**2).sum() / 2,
            parameters={"A": 1.0, "mu": 10.0}, step_size=0.1, steps=1_000_000 // scale, thin=100,
            chains=32, seed=3, store=path, resume=resume,
        )  # fmt: skip
        return
    data = np.random.default_rng(0).normal(size=(1_000, 5))
    target = sk.Minibatch(
        lambda theta: -(theta**2).sum() / 2,
        lambda theta, x: -((x - theta) ** 2).sum() / 2,
        data, 32, sampling="epochs",
    )  # fmt: skip
    sk.simulate(
        thermostat, np.zeros(5), potential=target, parameters={"A": 1.0, "mu": 5.0},
        step_size=0.01, steps=100_000 // scale, thin=20, chains=4, seed=4, store=path,
        resume=resume,
    )  # fmt: skip


def start(job: str, path: Path, errors: int | None = None, scale: int = 1) -> subprocess.Popen:
    """A process that runs the job, resuming it if there is a checkpoint."""
    command = [sys.executable, "-m", "verification.kill_test", job, str(path), str(scale)]
    return subprocess.Popen(command, cwd=ROOT, stderr=errors)


def wait_for_checkpoint(process: subprocess.Popen, path: Path) -> None:
    """Until sampling has begun."""
    while not checkpoint_path(path).exists() and process.poll() is None:
        time.sleep(0.01)


def disturbed(job: str, path: Path, moments: list[float], how: signal.Signals) -> int:
    """Run a job to its end with an interruption after each of the moments (seconds)."""
    interruptions = 0
    for moment in moments:
        # The traceback of an interrupted process would look like a failure of this check.
        process = start(job, path, subprocess.DEVNULL)
        wait_for_checkpoint(process, path)
        time.sleep(moment)
        if process.poll() is None:
            process.send_signal(how)
            interruptions += 1
        process.wait()
        if how == signal.SIGINT:
            sk.read_samples(path)
    process = start(job, path)
    if process.wait() != 0:
        raise RuntimeError(f"{job} did not finish after it was interrupted")
    return interruptions


def check(trials: int = 20, seed: int = 0) -> tuple[dict, bool]:
    """Trials with one SIGKILL each, and one Ctrl-C for each job."""
    rng = np.random.default_rng(seed)
    folder = Path(tempfile.mkdtemp())
    rows = []
    for job in JOBS:
        undisturbed = folder / f"{job}.zarr"
        began = start(job, undisturbed)
        wait_for_checkpoint(began, undisturbed)
        first = time.perf_counter()
        began.wait()
        seconds = time.perf_counter() - first
        exact = sk.read_samples(undisturbed)
        wanted = [signal.SIGKILL] * (trials // len(JOBS)) + [signal.SIGINT]
        while wanted:
            path = folder / f"{job}-{len(rows)}.zarr"
            moment = float(rng.uniform(0, seconds))
            count = disturbed(job, path, [moment], wanted[0])
            found = sk.read_samples(path)
            same = all(np.array_equal(found[name], exact[name]) for name in exact)
            rows.append({"job": job, "signal": wanted[0].name, "moment": moment,
                         "interrupted": count == 1, "identical": same})  # fmt: skip
            print(f"{job:11s} {wanted[0].name} after {moment:.2f} of {seconds:.2f} s: "
                  f"{'identical' if same else 'DIFFERENT'}", flush=True)  # fmt: skip
            # A run that ended before its moment was not disturbed, and does not count.
            wanted = wanted[count:]
            shutil.rmtree(path)
            checkpoint_path(path).unlink()
    shutil.rmtree(folder)
    killed = sum(row["signal"] == "SIGKILL" and row["interrupted"] for row in rows)
    passed = all(row["identical"] for row in rows)
    return {"killed_while_running": killed, "runs": rows}, passed


def main() -> None:
    options = arguments(__doc__ or "")
    report = Report("kill_test", options, seed=0)
    report.judge(*check(trials=2 if options.quick else 20))
    report.write()


if __name__ == "__main__":
    if len(sys.argv) == 4:
        target = Path(sys.argv[2])
        begun = checkpoint_path(target).exists()
        simulate(sys.argv[1], target, resume=begun, scale=int(sys.argv[3]))
    else:
        main()
