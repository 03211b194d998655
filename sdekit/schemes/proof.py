"""That the parts of a splitting add up to the drift and the diffusion, for every size.

The terms of the parts and of the declaration are multiplied out by identities that hold for every
size (`sdekit.schemes.affine`) and compared as multisets; where that does not settle it, the normal
form of `sdekit.calculus.contraction` decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sdekit.declare.dynamics import Dynamics
from sdekit.declare.expression import Expression
from sdekit.schemes.affine import expanded_terms
from sdekit.schemes.flow import Part


@dataclass(frozen=True)
class SumProof:
    """Why the parts of a splitting are the whole dynamics.

    Attributes:
        holds: Whether it was proved.
        scope: For which sizes.
        method: How.
        missing: What differs, in words; empty if nothing does.
    """

    holds: bool
    scope: str
    method: str
    missing: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The proof as plain data."""
        return {
            "holds": self.holds,
            "scope": self.scope,
            "method": self.method,
            "missing": list(self.missing),
        }

    def __str__(self) -> str:
        if self.holds:
            return f"The parts add up to v and D: {self.scope}, by {self.method}."
        return f"The parts do not add up to v and D: {'; '.join(self.missing)}"


def prove_sum(dynamics: Dynamics, parts: Iterable[Part]) -> SumProof:
    """Prove that drift and diffusion of the parts add up to those of the dynamics.

    Args:
        dynamics: In Ito form.
        parts: Any parts, whether found by sdekit or written by hand.
    """
    parts = tuple(parts)
    missing = []
    for x in dynamics.variables:
        rates = [rate for part in parts for y, rate in part.updates if y == x]
        if not _equal_sums([dynamics.drift[x]], rates):
            missing.append(f"drift of {x.name}")
    whole = dict(dynamics.blocks())
    given = {key for part in parts for key, _ in part.diffusion}
    for key in sorted(given | set(whole), key=lambda pair: (pair[0].name, pair[1].name)):
        x, y = key
        blocks = [block for part in parts for other, block in part.diffusion if other == key]
        declared = [whole[key]] if key in whole else []
        raw = dynamics.diffusion.get(key)
        if not _equal_sums(declared, blocks) and not (raw is not None and blocks == [raw]):
            missing.append(f"diffusion of {x.name}, {y.name}")
    scope = "all n" if dynamics.dimensions else "components"
    return SumProof(not missing, scope, "comparison of terms", tuple(missing))


def _equal_sums(left: list[Expression], right: list[Expression]) -> bool:
    return _terms(left) == _terms(right)


def _terms(expressions: list[Expression]) -> Counter[Expression]:
    return Counter(term for expression in expressions for term in expanded_terms(expression))
