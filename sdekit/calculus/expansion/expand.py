r"""An expression as a sum of monomials: rational coefficient, scalar factors, one tensor core.

The marginal integrals need to see $\tfrac\mu2(\xi-A)^2$ as a quadratic in xi and
$(p-m)^\top G^{-1}(p-m)$ as a quadratic in p. Every rewriting here is an identity for all sizes,
but equal expressions may expand differently: never conclude from two expansions that differ
(the zero test is `sdekit.calculus.contraction`'s).

Notation: `core` is the tensor factor of a monomial, None for a scalar; a factor is a pair
(base, exponent), the exponent a Fraction.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sdekit.calculus.expansion import cores
from sdekit.calculus.expansion.monomial_sums import (
    LARGEST_EXPANSION,
    UNIT,
    Monomial,
    Terms,
    TooLarge,
    as_expression,
    content,
    merged,
    scaled,
    total,
)
from sdekit.calculus.limits import tick
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import POSITIVE
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.tree.expression import (
    Diag,
    Dot,
    Elementwise,
    Expression,
    Eye,
    Inverse,
    LogDet,
    MatMul,
    Negation,
    Number,
    Ones,
    Outer,
    Power,
    Product,
    Quotient,
    Sum,
    Trace,
    Transpose,
)
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Parameter

#: Integer powers of sums beyond this are not multiplied out.
LARGEST_POWER = 8


def scalar_product(left: Terms, right: Terms) -> Terms:
    """Product of a scalar expansion with any expansion (in this order or the other)."""
    if len(left) * len(right) > LARGEST_EXPANSION:
        raise TooLarge
    tick()
    return total(
        _without_whole_powers(
            Monomial(merged(a.factors, b.factors), a.core if b.core is None else b.core), c * d
        )
        for a, c in left.items()
        for b, d in right.items()
    )


def _without_whole_powers(monomial: Monomial, coefficient: Fraction) -> Terms:
    """The monomial with sums to a positive integer power, such as sqrt(q)**2, multiplied out."""
    whole = [
        (base, exponent)
        for base, exponent in monomial.factors
        if isinstance(base, Sum) and exponent.denominator == 1 and 0 < exponent <= LARGEST_POWER
    ]
    if not whole:
        return {monomial: coefficient}
    terms: Terms = {Monomial(monomial.factors - frozenset(whole), monomial.core): coefficient}
    for base, exponent in whole:
        terms = scalar_product(terms, _powered(base, exponent))
    return terms


def _bilinear(left: Terms, right: Terms, combine: Callable[[Any, Any], Expression]) -> Terms:
    """Sum over pairs of monomials, the tensor cores combined by a rule of `cores`."""
    if len(left) * len(right) > LARGEST_EXPANSION:
        raise TooLarge
    parts = []
    for a, c in left.items():
        for b, d in right.items():
            scalars = {Monomial(merged(a.factors, b.factors)): c * d}
            combined = _read(combine(a.core, b.core))
            parts.append(scalar_product(scalars, combined))
    return total(parts)


def _read(simplified: Expression) -> Terms:
    """Terms of what a rule of `cores` returned, which is not to be expanded again."""
    match simplified:
        case Number():
            return _number(simplified)
        case Negation():
            return scaled(_read(simplified.operand), Fraction(-1))
        case Product() if not all(f.shape for f in simplified.factors):
            terms: Terms = {UNIT: Fraction(1)}
            for factor in simplified.factors:
                terms = scalar_product(terms, _read(factor))
            return terms
    return _atom(simplified)


def _linear(terms: Terms, rule: Callable[[Any], Expression]) -> Terms:
    parts = []
    for monomial, coefficient in terms.items():
        image = _read(rule(monomial.core))
        parts.append(scalar_product({Monomial(monomial.factors): coefficient}, image))
    return total(parts)


@lru_cache(maxsize=8192)
def _expand_cached(expression: Expression) -> tuple[tuple[Monomial, Fraction], ...]:
    rule = _RULES.get(type(expression), _atom)
    return tuple(rule(expression).items())


def expand(expression: Expression) -> Terms:
    """The expression as a sum of monomials.

    Args:
        expression: Scalar or tensor.

    Returns:
        Coefficient of each monomial; empty for zero.

    Raises:
        TooLarge: If there are more than `LARGEST_EXPANSION` monomials.

    Example:
        >>> from sdekit.declaration.tree.symbols import parameter, scalar
        >>> xi, A = scalar("xi"), parameter("A")
        >>> collected((xi - A)**2 - xi**2 + 2*A*xi) == A**2
        True

    Checked by: tests/calculus/expansion/test_expand.py.
    """
    return dict(_expand_cached(expression))


def _atom(node: Expression) -> Terms:
    if node.shape:
        return {Monomial(core=node): Fraction(1)}
    return {Monomial(frozenset({(node, Fraction(1))})): Fraction(1)}


def _number(node: Number) -> Terms:
    return {UNIT: node.value} if node.value else {}


def _parameter(node: Parameter) -> Terms:
    return _number(Number(node.value)) if node.value is not None else _atom(node)


def _product(node: Product) -> Terms:
    scalars: Terms = {UNIT: Fraction(1)}
    tensors: list[Terms] = []
    for factor in node.factors:
        terms = expand(factor)
        if factor.shape:
            tensors.append(terms)
        else:
            scalars = scalar_product(scalars, terms)
    if not tensors:
        return scalars
    product = tensors[0]
    for terms in tensors[1:]:
        product = _bilinear(product, terms, cores.entrywise)
    return scalar_product(scalars, product)


def _quotient(node: Quotient) -> Terms:
    if node.denominator.shape:
        inverse = expand(Power(collected(node.denominator), Number(Fraction(-1))))
        numerator = expand(node.numerator)
        if not node.numerator.shape:
            return scalar_product(numerator, inverse)
        return _bilinear(numerator, inverse, cores.entrywise)
    return scalar_product(_powered(node.denominator, Fraction(-1)), expand(node.numerator))


def _power(node: Power) -> Terms:
    if not isinstance(node.exponent, Number):
        return _atom(Power(collected(node.base), collected(node.exponent)))
    if node.shape:
        return _entrywise_power(node.base, node.exponent.value)
    return _powered(node.base, node.exponent.value)


def _powered(base: Expression, exponent: Fraction) -> Terms:
    """A rational power of a scalar; single monomials and small integer powers are taken apart."""
    terms = expand(base)
    if not terms:
        return {} if exponent > 0 else _atom(Power(ZERO, Number(exponent)))
    if len(terms) == 1:
        ((monomial, coefficient),) = terms.items()
        if exponent.denominator == 1:
            factors = frozenset((b, e * exponent) for b, e in monomial.factors)
            return _without_whole_powers(Monomial(factors), coefficient ** int(exponent))
        return _root(monomial, coefficient, exponent)
    if exponent.denominator == 1 and 0 < exponent <= LARGEST_POWER:
        result: Terms = terms
        for _ in range(int(exponent) - 1):
            result = scalar_product(result, terms)
        return result
    if exponent.denominator != 1:
        return {Monomial(frozenset({(collected(base), exponent)})): Fraction(1)}
    common = content(terms)
    reduced = as_expression(scaled(terms, 1 / common))
    return {Monomial(frozenset({(reduced, exponent)})): common ** int(exponent)}


def _root(monomial: Monomial, coefficient: Fraction, exponent: Fraction) -> Terms:
    """A broken power of a single monomial: factors known to be positive leave the root."""
    outside, inside = [], []
    for base, power in monomial.factors:
        (outside if entry_signs(base) == POSITIVE else inside).append((base, power))
    if coefficient == 1 and not inside:
        return {Monomial(frozenset((b, e * exponent) for b, e in outside)): Fraction(1)}
    rest = as_expression({Monomial(frozenset(inside)): coefficient})
    factors = frozenset([(b, e * exponent) for b, e in outside] + [(rest, exponent)])
    return {Monomial(factors): Fraction(1)}


def _entrywise_power(base: Expression, exponent: Fraction) -> Terms:
    terms = expand(base)
    if exponent.denominator == 1 and 0 < exponent <= LARGEST_POWER:
        result = terms
        for _ in range(int(exponent) - 1):
            result = _bilinear(result, terms, cores.entrywise)
        return result
    return _atom(Power(collected(base), Number(exponent)))


def _elementwise(node: Elementwise) -> Terms:
    if node.name == "sqrt":
        return _power(Power(node.operand, Number(Fraction(1, 2))))
    terms = expand(node.operand)
    if node.name == "log" and len(terms) == 1 and not node.shape:
        ((monomial, coefficient),) = terms.items()
        if coefficient > 0 and all(entry_signs(b) == POSITIVE for b, _ in monomial.factors):
            return _log_of_product(monomial, coefficient)
    if node.name == "log" and len(terms) > 1 and not node.shape and content(terms) != 1:
        common = content(terms)
        rest = _atom(Elementwise("log", as_expression(scaled(terms, 1 / common))))
        return total([rest, _atom(Elementwise("log", Number(common)))])
    if node.name == "abs" and len(terms) == 1 and not node.shape:
        ((monomial, coefficient),) = terms.items()
        return _absolute(monomial, coefficient)
    if not terms and not node.shape and 0 in dict(FUNCTIONS[node.name].exact):
        return _number(Number(Fraction(dict(FUNCTIONS[node.name].exact)[0])))
    if node.shape and not terms:
        # Zero as a tensor: the function at 0 in every entry.
        return scalar_product(_elementwise(Elementwise(node.name, ZERO)), _atom(Ones(node.shape)))
    return _atom(Elementwise(node.name, as_expression(terms)))


def _absolute(monomial: Monomial, coefficient: Fraction) -> Terms:
    """|c a b| = |c| a |b| for a positive a."""
    outside = frozenset(f for f in monomial.factors if entry_signs(f[0]) == POSITIVE)
    inside = monomial.factors - outside
    if not inside:
        return {Monomial(outside): abs(coefficient)}
    length = Elementwise("abs", as_expression({Monomial(inside): Fraction(1)}))
    return {Monomial(outside | {(length, Fraction(1))}): abs(coefficient)}


def _log_of_product(monomial: Monomial, coefficient: Fraction) -> Terms:
    parts: list[Terms] = []
    for base, exponent in monomial.factors:
        if isinstance(base, Elementwise) and base.name == "exp":
            parts.append(scaled(expand(base.operand), exponent))
        else:
            parts.append({Monomial(frozenset({(Elementwise("log", base), Fraction(1))})): exponent})
    if coefficient != 1:
        number = Elementwise("log", Number(coefficient))
        parts.append({Monomial(frozenset({(number, Fraction(1))})): Fraction(1)})
    return total(parts)


def _matmul(node: MatMul) -> Terms:
    return _bilinear(expand(node.left), expand(node.right), cores.matmul)


def _one_monomial(operand: Expression) -> tuple[Expression, Expression] | None:
    """A matrix as scalar * core, if its expansion is a single monomial."""
    terms = expand(operand)
    if len(terms) != 1:
        return None
    ((monomial, coefficient),) = terms.items()
    assert monomial.core is not None
    return as_expression({Monomial(monomial.factors): coefficient}), monomial.core


def _inverse(node: Inverse) -> Terms:
    single = _one_monomial(node.operand)
    if single is None:
        return _atom(Inverse(collected(node.operand)))
    return scalar_product(_powered(single[0], Fraction(-1)), _read(cores.inverse(single[1])))


def _logdet(node: LogDet) -> Terms:
    single = _one_monomial(node.operand)
    if single is None:
        return _atom(LogDet(collected(node.operand)))
    size = cores.size(node.operand.shape[:1])
    scalar_part = expand(Product((size, Elementwise("log", single[0]))))
    return total([scalar_part, _read(cores.logdet(single[1]))])


_RULES = {
    Number: _number,
    Parameter: _parameter,
    Sum: lambda node: total(expand(term) for term in node.terms),
    Negation: lambda node: scaled(expand(node.operand), Fraction(-1)),
    Product: _product,
    Quotient: _quotient,
    Power: _power,
    Elementwise: _elementwise,
    MatMul: _matmul,
    Dot: lambda node: (
        _bilinear(expand(node.left), expand(node.right), cores.dot)
        if node.left.shape
        else scalar_product(expand(node.left), expand(node.right))
    ),
    Outer: lambda node: _outer(node),
    Trace: lambda node: _linear(expand(node.operand), cores.trace),
    Diag: lambda node: _linear(expand(node.operand), cores.diag),
    Transpose: lambda node: _linear(
        expand(node.operand), lambda core: cores.transpose(core, node.axes)
    ),
    Inverse: _inverse,
    LogDet: _logdet,
    Eye: _atom,
    Ones: _atom,
}


def _outer(node: Outer) -> Terms:
    left, right = expand(node.left), expand(node.right)
    if node.left.shape and node.right.shape:
        return _bilinear(left, right, cores.outer)
    return scalar_product(left, right) if not node.left.shape else scalar_product(right, left)


def collected(expression: Expression) -> Expression:
    """The expression expanded, with equal monomials collected."""
    return as_expression(expand(expression))
