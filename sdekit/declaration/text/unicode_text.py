# ruff: noqa: RUF001
"""A triple as Unicode text for the terminal, in vector notation as the user wrote it.

Not for text that is read back (`text`) or typeset formulas (`latex`).
"""

from __future__ import annotations

from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.model.dynamics import CONVENTION, Dynamics
from sdekit.declaration.model.noise_factor import full_block, sum_of_blocks
from sdekit.declaration.text.expression_text import (
    ATOM,
    POWER,
    PRODUCT,
    SUM,
    UNARY,
    Notation,
    Rule,
    plain_number,
    shown_arguments,
    signed_sum,
)
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation, EachRow
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Parameter, Variable

GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "kappa": "κ", "lam": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ",
    "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ",
    "Omega": "Ω",
}  # fmt: skip
UNICODE_RELATIONS = {">=": "≥", "<=": "≤"}
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def symbol_text(name: str) -> str:
    """A name with Greek letters and numeric subscripts: theta -> θ, xi_1 -> ξ₁."""
    head, *rest = name.split("_")
    tail = "".join(
        part.translate(_SUBSCRIPTS) if part.isdigit() else f"_{GREEK.get(part, part)}"
        for part in rest
    )
    return GREEK.get(head, head) + tail


def unicode_text(node: ex.Expression) -> str:
    """The expression as one line of Unicode.

    Example:
        >>> import sdekit as sk
        >>> n = sk.dim("n")
        >>> p, xi = sk.vector("p", n), sk.scalar("xi")
        >>> unicode_text(sk.dot(p, p) / 2 - xi * n)
        '|p|²/2 - ξ n'
    """
    return _UNICODE.text(node)


def _product(node: ex.Product) -> tuple[str, int]:
    first, *rest = node.factors
    pieces = [_wrap(first, PRODUCT)]
    elementwise = sum(1 for factor in node.factors if factor.shape) > 1
    for factor in rest:
        pieces.append(("∘ " if elementwise and factor.shape else "") + _wrap(factor, POWER))
    return " ".join(pieces), PRODUCT


def _power(node: ex.Power) -> tuple[str, int]:
    base = _wrap(node.base, ATOM)
    if isinstance(node.exponent, ex.Number) and node.exponent.value.denominator == 1:
        return base + str(node.exponent.value).translate(_SUPERSCRIPTS), POWER
    return f"{base}^{_wrap(node.exponent, ATOM)}", POWER


def _dot(node: ex.Dot) -> tuple[str, int]:
    if node.left == node.right:
        bars = "‖" if node.left.ndim > 1 else "|"
        return f"{bars}{unicode_text(node.left)}{bars}²", POWER
    return f"{_wrap(node.left, POWER)}·{_wrap(node.right, POWER)}", PRODUCT


def _call(node: ex.Call) -> tuple[str, int]:
    arguments = ", ".join(map(unicode_text, node.arguments))
    return f"{symbol_text(node.function.name)}({arguments})", ATOM


def _gradient(node: ex.Gradient) -> tuple[str, int]:
    mark = "∇" if node.variable.shape else "∂"
    return f"{mark}{_subscript(node.variable)} {_wrap(node.operand, POWER)}", UNARY


def _divergence(node: ex.Divergence) -> tuple[str, int]:
    return f"div{_subscript(node.variable)} {_wrap(node.operand, ATOM)}", UNARY


def _subscript(x: Variable) -> str:
    return f"_{symbol_text(x.name)}"


def _eye(node: ex.Eye) -> tuple[str, int]:
    return "I" if len(node.dims) == 1 else f"I({', '.join(dim.name for dim in node.dims)})", ATOM


def _elementwise(node: ex.Elementwise) -> tuple[str, int]:
    template = FUNCTIONS[node.name].unicode or f"{node.name}(%s)"
    return template % unicode_text(node.operand), ATOM


def _abbreviation(node: Abbreviation) -> tuple[str, int]:
    inside = ", ".join(shown_arguments(node, unicode_text, UNICODE_RELATIONS))
    return (f"‖{inside}‖" if node.word == "norm" else f"{node.word}({inside})"), ATOM


def _transpose(node: ex.Transpose) -> tuple[str, int]:
    if node.axes == tuple(reversed(range(node.operand.ndim))):
        return f"{_wrap(node.operand, ATOM)}ᵀ", POWER
    return f"transpose({unicode_text(node.operand)}, {', '.join(map(str, node.axes))})", ATOM


_RULES: dict[type, Rule] = {
    ex.Number: plain_number,
    ex.Constant: lambda node: ({"pi": "π", "E": "e"}[node.name], ATOM),
    ex.Size: lambda node: (node.dim.name, ATOM),
    ex.Time: lambda node: ("t", ATOM),
    Variable: lambda node: (symbol_text(node.name), ATOM),
    Parameter: lambda node: (symbol_text(node.name), ATOM),
    ex.Call: _call,
    ex.Sum: lambda node: signed_sum(_UNICODE, node),
    ex.Negation: ("-{}", UNARY, (PRODUCT,)),
    ex.Product: _product,
    ex.Quotient: ("{}/{}", PRODUCT, (PRODUCT, POWER)),
    ex.Power: _power,
    ex.MatMul: ("{} {}", PRODUCT, (POWER, POWER)),
    ex.Dot: _dot,
    ex.Outer: ("{}⊗{}", PRODUCT, (POWER, POWER)),
    ex.Trace: ("tr({})", ATOM, (SUM,)),
    ex.Diag: ("diag({})", ATOM, (SUM,)),
    ex.Eye: _eye,
    ex.Ones: lambda node: ("1", ATOM),
    ex.Inverse: ("{}⁻¹", POWER, (ATOM,)),
    ex.LogDet: ("log det {}", UNARY, (ATOM,)),
    ex.Transpose: _transpose,
    ex.Gradient: _gradient,
    ex.Divergence: _divergence,
    ex.Elementwise: _elementwise,
    Abbreviation: _abbreviation,
    EachRow: lambda node: (
        f"{node.word}({symbol_text(node.function.name)}, {unicode_text(node.operand)})",
        ATOM,
    ),
}
_UNICODE = Notation("(%s)", _RULES)
_wrap = _UNICODE.inside


def dynamics_text(dynamics: Dynamics) -> str:
    """The triple, line by line, under its convention."""
    lines = [dynamics.name or "(unnamed dynamics)"]
    if dynamics.source:
        lines[0] += f"  [{dynamics.source}]"
    lines.append(f"  convention: {CONVENTION}")
    if dynamics.interpretation == "stratonovich":
        lines.append("  declared in the Stratonovich sense: dz = v dt + sigma o dW")
    names = [symbol_text(x.name) for x in dynamics.variables]
    width = max(len(name) for name in names)
    for name, x in zip(names, dynamics.variables, strict=True):
        drift = _wrap(dynamics.drift[x], PRODUCT)
        lines.append(f"  d{name:<{width}} = {drift} dt{_noise(dynamics, x)}   in {_space(x)}")
    for (x, y), block in dynamics.diffusion.items():
        lines.append(f"  {_block_name(dynamics, x, y)} = {_block_text(x, block)}")
    for (x, y), block in dynamics.gradient_noise.items():
        name = f"gradient noise D[{symbol_text(x.name)}, {symbol_text(y.name)}]"
        lines.append(f"  {name} = {_block_text(x, block)}, which no run injects")
    for label, energy in (("H", dynamics.hamiltonian), ("target", dynamics.target)):
        if energy is not None:
            lines.append(f"  {label} = {unicode_text(energy)}")
    for fact in dynamics.assume:
        relation = UNICODE_RELATIONS.get(fact.relation, fact.relation)
        lines.append(f"  assumed: {unicode_text(fact.left)} {relation} {unicode_text(fact.right)}")
    return "\n".join(lines)


def _block_name(dynamics: Dynamics, x: Variable, y: Variable) -> str:
    """D, or what is injected of it where gradient noise is apart."""
    name = f"D[{symbol_text(x.name)}, {symbol_text(y.name)}]"
    return f"injected {name}" if dynamics.gradient_noise else name


def _block_text(x: Variable, block: Expression) -> str:
    return f"{_wrap(block, PRODUCT)} I" if x.shape and not block.shape else unicode_text(block)


def _noise(dynamics: Dynamics, x: Variable) -> str:
    whole = sum_of_blocks(dynamics.diffusion, dynamics.gradient_noise)
    others = [y for y in dynamics.variables if full_block(whole, x, y) is not None]
    if not others:
        return ""
    symbol = symbol_text(x.name)
    if dynamics.interpretation == "stratonovich":
        return f" + σ[{symbol}] ∘ dW"
    correlated = ", correlated" if others != [x] else ""
    return f" + N(0, 2 D[{symbol}, {symbol}] dt{correlated})"


def _space(x: Variable) -> str:
    domain = x.domain
    period = "2π" if domain.period is None else unicode_text(domain.period)
    base = {"real": "ℝ", "positive": "(0, ∞)", "circle": f"(circle of period {period})"}.get(
        domain.kind, f"({domain.lower}, {domain.upper})"
    )
    if domain.is_joint:
        return f"{domain.kind.replace('_', ' ')}, {'×'.join(d.name for d in x.shape)}"
    symmetry = f" ({x.symmetry})" if x.symmetry else ""
    sizes = "×".join(str(dim.size) if dim.size else dim.name for dim in x.shape)
    return base + (f"^{sizes}" if len(x.shape) == 1 else f"^({sizes})" if sizes else "") + symmetry
