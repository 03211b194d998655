"""The API reference: a page for each group of public names, one for each public module.

Not for reading docstrings (`docstrings`): names come from the tables of the package, so that none
is forgotten.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import sdekit as sk
from docs.generate.docstrings import as_markdown, signature_text

__all__ = ["GROUPS", "Group", "names_of_module", "write_reference"]


@dataclass(frozen=True)
class Group:
    """One page of the reference: the public names whose home begins with one of these modules."""

    page: str
    title: str
    homes: tuple[str, ...]


#: In the order of the site; a name belongs to the first group that its home fits.
GROUPS = (
    Group("declare", "Declaring", ("sdekit.declaration", "sdekit.kernels.kernel_file")),
    Group("prove", "Proving and designing", ("sdekit.verifier", "sdekit.designer",
          "sdekit.certificates")),
    Group("run", "Running", ("sdekit.simulation", "sdekit.tuning")),
    Group("predict", "Orders, bias, audits", ("sdekit.schemes", "sdekit.auditing")),
    Group("other", "Reports, bridges and the rest", ("sdekit",)),
)  # fmt: skip


def group_of(home: str) -> Group:
    """The group of a module."""
    return next(group for group in GROUPS if home.startswith(group.homes))


def names_of_module(module: ModuleType) -> tuple[str, ...]:
    """What a public module offers: its `__all__`, or the functions and classes that it defines."""
    listed = getattr(module, "__all__", None)
    if listed:
        return tuple(listed)
    return tuple(
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
        and callable(value)
    )  # fmt: skip


def write_reference(folder: Path) -> None:
    """Write the pages and their index."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = []
    for group in GROUPS:
        names = [name for name, home in sk._MODULE_OF.items() if group_of(home) is group]
        parts = [_entry(f"sdekit.{name}", getattr(sk, name)) for name in names]
        (folder / f"{group.page}.md").write_text(
            f"# {group.title}\n\n{''.join(parts)}", encoding="utf-8"
        )
        pages.append(group.page)
    for short, home in sk._NAMESPACES.items():
        module = importlib.import_module(home)
        parts = [f"# sk.{short}\n\n{as_markdown(module)}\n"]
        parts += [
            _entry(f"sdekit.{short}.{n}", getattr(module, n)) for n in names_of_module(module)
        ]
        (folder / f"{short}.md").write_text("".join(parts), encoding="utf-8")
        pages.append(short)
    index = "# API reference\n\nEvery public name, from its docstring: `import sdekit as sk`.\n\n"
    toctree = "```{toctree}\n:maxdepth: 1\n\n" + "\n".join(pages) + "\n```\n"
    (folder / "index.md").write_text(index + toctree, encoding="utf-8")


def _entry(name: str, value: Any) -> str:
    if isinstance(value, ModuleType):
        members = "".join(_entry(f"{name}.{n}", getattr(value, n)) for n in names_of_module(value))
        return f"## {name}\n\n{as_markdown(value)}\n{members}"
    if inspect.isclass(value):
        return _directive("class", name + signature_text(value), _class_body(value), 5)
    if callable(value):
        return _directive("function", name + signature_text(value), as_markdown(value), 4)
    return _directive("data", name, f"`{value!r}`" if len(repr(value)) < 60 else "", 4)


def _class_body(value: type) -> str:
    return as_markdown(value) + "\n" + "".join(_members(value))


def _members(value: type) -> Iterator[str]:
    for name, member in vars(value).items():
        inner = member.__func__ if isinstance(member, staticmethod | classmethod) else member
        if name.startswith("_") or not inspect.getdoc(inner):
            continue
        if isinstance(inner, property):
            yield _directive("property", name, as_markdown(inner), 4)
        elif inspect.isfunction(inner):
            yield _directive("method", name + signature_text(inner), as_markdown(inner), 4)


def _directive(kind: str, signature: str, body: str, colons: int) -> str:
    fence = ":" * colons
    return f"{fence}{{py:{kind}}} {signature}\n\n{body}\n{fence}\n\n"
