"""Theorems of Coq about functions: coqc accepts those of true models and no altered one."""

import re
import shutil
import subprocess

import pytest

import sdekit as sk
from sdekit.certificates.coq import coq_theorem_all_sizes, write_library, write_theorem
from sdekit.errors import VerificationError

needs_coq = pytest.mark.skipif(
    shutil.which("coqc") is None, reason="coqc (Debian package coq) is not installed"
)
#: What the real numbers of Coq's standard library rest on.
AXIOMS = {
    "ClassicalDedekindReals.sig_forall_dec",
    "ClassicalDedekindReals.sig_not_dec",
    "FunctionalExtensionality.functional_extensionality_dep",
    "Classical_Prop.classic",
}


def compiled(folder, name):
    return subprocess.run(["coqc", "-q", name], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("coq")
    write_library(folder)
    done = compiled(folder, "Sdekit.v")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def thermostat():
    return coq_theorem_all_sizes(sk.catalog.get("sgnht"), "sgnht")


def is_accepted(text, folder, name):
    (folder / f"{name}.v").write_text(text)
    return compiled(folder, f"{name}.v").returncode == 0


@needs_coq
def test_the_theorem_about_sgnht_rests_on_the_real_numbers_alone(library, thermostat):
    (library / "sgnht.v").write_text(thermostat + "Print Assumptions sgnht_fokker_planck.\n")
    done = compiled(library, "sgnht.v")
    assert done.returncode == 0, done.stderr
    found = set(re.findall(r"^([A-Z]\w*(?:\.\w+)+)", done.stdout, flags=re.MULTILINE))
    assert found
    assert found <= AXIOMS


@needs_coq
@pytest.mark.parametrize("name", ["sgld", "sgrld"])
def test_coq_accepts_a_theorem_for_every_n(name, library):
    text = coq_theorem_all_sizes(sk.catalog.get(name), name)
    assert is_accepted(text, library, name), name


ALTERED = {
    "sign of the friction": ("- z xi * z (p i", "+ z xi * z (p i"),
    "size of the noise": ("=> A * delta", "=> 2 * A * delta"),
}


@needs_coq
@pytest.mark.parametrize("what", ALTERED)
def test_coq_rejects_an_altered_file(what, library, thermostat):
    before, after = ALTERED[what]
    assert thermostat.count(before) == 1
    assert not is_accepted(thermostat.replace(before, after), library, "altered")


@needs_coq
def test_coq_rejects_a_model_whose_data_are_altered_with_its_formulas(library, thermostat):
    # Formula and data agree here, so it is the identity itself that fails.
    found = re.search(r"Definition diffusion .*?end\.", thermostat, flags=re.DOTALL)
    assert found is not None
    text = thermostat.replace("=> A * delta", "=> 2 * A * delta")
    text = text.replace("Mul (Num A) (Delta", "Mul (Mul (Num 2) (Num A)) (Delta")
    assert not is_accepted(text, library, "altered_twice")


def test_no_theorem_is_written_about_a_refuted_model(tmp_path):
    with pytest.raises(VerificationError, match="not seen to solve"):
        write_theorem(tmp_path / "wrong.v", sk.catalog.get("sgnht-sign"), None)
    assert not (tmp_path / "wrong.v").exists()


def test_the_library_and_the_files_admit_nothing(thermostat, tmp_path):
    texts = [write_library(tmp_path).read_text(), thermostat]
    for text in texts:
        assert not re.search(r"\b(Admitted|admit|Axiom|Parameter|Conjecture|Abort)\b", text)


def test_the_statement_needs_no_comment(thermostat):
    assert "(*" not in thermostat


def test_the_file_is_about_functions_and_sums(thermostat):
    assert "Variable U : (nat -> R) -> R." in thermostat
    assert "derivable_pt_lim (fun t => U (replace x0 i0 t)) (x0 i0) (U_theta i0 x0)." in thermostat
    assert "fokker_planck blocks domain drift diffusion (fun z => exp (- energy z))" in thermostat


def test_symbols_of_the_model_hide_no_word_of_coq():
    n = sk.dim("n")
    S = sk.vector("S", n)
    fun = sk.parameter("fun", positive=True)
    x0 = sk.parameter("x0", n)
    energy = fun * sk.dot(S - x0, S - x0) / 2
    d = sk.Dynamics({S: -fun * (S - x0)}, {S: sk.eye(n)}, hamiltonian=energy)
    text = coq_theorem_all_sizes(d, "words")
    assert "Variable fun_ : R." in text
    assert "Variable x0_ : nat -> R." in text
    assert "Notation S_ i := " in text


def test_a_matrix_with_tied_entries_gets_no_theorem():
    with pytest.raises(VerificationError, match="tied to each other"):
        coq_theorem_all_sizes(sk.catalog.get("sgnht-matrix-symmetric"), "matrix")


def test_a_matrix_beside_its_inverse_gets_no_theorem():
    with pytest.raises(VerificationError, match="its inverse"):
        coq_theorem_all_sizes(sk.catalog.get("adaptive-langevin"), "mass")


def test_a_diffusion_divided_by_a_sum_gets_no_theorem():
    """D = p p^T / |p|^2 needs |p|^2 / |p|^2 = 1 (Bussi, Donadio and Parrinello 2007)."""
    n = sk.dim("n")
    p = sk.vector("p", n)
    square = sk.dot(p, p)
    d = sk.Dynamics(
        {p: (n - 1) * p / square - p}, {p: sk.outer(p, p) / square}, hamiltonian=square / 2
    )
    with pytest.raises(VerificationError, match="divided by a sum"):
        coq_theorem_all_sizes(d, "rescaling")


@needs_coq
def test_inverse_exponentials_and_constants_below_sums_are_seen(library):
    """exp(x) exp(-x) = 1 on the funnel; the -1 of (x_i^2 - 1)^2 is summed n times."""
    v, x, n = sk.scalar("v"), sk.scalar("x"), sk.dim("n")
    H = v**2 / 2 + v / 2 + x**2 * sk.exp(-v) / 2
    funnel = sk.Dynamics({v: -sk.grad(H, v), x: -x}, {v: 1, x: sk.exp(v)}, hamiltonian=H)
    assert is_accepted(coq_theorem_all_sizes(funnel, "funnel"), library, "funnel")
    z = sk.vector("z", n)
    well = sk.dot(z**2 - sk.ones(n), z**2 - sk.ones(n)) / 4
    wells = sk.Dynamics({z: z - z**3}, {z: sk.eye(n)}, hamiltonian=well)
    assert is_accepted(coq_theorem_all_sizes(wells, "wells"), library, "wells")
    wrong = coq_theorem_all_sizes(funnel, "wrong").replace("=> exp (z v)", "=> 2 * exp (z v)")
    assert not is_accepted(wrong, library, "wrong")


def test_an_identity_between_sine_and_cosine_gets_no_theorem():
    x = sk.scalar("x")
    one = sk.sin(x) ** 2 + sk.cos(x) ** 2
    d = sk.Dynamics({x: -x}, {x: one}, hamiltonian=x**2 / 2)
    with pytest.raises(VerificationError, match=r"sin\^2"):
        coq_theorem_all_sizes(d, "circle")


def test_the_domain_keeps_out_poles_and_nothing_that_is_positive_at_a_glance():
    r = sk.scalar("r")
    repelling = sk.Dynamics({r: 1 / r - r}, {r: 1}, hamiltonian=r**2 / 2 - sk.log(r**2) / 2)
    text = coq_theorem_all_sizes(repelling, "pole")
    assert "(z r <> 0)" in text
    assert "(0 < (z r) ^ 2)" in text
    relativistic = coq_theorem_all_sizes(sk.catalog.get("langevin-relativistic"), "fast")
    assert "Definition domain (z : state) : Prop :=\n  True." in relativistic


def test_the_library_and_a_theorem_have_different_names(tmp_path):
    with pytest.raises(VerificationError, match="name of its library"):
        write_theorem(tmp_path / "Sdekit.v", sk.catalog.get("sgnht"), None)
