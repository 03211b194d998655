"""Names of a package that are loaded when they are first used (PEP 562).

What is missing is named together with the extra that brings it. Not for what a package offers:
each `__init__` hands over its own table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def on_use(
    package: str, homes: Mapping[str, str], namespaces: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions `__getattr__` and `__dir__` of a package whose names are loaded on use.

    Args:
        package: Its full name, `__name__`.
        homes: For each public name the module that defines it.
        namespaces: For each name of a whole module the module.

    Returns:
        `__getattr__`, which raises AttributeError for other names and MissingDependencyError
        where an optional package is not installed; and `__dir__`.
    """
    modules = dict(namespaces or {})

    def load(name: str) -> Any:
        if name in homes:
            value = getattr(_module(homes[name], f"{package}.{name}"), name)
        elif name in modules:
            value = _module(modules[name], f"{package}.{name}")
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted([*homes, *modules])

    return load, names


def _module(module: str, asked: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as missing:
        from sdekit.errors import EXTRAS, MissingDependencyError

        extra = EXTRAS.get((missing.name or "").partition(".")[0])
        if extra is None:
            raise
        raise MissingDependencyError(
            f"{asked} needs {missing.name}, which is not installed",
            fix=f'pip install "sdekit[{extra}]"',
        ) from missing
