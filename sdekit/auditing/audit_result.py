"""What an audit found, as data: verdicts, evidence, stationary moments. Not for finding it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CONSISTENT, INCONSISTENT, OPEN = "consistent", "inconsistent", "not enough evidence"
NOT_APPLICABLE = "not applicable"
#: Differences below this share of the largest coefficient, or of a standard deviation or variance,
#: are not judged: an extrapolation with three step sizes cannot tell them from its own bias.
FLOOR = 2e-3


@dataclass
class Comparison:
    """What comparisons have found so far.

    Attributes:
        discrepancies: What is wrong, in words.
        resolution: The largest relative change of a term that would not have been seen.
        checks: Name, largest |z| and threshold of each comparison.
    """

    discrepancies: list[str]
    resolution: float
    checks: dict[str, dict[str, float]]


@dataclass(frozen=True)
class StationaryMoments:
    """Moments of chains that started in the stationary law, against that law.

    Attributes:
        verdict: "consistent", "inconsistent", "not enough evidence" or "not applicable".
        reason: Why it is not applicable, or why there is no evidence; empty otherwise.
        law: Where the theory comes from: "exp(-H)" or "linear SDE".
        chains: Independent chains at each step size.
        steps: Steps of a chain at each step size.
        step_sizes: Ascending; the moments are extrapolated from them to zero.
        resolution: The largest relative change of a variable's variance that would not have been
            seen; infinite where the chains still remember their start.
        variances: For each variable its variance, expected, found (the expected one times the mean
            square in units of the expected covariance), its standard error, the bound of the
            extrapolation's bias, the memory of the start, and the value at each step size.
    """

    verdict: str
    reason: str = ""
    law: str = ""
    chains: int = 0
    steps: tuple[int, ...] = ()
    step_sizes: tuple[float, ...] = ()
    resolution: float = math.inf
    variances: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; None for an infinite resolution."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "law": self.law,
            "chains": self.chains,
            "steps": list(self.steps),
            "step_sizes": list(self.step_sizes),
            "resolution": self.resolution if math.isfinite(self.resolution) else None,
            "variances": {name: dict(values) for name, values in self.variances.items()},
        }

    def __str__(self) -> str:
        text = f"stationary moments: {self.verdict}"
        if self.chains:
            runs = " and ".join(
                f"{n} steps of {h:g}" for n, h in zip(self.steps, self.step_sizes, strict=True)
            )
            text += f", {self.chains} chains of {runs}"
        if self.verdict == CONSISTENT:
            text += f"; a change of a variance by {self.resolution:.0%} would be seen"
        return f"{text} ({self.reason})" if self.reason else text


@dataclass(frozen=True)
class Audit:
    """What the audit of a step function found.

    Attributes:
        verdict: "consistent", "inconsistent" or "not enough evidence".
        discrepancies: What is wrong, as the term it looks like or the moment that is off.
        level: Probability that a correct step is called inconsistent, all checks together.
        resolution: The largest relative change of any term that would not have been seen in the
            one-step law.
        draws: Increments drawn for each state and step size.
        states: States compared.
        step_sizes: The step sizes of the regression.
        checks: Name, largest |z| and threshold of each comparison.
        stationary: The stationary moments, where they are known.
        seconds: Time it took.
        reason: Why there is not enough evidence; empty otherwise.
    """

    verdict: str
    discrepancies: tuple[str, ...]
    level: float
    resolution: float
    draws: int
    states: int
    step_sizes: tuple[float, ...]
    checks: Mapping[str, Mapping[str, float]]
    stationary: StationaryMoments
    seconds: float
    reason: str = ""

    @property
    def is_consistent(self) -> bool:
        """Whether every comparison agreed, with enough evidence."""
        return self.verdict == CONSISTENT

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; None for an infinite resolution."""
        return {
            "format": 1,
            "verdict": self.verdict,
            "reason": self.reason,
            "discrepancies": list(self.discrepancies),
            "level": self.level,
            "resolution": self.resolution if math.isfinite(self.resolution) else None,
            "draws": self.draws,
            "states": self.states,
            "step_sizes": list(self.step_sizes),
            "checks": {name: dict(values) for name, values in self.checks.items()},
            "stationary": self.stationary.to_dict(),
            "seconds": self.seconds,
        }

    def __str__(self) -> str:
        lines = [
            f"{self.verdict.upper()} at level {self.level:g}: {self.draws} increments at each of "
            f"{self.states} states, step sizes {', '.join(f'{h:g}' for h in self.step_sizes)}"
        ]
        if self.reason:
            lines.append(f"  {self.reason}")
        lines += [f"  x {text}" for text in self.discrepancies]
        lines += [*_check_lines(self.checks), f"  {self.stationary}"]
        if self.verdict != INCONSISTENT and math.isfinite(self.resolution):
            lines.append(f"  a relative change of a term by {self.resolution:.0%} would be seen")
        return "\n".join(lines)


@dataclass(frozen=True)
class KernelAudit:
    """What the audit of one step of a Markov kernel found.

    Attributes:
        verdict: "consistent", "inconsistent" or "not enough evidence".
        discrepancies: What is off, in words.
        level: Probability that a right step is called inconsistent, all checks together.
        resolution: A change of an expectation by one step, in units of the bounded functions that
            are compared (at most 1), that would not have been seen.
        draws: States.
        step_size: h.
        moved: The share of states that move.
        checks: Name, largest |z| and threshold of each comparison: invariance, reversibility where
            it is proved, acceptance where a step of somebody's own is compared with the kernel.
        seconds: Time it took.
        reason: Why there is not enough evidence; empty otherwise.
    """

    verdict: str
    discrepancies: tuple[str, ...]
    level: float
    resolution: float
    draws: int
    step_size: float
    moved: float
    checks: Mapping[str, Mapping[str, float]]
    seconds: float
    reason: str = ""

    @property
    def is_consistent(self) -> bool:
        """Whether every comparison agreed, with enough evidence."""
        return self.verdict == CONSISTENT

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        found = {"format": 1, **vars(self)}
        checks = {name: dict(values) for name, values in self.checks.items()}
        return {**found, "discrepancies": list(self.discrepancies), "checks": checks}

    def __str__(self) -> str:
        lines = [
            f"{self.verdict.upper()} at level {self.level:g}: one step of size {self.step_size:g} "
            f"from {self.draws} states of the law, {self.moved:.0%} of which move"
        ]
        lines += [f"  {self.reason}"] if self.reason else []
        lines += [f"  x {text}" for text in self.discrepancies]
        return "\n".join([*lines, *_check_lines(self.checks)])


def _check_lines(checks: Mapping[str, Mapping[str, float]]) -> list[str]:
    return [
        f"  {'+' if values['z'] <= values['threshold'] else 'x'} {name}: "
        f"|z| = {values['z']:.2f} of {values['threshold']:.2f}"
        for name, values in checks.items()
    ]
