"""Identities that the normal form proves for all n, each next to a near miss that it does not."""

import pytest

from sdekit.calculus.contraction import counterexample, is_zero, lower
from sdekit.calculus.limits import BudgetExceeded, Unsupported, spending
from sdekit.declaration.functions.grammar import (
    E,
    abs_,
    atan,
    cos,
    cosh,
    diag,
    div,
    dot,
    erf,
    exp,
    eye,
    grad,
    inv,
    log,
    logdet,
    ones,
    outer,
    pi,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
    trace,
    transpose,
)
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.symbols import function, matrix, parameter, scalar, vector

n, k = Dim("n"), Dim("k")
x, y = scalar("x"), scalar("y")
v, w, u = vector("v", n), vector("w", n), vector("u", k)
a, b = parameter("a", positive=True), parameter("b")
S = parameter("S", n, n, positive_definite=True)
C = parameter("C", n, n, symmetric=True)
J = parameter("J", n, n, antisymmetric=True)
M, R = matrix("M", n), matrix("R", k, n)
Xs, Xa = matrix("Xs", n, symmetric=True), matrix("Xa", n, antisymmetric=True)
U = function("U", v)
F = function("F", v, x)
G = function("G", v, shape=(n, n), positive_definite=True)
one = ones(n)

IDENTITIES = {
    "sin^2 + cos^2": sin(x) ** 2 + cos(x) ** 2 - 1,
    "sine of a sum": sin(x + y) - sin(x) * cos(y) - cos(x) * sin(y),
    "triple angle": sin(3 * x) - 3 * sin(x) + 4 * sin(x) ** 3,
    "half angle": sin(x) - 2 * sin(x / 2) * cos(x / 2),
    "tangent": tan(x) * cos(x) - sin(x),
    "cos pi": cos(pi) + 1,
    "exp of a sum": exp(x + y) - exp(x) * exp(y),
    "roots of exp": exp(x / 2) * exp(x / 3) - exp(5 * x / 6),
    "E": exp(1) - E,
    "log exp": log(a * exp(x)) - log(a) - x,
    "exp log": exp(2 * log(x)) - x**2,
    "square of a root": sqrt(1 + x * x) ** 2 - 1 - x * x,
    "root of a square": sqrt(a * x**2) - sqrt(a) * abs_(x),
    "roots of numbers": sqrt(8) - 2 * sqrt(2),
    "roots of a parameter": sqrt(a / 3) * sqrt(a * 12) - 2 * a,
    "powers": x**a * x ** (2 * b) - x ** (a + 2 * b),
    "quotients": 1 / (1 + x) - 1 / (1 + 1 / x) / x,
    "partial fractions": 1 / (x * x - 1) - (1 / (x - 1) - 1 / (x + 1)) / 2,
    "quotient with root": x / (sqrt(1 + x**2) - 1) - (sqrt(1 + x**2) + 1) / x,
    "hyperbolic": cosh(x) ** 2 - sinh(x) ** 2 - 1,
    "tanh": tanh(x) - sinh(x) / cosh(x),
    "slope of log cosh": grad(log(cosh(x)), x) - tanh(x),
    "slope of tanh": grad(tanh(x), x) - 1 + tanh(x) ** 2,
    "odd functions": erf(-x) + erf(x) + atan(-y) + atan(y),
    "|x|^2": abs_(x) ** 2 - x**2,
    "trace of the identity": trace(eye(n)) - n,
    "entries of the identity": dot(eye(n), eye(n)) - n,
    "sum of ones": dot(one, one) - n,
    "tied and untied sums": dot(one, one) * k - trace(outer(one, one)) * trace(eye(k)),
    "diagonal twice": dot(diag(diag(v)), w) - dot(v, w),
    "diagonal of a product": trace(diag(v) @ M) - dot(v, diag(M)),
    "cyclic trace": trace(M @ C @ J) - trace(J @ M @ C),
    "antisymmetric form": dot(v, J @ v) + trace(J) + trace(J @ C),
    "mixed sizes": dot(u, R @ v) - trace(outer(u, v) @ transpose(R)),
    "hyper-edge": dot(v * v, w * w) - dot(v * w, w * v),
    "sin^2 entry by entry": dot(sin(v), sin(v)) + dot(cos(v), cos(v)) - n,
    "tanh entry by entry": dot(tanh(v), tanh(v)) - n + dot(one / cosh(v), one / cosh(v)),
    "quotients entry by entry": dot(one / (one + v * v), v * v + one) - n,
    "two quotients": dot(one / (v * v - one), w) - dot(one / (v - one) - one / (v + one), w) / 2,
    "logistic": dot(one / (one + exp(-v)), one) + dot(one / (one + exp(v)), one) - n,
    "roots entry by entry": dot(sqrt(one + v * v) ** 2, w) - dot(one + v * v, w),
    "exp of a matrix entry": dot(exp(M), exp(-M)) - n * n,
    "transposed kernel": trace(exp(M.T) @ M) - dot(exp(M.T), M.T),
    "absolute values": dot(abs_(v), abs_(v)) - dot(v, v),
    "quotient of kernel arguments": dot(v / (v + w), v + w) - dot(v, one),
    "quotient by a root": dot(v * v / sqrt(one + v * v) + one / sqrt(one + v * v), w)
    - dot(sqrt(one + v * v), w),
    "quotients on an open index": (v + one) * (v / (one + v)) - v,
    "quotient by a sum on an open index": b * (v**2 / (one + v) + one / (one + v) + one)
    - b * (v + 2 * (one / (one + v))),
    "inverse": trace(inv(S) @ S) - n,
    "inverse, other side": trace(M @ inv(M) @ C) - trace(C),
    "inverse of a transpose": trace(inv(M.T) @ M.T) - n,
    "inverse of an inverse": inv(inv(M)) - M,
    "inverse of a sum": trace(inv(a * eye(n) + S) @ S) - n + a * trace(inv(a * eye(n) + S)),
    "inverse commutes": inv(a * eye(n) + S) @ S - S @ inv(a * eye(n) + S),
    "inverse of a diagonal": inv(diag(one + v * v)) - diag(one / (one + v * v)),
    "log det of a multiple": logdet(a * S) - n * log(a) - logdet(S),
    "log det of an inverse": logdet(inv(S)) + logdet(S),
    "log det of a diagonal": logdet(diag(exp(v))) - dot(v, one),
    "slope of log det": grad(logdet(a * eye(n) + x * S), x) - trace(inv(a * eye(n) + x * S) @ S),
    "slope of an inverse": grad(dot(w, inv(G) @ w), v)
    + transpose(grad(G, v), 2, 0, 1) @ (inv(G) @ w) @ (inv(G) @ w),
    "slope of log det of a function": dot(grad(logdet(G), v), w) - dot(inv(G), grad(G, v) @ w),
    "mixed derivatives": grad(grad(F, v), x) - grad(grad(F, x), v),
    "Hessian": grad(grad(U, v), v) - grad(grad(U, v), v).T,
    "chain rule": dot(grad(U(v + w), v) - grad(U(v + w), w), one),
    "even argument": U((-v) * (-1)) - U,
    "projected slope, symmetric": grad(dot(M, Xs), Xs) - (M + M.T) / 2,
    "projected slope, antisymmetric": grad(dot(M, Xa), Xa) - (M - M.T) / 2,
    "size of the symmetric matrices": div(Xs, Xs) - n * (n + 1) / 2,
    "size of the antisymmetric matrices": div(Xa, Xa) - n * (n - 1) / 2,
    "size of all matrices": div(M, M) - n * n,
    "Euler's identity": dot(grad(dot(v, S @ v), v), v) - 2 * dot(v, S @ v),
    "log det of a symmetric variable": grad(logdet(Xs), Xs) - inv(Xs),
}
NEAR_MISSES = {
    "sin^2 - cos^2": sin(x) ** 2 - cos(x) ** 2,
    "root of a square without |.|": sqrt(x**2) - x,
    "log of a product of unknown sign": log(b * x) - log(b) - log(x) + x,
    "trace of a product": trace(S @ S) - trace(S) ** 2,
    "two vectors": dot(v, w) - dot(v, v),
    "sizes mixed up": dot(one, one) - k,
    "matrices do not commute": dot(v, S @ C @ w) - dot(v, C @ S @ w),
    "antisymmetric form of two": dot(v, J @ w),
    "inverse of a sum is no sum": trace(inv(a * eye(n) + S)) - n / a - trace(inv(S)),
    "wrong side": trace(M @ inv(M.T)) - n,
    "slope of log det, factor": dot(grad(logdet(G), v), w) - 2 * dot(inv(G), grad(G, v) @ w),
    "projected slope, unprojected": dot(grad(dot(M, Xs), Xs), C @ S) - dot(M, C @ S),
    "an unknown function is not even": U(-v) - U,
    "holds at n = 1": dot(v, v) * dot(w, w) - dot(v, w) ** 2,
    "holds at n = 1 and 2": trace(M) ** 3 - 3 * trace(M) * trace(M @ M) + 2 * trace(M @ M @ M),
    "quotient on an open index": v / (one + v * v) - w / (one + v * v),
    "quotients entry by entry": dot(one / (one + v * v), v) - dot(v, one),
    "quotient by a root": dot(v * v / sqrt(one + v * v), w) - dot(sqrt(one + v * v), w),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_the_identity_is_proved_for_all_n(name):
    assert is_zero(lower(IDENTITIES[name]))


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_the_near_miss_is_not_zero_and_has_a_counterexample(name):
    tensor = lower(NEAR_MISSES[name])
    assert not is_zero(tensor)
    found = counterexample(tensor)
    assert found is not None
    smallest = {"holds at n = 1": 2, "holds at n = 1 and 2": 3}.get(name)
    if smallest:
        assert found.dimensions == {"n": smallest}


def test_division_by_an_expression_that_is_identically_zero_is_not_a_proof():
    with pytest.raises(Unsupported, match="identically zero"):
        is_zero(lower(1 / (sin(x) ** 2 + cos(x) ** 2 - 1)))
    with pytest.raises(Unsupported, match="identically zero"):
        lower(1 / (x - x))
    with pytest.raises(Unsupported, match="zero entries"):
        lower(ones(n, n) / eye(n))


def test_the_budget_stops_a_calculation_that_grows():
    big = dot(v, v) + dot(w, w) + dot(v, w) + x + y + trace(M) + trace(S) + trace(C)
    with pytest.raises(BudgetExceeded, match="budget"), spending(0.05):
        lower(big**8 * (big + a) ** 8)


def test_a_power_with_too_many_terms_is_refused():
    with pytest.raises(Unsupported, match="power 900"):
        lower((x + y + a + b) ** 900)


def test_nesting_without_end_is_refused():
    nested = x
    for _ in range(60):
        nested = atan(1 + nested)
    with pytest.raises(Unsupported, match="nested"):
        lower(nested)
