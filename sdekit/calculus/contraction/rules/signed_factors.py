"""What is known of signs: positive factors of a tensor, its sign and absolute value.

Not for deciding the sign of a sum (`sdekit.calculus.signs.sign`); here only declared positivity
counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from sdekit.calculus.contraction.rules.function_heads import opaque
from sdekit.calculus.contraction.splitting_terms import (
    common_powers,
    content,
    divided,
    is_positive,
    is_tie,
    leading,
    single,
)
from sdekit.calculus.contraction.tensor import Tensor, Term, number, of_component, ones

#: Numbers up to this size are split into primes inside logarithms and roots.
_LARGEST_SPLIT = 10**6


def absolute(argument: Tensor) -> Tensor:
    """|argument| = argument * sign(argument), entry by entry."""
    return argument * sign(argument)


def sign(argument: Tensor) -> Tensor:
    """Sign of every entry; of positive factors and of squares it is 1 (up to their zeros)."""
    if argument.is_empty:
        return argument
    _, rest = positive_factors(argument)
    if len(rest.terms) > 1:
        first = rest.terms[leading(rest)]
        return opaque("sign", rest.scaled(1 if first > 0 else -1)).scaled(1 if first > 0 else -1)
    ((term, coefficient),) = rest.terms.items()
    result = ones(argument.shape).scaled(1 if coefficient > 0 else -1)
    for part, exponent in (*term.monomial, *Counter(term.open).items()):
        if exponent % 2 == 0:
            continue
        bare = (
            of_component(part) * ones(argument.shape)
            if part.is_closed
            else single(Term((), (part,)), 1, argument.shape)
        )
        result = result * opaque("sign", bare)
    return result


def positive_factors(argument: Tensor) -> tuple[list[tuple[Tensor, int]], Tensor]:
    """Write the argument as a product of powers of positive simple factors times a rest.

    Returns:
        Pairs (base, exponent) with bases that are primes or single components known to be > 0,
        and the rest; the argument is not zero.
    """
    shape = argument.shape
    common = common_powers(argument, only_positive=True)
    scale = content(argument)
    factors = [
        *((number(prime) * ones(shape), k) for prime, k in _primes(scale)),
        *((of_component(part) * ones(shape), k) for part, k in common),
    ]
    rest = divided(argument, scale, common)
    if len(rest.terms) == 1:
        ((term, coefficient),) = rest.terms.items()
        positive = [part for part in term.open if is_positive(part) and not is_tie(part)]
        others = tuple(part for part in term.open if part not in positive)
        factors += [(single(Term((), (part,)), 1, shape), 1) for part in positive]
        rest = single(Term(term.monomial, others), coefficient, shape)
    return factors, rest


def _primes(value: Fraction) -> Iterator[tuple[int, int]]:
    """Prime powers of a positive rational; a large cofactor is left whole."""
    for whole, direction in ((value.numerator, 1), (value.denominator, -1)):
        remaining, prime = whole, 2
        while prime * prime <= remaining and prime * prime <= _LARGEST_SPLIT:
            times = 0
            while remaining % prime == 0:
                remaining //= prime
                times += 1
            if times:
                yield prime, direction * times
            prime += 1
        if remaining > 1:
            yield remaining, direction
