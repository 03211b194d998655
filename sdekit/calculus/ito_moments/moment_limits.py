r"""The limit of moments: $A\,m + b = 0$, where every moment forgets its start.

That is so where all eigenvalues of A have negative real parts: Hurwitz's conditions on the factors
of the characteristic polynomial of each strongly connected block of A, signs of symbols being those
that were declared. A singular A, or one that lets moments grow, has no such limit, whatever the
equation says: dx = a x dt has 0 for a solution.

Source: Hurwitz 1895; Gantmacher 1959, vol. 2, ch. XV.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from sdekit.calculus.ito_moments.moment_system import MomentSystem
from sdekit.declaration.model.sympy_types import Expr, Matrix, Symbol
from sdekit.errors import MomentError

#: Moments that need each other whose eigenvalues are judged, of numbers and of symbols.
LARGEST_BLOCK, LARGEST_SYMBOLIC_BLOCK = 12, 4


@dataclass(frozen=True, eq=False)
class MomentLimits:
    """Limits of moments.

    Attributes:
        values: By the text of the monomial.
        conditions: Expressions that must be positive for these limits to be approached; empty where
            the declared signs of the parameters imply it. What the equations themselves assume
            stands in their own `conditions`.
    """

    values: Mapping[str, Expr]
    conditions: tuple[Expr, ...]
    _equations: MomentSystem
    _given: Mapping[Symbol, Expr]

    def mean(self, expression: Any) -> Expr:
        """E of a variable, or of a polynomial of variables whose moments are known."""
        rows = list(self.values.values())
        weights = self._equations.weights(expression)
        total = sum((w.xreplace(dict(self._given)) * (1 if k < 0 else rows[k])
                     for k, w in weights.items()), sp.S.Zero)  # fmt: skip
        return sp.factor(total)

    def covariance(self, a: Any, b: Any) -> Expr:
        """E a b - E a E b."""
        first, second = (self._equations.expression(given) for given in (a, b))
        return sp.factor(self.mean(first * second) - self.mean(first) * self.mean(second))

    def variance(self, expression: Any) -> Expr:
        """The covariance of something with itself."""
        return self.covariance(expression, expression)

    def __str__(self) -> str:
        lines = [f"E[{name}] = {value}" for name, value in self.values.items()]
        facts = [f"{fact} > 0" for fact in self.conditions] + [*self._equations.conditions]
        return "\n".join([*lines, *(f"if {fact}" for fact in facts)])


def limit(equations: MomentSystem, given: Mapping[str, Any]) -> MomentLimits:
    """See `MomentEquations.stationary`."""
    if equations.depends_on_time:
        raise MomentError(
            "coefficients depend on the time, so that moments have no limit", fix="use .solve"
        )
    values = _given(equations, given)
    matrix = equations.matrix.xreplace(values)
    forcing = sp.ImmutableMatrix(equations.forcing).xreplace(values)
    facts: dict[Expr, None] = {}
    found: dict[int, Expr] = {}
    for block in _blocks(matrix):
        own = matrix.extract(block, block)
        _refuse_large(own)
        for fact in map(_sign_of, _hurwitz(own)):
            if fact.is_nonpositive:
                raise _no_limit(equations, block, fact)
            if not fact.is_positive:
                facts[fact] = None
        # A block reads itself and those before it.
        known = [sum((matrix[i, j] * m for j, m in found.items()), forcing[i]) for i in block]
        found |= dict(zip(block, _solution(own, sp.ImmutableMatrix(known)), strict=True))
    named = {str(f): sp.factor(found[k]) for k, f in enumerate(equations.monomials)}
    return MomentLimits(named, tuple(facts), equations, values)


def _refuse_large(block: Matrix) -> None:
    most = LARGEST_SYMBOLIC_BLOCK if block.free_symbols else LARGEST_BLOCK
    if block.rows > most:
        raise MomentError(
            "it is not decided whether these moments have limits", expected=f"at most {most}",
            found=f"{block.rows} moments that need each other",
            fix="give values of the parameters, or use .solve at a late time",
        )  # fmt: skip


def _sign_of(fact: Expr) -> Expr:
    """An expression of the same sign without factors that are positive."""
    if fact.is_positive or fact.is_nonpositive:
        return fact
    factored: Any = sp.factor(fact)
    return sp.Mul(*(f for f in sp.Mul.make_args(factored) if not f.is_positive))


def _no_limit(equations: MomentSystem, block: list[int], fact: Expr) -> MomentError:
    names = ", ".join(f"E[{equations.monomials[k]}]" for k in block[:3])
    return MomentError(
        f"{names} has no limit that is the same for every start",
        expected="an eigenvalue of the equations with negative real part",
        found="one that is zero" if fact == 0 else f"{fact}, which would have to be positive",
        fix="use .solve for a time",
    )


def _given(equations: MomentSystem, given: Mapping[str, Any]) -> dict[Symbol, Expr]:
    symbols = {str(s): s for s in equations.components.parameters}
    values: dict[Symbol, Expr] = {}
    for name, value in given.items():
        if name not in symbols:
            raise MomentError(
                f"no scalar parameter {name}", expected=", ".join(symbols) or "no parameters",
                found=name,
            )  # fmt: skip
        number = sp.Rational(Fraction(value)) if isinstance(value, float) else sp.sympify(value)
        symbol = symbols[name]
        if not number.is_real or (symbol.is_positive and not number.is_positive):
            raise MomentError(
                f"the value of parameter {name} contradicts its declaration", found=value
            )
        values[symbol] = number
    return values


def _blocks(matrix: Matrix) -> list[list[int]]:
    """The strongly connected blocks of A, what a block reads before the block."""
    from sympy.utilities.iterables import strongly_connected_components

    size = matrix.rows
    edges = [(i, j) for i in range(size) for j in range(size) if matrix[i, j] != 0]
    return [sorted(block) for block in strongly_connected_components((range(size), edges))]


def _hurwitz(block: Matrix) -> list[Expr]:
    """What must be positive for all eigenvalues to have negative real parts."""
    polynomial: Any = block.charpoly()
    eigenvalue: Any = polynomial.gen
    written: Any = sp.together(polynomial.as_expr())
    facts: list[Expr] = []
    for factor, _ in sp.factor_list(written.as_numer_denom()[0], eigenvalue)[1]:
        coefficients = sp.Poly(factor, eigenvalue).all_coeffs()
        degree = len(coefficients) - 1
        scaled = [sp.cancel(c / coefficients[0]) for c in coefficients]
        table: Any = sp.Matrix(
            degree, degree,
            lambda i, j, c=scaled, d=degree: c[2 * j - i + 1] if 0 <= 2 * j - i + 1 <= d else 0,
        )  # fmt: skip
        facts += [sp.factor(table[:k, :k].det()) for k in range(1, degree + 1)]
    return facts


def _solution(matrix: Matrix, forcing: Matrix) -> list[Expr]:
    from sympy.polys.matrices import DomainMatrix

    left, right = DomainMatrix.from_Matrix(matrix).unify(DomainMatrix.from_Matrix(-forcing))
    return list(left.to_field().lu_solve(right.to_field()).to_Matrix())
