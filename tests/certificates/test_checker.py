"""Certificates: the stand-alone checker and Coq accept what is true and nothing else."""

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sdekit as sk
from sdekit.certificates import checker
from sdekit.certificates.coq import coq_theorem, coq_theorem_all_sizes
from sdekit.certificates.export import (
    certificate,
    check_certificate,
    model_tree,
    read_certificate,
    write_certificate,
)
from sdekit.errors import VerificationError
from tests.declaration.model.models import sgnht

CHECKER = Path(checker.__file__)


def claim(dynamics, verdict="proved", **sizes):
    """A certificate whose verdict is only claimed, to see the checker decide for itself."""
    return {"model": model_tree(dynamics), "claim": {"verdict": verdict, "sizes": sizes}}


def changed(dynamics, name, drift):
    """The same dynamics with another drift of one variable."""
    x = next(x for x in dynamics.variables if x.name == name)
    return sk.Dynamics(
        {**dynamics.drift, x: drift(dynamics.drift[x])},
        dict(dynamics.diffusion),
        hamiltonian=dynamics.hamiltonian,
        target=dynamics.target,
    )


def test_the_checker_accepts_sgnht_for_all_n():
    accepted, reason = checker.check(claim(sgnht))
    assert accepted
    assert reason == "the residual vanishes at all of the sizes {'n': [4, 5, 6, 7, 8, 9]}"


@pytest.mark.parametrize("name", ["sgnht-matrix-symmetric", "sgrhmc", "recipe", "sgnht-diagonal"])
def test_the_checker_accepts_published_dynamics(name):
    assert checker.check(claim(sk.catalog.get(name)))[0]


@pytest.mark.parametrize("name", ["sgnht-mass", "sgnht-sign", "sgrld-no-divergence", "gle-sign"])
def test_the_checker_rejects_a_proof_of_a_wrong_dynamics(name):
    wrong = sk.catalog.get(name)
    assert not checker.check(claim(wrong))[0]
    assert checker.check(claim(wrong, "refuted", n=2))[0]


def test_the_checker_rejects_a_refutation_of_a_right_dynamics():
    assert not checker.check(claim(sgnht, "refuted", n=2))[0]


def test_an_error_that_only_shows_beyond_n_equal_1_is_seen():
    """xi' = (p.p - 1)/mu leaves nothing over at n = 1; sizes are chosen by the checker."""
    wrong = changed(sgnht, "xi", lambda v: (sk.dot(*[sgnht.variables[1]] * 2) - 1) / _mu())
    assert checker.check(claim(wrong, n=1))[0]
    assert not checker.check(claim(wrong))[0]


def _mu():
    return next(parameter for parameter in sgnht.parameters if parameter.name == "mu")


def test_no_tampered_coefficient_is_accepted():
    """Every number and every symbol of the drift, changed one at a time."""
    honest = claim(sgnht)
    text = json.dumps(honest["model"]["drift"])
    assert checker.check(honest)[0]
    for old, new in (
        ('["number", "-1"]', '["number", "-2"]'),
        ('["symbol", "xi"]', '["symbol", "mu"]'),
        ('["size", "n"]', '["number", "1"]'),
        ('["symbol", "mu"]', '["symbol", "A"]'),
    ):
        tampered = copy.deepcopy(honest)
        assert old in text
        tampered["model"]["drift"] = json.loads(text.replace(old, new, 1))
        assert not checker.check(tampered)[0], (old, new)


def test_the_sizes_of_a_proof_are_not_taken_from_the_file():
    """With sizes the claim is about these sizes only, and the reason says so."""
    assert "{'n': [2]}" in checker.check(claim(sgnht, n=2))[1]


def test_bounds_count_summed_indices_and_powers_of_n():
    model = model_tree(sgnht)
    # H has one summed index, so D H_i H_j has 2 + 2 * 1; powers n^0 to n^(1 + 4) are possible.
    assert list(checker.sizes_that_prove(model, "n")) == [4, 5, 6, 7, 8, 9]


def test_the_checker_is_a_program_of_the_standard_library_alone(tmp_path):
    path = tmp_path / "sgnht.json"
    path.write_text(json.dumps(claim(sgnht)))
    run = subprocess.run(
        [sys.executable, "-I", "-S", str(CHECKER), str(path)], capture_output=True, text=True
    )
    assert (run.returncode, run.stdout[:9]) == (0, "ACCEPTED:")
    assert len(CHECKER.read_text().splitlines()) <= 200


def test_a_verification_exports_and_reads_back(tmp_path):
    path = tmp_path / "certificate.json"
    write_certificate(path, certificate(sgnht, sk.verify(sgnht)))
    assert checker.check(read_certificate(path))[0]


def test_a_dynamics_is_certified_in_one_call(tmp_path):
    path = tmp_path / "sgnht.json"
    content = sk.certify(sgnht, path=path)
    assert content == read_certificate(path) == certificate(sgnht, sk.verify(sgnht))
    assert check_certificate(path)[0]
    assert sk.certify(sgnht, 2)["claim"]["sizes"] == {"n": 2}


def test_a_certificate_that_the_checker_cannot_read_is_one_clear_error(tmp_path):
    path = tmp_path / "broken.json"
    write_certificate(path, {**sk.certify(sgnht), "model": {}})
    with pytest.raises(VerificationError, match="no usable certificate"):
        check_certificate(path)


def test_models_with_kernels_have_no_certificate():
    x = sk.scalar("x")
    d = sk.Dynamics({x: -sk.tanh(x)}, {x: 1}, hamiltonian=sk.log(sk.cosh(x)))
    with pytest.raises(VerificationError, match="polynomial models only"):
        model_tree(d)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 1}', '{"format": 9, "model": 1, "claim": 1}']
)
def test_files_that_are_no_certificates_are_errors(tmp_path, text):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(VerificationError, match=r"no JSON|no certificate"):
        read_certificate(path)


needs_coq = pytest.mark.skipif(
    shutil.which("coqc") is None, reason="coqc (Debian package coq) is not installed"
)


def coq_accepts(text, folder):
    (folder / "identity.v").write_text(text)
    run = subprocess.run(["coqc", "-q", "identity.v"], cwd=folder, capture_output=True, text=True)
    return run.returncode == 0


@needs_coq
@pytest.mark.parametrize(("name", "n"), [("sgnht", 3), ("sgnht-matrix", 2), ("sgld", 2)])
def test_coq_accepts_published_identities(name, n, tmp_path):
    components = sk.catalog.get(name).at(n=n)
    assert coq_accepts(coq_theorem(components, name), tmp_path)


@needs_coq
def test_coq_rejects_a_wrong_identity(tmp_path):
    components = sk.catalog.get("sgnht-sign").at(n=2)
    assert not coq_accepts(coq_theorem(components, "wrong"), tmp_path)


@needs_coq
@pytest.mark.parametrize("name", ["sgnht", "sgnht-matrix", "sgrhmc", "recipe"])
def test_coq_accepts_the_identity_for_every_n(name, tmp_path):
    text = coq_theorem_all_sizes(sk.catalog.get(name), name)
    assert coq_accepts(text, tmp_path)


@needs_coq
def test_coq_rejects_a_wrong_identity_for_every_n(tmp_path):
    text = coq_theorem_all_sizes(sk.catalog.get("sgnht-sign"), "wrong")
    assert not coq_accepts(text, tmp_path)


def test_the_command_line_writes_the_theorem(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "sdekit", "verify", "sgnht", "--coq", str(tmp_path / "sgnht.v")],
        capture_output=True,
        text=True,
        cwd=CHECKER.parents[2],
    )
    assert run.returncode == 0, run.stderr
    assert "Theorem sgnht" in (tmp_path / "sgnht.v").read_text()


def test_the_theorem_for_every_n_names_its_contractions():
    text = coq_theorem_all_sizes(sgnht, "sgnht")
    assert "is dot(p, p) *)" in text
    assert "is n *)" in text


def test_coq_text_is_refused_for_kernels():
    x = sk.scalar("x")
    d = sk.Dynamics({x: -sk.tanh(x)}, {x: 1}, hamiltonian=sk.log(sk.cosh(x)))
    with pytest.raises(VerificationError, match="rational expressions only"):
        coq_theorem(d.at(), "logcosh")
