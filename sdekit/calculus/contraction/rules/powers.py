"""Quotients, powers, exponentials and logarithms in canonical form.

Exponentials of sums are products, logarithms of positive products are sums, and powers have the
smallest base. Each rewrite holds wherever the function is defined; those of roots and logarithms of
products use declared positivity. Not for relations such as sqrt(s)^2 = s (`relations`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from fractions import Fraction

from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.rules.function_heads import argument_of, opaque
from sdekit.calculus.contraction.rules.signed_factors import absolute, positive_factors
from sdekit.calculus.contraction.splitting_terms import (
    common_powers,
    content,
    divided,
    is_tie,
    kernel_head,
    leading,
    only_component,
    single,
    used_axes,
)
from sdekit.calculus.contraction.tensor import (
    Tensor,
    Term,
    combine,
    number,
    of_component,
    ones,
    zero,
)
from sdekit.calculus.limits import Unsupported

#: Integer multiples up to this size of an element-wise exponent are written out as products.
_LARGEST_MULTIPLE = 6
#: A power that would expand into more terms than this is left to other engines.
_MOST_TERMS = 20_000


def reciprocal(argument: Tensor) -> Tensor:
    """1 / argument, entry by entry.

    Raises:
        Unsupported: If an entry is identically zero.
    """
    if argument.is_empty:
        raise Unsupported("division by an expression that is identically zero")
    if len(argument.terms) == 1:
        return _reciprocal_of_term(argument)
    lifted, factor = _without_reciprocal_exponentials(argument)
    common = common_powers(lifted, only_positive=False)
    scale = content(lifted) * (1 if lifted.terms[leading(lifted)] > 0 else -1)
    primitive = divided(lifted, scale, common)
    return factor * divided(opaque("reciprocal", primitive), scale, common)


def _reciprocal_of_term(argument: Tensor) -> Tensor:
    ((term, coefficient),) = argument.terms.items()
    powers = tuple((part, -exponent) for part, exponent in term.monomial)
    result = single(Term(powers, ()), 1 / coefficient, argument.shape)
    for part in term.open:
        if is_tie(part):
            raise Unsupported("element-wise division by a matrix that has zero entries")
        bare = single(Term((), (part,)), 1, argument.shape)
        is_reciprocal = kernel_head(part, "reciprocal") is not None
        result = result * (argument_of(part, bare) if is_reciprocal else opaque("reciprocal", bare))
    return result


def _without_reciprocal_exponentials(argument: Tensor) -> tuple[Tensor, Tensor]:
    """(lifted, e) with argument = lifted / e and no 1/exp(m)_i in lifted; e a product of exp(m)_i.

    1/(1 + exp(-v)) becomes exp(v)/(exp(v) + 1), the one form that tanh and the logistic function
    share.
    """
    most: Counter[Component] = Counter()
    for term in argument.terms:
        count = Counter(part for part in term.open if _is_reciprocal_exponential(part))
        most |= count
    factor = ones(argument.shape)
    for part, times in most.items():
        factor = factor * argument_of(part, argument) ** times
    return argument * factor, factor


def _is_reciprocal_exponential(part: Component) -> bool:
    head = kernel_head(part, "reciprocal")
    if head is None or head.partner is None:
        return False
    return head.partner.kind is head.kind and head.partner.data.name == "exp"


def exponential(argument: Tensor) -> Tensor:
    """exp of every entry: the product of exp(m / q)^p over the terms p/q m of the argument."""
    result = ones(argument.shape)
    for term, coefficient in argument.terms.items():
        result = result * _exponential_of_term(term, coefficient, argument)
    return result


def _exponential_of_term(term: Term, coefficient: Fraction, argument: Tensor) -> Tensor:
    part = _only_kernel(term, "log")
    if part is not None:
        return power(argument_of(part, argument), number(coefficient))
    unit = single(term, 1, argument.shape)
    multiple, share = coefficient.numerator, Fraction(1, coefficient.denominator)
    if not used_axes(unit):
        generator = only_component(opaque("exp", single(term, share, ())))
        return of_component(generator, multiple) * ones(argument.shape)
    if abs(multiple) > _LARGEST_MULTIPLE:
        multiple, share = (1 if multiple > 0 else -1), abs(coefficient)
    base = opaque("exp", unit.scaled(share))
    return base**multiple if multiple > 0 else reciprocal(base) ** -multiple


def _only_kernel(term: Term, name: str) -> Component | None:
    """The component if the term is one kernel of this name to the power 1."""
    parts = [*term.open, *(part for part, exponent in term.monomial if exponent == 1)]
    if len(parts) != 1 or len(term.open) + len(term.monomial) != 1:
        return None
    return parts[0] if kernel_head(parts[0], name) is not None else None


def logarithm(argument: Tensor) -> Tensor:
    """log of every entry; the logarithm of a product is split where factors are positive.

    Raises:
        Unsupported: If an entry is identically zero.
    """
    if argument.is_empty:
        raise Unsupported("the logarithm of an expression that is identically zero")
    factors, rest = positive_factors(argument)
    parts = [(Fraction(1), zero(argument.shape))]
    for base, exponent in (*factors, (rest, 1)):
        parts.append((Fraction(exponent), _logarithm_of_factor(base)))
    return combine(parts)


def _logarithm_of_factor(base: Tensor) -> Tensor:
    if base == ones(base.shape):
        return zero(base.shape)
    if len(base.terms) == 1 and next(iter(base.terms.values())) == 1:
        (term,) = base.terms
        for name, rule in _LOGARITHMS.items():
            part = _only_kernel(term, name)
            if part is not None:
                exponent = part.factors[0][0].data.exponent
                return rule(argument_of(part, base), exponent)
    return opaque("log", base)


_LOGARITHMS: dict[str, Callable[[Tensor, Tensor | None], Tensor]] = {
    "exp": lambda argument, _: argument,
    "reciprocal": lambda argument, _: -logarithm(argument),
    "root": lambda argument, q: reciprocal(_present(q)) * logarithm(argument),
    "power": lambda argument, exponent: _present(exponent) * logarithm(argument),
}


def _present(exponent: Tensor | None) -> Tensor:
    assert exponent is not None
    return exponent


def power(base: Tensor, exponent: Tensor) -> Tensor:
    """base^exponent, entry by entry; the exponent is a scalar.

    Raises:
        Unsupported: If an integer power is not negative only where the base is identically zero,
            or a root is taken of a negative number.
    """
    value = exponent.number
    if value is not None and value.denominator == 1:
        if math.comb(max(len(base.terms), 1) + abs(int(value)) - 1, abs(int(value))) > _MOST_TERMS:
            raise Unsupported(f"a power {value} of a sum with {len(base.terms)} terms")
        return base ** int(value) if value >= 0 else reciprocal(base) ** int(-value)
    if base.is_empty:
        raise Unsupported("a power of an expression that is identically zero")
    factors, rest = positive_factors(base)
    result = ones(base.shape)
    if value is not None and len(rest.terms) == 1:
        result, rest = _absolute_values(rest, value)
    for factor, times in (*factors, (rest, 1)):
        result = result * _power_of_factor(factor, exponent.scaled(times))
    return result


def _absolute_values(rest: Tensor, value: Fraction) -> tuple[Tensor, Tensor]:
    """Pull |x|^(2 k value) out of (x^(2k) ...)^value where that exponent is an integer."""
    ((term, coefficient),) = rest.terms.items()
    pulled, powers, opened = ones(rest.shape), [], []
    counts = [(part, k, of_component(part)) for part, k in term.monomial]
    for part, k, base in counts:
        if k % 2 == 0 and (k * value).denominator == 1:
            pulled = pulled * power(absolute(base), number(k * value))
        else:
            powers.append((part, k))
    for part, k in Counter(term.open).items():
        if k % 2 == 0 and (k * value).denominator == 1:
            base = single(Term((), (part,)), 1, rest.shape)
            pulled = pulled * power(absolute(base), number(k * value))
        else:
            opened += [part] * k
    return pulled, single(Term(tuple(powers), tuple(opened)), coefficient, rest.shape)


def _power_of_factor(base: Tensor, exponent: Tensor) -> Tensor:
    """A power of a prime, of a single positive component, or of a sum without positive content."""
    if base == ones(base.shape):
        return base
    value = exponent.number
    if value is not None and value.denominator == 1:
        return power(base, exponent)
    if base == -ones(base.shape):
        raise Unsupported("a root or a parameter power of a negative number")
    if len(base.terms) == 1 and next(iter(base.terms.values())) == 1:
        (term,) = base.terms
        for name, rule in _POWERS.items():
            part = _only_kernel(term, name)
            if part is not None:
                inner = part.factors[0][0].data.exponent
                return rule(argument_of(part, base), inner, exponent)
    result = ones(base.shape)
    for term, coefficient in exponent.terms.items():
        result = result * _power_by_term(base, term, coefficient)
    return result


_POWERS: dict[str, Callable[[Tensor, Tensor | None, Tensor], Tensor]] = {
    "exp": lambda argument, _, exponent: exponential(argument * exponent),
    "reciprocal": lambda argument, _, exponent: power(argument, -exponent),
    "root": lambda argument, q, exponent: power(argument, exponent * reciprocal(_present(q))),
    "power": lambda argument, inner, exponent: power(argument, exponent * _present(inner)),
}


def _power_by_term(base: Tensor, term: Term, coefficient: Fraction) -> Tensor:
    """base^(c m): of a number c as an integer power and a root, else as a power kernel."""
    times, q = coefficient.numerator, coefficient.denominator
    if term.monomial:
        kernel = opaque("power", base, single(term, Fraction(1, q), ()))
        return kernel**times if times > 0 else reciprocal(kernel) ** -times
    if base.shape or base.number is not None:
        # The root to a power below q is the only form in which 2^(3/2) is 2 * 2^(1/2) too.
        whole, times = divmod(times, q)
        factor = power(base, number(whole))
    else:
        factor = number(1)
    if times == 0:
        return factor
    if q == 1:
        return factor * power(base, number(times))
    root = opaque("root", base, number(q))
    return factor * (root**times if times > 0 else reciprocal(root) ** -times)
