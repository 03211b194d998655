"""Content, monomial and factors of elements; with them inverses, signs and absolute values.

In a coarse tower the polynomial left after content and monomial is one factor; a fine tower
factors it into irreducible polynomials. Either way each factor is kept as a ring element.

Not for roots, logarithms and exponentials, which use these factors (`kernels.py`).
"""

from __future__ import annotations

from typing import NamedTuple

from flint import fmpq

from sdekit.calculus.field.ring.generators import Constant, Coordinate, Jet, Named, Ring, Root, Sign
from sdekit.calculus.field.ring.monomials import Monomial, multiply_monomials, power_of_monomial
from sdekit.calculus.field.ring.polynomial import ONE, Polynomial, irreducible_factors, total
from sdekit.calculus.field.ring.transcendentals import Exponential
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs import sign as signs

#: A named polynomial inside an atom is written out if that gives at most this many terms.
_WRITTEN_OUT = 400
#: The sign calculus is asked only about polynomials of at most this many terms.
_SIGN_TERMS = 40


class Factors(NamedTuple):
    """content * monomial * product of factor ** multiplicity."""

    content: fmpq
    monomial: Monomial
    factors: tuple[tuple[Polynomial, int], ...]


def split(tower: Ring, polynomial: Polynomial) -> Factors:
    """Take an element apart.

    Returns:
        Content, a Laurent monomial, and factors that are primitive polynomials with positive
        leading coefficient and without a monomial factor. Negative exponents are left only in a
        coarse tower, and only of named parts.

    Raises:
        Unsupported: If the element is zero.
    """
    polynomial = tower.reduced(polynomial)
    monomial: Monomial = ()
    while True:
        if not polynomial:
            raise Unsupported("an expression is divided by zero, or is the logarithm of zero")
        common = _common_monomial(tower, polynomial)
        monomial = multiply_monomials(monomial, common)
        polynomial = polynomial.shifted(power_of_monomial(common, -1))
        written_out = _without_names(tower, polynomial)
        if written_out is polynomial:
            break
        polynomial = tower.reduced(written_out)
    content = polynomial.content()
    polynomial = polynomial.scaled(1 / content)
    if polynomial == ONE:
        return Factors(content, monomial, ())
    if not tower.is_fine:
        return Factors(content, monomial, ((polynomial, 1),))
    found = tuple(
        (factor.scaled(1 / factor.content()), multiplicity)
        for factor, multiplicity in irreducible_factors(polynomial)
    )
    return Factors(content, monomial, found)


def _common_monomial(tower: Ring, polynomial: Polynomial) -> Monomial:
    """The monomial that leaves a polynomial without negative exponents.

    A coarse tower leaves named parts where they are unless every term has them: clearing the
    denominators of 1 + 1/f + 1/g would hide the sum that v and H have in common.
    """
    common = polynomial.common_monomial()
    if tower.is_fine:
        return common
    kept = []
    for number, exponent in common:
        if exponent < 0 and isinstance(tower.generators[number], Named):
            exponent = min(max(polynomial.degree_parts(number)), 0)
        if exponent:
            kept.append((number, exponent))
    return tuple(kept)


def _without_names(tower: Ring, polynomial: Polynomial) -> Polynomial:
    """Named polynomials replaced by what they stand for, where that stays small."""
    for number in sorted(polynomial.generators(), reverse=True):
        generator = tower.generators[number]
        if not isinstance(generator, Named):
            continue
        parts = polynomial.degree_parts(number)
        if min(parts) < 0:
            continue
        terms = sum(
            len(part) * len(generator.definition) ** exponent if exponent < 9 else _WRITTEN_OUT + 1
            for exponent, part in parts.items()
        )
        if terms <= _WRITTEN_OUT:
            return total(part * generator.definition**e for e, part in parts.items())
    return polynomial


def named(tower: Ring, factor: Polynomial) -> Polynomial:
    """A factor of `split` as one generator."""
    return tower.element(Named(factor))


def kept_whole(tower: Ring, polynomial: Polynomial) -> Polynomial:
    """An element as a single term, with its factors as generators."""
    polynomial = tower.reduced(polynomial)
    if len(polynomial) <= 1:
        return polynomial
    content, monomial, factors = split(tower, polynomial)
    result = Polynomial.number(content).shifted(monomial)
    for factor, multiplicity in factors:
        result = result * named(tower, factor) ** multiplicity
    return result


def inverse(tower: Ring, polynomial: Polynomial) -> Polynomial:
    """1 / element, as a single term."""
    content, monomial, factors = split(tower, polynomial)
    result = Polynomial.number(1 / content).shifted(power_of_monomial(monomial, -1))
    for factor, multiplicity in factors:
        result = result * named(tower, factor) ** -multiplicity
    return result


def power(tower: Ring, polynomial: Polynomial, exponent: int) -> Polynomial:
    """An element to an integer power; large powers keep their base as one generator."""
    if exponent < 0:
        return power(tower, inverse(tower, polynomial), -exponent)
    if len(polynomial) <= 1 or len(polynomial) ** min(exponent, 9) <= _WRITTEN_OUT:
        return tower.reduced(polynomial**exponent) if polynomial or exponent else ONE
    return kept_whole(tower, polynomial) ** exponent


def sign(tower: Ring, polynomial: Polynomial) -> Polynomial:
    """sign(element), a product of signs of its factors."""
    if not tower.reduced(polynomial):
        return Polynomial({})
    content, monomial, factors = split(tower, polynomial)
    result = ONE if content > 0 else -ONE
    for number, exponent in monomial:
        if exponent % 2:
            result = result * sign_of_generator(tower, number)
    for factor, multiplicity in factors:
        if multiplicity % 2:
            result = result * tower.sign_of_atom(factor)
    return tower.reduced(result)


def sign_of_generator(tower: Ring, number: int) -> Polynomial:
    """sign(generator)."""
    generator = tower.generators[number]
    if generator.is_positive:
        return ONE
    if isinstance(generator, Sign):
        return Polynomial.generator(number)
    if isinstance(generator, Named):
        return sign(tower, generator.definition)
    return tower.sign_of_atom(Polynomial.generator(number))


def sign_of_atom(tower: Ring, polynomial: Polynomial) -> Polynomial:
    """1 or -1 where that is known on a dense set, else a sign generator."""
    if len(polynomial) <= _SIGN_TERMS:
        known = signs.sign(tower.expression(polynomial))
        if -1 not in known:
            return ONE
        if 1 not in known:
            return -ONE
    return tower.element(Sign(polynomial))


def require_positive(tower: Ring, polynomial: Polynomial) -> None:
    """Use up what it says of unknown signs that an element is positive where it is defined.

    Raises:
        Unsupported: If the element is known to be negative.
    """
    found = sign(tower, polynomial)
    if found == ONE:
        return
    if not found or found.constant() is not None:
        raise Unsupported(
            f"{tower.expression(polynomial)} is never positive: no real root or logarithm"
        )
    ((monomial, c),) = found
    last = monomial[-1][0]
    # A product of signs that is 1 gives its last sign as the product of the others.
    tower.replace(last, Polynomial({monomial[:-1]: c}))


def is_surely_nonzero(tower: Ring, atom: Polynomial) -> bool:
    """Whether a generator or a factor vanishes nowhere, as far as is known."""
    if atom in tower.assumed:
        return True
    if len(atom) == 1:
        generator = tower.generators[next(iter(atom))[0][0][0]]
        if isinstance(generator, (Exponential, Root, Sign)):
            return True
        if isinstance(generator, (Coordinate, Constant, Jet)):
            return bool(generator.expression(tower).is_nonzero)
    return len(atom) <= _SIGN_TERMS and 0 not in signs.sign(tower.expression(atom))


def assumed_sign(tower: Ring, polynomial: Polynomial) -> Polynomial | None:
    """1 or -1 for an element that is a product of factors with assumed signs, else None."""
    content, monomial, factors = split(tower, polynomial)
    atoms = [(Polynomial.generator(number), exponent) for number, exponent in monomial]
    result = ONE if content > 0 else -ONE
    for atom, multiplicity in [*atoms, *factors]:
        if atom not in tower.assumed:
            return None
        if multiplicity % 2:
            result = result * tower.sign_of_atom(atom)
    return result
