"""Tensors as text, and the conditions under which they are defined."""

import pytest

from sdekit.calculus.contraction import groups, lower, text
from sdekit.calculus.contraction.rules.definedness import kernels, side_conditions
from sdekit.declaration.functions.grammar import (
    abs_,
    dot,
    exp,
    eye,
    grad,
    inv,
    log,
    logdet,
    ones,
    outer,
    sqrt,
    tanh,
    trace,
)
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.domains import Domain
from sdekit.declaration.tree.symbols import function, matrix, parameter, scalar, vector

n, k = Dim("n"), Dim("k")
x, r = scalar("x"), scalar("r", domain=Domain("positive"))
p, q, xi = vector("p", n), vector("q", n), vector("xi", n)
s = matrix("s", k, n)
c = vector("c", k)
A, mu, b = parameter("A", positive=True), parameter("mu", positive=True), parameter("b")
P, C = parameter("P", n, n, positive_definite=True), parameter("C", n, n, symmetric=True)
Q = parameter("Q", n, n, positive_definite=True)
X = matrix("X", n)
V = parameter("V", nonnegative=True)
U = function("U", p)
G = function("G", p, shape=(n, n), positive_definite=True)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (2 * A * n - 2 * n * x, "2*A*n - 2*n*x"),
        (x - x, "0"),
        (-x / 2 + A / 3, "A/3 - x/2"),
        ((dot(p, p) - n) / mu, "(dot(p, p) - n)/mu"),
        (1 / mu - 1 / mu**2, "(mu - 1)/mu**2"),
        (dot(p, q) ** 2, "dot(p, q)**2"),
        (dot(p * p, xi), "dot(p**2, xi)"),
        (dot(p, ones(n)), "dot(ones(n), p)"),
        (dot(p, C @ P @ q), "dot(p, C @ P @ q)"),
        (dot(p, X.T @ q), "dot(p, X.T @ q)"),
        (trace(C @ X), "dot(C, X)"),
        (trace(C @ X @ P), "trace(C @ X @ P)"),
        (dot(c, s @ p), "dot(c, s @ p)"),
        (dot(p, grad(U, p)), "dot(p, grad(U(p), p))"),
        (trace(inv(P) @ C), "dot(C, inv(P))"),
        (logdet(P) + logdet(A * eye(n) + P), "logdet(A*eye(n) + P) + logdet(P)"),
        (exp(x) * sqrt(1 + x**2), "exp(x)*sqrt(x**2 + 1)"),
        (dot(exp(p), p), "dot(p, exp(p))"),
        (U(-p), "U(-p)"),
        (1 / (1 + x), "1/(x + 1)"),
        (r**b, "r**b"),
    ],
)
def test_a_scalar_is_written_in_vector_notation(expression, expected):
    assert text(lower(expression)) == expected


def test_a_tensor_is_written_entry_by_entry():
    assert text(lower(outer(p, q) - A * eye(n))) == "-A*eye(n)[i,j] + p[i]*q[j]"


def test_left_over_terms_are_grouped_by_what_depends_on_the_state():
    left = lower(A * n * x - mu * x / 2 + A * dot(p, p) - n)
    assert groups(left) == [("1", "-n"), ("dot(p, p)", "A"), ("x", "A*n - mu/2")]


def test_a_long_sum_is_cut_and_counted():
    long = sum((x**power for power in range(1, 80)), x - x)
    assert text(lower(long)).endswith("+ ... (19 more terms)")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (x / A + dot(p, inv(P) @ p) + logdet(G) + sqrt(1 + dot(p, p)), ()),
        (tanh(x) + 1 / (1 + exp(x)) + log(r) + r**b, ()),
        (logdet(A * eye(n) + P) + 1 / sqrt(1 + x**2), ()),
        (1 / (V + 2 * A * dot(p, p) + 1), ()),
        (1 / (V + dot(p, p)), ("V + dot(p, p) != 0",)),
        (x / b, ("b != 0",)),
        (log(x) + 1 / (1 - x), ("x - 1 != 0", "x > 0")),
        (trace(inv(X)), ("X is invertible",)),
        (trace(inv(C)), ("C is invertible",)),
        (dot(p, p) ** 2 / dot(q, q), ("dot(q, q) != 0",)),
        (exp(1 / x), ("x != 0",)),
        (abs_(x), ("x != 0",)),
    ],
)
def test_side_conditions_are_those_that_the_assumptions_do_not_imply(expression, expected):
    assert side_conditions([lower(expression)]) == expected


def test_the_kernel_that_jumps_is_found_inside_others():
    names = {kernel.name for kernel in kernels([lower(exp(1 + abs_(x)))])}
    assert names == {"exp", "sign"}
    assert "sign" not in {kernel.name for kernel in kernels([lower(exp(1 + x))])}
