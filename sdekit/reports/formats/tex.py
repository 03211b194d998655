"""A document as LaTeX: one file of class article, figures beside it.

Not for what the document says (`sections`).
"""

from __future__ import annotations

import re
from functools import singledispatch
from pathlib import Path

from sdekit.reports.formats.document import (
    Derivation,
    Document,
    Figure,
    Formula,
    Items,
    Listing,
    Paragraph,
    Section,
    Table,
    Verdict,
    split_code,
    split_formulas,
)
from sdekit.reports.formats.drawing import FigureFiles

_PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[margin=2.5cm]{geometry}
\usepackage{amsmath,amssymb,booktabs,graphicx,longtable,array}
\setlength{\parindent}{0pt}\setlength{\parskip}{0.6em}\emergencystretch=6em
% A formula of a derivation that is wider than its column is broken: \fitted{as it is}{breakable}.
\newlength{\termwidth}\newlength{\valuewidth}
\newcommand{\widest}[1]{\settowidth{\valuewidth}{#1}%
  \ifdim\valuewidth>\termwidth\setlength{\termwidth}{\valuewidth}\fi}
\newcommand{\fitted}[2]{\sbox0{$\displaystyle #1$}\ifdim\wd0>\valuewidth
  \parbox[t]{\valuewidth}{\raggedright\hangindent=1.5em$\displaystyle #2$}\else\usebox0\fi}
\newcommand{\shrunk}[1]{\sbox0{$\displaystyle #1$}\ifdim\wd0>\valuewidth
  \resizebox{\valuewidth}{!}{\usebox0}\else\usebox0\fi}
"""
#: Characters of a formula of running text that may have to be broken.
_LONG = 60
#: Characters of a fraction, or what else stands between braces, that fit into a line.
_SOLID = 220
#: Width of the column of reasons for its longest entry, and at most, in cm.
_PER_LETTER, _MOST_REASON = 0.2, 4.5
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}
# Greek letters of symbols in running text, which the fonts of a stock TeX do not have.
_ESCAPES |= {
    letter: rf"\ensuremath{{\{name}}}"
    for letter, name in zip(
        "αβγδεζηθικλμνξπρστυφχψω",
        "alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma "
        "tau upsilon varphi chi psi omega".split(),
        strict=True,
    )
}


def tex_text(text: str) -> str:
    """Running text with its formulas, everything else escaped."""
    return "".join(
        f"${_breakable(piece) if len(piece) > _LONG else piece}$"
        if is_formula
        else _with_code(piece)
        for is_formula, piece in split_formulas(text)
    )


def _with_code(text: str) -> str:
    pieces = (
        (is_code, "".join(_ESCAPES.get(c, c) for c in piece)) for is_code, piece in split_code(text)
    )
    return "".join(rf"\texttt{{{piece}}}" if is_code else piece for is_code, piece in pieces)


def write_tex(document: Document, path: Path) -> None:
    """Write the document; figures become PNG files beside it, named after it."""
    figures = FigureFiles(path)
    body = "\n\n".join(_section(section, figures) for section in document.sections)
    lines = [
        _PREAMBLE,
        rf"\title{{{tex_text(document.title)}}}",
        rf"\author{{{tex_text(document.subtitle)}}}",
        r"\date{}",
        r"\begin{document}",
        r"\maketitle",
        body,
        rf"\vfill\footnotesize {tex_text(document.footer)}",
        r"\end{document}",
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _section(section: Section, figures: FigureFiles) -> str:
    blocks = (_block(block, figures) for block in section.blocks)
    return "\n\n".join([rf"\section*{{{tex_text(section.heading)}}}", *blocks])


@singledispatch
def _block(block: object, figures: FigureFiles) -> str:
    raise TypeError(f"no LaTeX for {type(block).__name__}")


@_block.register
def _(block: Paragraph, figures: FigureFiles) -> str:
    return tex_text(block.text)


@_block.register
def _(block: Formula, figures: FigureFiles) -> str:
    tag = rf" \tag{{{tex_text(block.label)}}}" if block.label else ""
    return rf"\begin{{equation*}} {block.latex}{tag} \end{{equation*}}"


@_block.register
def _(block: Derivation, figures: FigureFiles) -> str:
    rows, terms, letters = [], [], 0
    for step in block.steps:
        term = (r"$\triangleright$ " if step.is_changed else "") + rf"$\displaystyle {step.term}$"
        told = ", ".join(
            filter(None, (tex_text(step.reason), rf"\textit{{{step.status}}}" * bool(step.status)))
        )
        letters = max(letters, len(step.reason) + len(step.status))
        value = f"{step.joins} {step.value}"
        rule = r"\midrule " if step.is_result else ""
        rows.append(rf"{rule}{term} & {_fitting(value)} & {told} \\[0.4em]")
        terms.append(rf"\widest{{{term}}}")
    reason = f"{min(_PER_LETTER * letters + 0.1, _MOST_REASON):.1f}cm"
    head = (
        rf"\begin{{longtable}}{{@{{}}r@{{\ }}l>{{\raggedright\arraybackslash}}p{{{reason}}}@{{}}}}"
    )
    widths = [
        r"\setlength{\termwidth}{0pt}", *dict.fromkeys(terms),
        rf"\setlength{{\valuewidth}}{{\dimexpr\linewidth-\termwidth-{reason}-18pt}}",
    ]  # fmt: skip
    lines = ["%\n".join([*widths, head]), *rows, r"\end{longtable}"]
    if block.command:
        lines.append(rf"{{\small Check again: \texttt{{{tex_text(block.command)}}}}}")
    return "\n".join(lines)


def _fitting(value: str) -> str:
    """A line of a derivation, to be broken where it is too wide, or shrunk where it has no place.

    TeX breaks between terms, but not within a fraction or under a brace.
    """
    within, depth, most = 0, 0, 0
    for sign in value:
        depth += {"{": 1, "}": -1}.get(sign, 0)
        within = within + 1 if depth else 0
        most = max(most, within)
    if most > _SOLID:
        return rf"\shrunk{{{value}}}"
    return rf"\fitted{{{value}}}{{{_breakable(value)}}}"


def _breakable(latex: str) -> str:
    """The formula with brackets of one size, between which TeX may break a line."""
    return re.sub(r"\\(left|right)(?![a-zA-Z])", lambda side: rf"\big{side[1][0]}", latex)


@_block.register
def _(block: Table, figures: FigureFiles) -> str:
    width = f"{0.9 / len(block.headings):.3f}\\linewidth"
    columns = r">{\raggedright\arraybackslash}p{" + width + "}"
    lines = [rf"\begin{{longtable}}{{@{{}}{columns * len(block.headings)}@{{}}}}", r"\toprule"]
    lines.append(" & ".join(tex_text(cell) for cell in block.headings) + r" \\ \midrule")
    lines += [" & ".join(tex_text(cell) for cell in row) + r" \\" for row in block.rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{longtable}"])


@_block.register
def _(block: Items, figures: FigureFiles) -> str:
    items = (rf"\item {tex_text(item)}" for item in block.items)
    return "\n".join([r"\begin{itemize}", *items, r"\end{itemize}"])


@_block.register
def _(block: Verdict, figures: FigureFiles) -> str:
    return rf"\fbox{{\textbf{{{block.verdict.upper()}}}}}\quad {tex_text(block.text)}"


@_block.register
def _(block: Figure, figures: FigureFiles) -> str:
    name = figures.add(block.drawing.png)
    return "\n".join(
        [
            r"\begin{center}",
            rf"\includegraphics[width=\linewidth]{{{name}}}",
            "",
            rf"\small {tex_text(block.caption)}",
            r"\end{center}",
        ]
    )


@_block.register
def _(block: Listing, figures: FigureFiles) -> str:
    # A string of a model that would close the listing gets its bracket as TOML's own escape.
    text = block.text.replace(r"\end{verbatim}", r"\end\u007bverbatim}")
    return "\\begin{verbatim}\n" + text + "\n\\end{verbatim}"
