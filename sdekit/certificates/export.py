"""A verification as a certificate: the model and the evidence of each rung as JSON.

The stand-alone checker (`sdekit.certificates.checker`) derives everything anew and believes nothing
but the model; a rung whose evidence cannot be written, or that the checker cannot repeat, is not
certified and says why. Not for kernels, and not for uniqueness and reversibility.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdekit.certificates.checker.check import FORMAT, UNREADABLE, check
from sdekit.certificates.checker.index_ring import Refused
from sdekit.certificates.model_trees import model_tree
from sdekit.certificates.refutation_points import refutation_point
from sdekit.certificates.rung_evidence import evidence_trees, shown_signs
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import VerificationError
from sdekit.verifier.verdict import Check, Verdict, Verification


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
    dynamics = dynamics.ito()
    model = model_tree(dynamics)
    content = {"format": FORMAT, "name": verification.name, "model": model, "claim": claim}
    content["shown"] = shown_signs(dynamics, content)
    found = {name: verification.checks.get(name) for name in verification.required}
    rungs = {name: _rung(name, c, content, dynamics) for name, c in found.items()}
    return {**content, "rungs": rungs}


def _rung(
    name: str, check: Check | None, content: Mapping[str, Any], dynamics: Dynamics
) -> dict[str, Any]:
    if check is None:
        return {"verdict": Verdict.UNDECIDED.value, "open": "no law is claimed"}
    rung: dict[str, Any] = {"verdict": check.verdict.value, "reason": check.reason}
    if check.assumed is not None:
        rung["assumed"] = check.assumed
    try:
        evidence = evidence_trees(check.evidence or {"kind": "inspection"}, content, dynamics)
        if check.witness is not None:
            evidence = refutation_point(name, check.witness, content, evidence.get("blocks"))
            if evidence is None:
                raise VerificationError(
                    "no point of exact values was found", found=str(check.witness)
                )
        rung["evidence"] = evidence
    except (VerificationError, Refused) as error:
        rung["open"] = str(error)
    return rung


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


def read_certificate(path: str | Path, formats: tuple[Any, ...] = (FORMAT,)) -> dict[str, Any]:
    """Read a certificate and look that it has its parts, and one of these formats.

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
    if missing or content["format"] not in formats:
        raise VerificationError(
            f"{path} is no certificate of format {' or '.join(map(str, formats))}",
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
