r"""Expressions and triples as LaTeX, in vector notation as the user wrote it.

Only commands that MathML converters know: \frac, \nabla, \operatorname, \mathsf, \sqrt. Not for a
whole report (`sdekit.reports`).
"""

from __future__ import annotations

from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.noise_factor import full_block, sum_of_blocks
from sdekit.declaration.text.expression_text import (
    ATOM,
    POWER,
    PRODUCT,
    SUM,
    UNARY,
    Notation,
    Rule,
    shown_arguments,
    signed_sum,
)
from sdekit.declaration.text.unicode_text import GREEK
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation, EachRow
from sdekit.declaration.tree.symbols import Parameter, Variable

#: Relations that LaTeX has another sign for.
LATEX_RELATIONS = {">=": r"\ge", "<=": r"\le"}


def symbol_latex(name: str) -> str:
    r"""A name as a LaTeX symbol: theta -> \theta, xi_1 -> \xi_{1}, Bhat -> \hat{B}."""
    head, *rest = name.split("_")
    if len(head) > 3 and head.endswith("hat"):
        symbol = rf"\hat{{{symbol_latex(head[:-3])}}}"
    elif head in GREEK:
        symbol = "\\" + ("lambda" if head == "lam" else head)
    elif len(head) == 1:
        symbol = head
    elif head[0].isalpha() and head[1:].isdigit():
        symbol, rest = head[0], [head[1:], *rest]
    else:
        symbol = rf"\mathrm{{{head}}}"
    if not rest:
        return symbol
    return f"{symbol}_{{{','.join(_subscript_part(part) for part in rest if part)}}}"


def _subscript_part(part: str) -> str:
    if part in GREEK or len(part) == 1 or part.isdigit():
        return symbol_latex(part) if not part.isdigit() else part
    return rf"\mathrm{{{part}}}"


def latex_text(node: ex.Expression) -> str:
    r"""The expression as LaTeX.

    Example:
        >>> import sdekit as sk
        >>> n = sk.dim("n")
        >>> theta, p = sk.vector("theta", n), sk.vector("p", n)
        >>> latex_text(-sk.grad(sk.potential("U", theta), theta))
        '-\\nabla_{\\theta} U(\\theta)'
    """
    return _LATEX.text(node)


def _number(node: ex.Number) -> tuple[str, int]:
    value = node.value
    if value.denominator == 1:
        return str(value), UNARY if value < 0 else ATOM
    sign = "-" if value < 0 else ""
    return (
        rf"{sign}\tfrac{{{abs(value.numerator)}}}{{{value.denominator}}}",
        UNARY if sign else ATOM,
    )


def _product(node: ex.Product) -> tuple[str, int]:
    first, *rest = node.factors
    elementwise = sum(1 for factor in node.factors if factor.shape) > 1
    pieces = [_wrap(first, PRODUCT)]
    previous = first
    for factor in rest:
        if isinstance(factor, ex.Number) and isinstance(previous, ex.Number):
            pieces.append(r"\cdot")
        if elementwise and factor.shape:
            pieces.append(r"\odot")
        pieces.append(_wrap(factor, POWER))
        previous = factor
    return r" \, ".join(pieces).replace(r" \, \odot \, ", r" \odot "), PRODUCT


def _quotient(node: ex.Quotient) -> tuple[str, int]:
    numerator, sign = node.numerator, ""
    if isinstance(numerator, ex.Negation):
        numerator, sign = numerator.operand, "-"
    top, bottom = latex_text(numerator), latex_text(node.denominator)
    return rf"{sign}\frac{{{top}}}{{{bottom}}}", UNARY if sign else ATOM


def _dot(node: ex.Dot) -> tuple[str, int]:
    if node.left == node.right:
        return rf"\left\|{latex_text(node.left)}\right\|^{{2}}", POWER
    return rf"{_wrap(node.left, POWER)} \cdot {_wrap(node.right, POWER)}", PRODUCT


def _matmul(node: ex.MatMul) -> tuple[str, int]:
    left = _wrap(node.left, POWER)
    if node.left.ndim == 1:
        left += r"^{\mathsf{T}}"
    return rf"{left} \, {_wrap(node.right, POWER)}", PRODUCT


def _outer(node: ex.Outer) -> tuple[str, int]:
    left, right = _wrap(node.left, POWER), _wrap(node.right, POWER)
    if node.left.ndim == node.right.ndim == 1:
        return rf"{left} \, {right}^{{\mathsf{{T}}}}", PRODUCT
    return rf"{left} \otimes {right}", PRODUCT


def _call(node: ex.Call) -> tuple[str, int]:
    arguments = ", ".join(map(latex_text, node.arguments))
    return f"{symbol_latex(node.function.name)}({arguments})", ATOM


def _gradient(node: ex.Gradient) -> tuple[str, int]:
    mark = r"\nabla" if node.variable.shape else r"\partial"
    return rf"{mark}_{{{symbol_latex(node.variable.name)}}} {_wrap(node.operand, POWER)}", UNARY


def _divergence(node: ex.Divergence) -> tuple[str, int]:
    symbol = symbol_latex(node.variable.name)
    if not node.variable.shape:
        return rf"\partial_{{{symbol}}} {_wrap(node.operand, POWER)}", UNARY
    return rf"\nabla_{{{symbol}}} \cdot {_wrap(node.operand, POWER)}", UNARY


def _transpose(node: ex.Transpose) -> tuple[str, int]:
    if node.axes == tuple(reversed(range(node.operand.ndim))):
        return rf"{_wrap(node.operand, ATOM)}^{{\mathsf{{T}}}}", POWER
    order = "".join(str(axis + 1) for axis in node.axes)
    return rf"{_wrap(node.operand, ATOM)}^{{({order})}}", POWER


def _elementwise(node: ex.Elementwise) -> tuple[str, int]:
    template = FUNCTIONS[node.name].latex or rf"\operatorname{{{node.name}}}\left(%s\right)"
    # A name of two words, as log Gamma, binds like a sign.
    return template % latex_text(node.operand), UNARY if " " in template else ATOM


def _abbreviation(node: Abbreviation) -> tuple[str, int]:
    inside = ", ".join(shown_arguments(node, latex_text, LATEX_RELATIONS))
    if node.word == "norm":
        return rf"\left\|{inside}\right\|", ATOM
    name = rf"\{node.word}" if node.word in ("max", "min") else rf"\operatorname{{{node.word}}}"
    return rf"{name}\left({inside}\right)", ATOM


_RULES: dict[type, Rule] = {
    ex.Number: _number,
    ex.Constant: lambda node: ({"pi": r"\pi", "E": r"\mathrm{e}"}[node.name], ATOM),
    ex.Size: lambda node: (symbol_latex(node.dim.name), ATOM),
    ex.Time: lambda node: ("t", ATOM),
    Variable: lambda node: (symbol_latex(node.name), ATOM),
    Parameter: lambda node: (symbol_latex(node.name), ATOM),
    ex.Call: _call,
    ex.Sum: lambda node: signed_sum(_LATEX, node),
    ex.Negation: ("-{}", UNARY, (PRODUCT,)),
    ex.Product: _product,
    ex.Quotient: _quotient,
    ex.Power: ("{}^{{{}}}", POWER, (ATOM, SUM)),
    ex.MatMul: _matmul,
    ex.Dot: _dot,
    ex.Outer: _outer,
    ex.Trace: (r"\operatorname{{tr}}\left({}\right)", ATOM, (SUM,)),
    ex.Diag: (r"\operatorname{{diag}}\left({}\right)", ATOM, (SUM,)),
    ex.Eye: lambda node: ("I", ATOM),
    ex.Ones: lambda node: (r"\mathbf{1}", ATOM),
    ex.Inverse: ("{}^{{-1}}", POWER, (ATOM,)),
    ex.LogDet: (r"\log \det {}", UNARY, (ATOM,)),
    ex.Transpose: _transpose,
    ex.Gradient: _gradient,
    ex.Divergence: _divergence,
    ex.Elementwise: _elementwise,
    Abbreviation: _abbreviation,
    EachRow: lambda node: (
        rf"\operatorname{{{node.word}}}\left({symbol_latex(node.function.name)},"
        rf" {latex_text(node.operand)}\right)",
        ATOM,
    ),
}
_LATEX = Notation(r"\left(%s\right)", _RULES)
_wrap = _LATEX.inside


def rate_latex(rate: ex.Expression) -> str:
    """A rate as it stands before dt: a sum of several terms in brackets."""
    text, level = _LATEX.bound(rate)
    return rf"\left({text}\right)" if level <= SUM else text


def dynamics_lines(dynamics: Dynamics) -> list[tuple[str, str]]:
    """The triple as pairs (left side, right side) of LaTeX, one for each line of a display."""
    lines = []
    stratonovich = dynamics.interpretation == "stratonovich"
    for x in dynamics.variables:
        noise = _noise_term(dynamics, x, stratonovich)
        shown = rate_latex(dynamics.drift[x])
        lines.append((rf"\mathrm{{d}}{symbol_latex(x.name)}", rf"{shown} \, \mathrm{{d}}t{noise}"))
    carried = dynamics.gradient_noise
    name = r"D^{\text{injected}}" if carried else "D"
    for label, blocks in ((name, dynamics.diffusion), (r"D^{\text{gradient}}", carried)):
        for (x, y), block in blocks.items():
            identity = r" \, I" if x.shape and not block.shape else ""
            shown = latex_text(block) + identity
            lines.append((rf"{label}_{{{symbol_latex(x.name)} {symbol_latex(y.name)}}}", shown))
    for label, energy in (("H", dynamics.hamiltonian), (r"\text{target}", dynamics.target)):
        if energy is not None:
            lines.append((label, latex_text(energy)))
    for fact in dynamics.assume:
        relation = LATEX_RELATIONS.get(fact.relation, fact.relation)
        shown = f"{latex_text(fact.left)} {relation} {latex_text(fact.right)}"
        lines.append((r"\text{assumed}", rf"\left({shown}\right)"))
    return lines


def _noise_term(dynamics: Dynamics, x: Variable, stratonovich: bool) -> str:
    whole = sum_of_blocks(dynamics.diffusion, dynamics.gradient_noise)
    if all(full_block(whole, x, y) is None for y in dynamics.variables):
        return ""
    symbol = symbol_latex(x.name)
    if stratonovich:
        return rf" + \sigma_{{{symbol}}} \circ \mathrm{{d}}W"
    return rf" + \mathcal{{N}}\left(0, 2 D_{{{symbol} {symbol}}} \, \mathrm{{d}}t\right)"


def dynamics_latex(dynamics: Dynamics) -> str:
    r"""The triple as one `aligned` display."""
    rows = [rf"{left} &= {right}" for left, right in dynamics_lines(dynamics)]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"
