"""Smoothness, boundedness and order at the origin of normal forms."""

import pytest

import sdekit as sk
from sdekit.calculus.contraction import lower
from sdekit.calculus.contraction.heads import variable
from sdekit.verifier.currents.tensor_smoothness import (
    is_locally_bounded,
    is_smooth,
    order_at_origin,
)

n = sk.dim("n")
x, t = sk.scalar("x"), sk.vector("t", n)
r = sk.scalar("r", domain="positive")
a = sk.parameter("a", positive=True)
square = sk.dot(t, t)


@pytest.mark.parametrize(
    ("expression", "smooth", "bounded"),
    [
        (sk.exp(x) / (1 + x**2), True, True),
        (x / r, True, True),
        (sk.grad(sk.potential("U", t), t), True, True),
        (sk.sign(x) * x, False, True),
        (sk.sqrt(sk.abs_(x)), False, True),
        (1 / x, False, False),
        (1 / sk.sqrt(sk.abs_(x)), False, False),
        (sk.log(x), False, False),
        (t / square, False, False),
        (sk.atan(1 / x), False, False),
        (1 / (1 - square), False, False),
    ],
)
def test_smooth_and_bounded_are_read_off_the_normal_form(expression, smooth, bounded):
    assert is_smooth(lower(expression)) is smooth
    assert is_locally_bounded(lower(expression)) is bounded


@pytest.mark.parametrize(
    ("expression", "order"),
    [
        (sk.outer(t, t) / square, 0),
        (t / square, -1),
        (t / sk.sqrt(square), 0),
        (t * square**2 / sk.sqrt(a * square), 4),
        (t / (1 - square), None),
        (sk.eye(n), 0),
        (x * t, 1),
        (t / sk.sqrt(square + x), None),
    ],
)
def test_the_order_at_the_origin_counts_powers(expression, order):
    assert order_at_origin(lower(expression), variable(t)) == order
