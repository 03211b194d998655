"""Model files with a table `[unknowns]`: what `sdekit design` solves for.

An entry is written as in `[parameters]` or, with arguments, as in `[functions]`; `"nonzero"` is a
real parameter that must not vanish. Not for solving (`sdekit.designer.ansatz`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.model_file import read_model
from sdekit.declaration.model.toml_text import file_text, toml_table
from sdekit.declaration.tree.expression import Call, Expression
from sdekit.declaration.tree.symbols import Parameter
from sdekit.errors import ModelFileError


@dataclass(frozen=True)
class Posed:
    """A dynamics with what is unknown in it.

    Attributes:
        dynamics: The declaration.
        unknowns: Its parameters and functions that are solved for.
        nonzero: Those of them that must not vanish.
    """

    dynamics: Dynamics
    unknowns: tuple[Expression, ...]
    nonzero: tuple[Parameter, ...]


def load_posed(path: str | Path) -> Posed:
    """Read a model file with unknowns.

    Raises:
        ModelFileError: If it is none; the message names the place.

    Checked by: tests/declaration/model/test_design_file.py.
    """
    table = toml_table(file_text(path))
    unknowns = table.pop("unknowns", None)
    if not isinstance(unknowns, dict) or not unknowns:
        raise ModelFileError(
            "there is nothing to solve for", fix='add [unknowns], such as c = "real"'
        )
    for name, value in unknowns.items():
        section = table.setdefault("functions" if _is_function(value) else "parameters", {})
        if isinstance(section, dict):
            if name in section:
                raise ModelFileError(f"{name} is declared twice", where=f"unknowns.{name}",
                                     fix="rename one of them")  # fmt: skip
            section[name] = "real" if value == "nonzero" else value
    dynamics, _ = read_model(table)
    found = _symbols(dynamics)
    for name in unknowns:
        if name not in found:
            raise ModelFileError(
                f"the unknown {name} does not occur",
                where=f"unknowns.{name}",
                expected="a use of it in the drift, the diffusion or the energy",
            )
    symbols = {name: found[name] for name in unknowns}
    nonzero = (symbols[name] for name, value in unknowns.items() if value == "nonzero")
    return Posed(
        dynamics,
        tuple(symbols.values()),
        tuple(symbol for symbol in nonzero if isinstance(symbol, Parameter)),
    )


def _is_function(value: Any) -> bool:
    return isinstance(value, list) or (isinstance(value, Mapping) and "of" in value)


def _symbols(dynamics: Dynamics) -> dict[str, Expression]:
    """Parameters, and functions at their own arguments, by name."""
    found: dict[str, Expression] = {}
    for expression in dynamics.expressions():
        for node in expression.walk():
            if isinstance(node, Parameter):
                found[node.name] = node
            elif isinstance(node, Call) and node.arguments == node.function.arguments:
                found[node.function.name] = node
    return found
