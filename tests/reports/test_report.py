"""Reports of catalogue entries: complete, readable, and in every format."""

import re

import pytest

import sdekit as sk
from sdekit.declaration.text.latex import rate_latex
from sdekit.errors import SdekitError, SimulationError
from sdekit.kernels.kernel_file import loads
from sdekit.reports.chapters.dynamics_sections import experiment_section
from sdekit.reports.chapters.formulas import compact_terms, formula_of, tensor_formula
from sdekit.reports.experiment import Experiment, Panel, figure_of
from sdekit.reports.formats.document import Listing
from sdekit.reports.formats.html import render_html
from sdekit.reports.results import results_of
from sdekit.reports.write import document_of, write_report

#: A thermostat, a metric, two refuted ones, scalars with a circle, and one without a law.
NAMES = ("sgnht", "sgrld", "sgnht-mass", "sghmc-tempered-target", "mclmc-2d",
         "stochastic-gradient-flow")  # fmt: skip


@pytest.fixture(scope="module", params=NAMES)
def results(request):
    return results_of(sk.catalog.get(request.param), experiment=False, steps=1)


SECOND_DERIVATIVE = r"\partial_{\theta_{j}} \partial_{\theta_{i}} U(\theta)"


def headings(document):
    return [section.heading for section in document.sections]


def test_every_formula_of_a_report_converts(results):
    text = render_html(document_of(results))
    assert re.findall(r"\\[A-Za-z]+", re.sub(r"<[^>]*>", "", text)) == []


def test_a_report_has_the_sections_that_its_results_call_for(results):
    found = headings(document_of(results))
    assert found[:2] == ["The dynamics", "Verdict"]
    has_law = results.dynamics.hamiltonian is not None
    assert ("Stationarity, line by line" in found) == has_law
    assert ("Why it fails" in found) == (results.verification.verdict.value == "refuted")
    assert "Splitting" in found and found[-1] == "Model file"


def test_the_model_file_of_a_report_is_the_dynamics(results):
    listing = document_of(results).sections[-1].blocks[-1]
    assert isinstance(listing, Listing)
    assert loads(listing.text) == results.dynamics


@pytest.mark.parametrize("suffix", [".html", ".tex", ".md"])
def test_a_report_is_written_in_the_format_of_its_name(suffix, results, tmp_path):
    path = write_report(results, tmp_path / f"report{suffix}")
    text = path.read_text(encoding="utf-8")
    assert results.verification.verdict.value in text.lower()
    assert "None" not in text


def test_a_report_of_a_refuted_design_shows_what_is_left_over_and_where():
    results = results_of(sk.catalog.get("sgnht-mass"), experiment=False, steps=1)
    text = render_html(document_of(results))
    assert "What should be zero is" in text
    assert "An exact counterexample" in text
    assert "Collected by what depends on the state" in text


def test_a_report_of_a_design_that_a_small_change_mends_shows_it_mended():
    results = results_of(sk.catalog.get("sghmc-unmatched"), experiment=False, steps=1)
    assert results.repairs
    assert sk.verify(results.repairs[0].dynamics).verdict.value == "proved"
    assert "A small change mends it" in render_html(document_of(results))


def test_what_a_proved_dynamics_lacks_is_told_with_its_evidence():
    results = results_of(sk.catalog.get("hamiltonian"), experiment=False, steps=1)
    found = headings(document_of(results))
    assert "What it does not have" in found and "Why it fails" not in found


def test_a_report_is_one_call_by_name_or_by_declaration(tmp_path):
    by_name = sk.report("langevin", tmp_path / "name.md")
    declared = sk.report(sk.catalog.get("langevin"), str(tmp_path / "declared.md"))
    assert by_name.read_text(encoding="utf-8") == declared.read_text(encoding="utf-8")
    with pytest.raises(sk.SdekitError, match="unknown format"):
        sk.report("langevin", tmp_path / "name.pdf")


def test_an_unknown_format_and_a_missing_folder_are_refused(results, tmp_path):
    with pytest.raises(SdekitError, match="unknown format"):
        write_report(results, tmp_path / "report.pdf")
    with pytest.raises(SdekitError, match="does not exist"):
        write_report(results, tmp_path / "nowhere" / "report.html")


def test_an_experiment_is_refused_where_it_does_not_belong():
    with pytest.raises(SimulationError, match="scalar thermostat"):
        results_of(sk.catalog.get("langevin"), experiment=True, steps=1)


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("2*A*n - 2*n*xi", r"2 \, A \, n - 2 \, n \, \xi"),
        ("p[i]*xi", r"{p}_{i} \, \xi"),
        ("grad(U(theta), theta)[i]", r"\partial_{\theta_{i}} U(\theta)"),
        ("sum(p[i]*p[i]) - n", r"\sum_{i} {p}_{i} \, {p}_{i} - n"),
        ("grad(grad(U(theta), theta), theta)[i,j]", SECOND_DERIVATIVE),
        ("no formula at all", None),
        ("p[i", None),
        ("p[i,j]", None),
    ],
)  # fmt: skip
def test_texts_of_results_become_formulas(text, latex):
    assert formula_of(text, sk.catalog.get("sgnht")) == latex


def test_a_vector_prints_as_a_vector_and_other_tensors_by_their_entries():
    model = sk.catalog.get("langevin-mass")
    p = model.variables[1]
    assert tensor_formula("2*p[i]", p, model) == (r"2 \, p", False)
    formula, has_indices = tensor_formula("p[j]*inv(M)[i,j]", p, model)
    assert has_indices and r"_{i j}" in formula


def test_primes_keep_their_powers():
    assert compact_terms("U'**2*p - U^(4)/2") == [r"{U'}^{2} \, p", "- U^{(4)}/2"]


def panel(title):
    return Panel(title, (0.0, 1.0, 2.0), (0.25, 0.75), 0.5, 0.01, 0.5, (("$x$", "1"),))


def test_an_experiment_has_a_figure_a_table_and_its_findings():
    experiment = Experiment(
        "An experiment", "What was done.", (0.0, 1.0, 2.0), (0.1, 0.4, 0.1),
        tuple(panel(f"run {k}") for k in range(3)), ("It worked.",), 0,
    )  # fmt: skip
    assert figure_of(experiment).png.startswith(b"\x89PNG")
    assert figure_of(experiment) == figure_of(experiment)
    section = experiment_section(experiment)
    assert [type(block).__name__ for block in section.blocks] == [
        "Paragraph", "Figure", "Table", "Paragraph", "Items",
    ]  # fmt: skip


def test_a_rate_of_several_terms_stands_in_brackets_before_dt():
    q, v = sk.scalar("q"), sk.scalar("v")
    rates = {v: -q - 2 * v, q: v * (q + 1)}
    shown = {x: rate_latex(sk.Dynamics(rates).drift[x]) for x in rates}
    assert shown[v] == r"\left(-q - 2 \, v\right)"
    assert not shown[q].startswith(r"\left(-") and shown[q].count(r"\left(") == 1


def test_a_step_size_is_stated_only_beside_a_limit_of_stability(tmp_path):
    """SGNHT is not linear, so no limit is known; Langevin dynamics has one."""
    texts = {}
    for name in ("sgnht", "langevin"):
        results = results_of(sk.catalog.get(name), experiment=False, steps=1)
        texts[name] = write_report(results, tmp_path / f"{name}.md").read_text("utf-8")
        assert "Fokker-Planck" in texts[name]
    assert "none stated" in texts["sgnht"]
    assert "none stated" not in texts["langevin"]
