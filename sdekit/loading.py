"""Names of a package that are loaded when they are first used (PEP 562).

What is missing is named together with the extra that brings it, and wrong calls of what is loaded
are told in words (`sdekit.calls`). Not for what a package offers: each `__init__` hands over its
own table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

from sdekit.calls import answering
from sdekit.errors import EXTRAS, MissingDependencyError, UnknownNameError


def on_use(
    package: str, homes: Mapping[str, str], namespaces: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions `__getattr__` and `__dir__` of a package whose names are loaded on use.

    Args:
        package: Its full name, `__name__`.
        homes: For each public name the module that defines it.
        namespaces: For each name of a whole module the module.

    Returns:
        `__getattr__`, which raises UnknownNameError, an AttributeError, for other names and
        MissingDependencyError where an optional package is not installed; and `__dir__`.
    """
    modules = dict(namespaces or {})

    def load(name: str) -> Any:
        if name in homes:
            value = _told(getattr(_module(homes[name], f"{package}.{name}"), name), name, package)
        elif name in modules:
            value = _module(modules[name], f"{package}.{name}")
        else:
            raise _unknown(package, name, names())
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted([*homes, *modules])

    return load, names


def _told(value: Any, name: str, package: str) -> Any:
    """The function or class, with wrong calls of it told in words."""
    if isinstance(value, FunctionType):
        return answering(value, name, package)
    if isinstance(value, type) and isinstance(vars(value).get("__init__"), FunctionType):
        value.__init__ = answering(value.__init__, name, package)
    return value


def _unknown(package: str, name: str, names: list[str]) -> AttributeError:
    if name.startswith("__"):
        return AttributeError(f"module {package!r} has no attribute {name!r}")
    lower = {known.lower(): known for known in reversed(names)}
    near = get_close_matches(name.lower(), lower, 1, 0.6)
    short = package.replace("sdekit", "sk", 1)
    return UnknownNameError(
        f"module {package!r} has no attribute {name!r}",
        fix=f"did you mean {short}.{lower[near[0]]}?" if near else f"see help({short})",
    )


def _module(module: str, asked: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as missing:
        extra = EXTRAS.get((missing.name or "").partition(".")[0])
        if extra is None:
            raise
        raise MissingDependencyError(
            f"{asked} needs {missing.name}, which is not installed",
            fix=f'pip install "sdekit[{extra}]"',
        ) from missing
