"""Values and derivatives at a point against SymPy's own derivatives at high precision."""

import random

import pytest
import sympy as sp
from flint import arb, fmpq

from sdekit.calculus.field.ring.partials import JetOf
from sdekit.calculus.field.witnesses.ball_functions import working_precision
from sdekit.calculus.field.witnesses.taylor import Expander
from sdekit.calculus.limits import Unsupported

x, y = sp.symbols("x y", real=True)
f = sp.Function("f")
POINT = {x: sp.Rational(3, 7), y: sp.Rational(5, 4)}
PAIRS = frozenset({(0, 0), (0, 1), (1, 1)})

EXPRESSIONS = (
    x**3 * y - 2 * x / y,
    sp.exp(x * y) + sp.log(1 + x**2),
    sp.sin(x) * sp.cos(y) + sp.tan(x * y),
    sp.sinh(x) + sp.cosh(y) * sp.tanh(x * y),
    sp.asin(x) * sp.acos(x / 2) + sp.atan(x * y) + sp.acot(x + y),
    sp.asinh(x * y) + sp.acosh(1 + y) + sp.atanh(x),
    sp.sqrt(x + y) + (x * y) ** sp.Rational(2, 3) + (x + 1) ** (x * y),
    sp.erf(x * y) + sp.erfc(x) + sp.gamma(y) * sp.loggamma(x + y) + sp.polygamma(1, x * y),
    sp.cot(x) + sp.sec(y) * sp.csc(x) + sp.coth(x) * sp.sech(y) + sp.csch(x * y),
    sp.pi * sp.E * x**2 + sp.EulerGamma * y,
)


def unused(key):
    raise AssertionError(f"{key} was asked for")


def value_of(key):
    return fmpq(int(POINT[key].p), int(POINT[key].q))


def close(number, expression):
    exact = sp.N(expression.subs(POINT), 40)
    number = number if isinstance(number, arb) else arb(number)
    return number.is_finite() and number.overlaps(arb(str(exact)) + arb(0, 1e-30))


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_value_gradient_and_hessian_agree_with_sympy(expression):
    with working_precision(200):
        found = Expander((x, y), value_of, pairs=PAIRS).expand(expression)
        assert close(found.value, expression)
        for place, symbol in enumerate((x, y)):
            assert close(found.gradient.get(place, fmpq(0)), sp.diff(expression, symbol))
        for i, j in PAIRS:
            second = sp.diff(expression, (x, y)[i], (x, y)[j])
            assert close(found.hessian.get((i, j), fmpq(0)), second)


def test_a_wrong_derivative_would_be_seen():
    """Twin: the comparison separates x*exp(y) from its neighbour."""
    with working_precision(200):
        found = Expander((x, y), value_of).expand(x * sp.exp(y))
        assert not close(found.gradient[0], sp.exp(y) + sp.Rational(1, 10**20))


def test_rational_expressions_keep_exact_values():
    found = Expander((x, y), value_of, pairs=PAIRS).expand((x**2 - y) / (1 + x * y))
    assert isinstance(found.value, fmpq)
    assert all(isinstance(number, fmpq) for number in found.hessian.values())


def test_unknown_functions_follow_the_chain_rule():
    chance = random.Random(3)
    jets = {}

    def drawn(key):
        if not isinstance(key, JetOf):
            return value_of(key)
        return jets.setdefault(key, fmpq(chance.randint(-9, 9), 7))

    expression = f(x, x * y)
    found = Expander((x, y), drawn, pairs=PAIRS).expand(expression)
    call = expression
    f1, f2 = jets[JetOf(call, (0,))], jets[JetOf(call, (1,))]
    f11, f12, f22 = (jets[JetOf(call, places)] for places in ((0, 0), (0, 1), (1, 1)))
    at_x, at_y = value_of(x), value_of(y)
    assert found.gradient[0] == f1 + f2 * at_y
    assert found.gradient[1] == f2 * at_x
    assert found.hessian[0, 0] == f11 + 2 * f12 * at_y + f22 * at_y**2
    assert found.hessian[0, 1] == f12 * at_x + f22 * at_x * at_y + f2
    assert found.hessian[1, 1] == f22 * at_x**2


def test_only_wanted_derivatives_of_a_function_are_asked_for():
    asked = []

    def drawn(key):
        asked.append(key)
        return fmpq(1)

    Expander((x, y), drawn, wanted=(0,)).expand(f(x, y))
    assert JetOf(f(x, y), (1,)) not in asked


@pytest.mark.parametrize(
    "expression", [sp.sqrt(-x), sp.log(x - 1), 1 / (7 * x - 3), sp.sign(7 * x - 3)]
)
def test_outside_its_domain_a_value_is_not_a_number(expression):
    value = Expander((x, y), value_of).expand(expression).value
    assert isinstance(value, arb)
    assert not value.is_finite()


def test_at_a_kink_there_is_a_value_and_no_derivative():
    found = Expander((x, y), value_of).expand(sp.Abs(7 * x - 3) + sp.Max(y, sp.Rational(5, 4)))
    assert sp.Rational(str(found.value.mid())) == sp.Rational(5, 4)
    assert not found.gradient[0].is_finite()


def test_huge_powers_stay_small():
    value = Expander((x, y), value_of).expand((1 + x) ** (10**9)).value
    assert value.is_finite()
    assert value > 10**9


def test_an_unknown_kernel_is_named():
    with pytest.raises(Unsupported, match="besselj"):
        Expander((x, y), value_of).expand(sp.besselj(0, x))
