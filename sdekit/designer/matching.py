"""Equations for unknown coefficients: a tensor vanishes if each independent part of it does.

Scalar parameters and sizes are coefficients; everything else (variables, functions, contractions)
is a part that is independent of the others for all n beyond a few. Not for solving the equations.
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

from sdekit.calculus.contraction import Tensor
from sdekit.calculus.contraction.heads import Head, Kind
from sdekit.calculus.limits import Unsupported


def symbol_of(head: Head) -> sp.Symbol | None:
    """The SymPy symbol of a scalar parameter or a size; None for anything else."""
    if head.kind is Kind.PARAMETER and not head.slots:
        return sp.Symbol(head.data.name, real=True)
    if head.kind is Kind.SIZE:
        return sp.Symbol(head.data.name, positive=True, integer=True)
    return None


def equations(tensor: Tensor, unknowns: Iterable[str] = ()) -> list[sp.Expr]:
    """One equation, an expression that must vanish, for each independent part of the tensor.

    Args:
        tensor: Of any shape.
        unknowns: Names of scalar parameters that are solved for.

    Raises:
        Unsupported: If an unknown stands inside a kernel or function, where it is no coefficient.
    """
    wanted = set(unknowns)
    parts: dict[object, sp.Expr] = {}
    for (monomial, opened), coefficient in tensor.terms.items():
        factor: sp.Expr = sp.Rational(coefficient.numerator, coefficient.denominator)
        rest = []
        for component, exponent in monomial:
            symbol = None if component.head is None else symbol_of(component.head)
            if symbol is None:
                _refuse_hidden(component.factors, wanted)
                rest.append((component, exponent))
            else:
                factor *= symbol**exponent
        key = (frozenset(rest), opened)
        parts[key] = parts.get(key, sp.S.Zero) + factor
    return [sp.together(value) for value in parts.values() if sp.expand(value) != 0]


def _refuse_hidden(factors: Iterable[tuple[Head, tuple[int, ...]]], unknowns: set[str]) -> None:
    for head, _ in factors:
        text = repr(head.data)
        if head.kind in (Kind.KERNEL, Kind.INVERSE, Kind.LOGDET, Kind.CALL) and any(
            name in text for name in unknowns
        ):
            raise Unsupported("an unknown stands inside a function, where it cannot be matched")


def solve_linear(fixed: Tensor, directions: list[Tensor]) -> list[sp.Expr] | None:
    """Coefficients c with fixed + sum_k c_k directions_k = 0 as rational functions; None if none.

    Free coefficients are set to zero.
    """
    names = [sp.Symbol(f"_c{k}") for k in range(len(directions))]
    rows: dict[object, sp.Expr] = {}
    for weight, tensor in zip([sp.S.One, *names], [fixed, *directions], strict=True):
        for (monomial, opened), coefficient in tensor.terms.items():
            factor: sp.Expr = weight * sp.Rational(coefficient.numerator, coefficient.denominator)
            rest = []
            for component, exponent in monomial:
                symbol = None if component.head is None else symbol_of(component.head)
                if symbol is None:
                    rest.append((component, exponent))
                else:
                    factor *= symbol**exponent
            key = (frozenset(rest), opened)
            rows[key] = rows.get(key, sp.S.Zero) + factor
    system = [row for row in map(sp.expand, rows.values()) if row != 0]
    if not system:
        return [sp.S.Zero for _ in names]
    if not names:
        return None
    solution = sp.linsolve(system, *names)
    if not solution:
        return None
    (values,) = tuple(solution)  # type: ignore[arg-type]
    return [sp.factor(value.subs(dict.fromkeys(names, 0))) for value in values]
