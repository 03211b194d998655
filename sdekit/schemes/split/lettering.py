"""Letters for the parts of a splitting, and which of them brings declared gradient noise along.

Not for finding the parts (`sdekit.schemes.split.parts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.expression import Expression
from sdekit.errors import SchemeError
from sdekit.schemes.split.affine import forces_of, functions_of
from sdekit.schemes.split.flow_records import Blocks, Flow, Inexact, Part, Updates
from sdekit.schemes.split.pieces import Pair, both_triangles, noise_of

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
    "commuting noise",
    "power noise",
    "interval noise",
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
    read = {x for expression in written for x in expression.variables}
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


def with_gradient_noise(
    dynamics: Dynamics, parts: tuple[Part, ...], declared: Mapping[Pair, Expression]
) -> tuple[Part, ...]:
    """The parts, each block of the gradient noise with the one that has the gradient.

    No run draws it from there: the stochastic gradient brings it along.

    Args:
        dynamics: What is injected.
        parts: Its parts.
        declared: The blocks B of the declaration.

    Raises:
        SchemeError: If no part moves the variables of a block.

    Checked by: tests/schemes/split/test_gradient_noise_parts.py.
    """
    given = {part.letter: part for part in parts}
    for pair, block in both_triangles(dynamics.variables, declared):
        part = given[_carrier(dynamics, parts, pair).letter]
        carried = (*part.gradient_noise, (pair, block))
        given[part.letter] = replace(part, gradient_noise=carried)
    return tuple(given.values())


def _carrier(dynamics: Dynamics, parts: tuple[Part, ...], pair: Pair) -> Part:
    moving = [part for part in parts if any(x in pair for x, _ in part.updates)]
    if not moving:
        names = ", ".join(dict.fromkeys(x.name for x in pair))
        raise SchemeError(
            f"there is gradient noise on {names}, which no part of the drift moves",
            expected="gradient noise on variables whose drift has the gradient",
            fix="declare noise that does not come with a gradient as diffusion",
        )
    target = dynamics.target if dynamics.target is not None else dynamics.hamiltonian
    wanted = set() if target is None else {n for n in target.walk() if isinstance(n, ex.Call)}

    def rank(part: Part) -> tuple[bool, bool, bool]:
        forces = forces_of([rate for x, rate in part.updates if x in pair])
        return bool(forces & wanted), bool(forces), part.kind == "kick"

    return max(moving, key=rank)
