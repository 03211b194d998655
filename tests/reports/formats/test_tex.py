"""LaTeX of a report: lines of a derivation that are wider than the page are broken."""

import re
import shutil
import subprocess

import pytest

from sdekit.reports.formats.document import Derivation, Document, Section, Step, Table
from sdekit.reports.formats.tex import write_tex

TEX = shutil.which("pdflatex")
LONG = (
    r"\left(" + " + ".join(rf"\left\|\theta_{{{k}}}\right\|^{{2}}" for k in range(30)) + r"\right)"
)


def text_of(folder):
    """A derivation with a short and a long line, and a table with the long formula."""
    steps = (
        Step("v", "p"), Step(r"\nabla \cdot v", LONG, reason="product rule", status="proved"),
        Step("w", rf"\frac{{{LONG}}}{{2}}"),
    )  # fmt: skip
    table = Table(("what", "is"), ((rf"$x \leftarrow {LONG}$", "a flow"),))
    path = folder / "long.tex"
    write_tex(Document("Long", "", (Section("Lines", (Derivation(steps), table)),)), path)
    return path


def overfull(path):
    """How many points each line is too wide, as a stock TeX says."""
    done = subprocess.run(
        [str(TEX), "-interaction=nonstopmode", path.name],
        cwd=path.parent, capture_output=True, text=True, errors="replace", timeout=60, check=True,
    )  # fmt: skip
    return [float(points) for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", done.stdout)]


def test_a_long_formula_has_a_form_that_can_be_broken_and_arrows_stay_arrows(tmp_path):
    text = text_of(tmp_path).read_text(encoding="utf-8")
    assert rf"\fitted{{= {LONG}}}" in text and r"\bigl\|\theta_{29}\bigr\|" in text
    assert r"x \leftarrow \bigl(" in text and "bigl arrow" not in text
    assert rf"\shrunk{{= \frac{{{LONG}}}{{2}}}}" in text, "a fraction has no place for a break"


@pytest.mark.skipif(TEX is None, reason="TeX is not installed")
def test_no_line_is_wider_than_the_page(tmp_path):
    """Twin: the same formulas with brackets that cannot be broken are too wide."""
    path = text_of(tmp_path)
    assert overfull(path) == []
    stiff = path.read_text(encoding="utf-8").replace("bigl", "left").replace("bigr", "right")
    path.write_text(stiff, encoding="utf-8")
    assert max(overfull(path)) > 100
