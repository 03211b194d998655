"""A document as LaTeX: one file of class article, figures beside it.

Not for what the document says (`sections`).
"""

from __future__ import annotations

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
\setlength{\parindent}{0pt}\setlength{\parskip}{0.6em}
"""
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


def tex_text(text: str) -> str:
    """Running text with its formulas, everything else escaped."""
    return "".join(
        f"${piece}$" if is_formula else _with_code(piece)
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
    rows = []
    for step in block.steps:
        rule = r"\midrule " if step.is_result else ""
        mark = r"$\triangleright$ " if step.is_changed else ""
        told = ", ".join(
            filter(None, (tex_text(step.reason), rf"\textit{{{step.status}}}" * bool(step.status)))
        )
        value = rf"\displaystyle {step.joins} {step.value}"
        rows.append(rf"{rule}{mark}$\displaystyle {step.term}$ & ${value}$ & {told} \\[0.4em]")
    head = r"\begin{longtable}{@{}r@{\ }l>{\raggedright\arraybackslash}p{4.5cm}@{}}"
    lines = [head, *rows, r"\end{longtable}"]
    if block.command:
        lines.append(rf"{{\small Check again: \texttt{{{tex_text(block.command)}}}}}")
    return "\n".join(lines)


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
