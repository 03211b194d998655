r"""Rigorous integrals $\int_{-\infty}^\infty e^{-q(y)}dy$ of polynomials, as balls.

The middle part is Arb's integral; beyond L the polynomial is convex and increasing, so that the
tail is at most $e^{-q(L)}/q'(L)$. Two masses whose balls do not meet refute that the marginal is
the target. Not for proofs that they agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from flint import acb, arb, fmpq, fmpq_poly

from sdekit.calculus.ball_functions import working_precision

#: Beyond this length the search for a convex tail is given up.
_LONGEST = 1 << 12
#: The tail starts where the integrand has fallen by exp(-this).
_DEPTH = 40
_PRECISION = 96


def gaussian_like_mass(coefficients: Sequence[Fraction]) -> arb | None:
    """A ball that holds the integral of exp(-q) over the real line.

    Args:
        coefficients: q by increasing degree; even degree and positive leading coefficient.

    Returns:
        The ball; None if q does not grow at both ends or no convex tail was found.

    Checked by: tests/verify/test_quadrature.py.
    """
    q = fmpq_poly([fmpq(c.numerator, c.denominator) for c in coefficients])
    degree = q.degree()
    if degree < 2 or degree % 2 or q[degree] <= 0:
        return None
    with working_precision(_PRECISION):
        right, left = _tail(q), _tail(_mirrored(q))
        if right is None or left is None:
            return None
        length = max(right, left)
        middle = acb.integral(lambda y, _: (-_value(q, y)).exp(), acb(-length), acb(length)).real
        return middle + _tail_bound(q, length) + _tail_bound(_mirrored(q), length)


def _mirrored(q: fmpq_poly) -> fmpq_poly:
    return q(fmpq_poly([0, -1]))


def _value(q: fmpq_poly, y: acb) -> acb:
    result = acb(0)
    for k in range(q.degree(), -1, -1):
        result = result * y + acb(arb(q[k]))
    return result


def _tail(q: fmpq_poly) -> int | None:
    """L such that q(L + t) has a large constant and no negative coefficient."""
    length = 2
    while length <= _LONGEST:
        shifted = q(fmpq_poly([length, 1]))
        rest = [shifted[k] for k in range(1, shifted.degree() + 1)]
        if all(c >= 0 for c in rest) and rest[0] > 0 and shifted[0] > _DEPTH:
            return length
        length *= 2
    return None


def _tail_bound(q: fmpq_poly, length: int) -> arb:
    """A ball [0, exp(-q(L)) / q'(L)]."""
    shifted = q(fmpq_poly([length, 1]))
    top = (-arb(shifted[0])).exp() / arb(shifted[1])
    half = (top / 2).upper()
    return arb(half.mid(), half.mid() + half.rad())
