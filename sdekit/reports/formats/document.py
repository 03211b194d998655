r"""What a document is made of: headings, paragraphs, formulas, derivations, tables and figures.

Text may hold inline formulas between dollar signs, and commands between backticks. Not for what a
report says (`sdekit.reports.chapters`) nor for any output format (`html`, `tex`, `markdown`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sdekit.reports.formats.drawing import Drawing


@dataclass(frozen=True)
class Paragraph:
    """Running text with formulas between dollar signs."""

    text: str


@dataclass(frozen=True)
class Formula:
    """A displayed formula in LaTeX, with a number or a label if it is referred to."""

    latex: str
    label: str = ""


@dataclass(frozen=True)
class Step:
    """One line of a derivation: a term, what it equals, and why.

    Attributes:
        term: LaTeX of what is computed.
        value: LaTeX of what it comes to.
        reason: A few words, with formulas between dollar signs.
        is_result: Whether the line sums up those above it.
        status: How it is known: "proved", "certified", "tested" or "assumed"; empty where the line
            only says what something is.
        is_changed: Whether the line is marked as another than before.
        joins: What stands between term and value; empty where a long value goes on.
    """

    term: str
    value: str
    reason: str = ""
    is_result: bool = False
    status: str = ""
    is_changed: bool = False
    joins: str = "="


@dataclass(frozen=True)
class Derivation:
    """Steps one below the other, aligned at the equality sign.

    Attributes:
        steps: The lines; one without a term goes on with the line above.
        command: What checks them again, on the command line; empty for declarations.
    """

    steps: tuple[Step, ...]
    command: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of text, each cell with formulas between dollar signs.

    Attributes:
        headings: One for each column.
        rows: The cells.
        verdict_column: The column whose cells are verdicts, to be marked as such; None if none is.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    verdict_column: int | None = None


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """The verdict of the whole, set apart."""

    verdict: str
    text: str


@dataclass(frozen=True)
class Figure:
    """An image with its caption.

    Attributes:
        drawing: The image.
        caption: Text with formulas between dollar signs.
        description: What the image shows, for those who cannot see it.
    """

    drawing: Drawing
    caption: str
    description: str


@dataclass(frozen=True)
class Listing:
    """Text to be shown as it is, such as a model file."""

    text: str


Block = Paragraph | Formula | Derivation | Table | Items | Verdict | Figure | Listing


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    heading: str
    blocks: tuple[Block, ...]

    @property
    def anchor(self) -> str:
        """The heading as part of an address: lower-case words and hyphens."""
        words = re.findall(r"[a-z0-9]+", re.sub(r"\$[^$]*\$", "", self.heading.lower()))
        return "-".join(words) or "section"


@dataclass(frozen=True)
class Document:
    """A report before it has a format.

    Attributes:
        title: Title.
        subtitle: Where the dynamics comes from; may be empty.
        sections: The sections in order.
        footer: How it was made: versions, seed, time.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    footer: str = ""


def split_code(text: str) -> Iterator[tuple[bool, str]]:
    """Pieces of text without formulas, each with whether it is a command between backticks."""
    for place, piece in enumerate(re.split(r"`([^`]+)`", text)):
        if piece:
            yield place % 2 == 1, piece


def split_formulas(text: str) -> Iterator[tuple[bool, str]]:
    """Pieces of running text, each with whether it is a formula.

    Example:
        >>> list(split_formulas("for all $n$."))
        [(False, 'for all '), (True, 'n'), (False, '.')]
    """
    for place, piece in enumerate(text.split("$")):
        if piece:
            yield place % 2 == 1, piece
