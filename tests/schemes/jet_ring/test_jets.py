"""The differential ring agrees with SymPy, and decides what is zero."""

from __future__ import annotations

import pytest
import sympy as sp

from sdekit.errors import SchemeError
from sdekit.schemes.jet_ring.jets import JetRing

x, y, a = sp.Symbol("x"), sp.Symbol("y"), sp.Symbol("a", positive=True)
U = sp.Function("U")(x)
W = sp.Function("W")(x, y)

FORMULAS = [
    x**3 * y - 2 * a * x,
    U.diff(x) * x + U,
    W.diff(x, y) * U.diff(x, 2) + W,
    1 / (1 + x**2) + y / a,
    sp.sqrt(1 + y**2 / a**2) * x,
    (1 + x**2) ** sp.Rational(-3, 2),
    sp.exp(-(x**2)) * sp.sin(y) + sp.cos(x * y),
    sp.log(1 + x**2) * sp.tanh(y),
    sp.cosh(x) * sp.sinh(x) + sp.atan(y) + sp.asinh(x),
    (1 + x**2) ** a,
    1 / U + U.diff(x) / (1 + U**2),
]


@pytest.mark.parametrize("formula", FORMULAS, ids=str)
def test_conversion_and_derivatives_agree_with_sympy(formula: sp.Expr) -> None:
    ring = JetRing((x, y), [formula], depth=3)
    element = ring.convert(formula)
    point = {x: sp.Rational(3, 7), y: sp.Rational(2, 5), a: sp.Rational(5, 3)}
    trial = {U: sp.exp(x) + x**3 + 1, W: sp.sin(x * y) + x}

    def number(expression: sp.Expr) -> float:
        return float(expression.subs(trial).doit().subs(point))

    assert number(ring.to_sympy(element)) == pytest.approx(number(formula), rel=1e-12)
    for i, symbol in enumerate((x, y)):
        found = ring.to_sympy(ring.derivative(element, i))
        assert number(found) == pytest.approx(number(sp.diff(formula, symbol)), rel=1e-12)


@pytest.mark.parametrize(
    "formula",
    [
        sp.sin(y) ** 2 + sp.cos(y) ** 2 - 1,
        sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1,
        sp.sqrt(1 + x**2) ** 2 - 1 - x**2,
        x**2 / (1 + x**2) + 1 / (1 + x**2) - 1,
        1 / (x * (x + 1)) - 1 / x + 1 / (x + 1),
    ],
    ids=str,
)
def test_what_vanishes_by_a_relation_is_zero(formula: sp.Expr) -> None:
    """SymPy must not see the sum first: it would cancel it."""
    ring = JetRing((x, y), [formula], depth=0)
    assert ring.is_zero(sum((ring.convert(t) for t in formula.args), ring.zero)) is True


@pytest.mark.parametrize(
    "formula", [sp.sin(y) ** 2 + sp.cos(y) - 1, sp.sqrt(1 + x**2) - x, 1 / (1 + x) - 1], ids=str
)
def test_what_does_not_vanish_is_known_not_to(formula: sp.Expr) -> None:
    """Twin: the test for zero has power, also where only a ball can tell."""
    ring = JetRing((x, y), [formula], depth=0)
    assert ring.is_zero(ring.convert(formula)) is False


def test_an_identity_between_unrelated_kernels_is_left_open() -> None:
    """exp(x) exp(-x) - 1 is zero, but not by a relation that the ring has."""
    ring = JetRing((x, y), [sp.exp(x), sp.exp(-x)], depth=0)
    rest = ring.convert(sp.exp(x)) * ring.convert(sp.exp(-x)) - 1
    assert ring.is_zero(rest) is None


def test_a_derivative_beyond_the_depth_is_an_error_and_no_zero() -> None:
    ring = JetRing((x, y), [U], depth=1)
    first = ring.derivative(ring.convert(U), 0)
    with pytest.raises(KeyError):
        ring.derivative(first, 0)


def test_a_fraction_is_written_in_lowest_terms() -> None:
    formula = (x**2 - 1) / (x + 1)
    ring = JetRing((x, y), [1 / (x + 1), x], depth=0)
    element = (ring.convert(x) ** 2 - 1) * ring.convert(1 / (x + 1))
    assert ring.as_fraction(element) == sp.cancel(formula)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        (sp.loggamma(x), "no rule for loggamma"),
        (sp.Float(0.5) * x, "floating point"),
        (sp.Function("U")(2 * x), "unknown functions at the coordinates"),
    ],
)
def test_what_the_ring_cannot_hold_is_named(formula: sp.Expr, message: str) -> None:
    with pytest.raises(SchemeError, match=message):
        JetRing((x, y), [formula], depth=0)
