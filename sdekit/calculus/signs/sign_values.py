"""What can be known of a sign, and what follows for products and sums.

Not for finding the sign of an expression (`sign`).
"""

from __future__ import annotations

from enum import Enum


class Sign(Enum):
    """What is known of a sign."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    ZERO = "zero"
    NONNEGATIVE = "nonnegative"
    NONPOSITIVE = "nonpositive"
    UNKNOWN = "unknown"

    @property
    def is_nonnegative(self) -> bool:
        """Whether >= 0 is known."""
        return self in (Sign.POSITIVE, Sign.NONNEGATIVE, Sign.ZERO)

    @property
    def is_nonpositive(self) -> bool:
        """Whether <= 0 is known."""
        return self in (Sign.NEGATIVE, Sign.NONPOSITIVE, Sign.ZERO)

    @property
    def is_nonzero(self) -> bool:
        """Whether > 0 or < 0 is known."""
        return self in (Sign.POSITIVE, Sign.NEGATIVE)

    def __neg__(self) -> Sign:
        return _OPPOSITE[self]

    def __mul__(self, other: Sign) -> Sign:
        if Sign.ZERO in (self, other):
            return Sign.ZERO
        if Sign.UNKNOWN in (self, other):
            return Sign.UNKNOWN
        same = self.is_nonnegative == other.is_nonnegative
        strict = self.is_nonzero and other.is_nonzero
        return made(same, strict)

    def __add__(self, other: Sign) -> Sign:
        if self is Sign.ZERO:
            return other
        if other is Sign.ZERO:
            return self
        if Sign.UNKNOWN in (self, other) or self.is_nonnegative != other.is_nonnegative:
            return Sign.UNKNOWN
        return made(self.is_nonnegative, self.is_nonzero or other.is_nonzero)

    def without_zero(self) -> Sign:
        """The same where zero is excluded."""
        return {Sign.NONNEGATIVE: Sign.POSITIVE, Sign.NONPOSITIVE: Sign.NEGATIVE}.get(self, self)


_OPPOSITE = {
    Sign.POSITIVE: Sign.NEGATIVE,
    Sign.NEGATIVE: Sign.POSITIVE,
    Sign.ZERO: Sign.ZERO,
    Sign.NONNEGATIVE: Sign.NONPOSITIVE,
    Sign.NONPOSITIVE: Sign.NONNEGATIVE,
    Sign.UNKNOWN: Sign.UNKNOWN,
}


def made(is_nonnegative: bool, is_strict: bool) -> Sign:
    """The sign of one side, with zero or without it."""
    if is_strict:
        return Sign.POSITIVE if is_nonnegative else Sign.NEGATIVE
    return Sign.NONNEGATIVE if is_nonnegative else Sign.NONPOSITIVE
