"""Declarations as nested lists of JSON, for the stand-alone checker of certificates.

Not for reading them back: nothing but the checker does (`sdekit.certificates.checker`).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation
from sdekit.declaration.tree.domains import JOINT_KINDS, REAL, Domain
from sdekit.declaration.tree.operators import ONE
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter, Variable
from sdekit.errors import VerificationError

Tree = list[Any]

#: What the message of every refusal begins with.
_OUTSIDE = "certificates do not cover this model"


def model_tree(dynamics: Dynamics) -> dict[str, Any]:
    """An Ito declaration as nested lists for the checker.

    Raises:
        VerificationError: If a part of it has no form there.
    """
    if dynamics.hamiltonian is None:
        raise VerificationError(
            "a dynamics without a hamiltonian claims nothing to certify",
            fix="declare hamiltonian=H with the density exp(-H)",
        )
    symbols = {x.name: symbol_entry("variable", x) for x in dynamics.variables}
    symbols |= {
        p.name: symbol_entry("parameter", p) for p in dynamics.parameters if p.value is None
    }
    for function in dynamics.functions:
        arguments = [argument.name for argument in function.arguments]
        symbols[function.name] = {**symbol_entry("function", function), "of": arguments}
    target = dynamics.hamiltonian if dynamics.target is None else dynamics.target
    return {
        "dimensions": {dim.name: dim.size for dim in dynamics.dimensions},
        "symbols": symbols,
        "drift": {x.name: expression_tree(v) for x, v in dynamics.drift.items()},
        "diffusion": [
            [x.name, y.name, expression_tree(block)] for (x, y), block in dynamics.blocks()
        ],
        "hamiltonian": expression_tree(dynamics.hamiltonian),
        "target": expression_tree(target),
        "target_variables": [x.name for x in dynamics.target_variables],
    }


def symbol_entry(role: str, declared: Variable | Parameter | FunctionSymbol) -> dict[str, Any]:
    """What is declared of a symbol.

    Raises:
        VerificationError: If it lives on a domain that has no form there.
    """
    entry: dict[str, Any] = {"role": role, "shape": _names(declared.shape)}
    assumptions = sorted(getattr(declared, "assumptions", ()))
    symmetry = getattr(declared, "symmetry", None) or next(
        (kind for kind in ("symmetric", "antisymmetric") if kind in assumptions), None
    )
    words = [word for word in assumptions if word not in ("symmetric", "antisymmetric")]
    if symmetry and len(declared.shape) == 2:
        entry["symmetry"] = symmetry
    if words:
        entry["assumptions"] = words
    domain = getattr(declared, "domain", REAL)
    if domain != REAL:
        entry["domain"] = _domain(domain)
    return entry


def _domain(domain: Domain) -> dict[str, Any]:
    if domain.kind in JOINT_KINDS or domain.period is not None:
        raise VerificationError(_OUTSIDE, found=f"a variable on {domain}"[:120])
    if domain.kind != "interval":
        return {"kind": domain.kind}
    ends = domain.lower, domain.upper
    if not all(isinstance(end, (int, Fraction)) for end in ends):
        raise VerificationError(_OUTSIDE, found=f"an interval with the ends {ends}"[:120])
    return {"kind": "interval", "lower": str(ends[0]), "upper": str(ends[1])}


def _names(dims: ex.Shape) -> list[str]:
    return [dim.name for dim in dims]


def expression_tree(node: ex.Expression) -> Tree:
    """An expression as nested lists.

    Raises:
        VerificationError: If a part of it has no form there.
    """
    writer = _WRITERS.get(type(node))
    if writer is None:
        raise VerificationError(_OUTSIDE, found=f"{node!r}"[:120])
    return writer(node)


def _power(node: ex.Power) -> Tree:
    exponent = node.exponent
    if not isinstance(exponent, ex.Number):
        raise VerificationError(_OUTSIDE, found=f"the power {node!r}"[:120])
    if exponent.value == 0:
        return ["ones", _names(node.shape)]
    return ["power", expression_tree(node.base), str(exponent.value)]


def _quotient(node: ex.Quotient) -> Tree:
    denominator = expression_tree(node.denominator)
    return ["product", expression_tree(node.numerator), ["power", denominator, "-1"]]


def _elementwise(node: ex.Elementwise) -> Tree:
    if node.name == "sqrt":
        return ["power", expression_tree(node.operand), "1/2"]
    return ["function", node.name, expression_tree(node.operand)]


def _abbreviation(node: Abbreviation) -> Tree:
    if node.meaning is None:
        raise VerificationError(_OUTSIDE, found=f"{node!r}"[:120])
    return expression_tree(node.meaning)


def _call(node: ex.Call) -> Tree:
    if node.arguments != node.function.arguments:
        raise VerificationError(_OUTSIDE, found=f"{node!r}, not at its own variables"[:120])
    return ["symbol", node.function.name]


def _parameter(node: Parameter) -> Tree:
    return ["symbol", node.name] if node.value is None else ["number", str(node.value)]


def _contract(left: ex.Expression, right: ex.Expression, axes: int) -> Tree:
    return ["contract", expression_tree(left), expression_tree(right), axes]


def _diag(node: ex.Diag) -> Tree:
    inner, dims = expression_tree(node.operand), node.operand.shape[:1]
    if node.operand.ndim == 1:
        return ["diag", inner]
    return ["contract", ["product", inner, ["eye", _names(dims)]], ["ones", _names(dims)], 1]


def _inverse(node: ex.Expression) -> Tree:
    """inv(inv(P)) = P, inv(c P) = inv(P)/c and inv(diag(v)) = diag(1/v) are written so."""
    c, rest = _scalar_part(node)
    if c is not None:
        return ["product", ["power", expression_tree(c), "-1"], _inverse(rest)]
    match node:
        case ex.Inverse():
            return expression_tree(node.operand)
        case ex.Diag() if node.operand.ndim == 1:
            return ["diag", ["power", expression_tree(node.operand), "-1"]]
    return ["inverse", expression_tree(node)]


def _logdet(node: ex.Expression) -> Tree:
    """As `_inverse`, by sums."""
    c, rest = _scalar_part(node)
    if c is not None:
        size, log = ["size", node.shape[0].name], ["function", "log", expression_tree(c)]
        return ["sum", ["product", size, log], _logdet(rest)]
    match node:
        case ex.Inverse():
            return ["product", ["number", "-1"], _logdet(node.operand)]
        case ex.Diag() if node.operand.ndim == 1:
            log = ["function", "log", expression_tree(node.operand)]
            return ["contract", ["ones", _names(node.operand.shape)], log, 1]
    return ["logdet", expression_tree(node)]


def _scalar_part(node: ex.Expression) -> tuple[ex.Expression | None, ex.Expression]:
    """A scalar factor, if there is one, and the rest."""
    match node:
        case ex.Product():
            scalars = [f for f in node.factors if not f.shape]
            matrices = [f for f in node.factors if f.shape]
            if scalars and matrices:
                return ex.Product(tuple(scalars)), ex.Product(tuple(matrices))
            if len(node.factors) == 1:
                return _scalar_part(node.factors[0])
        case ex.Quotient() if not node.denominator.shape and node.shape:
            return ex.Quotient(ONE, node.denominator), node.numerator
    return None, node


_WRITERS: dict[type, Any] = {
    ex.Number: lambda node: ["number", str(node.value)],
    ex.Size: lambda node: ["size", node.dim.name],
    Variable: lambda node: ["symbol", node.name],
    Parameter: _parameter,
    ex.Call: _call,
    ex.Sum: lambda node: ["sum", *map(expression_tree, node.terms)],
    ex.Negation: lambda node: ["product", ["number", "-1"], expression_tree(node.operand)],
    ex.Product: lambda node: ["product", *map(expression_tree, node.factors)],
    ex.Quotient: _quotient,
    ex.Power: _power,
    ex.MatMul: lambda node: _contract(node.left, node.right, 1),
    ex.Dot: lambda node: _contract(node.left, node.right, node.left.ndim),
    ex.Outer: lambda node: _contract(node.left, node.right, 0),
    ex.Trace: lambda node: _contract(node.operand, ex.Eye(node.operand.shape[:1]), 2),
    ex.Inverse: lambda node: _inverse(node.operand),
    ex.LogDet: lambda node: _logdet(node.operand),
    ex.Elementwise: _elementwise,
    Abbreviation: _abbreviation,
    ex.Diag: _diag,
    ex.Eye: lambda node: ["eye", _names(node.dims)],
    ex.Ones: lambda node: ["ones", _names(node.dims)],
    ex.Transpose: lambda node: ["transpose", expression_tree(node.operand), list(node.axes)],
    ex.Gradient: lambda node: ["grad", expression_tree(node.operand), node.variable.name],
    ex.Divergence: lambda node: ["div", expression_tree(node.operand), node.variable.name],
}
