"""Named parts of an element written out, divided by, and cleared: the last steps of a zero test.

From cheap to dear: positive powers of small named parts are multiplied out; numerators are divided
by single denominators; all denominators are cleared at once.

Not for the algebraic relations of roots, signs and sines (`Tower.reduced`).
"""

from __future__ import annotations

from sdekit.calculus.field.ring.division import divide_numerators
from sdekit.calculus.field.ring.generators import Named, Ring
from sdekit.calculus.field.ring.polynomial import Polynomial, total
from sdekit.calculus.field.ring.transcendentals import Sine

#: Named parts are multiplied out if that gives at most this many terms, from powers up to this.
_WRITTEN_OUT = 20_000
_HIGHEST_WRITTEN_OUT = 4


def written_out(tower: Ring, polynomial: Polynomial) -> Polynomial:
    """The reduced element with positive powers of named parts multiplied out where small."""
    polynomial = tower.reduced(polynomial)
    for number in sorted(polynomial.generators(), reverse=True):
        generator = tower.generators[number]
        parts = polynomial.degree_parts(number)
        if not isinstance(generator, Named) or not parts:
            continue
        highest = max(parts)
        size = sum(
            len(part) * len(generator.definition) ** min(exponent, _HIGHEST_WRITTEN_OUT + 1)
            for exponent, part in parts.items()
            if exponent > 0
        )
        if 0 < highest <= _HIGHEST_WRITTEN_OUT and size <= _WRITTEN_OUT:
            polynomial = total(
                part * generator.definition**exponent
                if exponent > 0
                else part.shifted(((number, exponent),) if exponent else ())
                for exponent, part in parts.items()
            )
    return tower.reduced(polynomial)


def divided(tower: Ring, polynomial: Polynomial) -> Polynomial:
    """The element written out, with every numerator divided by its denominators, one by one.

    Brings E / (1 + E) to 1 - 1 / (1 + E): cheap, and canonical when no two denominators share a
    generator.
    """
    polynomial = written_out(tower, polynomial)
    named = sorted(
        (n for n in polynomial.generators() if isinstance(tower.generators[n], Named)),
        reverse=True,
    )
    for number in named:
        (definition,) = tower.generators[number].inner()
        # Division ends only where exponents cannot fall for ever.
        if all(exponent > 0 for monomial in definition.terms for _, exponent in monomial):
            polynomial = divide_numerators(polynomial, number, definition)
    return tower.reduced(polynomial) if named else polynomial


def cleared(tower: Ring, polynomial: Polynomial) -> Polynomial:
    """A multiple of the element by non-zero factors, without denominators or named parts.

    It is zero exactly when the element is, and a true polynomial up to monomials in free
    generators, reduced by all relations.
    """
    polynomial = tower.reduced(polynomial)
    while True:
        waiting = [n for n in polynomial.generators() if _is_to_clear(tower, polynomial, n)]
        if not waiting:
            return polynomial
        # A named part is made of generators with smaller numbers, so this ends.
        last = max(waiting)
        generator = tower.generators[last]
        own = Polynomial.generator(last)
        base = generator.definition if isinstance(generator, Named) else own
        parts = polynomial.degree_parts(last)
        lowest = min(parts)
        polynomial = tower.reduced(
            total(part * base ** (exponent - lowest) for exponent, part in parts.items())
        )


def _is_to_clear(tower: Ring, polynomial: Polynomial, number: int) -> bool:
    """Whether a generator is a named part, or a sine with a negative power."""
    generator = tower.generators[number]
    if isinstance(generator, Named):
        return True
    return isinstance(generator, Sine) and any(
        own == number and exponent < 0
        for monomial in polynomial.terms
        for own, exponent in monomial
    )
