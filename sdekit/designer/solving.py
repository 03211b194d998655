"""Polynomial equations in a few unknowns over a field of rational functions, by cases.

An unknown that occurs linearly is eliminated; where its coefficient contains other unknowns, and
where an equation factors, each case is followed. All solutions are found, or `Unsupported` is
raised, as where one is a square root. Not for where the equations come from (`matching`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from flint import fmpq_mpoly, fmpq_mpoly_ctx

from sdekit.calculus.limits import Unsupported, tick

#: A numerator and a denominator.
Value = tuple[fmpq_mpoly, fmpq_mpoly]


class SolvedCase(NamedTuple):
    """One case of the solution.

    Attributes:
        values: Each solved unknown, by its position in the ring, in terms of the others.
        nonzero: What must not vanish for the values to be solutions.
    """

    values: dict[int, Value]
    nonzero: tuple[fmpq_mpoly, ...]


def maximal(found: Sequence[SolvedCase], ring: fmpq_mpoly_ctx) -> list[SolvedCase]:
    """The families without those that are special cases of another one."""
    return [
        family
        for family in found
        if not any(family is not other and _is_within(family, other, ring) for other in found)
    ]


def _is_within(family: SolvedCase, other: SolvedCase, ring: fmpq_mpoly_ctx) -> bool:
    equations = [ring.gens()[k] * bottom - top for k, (top, bottom) in other.values.items()]
    for position, value in family.values.items():
        equations = [_put(equation, position, value, ring) for equation in equations]
    return len(other.values) < len(family.values) and all(e.is_zero() for e in equations)


def families(
    equations: Sequence[fmpq_mpoly],
    ring: fmpq_mpoly_ctx,
    unknowns: Sequence[int],
    nonzero: Sequence[fmpq_mpoly] = (),
) -> Iterator[SolvedCase]:
    """Every solution, generic in the parameters, each once.

    Args:
        equations: Polynomials that must vanish.
        ring: Where they live.
        unknowns: Positions of the unknowns; those that come first are solved for first. All
            other generators are parameters, of which no polynomial vanishes.
        nonzero: What must not vanish.

    Raises:
        Unsupported: If irreducible equations are left in which no unknown occurs linearly.
        BudgetExceeded: If the time granted by `spending` is over.

    Checked by: tests/designer/test_solving.py.
    """
    cleaned = _cleaned(equations, unknowns, nonzero)
    if cleaned is None:
        return
    if not cleaned:
        yield SolvedCase({}, tuple(nonzero))
        return
    pivot = _pivot(cleaned, unknowns)
    if pivot is None:
        yield from _split(cleaned, ring, unknowns, nonzero)
        return
    equation, position, slope = pivot
    rest = [other for other in cleaned if other is not equation]
    known = [*nonzero] if _is_field(slope, unknowns) else [*nonzero, slope]
    intercept = _without(equation, position, ring)
    # slope * unknown + intercept = 0
    solved = [_put(other, position, (-intercept, slope), ring) for other in rest]
    excluded = [_put(other, position, (-intercept, slope), ring) for other in known]
    remaining = [u for u in unknowns if u != position]
    for family in families(solved, ring, remaining, excluded):
        value = _resolved((-intercept, slope), family.values, ring)
        yield SolvedCase({position: value, **family.values}, family.nonzero)
    if not _is_field(slope, unknowns):
        yield from families([slope, intercept, *rest], ring, unknowns, nonzero)


def _split(
    equations: list[fmpq_mpoly],
    ring: fmpq_mpoly_ctx,
    unknowns: Sequence[int],
    nonzero: Sequence[fmpq_mpoly],
) -> Iterator[SolvedCase]:
    """The cases of an equation that is a product."""
    for equation in equations:
        factors = [f for f, _ in equation.factor()[1] if not _is_field(f, unknowns)]
        if len(factors) > 1:
            rest = [other for other in equations if other is not equation]
            for k, factor in enumerate(factors):
                others = [*nonzero, *factors[:k]]
                yield from families([factor, *rest], ring, unknowns, others)
            return
    raise Unsupported("an unknown is no rational function of the parameters and other unknowns")


def _cleaned(
    equations: Sequence[fmpq_mpoly], unknowns: Sequence[int], nonzero: Sequence[fmpq_mpoly]
) -> list[fmpq_mpoly] | None:
    """Square-free equations without factors that cannot vanish; None if one cannot hold."""
    if any(other.is_zero() for other in nonzero):
        return None
    excluded = {
        str(sign * f) for other in nonzero for f, _ in other.factor()[1] for sign in (1, -1)
    }
    found: dict[str, fmpq_mpoly] = {}
    for equation in equations:
        if equation.is_zero():
            continue
        tick(10 * len(equation))
        factors = [f for f, _ in equation.factor()[1] if not _is_field(f, unknowns)]
        factors = [f for f in factors if str(f) not in excluded]
        if not factors:
            return None
        product = factors[0]
        for factor in factors[1:]:
            product = product * factor
        found[str(product)] = product
    return sorted(found.values(), key=len)


def _pivot(
    equations: list[fmpq_mpoly], unknowns: Sequence[int]
) -> tuple[fmpq_mpoly, int, fmpq_mpoly] | None:
    """An equation that is linear in an unknown, and its slope; one that never vanishes first."""
    second = None
    for equation in equations:
        degrees = equation.degrees()
        for position in unknowns:
            if degrees[position] == 1:
                slope = equation.derivative(position)
                if _is_field(slope, unknowns):
                    return equation, position, slope
                second = second or (equation, position, slope)
    is_product = any(
        sum(not _is_field(f, unknowns) for f, _ in equation.factor()[1]) > 1
        for equation in equations
    )
    return None if is_product else second


def _occurring(polynomial: fmpq_mpoly, unknowns: Sequence[int]) -> list[int]:
    degrees = polynomial.degrees()
    return [position for position in unknowns if degrees[position]]


def _is_field(polynomial: fmpq_mpoly, unknowns: Sequence[int]) -> bool:
    """Whether no unknown occurs: an element of the field, and not zero."""
    return not polynomial.is_zero() and not _occurring(polynomial, unknowns)


def _without(polynomial: fmpq_mpoly, position: int, ring: fmpq_mpoly_ctx) -> fmpq_mpoly:
    return ring.from_dict({e: c for e, c in polynomial.to_dict().items() if not e[position]})


def _put(polynomial: fmpq_mpoly, position: int, value: Value, ring: fmpq_mpoly_ctx) -> fmpq_mpoly:
    """The numerator of the polynomial with a fraction in the place of a generator."""
    return _fraction(polynomial, position, value, ring)[0]


def _fraction(polynomial: fmpq_mpoly, position: int, value: Value, ring: fmpq_mpoly_ctx) -> Value:
    degree = 0 if polynomial.is_zero() else polynomial.degrees()[position]
    if not degree:
        return polynomial, ring.constant(1)
    slices: dict[int, dict[tuple[int, ...], Any]] = {}
    for exponents, coefficient in polynomial.to_dict().items():
        key = (*exponents[:position], 0, *exponents[position + 1 :])
        slices.setdefault(exponents[position], {})[key] = coefficient
    top, bottom = value
    total = ring.constant(0)
    for power, terms in slices.items():
        tick(len(terms))
        total += ring.from_dict(terms) * top**power * bottom ** (degree - power)
    return total, bottom**degree


def _resolved(value: Value, later: dict[int, Value], ring: fmpq_mpoly_ctx) -> Value:
    """The value with the unknowns that were solved afterwards put in, in lowest terms."""
    top, bottom = value
    for position, known in later.items():
        (upper, below), (lower, above) = (
            _fraction(part, position, known, ring) for part in (top, bottom)
        )
        top, bottom = upper * above, lower * below
    common = top.gcd(bottom)
    return (top / common, bottom / common) if not top.is_zero() else (top, ring.constant(1))
