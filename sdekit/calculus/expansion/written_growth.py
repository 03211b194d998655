"""How fast an expression can grow, read off as it is written.

Not for leading terms of one variable (`growth`), nor for normal forms, in which exponentials of
sums have been taken apart (`sdekit.verifier.confinement.tensor_growth`).

Checked by: tests/verifier/integrals/test_lower_bounds.py.
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.signs.bounded import is_bounded
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import POSITIVE, never_negative
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.tree.expression import (
    Diag,
    Dot,
    Elementwise,
    Expression,
    MatMul,
    Negation,
    Number,
    Outer,
    Power,
    Product,
    Quotient,
    Sum,
    Trace,
    Transpose,
)
from sdekit.declaration.tree.symbols import Variable

#: |f(u)| <= C (1 + |u|)^k by the growth that the record of f states.
_SCALES = {"linear": Fraction(1), "root": Fraction(1, 2)}


#: A power that outgrows every logarithm.
EPSILON = Fraction(1, 1000)


def _is_away_from_zero(operand: Expression) -> bool:
    """Whether every entry is at least a positive constant."""
    terms = operand.terms if isinstance(operand, Sum) else (operand,)
    signs = [entry_signs(term) for term in terms]
    constant = any(not t.varies and s == POSITIVE for t, s in zip(terms, signs, strict=True))
    return constant and all(map(never_negative, signs))


def growth_power(node: Expression, degrees: dict[Variable, Fraction]) -> Fraction | None:
    """w with |node| <= C (1 + sum of pure powers)^w, entry by entry; None where none is known.

    Args:
        node: A scalar or tensor as written.
        degrees: Of each block the d of its pure power |x|^d; with 1 for all, |node| is at most
            of order (1 + |z|)^w.
    """
    if not node.varies or (not node.shape and is_bounded(node)):
        return Fraction(0)
    if isinstance(node, Variable):
        return 1 / degrees[node] if node in degrees else None
    children = [growth_power(child, degrees) for child in node.children]
    match node:
        case Elementwise():
            if FUNCTIONS[node.name].bounds is not None:
                return Fraction(0)
            if node.name == "log" and _is_away_from_zero(node.children[0]):
                return None if children[0] is None else min(EPSILON, children[0])
            if node.name == "log":
                return _growth_of_log(node.children[0], degrees)
            scale = _SCALES.get(FUNCTIONS[node.name].growth)
            return None if scale is None or children[0] is None else scale * children[0]
        case Power():
            e = node.exponent
            if not isinstance(e, Number) or e.value < 0 or children[0] is None:
                return None
            return children[0] * e.value
        case Quotient():
            return children[0] if not node.denominator.varies else None
    known = [child for child in children if child is not None]
    if len(known) < len(children):
        return None
    match node:
        case Product() | Dot() | MatMul() | Outer():
            return sum(known, Fraction(0))
        case Sum() | Negation() | Transpose() | Trace() | Diag():
            return max(known)
    return None


def _growth_of_log(operand: Expression, degrees: dict[Variable, Fraction]) -> Fraction | None:
    """Of log(c + sum of exp(u)) with c >= 0, which is at most the largest |u| and a constant."""
    terms = operand.terms if isinstance(operand, Sum) else (operand,)
    if any(entry_signs(term) != POSITIVE for term in terms):
        return None
    exponents = [_exponent(term) for term in terms if term.varies]
    known = [None if u is None else growth_power(u, degrees) for u in exponents]
    return None if None in known else max((k for k in known if k is not None), default=Fraction(0))


def _exponent(term: Expression) -> Expression | None:
    """u of exp(u), or of sums of its entries with constant weights; None for anything else."""
    if isinstance(term, (Dot, MatMul)):
        varying = [side for side in (term.left, term.right) if side.varies]
        if len(varying) != 1:
            return None
        (term,) = varying
    return term.children[0] if isinstance(term, Elementwise) and term.name == "exp" else None
