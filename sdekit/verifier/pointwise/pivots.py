r"""Is a symmetric matrix of SymPy expressions positive semidefinite at every admissible point?

Proof by pivots $D = L\,\Delta\,L^\top$: every pivot is nonnegative, or identically zero together
with the rest of its row. Where a pivot may vanish the factors have poles, but only on a nowhere
dense set, because the entries are analytic; the set where D is semidefinite is closed, so it is
everything. Refutation by a point and an exact direction x with $x^\top D x < 0$.

Not for all sizes at once (`definiteness`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp
from flint import fmpq
from sympy.core.function import AppliedUndef

from sdekit.calculus.field.witnesses.random_points import Point
from sdekit.calculus.limits import tick
from sdekit.calculus.signs.sign import sign
from sdekit.calculus.signs.sign_values import POSITIVE, ZERO, never_negative
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.sympy_types import Expr
from sdekit.verifier.pointwise.exact_points import (
    admissible_points,
    midpoint,
    number_text,
    point_text,
    surely_negative,
    value_at,
)

#: Zero sets of these kernels can have interior points, or they jump.
_NOT_ANALYTIC = (sp.Abs, sp.sign, sp.Max, sp.Min, sp.Piecewise, sp.Heaviside, sp.floor)
#: Pivots of larger coupled blocks grow without bound.
_LARGEST_BLOCK = 12
#: Denominator of the entries of a direction that is tried.
_GRID = 12


@dataclass(frozen=True)
class Indefinite:
    """A point and a direction at which the quadratic form is negative."""

    point: dict[str, str]
    direction: dict[str, str]
    value: str


def diffusion_part(components: Components) -> tuple[sp.Matrix, list[int]]:
    """The symmetric part of D without rows that are zero, and the positions of the others."""
    used = sorted({i for pair in components.diffusion for i in pair})
    full = components.diffusion
    entries = [[(full.get((i, j), 0) + full.get((j, i), 0)) for j in used] for i in used]
    return sp.Matrix(entries) / 2 if used else sp.zeros(0, 0), used


def is_semidefinite(matrix: sp.Matrix) -> str | None:
    """Prove that a symmetric matrix is positive semidefinite at every admissible point.

    Args:
        matrix: Symmetric; real symbols carry their assumptions.

    Returns:
        The pivots as text, None if no proof was found.

    Checked by: tests/verifier/rungs/test_definiteness.py.
    """
    opaque = _opaque(matrix)
    entries: Any = opaque
    if not all(is_real(entry) for entry in entries):
        return None
    texts = []
    for block in _groups(opaque):
        found = _pivots(block)
        if found is None:
            return None
        texts += found
    return "pivots " + ", ".join(texts) if texts else "D is zero"


def is_real(expression: sp.Expr) -> bool:
    """Whether no root or logarithm of something that may be negative is in the expression."""
    roots = [p for p in expression.atoms(sp.Pow) if not p.exp.is_Integer]
    return all(never_negative(sign(root.base)) for root in roots) and all(
        never_negative(sign(node.args[0])) for node in expression.atoms(sp.log, sp.loggamma)
    )


def all_pivots_positive(matrix: sp.Matrix) -> bool:
    """Whether a symmetric matrix is shown to be positive definite: every pivot is positive."""
    work, meanings = _without_exponentials(_opaque(matrix))
    while work.rows:
        tick()
        pivots: list[Any] = [work[k, k] for k in range(work.rows)]
        signs = [sign(pivot.xreplace(meanings)) for pivot in pivots]
        if POSITIVE not in signs:
            return False
        place = signs.index(POSITIVE)
        work = _complement(work, place, [k for k in range(work.rows) if k != place])
    return True


def _without_exponentials(matrix: sp.Matrix) -> tuple[sp.Matrix, dict[Expr, Expr]]:
    """The matrix with a symbol for exp(u) of one sum u, which cancelling would take apart.

    Rational functions of one positive symbol are zero only if they are identically, for any u
    that is not constant. Two such sums may be related, so that they are left as they are.
    """
    entries: Any = matrix
    found = {node for entry in entries for node in entry.atoms(sp.exp)}
    sums = {sp.expand(node.args[0]) for node in found if sp.expand(node.args[0]).is_Add}
    if len(found) != 1 or len(sums) != 1:
        return matrix, {}
    (node,) = found
    symbol = sp.Dummy("e", positive=True)
    return matrix.xreplace({node: symbol}), {symbol: node}


def _opaque(matrix: sp.Matrix) -> sp.Matrix:
    """Calls of unknown functions as symbols with the same assumptions."""
    calls: set[Any] = set()
    entries: Any = matrix
    for entry in entries:
        calls |= entry.atoms(AppliedUndef) | entry.atoms(sp.Derivative)
    ordered = sorted(calls, key=lambda c: (-c.count_ops(), str(c)))
    symbols = {c: sp.Dummy(str(c), **_known(c)) for c in ordered}
    return matrix.applyfunc(lambda entry: entry.xreplace(symbols))


def _known(call: sp.Expr) -> dict[str, bool]:
    if call.is_positive:
        return {"positive": True}
    return {"nonnegative": True} if call.is_nonnegative else {"real": True}


def _groups(matrix: sp.Matrix) -> list[sp.Matrix]:
    """Diagonal blocks of rows that do not meet."""
    return [matrix.extract(members, members) for members in coupled_groups(matrix)]


def coupled_groups(matrix: Any) -> list[list[int]]:
    """The rows of a symmetric matrix in groups that do not meet."""
    left = set(range(matrix.rows))
    groups = []
    while left:
        group, frontier = set(), {min(left)}
        while frontier:
            group |= frontier
            frontier = {j for i in frontier for j in left if matrix[i, j] != 0} - group
        left -= group
        groups.append(sorted(group))
    return groups


def _pivots(matrix: sp.Matrix) -> list[str] | None:
    """Pivots of one block, chosen so that a strictly positive one comes first."""
    texts: list[str] = []
    if matrix.rows > _LARGEST_BLOCK:
        return None
    written, meanings = _without_exponentials(matrix)
    work = written.applyfunc(sp.cancel)
    while work.rows:
        tick()
        place = _best_pivot(work.xreplace(meanings))
        if place is None:
            return None
        pivot: Any = work[place, place]
        rest = [k for k in range(work.rows) if k != place]
        if pivot == 0:
            if any(work[place, k] != 0 for k in rest):
                return None
            work = work.extract(rest, rest)
            continue
        texts.append(sp.sstr(pivot.xreplace(meanings)))
        work = _complement(work, place, rest)
    return texts


def _complement(matrix: Any, place: int, rest: list[int]) -> sp.Matrix:
    """Schur complement of one pivot."""
    row, pivot = [matrix[place, k] for k in rest], matrix[place, place]
    entries = [
        [sp.cancel(matrix[i, j] - a * b / pivot) for j, b in zip(rest, row, strict=True)]
        for i, a in zip(rest, row, strict=True)
    ]
    return sp.Matrix(entries) if rest else sp.zeros(0, 0)


def _best_pivot(matrix: Any) -> int | None:
    nonnegative = None
    for place in range(matrix.rows):
        entry = matrix[place, place]
        found = ZERO if entry == 0 else sign(entry)
        if found == POSITIVE:
            return place
        usable = entry == 0 or matrix.rows == 1 or not entry.has(*_NOT_ANALYTIC)
        if never_negative(found) and usable and nonnegative is None:
            nonnegative = place
    return nonnegative


def find_indefinite(components: Components) -> Indefinite | None:
    """An admissible point and a direction x with x^T D x < 0, exactly; None if none was found."""
    matrix, positions = diffusion_part(components)
    if not positions:
        return None
    names = [str(components.coordinates[i]) for i in positions]
    for point in admissible_points(components):
        tick()
        found = _direction_at(matrix, point)
        if found is not None:
            direction, value = found
            texts = {n: str(x) for n, x in zip(names, direction, strict=True) if x}
            return Indefinite(point_text(point), texts, value)
    return None


def _direction_at(matrix: Any, point: Point) -> tuple[list[Fraction], str] | None:
    size = matrix.rows
    diagonal = [value_at(matrix[i, i], point) for i in range(size)]
    for i, value in enumerate(diagonal):
        # Decides also where the rest of the matrix has no value.
        if value is not None and surely_negative(value):
            return [Fraction(i == j) for j in range(size)], number_text(value)
    entries = {}
    for i in range(size):
        for j in range(i, size):
            value = value_at(matrix[i, j], point) if matrix[i, j] != 0 else fmpq(0)
            if value is None:
                return None
            entries[i, j] = entries[j, i] = value
    guess = np.array([[midpoint(entries[i, j]) for j in range(size)] for i in range(size)])
    if not np.all(np.isfinite(guess)):
        return None
    eigenvalues, vectors = np.linalg.eigh(guess)
    if eigenvalues[0] >= 0:
        return None
    vector = vectors[:, 0] / np.max(np.abs(vectors[:, 0]))
    direction = [Fraction(round(float(x) * _GRID), _GRID) for x in vector]
    form = sum(
        (
            entries[i, j] * fmpq(a.numerator, a.denominator) * fmpq(b.numerator, b.denominator)
            for i, a in enumerate(direction)
            for j, b in enumerate(direction)
        ),
        fmpq(0),
    )
    return (direction, number_text(form)) if surely_negative(form) else None
