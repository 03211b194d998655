r"""Parameters in the place of which the gaps of assumed inequalities are put.

a > m becomes m = a - g with a gap g > 0; bounds on both sides, 0 < s < b, become s = b/(1 + g),
and s^2 < b^2 becomes s = b (g - 1)/(g + 1). Every admissible value is that of some gaps, so that
what is proved for all gaps is proved for it.

Checked by: tests/verifier/test_assumed_inequalities.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import isqrt

from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.monomial_sums import TooLarge, as_expression
from sdekit.calculus.expansion.rewriting import INTERNAL, substituted
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.sign_values import NEGATIVE, POSITIVE, never_negative
from sdekit.declaration.tree.abbreviations import Comparison
from sdekit.declaration.tree.expression import (
    Expression,
    Negation,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
)
from sdekit.declaration.tree.operators import ONE
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.verifier.declared_facts import contradiction, gap_of, gap_symbol
from sdekit.verifier.integrals.quadratic import split_by

#: Denominator of bounds for roots that are not rational.
_GRID = 24
#: A parameter and what takes its place.
Image = tuple[Parameter, Expression]


def solved_parameters(facts: Sequence[Comparison]) -> dict[Parameter, Expression]:
    """What parameters are in terms of gaps; empty where nothing could be solved.

    Example:
        >>> from sdekit.declaration.tree.symbols import parameter
        >>> a = parameter("a")
        >>> list(solved_parameters([a > 1]).values())
        [1 + sdekit_gap_1]
    """
    images: dict[Parameter, Expression] = {}
    if contradiction(facts) is not None:
        return images
    for number, fact in enumerate(facts):
        found = _solved(substituted(gap_of(fact), images), gap_symbol(fact, number))
        if found is not None:
            s, image = found
            images = {other: substituted(old, {s: image}) for other, old in images.items()}
            images[s] = image
    return images


def _solved(gap: Expression, value: Parameter) -> Image | None:
    """A parameter, and what it is where the gap takes every value of its sign."""
    parameters = {s for s in gap.walk() if isinstance(s, Parameter) and s.value is None}
    ordered = sorted(
        (s for s in parameters if not s.shape),
        key=lambda s: (s.name.startswith(INTERNAL), len(s.assumptions), s.name),
    )
    # Signs that are declared are kept first, and given up only where no parameter keeps its own.
    for rule in (_with_its_sign, _between, _in_a_square, _anyhow):
        found = next((image for s in ordered for image in rule(gap, value, s)), None)
        if found is not None:
            return found
    return None


def _with_its_sign(gap: Expression, value: Parameter, s: Parameter) -> Iterator[Image]:
    for _, image in _anyhow(gap, value, s):
        signs = decided_signs(image)
        has_sign = "positive" in s.assumptions or "nonnegative" in s.assumptions
        if (
            not has_sign
            or signs == POSITIVE
            or ("positive" not in s.assumptions and never_negative(signs))
        ):
            yield s, image


def _anyhow(gap: Expression, value: Parameter, s: Parameter) -> Iterator[Image]:
    """s from slope s + rest = value."""
    found = None if s.name.startswith(INTERNAL) else _linear(gap, s)
    if found is not None:
        slope, rest = found
        yield s, collected(Quotient(Sum((value, Negation(rest))), slope))


def _between(gap: Expression, value: Parameter, s: Parameter) -> Iterator[Image]:
    """0 < s < b is b/(1 + g) with g > 0; with g >= 0 it is s <= b."""
    found = _linear(gap, s)
    if found is None or decided_signs(found[0]) != NEGATIVE:
        return
    bound = collected(Quotient(found[1], Negation(found[0])))
    if "positive" in s.assumptions:
        yield s, Quotient(bound, Sum((ONE, value)))
    elif "nonnegative" in s.assumptions and "positive" in value.assumptions:
        other = Parameter(value.name, (), frozenset({"nonnegative"}))
        yield s, Quotient(Product((bound, other)), Sum((ONE, other)))


def _in_a_square(gap: Expression, value: Parameter, s: Parameter) -> Iterator[Image]:
    """s^2 < b^2 is s = b (g - 1)/(g + 1) with g > 0; s^2 <= b^2 is 2 b g/(1 + g^2) for any g."""
    rest = collected(Sum((gap, Power(s, Number(Fraction(2))))))
    if not isinstance(rest, Number) or rest.value <= 0 or s.assumptions:
        return
    root = Fraction(isqrt(rest.value.numerator), isqrt(rest.value.denominator))
    if root**2 != rest.value:
        # A bound from above, so that every admissible value is still one of those.
        root = Fraction(isqrt(int(rest.value * _GRID**2)) + 1, _GRID)
    if "positive" in value.assumptions:
        part = Quotient(Sum((value, Negation(ONE))), Sum((ONE, value)))
    else:
        free = Parameter(value.name)
        twice = Product((Number(Fraction(2)), free))
        part = Quotient(twice, Sum((ONE, Power(free, Number(Fraction(2))))))
    yield s, Product((Number(root), part))


def _linear(gap: Expression, s: Parameter) -> tuple[Expression, Expression] | None:
    """Slope, which is nowhere zero, and rest of a function that is affine in s."""
    place = Variable(f"{INTERNAL}place")
    try:
        split = split_by(expand(substituted(gap, {s: place})), place)
    except (Unsupported, TooLarge):
        return None
    if split.hessian or split.other or not split.linear:
        return None
    slope, rest = as_expression(split.linear), as_expression(split.constant)
    return None if 0 in decided_signs(slope) else (slope, rest)
