r"""Smooth and locally bounded tensors, read off the normal form for every size.

In normal form what cancels has cancelled: a pole of v that $D\nabla H$ takes away is not seen here.
Unknown functions are smooth by assumption. Not for expressions as written (`smoothness`).

Notation: the order of a term at x = 0 is the power of |x| that bounds it there.
"""

from __future__ import annotations

from sdekit.calculus.contraction import Tensor
from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.heads import Head, Kind
from sdekit.calculus.contraction.rules.definedness import (
    is_definite_matrix,
    is_positive_everywhere,
    vanishes_nowhere,
)
from sdekit.calculus.contraction.rules.elementary import rule_of
from sdekit.calculus.contraction.splitting_terms import is_positive
from sdekit.calculus.contraction.tensor import Term

#: Domains that a positive argument is in.
_MET_BY_POSITIVE = ("> 0", "!= 0")


def is_smooth(tensor: Tensor) -> bool:
    """Whether the tensor is a smooth function of the state.

    Checked by: tests/verifier/currents/test_tensor_smoothness.py.
    """
    return all(_order(term, None, jumps=False) is not None for term in tensor.terms)


def is_locally_bounded(tensor: Tensor) -> bool:
    """Whether it has no pole; kinks, jumps and roots are allowed."""
    return all(_order(term, None, jumps=True) is not None for term in tensor.terms)


def order_at_origin(tensor: Tensor, x: Head) -> int | None:
    """The least order of a term at x = 0; None where something else is not smooth.

    Args:
        tensor: Any.
        x: A vector variable; only x.x and its roots may stand in denominators.
    """
    orders = [_order(term, x, jumps=False) for term in tensor.terms]
    return None if any(k is None for k in orders) else min(orders, default=0)  # type: ignore[type-var]


def _order(term: Term, x: Head | None, *, jumps: bool) -> int | None:
    total = 0
    for part, exponent in (*term.monomial, *((part, 1) for part in term.open)):
        own = None if x is None else _radial_order(part, exponent, x)
        if own is not None:
            total += own
        elif _is_fine(part, exponent, jumps):
            total += exponent * sum(head is x for head, _ in part.factors)
        else:
            return None
    return total


def _radial_order(part: Component, exponent: int, x: Head) -> int | None:
    """The order of a power of x.x, or of a root of it."""
    if _is_square_of(part, x):
        return 2 * exponent
    head = part.head
    if head is None or head.kind is not Kind.KERNEL or head.data.name != "root":
        return None
    terms = list(head.data.argument.terms)
    q = head.data.exponent.number
    if len(terms) != 1 or terms[0].open or q != 2:
        return None
    varying = [(p, e) for p, e in terms[0].monomial if p.depends]
    alone = len(varying) == 1 and varying[0][1] == 1 and _is_square_of(varying[0][0], x)
    rest_is_positive = all(is_positive(p) for p, _ in terms[0].monomial if not p.depends)
    return exponent if alone and rest_is_positive else None


def _is_square_of(part: Component, x: Head) -> bool:
    return (
        part.is_closed and len(part.factors) == 2 and part.factors[0] == part.factors[1]
    ) and part.factors[0][0] is x


def _is_fine(part: Component, exponent: int, jumps: bool) -> bool:
    if exponent < 0 and part.depends and not (is_positive(part) or vanishes_nowhere(part)):
        return False
    return all(_is_fine_head(head, jumps and exponent > 0) for head, _ in part.factors)


def _is_fine_head(head: Head, jumps: bool) -> bool:
    if not head.depends:
        return True
    if head.kind is Kind.CALL:
        return all(map(is_smooth, head.data.arguments))
    if head.kind in (Kind.INVERSE, Kind.LOGDET):
        return is_definite_matrix(head.data) and is_smooth(head.data)
    if head.kind is not Kind.KERNEL:
        return True
    kernel = head.data
    inner = is_locally_bounded if jumps else is_smooth
    if not inner(kernel.argument) or (kernel.exponent is not None and not inner(kernel.exponent)):
        return False
    domain = rule_of(kernel.name).domain
    if not domain:
        return True
    if domain in _MET_BY_POSITIVE and is_positive_everywhere(kernel.argument):
        return True
    # A root goes to zero at the end of its domain, and a sign is bounded everywhere.
    return jumps and kernel.name in ("root", "sign")
