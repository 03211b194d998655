"""A verification as a certificate: the model and the evidence of each rung as JSON.

The stand-alone checker (`sdekit.certificates.checker`) derives everything anew and believes nothing
but the model; a rung whose evidence cannot be written, or that the checker cannot repeat, is not
certified and says why. Not for kernels, and not for uniqueness and reversibility.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from sdekit.certificates.checker.check import UNREADABLE, check
from sdekit.certificates.checker.index_ring import Refused
from sdekit.certificates.integral_evidence import integral_evidence
from sdekit.certificates.refutation_points import refutation_point
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.dynamics_checks import require_free_entries
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation
from sdekit.declaration.tree.domains import JOINT_KINDS, REAL, Domain
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter, Variable
from sdekit.errors import VerificationError
from sdekit.verifier.integrals.elimination import Step
from sdekit.verifier.ladder import verify
from sdekit.verifier.question import read_sizes
from sdekit.verifier.verdict import Check, Verdict, Verification

Tree = list[Any]

#: The format of certificate files.
FORMAT = 2
#: What the message of every refusal begins with.
_OUTSIDE = "certificates do not cover this model"


def certify(
    dynamics: Dynamics,
    n: int | Mapping[str, int] | None = None,
    *,
    path: str | Path | None = None,
) -> dict[str, Any]:
    """Verify a dynamics and give the certificate of its verdict.

    Args:
        dynamics: The declaration.
        n: Sizes, as for `sdekit.verify`; all sizes when left out.
        path: Where to write it as JSON, for `sdekit check`; None to write nothing.

    Returns:
        An object for JSON: format, name, model, claim, and for every required rung its verdict
        with the evidence.

    Raises:
        VerificationError: If the model cannot be written as trees, or the file cannot be written.

    Checked by: tests/certificates/test_checker.py.
    """
    require_free_entries(dynamics.variables, "no certificate knows")
    verification = verify(dynamics, n)
    content = certificate(dynamics, verification, read_sizes(dynamics, n))
    if path is not None:
        write_certificate(path, content)
    return content


def certificate(
    dynamics: Dynamics, verification: Verification, sizes: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """The certificate of a verdict that has been reached already.

    Args:
        dynamics: The declaration.
        verification: Its verification.
        sizes: The sizes it was verified at; None or empty for all sizes.

    Returns:
        An object for JSON: format, name, model, claim, rungs.

    Raises:
        VerificationError: If the model cannot be written as trees.
    """
    claim = {
        "verdict": verification.verdict.value,
        "conditional": verification.is_conditional,
        "sizes": dict(sizes or {}),
    }
    model = model_tree(dynamics.ito())
    content = {"format": FORMAT, "name": verification.name, "model": model, "claim": claim}
    found = {name: verification.checks.get(name) for name in verification.required}
    return {**content, "rungs": {name: _rung(name, c, content) for name, c in found.items()}}


def _rung(name: str, check: Check | None, content: Mapping[str, Any]) -> dict[str, Any]:
    if check is None:
        return {"verdict": Verdict.UNDECIDED.value, "open": "no law is claimed"}
    rung: dict[str, Any] = {"verdict": check.verdict.value, "reason": check.reason}
    if check.assumed is not None:
        rung["assumed"] = check.assumed
    try:
        evidence = as_trees(check.evidence or {"kind": "inspection"})
        if check.witness is not None:
            evidence = refutation_point(name, check.witness, content, evidence.get("blocks"))
            if evidence is None:
                raise VerificationError(
                    "no point of exact values was found", found=str(check.witness)
                )
        rung["evidence"] = evidence
    except VerificationError as error:
        rung["open"] = str(error)
    return rung


def as_trees(evidence: Any) -> Any:
    """Evidence with its expressions as trees, and the steps of an integral by name.

    Raises:
        VerificationError: If no evidence can be written for a step or an expression.
    """
    match evidence:
        case ex.Expression():
            return expression_tree(evidence)
        case Step():
            found = integral_evidence(evidence)
            if found is None:
                raise VerificationError("no named integral", found=evidence.reason)
            return as_trees(found)
        case dict():
            return {key: as_trees(value) for key, value in evidence.items()}
        case list() | tuple():
            return [as_trees(value) for value in evidence]
    return evidence


def write_certificate(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write a certificate as JSON.

    Raises:
        VerificationError: If the file cannot be written.
    """
    try:
        Path(path).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise VerificationError(
            f"cannot write {path}",
            found=error.strerror or error,
            fix="name a file in a folder that exists and can be written to",
        ) from None


def read_certificate(path: str | Path) -> dict[str, Any]:
    """Read a certificate and look that it has its parts.

    Raises:
        VerificationError: If the file is no certificate.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise VerificationError(
            f"cannot read {path}",
            found=error.strerror or error,
            fix="name a certificate that exists and can be read",
        ) from None
    except (ValueError, RecursionError) as error:
        raise VerificationError(
            f"{path} is no certificate", expected="JSON", found=str(error)[:100],
            fix="sdekit verify NAME --certificate FILE.json writes one; a report is decided anew "
            f"by sdekit verify {path}",
        ) from None  # fmt: skip
    parts = content if isinstance(content, dict) else {}
    missing = [key for key in ("format", "model", "claim") if key not in parts]
    if missing or content["format"] != FORMAT:
        raise VerificationError(
            f"{path} is no certificate of format {FORMAT}",
            found=f"no {', '.join(missing)}" if missing else f"format {content['format']}",
        )
    return content


@dataclass(frozen=True)
class Checked:
    """What the stand-alone checker says of a certificate.

    Attributes:
        verdict: The verdict that is certified as a whole; None if a rung is not certified.
        rungs: For each rung, whether it is certified, and a sentence.
        rejected: Why the certificate is rejected; None if it is not.
    """

    verdict: str | None
    rungs: Mapping[str, tuple[bool, str]]
    rejected: str | None = None


def recheck(content: Mapping[str, Any], model: Dynamics | None = None) -> Checked:
    """Hand a certificate to the stand-alone checker.

    Args:
        content: The certificate.
        model: The dynamics that it has to be about; None to believe the one in it.

    Raises:
        VerificationError: If the checker cannot read it.

    Checked by: tests/certificates/test_checker.py.
    """
    try:
        return Checked(*check(content, None if model is None else model_tree(model.ito())))
    except Refused as reason:
        return Checked(None, {}, str(reason))
    except UNREADABLE as error:
        # The checker is kept free of input checks, so that it can be read in one sitting.
        raise VerificationError(
            "no usable certificate",
            found=f"{type(error).__name__}: {error}"[:200],
            fix="write it again with sdekit.certify or sdekit verify --certificate",
        ) from None


def check_certificate(path: str | Path, model: Dynamics | None = None) -> Checked:
    """Hand a certificate file to the stand-alone checker.

    Raises:
        VerificationError: If the file is no certificate, or the checker cannot read its model.
    """
    return recheck(read_certificate(path), model)


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
    symbols = {x.name: _symbol("variable", x) for x in dynamics.variables}
    symbols |= {p.name: _symbol("parameter", p) for p in dynamics.parameters if p.value is None}
    for function in dynamics.functions:
        arguments = [argument.name for argument in function.arguments]
        symbols[function.name] = {**_symbol("function", function), "of": arguments}
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


def _symbol(role: str, declared: Variable | Parameter | FunctionSymbol) -> dict[str, Any]:
    entry: dict[str, Any] = {"role": role, "shape": _names(declared.shape)}
    assumptions = sorted(getattr(declared, "assumptions", ()))
    symmetry = getattr(declared, "symmetry", None) or next(
        (kind for kind in ("symmetric", "antisymmetric") if kind in assumptions), None
    )
    if symmetry and len(declared.shape) == 2:
        entry["symmetry"] = symmetry
    if assumptions:
        entry["assumptions"] = assumptions
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
    ex.Trace: lambda node: ["trace", expression_tree(node.operand)],
    ex.Inverse: lambda node: ["inverse", expression_tree(node.operand)],
    ex.LogDet: lambda node: ["logdet", expression_tree(node.operand)],
    ex.Elementwise: _elementwise,
    Abbreviation: _abbreviation,
    ex.Diag: lambda node: ["diag", expression_tree(node.operand)],
    ex.Eye: lambda node: ["eye", _names(node.dims)],
    ex.Ones: lambda node: ["ones", _names(node.dims)],
    ex.Transpose: lambda node: ["transpose", expression_tree(node.operand), list(node.axes)],
    ex.Gradient: lambda node: ["grad", expression_tree(node.operand), node.variable.name],
    ex.Divergence: lambda node: ["div", expression_tree(node.operand), node.variable.name],
}
