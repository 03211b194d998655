"""Dimensional analysis: weights under which every term of a generator counts the same.

If coordinates, parameters and potentials are rescaled so that the generator only picks up a
factor, its solutions can be chosen to rescale too. That leaves few monomials for an ansatz.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import flint

from sdekit.schemes.jet_ring.jets import JetRing, Polynomial
from sdekit.schemes.jet_ring.known_functions import Kernel
from sdekit.schemes.order.one_step_series import Generator


@dataclass(frozen=True)
class Grading:
    """All independent weights of a ring that a generator respects.

    Attributes:
        ring: The ring.
        of_variable: The weights of each variable of the ring, by position.
        of_generator: The weights of every term of the generator.
    """

    ring: JetRing
    of_variable: tuple[tuple[int, ...], ...]
    of_generator: tuple[int, ...]

    def weight_of_keys(self, keys: Iterable[Any]) -> tuple[int, ...]:
        """The weights of a product of variables."""
        total = [0] * len(self.of_generator)
        for key in keys:
            for k, weight in enumerate(self.of_variable[self.ring.position(key)]):
                total[k] += weight
        return tuple(total)

    def weight(self, polynomial: Polynomial) -> tuple[int, ...] | None:
        """The weights of a polynomial; None if its terms differ."""
        found = {
            tuple(
                sum(power * self.of_variable[i][k] for i, power in enumerate(exponents) if power)
                for k in range(len(self.of_generator))
            )
            for exponents in polynomial.to_dict()
        }
        return found.pop() if len(found) == 1 else None


def grading_of(ring: JetRing, generator: Generator) -> Grading | None:
    """The weights that the generator respects; None with functions other than 1 / symbol."""
    if not all(is_plain_inverse(ring, kernel) for kernel in ring.kernels):
        return None
    free = [key for key in ring.keys if not isinstance(key, (tuple, str, Kernel))]
    functions = list(dict.fromkeys(key[0] for key in ring.keys if isinstance(key, tuple)))
    unknowns = [*free, *functions]

    def row_of(key: Any) -> list[int]:
        row = [0] * len(unknowns)
        if isinstance(key, tuple):
            function, alpha = key
            row[unknowns.index(function)] += 1
            for argument, count in zip(function.args, alpha, strict=True):
                row[unknowns.index(argument)] -= count
        elif isinstance(key, Kernel):
            row[unknowns.index(key.argument)] -= 1
        elif not isinstance(key, str):
            row[unknowns.index(key)] += 1
        return row

    rows = [row_of(key) for key in ring.keys]
    terms = _terms_of(ring, generator, rows, unknowns)
    differences = [[a - b for a, b in zip(t, terms[0], strict=True)] for t in terms[1:]]
    null = _null_space(differences, len(unknowns))
    weights = tuple(tuple(_dot(row, vector) for vector in null) for row in rows)
    return Grading(ring, weights, tuple(_dot(terms[0], vector) for vector in null))


def is_plain_inverse(ring: JetRing, kernel: Kernel) -> bool:
    """Whether the kernel is 1 / x for a symbol x of the ring."""
    return kernel.kind == "inverse" and kernel.argument in ring.keys


def _dot(left: list[int], right: list[int]) -> int:
    return sum(a * b for a, b in zip(left, right, strict=True))


def _terms_of(
    ring: JetRing, generator: Generator, rows: list[list[int]], unknowns: list[Any]
) -> list[list[int]]:
    """Exponents over the unknowns of every term of the generator, derivatives counting -1."""
    found = []
    entries = [((i,), rate) for i, rate in generator.drift.items()]
    entries += list(generator.diffusion.items())
    for indices, polynomial in entries:
        for exponents in polynomial.to_dict():
            total = [0] * len(unknowns)
            for i, power in enumerate(exponents):
                if power:
                    total = [a + power * b for a, b in zip(total, rows[i], strict=True)]
            for i in indices:
                total[unknowns.index(ring.coordinates[i])] -= 1
            found.append(total)
    return found


def _null_space(rows: list[list[int]], size: int) -> list[list[int]]:
    """Integer vectors that span the solutions of rows * x = 0."""
    if not rows:
        return [[int(i == j) for j in range(size)] for i in range(size)]
    matrix = flint.fmpz_mat(rows)
    basis, rank = matrix.nullspace()
    return [[int(basis[i, j]) for i in range(size)] for j in range(rank)]
