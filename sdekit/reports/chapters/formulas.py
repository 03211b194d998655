"""LaTeX of the names and texts that results carry: symbols, witnesses, left-over terms, indices.

The grammar of model files has no indices, so entries and sums are parsed by themselves, stand in
the formula as symbols, and are put back into its LaTeX.

Not for LaTeX of expressions, which `sdekit.declaration.text.latex` writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.latex import latex_text, symbol_latex
from sdekit.declaration.text.parser import parse_expression
from sdekit.declaration.tree.domains import Domain, as_constant
from sdekit.declaration.tree.expression import Call, Expression, Gradient, Size
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.errors import ModelFileError
from sdekit.kernels.steps import Kernel


def plain(text: str) -> str:
    """Text in which no dollar sign starts a formula."""
    return text.replace("$", "")


def symbol(name: str) -> str:
    """A name as an inline formula."""
    return f"${symbol_latex(name)}$"


def formula_of(text: str, dynamics: Dynamics) -> str | None:
    """LaTeX of text in the grammar of model files, over the symbols of a dynamics.

    Entries such as `p[i]` and sums over indices, `sum(p[i]*M[i,j])`, are understood as well.

    Returns:
        The formula, or None where the text says more than that.
    """
    return formula_in(text, scope_of(dynamics))


def formula_in(text: str, scope: Scope) -> str | None:
    """LaTeX of text over the symbols of a scope, as `formula_of`."""
    try:
        return (
            indexed_latex(text, scope) if "[" in text else latex_text(parse_expression(text, scope))
        )
    except ModelFileError:
        return None


def tensor_formula(text: str, x: Variable, dynamics: Dynamics) -> tuple[str, bool] | None:
    """LaTeX of a tensor of the shape of x that is given by its entry at i, j, ...

    Returns:
        The formula and whether it is one of entries (not in vector notation), or None.
    """
    scope = scope_of(dynamics)
    entry = f"[{','.join('ijklmn'[: x.ndim])}]"
    try:
        whole = parse_expression(text.replace(entry, ""), scope)
        if whole.shape == x.shape:
            return latex_text(whole), False
    except ModelFileError:
        pass
    formula = formula_of(text, dynamics)
    return None if formula is None else (formula, bool(x.shape))


_POWER_OF_DERIVATIVE = re.compile(r"([A-Za-z]\w*(?:'+|\^\(\d+\)))\*\*(\d+)")
_NAME = re.compile(r"[A-Za-z]\w*")


def compact_terms(text: str) -> list[str]:
    r"""LaTeX of each term of a formula in the notation U', U'', U^(4) of order theory.

    Example:
        >>> compact_terms("-p**3*U'''/12 + U'**2")
        ["-p^{3} \\, U'''/12", "+ {U'}^{2}"]
        >>> compact_terms("A*(1 + p**2)**(3/2) - sqrt(1 + A)")
        ['A \\, (1 + p^{2})^{3/2}', '- \\operatorname{sqrt}(1 + A)']
    """
    starts, depth = [0], 0
    for place, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth == 0 and text[place : place + 3] in (" + ", " - "):
            starts.append(place)
    ends = [*starts[1:], len(text)]
    return [_compact_latex(text[a:b].strip()) for a, b in zip(starts, ends, strict=True)]


def _compact_latex(text: str) -> str:
    text = _POWER_OF_DERIVATIVE.sub(r"{\1}^{\2}", text)
    text = re.sub(r"\*\*(?:\(([^()]*)\)|(\w+))", r"^{\1\2}", text)
    text = re.sub(r"\^\((\d+)\)", r"^{(\1)}", text)
    text = _NAME.sub(_word_latex, text)
    return text.replace("*", r" \, ")


def _word_latex(name: re.Match[str]) -> str:
    """A symbol, or the name of a function of the grammar before its bracket."""
    is_function = name.string[name.end() : name.end() + 1] == "(" and name[0] in FUNCTIONS
    return rf"\operatorname{{{name[0]}}}" if is_function else symbol_latex(name[0])


def space_of(x: Variable) -> str:
    """Where a block lives, as LaTeX."""
    if x.domain.is_joint:
        return _joint_space(x)
    line = domain_latex(x.domain)
    if not x.shape:
        return line
    sizes = r" \times ".join(symbol_latex(dim.name) for dim in x.shape)
    if x.symmetry:
        kind = "Sym" if x.symmetry == "symmetric" else "Skew"
        return rf"\mathrm{{{kind}}}({symbol_latex(x.shape[0].name)})"
    return f"{line}^{{{sizes}}}"


def _joint_space(x: Variable) -> str:
    n, name = symbol_latex(x.shape[0].name), symbol_latex(x.name)
    return {
        "simplex": rf"\{{{name} \in (0, 1)^{{{n}}} : \textstyle\sum_i {name}_i = 1\}}",
        "ordered": rf"\{{{name} \in \mathbb{{R}}^{{{n}}} : {name}_1 < \dots < {name}_{{{n}}}\}}",
        "positive_definite": rf"\mathrm{{Sym}}_{{+}}({n})",
    }[x.domain.kind]


def domain_latex(domain: Domain) -> str:
    """Where a scalar lives, as LaTeX."""
    if domain.lower is not None and domain.upper is not None:
        return (
            f"[{', '.join(latex_text(as_constant(end)) for end in (domain.lower, domain.upper))}]"
        )
    if domain.period is not None:
        return rf"\mathbb{{R}} / {latex_text(domain.period)} \mathbb{{Z}}"
    return {
        "real": r"\mathbb{R}",
        "positive": r"(0, \infty)",
        "circle": r"\mathbb{S}^{1}",
    }[domain.kind]


# ---------------------------------------------------------------- indices

_ENTRY = re.compile(r"\[([a-z](?:,[a-z])*)\]")
_SUM = re.compile(r"\bsum\(")
_WORD = re.compile(r"[A-Za-z_0-9]")

Scope = Mapping[str, Any]


def scope_of(dynamics: Dynamics) -> dict[str, Any]:
    """The symbols of a dynamics by name."""
    scope: dict[str, Any] = {x.name: x for x in (*dynamics.variables, *dynamics.parameters)}
    scope |= {function.name: function for function in dynamics.functions}
    return scope | {dim.name: dim for dim in dynamics.dimensions}


def scope_of_kernel(kernel: Kernel) -> dict[str, Any]:
    """The symbols of a kernel's law and of all its steps, by name."""
    scope: dict[str, Any] = {}
    for expression in _expressions((kernel.hamiltonian, kernel.steps)):
        for node in expression.walk():
            if isinstance(node, Variable | Parameter):
                scope[node.name] = node
            elif isinstance(node, Call):
                scope[node.function.name] = node.function
            elif isinstance(node, Size):
                scope[node.dim.name] = node.dim
    return scope | {dim.name: dim for x in kernel.variables for dim in x.shape}


def _expressions(found: object) -> Iterator[Expression]:
    """Every expression that stands in a record, however deep."""
    if isinstance(found, Expression):
        yield found
    elif isinstance(found, tuple | list):
        for part in found:
            yield from _expressions(part)
    elif isinstance(found, Mapping):
        yield from _expressions((*found.keys(), *found.values()))
    elif isinstance(found, Dynamics):
        yield from _expressions((found.drift, found.diffusion))
    elif is_dataclass(found):
        yield from _expressions([getattr(found, field.name) for field in fields(found)])


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
