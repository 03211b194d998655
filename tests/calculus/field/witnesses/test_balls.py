"""Rigorous values of expressions at exact points."""

from fractions import Fraction

import pytest
import sympy as sp
from flint import arb, fmpq

from sdekit.calculus.field.witnesses.ball_functions import function_triple, working_precision
from sdekit.calculus.field.witnesses.balls import ball_value, number_value
from sdekit.calculus.limits import Unsupported

x, y = sp.symbols("x y")
f = sp.Function("f")
AT = {x: Fraction(3, 7), y: 2}

EXPRESSIONS = (
    sp.sqrt(2) * x - sp.log(y) ** 3,
    sp.exp(-x) * sp.sin(sp.pi * y / 5) + sp.E,
    sp.tanh(x) + sp.atan(x) / sp.asinh(y) + sp.acosh(y) + sp.atanh(x),
    sp.erf(x) + sp.gamma(x) * sp.loggamma(x) + sp.polygamma(2, y),
    sp.Max(x, y, 1) + sp.Min(x, y) + sp.Abs(x - y) + sp.sign(x - y),
    x**y + y**x + (x * y) ** sp.Rational(1, 3),
    sp.EulerGamma + sp.Catalan * sp.cot(x) + sp.sec(x) + sp.acot(y) + sp.Heaviside(x),
)


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
@pytest.mark.parametrize("bits", [64, 300])
def test_the_ball_contains_the_value(expression, bits):
    found = ball_value(expression, AT, precision=bits)
    exact = sp.N(expression.subs({key: sp.Rational(str(v)) for key, v in AT.items()}), 130)
    with working_precision(500):
        assert found.overlaps(arb(str(exact)) + arb(0, 1e-120))
    assert found.rel_accuracy_bits() > bits - 24


def test_a_ball_around_another_number_would_be_seen():
    """Twin: the value plus 1e-60 lies outside the ball."""
    found = ball_value(sp.exp(x), AT, precision=300)
    exact = sp.N(sp.exp(sp.Rational(3, 7)), 130) + sp.Float("1e-60", 130)
    with working_precision(500):
        assert not found.overlaps(arb(str(exact)))


def test_rational_steps_stay_exact():
    assert number_value((x + 1) ** 2 / y - sp.sqrt(sp.Rational(4, 9)), AT) == fmpq(52, 147)
    assert number_value(sp.exp(x - x) + sp.cos(0 * y) + sp.sqrt(y + 2), AT) == 4


def test_jets_take_their_values_from_the_environment():
    slope = sp.Derivative(f(x), x)
    assert number_value(f(x) + 2 * slope, {f(x): 1, slope: Fraction(1, 2)}) == 2


@pytest.mark.parametrize(
    "expression", [sp.log(-x), sp.sqrt(-x), 1 / (7 * x - 3), (-x) ** y.subs(y, sp.pi), sp.acosh(x)]
)
def test_outside_its_domain_the_ball_is_not_finite(expression):
    assert not ball_value(expression, AT).is_finite()


def test_a_huge_power_becomes_a_ball():
    assert isinstance(number_value(x ** (10**9), AT), arb)
    assert isinstance(number_value(x**100, AT), fmpq)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [(sp.besselj(0, x), "besselj"), (sp.Symbol("z"), "z has no value"), (f(y), "has no value")],
)
def test_what_has_no_value_is_named(expression, reason):
    with pytest.raises(Unsupported, match=reason):
        ball_value(expression, AT)


@pytest.mark.parametrize(
    "kind",
    [sp.exp, sp.log, sp.sin, sp.cos, sp.tan, sp.sinh, sp.cosh, sp.tanh, sp.atan, sp.acot, sp.asin,
     sp.acos, sp.asinh, sp.atanh, sp.erf, sp.erfc, sp.gamma, sp.loggamma, sp.cot, sp.csc, sp.sech],
)  # fmt: skip
def test_derivatives_of_functions_agree_with_sympy(kind):
    at = sp.Rational(3, 7)
    with working_precision(200):
        triple = function_triple(kind, fmpq(3, 7))
        for order, found in enumerate(triple):
            exact = sp.N(sp.diff(kind(x), x, order).subs(x, at) if order else kind(at), 50)
            assert found.overlaps(arb(str(exact)) + arb(0, 1e-40))
            assert found.rad() < arb(1e-40)
