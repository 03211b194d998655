"""Small changes that make a refuted dynamics right: up to three, ranked, each proved before shown.

Not for finding the changes (`changes`), nor for changes of two blocks at once.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sdekit.calculus.contraction import Tensor, lower
from sdekit.calculus.contraction.relations import difference_is_zero
from sdekit.calculus.limits import BudgetExceeded, Unsupported, spending
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.noise_factor import sum_of_blocks
from sdekit.declaration.text.expression_text import grammar_text
from sdekit.designer.changes import Change, changes
from sdekit.designer.laws import law_changes
from sdekit.designer.raising import readable
from sdekit.verifier.ladder import verify
from sdekit.verifier.verdict import Verdict

#: Seconds for finding changes, and again for proving them.
BUDGET = 10.0
#: Changes that are verified at most; most of those ranked first are proved.
_MOST_TRIED = 12


@dataclass(frozen=True)
class Repair:
    """One change that makes the verifier prove the dynamics.

    Attributes:
        dynamics: The repaired dynamics.
        text: What stands at the changed place instead.
        kind: What was wrong there: sign, coefficient, missing term, superfluous term, other term,
            temperature of the claimed law.
        changes: How many terms changed.
    """

    dynamics: Dynamics
    text: str
    kind: str
    changes: int

    def to_dict(self) -> dict[str, Any]:
        """The repair as plain data; the dynamics as a model file."""
        return {
            "text": self.text,
            "kind": self.kind,
            "changes": self.changes,
            "model": self.dynamics.to_toml(),
        }


def repair(dynamics: Dynamics, *, most: int = 3) -> tuple[Repair, ...]:
    """Small changes of one place of v, D or H, each of which the verifier proves.

    Args:
        dynamics: With a Hamiltonian, refuted or not.
        most: How many changes to give.

    Returns:
        The changes of fewest terms first; empty if nothing is refuted, or none is found among
        these changes, which is no proof that there is none.

    Example:
        >>> import sdekit as sk
        >>> print(sk.repair(sk.catalog.get("langevin-heating"))[0].text)
        drift of p: -grad(U(theta), theta) - A*p

    Checked by: tests/designer/test_repair.py, verification/repairs.py.
    """
    if dynamics.hamiltonian is None or dynamics.depends_on_time:
        return ()
    ito = dynamics.ito()
    checks = verify(dynamics)
    if checks.verdict is not Verdict.REFUTED:
        return ()
    is_stationary = checks.checks["stationarity"].verdict is Verdict.PROVED
    found = _of_laws(ito) if is_stationary else _of_places(ito)
    if dynamics.gradient_noise:
        apart = (_told_apart(change, dynamics, ito) for change in found)
        found = [*_turned_gradient_noise(dynamics), *apart]
    return tuple(islice(_proved(sorted(found, key=_rank)[:_MOST_TRIED]), most))


def _proved(ranked: list[Repair]) -> Iterator[Repair]:
    begun = time.thread_time()
    for change in ranked:
        left = BUDGET - (time.thread_time() - begun)
        if left > 0 and verify(change.dynamics, budget=left).verdict is Verdict.PROVED:
            yield change


def _turned_gradient_noise(dynamics: Dynamics) -> Iterator[Repair]:
    """The gradient noise of each block with the other sign."""
    for (x, y), block in dynamics.gradient_noise.items():
        new = readable(-block)
        turned = dynamics.changed({"gradient_noise": {**dynamics.gradient_noise, (x, y): new}})
        yield Repair(
            turned, f"gradient noise of ({x.name}, {y.name}): {grammar_text(new)}", "sign", 1
        )


def _told_apart(change: Repair, dynamics: Dynamics, ito: Dynamics) -> Repair:
    """The change with the gradient noise that was declared apart from what is injected."""
    carried, whole = dynamics.gradient_noise, change.dynamics.diffusion
    if whole == ito.diffusion:
        parts: dict[str, Any] = {"diffusion": dynamics.diffusion, "gradient_noise": carried}
        return replace(change, dynamics=_with(change.dynamics, parts))
    injected = sum_of_blocks(whole, {pair: -block for pair, block in carried.items()})
    injected = {pair: readable(block) for pair, block in injected.items()}
    made = _with(change.dynamics, {"diffusion": injected, "gradient_noise": carried})
    told = [
        f"diffusion of ({x.name}, {y.name}): {grammar_text(block)}"
        for (x, y), block in injected.items()
        if whole[x, y] != ito.diffusion.get((x, y))
    ]
    return replace(change, dynamics=made, text="; ".join(told))


def _rank(change: Repair) -> tuple[int, int]:
    """Few terms first, and last what leaves nothing at its place: what it was for is lost."""
    return change.changes + 2 * change.text.endswith(": 0"), len(change.text)


def _of_places(dynamics: Dynamics) -> list[Repair]:
    """The changes of one place found within the budget, each dynamics once, as it reads best."""
    found: list[tuple[Tensor, Change]] = []
    try:
        with spending(BUDGET):
            for change in changes(dynamics):
                new = lower(change.expression)
                same = [
                    k
                    for k, (old, other) in enumerate(found)
                    if (change.part, change.place) == (other.part, other.place)
                    and new.shape == old.shape
                    and difference_is_zero(new, old)
                ]
                if not same:
                    found.append((new, change))
                elif len(_text(change)) < len(_text(found[same[0]][1])):
                    found[same[0]] = new, change
    except (Unsupported, BudgetExceeded):
        pass
    return [
        Repair(_with(dynamics, _parts(dynamics, change)), _text(change), change.kind, change.terms)
        for _, change in found
    ]


def _of_laws(dynamics: Dynamics) -> Iterator[Repair]:
    """The changes that keep a residual of zero."""
    for kind, parts in law_changes(dynamics):
        changed = _with(dynamics, parts)
        lines = [
            f"{name}: {grammar_text(new)}"
            for name, new, old in (
                ("target", changed.target, dynamics.target),
                ("H", changed.hamiltonian, dynamics.hamiltonian),
                *((f"drift of {x.name}", changed.drift[x], v) for x, v in dynamics.drift.items()),
                *(
                    (f"diffusion of ({x.name}, {y.name})", changed.diffusion[x, y], block)
                    for (x, y), block in dynamics.diffusion.items()
                ),
            )
            if new is not None and new != old
        ]
        yield Repair(changed, "; ".join(lines), kind, len(lines))


def _with(dynamics: Dynamics, parts: Mapping[str, Any]) -> Dynamics:
    given: dict[str, Any] = {
        "drift": dynamics.drift,
        "diffusion": dynamics.diffusion,
        "hamiltonian": dynamics.hamiltonian,
        "target": dynamics.target,
        "name": dynamics.name,
        "assume": dynamics.assume,
        "target_variables": None if dynamics.target is None else dynamics.target_variables,
    }
    return Dynamics(**{**given, **parts})


def _parts(dynamics: Dynamics, change: Change) -> dict[str, Any]:
    """What a change of one place makes new."""
    if change.part in ("drift", "diffusion"):
        return {change.part: {**getattr(dynamics, change.part), change.place: change.expression}}
    target = {} if change.target is None else {"target": change.target}
    return {"hamiltonian": change.expression, **target}


def _text(change: Change) -> str:
    place: Any = change.place
    where = {
        "drift": "drift of {0}",
        "diffusion": "diffusion of ({0}, {1})",
        "energy": "H",
        "law": "H, at another temperature",
    }[change.part]
    blocks = place if isinstance(place, tuple) else (place,) * (place is not None)
    named = where.format(*(x.name for x in blocks))
    return f"{named}: {grammar_text(change.expression)}"
