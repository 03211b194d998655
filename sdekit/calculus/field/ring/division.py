"""Division of numerators by denominators that are kept as generators.

Not for clearing denominators (`tower.py`).
"""

from __future__ import annotations

from sdekit.calculus.field.ring.monomials import (
    Monomial,
    lexicographic,
    multiply_monomials,
    power_of_monomial,
)
from sdekit.calculus.field.ring.polynomial import ZERO_NUMBER, Polynomial
from sdekit.calculus.limits import tick


def divide_numerators(polynomial: Polynomial, divisor: int, definition: Polynomial) -> Polynomial:
    """Polynomial division of whatever stands over a generator by what that generator names.

    Args:
        polynomial: With negative powers of the divisor.
        divisor: The number of a generator that stands for `definition`.
        definition: Without negative exponents, and without the divisor.

    Returns:
        An equal polynomial in which no term with a negative power of the divisor is divisible by
        the leading monomial of the definition.
    """
    leading = max(definition.terms, key=lexicographic)
    slope = definition.terms[leading]
    rest = [(monomial, -c / slope) for monomial, c in definition if monomial != leading]
    step = ((divisor, 1),)
    done = dict(polynomial.terms)
    waiting = [monomial for monomial in done if _is_over(monomial, divisor, leading)]
    while waiting:
        tick()
        monomial = waiting.pop()
        c = done.pop(monomial, None)
        if c is None:
            continue
        quotient = multiply_monomials(monomial, power_of_monomial(leading, -1))
        new = [(multiply_monomials(quotient, step), c / slope)]
        new += [(multiply_monomials(quotient, other), c * d) for other, d in rest]
        for other, d in new:
            value = done.get(other, ZERO_NUMBER) + d
            if value:
                done[other] = value
                if _is_over(other, divisor, leading):
                    waiting.append(other)
            else:
                del done[other]
    return Polynomial(done)


def _is_over(monomial: Monomial, divisor: int, leading: Monomial) -> bool:
    exponents = dict(monomial)
    return exponents.get(divisor, 0) < 0 and all(
        exponents.get(generator, 0) >= exponent for generator, exponent in leading
    )
