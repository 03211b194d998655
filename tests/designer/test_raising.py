"""Tensors come back as expressions that mean the same."""

import pytest

import sdekit as sk
from sdekit.calculus.contraction import lower
from sdekit.calculus.limits import Unsupported
from sdekit.designer.raising import raised

n, k = sk.dim("n"), sk.dim("k")
p, q, x = sk.vector("p", n), sk.vector("q", n), sk.scalar("x")
M, S = sk.parameter("M", n, n), sk.parameter("S", n, n, symmetric=True)
J, B = sk.parameter("J", n, n, antisymmetric=True), sk.parameter("B", n, k)
G = sk.function("G", p, shape=(n, n), positive_definite=True)
U = sk.potential("U", p)


@pytest.mark.parametrize(
    "expression",
    [
        (sk.dot(p, p) - n) / 3 + sk.exp(x),
        M @ p - J @ q + sk.grad(U, p) / (1 + x),
        sk.outer(p, q) + M.T @ S + sk.diag(p) @ M,
        sk.trace(M @ J) + sk.dot(p, M.T @ q) + sk.dot(M, M),
        p * q * x**2 + sk.diag(M),
        sk.sqrt(1 + x**2) ** 3 / sk.sqrt(x**2 + 2),
        sk.transpose(sk.outer(sk.eye(n), S), 0, 2, 1, 3),
        sk.inv(G) @ p + sk.div(G, p),
        sk.grad(sk.grad(U, p), p) @ (B @ B.T),
        sk.dot(sk.ones(n), p) * sk.eye(n),
    ],
)
def test_an_expression_lowered_and_raised_is_equal(expression):
    tensor = lower(expression)
    assert lower(raised(tensor)) == tensor


def test_what_the_grammar_cannot_write_is_refused():
    """Twin: a matrix against two axes of a derivative."""
    with pytest.raises(Unsupported, match="no form"):
        raised(lower(sk.grad(sk.logdet(G), p)))
