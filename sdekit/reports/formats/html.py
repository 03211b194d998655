"""A document as one self-contained HTML file: MathML, embedded images, no scripts, no network.

Not for what the document says (`sections`).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from sdekit.errors import MissingDependencyError
from sdekit.reports.formats.document import Document, split_code, split_formulas


def mathml(latex: str, *, display: bool = False) -> str:
    r"""MathML of a formula.

    Args:
        latex: The formula, in the LaTeX that sdekit writes.
        display: Whether it stands on a line of its own.

    Raises:
        MissingDependencyError: If latex2mathml is not installed.
    """
    try:
        from latex2mathml.converter import convert
    except ImportError as missing:
        raise _missing("latex2mathml") from missing
    # latex2mathml knows the lines of {split}, and would write & and \\ of {aligned} as text.
    spelt = latex.replace("{aligned}", "{split}")
    return convert(spelt, display="block" if display else "inline")


def _tall(latex: str) -> str:
    """Inline, with fractions as large as in a display."""
    return mathml(latex).replace("<math ", '<math displaystyle="true" ', 1)


def _refuse(block: object) -> None:
    raise TypeError(f"no HTML for {type(block).__name__}")


def _missing(package: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"writing HTML needs {package}, which is not installed",
        fix='pip install "sdekit[report]"',
    )


def html_text(text: str) -> str:
    """Running text with its formulas as MathML, everything else escaped."""
    from html import escape

    return "".join(
        mathml(piece) if is_formula else _with_code(piece, escape)
        for is_formula, piece in split_formulas(text)
    )


def _with_code(text: str, escape: Callable[[str], str]) -> str:
    return "".join(
        f"<code>{escape(piece)}</code>" if is_code else escape(piece)
        for is_code, piece in split_code(text)
    )


def render_html(document: Document) -> str:
    """The document as the text of an HTML file.

    Raises:
        MissingDependencyError: If Jinja2 or latex2mathml is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as missing:
        raise _missing("jinja2") from missing
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["text"] = lambda text: Markup(html_text(text))
    environment.filters["display"] = lambda latex: Markup(mathml(latex, display=True))
    environment.filters["tall"] = lambda latex: Markup(_tall(latex))
    environment.tests["kind"] = lambda block, name: type(block).__name__ == name
    environment.globals["refuse"] = _refuse
    folder = files("sdekit.reports.formats")
    template = environment.from_string(folder.joinpath("template.html").read_text("utf-8"))
    style = folder.joinpath("style.css").read_text("utf-8")
    return template.render(document=document, style=Markup(style))


def write_html(document: Document, path: Path) -> None:
    """Write the document as one file that needs nothing else.

    Raises:
        MissingDependencyError: If Jinja2 or latex2mathml is not installed.
    """
    path.write_text(render_html(document), encoding="utf-8")
