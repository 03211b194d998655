"""Letters for the parts of a splitting.

Not for finding the parts (`sdekit.schemes.split.parts`).
"""

from __future__ import annotations

from dataclasses import dataclass

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.schemes.split.affine import functions_of, variables_of
from sdekit.schemes.split.flow_records import Blocks, Flow, Inexact, Part, Updates
from sdekit.schemes.split.pieces import noise_of

#: Letters for parts without a conventional one; M is left out so that no word spells "EM".
SPARE_LETTERS = "EFGHIJKLNPQTUVWXYZCRSDOAB"


@dataclass
class Draft:
    """A part that has no letter yet."""

    kind: str
    preferred: str
    flow: Flow
    updates: Updates
    diffusion: Blocks = ()


#: Parts are listed, and named, in this order: exact ones of a kind before a remainder.
_ORDER = (
    "position drift",
    "kick",
    "linear block",
    "friction and noise",
    "thermostat drift",
    "rotation",
    "geometric Brownian motion",
    "shear",
    "remainder",
)


def lettered(drafts: list[Draft]) -> tuple[Part, ...]:
    """The parts with the letters they prefer, or spare ones where these are taken."""
    ordered = sorted(drafts, key=lambda draft: _ORDER.index(draft.kind))
    reserved = {draft.preferred for draft in drafts} - {"E"}
    used: list[str] = []
    parts = []
    for draft in ordered:
        letter = draft.preferred
        if letter in used or letter == "E":
            letter = next(c for c in SPARE_LETTERS if c not in used and c not in reserved)
        used.append(letter)
        parts.append(_part(letter, draft))
    return tuple(parts)


def _part(letter: str, draft: Draft) -> Part:
    written = [term for _, term in draft.updates] + [block for _, block in draft.diffusion]
    read = {x for expression in written for x in variables_of(expression)}
    moved = set(draft.flow.variables)
    reads = tuple(sorted(read - moved, key=lambda x: x.name))
    return Part(
        letter, draft.kind, draft.updates, draft.diffusion, draft.flow, reads, functions_of(written)
    )


def whole_part(dynamics: Dynamics) -> Part:
    """The whole dynamics as one part, for what no splitting is sought for."""
    updates = tuple((x, dynamics.drift[x]) for x in dynamics.variables)
    noise = noise_of(dynamics)
    flow = Inexact(updates, noise, "euler_maruyama" if noise else "rk4")
    return _part("S", Draft("remainder", "S", flow, updates, noise))
