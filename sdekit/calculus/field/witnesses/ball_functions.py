"""Functions of one number with two derivatives: exact rationals where possible, else balls.

A ball is a midpoint and a radius (FLINT's `arb`); the true value lies inside. Where a function is
not real or not defined the result is NaN, and nothing here raises for a value.

Not for expressions (`balls.py`).

Notation: u is the argument of a function f; a triple is (f(u), f'(u), f''(u)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from math import factorial, isqrt

import sympy as sp
from flint import arb, arb_series, fmpq, fmpz
from flint import ctx as flint_context

from sdekit.calculus.limits import Unsupported

#: An exact rational, or a ball.
Number = fmpq | arb
Triple = tuple[Number, Number, Number]

#: Bits of a working ball, by default.
PRECISION = 128
#: Exact powers with more bits than this become balls.
_LARGEST_POWER_BITS = 20_000

_ZERO, _ONE, _HALF = fmpq(0), fmpq(1), fmpq(1, 2)


@contextmanager
def working_precision(bits: int) -> Iterator[None]:
    """Balls made inside carry this many bits."""
    before = flint_context.prec
    flint_context.prec = bits
    try:
        yield
    finally:
        flint_context.prec = before


def rational(value: Fraction | int | sp.Rational | fmpq) -> fmpq:
    """An exact number as FLINT's rational."""
    if isinstance(value, fmpq):
        return value
    if isinstance(value, sp.Rational):
        return fmpq(int(value.p), int(value.q))
    exact = Fraction(value)
    return fmpq(exact.numerator, exact.denominator)


def ball(value: Number) -> arb:
    """A number as a ball, of radius zero where it is dyadic."""
    return value if isinstance(value, arb) else arb(value)


def is_surely_nonzero(value: Number) -> bool:
    """Whether the value is known not to be zero."""
    if isinstance(value, arb):
        return value.is_finite() and not value.contains(0)
    return value != 0


def is_defined(value: Number) -> bool:
    """Whether the value is a real number."""
    return not isinstance(value, arb) or value.is_finite()


# Arithmetic that keeps exact numbers exact and never raises


def divide(a: Number, b: Number) -> Number:
    """a / b; NaN when b may be zero."""
    if isinstance(b, fmpq) and b == 0:
        return arb.nan()
    return a / b


def integer_power(u: Number, exponent: int) -> Number:
    """u ** exponent; a ball where the exact number would be huge, NaN for 0 ** -1."""
    if isinstance(u, fmpq):
        bits = max(fmpz(u.p).bit_length(), fmpz(u.q).bit_length())
        if abs(u) == 1 or u == 0 or bits * abs(exponent) <= _LARGEST_POWER_BITS:
            return divide(_ONE, u**-exponent) if exponent < 0 else u**exponent
        u = arb(u)
    return u ** fmpz(exponent)


def rational_power(u: Number, exponent: fmpq) -> Number:
    """u ** exponent for a non-integer exponent; NaN for a negative u."""
    if isinstance(u, fmpq):
        if u == 0 and exponent > 0:
            return _ZERO
        if exponent.q == 2 and u > 0:
            p, q = isqrt(int(u.p)), isqrt(int(u.q))
            if p * p == u.p and q * q == u.q:
                return integer_power(fmpq(p, q), int(exponent.p))
    u = ball(u)
    if not u > 0:
        return arb.nan()
    return (u.log() * exponent).exp()


# Functions, each as the triple of its value and first two derivatives


def power_triple(u: Number, exponent: fmpq) -> Triple:
    """u ** exponent for a rational exponent."""
    if exponent.q != 1:
        value = rational_power(u, exponent)
        slope = divide(value * exponent, u)
        return value, slope, divide(slope * (exponent - 1), u)
    k = int(exponent.p)
    second = _ZERO if k in (0, 1) else integer_power(u, k - 2) * (k * (k - 1))
    first = _ZERO if k == 0 else integer_power(u, k - 1) * k
    return integer_power(u, k), first, second


def _exp(u: arb) -> Triple:
    value = u.exp()
    return value, value, value


def _log(u: arb) -> Triple:
    slope = 1 / u
    return u.log(), slope, -slope * slope


def _sin(u: arb) -> Triple:
    return u.sin(), u.cos(), -u.sin()


def _cos(u: arb) -> Triple:
    return u.cos(), -u.sin(), -u.cos()


def _tan(u: arb) -> Triple:
    value = u.tan()
    slope = 1 + value * value
    return value, slope, 2 * value * slope


def _sinh(u: arb) -> Triple:
    return u.sinh(), u.cosh(), u.sinh()


def _cosh(u: arb) -> Triple:
    return u.cosh(), u.sinh(), u.cosh()


def _tanh(u: arb) -> Triple:
    value = u.tanh()
    slope = 1 - value * value
    return value, slope, -2 * value * slope


def _atan(u: arb) -> Triple:
    slope = 1 / (1 + u * u)
    return u.atan(), slope, -2 * u * slope * slope


def _asin(u: arb) -> Triple:
    slope = (1 - u * u).rsqrt()
    return u.asin(), slope, u * slope**3


def _acos(u: arb) -> Triple:
    slope = (1 - u * u).rsqrt()
    return u.acos(), -slope, -u * slope**3


def _asinh(u: arb) -> Triple:
    slope = (1 + u * u).rsqrt()
    return u.asinh(), slope, -u * slope**3


def _acosh(u: arb) -> Triple:
    slope = (u * u - 1).rsqrt()
    return u.acosh(), slope, -u * slope**3


def _atanh(u: arb) -> Triple:
    slope = 1 / (1 - u * u)
    return u.atanh(), slope, 2 * u * slope * slope


def _acot(u: arb) -> Triple:
    slope = -1 / (1 + u * u)
    # SymPy's branch: acot(u) = atan(1 / u).
    return (1 / u).atan(), slope, 2 * u * slope * slope


def _series(method: str) -> Callable[[arb], Triple]:
    """A function that FLINT expands in power series."""

    def triple(u: arb) -> Triple:
        coefficients = _coefficients(method, u, 3)
        return coefficients[0], coefficients[1], 2 * coefficients[2]

    return triple


def _coefficients(method: str, u: arb, count: int) -> list[arb]:
    before = flint_context.cap
    flint_context.cap = count
    try:
        series = getattr(arb_series([u, arb(1)]), method)()
        return [series[place] for place in range(count)]
    finally:
        flint_context.cap = before


def _loggamma(u: arb) -> Triple:
    # SymPy's loggamma is complex for negative arguments, FLINT's is not defined there.
    return _series("lgamma")(u) if u > 0 else (arb.nan(), arb.nan(), arb.nan())


def polygamma_triple(order: int, u: Number) -> Triple:
    """The derivative of this order of digamma; NaN unless u > 0."""
    point = ball(u)
    if not point > 0:
        return arb.nan(), arb.nan(), arb.nan()
    coefficients = _coefficients("lgamma", point, order + 4)
    values = [coefficients[order + 1 + k] * factorial(order + 1 + k) for k in range(3)]
    return values[0], values[1], values[2]


def _abs(u: arb) -> Triple:
    if u.contains(0):
        return abs(u), arb.nan(), arb.nan()
    return abs(u), u.sgn(), arb(0)


def _sign(u: arb) -> Triple:
    # Undefined at the jump: identities are claimed on a dense open set, which leaves it out.
    if u.contains(0):
        return arb.nan(), arb.nan(), arb.nan()
    return u.sgn(), arb(0), arb(0)


def _heaviside(u: arb) -> Triple:
    if u.contains(0):
        return arb.nan(), arb.nan(), arb.nan()
    return (u.sgn() + 1) / 2, arb(0), arb(0)


_FUNCTIONS: dict[type, Callable[[arb], Triple]] = {
    sp.exp: _exp, sp.log: _log, sp.sin: _sin, sp.cos: _cos, sp.tan: _tan,
    sp.sinh: _sinh, sp.cosh: _cosh, sp.tanh: _tanh,
    sp.atan: _atan, sp.acot: _acot, sp.asin: _asin, sp.acos: _acos,
    sp.asinh: _asinh, sp.acosh: _acosh, sp.atanh: _atanh,
    sp.erf: _series("erf"), sp.erfc: _series("erfc"), sp.gamma: _series("gamma"),
    sp.loggamma: _loggamma, sp.Abs: _abs, sp.sign: _sign, sp.Heaviside: _heaviside,
}  # fmt: skip
#: cot and its kin: one over their partner.
RECIPROCALS: dict[type, type] = {
    sp.cot: sp.tan, sp.sec: sp.cos, sp.csc: sp.sin,
    sp.coth: sp.tanh, sp.sech: sp.cosh, sp.csch: sp.sinh,
}  # fmt: skip
#: Triples that are exact: (function, argument).
_EXACT: dict[tuple[type, fmpq], tuple[int, int, int]] = {
    (sp.exp, _ZERO): (1, 1, 1), (sp.log, _ONE): (0, 1, -1), (sp.sin, _ZERO): (0, 1, 0),
    (sp.cos, _ZERO): (1, 0, -1), (sp.tan, _ZERO): (0, 1, 0), (sp.sinh, _ZERO): (0, 1, 0),
    (sp.cosh, _ZERO): (1, 0, 1), (sp.tanh, _ZERO): (0, 1, 0), (sp.atan, _ZERO): (0, 1, 0),
    (sp.asin, _ZERO): (0, 1, 0), (sp.asinh, _ZERO): (0, 1, 0), (sp.atanh, _ZERO): (0, 1, 0),
}  # fmt: skip


def function_triple(kind: type, u: Number) -> Triple:
    """Value and first two derivatives of a function of one argument.

    Raises:
        Unsupported: If the function is not known here.
    """
    if isinstance(u, fmpq):
        if kind is sp.Abs and u != 0:
            return abs(u), _ONE if u > 0 else -_ONE, _ZERO
        if kind is sp.sign and u != 0:
            return (_ONE if u > 0 else -_ONE), _ZERO, _ZERO
        exact = _EXACT.get((kind, u))
        if exact is not None:
            return fmpq(exact[0]), fmpq(exact[1]), fmpq(exact[2])
    if kind in RECIPROCALS:
        value, first, second = function_triple(RECIPROCALS[kind], u)
        inverse = divide(_ONE, value)
        slope = -first * inverse * inverse
        return inverse, slope, (-second - 2 * first * first * -inverse) * inverse * inverse
    function = _FUNCTIONS.get(kind)
    if function is None:
        raise Unsupported(f"{kind.__name__} is not a function whose values are known here")
    return function(ball(u))


def extremum(kind: type, a: Number, b: Number) -> Number:
    """Max or Min of two numbers."""
    if isinstance(a, fmpq) and isinstance(b, fmpq):
        return max(a, b) if kind is sp.Max else min(a, b)
    a, b = ball(a), ball(b)
    return a.max(b) if kind is sp.Max else a.min(b)
