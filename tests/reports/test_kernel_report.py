"""Reports of Markov kernels: steps, verdicts, letters, and the kernel itself."""

import re

import pytest

import sdekit as sk
from sdekit.kernels.kernel_file import published_kernel
from sdekit.reports.formats.html import render_html
from sdekit.reports.kernel_report import kernel_document

#: A proved one, noise, an implicit rule, a map, a mistake, and one whose noise counts.
NAMES = ("hmc", "malt", "rhmc-midpoint", "dilation", "hmc-temperature", "malt-counts-noise")


@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_has_a_report_whose_formulas_convert(name):
    kernel = published_kernel(name)
    document = kernel_document(kernel, sk.verify(kernel))
    headings = [section.heading for section in document.sections]
    assert headings[:2] == ["The kernel", "Verdict"] and headings[-1] == "Model file"
    assert ("Why it fails" in headings) == (sk.verify(kernel).verdict == "refuted")
    shown = re.sub(r"<pre>.*?</pre>|<[^>]*>", "", render_html(document), flags=re.DOTALL)
    assert re.findall(r"\\[A-Za-z]+", shown) == []


@pytest.mark.parametrize("suffix", [".html", ".md", ".tex"])
def test_the_report_of_a_kernel_gives_it_back(suffix, tmp_path):
    path = sk.report("hmc", tmp_path / f"hmc{suffix}")
    assert sk.load(path) == published_kernel("hmc")


def test_a_kernel_built_in_python_is_reported_too(tmp_path):
    dynamics = sk.catalog.get("hamiltonian")
    kernel = sk.kernels.hmc(dynamics, scheme="BAB", steps=3)
    text = sk.report(kernel, tmp_path / "k.md").read_text("utf-8")
    assert "**PROVED.**" in text and "metropolis" in text
    with pytest.raises(sk.SdekitError, match="no experiment"):
        sk.report(kernel, tmp_path / "k.md", experiment=True)


def test_a_refutation_tells_the_move_and_what_flows(tmp_path):
    text = sk.report("hmc-half-step", tmp_path / "k.md").read_text("utf-8")
    for row in ("| state |", "| proposal |", "flowing to the proposal", "flowing from it"):
        assert row in text
    assert "at these points only" in text and "rho v" not in text
    # Twin: paths are summed where U is harmonic everywhere, not at points.
    text = sk.report("malt-counts-noise", tmp_path / "k.md").read_text("utf-8")
    assert "independent standard normals" in text and "at these points only" not in text


def test_a_path_with_noise_is_not_called_an_identity():
    found = sk.verify(published_kernel("malt")).checks["involution"]
    assert "O is as likely backwards as forwards" in found.reason
    assert "identity" not in found.reason
