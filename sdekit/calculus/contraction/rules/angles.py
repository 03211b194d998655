"""Sines, cosines and tangents in canonical form; hyperbolic functions as exponentials.

Sines of sums are expanded into those of the single terms, so that equal trigonometric polynomials
have equal normal forms under sin^2 = 1 - cos^2. Not for that relation itself (`relations`).
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.contraction.heads import Kind
from sdekit.calculus.contraction.rules.function_heads import opaque
from sdekit.calculus.contraction.rules.powers import exponential, reciprocal
from sdekit.calculus.contraction.splitting_terms import leading, single
from sdekit.calculus.contraction.tensor import Tensor, Term, ones, zero

#: Integer multiples of an angle up to this size are written out.
_LARGEST_MULTIPLE = 6
#: Angles with more terms than this are not expanded.
_MOST_TERMS = 4

#: Cosine and sine of one angle.
Turn = tuple[Tensor, Tensor]


def sine(argument: Tensor) -> Tensor:
    """sin of every entry."""
    return _turn(argument)[1]


def cosine(argument: Tensor) -> Tensor:
    """cos of every entry."""
    return _turn(argument)[0]


def tangent(argument: Tensor) -> Tensor:
    """tan of every entry, as sin / cos."""
    cos, sin = _turn(argument)
    return sin * reciprocal(cos)


def _turn(argument: Tensor) -> Turn:
    if len(argument.terms) > _MOST_TERMS:
        return _opaque_turn(argument)
    total: Turn = (ones(argument.shape), zero(argument.shape))
    for term, coefficient in argument.terms.items():
        total = _composed(total, _turn_of_term(term, coefficient, argument))
    return total


def _composed(first: Turn, second: Turn) -> Turn:
    (c1, s1), (c2, s2) = first, second
    return c1 * c2 - s1 * s2, s1 * c2 + c1 * s2


def _turn_of_term(term: Term, coefficient: Fraction, argument: Tensor) -> Turn:
    one, nothing = ones(argument.shape), zero(argument.shape)
    if _is_pi(term) and coefficient.denominator <= 2:
        quarter = int(2 * coefficient) % 4
        return ((one, nothing), (nothing, one), (-one, nothing), (nothing, -one))[quarter]
    times = coefficient.numerator
    if abs(times) > _LARGEST_MULTIPLE:
        return _opaque_turn(single(term, coefficient, argument.shape))
    base = single(term, Fraction(1, coefficient.denominator), argument.shape)
    cos, sin = opaque("cos", base), opaque("sin", base)
    step: Turn = (cos, sin if times > 0 else -sin)
    total: Turn = (one, nothing)
    for _ in range(abs(times)):
        total = _composed(total, step)
    return total


def _is_pi(term: Term) -> bool:
    if term.open or len(term.monomial) != 1:
        return False
    generator, exponent = term.monomial[0]
    head = generator.head
    return exponent == 1 and head is not None and (head.kind, head.data) == (Kind.CONSTANT, "pi")


def _opaque_turn(argument: Tensor) -> Turn:
    if argument.terms[leading(argument)] < 0:
        return opaque("cos", -argument), -opaque("sin", -argument)
    return opaque("cos", argument), opaque("sin", argument)


def hyperbolic_sine(argument: Tensor) -> Tensor:
    """sinh = (exp(x) - exp(-x)) / 2 of every entry."""
    return (exponential(argument) - exponential(-argument)).scaled(Fraction(1, 2))


def hyperbolic_cosine(argument: Tensor) -> Tensor:
    """cosh = (exp(x) + exp(-x)) / 2 of every entry."""
    return (exponential(argument) + exponential(-argument)).scaled(Fraction(1, 2))


def hyperbolic_tangent(argument: Tensor) -> Tensor:
    """tanh = (exp(2 x) - 1) / (exp(2 x) + 1) of every entry; odd, so that one form is enough."""
    if argument.is_empty:
        return argument
    if argument.terms[leading(argument)] < 0:
        return -hyperbolic_tangent(-argument)
    doubled = exponential(argument.scaled(2))
    one = ones(argument.shape)
    return (doubled - one) * reciprocal(doubled + one)
