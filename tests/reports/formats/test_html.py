"""Every formula of every report converts to MathML, and the file needs nothing but itself."""

import re
import xml.etree.ElementTree
from html.parser import HTMLParser

import pytest

import sdekit as sk
from sdekit.declaration.text.latex import dynamics_lines
from sdekit.reports.formats.document import (
    Derivation,
    Document,
    Figure,
    Formula,
    Items,
    Listing,
    Paragraph,
    Section,
    Step,
    Table,
    Verdict,
    split_formulas,
)
from sdekit.reports.formats.drawing import Drawing
from sdekit.reports.formats.html import html_text, mathml, render_html, write_html
from sdekit.reports.formats.markdown import write_markdown
from sdekit.reports.formats.tex import tex_text, write_tex

PNG = b"\x89PNG\r\n\x1a\n not a real image"
DOCUMENT = Document(
    title="A < B & C",
    subtitle="Somebody 2020, eq. (1)_a",
    sections=(
        Section(
            "One of each, with $x^2$",
            (
                Paragraph("Text with $\\xi$ and 50 % of <b>nothing</b> & more * stars *."),
                Formula(r"\frac{1}{2}", "1"),
                Derivation((Step("a", "b"), Step("c", "d|e", "since $f$", is_result=True))),
                Table(("k", "v"), (("$y$", "proved"), ("a|b", "refuted")), verdict_column=1),
                Items(("one", "two $z$")),
                Verdict("proved", "It holds for all $n$."),
                Figure(
                    Drawing('<svg viewBox="0 0 1 1"></svg>', PNG),
                    "A caption with $U$.",
                    "A picture",
                ),
                Listing('x = "1 < 2"'),
            ),
        ),
    ),
    footer="made by a test",
)


class Balance(HTMLParser):
    """Whether every element that is opened is closed, in order."""

    VOID = frozenset({"meta", "img", "br", "hr", "link", "mspace"})

    def __init__(self):
        super().__init__()
        self.open, self.faults = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


def leftovers(markup):
    """LaTeX that the converter did not understand."""
    return re.findall(r"\\[A-Za-z]+", re.sub(r"<[^>]*>", "", markup))


@pytest.mark.parametrize("name", sk.catalog.names(plain=False))
def test_every_formula_of_a_triple_converts(name):
    for left, right in dynamics_lines(sk.catalog.get(name)):
        assert leftovers(mathml(left)) == []
        assert leftovers(mathml(right, display=True)) == []


def test_an_unknown_command_is_seen():
    """Twin: a command that the converter does not know would show as text."""
    assert leftovers(mathml(r"\nosuchcommand x")) != []


def test_the_html_is_balanced_and_self_contained():
    text = render_html(DOCUMENT)
    balance = Balance()
    balance.feed(text)
    assert balance.open == [] and balance.faults == []
    assert "<script" not in text
    assert not re.search(r'(?:src|href)="(?!data:|#)', text)
    assert "@import" not in text and "url(" not in text


def test_text_of_users_is_escaped():
    text = render_html(DOCUMENT)
    assert "<b>" not in text
    assert "&lt;b&gt;nothing&lt;/b&gt;" in text
    assert "<title>A &lt; B &amp; C</title>" in text
    assert html_text("<script>$x$").startswith("&lt;script&gt;<math")


def test_verdicts_are_marked():
    text = render_html(DOCUMENT)
    assert '<span class="verdict proved">proved</span>' in text
    assert '<span class="verdict refuted">refuted</span>' in text


def test_all_formats_write_one_of_each_block(tmp_path):
    for write, name in (
        (write_html, "r.html"),
        (write_tex, "r.tex"),
        (write_markdown, "r.md"),
    ):
        write(DOCUMENT, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 400
    tex = (tmp_path / "r.tex").read_text()
    assert (tmp_path / "r-1.png").read_bytes() == PNG
    assert r"\includegraphics[width=\linewidth]{r-1.png}" in tex
    assert tex.count(r"\begin") == tex.count(r"\end")
    markdown = (tmp_path / "r.md").read_text()
    assert markdown.count("$") % 2 == 0
    assert all(line.count("|") >= 3 for line in markdown.splitlines() if line.startswith("|"))


def test_bars_of_norms_survive_in_tables_of_markdown(tmp_path):
    block = Table(("a",), ((r"$\left\|p\right\|^{2}$ and a|b",),))
    write_markdown(Document("t", "", (Section("s", (block,)),)), tmp_path / "r.md")
    text = (tmp_path / "r.md").read_text()
    assert r"$\left\Vert p\right\Vert ^{2}$ and a\|b" in text


def test_tex_escapes_what_latex_would_read():
    assert tex_text("50% of a_b & {c} $x_1$") == r"50\% of a\_b \& \{c\} $x_1$"


def test_pieces_of_text_come_back_in_order():
    assert list(split_formulas("a $b$ c")) == [(False, "a "), (True, "b"), (False, " c")]


@pytest.mark.parametrize("write", [write_html, write_tex, write_markdown])
def test_an_unknown_block_is_refused(write, tmp_path):
    """Twin: a block that a format does not know is no silent gap."""
    document = Document("t", "", (Section("s", (object(),)),))
    with pytest.raises(TypeError, match="object"):
        write(document, tmp_path / "x")


def test_aligned_lines_become_rows_and_no_ampersand_is_shown():
    lines = sk.catalog.get("sgnht").latex()
    assert lines.count(r"\\") == 5
    formula = mathml(lines, display=True)
    assert formula.count("<mtr>") == 6
    assert "<mi>&</mi>" not in formula
    xml.etree.ElementTree.fromstring(formula)
