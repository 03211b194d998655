"""Index notation as LaTeX: entries such as `M[i,j]` and sums over indices inside formulas.

The grammar of model files has no indices, so entries and sums are parsed by themselves, stand in
the formula as symbols, and are put back into its LaTeX. Not for vector notation, which
`sdekit.declaration.text.latex` writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.latex import latex_text, symbol_latex
from sdekit.declaration.text.parser import parse_expression
from sdekit.declaration.tree.expression import Call, Expression, Gradient
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.errors import ModelFileError

_ENTRY = re.compile(r"\[([a-z](?:,[a-z])*)\]")
_SUM = re.compile(r"\bsum\(")
_WORD = re.compile(r"[A-Za-z_0-9]")

Scope = Mapping[str, Any]


def scope_of(dynamics: Dynamics) -> dict[str, Any]:
    """The symbols of a dynamics by name."""
    scope: dict[str, Any] = {x.name: x for x in (*dynamics.variables, *dynamics.parameters)}
    scope |= {function.name: function for function in dynamics.functions}
    return scope | {dim.name: dim for dim in dynamics.dimensions}


def indexed_latex(text: str, scope: Scope) -> str:
    """LaTeX of a formula with entries and sums over indices.

    Raises:
        ModelFileError: If what is left beside them is no formula.
    """
    stand_ins: dict[str, str] = {}
    while found := _SUM.search(text):
        end = _closing(text, found.end() - 1)
        inside = text[found.end() : end]
        indices = sorted({i for entry in _ENTRY.findall(inside) for i in entry.split(",")})
        latex = indexed_latex(inside, scope)
        latex = rf"\sum_{{{' '.join(indices)}}} {_bracketed(latex)}"
        text = text[: found.start()] + _stand_in(latex, stand_ins) + text[end + 1 :]
    while found := _ENTRY.search(text):
        start = _head(text, found.start())
        head = parse_expression(text[start : found.start()], scope)
        latex = _entry_latex(head, found[1].split(","))
        text = text[:start] + _stand_in(latex, stand_ins) + text[found.end() :]
    symbols = {name: Parameter(name) for name in stand_ins}
    latex = latex_text(parse_expression(text, {**scope, **symbols}))
    for name, meaning in stand_ins.items():
        latex = latex.replace(symbol_latex(name), meaning)
    return latex


def _stand_in(latex: str, stand_ins: dict[str, str]) -> str:
    # Letters only, so that the name cannot be read as a symbol with a number.
    name = "standin" + "".join(chr(ord("a") + int(digit)) for digit in str(len(stand_ins)))
    stand_ins[name] = latex
    return name


def _bracketed(latex: str) -> str:
    return rf"\left( {latex} \right)" if re.search(r" [+-] ", latex) else latex


def _closing(text: str, opening: int) -> int:
    """Place of the bracket that closes the one at `opening`."""
    depth = 0
    for place in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise ModelFileError("a bracket is not closed", found=text)


def _head(text: str, end: int) -> int:
    """Where the symbol, call or bracket begins that ends just before `end`."""
    start = end
    if start and text[start - 1] == ")":
        depth = 0
        while start:
            start -= 1
            depth += {")": 1, "(": -1}.get(text[start], 0)
            if depth == 0:
                break
    while start and _WORD.match(text[start - 1]):
        start -= 1
    return start


def _entry_latex(node: Expression, indices: list[str]) -> str:
    """One entry; the indices of a derivative stand at the variable it is taken by."""
    if len(indices) != node.ndim:
        raise ModelFileError("an entry has the wrong number of indices", found=repr(node))
    if isinstance(node, Gradient) and node.variable.shape:
        own = node.operand.ndim
        x = f"{symbol_latex(node.variable.name)}_{{{' '.join(indices[own:])}}}"
        operand = node.operand
        inner = _entry_latex(operand, indices[:own]) if own else latex_text(operand)
        return rf"\partial_{{{x}}} {inner}"
    subscript = f"_{{{' '.join(indices)}}}"
    if isinstance(node, Call):
        symbol = symbol_latex(node.function.name)
        return f"{{{symbol}}}{subscript}{latex_text(node).removeprefix(symbol)}"
    if isinstance(node, Variable | Parameter):
        return f"{{{latex_text(node)}}}{subscript}"
    return rf"\left( {latex_text(node)} \right){subscript}"
