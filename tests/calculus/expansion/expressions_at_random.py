"""Random expressions with random admissible values, for tests that hold of every expression."""

from __future__ import annotations

import random
from fractions import Fraction

import sdekit as sk
from sdekit.declaration.model.component_reader import ComponentReader

N = sk.dim("n")
X, Y = sk.scalar("x"), sk.scalar("y")
W = sk.scalar("w", domain=(-1, 1))
T = sk.scalar("tau", domain="positive")
P, Q = sk.vector("p", N), sk.vector("q", N)
XI = sk.matrix("Xi", N)
A = sk.parameter("A", positive=True)
B = sk.parameter("B")
V = sk.parameter("v", N, positive=True)
M = sk.parameter("M", N, N, positive_definite=True)
S = sk.parameter("S", N, N, symmetric=True)
J = sk.parameter("J", N, N, antisymmetric=True)
G = sk.parameter("G", N, N)

_SCALARS = (X, Y, W, T, A, B, N.as_expression())
_VECTORS = (P, Q, V, sk.ones(N))
_MATRICES = (M, S, J, G, XI, sk.eye(N))


def random_scalar(rng: random.Random, depth: int) -> object:
    """A scalar expression."""
    if depth <= 0:
        return rng.choice((*_SCALARS, rng.choice(_SCALARS) * Fraction(rng.randint(-3, 3), 2)))
    kind = rng.randrange(9)
    if kind == 0:
        return random_scalar(rng, depth - 1) + random_scalar(rng, depth - 1)
    if kind == 1:
        return random_scalar(rng, depth - 1) - random_scalar(rng, depth - 1)
    if kind == 2:
        return random_scalar(rng, depth - 1) * random_scalar(rng, depth - 1)
    if kind == 3:
        return random_scalar(rng, depth - 1) ** rng.choice((2, 3))
    if kind == 4:
        return random_scalar(rng, depth - 1) / (A + T * rng.randint(1, 3))
    if kind == 5:
        return rng.choice((sk.tanh, sk.cosh, sk.abs_, sk.sin))(random_scalar(rng, depth - 1))
    if kind == 6:
        return sk.dot(random_vector(rng, depth - 1), random_vector(rng, depth - 1))
    if kind == 7:
        return sk.trace(random_matrix(rng, depth - 1))
    return sk.log(1 + random_scalar(rng, depth - 1) ** 2)


def random_vector(rng: random.Random, depth: int) -> object:
    """A vector expression."""
    if depth <= 0:
        return rng.choice(_VECTORS)
    kind = rng.randrange(6)
    if kind == 0:
        return random_vector(rng, depth - 1) + random_vector(rng, depth - 1)
    if kind == 1:
        return random_vector(rng, depth - 1) - random_vector(rng, depth - 1)
    if kind == 2:
        return random_matrix(rng, depth - 1) @ random_vector(rng, depth - 1)
    if kind == 3:
        return random_vector(rng, depth - 1) * random_vector(rng, depth - 1)
    if kind == 4:
        return rng.choice(_SCALARS) * random_vector(rng, depth - 1)
    return sk.diag(random_matrix(rng, depth - 1))


def random_matrix(rng: random.Random, depth: int) -> object:
    """A square matrix expression."""
    if depth <= 0:
        return rng.choice(_MATRICES)
    kind = rng.randrange(8)
    if kind == 0:
        return random_matrix(rng, depth - 1) + random_matrix(rng, depth - 1)
    if kind == 1:
        return random_matrix(rng, depth - 1) @ random_matrix(rng, depth - 1)
    if kind == 2:
        return rng.choice(_SCALARS) * random_matrix(rng, depth - 1)
    if kind == 3:
        return random_matrix(rng, depth - 1).T
    if kind == 4:
        return sk.outer(random_vector(rng, depth - 1), random_vector(rng, depth - 1))
    if kind == 5:
        return sk.diag(random_vector(rng, depth - 1))
    if kind == 6:
        return sk.inv(rng.choice((M, A * sk.eye(N), M @ M, sk.inv(M))))
    return random_matrix(rng, depth - 1) * random_matrix(rng, depth - 1)


def admissible_values(rng: random.Random, reader: ComponentReader, size: int) -> dict:
    """A value for every symbol, inside its assumptions."""
    values: dict = {}
    for symbol in (X, Y, B):
        values[reader.scalar(symbol)] = Fraction(rng.randint(-9, 9), 4)
    values[reader.scalar(W)] = Fraction(rng.randint(-9, 9), 10)
    for symbol in (A, T):
        values[reader.scalar(symbol)] = Fraction(rng.randint(1, 9), 4)
    for block in (P, Q, G, XI, S, J):
        for entry in reader.array(block).flat:
            for symbol in entry.free_symbols:
                values[symbol] = Fraction(rng.randint(-9, 9), 4)
    for symbol in reader.array(V).flat:
        values[symbol] = Fraction(rng.randint(1, 9), 4)
    factor = [[Fraction(rng.randint(-3, 3), 2) if j < i else Fraction(rng.randint(1, 3))
               for j in range(i + 1)] for i in range(size)]  # fmt: skip
    matrix = reader.array(M)
    for i in range(size):
        for j in range(i + 1):
            product = sum(factor[i][k] * factor[j][k] for k in range(j + 1))
            values[matrix[j, i]] = product
    return values
