"""Docstrings in the house's form as Markdown: summary, formula, arguments, errors, example, source.

Not for whole pages (`reference`).
"""

from __future__ import annotations

import inspect
import re
from typing import Any

__all__ = ["arguments_described", "as_markdown", "sections", "signature_text"]

_TITLE = re.compile(r"^([A-Z][A-Za-z ]+):(?: (.*))?$")
_KNOWN = ("Args", "Returns", "Raises", "Example", "Examples", "Source", "Checked by", "Attributes",
          "Notation")  # fmt: skip
_ITEM = re.compile(r"^(\*{0,2}[\w ,*()/.|]+?): (.*)$")


def sections(value: Any) -> list[tuple[str, str]]:
    """The parts of a docstring, title and text; what stands before the first title has none."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for line in (inspect.getdoc(value) or "").splitlines():
        title = _TITLE.match(line)
        if title and title[1] in _KNOWN:
            found.append((title[1], [title[2]] if title[2] else []))
        else:
            found[-1][1].append(line)
    return [(title, inspect.cleandoc("\n".join(lines)).strip()) for title, lines in found]


def arguments_described(value: Any) -> set[str]:
    """Names that the docstring has an entry for, under Args or Attributes."""
    names: set[str] = set()
    for title, text in sections(value):
        if title in ("Args", "Attributes"):
            for line in text.splitlines():
                item = None if line.startswith(" ") else _ITEM.match(line)
                names |= set(re.findall(r"\w+", item[1])) if item else set()
    return names


def as_markdown(value: Any) -> str:
    """The docstring as Markdown, formulas and examples included."""
    return "\n\n".join(_section(title, text) for title, text in sections(value) if text) + "\n"


def signature_text(value: Any) -> str:
    """The parameters with their defaults, without annotations; empty where there are none."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return "()"
    plain = [
        p.replace(
            annotation=inspect.Parameter.empty,
            default=p.default if _is_plain(p.default) else Ellipsis,
        )
        if p.default is not inspect.Parameter.empty
        else p.replace(annotation=inspect.Parameter.empty)
        for name, p in signature.parameters.items()
        if name != "self"
    ]
    text = str(inspect.Signature(plain))
    return text.replace("Ellipsis", "...")


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool | tuple | type(None))


def _section(title: str, text: str) -> str:
    if not title:
        return _prose(text)
    if title in ("Args", "Attributes", "Raises"):
        heading = {"Args": "Arguments", "Attributes": "Attributes", "Raises": "Errors"}[title]
        return f"**{heading}**\n\n{_items(text)}"
    if title in ("Example", "Examples"):
        return f"**Example**\n\n```pycon\n{text}\n```"
    return f"**{title}**: {_prose(' '.join(text.split()))}"


def _prose(text: str) -> str:
    """Indented blocks are tables of plain text; displayed formulas get lines of their own."""
    parts = []
    for part in re.split(r"\n\s*\n", text):
        if part.startswith("    "):
            parts.append(f"```text\n{inspect.cleandoc(part)}\n```")
        elif part.lstrip().startswith(">>>"):
            parts.append(f"```pycon\n{part}\n```")
        else:
            parts.append(re.sub(r"\$\$(.+?)\$\$", r"\n$$\n\1\n$$\n", part, flags=re.DOTALL))
    return "\n\n".join(parts)


def _items(text: str) -> str:
    lines = []
    for line in text.splitlines():
        item = None if line.startswith(" ") else _ITEM.match(line)
        if item:
            lines.append(f"- `{item[1]}`: {item[2]}")
        else:
            lines.append(f"  {line.strip()}" if lines else line.strip())
    return "\n".join(lines)
