"""Functions of one number with two derivatives: exact rationals where possible, else balls.

A ball is a midpoint and a radius (FLINT's `arb`); the true value lies inside. Where a function is
not real or not defined the result is NaN, and nothing here raises for a value.

Not for expressions (`balls.py`).

Notation: u is the argument of a function f; a triple is (f(u), f'(u), f''(u)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from math import factorial, isqrt

import sympy as sp
from flint import arb, arb_series, fmpq, fmpz
from flint import ctx as flint_context

from sdekit.calculus.limits import Unsupported
from sdekit.declaration.functions.record import ElementaryFunction
from sdekit.declaration.functions.records import BY_SYMPY, FUNCTIONS
from sdekit.declaration.text.formulas import Algebra, evaluated

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


@dataclass(frozen=True)
class _Dual:
    """A number and its derivative by u."""

    value: Number
    slope: Number

    def __neg__(self) -> _Dual:
        return _Dual(-self.value, -self.slope)

    def __add__(self, other: _Dual) -> _Dual:
        return _Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other: _Dual) -> _Dual:
        slope = self.slope * other.value + self.value * other.slope
        return _Dual(self.value * other.value, slope)

    def __truediv__(self, other: _Dual) -> _Dual:
        value = divide(self.value, other.value)
        return _Dual(value, divide(self.slope - value * other.slope, other.value))


def _exact_power(base: _Dual, exponent: Fraction) -> _Dual:
    value, slope, _ = power_triple(base.value, rational(exponent))
    return _Dual(value, slope * base.slope)


def _dual_function(name: str, argument: _Dual) -> _Dual:
    if name == "sqrt":
        return _exact_power(argument, Fraction(1, 2))
    slope = evaluated(FUNCTIONS[name].slope, argument.value, _NUMBERS)
    return _Dual(_value(FUNCTIONS[name], argument.value), slope * argument.slope)


def _number_function(name: str, argument: Number) -> Number:
    if name == "sqrt":
        return rational_power(argument, _HALF)
    return _value(FUNCTIONS[name], argument)


def _constant(name: str) -> arb:
    return arb.pi() if name == "pi" else arb(1).exp()


_NUMBERS = Algebra(
    number=rational,
    constant=_constant,
    power=lambda base, exponent: power_triple(base, rational(exponent))[0],
    function=_number_function,
    divide=divide,
)
_DUALS = Algebra(
    number=lambda value: _Dual(rational(value), _ZERO),
    constant=lambda name: _Dual(_constant(name), _ZERO),
    power=_exact_power,
    function=_dual_function,
)


def _value(record: ElementaryFunction, u: Number) -> Number:
    """f(u), exact where the record says so; NaN where f is not real."""
    for point, value in record.exact:
        if isinstance(u, fmpq) and u == point:
            return fmpq(value)
    if record.definition:
        return evaluated(record.definition, u, _NUMBERS)
    point = ball(u)
    if record.inside:
        inside = evaluated(record.inside, point, _NUMBERS)
        # At an edge of its domain a function such as acos is real, but no ball around it is.
        if not inside >= 0:
            return arb.nan()
    return getattr(point, record.ball)()


def _triple(record: ElementaryFunction, u: Number) -> Triple:
    if not (isinstance(u, fmpq) and any(u == point for point, _ in record.exact)):
        u = ball(u)
    slope = evaluated(record.slope, _Dual(u, _ONE), _DUALS)
    return _value(record, u), slope.value, slope.slope


#: Functions, by their name in SymPy, that are no case of the general rule.
_NATIVE: dict[str, Callable[[arb], Triple]] = {
    "acot": _acot, "gamma": _series("gamma"), "loggamma": _loggamma, "Abs": _abs, "sign": _sign,
    "Heaviside": _heaviside,
}  # fmt: skip


def function_triple(kind: type, u: Number) -> Triple:
    """Value and first two derivatives of a function of one argument.

    Raises:
        Unsupported: If the function is not known here.
    """
    if isinstance(u, fmpq) and u != 0:
        if kind is sp.Abs:
            return abs(u), _ONE if u > 0 else -_ONE, _ZERO
        if kind is sp.sign:
            return (_ONE if u > 0 else -_ONE), _ZERO, _ZERO
    native = _NATIVE.get(kind.__name__)
    if native is not None:
        return native(ball(u))
    record = BY_SYMPY.get(kind.__name__)
    if record is None or not (record.slope or record.reciprocal_of):
        raise Unsupported(f"{kind.__name__} is not a function whose values are known here")
    if not record.reciprocal_of:
        return _triple(record, u)
    value, first, second = _triple(FUNCTIONS[record.reciprocal_of], u)
    inverse = divide(_ONE, value)
    slope = -first * inverse * inverse
    return inverse, slope, (-second - 2 * first * first * -inverse) * inverse * inverse


def extremum(kind: type, a: Number, b: Number) -> Number:
    """Max or Min of two numbers."""
    if isinstance(a, fmpq) and isinstance(b, fmpq):
        return max(a, b) if kind is sp.Max else min(a, b)
    a, b = ball(a), ball(b)
    return a.max(b) if kind is sp.Max else a.min(b)
