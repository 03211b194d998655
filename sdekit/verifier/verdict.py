"""What a verification says: verdicts, witnesses, checks, and the whole of them as text and JSON.

Not for reaching a verdict; that is what the modules of the rungs do.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sdekit.errors import VerificationError
from sdekit.notebook import ShownInNotebooks

#: Version of the JSON that `Verification.to_dict` writes.
FORMAT = 1
#: Width of the printed text.
WIDTH = 100
#: Without each of these proved, exp(-H) is not shown to be what is sampled.
REQUIRED = (
    "diffusion_symmetric",
    "diffusion_psd",
    "stationarity",
    "marginalization",
    "normalizable",
    "regularity",
    "non_explosion",
)


class Verdict(StrEnum):
    """Three values: a proof, a counterexample, or neither."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


def _frozen(mapping: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(mapping or {})


@dataclass(frozen=True)
class Witness:
    """An exact point at which a claim fails.

    Attributes:
        dimensions: Size of each symbolic dimension.
        point: Exact rational value of every symbol that matters, as text such as "3/2".
        value: What the claim says is zero (or non-negative, or finite) is this there: an exact
            number, a ball "[m +/- r]" that excludes zero, or "infinite".
        direction: For a matrix that is not positive semidefinite, x with x^T D x < 0.
        functions: For unknown functions, a concrete choice that the claim fails for.
    """

    dimensions: Mapping[str, int]
    point: Mapping[str, str]
    value: str
    direction: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The witness as plain data; `direction` and `functions` only where there are some."""
        data: dict[str, Any] = {
            "dimensions": _frozen(self.dimensions),
            "point": _frozen(self.point),
            "value": self.value,
        }
        if self.direction:
            data["direction"] = _frozen(self.direction)
        if self.functions:
            data["functions"] = _frozen(self.functions)
        return data

    def __str__(self) -> str:
        parts = [f"{name} = {size}" for name, size in self.dimensions.items()]
        parts += [f"{name} = {value}" for name, value in self.point.items()]
        parts += [f"{name} = {text}" for name, text in self.functions.items()]
        place = ", ".join(parts) if parts else "every point"
        text = f"{self.value} at {place}"
        if self.direction:
            along = ", ".join(f"{name}: {value}" for name, value in self.direction.items())
            text += f"; along ({along})"
        return text


@dataclass(frozen=True)
class Check:
    """Verdict of one rung, with its evidence.

    Attributes:
        verdict: Proved, refuted or undecided.
        reason: Why, as one sentence.
        residual: What should have been zero, with its terms grouped; None where nothing is.
        witness: Where the claim fails; given exactly when it is refuted.
        details: Further evidence as plain data, such as a certificate field.
        assumed: What a proof takes for granted because unknown functions leave it open; the whole
            verdict is then conditional on it. None for an outright proof.
        assumptions: What the verdict takes for granted, as sentences.
        side_conditions: Where the verdict holds, such as "mu != 0".
        evidence: What a stand-alone checker needs to repeat a proof, beyond the model: the kind of
            argument with its data, for `sdekit.certificates`. Not part of `to_dict`.
    """

    verdict: Verdict
    reason: str
    residual: str | None = None
    witness: Witness | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    assumed: str | None = None
    assumptions: tuple[str, ...] = ()
    side_conditions: tuple[str, ...] = ()
    evidence: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def is_proved(self) -> bool:
        """Whether the claim is proved."""
        return self.verdict is Verdict.PROVED

    @property
    def is_refuted(self) -> bool:
        """Whether the claim has a counterexample."""
        return self.verdict is Verdict.REFUTED

    def to_dict(self) -> dict[str, Any]:
        """The check as plain data, with the keys that it has something to say for."""
        data: dict[str, Any] = {"verdict": self.verdict.value, "reason": self.reason}
        if self.assumed is not None:
            data["assumed"] = self.assumed
        if self.residual is not None:
            data["residual"] = self.residual
        if self.witness is not None:
            data["witness"] = self.witness.to_dict()
        if self.details:
            data["details"] = _frozen(self.details)
        return data


def proved(reason: str, **evidence: Any) -> Check:
    """A proved check; keywords are the fields of `Check`."""
    return Check(Verdict.PROVED, reason, **evidence)


def refuted(reason: str, witness: Witness, **evidence: Any) -> Check:
    """A refuted check, which needs its witness; keywords are the fields of `Check`."""
    return Check(Verdict.REFUTED, reason, witness=witness, **evidence)


def undecided(reason: str, **evidence: Any) -> Check:
    """An undecided check; keywords are the fields of `Check`."""
    return Check(Verdict.UNDECIDED, reason, **evidence)


@dataclass(frozen=True)
class Verification(ShownInNotebooks):
    """All checks of one dynamics or kernel.

    Attributes:
        name: Name of the dynamics.
        scope: "all n", "components", or the sizes, such as "n=2, k=3".
        checks: The checks by name, in the order of the ladder.
        seconds: Time it took, for information.
        required: The checks that decide the whole.
    """

    name: str
    scope: str
    checks: Mapping[str, Check]
    seconds: float = 0.0
    required: tuple[str, ...] = REQUIRED

    def __bool__(self) -> bool:
        """Refuse, since a refuted verification would be as true as a proved one.

        Raises:
            VerificationError: Always.
        """
        raise VerificationError(
            "a verification is neither true nor false",
            expected="one of three verdicts",
            fix="ask .verdict, such as .verdict is sdekit.Verdict.PROVED",
        )

    @property
    def verdict(self) -> Verdict:
        """Refuted if a required check is; proved if all required ones are."""
        found = {name: check.verdict for name, check in self.checks.items()}
        if any(found.get(name) is Verdict.REFUTED for name in self.required):
            return Verdict.REFUTED
        if all(found.get(name) is Verdict.PROVED for name in self.required):
            return Verdict.PROVED
        return Verdict.UNDECIDED

    @property
    def conditions(self) -> tuple[str, ...]:
        """What a proof of the whole takes for granted of unknown functions, each once."""
        if self.verdict is not Verdict.PROVED:
            return ()
        return _each_once((c.assumed,) for c in self.checks.values() if c.assumed is not None)

    @property
    def is_conditional(self) -> bool:
        """Whether the whole is proved under a condition on its unknown functions only."""
        return bool(self.conditions)

    @property
    def open_checks(self) -> tuple[str, ...]:
        """The required checks that are neither proved nor refuted."""
        found = {name: self.checks.get(name) for name in self.required if name in self.checks}
        return tuple(
            n for n, c in found.items() if c is not None and c.verdict is Verdict.UNDECIDED
        )

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What the verdicts take for granted, each once; conditions of the whole come first."""
        rest = (check.assumptions for check in self.checks.values())
        return _each_once((self.conditions, *rest))

    @property
    def headline(self) -> str:
        """The verdict of the whole in one line, such as "PROVED, if solutions do not explode"."""
        said = self.verdict.value.upper()
        if self.is_conditional:
            return f"{said}, if {' and '.join(self.conditions)}"
        if self.verdict is Verdict.UNDECIDED and "stationarity" in self.checks:
            return f"{said}, all but {', '.join(self.open_checks)} is proved"
        return said

    @property
    def side_conditions(self) -> tuple[str, ...]:
        """Where the verdicts hold, each once."""
        return _each_once(check.side_conditions for check in self.checks.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain data, the same object that `sdekit verify --json` prints."""
        return {
            "format": FORMAT,
            "name": self.name,
            "scope": self.scope,
            "verdict": self.verdict.value,
            "conditional": self.is_conditional,
            "seconds": round(self.seconds, 6),
            "checks": {name: check.to_dict() for name, check in self.checks.items()},
            "assumptions": list(self.assumptions),
            "side_conditions": list(self.side_conditions),
        }

    def __str__(self) -> str:
        lines = [f"{self.name or 'dynamics'} ({self.scope}): {self.headline}"]
        width = max((len(name) for name in self.checks), default=0)
        for name, check in self.checks.items():
            lines += _check_lines(name, check, width)
        if self.required == REQUIRED and "stationarity" not in self.checks:
            lines.append("  no law is claimed: there is no H, or a coefficient depends on time")
        lines += _list_lines("assuming", self.assumptions)
        lines += _list_lines("where", self.side_conditions)
        if self.required == REQUIRED and self.verdict is Verdict.REFUTED:
            lines.append("  sk.repair(dynamics) looks for small changes that are proved")
        return "\n".join(lines)


def _each_once(groups: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(sentence for group in groups for sentence in group))


#: Marks of the verdicts in the printed text; ASCII, so that every terminal shows them.
_MARKS = {Verdict.PROVED: "+", Verdict.REFUTED: "x", Verdict.UNDECIDED: "?"}


def _check_lines(name: str, check: Check, width: int) -> list[str]:
    head = f"  {_MARKS[check.verdict]} {name:<{width}}  {check.verdict.value:<9}  "
    lines = _wrapped(head, check.reason)
    if check.verdict is Verdict.PROVED:
        return lines
    indent = " " * 6
    leftover = _grouped_text(check.details.get("grouped") or {}) or check.residual
    if leftover is not None:
        lines += _wrapped(f"{indent}left over: ", leftover)
    if check.witness is not None:
        lines += _wrapped(f"{indent}witness:   ", str(check.witness))
    return lines


def _grouped_text(groups: Mapping[str, str]) -> str | None:
    """Coefficients in brackets before what they multiply; None if no group has several terms."""
    if not any(" " in coefficient for coefficient in groups.values()):
        return None
    parts = []
    for factor, coefficient in groups.items():
        shown = f"({coefficient})" if " " in coefficient else coefficient
        parts.append(shown if factor == "1" else f"{shown}*{factor}")
    return " + ".join(parts).replace(" + -", " - ")


def _list_lines(title: str, sentences: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    for sentence in sentences:
        lines += _wrapped(f"  {title + ':' if not lines else '':<10} ", sentence)
    return lines


def _wrapped(head: str, text: str) -> list[str]:
    wrapped = textwrap.wrap(text, WIDTH - len(head), break_long_words=False, break_on_hyphens=False)
    first, *rest = wrapped or [""]
    return [(head + first).rstrip(), *(" " * len(head) + line for line in rest)]
