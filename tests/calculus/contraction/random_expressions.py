"""Random expressions of the declaration grammar, of any shape over two dimensions."""

from __future__ import annotations

import random

from sdekit.declaration.functions import grammar as g
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.domains import Domain
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable, function, matrix, parameter, scalar, vector

n, k = Dim("n"), Dim("k")
x, y = scalar("x"), scalar("y")
r = scalar("r", domain=Domain("positive"))
u, v, w = vector("u", n), vector("v", n), vector("w", k)
X, S = matrix("X", n), matrix("S", n, symmetric=True)
J = matrix("J", n, antisymmetric=True)
R = matrix("R", k, n)
a, b = parameter("a", positive=True), parameter("b")
d = parameter("d", n, positive=True)
P = parameter("P", n, n, positive_definite=True)
Q = parameter("Q", n, n, antisymmetric=True)
C = parameter("C", n, n, symmetric=True)
U = function("U", u)
F = function("F", u, x)
T = function("T", u, shape=(n, n), symmetric=True)
G = function("G", v, shape=(n, n), positive_definite=True)
W = function("W", S)

VARIABLES: tuple[Variable, ...] = (x, y, r, u, v, w, X, S, J, R)
LEAVES: dict[tuple[Dim, ...], tuple[Expression, ...]] = {
    (): (x, y, r, a, b, U, F, W, n.as_expression(), k.as_expression()),
    (n,): (u, v, d, g.ones(n), g.grad(U, u)),
    (k,): (w, g.ones(k)),
    (n, n): (X, S, J, P, Q, C, T, G, g.eye(n), g.inv(P), g.inv(G)),
    (k, n): (R,),
}
SMOOTH = ("sin", "cos", "exp", "tanh", "atan")


def expression(rng: random.Random, shape: tuple[Dim, ...], depth: int) -> Expression:
    """A random expression of this shape."""
    if depth <= 0 or shape not in LEAVES:
        return rng.choice(LEAVES[shape])
    rules = [_sum, _product, _scaled, _kernel, _quotient, _power]
    rules += _OF_SHAPE.get(shape, [])
    return rng.choice(rules)(rng, shape, depth - 1)


def _sum(rng, shape, depth):
    return expression(rng, shape, depth) + rng.choice((1, -1, 2)) * expression(rng, shape, depth)


def _product(rng, shape, depth):
    return expression(rng, shape, depth) * expression(rng, shape, depth)


def _scaled(rng, shape, depth):
    return expression(rng, (), depth) * expression(rng, shape, 0)


def _kernel(rng, shape, depth):
    name = rng.choice(SMOOTH)
    return getattr(g, name)(expression(rng, shape, min(depth, 1)) / 4)


def _quotient(rng, shape, depth):
    below = expression(rng, shape, 0)
    one = g.ones(*shape) if shape else 1
    return expression(rng, shape, depth) / (one + below * below)


def _power(rng, shape, depth):
    base = expression(rng, shape, 0)
    one = g.ones(*shape) if shape else 1
    return rng.choice(
        (
            lambda: expression(rng, shape, depth) ** 2,
            lambda: g.sqrt(one + base * base),
            lambda: (one + base * base) ** a,
            lambda: g.log(one + base * base),
        )
    )()


def _dot(rng, shape, depth):
    inner = rng.choice(list(LEAVES)[1:])
    return g.dot(expression(rng, inner, depth), expression(rng, inner, depth))


def _trace(rng, shape, depth):
    return g.trace(expression(rng, (n, n), depth))


def _logdet(rng, shape, depth):
    return g.logdet(rng.choice((P, G, a * g.eye(n) + P, g.inv(G), r * G + g.diag(d))))


def _matvec(rng, shape, depth):
    (dim,) = shape
    other = rng.choice((n, k) if dim == k else (n,))
    return expression(rng, (dim, other), depth) @ expression(rng, (other,), depth)


def _matvec_k(rng, shape, depth):
    return expression(rng, (k, n), depth) @ expression(rng, (n,), depth)


def _vec_k_to_n(rng, shape, depth):
    return expression(rng, (k,), depth) @ expression(rng, (k, n), depth)


def _gradient(rng, shape, depth):
    by = rng.choice([one for one in VARIABLES if one.shape == shape])
    return g.grad(expression(rng, (), depth), by)


def _second(rng, shape, depth):
    by = rng.choice((u, v))
    return g.grad(g.grad(expression(rng, (), depth), by), rng.choice((u, v)))


def _divergence(rng, shape, depth):
    by = rng.choice((u, v, X, S, J, R))
    return g.div(expression(rng, by.shape, depth), by)


def _div_matrix(rng, shape, depth):
    return g.div(expression(rng, (n, n), depth), rng.choice((u, v)))


def _diag_of(rng, shape, depth):
    return g.diag(expression(rng, (n, n), depth))


def _diag(rng, shape, depth):
    return g.diag(expression(rng, (n,), depth))


def _outer(rng, shape, depth):
    return g.outer(expression(rng, shape[:1], depth), expression(rng, shape[1:], depth))


def _matmul(rng, shape, depth):
    return expression(rng, (n, n), depth) @ expression(rng, (n, n), depth)


def _transposed(rng, shape, depth):
    return expression(rng, (n, n), depth).T


def _inverse(rng, shape, depth):
    return g.inv(rng.choice((a * g.eye(n) + P, P + G, g.diag(d) + P, P.T, r * P, g.diag(d))))


def _call(rng, shape, depth):
    return rng.choice((U(u + v), U(-u), F(v, x * y), U(2 * v)))


_OF_SHAPE = {
    (): [_dot, _trace, _logdet, _divergence, _call, _dot],
    (n,): [_matvec, _gradient, _div_matrix, _diag_of, _vec_k_to_n],
    (k,): [_matvec_k, _gradient],
    (n, n): [_diag, _outer, _matmul, _transposed, _inverse, _second, _gradient],
    (k, n): [_outer],
}
