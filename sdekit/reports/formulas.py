"""LaTeX of the names and texts that results carry: symbols, witnesses, left-over terms.

Not for LaTeX of expressions, which `sdekit.declaration.text.latex` writes.
"""

from __future__ import annotations

import re

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.latex import latex_text, symbol_latex
from sdekit.declaration.text.parser import parse_expression as parse
from sdekit.declaration.tree.domains import Domain, as_constant
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import ModelFileError
from sdekit.reports.indices import indexed_latex, scope_of


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
    scope = scope_of(dynamics)
    try:
        return indexed_latex(text, scope) if "[" in text else latex_text(parse(text, scope))
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
        whole = parse(text.replace(entry, ""), scope)
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
    """
    pieces = re.split(r" (?=[+-] )", text)
    return [_compact_latex(piece) for piece in pieces]


def _compact_latex(text: str) -> str:
    text = _POWER_OF_DERIVATIVE.sub(r"{\1}^{\2}", text)
    text = re.sub(r"\*\*(\d+)", r"^{\1}", text)
    text = re.sub(r"\^\((\d+)\)", r"^{(\1)}", text)
    text = _NAME.sub(lambda name: symbol_latex(name[0]), text)
    return text.replace("*", r" \, ")


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
