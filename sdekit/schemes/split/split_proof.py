"""That the parts of a splitting add up to the drift and the diffusion, for every size.

The terms of the parts and of the declaration are multiplied out by identities that hold for every
size (`sdekit.schemes.split.affine`) and compared as multisets; where that does not settle it, the
normal form of `sdekit.calculus.contraction` may. Not for other identities (`sdekit.verifier`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression, Eye, Shape
from sdekit.declaration.tree.operators import multiply
from sdekit.declaration.tree.symbols import Variable
from sdekit.schemes.split.affine import expanded_terms
from sdekit.schemes.split.flow_records import Part


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
    missing, open_questions = [], []
    for what, shape, declared, given in _equations(dynamics, tuple(parts)):
        if _terms(declared) != _terms(given):
            open_questions.append(what)
            if not _normal_forms_agree(declared, given, shape):
                missing.append(what)
    scope = "all n" if dynamics.dimensions else "components"
    method = "normal form of the index calculus" if open_questions else "comparison of terms"
    return SumProof(not missing, scope, method, tuple(missing))


def _equations(
    dynamics: Dynamics, parts: tuple[Part, ...]
) -> Iterator[tuple[str, Shape, list[Expression], list[Expression]]]:
    """What must agree: its name, its shape, the declaration's terms, the terms of the parts."""
    for x in dynamics.variables:
        rates = [rate for part in parts for y, rate in part.updates if y == x]
        yield f"drift of {x.name}", x.shape, [dynamics.drift[x]], rates
    whole = dict(dynamics.blocks())
    given = {key for part in parts for key, _ in part.diffusion}
    for x, y in sorted(given | set(whole), key=lambda pair: (pair[0].name, pair[1].name)):
        blocks = [_block(b, x) for part in parts for key, b in part.diffusion if key == (x, y)]
        declared = [whole[x, y]] if (x, y) in whole else []
        yield f"diffusion of {x.name}, {y.name}", x.shape + y.shape, declared, blocks


def _block(block: Expression, x: Variable) -> Expression:
    """A scalar stands for that multiple of the identity."""
    return multiply(block, Eye(x.shape)) if x.shape and not block.shape else block


def _terms(expressions: list[Expression]) -> Counter[Expression]:
    return Counter(term for expression in expressions for term in expanded_terms(expression))


def _normal_forms_agree(left: list[Expression], right: list[Expression], shape: Shape) -> bool:
    from sdekit.calculus import contraction
    from sdekit.calculus.limits import Unsupported

    try:
        terms = [(Fraction(1), contraction.lower(e, shape)) for e in left]
        terms += [(Fraction(-1), contraction.lower(e, shape)) for e in right]
        return contraction.is_zero(contraction.combine(terms))
    except Unsupported:
        return False
