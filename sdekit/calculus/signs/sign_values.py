"""What can be known of a sign, as the set of signs that are still possible.

A subset of {-1, 0, 1}: {1} is positive, {0, 1} nonnegative, {-1, 1} never zero, {-1, 0, 1} nothing
known. Not for finding the signs of an expression (`implied_signs` for every size, `sign` in SymPy).
"""

from __future__ import annotations

Signs = frozenset[int]

POSITIVE: Signs = frozenset({1})
NEGATIVE: Signs = frozenset({-1})
ZERO: Signs = frozenset({0})
NONNEGATIVE: Signs = frozenset({0, 1})
NONPOSITIVE: Signs = frozenset({-1, 0})
UNKNOWN: Signs = frozenset({-1, 0, 1})


def never_negative(signs: Signs) -> bool:
    """Whether a negative value is excluded."""
    return -1 not in signs


def opposite(signs: Signs) -> Signs:
    """Signs of -x."""
    return frozenset(-s for s in signs)


def product_signs(left: Signs, right: Signs) -> Signs:
    """Signs of x y."""
    return frozenset(a * b for a in left for b in right)


def sum_signs(left: Signs, right: Signs) -> Signs:
    """Signs of x + y."""
    possible: set[int] = set()
    for a in left:
        for b in right:
            possible |= {a or b} if a * b >= 0 else {-1, 0, 1}
    return frozenset(possible)


def summed(signs: Signs) -> Signs:
    """Signs of a sum of numbers that each have one of these signs."""
    return UNKNOWN if {-1, 1} <= signs else signs


def signs_of_square(signs: Signs) -> Signs:
    """Signs of x^2."""
    return frozenset(s * s for s in signs)


def sign_of_number(value: object) -> Signs:
    """The sign of a real number."""
    return frozenset({(value > 0) - (value < 0)})  # type: ignore[operator]
