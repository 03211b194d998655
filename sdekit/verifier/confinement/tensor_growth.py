r"""How fast a tensor can grow, for every size: an exponent d with $|f(z)| \le c\,(1 + |z|)^d$.

Read off the normal form, in which derivatives are worked out. Bounded domains count as bounded and
unknown functions as unbounded; quotients $e^{ku}/(a + b e^{lu})^m$ and $x^k/(a + b x^l)^m$ with
$k \le l m$ are bounded. A degree also says that there is no pole. Not for lower bounds (`floors`).

Notation: EPSILON stands for a logarithm, which is below every power.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import sympy as sp

from sdekit.calculus.contraction import Tensor
from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.heads import Head, Kind
from sdekit.calculus.contraction.rules.definedness import is_positive_everywhere
from sdekit.calculus.contraction.splitting_terms import is_positive
from sdekit.calculus.contraction.tensor import Term
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.model.sympy_types import Expr
from sdekit.verifier.pointwise.pivots import is_semidefinite

#: A power of |z| that outgrows every logarithm.
EPSILON = Fraction(1, 1000)
_BOUNDED_DOMAINS = ("circle", "interval")

#: A head with its slots, as it stands in a term.
Factor = tuple[Head, tuple[int, ...]]


def degree(tensor: Tensor) -> Fraction | None:
    """The least power of 1 + |z| that is seen to bound every entry; None where none is.

    Example:
        >>> import sdekit as sk
        >>> from sdekit.calculus.contraction import lower
        >>> x = sk.scalar("x")
        >>> degree(lower(x * sk.tanh(x) + 1 / (1 + x**2)))
        Fraction(1, 1)

    Checked by: tests/verifier/confinement/test_tensor_growth.py.
    """
    found = Fraction(0)
    for term in tensor.terms:
        own = term_degree(term)
        if own is None:
            return None
        found = max(found, own)
    return found


def falls_as_squares(terms: Mapping[Term, Fraction]) -> bool:
    """Whether a sum is minus semidefinite forms in closed scalars, as -(a - b)^2 is for any a, b.

    Each form has a positive constant factor of its own.

    Checked by: tests/verifier/confinement/test_tensor_growth.py.
    """
    forms: dict[frozenset, dict[tuple[Component, Component], Fraction]] = {}
    for (monomial, opened), coefficient in terms.items():
        constant = frozenset(pair for pair in monomial if not pair[0].depends)
        varying = [pair for pair in monomial if pair not in constant]
        is_scale = all(exponent % 2 == 0 or is_positive(part) for part, exponent in constant)
        if opened or not is_scale or any(exponent < 0 for _, exponent in varying):
            return False
        flat = [part for part, exponent in varying for _ in range(exponent)]
        if len(flat) != 2:
            return False
        form = forms.setdefault(constant, {})
        for pair in ((flat[0], flat[1]), (flat[1], flat[0])):
            form[pair] = form.get(pair, Fraction(0)) - coefficient / 2
    return all(map(_is_semidefinite, forms.values()))


def _is_semidefinite(form: Mapping[tuple[Component, Component], Fraction]) -> bool:
    parts = list(dict.fromkeys(part for pair in form for part in pair))

    def entry(i: int, j: int) -> Expr:
        value = form.get((parts[i], parts[j]), Fraction(0))
        return sp.Integer(value.numerator) / value.denominator

    return is_semidefinite(sp.Matrix(len(parts), len(parts), entry)) is not None


def term_degree(term: Term) -> Fraction | None:
    """The same for one term, without its coefficient."""
    factors = _factors(term)
    for factor, count in list(factors.items()):
        if factor[0].kind is Kind.KERNEL and factor[0].data.name == "reciprocal" and count > 0:
            _absorb(factors, factor, count)
            _absorb_powers(factors, factor, Fraction(count))
    total = Fraction(0)
    for (head, _), count in factors.items():
        own = _head_degree(head, count) if count else Fraction(0)
        if own is None:
            return None
        total += own
    return total


def _factors(term: Term) -> Counter[Factor]:
    """Every factor with its power; summed indices are told apart by their component."""
    found: Counter[Factor] = Counter()
    for k, (part, exponent) in enumerate((*term.monomial, *((p, 1) for p in term.open))):
        for head, indices in part.factors:
            # A power of a sum over indices is no product of powers.
            if exponent < 0 and len(part.factors) > 1:
                found[head, ()] -= 1
                continue
            slots = tuple(i if i < 0 or part.head else i + 1000 * (k + 1) for i in indices)
            found[head, slots] += exponent
    return found


def _absorb(factors: Counter[Factor], factor: Factor, count: int) -> None:
    """Strike out exponentials that a denominator with the same exponential keeps bounded."""
    head, slots = factor
    if not has_floor(head.data.argument):
        return
    powers = _exponentials_of(head.data.argument)
    for (other, places), exponent in list(factors.items()):
        if other in powers and places == slots and 0 < exponent <= powers[other] * count:
            factors[other, places] = 0
            return


def _absorb_powers(factors: dict[Factor, Any], factor: Factor, left: Fraction) -> None:
    r"""Lower the powers of u and x that $u^{-m}$ bounds: $u^k$ and $x^{lk}$ with $k\le m$.

    Where u has a floor and the term $b\,x^l$, b > 0; of a vector, $b\,|x|^l$ bounds every entry.
    """
    head, slots = factor
    argument = head.data.argument
    if not has_floor(argument):
        return
    growing = _powers_of(argument)
    for (other, places), exponent in list(factors.items()):
        if exponent <= 0 or not left:
            continue
        power = None
        if other.kind is Kind.KERNEL and other.data.name == "root" and places == slots:
            q = other.data.exponent.number
            power = q if q is not None and other.data.argument == argument else None
        elif other in growing and (places == slots or not slots):
            power = Fraction(growing[other])
        if power is not None:
            taken = min(left, exponent / power)
            factors[other, places] = exponent - taken * power
            left -= taken


def _powers_of(argument: Tensor) -> dict[Head, int]:
    """Variables of which some even power is, by itself, a positive term of the argument."""
    found: dict[Head, int] = {}
    for (monomial, opened), coefficient in argument.terms.items():
        closed = [(part, e) for part, e in monomial if part.depends]
        fixed = [part for part in (*(p for p, _ in monomial), *opened) if not part.depends]
        if coefficient <= 0 or not all(map(is_positive, fixed)) or len(closed) > (not opened):
            continue
        factors = [f for part in (*(p for p, _ in closed), *opened) for f in part.factors]
        # A power of a sum over indices is no sum of powers.
        if len(set(factors)) != 1 or not (opened or closed[0][0].head or len(factors) % 2 == 0):
            continue
        x, places = factors[0]
        power = len(factors) * (closed[0][1] if closed else 1)
        is_own = not opened or places == tuple(range(-1, -1 - len(places), -1))
        if x.kind is Kind.VARIABLE and is_own and power > 0 == power % 2:
            found[x] = max(found.get(x, 0), power)
    return found


def _exponentials_of(argument: Tensor) -> dict[Head, int]:
    """Exponentials of which some power is, by itself, a positive term of the argument."""
    found: dict[Head, int] = {}
    for term, coefficient in argument.terms.items():
        factors = _factors(term)
        varying = [(head, e) for (head, _), e in factors.items() if head.depends]
        if coefficient > 0 and len(varying) == 1:
            (head, exponent), *_ = varying
            others = [h for (h, _), e in factors.items() if h is not head]
            if (
                head.kind is Kind.KERNEL
                and head.data.name == "exp"
                and all(h.is_positive for h in others)
            ):
                found[head] = max(found.get(head, 0), exponent)
    return found


def has_floor(tensor: Tensor) -> bool:
    """Whether all terms are nonnegative and one is a positive constant."""
    if not is_positive_everywhere(tensor):
        return False
    return any(
        all(is_positive(part) and not part.depends for part in (*(p for p, _ in monomial), *opened))
        for monomial, opened in tensor.terms
    )


def _head_degree(head: Head, count: int) -> Fraction | None:
    if not head.depends:
        return Fraction(0)
    if head.kind is Kind.VARIABLE and count > 0:
        return Fraction(0 if head.data.domain.kind in _BOUNDED_DOMAINS else count)
    if head.kind is not Kind.KERNEL:
        return None
    name, argument = head.data.name, head.data.argument
    if name == "exp":
        return Fraction(0) if _is_bounded_above(argument, count) else None
    record = FUNCTIONS.get(name)
    if record is not None and record.growth == "bounded" and count > 0:
        return Fraction(0)
    if name in ("reciprocal", "root"):
        return _algebraic_degree(head, argument, count)
    is_logarithmic = record is not None and record.tail == "logarithm"
    if count < 0 or not (is_logarithmic or name == "log"):
        return None
    inner = degree(argument) if is_logarithmic else _log_degree(argument)
    if is_logarithmic and inner is not None:
        inner = min(inner, EPSILON)
    return None if inner is None else inner * count


def _algebraic_degree(head: Head, argument: Tensor, count: int) -> Fraction | None:
    is_root = head.data.name == "root"
    if is_root == (count < 0):
        return Fraction(0) if has_floor(argument) else None
    inner = degree(argument)
    if not is_root or inner is None:
        return None
    q = head.data.exponent.number
    return None if q is None else inner * count / q


def _log_degree(argument: Tensor) -> Fraction | None:
    """Of log(argument) with argument >= c > 0: the largest logarithm of a term."""
    if not has_floor(argument):
        return None
    found = EPSILON
    for term in argument.terms:
        own = Fraction(0)
        for (head, _), count in _factors(term).items():
            is_exp = head.kind is Kind.KERNEL and head.data.name == "exp"
            inner = degree(head.data.argument) if is_exp else _head_degree(head, count)
            if inner is None:
                return None
            own += inner if is_exp else Fraction(0)
        found = max(found, own)
    return found


def _is_bounded_above(argument: Tensor, count: int) -> bool:
    """Whether exp(count * argument) is bounded: a bounded exponent, or one that is never > 0."""
    if degree(argument) == 0:
        return True
    return all(_is_never_positive(term, c * count) for term, c in argument.terms.items())


def _is_never_positive(term: Term, coefficient: Fraction) -> bool:
    one = Tensor((), {term: -coefficient, **_unit()}) if not term.open else None
    return one is not None and is_positive_everywhere(one)


def _unit() -> dict[Term, Fraction]:
    return {Term((), ()): Fraction(1)}


def degrees(tensors: Iterable[Tensor]) -> Fraction | None:
    """The largest degree; None if one has none."""
    found = [degree(tensor) for tensor in tensors]
    return None if any(d is None for d in found) else max(found, default=Fraction(0))  # type: ignore[type-var]
