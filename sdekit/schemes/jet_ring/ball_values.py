"""That an element of a jet ring is not zero, by a ball at a random exact point.

Not for showing that one is zero: no number can.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import arb, fmpq

from sdekit.calculus.field.witnesses.balls import ball_value
from sdekit.schemes.jet_ring.known_functions import Kernel

#: Points to try: a kernel may be undefined at one, such as the square root of a negative number.
POINTS = 6


def excludes_zero(keys: Sequence[Any], formulas: Sequence[sp.Expr], polynomial: Any) -> bool:
    """Whether some exact point is found at which the polynomial is certainly not zero.

    Args:
        keys: What the generators of its ring stand for.
        formulas: The same as SymPy expressions, which are evaluated by ball arithmetic.
        polynomial: An element of it.
    """
    source = random.Random(0)
    for _ in range(POINTS):
        values = _values(keys, formulas, source)
        if values is None:
            continue
        total = arb(0)
        for exponents, coefficient in polynomial.terms():
            term = arb(fmpq(coefficient))
            for index, power in enumerate(exponents):
                if power:
                    term *= values[index] ** power
            total += term
        if total.is_finite() and not total.contains(0):
            return True
    return False


def _values(
    keys: Sequence[Any], formulas: Sequence[sp.Expr], source: random.Random
) -> list[arb] | None:
    """A ball for every variable of the ring; None where a kernel is not defined."""
    exact = {
        formula: _random_rational(key, source)
        for key, formula in zip(keys, formulas, strict=True)
        if not isinstance(key, Kernel)
    }
    values = []
    for formula in formulas:
        value = ball_value(formula, exact if formula not in exact else {formula: exact[formula]})
        if not value.is_finite():
            return None
        values.append(value)
    return values


def _random_rational(key: Any, source: random.Random) -> Fraction:
    value = Fraction(source.randint(1, 63), 16)
    # Symbols stay positive, as most parameters are; derivatives take both signs.
    return -value if isinstance(key, tuple) and source.random() < 0.5 else value
