"""LaTeX of the names and texts that results carry: symbols, witnesses, left-over terms.

Not for LaTeX of expressions, which `sdekit.declare.latex` writes.
"""

from __future__ import annotations

from sdekit.declare.dynamics import Dynamics
from sdekit.declare.latex import latex_text, symbol_latex
from sdekit.declare.parser import parse_expression
from sdekit.declare.symbols import Domain, Variable
from sdekit.errors import ModelFileError


def plain(text: str) -> str:
    """Text in which no dollar sign starts a formula."""
    return text.replace("$", "")


def symbol(name: str) -> str:
    """A name as an inline formula."""
    return f"${symbol_latex(name)}$"


def formula_of(text: str, dynamics: Dynamics) -> str | None:
    """LaTeX of text in the grammar of model files, over the symbols of a dynamics.

    Returns:
        The formula, or None where the text says more than the grammar can.
    """
    scope = {thing.name: thing for thing in (*dynamics.variables, *dynamics.parameters)}
    scope |= {function.name: function for function in dynamics.functions}
    scope |= {dim.name: dim for dim in dynamics.dimensions}
    try:
        return latex_text(parse_expression(text, scope))
    except ModelFileError:
        return None


def space_of(x: Variable) -> str:
    """Where a block lives, as LaTeX."""
    line = domain_latex(x.domain)
    if not x.shape:
        return line
    sizes = r" \times ".join(symbol_latex(dim.name) for dim in x.shape)
    if x.symmetry:
        kind = "Sym" if x.symmetry == "symmetric" else "Skew"
        return rf"\mathrm{{{kind}}}({symbol_latex(x.shape[0].name)})"
    return f"{line}^{{{sizes}}}"


def domain_latex(domain: Domain) -> str:
    """Where a scalar lives, as LaTeX."""
    return {
        "real": r"\mathbb{R}",
        "positive": r"(0, \infty)",
        "circle": r"\mathbb{S}^{1}",
        "interval": rf"[{domain.lower}, {domain.upper}]",
    }[domain.kind]
