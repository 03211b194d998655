"""Sizes at which a denominator that holds a size vanishes, or a root or logarithm is not real.

A proof for all n needs a value at every n. Sizes alone are decided exactly where one of them is
open (`calculus.signs.size_signs`); what is not decided is no proof. Not for states (`existence`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

from sdekit.calculus.expansion import cores
from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import (
    Monomial,
    Terms,
    TooLarge,
    as_expression,
    divided,
)
from sdekit.calculus.expansion.rewriting import with_sizes
from sdekit.calculus.signs.forms import is_regular
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.size_signs import (
    SizePolynomial,
    size_polynomial,
    size_signs,
    sizes_of_sign,
)
from sdekit.declaration.tree import expression as ex
from sdekit.verifier.question import Problem

#: Sizes that are tried where several are open.
_TRIED = range(1, 13)
_BAD = {"sqrt": frozenset({-1}), "log": frozenset({-1, 0}), "loggamma": frozenset({-1, 0})}
_POLE = frozenset({0})
_NOT_SHOWN = "is not shown to have a value at every size"


def size_without_value(problem: Problem) -> str | None:
    """Where a coefficient has no value at some size; None if it has one at every size.

    Args:
        problem: Any dynamics.

    Checked by: tests/verifier/pointwise/test_size_gaps.py.
    """
    nodes = (node for part in problem.dynamics.expressions() for node in part.walk())
    for node, operand, bad in _demanding(nodes):
        names = sorted(_open_sizes(operand))
        if not names or operand.shape:
            continue
        gap = _gap(operand, bad, names, problem)
        if gap is not None:
            return f"{node!r} {gap}"
    return None


def _demanding(
    nodes: Iterator[ex.Expression],
) -> Iterator[tuple[ex.Expression, ex.Expression, frozenset[int]]]:
    """Nodes whose operand must not have certain signs."""
    for node in nodes:
        match node:
            case ex.Quotient():
                yield node, node.denominator, _POLE
            case ex.Power(exponent=ex.Number(value=k)) if k.denominator > 1:
                yield node, node.base, frozenset({-1, 0}) if k < 0 else frozenset({-1})
            case ex.Power(exponent=ex.Number(value=k)) if k < 0:
                yield node, node.base, _POLE
            case ex.Elementwise() if node.name in _BAD:
                yield node, node.operand, _BAD[node.name]
            case ex.Inverse() | ex.LogDet() if not is_regular(node.operand):
                for eigenvalue in _eigenvalues(node.operand):
                    yield node, eigenvalue, _POLE


def _eigenvalues(matrix: ex.Expression) -> tuple[ex.Expression, ...]:
    """a and a + n b of a eye(n) + b ones(n, n); none of other matrices, which have no closed form.

    Those are looked at for small sizes (`existence`).
    """
    dims = matrix.shape[:1]
    unit, full = ex.Eye(dims), ex.Ones(dims * 2)
    try:
        terms = expand(matrix)
    except (TooLarge, ZeroDivisionError):
        return ()
    if not all(monomial.core in (unit, full) for monomial in terms):
        return ()
    a, b = (
        as_expression({Monomial(m.factors): c for m, c in terms.items() if m.core == core})
        for core in (unit, full)
    )
    return a, ex.Sum((a, ex.Product((cores.size(dims), b))))


def _open_sizes(operand: ex.Expression) -> set[str]:
    return {s.dim.name for s in operand.walk() if isinstance(s, ex.Size) and s.dim.size is None}


def _gap(
    operand: ex.Expression, bad: frozenset[int], names: list[str], problem: Problem
) -> str | None:
    polynomial = size_polynomial(operand)
    if not problem.is_for_all_sizes:
        given = problem.sizes or {}
        sized = with_sizes(operand, given)
        value = size_polynomial(sized) if polynomial is not None else None
        is_empty = bad == _POLE and (
            _vanishes(operand, given) or (_is_of_sizes(sized) and 0 in decided_signs(sized))
        )
        if is_empty or (value is not None and (size_signs(value) or bad) & bad):
            return f"has no value at {_shown(dict(given))}"
        return None
    if polynomial is None:
        # Beside states and parameters: where nothing is left of it, or it may have a wrong sign.
        return _gap_of_mixed(operand, bad, names)
    signs = size_signs(polynomial)
    if signs is not None and not signs & bad:
        return None
    found = _first_bad(polynomial, bad, names)
    if found is not None:
        return f"has no value at {_shown(found)}; verify at other sizes"
    return _NOT_SHOWN


def _first_bad(
    polynomial: SizePolynomial, bad: frozenset[int], names: list[str]
) -> dict[str, int] | None:
    if len(names) == 1:
        sizes = sizes_of_sign(polynomial, bad)
        return {names[0]: sizes[0]} if sizes else None
    for sizes in itertools.product(_TRIED, repeat=len(names)):
        at = dict(zip(names, sizes, strict=True))
        value = Fraction(0)
        for powers, c in polynomial.items():
            for name, k in powers:
                c *= at[name] ** k
            value += c
        if (value > 0) - (value < 0) in bad:
            return at
    return None


def _gap_of_mixed(operand: ex.Expression, bad: frozenset[int], names: list[str]) -> str | None:
    signs = entry_signs(operand)
    if not signs & bad:
        return None
    if bad != _POLE:
        # A logarithm of zero on a thin set is judged by `regularity`.
        return "is not shown to be real at every size" if -1 in signs else None
    try:
        coefficients = _coefficients(operand)
    except (TooLarge, ZeroDivisionError):
        return _NOT_SHOWN
    if any(0 not in _signs(part) for part in coefficients):
        return None
    for sizes in itertools.product(_TRIED, repeat=len(names)):
        at = dict(zip(names, sizes, strict=True))
        if _vanishes(operand, at):
            return f"has no value at {_shown(at)}; verify at other sizes"
    if len(names) == 1:
        polynomials = [p for p in map(size_polynomial, coefficients) if p is not None]
        roots = [sizes_of_sign(p, _POLE) for p in polynomials]
        known = [set(r) for r in roots if r is not None]
        if known and not set.intersection(*known):
            return None
    return _NOT_SHOWN


def _signs(part: ex.Expression) -> frozenset[int]:
    """The signs that something of sizes alone can have."""
    polynomial = size_polynomial(part)
    exact = None if polynomial is None else size_signs(polynomial)
    return entry_signs(part) if exact is None else exact


def _coefficients(operand: ex.Expression) -> list[ex.Expression]:
    """What stands of sizes before the different states and parameters."""
    groups: dict[object, dict[Monomial, Fraction]] = {}
    for monomial, c in expand(operand).items():
        sizes = frozenset(f for f in monomial.factors if _is_of_sizes(f[0]))
        rest = (monomial.factors - sizes, monomial.core)
        groups.setdefault(rest, {})[Monomial(sizes)] = c
    return [as_expression(_cleared(terms)) for terms in groups.values()]


def _cleared(terms: Terms) -> Terms:
    """Times the powers of sizes in its denominators, which are positive."""
    least: dict[ex.Expression, Fraction] = {}
    for base, k in (factor for monomial in terms for factor in monomial.factors):
        if isinstance(base, ex.Size):
            least[base] = min(least.get(base, Fraction(0)), k)
    return divided(terms, Monomial(frozenset(least.items())), Fraction(1))


def _is_of_sizes(base: ex.Expression) -> bool:
    leaves = (node for node in base.walk() if not node.children)
    return all(isinstance(leaf, (ex.Size, ex.Number, ex.Constant)) for leaf in leaves)


def _vanishes(operand: ex.Expression, sizes: dict[str, int] | object) -> bool:
    try:
        return not expand(as_expression(expand(with_sizes(operand, sizes))))  # type: ignore[arg-type]
    except (TooLarge, ZeroDivisionError):
        return False


def _shown(sizes: dict[str, int]) -> str:
    return ", ".join(f"{name} = {size}" for name, size in sorted(sizes.items()))
