"""Concrete polynomials in the place of unknown functions, so that a counterexample can be printed.

All derivatives of one function come from one polynomial, so they are consistent with each other,
and a constrained function keeps its constraint at every point: a positive definite one is
c 1 + a a^T, a positive one c + a^2. Not for drawing numbers (`model`).

Notation: a coordinate (k, I) is entry I of the k-th formal argument; of a symmetric matrix argument
only entries with row <= column are coordinates.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import factorial, prod

from flint import arb, fmpq

from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.symbols import FunctionSymbol, Variable

Index = tuple[int, ...]
#: An exact number, or a ball where kernels leave the rationals.
Value = fmpq | arb
Coordinate = tuple[int, Index]
#: Coordinates with positive exponents, ordered.
Exponents = tuple[tuple[Coordinate, int], ...]


@dataclass(frozen=True)
class Polynomial:
    """A polynomial with rational coefficients in the coordinates of a function's arguments."""

    terms: Mapping[Exponents, fmpq]

    def __add__(self, other: Polynomial) -> Polynomial:
        total = dict(self.terms)
        for exponents, coefficient in other.terms.items():
            total[exponents] = total.get(exponents, fmpq(0)) + coefficient
        return Polynomial({key: value for key, value in total.items() if value != 0})

    def __mul__(self, other: Polynomial) -> Polynomial:
        total: dict[Exponents, fmpq] = {}
        for (first, c), (second, d) in itertools.product(self.terms.items(), other.terms.items()):
            powers = dict(first)
            for coordinate, exponent in second:
                powers[coordinate] = powers.get(coordinate, 0) + exponent
            key = tuple(sorted(powers.items()))
            total[key] = total.get(key, fmpq(0)) + c * d
        return Polynomial({key: value for key, value in total.items() if value != 0})

    def derivative(self, coordinate: Coordinate) -> Polynomial:
        """The partial derivative."""
        total: dict[Exponents, fmpq] = {}
        for exponents, coefficient in self.terms.items():
            powers = dict(exponents)
            power = powers.pop(coordinate, 0)
            if power:
                if power > 1:
                    powers[coordinate] = power - 1
                total[tuple(sorted(powers.items()))] = coefficient * power
        return Polynomial(total)

    def at(self, point: Callable[[Coordinate], Value]) -> Value:
        """The value where each coordinate has the value given."""
        total: Value = fmpq(0)
        for exponents, coefficient in self.terms.items():
            total = total + prod((point(x) ** k for x, k in exponents), start=coefficient)
        return total

    def text(self, name: Callable[[Coordinate], str]) -> str:
        """The polynomial in the grammar of model files, such as `theta_1**2/2 - theta_2`."""
        parts = [
            _term_text(coefficient, [(name(x), k) for x, k in exponents])
            for exponents, coefficient in sorted(self.terms.items(), key=_graded, reverse=True)
        ]
        return " + ".join(parts).replace("+ -", "- ") or "0"


def _graded(item: tuple[Exponents, fmpq]) -> tuple[int, Exponents]:
    return sum(power for _, power in item[0]), item[0]


def _term_text(coefficient: fmpq, powers: list[tuple[str, int]]) -> str:
    factors = "*".join(name if k == 1 else f"{name}**{k}" for name, k in powers)
    if not factors:
        return str(coefficient)
    top = {1: "", -1: "-"}.get(int(coefficient.p), f"{coefficient.p}*")
    bottom = "" if coefficient.q == 1 else f"/{coefficient.q}"
    return f"{top}{factors}{bottom}"


def constant(value: fmpq) -> Polynomial:
    """A constant polynomial."""
    return Polynomial({(): value} if value != 0 else {})


def coordinates(arguments: tuple[Variable, ...], sizes: Mapping[Dim, int]) -> list[Coordinate]:
    """The coordinates of a function's formal arguments at given sizes."""
    found = []
    for number, formal in enumerate(arguments):
        for index in itertools.product(*(range(sizes[dim]) for dim in formal.shape)):
            first = {None: True, "symmetric": index[:1] <= index[1:]}
            if first.get(formal.symmetry, index[:1] < index[1:]):
                found.append((number, index))
    return found


def drawn(rng: random.Random, where: list[Coordinate], degree: int, density: float) -> Polynomial:
    """A polynomial of at most this degree with small coefficients; each monomial with a chance.

    Args:
        rng: Source of choices.
        where: The coordinates.
        degree: Highest total degree.
        density: Chance of each monomial.
    """
    terms: dict[Exponents, fmpq] = {}
    for total in range(1, degree + 1):
        for chosen in itertools.combinations_with_replacement(where, total):
            # At least the pure powers of the highest degree are there, so that the highest
            # derivatives do not vanish.
            is_pure_top = total == degree and len(set(chosen)) == 1
            if is_pure_top or rng.random() < density:
                powers = tuple(sorted((x, chosen.count(x)) for x in set(chosen)))
                weight = prod(factorial(power) for _, power in powers)
                terms[powers] = fmpq(rng.choice((1, -1, 2, -2, 3)), weight)
    return Polynomial(terms)


def realisation(
    function: FunctionSymbol,
    sizes: Mapping[Dim, int],
    rng: random.Random,
    degree: int,
    is_definite: bool,
) -> dict[Index, Polynomial]:
    """A polynomial for each entry of an unknown function, within its assumptions.

    Args:
        function: The function.
        sizes: The size of each dimension.
        rng: Source of choices.
        degree: Highest order of derivative that shall be generic.
        is_definite: Make a symmetric function positive semidefinite even if not declared so.
    """
    where = coordinates(function.arguments, sizes)
    density = 0.5 if len(where) * degree <= 8 else 0.2
    assumed = function.assumptions

    def draw() -> Polynomial:
        return drawn(rng, where, degree, density) + constant(fmpq(rng.choice((1, 2, -1))))

    def draw_root() -> Polynomial:
        return drawn(rng, where, min(degree, 1), density) + constant(fmpq(rng.randint(1, 2)))

    indices = list(itertools.product(*(range(sizes[dim]) for dim in function.shape)))
    if {"positive_definite", "positive_semidefinite"} & assumed or is_definite:
        shift = constant(fmpq(1 if "positive_definite" in assumed else 0))
        root = [draw_root() for _ in range(indices[-1][0] + 1)]
        return {
            (i, j): root[i] * root[j] + (shift if i == j else constant(fmpq(0))) for i, j in indices
        }
    if "positive" in assumed or "nonnegative" in assumed:
        shift = constant(fmpq(1 if "positive" in assumed else 0))
        roots = {index: draw_root() for index in indices}
        return {index: root * root + shift for index, root in roots.items()}
    entries = {index: draw() for index in indices}
    minus = constant(fmpq(-1))
    for i, j in [index for index in indices if len(index) == 2 and index[0] >= index[1]]:
        if "symmetric" in assumed:
            entries[i, j] = entries[j, i]
        elif "antisymmetric" in assumed:
            entries[i, j] = minus * entries[j, i] if i != j else constant(fmpq(0))
    return entries


def projected_coordinate(formal: Variable, index: Index) -> tuple[fmpq, Index]:
    """Weight and coordinate of a projected derivative by an entry of an argument."""
    if formal.symmetry is None:
        return fmpq(1), index
    if index[0] == index[1]:
        return fmpq(1 if formal.symmetry == "symmetric" else 0), index
    if index[0] < index[1]:
        return fmpq(1, 2), index
    return fmpq(1 if formal.symmetry == "symmetric" else -1, 2), index[::-1]
