"""Points at which a refuted claim fails, as numbers for every symbol and derivative that it holds.

The values of the verifier's witness are taken where it has some; the others, and the derivatives
of unknown functions, are drawn until the stand-alone checker's own value shows the failure. Not
for finding out whether a claim fails (`sdekit.verifier`).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from sdekit.certificates.checker.check import RUNGS, UNREADABLE, Claims, check
from sdekit.certificates.checker.declared_model import FORMS, SIGNS
from sdekit.certificates.checker.index_ring import Refused
from sdekit.verifier.verdict import Witness

_TRIES = 20


def refutation_point(
    rung: str, witness: Witness, content: Mapping[str, Any], blocks: Any
) -> dict[str, Any] | None:
    """Evidence that the checker accepts for a refuted rung; None where none was found.

    Args:
        rung: Name of the check.
        witness: The witness of the verifier.
        content: The certificate with no other rungs.
        blocks: Evidence of the integrals over the auxiliary variables, for the marginal.

    Checked by: tests/certificates/test_checker.py.
    """
    model = content["model"]
    sizes = {d: n or witness.dimensions.get(d, 1) for d, n in model["dimensions"].items()}
    try:
        m = Claims(model, sizes, content["shown"])
    except (Refused, *UNREADABLE):
        return None
    entries = [
        (name, at) for name in m.symbols for at in itertools.product(*map(range, _shape(m, name)))
    ]
    given = {(name, at): _number(witness.point.get(_component(name, at))) for name, at in entries}
    direction = [
        [x, list(at), witness.direction[_component(x, at)]]
        for x, at in entries
        if _component(x, at) in witness.direction
    ]
    for seed in range(_TRIES):
        values = _drawn(m, given if seed < _TRIES // 2 else {}, random.Random(seed))
        evidence = {"sizes": sizes, "values": values, "direction": direction, "blocks": blocks}
        rungs: dict[str, Any] = {key: {"verdict": "undecided"} for key in RUNGS}
        rungs[rung] = {"verdict": "refuted", "evidence": evidence}
        try:
            if check({**content, "rungs": rungs})[0] == "refuted":
                return evidence
        except (Refused, *UNREADABLE):
            continue
    return None


def _shape(m: Any, name: str) -> list[int]:
    return [m.fixed[d] for d in m.dims(name)]


def _component(name: str, at: tuple[int, ...]) -> str:
    return "_".join([name, *(str(i + 1) for i in at)])


def _number(text: str | None) -> Fraction | None:
    try:
        return None if text is None else Fraction(text)
    except ValueError:
        return None


def _drawn(m: Any, given: Mapping[Any, Fraction | None], numbers: random.Random) -> list[Any]:
    """[symbol, variables it is differentiated by, index, value] of all up to third order."""
    found = []
    for name, symbol in m.symbols.items():
        words = {*symbol.get("assumptions", ())}
        domain = m.domain(name)
        for order in range(4 if symbol["role"] == "function" else 1):
            for jet in itertools.combinations_with_replacement(sorted(symbol.get("of", ())), order):
                shape = [*_shape(m, name), *(n for x in jet for n in _shape(m, x))]
                for at in itertools.product(*map(range, shape)):
                    value = Fraction(numbers.randint(-3, 3))
                    if domain["kind"] == "positive" or (words & {*SIGNS} and not jet):
                        value = abs(value) + 1
                    if domain["kind"] == "interval":
                        low, high = Fraction(domain["lower"]), Fraction(domain["upper"])
                        value = low + (high - low) * (value + 4) / 8
                    if words & {*FORMS} and not jet:
                        value = abs(value) + 1 if at[0] == at[1] else Fraction(0)
                    if not jet and given.get((name, at)) is not None:
                        value = given[name, at]
                    if m.ordered(("symbol", name, jet), at) == (1, at):
                        found.append([name, list(jet), list(at), str(value)])
    return found
