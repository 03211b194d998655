"""A model and its stationarity claim as JSON, for the stand-alone checker.

A certificate holds the declaration itself, not a derivation: `checker.py` derives everything anew
and believes nothing but the model. Only the polynomial fragment has certificates (polynomials in
variables, parameters, sizes and unknown functions at their own variables, divided by monomials of
parameters and sizes). Not for the other rungs of the ladder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdekit.certificates.checker import check
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.dynamics_checks import require_free_entries
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.errors import VerificationError
from sdekit.verifier.ladder import verify
from sdekit.verifier.question import read_sizes
from sdekit.verifier.verdict import Verdict, Verification

Tree = list[Any]

#: The format of certificate files.
FORMAT = 1
#: What the message of every refusal begins with.
_OUTSIDE = "certificates cover polynomial models only"


def certify(
    dynamics: Dynamics,
    n: int | Mapping[str, int] | None = None,
    *,
    path: str | Path | None = None,
) -> dict[str, Any]:
    """Verify a dynamics and give the certificate of its stationarity verdict.

    Args:
        dynamics: The declaration.
        n: Sizes, as for `sdekit.verify`; all sizes when left out.
        path: Where to write it as JSON, for `sdekit check`; None to write nothing.

    Returns:
        An object for JSON: format, name, model, claim.

    Raises:
        VerificationError: If the verdict is open, the model is outside the polynomial fragment,
            or the file cannot be written.

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
    """The certificate of a stationarity verdict that has been reached already.

    Args:
        dynamics: The declaration.
        verification: Its verification; the stationarity must be proved or refuted.
        sizes: The sizes it was verified at; None or empty for all sizes.

    Returns:
        An object for JSON: format, name, model, claim.

    Raises:
        VerificationError: If the verdict is open, or the model is outside the polynomial fragment.
    """
    check = verification.checks.get("stationarity")
    if check is None or check.verdict is Verdict.UNDECIDED:
        raise VerificationError(
            "there is no certificate without a verdict on stationarity",
            found="no claim" if check is None else check.reason,
        )
    at = dict(sizes or {})
    if check.verdict is Verdict.REFUTED and not at and check.witness is not None:
        at = {name: int(size) for name, size in check.witness.dimensions.items()}
    claim: dict[str, Any] = {"verdict": check.verdict.value, "sizes": at}
    if verification.is_conditional:
        claim["assumed"] = list(verification.conditions)
    return {
        "format": FORMAT,
        "name": verification.name,
        "model": model_tree(dynamics.ito()),
        "claim": claim,
    }


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
        raise VerificationError(f"{path} is no JSON", found=str(error)[:100]) from None
    parts = content if isinstance(content, dict) else {}
    missing = [key for key in ("format", "model", "claim") if key not in parts]
    if missing or content["format"] != FORMAT:
        raise VerificationError(
            f"{path} is no certificate of format {FORMAT}",
            found=f"no {', '.join(missing)}" if missing else f"format {content['format']}",
        )
    return content


def check_certificate(path: str | Path) -> tuple[bool, str]:
    """Hand a certificate to the stand-alone checker.

    Returns:
        Whether the checker accepts it, and what it says.

    Raises:
        VerificationError: If the file is no certificate, or the checker cannot read its model.
    """
    content = read_certificate(path)
    try:
        return check(content)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        # The checker is kept free of input checks, so that it can be read in one sitting.
        raise VerificationError(
            f"{path} is no usable certificate",
            found=f"{type(error).__name__}: {error}",
            fix="write it again with sdekit.certify or sdekit verify --certificate",
        ) from None


def model_tree(dynamics: Dynamics) -> dict[str, Any]:
    """An Ito declaration as nested lists for the checker.

    Raises:
        VerificationError: If it is outside the polynomial fragment.
    """
    if dynamics.hamiltonian is None:
        raise VerificationError(
            "a dynamics without a hamiltonian claims nothing to certify",
            fix="declare hamiltonian=H with the density exp(-H)",
        )
    symbols: dict[str, Any] = {x.name: _symbol(x.shape, x.symmetry) for x in dynamics.variables}
    for parameter in dynamics.parameters:
        if parameter.value is None:
            symbols[parameter.name] = _symbol(parameter.shape, _symmetry(parameter.assumptions))
    for function in dynamics.functions:
        symbols[function.name] = {
            **_symbol(function.shape, _symmetry(function.assumptions)),
            "of": [argument.name for argument in function.arguments],
        }
    return {
        "dimensions": {dim.name: dim.size for dim in dynamics.dimensions},
        "symbols": symbols,
        "drift": {x.name: expression_tree(v) for x, v in dynamics.drift.items()},
        "diffusion": [
            [x.name, y.name, expression_tree(block)] for (x, y), block in dynamics.blocks()
        ],
        "hamiltonian": expression_tree(dynamics.hamiltonian),
    }


def _symbol(shape: ex.Shape, symmetry: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"shape": _names(shape)}
    return {**entry, "symmetry": symmetry} if symmetry else entry


def _symmetry(assumptions: frozenset[str]) -> str | None:
    return next((kind for kind in ("symmetric", "antisymmetric") if kind in assumptions), None)


def _names(dims: ex.Shape) -> list[str]:
    return [dim.name for dim in dims]


def expression_tree(node: ex.Expression) -> Tree:
    """An expression as nested lists.

    Raises:
        VerificationError: If it is outside the polynomial fragment.
    """
    writer = _WRITERS.get(type(node))
    if writer is None:
        raise VerificationError(_OUTSIDE, found=f"{node!r}"[:120])
    return writer(node)


def _power(node: ex.Power) -> Tree:
    exponent = node.exponent
    if not isinstance(exponent, ex.Number) or exponent.value.denominator != 1:
        raise VerificationError(_OUTSIDE, found=f"the power {node!r}"[:120])
    if exponent.value == 0:
        return ["ones", _names(node.shape)]
    return ["power", _divisor(node.base, exponent.value < 0), int(exponent.value)]


def _quotient(node: ex.Quotient) -> Tree:
    denominator = _divisor(node.denominator, True)
    return ["product", expression_tree(node.numerator), ["power", denominator, -1]]


def _divisor(node: ex.Expression, is_inverted: bool) -> Tree:
    monomial = (ex.Number, ex.Size, Parameter, Variable, ex.Product, ex.Power)
    if is_inverted and not all(isinstance(part, monomial) for part in node.walk()):
        raise VerificationError(_OUTSIDE, found=f"division by {node!r}"[:120])
    return expression_tree(node)


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
    ex.Diag: lambda node: ["diag", expression_tree(node.operand)],
    ex.Eye: lambda node: ["eye", _names(node.dims)],
    ex.Ones: lambda node: ["ones", _names(node.dims)],
    ex.Transpose: lambda node: ["transpose", expression_tree(node.operand), list(node.axes)],
    ex.Gradient: lambda node: ["grad", expression_tree(node.operand), node.variable.name],
    ex.Divergence: lambda node: ["div", expression_tree(node.operand), node.variable.name],
}
