"""Upper bounds on the growth of tensors, against values at far points."""

from fractions import Fraction

import pytest

import sdekit as sk
from sdekit.calculus.contraction import lower
from sdekit.verifier.confinement.tensor_growth import EPSILON, degree, falls_as_squares

n = sk.dim("n")
x, y, t = sk.scalar("x"), sk.scalar("y"), sk.vector("t", n)
w = sk.scalar("w", domain=(0, 1))
a = sk.parameter("a", positive=True)
W = sk.matrix("W", n, n)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (sk.tanh(3 * x) * x, 1),
        (1 / sk.sqrt(1 + x**2), 0),
        (sk.tanh(t), 0),
        (sk.log(1 + sk.exp(x)), 1),
        (sk.exp(x) / (a + sk.exp(x)), 0),
        (sk.grad(sk.log(sk.cosh(x)), x), 0),
        (sk.sqrt(1 + x**4), 2),
        (sk.log(1 + x**2), EPSILON),
        (sk.exp(-(x**2)) * x, 1),
        (sk.exp(sk.sin(x)), 0),
        (w**3 * t, 1),
        (sk.dot(t, sk.tanh(t)), 1),
        (sk.div(sk.grad(sk.sum(sk.sqrt(sk.ones(n) + t**2)), t), t), 0),
        (t**3 / (sk.ones(n) + a * t**2), 1),
        (sk.dot(t, t) ** 2 / (1 + sk.dot(t**2, t**2)), 0),
        (x**4 / (1 + x**2) ** 2, 0),
        # Twins: these denominators leave directions in which the numerator grows.
        (sk.dot(t, t) / (1 + sk.sum(t) ** 2), 2),
        (sk.outer(t, t) / (sk.ones(n, n) + sk.outer(t**2, sk.ones(n))), 1),
        (W**2 / (sk.ones(n, n) + W.T**2), 2),
        (x**2 / (1 + y**2), 2),
    ],
)
def test_a_degree_bounds_the_growth(expression, expected):
    assert degree(lower(expression)) == Fraction(expected)


@pytest.mark.parametrize(
    "expression",
    [
        sk.exp(x),
        sk.exp(-x),
        sk.exp(2 * x) / (1 + sk.exp(x)),
        sk.exp(y) / (1 + sk.exp(x)),
        sk.exp(x) / (1 - sk.exp(x)),
        1 / x,
        1 / (1 + x),
        1 / w,
        sk.log(x),
        sk.log(w),
        x / sk.sqrt(x**2 - 1),
        t / sk.dot(t, t),
        sk.potential("U", x),
        1 / (a * x**2),
        1 / (sk.parameter("c", nonnegative=True) + sk.exp(x)),
    ],
)
def test_no_degree_is_claimed_where_there_is_none(expression):
    """Twin: every one of these is unbounded near a point, or grows faster than every power."""
    assert degree(lower(expression)) is None


def test_minus_a_square_of_a_difference_falls():
    a, b = sk.scalar("a"), sk.scalar("b")
    v, w = sk.vector("v", sk.dim("n")), sk.vector("w", sk.dim("n"))
    first, second = sk.dot(v, v), sk.dot(v, w)
    assert falls_as_squares(lower(-((first - second) ** 2)).terms)
    assert falls_as_squares(lower(-((a - b) ** 2) - first**2).terms)
    # Twin: a form of both signs, one that rises, and no form at all.
    for form in (-(first**2) + 3 * first * second - second**2, first**2, -first * a * b):
        assert not falls_as_squares(lower(form).terms)
