"""Chains on many devices and in several processes get the numbers that they get alone."""

import json
import os
import runpy
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DataError, SimulationError
from sdekit.simulation.loop.devices import chain_parts
from sdekit.simulation.store.stored import part_name, read_samples

HOST = Path(__file__).with_name("host_process.py")
#: Rounding of single precision over the 60 steps of a contracting dynamics.
ROUNDING = 2e-6

EIGHT_DEVICES = """
import json, jax, sdekit as sk
x, p = sk.scalar("x"), sk.scalar("p")
dynamics = sk.Dynamics(
    drift={x: p, p: -x - p}, diffusion={p: 1}, hamiltonian=x**2 / 2 + p**2 / 2, target=x**2 / 2
)
sampler = sk.sampler(dynamics, scheme="EM")
watched = {"square": lambda blocks: blocks["p"] ** 2}
found = []
for chains in (5, 19):
    for devices in (1, None, None):
        run = sk.simulate(sampler, jax.random.normal, step_size=0.1, steps=40, chains=chains,
                          seed=4, devices=devices, observables=watched)
        used = len(run.state.blocks["x"].devices())
        found.append([used, run.samples["p"].tolist(), float(run.observed["square"].mean)])
print(json.dumps(found))
"""


def test_eight_devices_give_the_numbers_of_one():
    """Of 5 chains three devices stay idle; of 19 some lanes are filled up."""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", EIGHT_DEVICES],
        check=True, capture_output=True, text=True, timeout=120, env={**os.environ, **flags},
    )  # fmt: skip
    found = json.loads(done.stdout)
    for (_, one, mean), (used, many, same_mean), again in (found[:3], found[3:]):
        assert used == min(len(one), 8)
        np.testing.assert_allclose(many, one, rtol=0, atol=ROUNDING)
        assert same_mean == pytest.approx(mean, rel=1e-5)
        # The layout fixed, every bit is the same.
        assert again == [used, many, same_mean]
        # Twin: the chains differ from each other.
        assert np.min(np.abs(np.diff(np.asarray(one)[:, -1]))) > 100 * ROUNDING


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """What two processes leave in a folder, one with two devices and one with one."""
    if sys.platform == "win32":
        pytest.skip("JAX has no collectives between processes on the CPU of Windows")
    folder, port = tmp_path_factory.mktemp("hosts"), str(free_port())
    started = []
    try:
        for number, devices in enumerate((2, 1)):
            flags = f"--xla_force_host_platform_device_count={devices}"
            environment = {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
            started.append(
                subprocess.Popen(
                    [sys.executable, str(HOST), str(number), port, str(folder)],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    env=environment,
                )
            )
        told = [process.communicate(timeout=180)[0] for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert [process.returncode for process in started] == [0, 0], "\n".join(told)
    runpy.run_path(str(HOST))["plain_runs"](folder, "alone")
    return folder


@pytest.fixture(scope="module")
def runs(hosts):
    return [dict(np.load(hosts / f"{name}.npz")) for name in ("alone", "0", "1")]


def test_each_process_simulates_its_own_chains(runs):
    alone, *both = runs
    assert [(int(run["first"]), len(run["own"]), int(run["total"])) for run in both] == [
        (0, 4, 7), (4, 3, 7),
    ]  # fmt: skip
    together = np.concatenate([run["own"] for run in both])
    np.testing.assert_allclose(together, alone["own"], rtol=0, atol=ROUNDING)
    # Twin: in another order they would be told apart.
    assert not np.allclose(together[::-1], alone["own"], rtol=0, atol=100 * ROUNDING)


def test_gathered_runs_have_all_chains_and_observables_in_every_process(runs):
    alone, *both = runs
    for run in both:
        np.testing.assert_allclose(run["everyone"], alone["everyone"], rtol=0, atol=ROUNDING)
        for moment in ("mean", "variance", "weight"):
            np.testing.assert_allclose(run[moment], alone[moment], rtol=1e-5)
    # Both joined the same numbers, in double precision.
    assert np.array_equal(both[0]["mean"], both[1]["mean"])


def test_a_chain_that_diverges_stops_its_process_alone_and_keeps_its_number(runs):
    """The process of the chain that starts highest names it with its number among all."""
    alone, *both = (str(run["told"]) for run in runs)
    assert "is not finite after step" in alone
    assert alone in both


def test_processes_stream_into_one_folder_and_resume_there(hosts):
    samples = read_samples(hosts / "run.zarr")
    host = runpy.run_path(str(HOST))
    exact = sk.simulate(host["ornstein_uhlenbeck"](), 0.5, scheme="EM", **host["OPTIONS"]).samples
    assert sorted(part.name for part in (hosts / "run.zarr").iterdir() if part.is_dir()) == [
        "chains-0-3.zarr", "chains-4-6.zarr",
    ]  # fmt: skip
    for name, values in exact.items():
        np.testing.assert_allclose(samples[name], values, rtol=0, atol=ROUNDING)


def test_what_several_processes_cannot_do_is_told_in_one_line(hosts):
    for number in (0, 1):
        told = (hosts / f"{number}.txt").read_text().splitlines()
        assert [line.split(":")[0] for line in told] == [
            "a process would have no chain",
            "the devices are not those of this process",
            "several processes cannot write one store",
            "there is a store at this path already",
        ]


def test_one_process_does_not_go_on_with_the_store_of_several(hosts):
    host = runpy.run_path(str(HOST))
    for resume in (False, True):
        with pytest.raises(SimulationError, match="written by other processes: expected the store"):
            sk.simulate(
                host["ornstein_uhlenbeck"](), 0.5, scheme="EM", store=hosts / "run.zarr",
                resume=resume, **host["OPTIONS"],
            )  # fmt: skip


def test_a_store_without_the_part_of_a_process_is_refused(hosts, tmp_path):
    part = part_name(range(4, 7))
    (tmp_path / part).symlink_to(hosts / "run.zarr" / part)
    with pytest.raises(DataError, match="lacks the chains of a process: expected chains 0 to 6"):
        read_samples(tmp_path)


def test_chains_are_shared_in_proportion_to_devices():
    assert chain_parts([1], 5) == (range(5),)
    assert chain_parts([2, 1, 1], 10) == (range(5), range(5, 7), range(7, 10))
    with pytest.raises(
        SimulationError, match="at least 3 chains, one for each process or part, found 2"
    ):
        chain_parts([1, 1, 1], 2)
