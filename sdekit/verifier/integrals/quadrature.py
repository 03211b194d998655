r"""Rigorous masses $\int e^{-q(y)}dy$ over the domain of one coordinate, as balls.

The middle part is Arb's integral of an analytic integrand. Beyond L the energy is convex (its
second derivative has no negative sign there) and increasing, so that it lies above its tangent and
the tail is at most $e^{-q(L)}/q'(L)$. Two masses whose balls do not meet refute that the marginal
is the target. Not for proofs that they agree.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import acb, arb, fmpq

from sdekit.calculus.field.witnesses.ball_functions import working_precision
from sdekit.calculus.field.witnesses.balls import ball_value
from sdekit.calculus.limits import Unsupported, tick
from sdekit.calculus.signs.sign import sign
from sdekit.calculus.signs.sign_values import never_negative
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.tree.domains import Domain, as_constant

#: Lengths at which a convex tail may begin.
_LENGTHS = (2, 8, 32)
#: The tail begins where the integrand is below exp(-this), if it can.
_DEPTH = 30
_PRECISION = 80


def mass(energy: sp.Expr, y: sp.Symbol, domain: Domain) -> arb | None:
    """A ball that holds the integral of exp(-energy) over the domain of y.

    Args:
        energy: SymPy expression in y alone, analytic but for |y| at 0.
        domain: Where y lives.

    Returns:
        The ball; None if the tails could not be bounded or the integrand could not be enclosed.

    Checked by: tests/verifier/integrals/test_quadrature.py.
    """
    with working_precision(_PRECISION):
        try:
            parts = [_piece(*part) for part in _pieces(energy, y, domain)]
        except (Unsupported, ValueError, ZeroDivisionError):
            return None
        if not parts or any(part is None or not part.is_finite() for part in parts):
            return None
        total = arb(0)
        for part in parts:
            assert part is not None
            total += part
        return total


def _pieces(
    energy: sp.Expr, y: sp.Symbol, domain: Domain
) -> list[tuple[sp.Expr, sp.Symbol, arb | None]]:
    """Integrals over [0, end] (None for infinity) that make up the whole."""
    u = sp.Symbol("u", nonnegative=True)
    if domain.kind == "circle":
        length = ComponentReader({}).scalar(domain.circumference)
        return [(energy.subs(y, u), u, ball_value(length, {}, _PRECISION))]
    if domain.kind == "interval":
        assert domain.lower is not None and domain.upper is not None
        low, high = (
            ComponentReader({}).scalar(as_constant(end)) for end in (domain.lower, domain.upper)
        )
        return [(energy.subs(y, u + low), u, ball_value(high - low, {}, _PRECISION))]
    halves: list[tuple[sp.Expr, sp.Symbol, arb | None]] = [(energy.subs(y, u), u, None)]
    if domain.kind == "real":
        halves.append((energy.subs(y, -u), u, None))
    return halves


def _piece(energy: sp.Expr, u: sp.Symbol, end: arb | None) -> arb | None:
    energy = sp.expand(energy)
    if end is not None:
        return _middle(energy, u, end)
    slope, curvature = energy.diff(u), sp.sympify(energy.diff(u, 2))
    found = None
    for length in _LENGTHS:
        tick()
        beyond = length + sp.Symbol("v", nonnegative=True)
        if not never_negative(sign(sp.expand(curvature.subs(u, beyond)))):
            continue
        height = ball_value(energy, {u: Fraction(length)}, _PRECISION)
        rise = ball_value(slope, {u: Fraction(length)}, _PRECISION)
        if not (height.is_finite() and rise > 0):
            continue
        found = length, (-height).exp() / rise
        if height > _DEPTH:
            break
    if found is None:
        return None
    length, top = found
    half = (top / 2).upper()
    middle = _middle(energy, u, arb(length))
    return None if middle is None else middle + arb(half.mid(), half.mid() + half.rad())


def _middle(energy: sp.Expr, u: sp.Symbol, end: arb) -> arb | None:
    def integrand(z: acb, analytic: bool) -> acb:
        return (-complex_value(energy, u, z, analytic)).exp()

    return guarded_integral(integrand, acb(0), acb(end)).real


def guarded_integral(
    integrand: Callable[[acb, bool], acb],
    start: acb,
    end: acb,
    *,
    tolerance: float = 0.0,
    evaluations: int = 0,
) -> acb:
    """A ball that holds the integral; what the integrand raises is raised when it is over.

    With a tolerance, or a number of evaluations that is used up, the ball is wider and still holds
    the integral.

    The C code that calls the integrand goes on after an exception, which then surfaces as a
    SystemError.
    """
    failures: list[Exception] = []

    def guarded(z: acb, analytic: bool) -> acb:
        if failures:
            return acb("nan")
        try:
            return integrand(z, analytic)
        except (Unsupported, ValueError, ZeroDivisionError) as failure:
            failures.append(failure)
            return acb("nan")

    limits: dict[str, Any] = {"abs_tol": arb(tolerance)} if tolerance else {}
    if evaluations:
        limits["eval_limit"] = evaluations
    value = acb.integral(guarded, start, end, **limits)
    if failures:
        raise failures[0]
    return value


def complex_value(energy: Any, u: sp.Symbol, z: acb, analytic: bool) -> acb:
    """The value at a complex ball; not finite where the function is not analytic on it."""
    if energy == u:
        return z
    if energy.is_Rational:
        return acb(arb(fmpq(int(energy.p), int(energy.q))))
    if not energy.free_symbols:
        return acb(ball_value(energy, {}, _PRECISION))
    arguments = [complex_value(a, u, z, analytic) for a in energy.args]
    if energy.is_Add or energy.is_Mul:
        total = arguments[0]
        for argument in arguments[1:]:
            total = total + argument if energy.is_Add else total * argument
        return total
    if energy.is_Pow:
        return _complex_power(energy.exp, arguments, analytic)
    rule = _ANALYTIC.get(type(energy))
    if rule is None:
        raise Unsupported(f"{type(energy).__name__} is not integrated")
    return rule(arguments[0], analytic)


def _complex_power(exponent: Any, arguments: list[acb], analytic: bool) -> acb:
    base = arguments[0]
    if exponent.is_Integer:
        return base ** int(exponent)
    if exponent == sp.Rational(1, 2):
        return base.sqrt(analytic)
    if exponent == sp.Rational(-1, 2):
        return base.rsqrt(analytic)
    return (arguments[1] * base.log(analytic)).exp()


_ANALYTIC = {
    sp.exp: lambda z, _: z.exp(),
    sp.log: lambda z, analytic: z.log(analytic),
    sp.sin: lambda z, _: z.sin(),
    sp.cos: lambda z, _: z.cos(),
    sp.sinh: lambda z, _: z.sinh(),
    sp.cosh: lambda z, _: z.cosh(),
    sp.tanh: lambda z, _: z.tanh(),
    sp.atan: lambda z, _: z.atan(),
}
