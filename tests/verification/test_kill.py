"""Quick form of verification/kill_test.py: one process killed with SIGKILL, resumed here."""

import signal

import numpy as np

from sdekit.simulation.store.stored import read_samples
from verification import kill_test


def test_a_killed_run_resumes_bit_for_bit(tmp_path):
    killed, whole = tmp_path / "killed.zarr", tmp_path / "whole.zarr"
    process = kill_test.start("thermostat", killed, scale=10)
    kill_test.wait_for_checkpoint(process, killed)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = read_samples(killed)["theta"].shape[1]
    kill_test.simulate("thermostat", killed, resume=True, scale=10)
    kill_test.simulate("thermostat", whole, resume=False, scale=10)
    found, exact = read_samples(killed), read_samples(whole)
    assert before < exact["theta"].shape[1]
    for name, values in exact.items():
        assert np.array_equal(found[name], values)
