r"""The leading term of an expression in z as z goes to infinity.

Sums of products of powers, exponentials, logarithms, roots, cosh, tanh, ... of z, with coefficients
in any other symbols. Not for what the leading term means for an integral
(`sdekit.verifier.integrals.tails`).

Checked by: tests/verifier/integrals/test_tails.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.monomial_sums import Monomial, Terms, as_expression
from sdekit.calculus.expansion.rewriting import INTERNAL, substituted
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.sign_values import NEGATIVE, POSITIVE, UNKNOWN, Signs
from sdekit.calculus.signs.sign_values import ZERO as ZERO_SIGN
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.text.formulas import U, formula
from sdekit.declaration.tree.domains import Domain
from sdekit.declaration.tree.expression import (
    Constant,
    Elementwise,
    Expression,
    Negation,
    Number,
    Power,
    Product,
    Sum,
)
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Variable

#: The variable that goes to infinity.
Z = Variable(INTERNAL + "z", (), None, Domain("positive"))


@dataclass(frozen=True)
class Growth:
    """The leading term coefficient * exp(exponent) * z^power * log(z)^logs.

    Attributes:
        exponent: A function of z that goes to plus or minus infinity, or 0.
        power: Power of z.
        logs: Power of log z.
        coefficient: What the leading term is multiplied by; None if only known to be bounded.
    """

    exponent: Expression
    power: Fraction
    logs: Fraction
    coefficient: Expression | None

    @property
    def is_bounded(self) -> bool:
        """Whether the leading term is a constant or smaller (no exponential)."""
        return self.exponent == ZERO and (self.power < 0 or (self.power == 0 and self.logs <= 0))

    @property
    def vanishes(self) -> bool:
        """Whether the leading term goes to zero (no exponential)."""
        return self.exponent == ZERO and (self.power < 0 or (self.power == 0 and self.logs < 0))


class Unclear(Exception):
    """The leading term cannot be read off."""


_LOG_Z = (Elementwise("log", Z), Fraction(1))
_CONSTANT = Growth(ZERO, Fraction(0), Fraction(0), ONE)


def rate_of(growth: Growth) -> Expression | None:
    """a, where the growth is like z^a with a symbolic exponent; None for anything else."""
    if growth.exponent == ZERO:
        return None
    terms = expand(growth.exponent)
    rest = {Monomial(m.factors - {_LOG_Z}, m.core): c for m, c in terms.items()}
    if not all(_LOG_Z in m.factors for m in terms) or as_expression(rest).depends_on(Z):
        return None
    return collected(Sum((as_expression(rest), Number(growth.power))))


def is_slower_than_log(lead: Growth) -> bool:
    """Whether the leading term is a root of the logarithm, so that exp(-f) beats every power."""
    return lead.exponent == ZERO and lead.power == 0 and lead.logs < 1


def log_or_bounded(monomial: Monomial) -> bool:
    """Whether the term is a constant times one logarithm, up to something bounded."""
    mine, _ = monomial.parted(Z)
    if len(mine) == 1 and mine[0][1] == 1:
        base = mine[0][0]
        if isinstance(base, Elementwise) and base.name == "log":
            inner = leading(expand(base.operand))
            return inner.exponent == ZERO and not inner.logs and inner.coefficient is not None
    return _monomial_growth(monomial, Fraction(1)).is_bounded


def settled_at_infinity(f: Expression) -> Expression:
    """f for large z: |u|, relu(u) and sign(u) without the choice, where the sign of u is known.

    What is chosen between with `where` would cancel otherwise, and not be seen to vanish.
    """
    if not f.depends_on(Z):
        return f
    if isinstance(f, Elementwise) and f.name in ("abs", "sign", "relu"):
        inside = settled_at_infinity(f.operand)
        try:
            lead = leading(expand(inside))
            signs = UNKNOWN if lead.coefficient is None else entry_signs(lead.coefficient)
        except (Unclear, IndexError):
            return f
        if signs in (POSITIVE, NEGATIVE):
            side = Number(Fraction(1 if signs == POSITIVE else -1))
            if f.name == "relu":
                return inside if signs == POSITIVE else ZERO
            return side if f.name == "sign" else Product((side, inside))
    return f.rebuilt(
        lambda part: settled_at_infinity(part) if isinstance(part, Expression) else part
    )


def leading(terms: Terms) -> Growth:
    """The leading term of an expansion.

    Raises:
        Unclear: If two terms cannot be compared, cancel, or are of an unknown kind.
    """
    growths = [_monomial_growth(m, c) for m, c in terms.items()]
    best = growths[0]
    for growth in growths[1:]:
        if _compare(growth, best) > 0:
            best = growth
    tied = [g for g in growths if _compare(g, best) == 0]
    if any(g.coefficient is None for g in tied):
        return Growth(best.exponent, best.power, best.logs, None)
    coefficient = collected(Sum(tuple(g.coefficient for g in tied)))  # type: ignore[misc]
    if coefficient == ZERO or entry_signs(coefficient) == ZERO_SIGN:
        raise Unclear("the leading terms cancel")
    return Growth(best.exponent, best.power, best.logs, coefficient)


def _compare(left: Growth, right: Growth) -> int:
    difference = collected(Sum((left.exponent, Negation(right.exponent))))
    rate = rate_of(Growth(difference, left.power - right.power, Fraction(0), ONE))
    if rate is not None:
        signs = decided_signs(rate)
        if signs not in (POSITIVE, NEGATIVE):
            raise Unclear("two powers cannot be compared")
        return 1 if signs == POSITIVE else -1
    if difference != ZERO:
        sign = growth_sign(difference)
        if sign == 0:
            raise Unclear("two exponentials cannot be compared")
        return sign
    mine, other = (left.power, left.logs), (right.power, right.logs)
    return (mine > other) - (mine < other)


def growth_sign(exponent: Expression) -> int:
    """Sign of the infinity that the exponent goes to; 0 if it does not."""
    lead = leading(expand(exponent))
    if lead.coefficient is None or lead.is_bounded or lead.exponent != ZERO:
        return 0
    if lead.power == 0:
        return 0
    signs = entry_signs(lead.coefficient)
    return 1 if signs == POSITIVE else -1 if signs == NEGATIVE else 0


def _monomial_growth(monomial: Monomial, coefficient: Fraction) -> Growth:
    growth = Growth(ZERO, Fraction(0), Fraction(0), Number(coefficient))
    if monomial.core is not None:
        raise Unclear("a tensor is left over")
    for base, exponent in monomial.factors:
        growth = _times(growth, _raised(_base_growth(base), exponent))
    return growth


def _times(left: Growth, right: Growth) -> Growth:
    if left.coefficient is None or right.coefficient is None:
        coefficient = None
    else:
        coefficient = collected(Product((left.coefficient, right.coefficient)))
    exponent = collected(Sum((left.exponent, right.exponent)))
    return Growth(exponent, left.power + right.power, left.logs + right.logs, coefficient)


def _raised(growth: Growth, exponent: Fraction) -> Growth:
    if exponent == 1:
        return growth
    if growth.coefficient is None:
        if exponent.denominator == 1 and exponent > 0:
            return growth
        raise Unclear("a power of a bounded function")
    signs = decided_signs(growth.coefficient)
    if exponent.denominator != 1 and signs != POSITIVE:
        raise Unclear("a root of an unknown sign")
    if 0 in signs and exponent < 0:
        raise Unclear(f"{growth.coefficient!r} may vanish")
    return Growth(
        collected(Product((Number(exponent), growth.exponent))),
        growth.power * exponent,
        growth.logs * exponent,
        collected(Power(growth.coefficient, Number(exponent))),
    )


def _base_growth(base: Expression) -> Growth:
    if base == Z:
        return Growth(ZERO, Fraction(1), Fraction(0), ONE)
    if not base.depends_on(Z):
        return Growth(ZERO, Fraction(0), Fraction(0), base)
    if isinstance(base, Elementwise):
        return _function_growth(base)
    if isinstance(base, Sum):
        return leading(expand(base))
    if isinstance(base, Power) and not base.exponent.depends_on(Z):
        return _symbolic_power(leading(expand(base.base)), base.exponent)
    raise Unclear("the energy holds a function of an unknown kind")


def _symbolic_power(growth: Growth, exponent: Expression) -> Growth:
    """Of g^a: z^(p a) for g ~ c z^p."""
    if growth.exponent != ZERO or growth.logs or growth.coefficient is None:
        raise Unclear("a power of an unknown kind")
    if decided_signs(growth.coefficient) != POSITIVE:
        raise Unclear("a power of an unknown sign")
    rate = collected(Product((Number(growth.power), exponent, Elementwise("log", Z))))
    coefficient = collected(Power(growth.coefficient, exponent))
    return Growth(rate, Fraction(0), Fraction(0), coefficient)


def _exponential(operand: Expression) -> Growth:
    inner = leading(expand(operand))
    if inner.vanishes:
        return _CONSTANT
    if inner.is_bounded and inner.coefficient is not None:
        rest = _without_leading_constant(operand, inner.coefficient)
        if rest:
            return Growth(ZERO, Fraction(0), Fraction(0), Elementwise("exp", inner.coefficient))
    if inner.is_bounded:
        return Growth(ZERO, Fraction(0), Fraction(0), None)
    if inner.exponent != ZERO or inner.power == 0 or growth_sign(operand) == 0:
        raise Unclear("an exponential of an unknown kind")
    return Growth(collected(operand), Fraction(0), Fraction(0), ONE)


def _without_leading_constant(operand: Expression, constant: Expression) -> bool:
    rest = expand(Sum((operand, Negation(constant))))
    return not rest or leading(rest).vanishes


def _logarithm(operand: Expression) -> Growth:
    inner = leading(expand(operand))
    if inner.coefficient is None or entry_signs(inner.coefficient) != POSITIVE:
        raise Unclear("a logarithm of an unknown sign")
    if inner.exponent != ZERO:
        lead = leading(expand(inner.exponent))
        if lead.exponent != ZERO or lead.power == 0:
            raise Unclear("a logarithm of a product of an unknown kind")
        return lead
    if inner.power != 0:
        return Growth(ZERO, Fraction(0), Fraction(1), Number(inner.power))
    if inner.logs:
        raise Unclear("a logarithm of a logarithm")
    return Growth(ZERO, Fraction(0), Fraction(0), None)


def _cosh(operand: Expression) -> Growth:
    sign = growth_sign(operand)
    if sign == 0:
        raise Unclear("the growth inside cosh is not known")
    exponent = collected(operand if sign > 0 else Negation(operand))
    return Growth(exponent, Fraction(0), Fraction(0), Number(Fraction(1, 2)))


def _sinh(operand: Expression) -> Growth:
    sign = growth_sign(operand)
    growth = _cosh(operand)
    coefficient = Number(Fraction(sign, 2))
    return Growth(growth.exponent, growth.power, growth.logs, coefficient)


def _saturating(limit: Expression, operand: Expression) -> Growth:
    """An odd function with this limit."""
    sign = growth_sign(operand)
    if sign == 0:
        return Growth(ZERO, Fraction(0), Fraction(0), None)
    value = limit if sign > 0 else Negation(limit)
    return Growth(ZERO, Fraction(0), Fraction(0), value)


def _absolute(operand: Expression) -> Growth:
    inner = leading(expand(operand))
    if inner.coefficient is None:
        return inner
    signs: Signs = entry_signs(inner.coefficient)
    if signs == POSITIVE:
        return inner
    if signs == NEGATIVE:
        flipped = collected(Negation(inner.coefficient))
        return Growth(inner.exponent, inner.power, inner.logs, flipped)
    raise Unclear("an absolute value of an unknown sign")


def _logarithmic(base: Elementwise) -> Growth:
    """f(u) ~ sign(u) log|u|."""
    inner, sign = leading(expand(base.operand)), growth_sign(base.operand)
    if sign == 0 or inner.exponent != ZERO or inner.power == 0:
        raise Unclear(f"the growth inside {base.name} is not known")
    return Growth(ZERO, Fraction(0), Fraction(1), Number(sign * inner.power))


_FUNCTIONS = {
    "exp": _exponential,
    "log": _logarithm,
    "cosh": _cosh,
    "sinh": _sinh,
    "abs": _absolute,
}


#: f(u) = u + smaller terms near u = 0.
_UNIT_SLOPE = ("sin", "tan", "sinh", "tanh", "atan")
#: sin and cos of u plus a number of quarter turns, as a sign and a function of u.
_TURNED = {
    "sin": ((1, "sin"), (1, "cos"), (-1, "sin"), (-1, "cos")),
    "cos": ((1, "cos"), (-1, "sin"), (-1, "cos"), (1, "sin")),
}
_PI = Monomial(frozenset({(Constant("pi"), Fraction(1))}))


def _at_a_limit(base: Elementwise) -> Growth | None:
    """The growth of f(u) where u has a limit at which f is known; None elsewhere."""
    sign, name, terms = 1, base.name, dict(expand(base.operand))
    if name in _TURNED:
        quarters = 2 * terms.get(_PI, Fraction(0))
        if quarters.denominator == 1:
            sign, name = _TURNED[name][int(quarters) % 4]
            terms.pop(_PI, None)
    lead = leading(terms) if terms else None
    if lead is None or not lead.vanishes:
        return None
    if name == "cos":
        return replace(_CONSTANT, coefficient=Number(Fraction(sign)))
    if name not in _UNIT_SLOPE or lead.coefficient is None:
        return None
    return _times(lead, replace(_CONSTANT, coefficient=Number(Fraction(sign))))


def _function_growth(base: Elementwise) -> Growth:
    near = _at_a_limit(base) if base.name in (*_TURNED, *_UNIT_SLOPE) else None
    if near is not None:
        return near
    rule = _FUNCTIONS.get(base.name)
    if rule is not None:
        return rule(base.operand)
    if FUNCTIONS[base.name].definition:
        meaning = substituted(formula(FUNCTIONS[base.name].definition), {U: base.operand})
        terms = expand(meaning)
        if not terms:
            raise Unclear(f"{base.name} vanishes at one end")
        return leading(terms)
    match FUNCTIONS[base.name].tail:
        case "":
            raise Unclear(f"no rule for the growth of {base.name}")
        case "oscillates":
            return Growth(ZERO, Fraction(0), Fraction(0), None)
        case "logarithm":
            return _logarithmic(base)
        case limit:
            return _saturating(collected(formula(limit)), base.operand)
