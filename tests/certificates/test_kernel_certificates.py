"""Certificates of kernels: what the verifier proves is certified, and no known mistake is."""

import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

import sdekit as sk
from sdekit.catalog.markov_kernels import ENTRIES, WRONG
from sdekit.certificates.checker import kernel_steps
from sdekit.certificates.export import write_certificate
from sdekit.certificates.kernel_certificates import check_file, kernel_certificate, recheck_kernel
from sdekit.cli.app import run
from sdekit.errors import VerificationError

#: No certificate covers the midpoint rule.
OUTSIDE = ("rhmc-midpoint",)
FILES = {entry.name: entry.model_file() for entry in (*ENTRIES, *WRONG)}


@functools.cache
def kernel(name):
    return sk.loads(FILES[name])


@functools.cache
def content(name):
    """The certificate of a kernel, as it comes back from a file."""
    return json.loads(json.dumps(kernel_certificate(kernel(name))))


@pytest.mark.parametrize("name", [e.name for e in ENTRIES if e.name not in OUTSIDE])
def test_every_step_of_a_proved_kernel_is_certified(name):
    found = recheck_kernel(content(name), kernel(name))
    assert found.verdict == "proved", found


@pytest.mark.parametrize("name", [*(e.name for e in WRONG), *OUTSIDE])
def test_no_mistake_and_nothing_outside_is_certified(name):
    found = recheck_kernel(content(name), kernel(name))
    assert found.verdict is None
    assert any(sentence for is_certified, sentence in found.rungs.values() if not is_certified)


def test_the_certificate_of_a_right_kernel_does_not_certify_a_wrong_one():
    forged = {**content("hmc"), "model": content("hmc-not-palindrome")["model"]}
    assert recheck_kernel(forged).verdict is None
    assert recheck_kernel(content("hmc"), kernel("hmc-barker")).rejected is not None


def test_a_file_is_checked_by_the_checker_of_its_kind(tmp_path):
    path = tmp_path / "one.json"
    write_certificate(path, content("hmc"))
    assert check_file(path, kernel("hmc")).verdict == "proved"
    assert check_file(path, sk.catalog.get("langevin")).rejected is not None
    write_certificate(path, sk.certify(sk.catalog.get("langevin")))
    assert check_file(path).verdict == "proved"
    assert check_file(path, kernel("hmc")).rejected is not None
    write_certificate(path, {**content("hmc"), "model": {}})
    with pytest.raises(VerificationError, match="no usable certificate"):
        check_file(path)


def test_the_commands_write_and_check_the_certificate_of_a_kernel(tmp_path):
    path = str(tmp_path / "hmc.json")
    assert run(["verify", "hmc", "--certificate", path]) == 0
    assert json.loads(Path(path).read_text()) == json.loads(json.dumps(sk.certify(kernel("hmc"))))
    with pytest.raises(VerificationError, match="every size"):
        sk.certify(kernel("hmc"), 2)
    assert run(["check", path, "--model", "hmc"]) == 0
    assert run(["check", path, "--model", "mala"]) == 1


def test_the_checker_of_kernels_is_a_program_of_the_standard_library_alone(tmp_path):
    path = tmp_path / "hmc.json"
    write_certificate(path, content("hmc"))
    program = [sys.executable, "-E", "-s", "-S", str(Path(kernel_steps.__file__)), str(path)]
    ended = subprocess.run(program, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "CERTIFIED: proved")
