"""A document as Markdown with formulas between dollar signs; figures lie beside it.

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
    split_formulas,
)
from sdekit.reports.formats.drawing import FigureFiles


def markdown_text(text: str) -> str:
    """Running text with its formulas, characters of Markdown escaped elsewhere."""
    return "".join(
        f"${piece}$" if is_formula else _escaped(piece)
        for is_formula, piece in split_formulas(text)
    )


def _escaped(text: str) -> str:
    return text.replace("*", r"\*").replace("<", r"\<")


def _cell(text: str) -> str:
    """Text of a table; a bar would end the cell."""
    return "".join(
        _math_cell(piece) if is_formula else _escaped(piece).replace("|", r"\|")
        for is_formula, piece in split_formulas(text)
    )


def _math_cell(latex: str) -> str:
    # The same signs without a bar in their names.
    return latex and "$" + latex.replace(r"\|", r"\Vert ").replace("|", r"\vert ") + "$"


def write_markdown(document: Document, path: Path) -> None:
    """Write the document; figures become PNG files beside it, named after it."""
    parts = [f"# {markdown_text(document.title)}"]
    if document.subtitle:
        parts.append(f"*{markdown_text(document.subtitle)}*")
    figures = FigureFiles(path)
    parts += [_section(section, figures) for section in document.sections]
    if document.footer:
        parts.append(f"---\n\n{markdown_text(document.footer)}")
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _section(section: Section, figures: FigureFiles) -> str:
    blocks = (_block(block, figures) for block in section.blocks)
    return "\n\n".join([f"## {markdown_text(section.heading)}", *blocks])


@singledispatch
def _block(block: object, figures: FigureFiles) -> str:
    raise TypeError(f"no Markdown for {type(block).__name__}")


@_block.register
def _(block: Paragraph, figures: FigureFiles) -> str:
    return markdown_text(block.text)


@_block.register
def _(block: Formula, figures: FigureFiles) -> str:
    tag = rf" \tag{{{block.label}}}" if block.label else ""
    return f"$$\n{block.latex}{tag}\n$$"


@_block.register
def _(block: Derivation, figures: FigureFiles) -> str:
    known = any(step.status for step in block.steps)
    headings = ("term", "", "because", "status")[: 4 if known else 3]
    rows = [f"| {' | '.join(headings)} |", "| ---: |" + " :--- |" * (len(headings) - 1)]
    for step in block.steps:
        term = f"**changed** {_math_cell(step.term)}" if step.is_changed else _math_cell(step.term)
        cells = (
            term,
            _math_cell(f"{step.joins} {step.value}".strip()),
            _cell(step.reason),
            step.status,
        )
        rows.append("| " + " | ".join(cells[: len(headings)]) + " |")
    command = f"\n\nCheck again: `{block.command}`" if block.command else ""
    return "\n".join(rows) + command


@_block.register
def _(block: Table, figures: FigureFiles) -> str:
    rows = ["| " + " | ".join(map(_cell, row)) + " |" for row in (block.headings, *block.rows)]
    rows.insert(1, "|" + " --- |" * len(block.headings))
    return "\n".join(rows)


@_block.register
def _(block: Items, figures: FigureFiles) -> str:
    return "\n".join(f"- {markdown_text(item)}" for item in block.items)


@_block.register
def _(block: Verdict, figures: FigureFiles) -> str:
    return f"**{block.verdict.upper()}.** {markdown_text(block.text)}"


@_block.register
def _(block: Figure, figures: FigureFiles) -> str:
    # Data addresses are blocked on common sites: the image lies beside the file.
    image = f"![{block.description}]({figures.add(block.drawing.png)})"
    return f"{image}\n\n{markdown_text(block.caption)}"


@_block.register
def _(block: Listing, figures: FigureFiles) -> str:
    # A fence longer than any in the text cannot be closed by it.
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", block.text + "`")))
    return f"{fence}toml\n{block.text}\n{fence}"
