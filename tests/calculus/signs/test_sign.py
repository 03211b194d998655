"""The sign calculus: what it must find, what it must not claim, and a check by random points."""

import random

import pytest
import sympy as sp

from sdekit.calculus.field.witnesses.balls import ball_value
from sdekit.calculus.signs.sign import sign
from sdekit.calculus.signs.sign_values import NEGATIVE as N
from sdekit.calculus.signs.sign_values import NONNEGATIVE as GE
from sdekit.calculus.signs.sign_values import NONPOSITIVE as LE
from sdekit.calculus.signs.sign_values import POSITIVE as P
from sdekit.calculus.signs.sign_values import UNKNOWN as NONE
from sdekit.calculus.signs.sign_values import ZERO, Signs, opposite, product_signs, sum_signs

x, y, z = sp.symbols("x y z", real=True)
a, b = sp.symbols("a b", positive=True)
n = sp.Symbol("n", nonnegative=True)
k = sp.Symbol("k", integer=True)

KNOWN = {
    x**2 + 1: P,
    -(x**2) - a: N,
    x**2: GE,
    a + n: P,
    sp.exp(x) * a: P,
    sp.sqrt(x**2 + 1): P,
    sp.sqrt(x**2): GE,
    sp.Abs(a + 1): P,
    1 / sp.cosh(x): P,
    sp.tanh(a): P,
    sp.log(1 + x**2): GE,
    sp.log(2 + x**2): P,
    x**2 - x * y + y**2: GE,
    x**2 + x * y + y**2 + 1: P,
    x**2 + y**2 + z**2 - x * y - y * z - z * x: GE,
    x**4 - 2 * x**2 + 1: GE,
    x**4 - x**2 + 1: P,
    x**4 + x**2 * y**2 - x * y + 1: GE,
    a**2 - 2 * a * b + b**2: GE,
    1 - sp.tanh(x) ** 2: P,
    1 - sp.sin(x) ** 2: GE,
    2 + sp.sin(x) * sp.cos(y): P,
    1 - sp.sin(x) * sp.cos(x): GE,
    a**2 + b**2 - a * b * sp.cos(x): P,
    sp.cosh(x) - 1: GE,
    sp.exp(2 * x) - 2 * sp.exp(x) + 1: GE,
    x**2 - x * sp.tanh(y) + 1: P,
    a / (1 + a) - 1: N,
    1 / (1 + x**2) - 2: N,
    (1 + x**2) ** a: P,
    sp.Max(x, 1): P,
    sp.Min(-1, x): N,
    sp.pi - 3: P,
    3 - 2 * sp.sqrt(2): P,
    sp.gamma(a): P,
    sp.erfc(x): P,
    a**-3: P,
    -n: LE,
    sp.S.Zero: ZERO,
}
NOT_KNOWN = (
    x,
    x * y,
    x**3 - a,
    a * b - 1,
    x**2 - y**2,
    x**2 - 2 * x * y * a + y**2,
    1 - 2 * sp.sin(x),
    sp.exp(x) - 1,
    sp.sin(x),
    sp.gamma(x),
    x**k,
    2 * a + b * sp.cos(x) - b,
    a + sp.tanh(x),
    sp.Max(x, -1),
    x**4 - 3 * x**2 + 1,
)


@pytest.mark.parametrize("expression", KNOWN, ids=str)
def test_a_sign_is_found(expression):
    assert sign(expression) == KNOWN[expression]
    assert sign(-expression) == opposite(KNOWN[expression])


@pytest.mark.parametrize("expression", NOT_KNOWN, ids=str)
def test_no_sign_is_claimed_where_there_is_none(expression):
    assert sign(expression) == NONE


def test_a_sum_of_many_fractions_is_given_up_before_it_is_multiplied_out():
    many = sp.symbols("w_1:41", real=True)
    assert sign(sum((-1) ** k / (1 + w**2) for k, w in enumerate(many))) == NONE


def test_facts_add_to_the_assumptions():
    assert sign(x * (1 - x)) == NONE
    assert sign(x * (1 - x), {x: P, 1 - x: P}) == P


def test_nonzero_of_either_sign_is_known():
    w = sp.Symbol("w", real=True, nonzero=True)
    for never_zero in (w * a, w**-2, w / x, x**2 / w + 1 / w):
        assert 0 not in sign(never_zero)
    assert 0 in sign(w * x)
    assert sign(w**2) == P
    assert sign(sp.Abs(w)) == P


def test_sums_and_products_of_signs_follow_their_tables():
    assert sum_signs(P, GE) == P
    assert sum_signs(GE, GE) == GE
    assert sum_signs(P, N) == NONE
    assert product_signs(P, LE) == LE
    assert product_signs(ZERO, NONE) == ZERO
    assert sum_signs(ZERO, N) == N
    assert opposite(GE) == LE


def random_expression(chance, depth):
    if depth == 0:
        return chance.choice((x, y, a, b, sp.Integer(chance.randint(-3, 3)), sp.Rational(1, 2)))
    one, other = (random_expression(chance, depth - 1) for _ in range(2))
    unary = (sp.exp, sp.tanh, sp.sin, sp.cosh, sp.Abs, sp.atan, lambda u: u**2, lambda u: 1 + u**2)
    rule = chance.randrange(4)
    if rule == 0:
        return one * other
    return one + other if rule < 3 else chance.choice(unary)(one)


def holds(found: Signs, value) -> bool:
    if not value.is_finite():
        return True
    seen = {1: value > 0, 0: value == 0, -1: value < 0}
    return not any(seen[s] for s in NONE - found)


def test_no_random_point_contradicts_a_sign():
    chance = random.Random(11)
    found = 0
    for _ in range(150):
        expression = random_expression(chance, 3)
        claimed = sign(expression)
        found += claimed != NONE
        for _ in range(6):
            at = {s: sp.Rational(chance.randint(-40, 40), 13) for s in (x, y)}
            at |= {s: sp.Rational(chance.randint(1, 40), 13) for s in (a, b)}
            assert holds(claimed, ball_value(expression, at)), (expression, claimed, at)
    assert found > 30


def test_the_random_points_have_power():
    """Twin: a claim that holds almost everywhere is contradicted."""
    chance = random.Random(11)
    values = [ball_value(x + 2, {x: sp.Rational(chance.randint(-40, 40), 13)}) for _ in range(60)]
    assert not all(holds(P, value) for value in values)
