"""Expressions: shapes, exact numbers, structure."""

import pickle
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

import sdekit as sk
from sdekit.declaration.tree.expression import Number, Sum
from sdekit.declaration.tree.operators import as_expression
from sdekit.errors import DeclarationError

n, k = sk.dim("n"), sk.dim("k")
p, s, xi = sk.vector("p", n), sk.vector("s", k), sk.scalar("xi")
M = sk.matrix("M", n)


def test_equal_structure_means_equal_and_equally_hashed():
    assert sk.dot(p, p) / 2 == sk.dot(p, p) / 2
    assert hash(xi * p) == hash(xi * p)
    assert sk.dot(p, p) / 2 != sk.dot(p, p) / 3


def test_expressions_stay_as_written():
    assert repr(-xi * p - sk.grad(sk.potential("U", p), p)) == "-xi*p - grad(U(p), p)"
    assert repr((xi + xi) - (xi - xi)) == "xi + xi - (xi - xi)"


def test_only_numbers_are_folded():
    assert as_expression(3) * 2 + 1 == Number(Fraction(7))
    assert isinstance(xi + 0, Sum)


@pytest.mark.parametrize(
    ("shape", "expression"),
    [
        ((), sk.dot(p, p)),
        ((n,), M @ p),
        ((n, k), sk.outer(p, s)),
        ((n, n), sk.diag(p)),
        ((n,), sk.diag(M)),
        ((n, n), sk.grad(p * p, p)),
        ((), sk.div(p, p)),
        ((k, n), sk.outer(p, s).T),
        ((k, n, k, n), sk.eye(k, n)),
        ((n,), p / (1 + xi**2)),
        ((n,), sk.exp(p)),
    ],
)
def test_shapes_follow_the_numpy_rules(shape, expression):
    assert expression.shape == shape


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: p + 1, r"scalar and a tensor of shape \(n,\).*multiply the scalar by ones\(n\)"),
        (lambda: M + xi, r"eye\(n\) or ones\(n, n\)"),
        (lambda: p + s, "sum of different shapes"),
        (lambda: p * s, "product of different shapes"),
        (lambda: p @ s, "operands of @ do not fit"),
        (lambda: xi @ p, "use \\* to multiply"),
        (lambda: sk.dot(xi, xi), "dot contracts two tensors"),
        (lambda: sk.trace(p), "trace needs a square matrix"),
        (lambda: sk.inv(sk.matrix("R", n, k)), "inv needs a square matrix"),
        (lambda: sk.grad(xi, 2 * xi), "grad differentiates by a variable"),
        (lambda: sk.div(s, p), "contracts the last axes"),
        (lambda: xi**p, "an exponent is no scalar"),
        (lambda: xi / 0, "division by zero"),
        (lambda: xi * 0.5, r"exact numbers only: found 0\.5.*Fraction\(1, 2\)"),
        (lambda: xi + np.float64(0.1), r"Fraction\(1, 10\)"),
        (lambda: xi + True, "truth value"),
        (lambda: xi + "p", "this is no expression"),
        (lambda: xi**10**9, "an exponent is too large"),
        (lambda: xi + 10**4000, "a number is too large"),
        (lambda: bool(xi), "no truth value"),
        (lambda: list(p), "entry by entry"),
        (lambda: sk.scalar("2x"), "no valid name"),
        (lambda: sk.scalar("exp"), "word of the grammar"),
        (lambda: sk.scalar("x" * 65), "too long"),
        (lambda: sk.parameter("C", n, k, symmetric=True), "is no square matrix"),
        (lambda: sk.parameter("C", n, n, positive=True), "say positive_definite"),
        (lambda: sk.parameter("a", positive=True, value=-1), "contradicts its assumptions"),
        (lambda: sk.parameter("a", value=0.5), "exact numbers only"),
        (lambda: sk.scalar("x", domain=("1", "0")), "lower end below"),
        (lambda: sk.scalar("x", domain="torus"), "unknown domain"),
        (lambda: sk.potential("U", xi, xi), "one argument twice"),
        (lambda: sk.potential("U", 2 * xi), "no variable"),
        (lambda: sk.potential("U", xi)(p), "has another shape"),
        (lambda: sk.potential("U", xi)(xi, xi), "number of arguments"),
        (lambda: sk.sqrt(-1), "negative number"),
        (lambda: sk.dim("n", 0), "no positive integer"),
    ],
)
def test_each_mistake_gets_one_error_that_names_it(build, message):
    with pytest.raises((DeclarationError, TypeError), match=message):
        build()


def test_numbers_of_sympy_and_fractions_are_exact():
    assert as_expression(sp.Rational(1, 2)) == as_expression(Fraction(1, 2))
    assert as_expression(np.int64(3)) == Number(Fraction(3))


def test_expressions_survive_pickling_with_their_equality():
    expression = xi * p / 2
    assert pickle.loads(pickle.dumps(expression)) == expression
