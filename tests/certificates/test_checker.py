"""Certificates: the stand-alone checker and Coq accept what is true and nothing else."""

import copy
import functools
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sdekit as sk
from sdekit.certificates.checker import check
from sdekit.certificates.coq import coq_theorem
from sdekit.certificates.export import (
    certificate,
    read_certificate,
    recheck,
    write_certificate,
)
from sdekit.certificates.kernel_certificates import check_file
from sdekit.certificates.model_trees import model_tree
from sdekit.errors import VerificationError
from tests.declaration.model.models import sgnht

FOLDER = Path(check.__file__).parent
WRONG = [e.name for e in sk.catalog.entries() if e.is_wrong]
PROVED = [e.name for e in sk.catalog.entries() if e.claims_all]


@functools.cache
def content(name, n=None):
    """The certificate of a catalogue entry, as it comes back from a file."""
    return json.loads(json.dumps(sk.certify(sk.catalog.get(name), n)))


def changed(name, old, new, *path):
    """A certificate with one piece of text changed, at the first place below a path."""
    tampered = copy.deepcopy(content(name))
    *way, last = path
    place = functools.reduce(lambda part, key: part[key], way, tampered)
    text = json.dumps(place[last])
    assert old in text
    place[last] = json.loads(text.replace(old, new, 1))
    return tampered


def certify_by_force(dynamics, like):
    """A wrong model with the evidence of a right one, to see the checker decide for itself."""
    return {**content(like), "model": json.loads(json.dumps(model_tree(dynamics.ito())))}


@pytest.mark.parametrize("name", PROVED)
def test_every_rung_of_every_proved_entry_is_certified(name):
    found = recheck(content(name), sk.catalog.get(name))
    assert found.verdict == "proved", found
    assert all(is_certified for is_certified, _ in found.rungs.values())


@pytest.mark.parametrize(
    ("wrong", "like", "rung"),
    [
        ("sgnht-mass", "sgnht-paper", "stationarity"),
        ("sgnht-sign", "sgnht", "stationarity"),
        ("sgrld-no-divergence", "sgrld", "stationarity"),
        ("gle-sign", "gle", "stationarity"),
        ("langevin-negative", "langevin", "diffusion_psd"),
        ("rhmc-no-logdet", "rhmc", "marginalization"),
        ("overdamped-temperature", "overdamped", "stationarity"),
        ("mclmc-dimension", "mclmc-2d", "stationarity"),
    ],
)
def test_no_wrong_entry_is_certified_with_the_evidence_of_a_right_one(wrong, like, rung):
    found = recheck(certify_by_force(sk.catalog.get(wrong), like))
    assert found.verdict is None
    assert not found.rungs[rung][0]


@pytest.mark.parametrize("name", [name for name in WRONG if name != "mclmc-dimension"])
def test_every_refutation_at_a_rational_point_is_certified(name):
    assert recheck(content(name), sk.catalog.get(name)).verdict == "refuted"


def test_a_refutation_with_a_sine_is_not_certified():
    found = recheck(content("mclmc-dimension"))
    assert (found.verdict, found.rejected) == (None, None)
    assert "no point of exact values" in found.rungs["stationarity"][1]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("sgnht", "sgnht-centre"), ("langevin", "langevin-negative"), ("rhmc", "rhmc-no-logdet")],
)
def test_no_point_refutes_a_right_model(right, wrong):
    model = json.loads(json.dumps(model_tree(sk.catalog.get(right).ito())))
    found = recheck({**content(wrong), "model": model})
    assert all(sentence != "refuted" for _, sentence in found.rungs.values())


def test_values_outside_what_is_declared_refute_nothing():
    """D = -A: a negative A is no parameter of it, and neither is one without a value."""
    for value in ("-1", "0"):
        tampered = copy.deepcopy(content("langevin-negative"))
        for entry in tampered["rungs"]["diffusion_psd"]["evidence"]["values"]:
            entry[3] = value if entry[0] == "A" else entry[3]
        assert "the value of A" in recheck(tampered).rungs["diffusion_psd"][1]


def test_a_condition_is_repeated_and_can_be_neither_dropped_nor_added():
    assert (
        "assuming: solutions do not explode" in recheck(content("sgrld")).rungs["non_explosion"][1]
    )
    dropped = copy.deepcopy(content("sgrld"))
    del dropped["rungs"]["non_explosion"]["assumed"]
    assert recheck(dropped).verdict is None
    for name, said in (("sgrld", False), ("langevin", True)):
        turned = copy.deepcopy(content(name))
        turned["claim"]["conditional"] = said
        assert recheck(turned).rejected is not None


def test_a_certificate_about_another_model_is_rejected():
    assert "another model" in recheck(content("langevin"), sk.catalog.get("sghmc")).rejected


@pytest.mark.parametrize(
    ("name", "rung", "old", "new"),
    [
        ("sgnht", "marginalization", '"-1"', '"1"'),
        ("cir", "normalizable", '"gamma"', '"lognormal"'),
        ("student-flow", "normalizable", '"student"', '"gamma"'),
        ("duffing", "normalizable", '"polynomial"', '"root"'),
        ("wright-fisher", "normalizable", '"beta"', '"uniform"'),
        ("kuramoto", "normalizable", '["theta"]', "[]"),
        ("langevin-relativistic", "marginalization", '"root"', '"polynomial"'),
        ("langevin", "marginalization", '"gaussian"', '"assumed"'),
        ("ornstein-uhlenbeck", "normalizable", '"gaussian"', '"assumed"'),
        ("langevin", "non_explosion", '"assumed"', '"gaussian"'),
        ("langevin", "non_explosion", '"U"', '"theta"'),
        ("cir", "non_explosion", '"lyapunov"', '"reversible"'),
        ("duffing", "non_explosion", '"polynomial"', '"gaussian"'),
        ("sgrld", "non_explosion", '"eye"', '"ones"'),
        ("sgnht-position", "non_explosion", '"number", "1"', '"number", "-1"'),
    ],
)
def test_evidence_that_does_not_fit_is_no_evidence(name, rung, old, new):
    tampered = changed(name, old, new, "rungs", rung, "evidence")
    try:
        assert recheck(tampered).verdict is None
    except VerificationError as error:
        assert "no usable certificate" in str(error)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('["number", "-1"]', '["number", "-2"]'),
        ('["symbol", "xi"]', '["symbol", "mu"]'),
        ('["size", "n"]', '["number", "1"]'),
        ('["symbol", "mu"]', '["symbol", "A"]'),
        ('["symbol", "p"]', '["symbol", "theta"]'),
    ],
)
def test_no_tampered_drift_is_certified(old, new):
    assert recheck(changed("sgnht", old, new, "model", "drift")).verdict is None


def test_an_error_that_only_shows_beyond_n_equal_1_is_seen():
    """xi' = (p.p - 1)/mu leaves nothing over at n = 1."""
    tampered = changed("sgnht", '["size", "n"]', '["number", "1"]', "model", "drift")
    assert not recheck(tampered).rungs["stationarity"][0]
    tampered["claim"]["sizes"] = {"n": 1}
    assert recheck(tampered).rungs["stationarity"][0]
    tampered["claim"]["sizes"] = {"n": 2}
    assert not recheck(tampered).rungs["stationarity"][0]


def test_a_sign_that_is_not_declared_is_not_believed():
    for name, word in (("langevin", "positive"), ("langevin-mass", "positive_definite")):
        tampered = copy.deepcopy(content(name))
        for symbol in tampered["model"]["symbols"].values():
            symbol["assumptions"] = [w for w in symbol.get("assumptions", ()) if w != word]
        assert recheck(tampered).verdict is None


def test_a_symmetry_that_is_not_declared_is_not_believed():
    tampered = changed("irreversible", '"antisymmetric"', "null", "model", "symbols", "J")
    assert recheck(tampered).verdict is None


def test_nothing_is_assumed_over_what_no_unknown_function_reaches():
    """exp(-U(x)) has no finite integral over (x, y), whatever U is."""
    tampered = changed("mclmc-2d", '["x", "y"]', '["x"]', "model", "symbols", "U")
    assert "reaches" in recheck(tampered).rungs["normalizable"][1]


def test_what_no_evidence_covers_is_said():
    """A double well in two variables: a concrete target that no named integral covers."""
    x, y = sk.scalar("x"), sk.scalar("y")
    H = x**4 + y**4 + x**2 * y**2
    d = sk.Dynamics({x: -sk.grad(H, x), y: -sk.grad(H, y)}, {x: 1, y: 1}, hamiltonian=H)
    found = recheck(sk.certify(d))
    assert found.verdict is None
    assert found.rungs["stationarity"] == (True, "proved")
    assert not found.rungs["normalizable"][0]
    assert "no named integral" in found.rungs["normalizable"][1]


def test_functions_that_the_checker_does_not_know_are_not_certified():
    x = sk.scalar("x")
    d = sk.Dynamics({x: -sk.atan(x)}, {x: 1}, hamiltonian=x * sk.atan(x) - sk.log(1 + x**2) / 2)
    found = recheck(sk.certify(d))
    assert (found.verdict, found.rejected) == (None, None)


def test_the_checker_is_a_program_of_the_standard_library_alone(tmp_path):
    path, other = tmp_path / "sgnht.json", tmp_path / "langevin.json"
    path.write_text(json.dumps(content("sgnht")))
    other.write_text(json.dumps(content("langevin")))
    program = [sys.executable, "-E", "-s", "-S", str(FOLDER / "check.py"), str(path)]
    run = subprocess.run(program, capture_output=True, text=True)
    assert (run.returncode, run.stdout.splitlines()[-1]) == (0, "CERTIFIED: proved")
    run = subprocess.run([*program, str(other)], capture_output=True, text=True)
    assert (run.returncode, run.stdout[:9]) == (1, "REJECTED:")
    files = sorted(p.name for p in FOLDER.glob("*.py") if p.name != "__init__.py")
    assert files == ["check.py", "declared_model.py", "index_ring.py", "kernel_steps.py"]


def test_a_dynamics_is_certified_in_one_call(tmp_path):
    path = tmp_path / "sgnht.json"
    written = sk.certify(sgnht, path=path)
    assert json.loads(json.dumps(written)) == read_certificate(path)
    assert json.loads(json.dumps(certificate(sgnht, sk.verify(sgnht)))) == read_certificate(path)
    assert check_file(path, sgnht).verdict == "proved"
    assert recheck(sk.certify(sgnht, 2)).verdict == "proved"
    assert sk.certify(sgnht, 2)["claim"]["sizes"] == {"n": 2}


def test_a_certificate_that_the_checker_cannot_read_is_one_clear_error(tmp_path):
    path = tmp_path / "broken.json"
    write_certificate(path, {**content("sgnht"), "model": {}})
    with pytest.raises(VerificationError, match="no usable certificate"):
        check_file(path)


def test_models_on_joint_domains_have_no_certificate():
    x = sk.vector("x", sk.dim("n"), domain="ordered")
    d = sk.Dynamics({x: -x}, {x: sk.eye(sk.dim("n"))}, hamiltonian=sk.dot(x, x) / 2)
    with pytest.raises(VerificationError, match="certificates do not cover"):
        model_tree(d)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": 2}', '{"format": 9, "model": 1, "claim": 1}']
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


def test_the_command_line_writes_the_theorem(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "sdekit", "verify", "sgnht", "--coq", str(tmp_path / "sgnht.v")],
        capture_output=True,
        text=True,
        cwd=FOLDER.parents[2],
    )
    assert run.returncode == 0, run.stderr
    assert "Theorem sgnht" in (tmp_path / "sgnht.v").read_text()
    assert (tmp_path / "Sdekit.v").exists()


def test_coq_text_is_refused_for_kernels():
    x = sk.scalar("x")
    d = sk.Dynamics({x: -sk.tanh(x)}, {x: 1}, hamiltonian=sk.log(sk.cosh(x)))
    with pytest.raises(VerificationError, match="rational expressions only"):
        coq_theorem(d.at(), "logcosh")
