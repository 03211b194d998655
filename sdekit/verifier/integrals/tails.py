r"""Whether $\int^\infty e^{-f(z)}\,dz$ is finite, from the leading behaviour of f.

f is a sum of products of powers, exponentials, logarithms, roots, cosh, tanh, ... of z, with
coefficients in any other symbols. Its leading term decides: growth like a power or faster with a
positive coefficient is integrable, $c\log z$ is exactly for $c > 1$, a bounded f never is. Other
ends of an interval come here by substitution ($x = -z$, $x = a + 1/z$), other measures through
their density ($y^{d-1}dy$ is $-(d-1)\log y$ in f).

Not for what happens between the ends (`rewriting.is_locally_bounded`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.growth import (
    Growth,
    Unclear,
    Z,
    growth_sign,
    is_slower_than_log,
    leading,
    log_or_bounded,
    rate_of,
    settled_at_infinity,
)
from sdekit.calculus.expansion.monomial_sums import Terms
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.sign_values import NEGATIVE, POSITIVE, Signs
from sdekit.declaration.tree.domains import Domain, End, as_constant
from sdekit.declaration.tree.expression import (
    Expression,
    Negation,
    Number,
    Power,
    Sum,
)
from sdekit.declaration.tree.operators import ONE, ZERO

INVERSE_Z = Power(Z, Number(Fraction(-1)))


@dataclass(frozen=True)
class Approach:
    """One end of a domain, and a way to it.

    Attributes:
        at: The end; None for infinity.
        towards: x as a function of `Z`, going to it as Z goes to infinity.
    """

    at: End | None
    towards: Expression

    @property
    def name(self) -> str:
        """The end in words."""
        if self.at is not None:
            return str(self.at)
        return "infinity" if self.towards == Z else "-infinity"


def approaches(domain: Domain) -> tuple[Approach, ...]:
    """The ends of a domain; none of a circle."""
    if domain.kind == "real":
        return Approach(None, Z), Approach(None, Negation(Z))
    if domain.kind == "positive":
        return Approach(None, Z), Approach(Fraction(0), INVERSE_Z)
    if domain.kind != "interval":
        return ()
    assert domain.lower is not None and domain.upper is not None
    lower = Sum((as_constant(domain.lower), INVERSE_Z))
    upper = Sum((as_constant(domain.upper), Negation(INVERSE_Z)))
    return Approach(domain.lower, lower), Approach(domain.upper, upper)


class Tail(Enum):
    """The integral at one end."""

    FINITE = "finite"
    INFINITE = "infinite"
    UNKNOWN = "unknown"


def tail(f: Expression) -> tuple[Tail, str]:
    """Whether exp(-f) is integrable as z goes to infinity, with a phrase that says why.

    Args:
        f: A scalar expression in `Z` and other symbols, bounded at finite z > 1.

    Example:
        >>> from sdekit.declaration.tree.operators import as_expression
        >>> tail(as_expression(2) * Elementwise("log", Z))[0].value
        'finite'

    Checked by: tests/verifier/integrals/test_tails.py.
    """
    try:
        terms = expand(settled_at_infinity(f))
        if not terms:
            return Tail.INFINITE, "the integrand is constant"
        lead = leading(terms)
        return _judge(lead, terms)
    except Unclear as reason:
        return Tail.UNKNOWN, str(reason)


def _judge(lead: Growth, terms: Terms) -> tuple[Tail, str]:
    rate = rate_of(lead)
    if rate is not None:
        return _judge_power(lead, decided_signs(rate))
    decays = lead.exponent != ZERO and growth_sign(lead.exponent) < 0
    if decays or lead.is_bounded:
        return Tail.INFINITE, "the energy stays bounded"
    if lead.coefficient is None:
        raise Unclear("the leading term oscillates")
    signs = decided_signs(lead.coefficient)
    what = _described(lead)
    if lead.exponent == ZERO and lead.power == 0 and lead.logs == 1:
        return _judge_logarithm(lead.coefficient, terms)
    if is_slower_than_log(lead):
        return Tail.INFINITE, "the energy grows slower than a logarithm"
    if signs == POSITIVE:
        return Tail.FINITE, f"the energy grows like {what}"
    if signs == NEGATIVE:
        return Tail.INFINITE, f"the energy falls like {what}"
    raise Unclear(f"the sign of {lead.coefficient!r} is not known")


def _judge_power(lead: Growth, rate: Signs) -> tuple[Tail, str]:
    coefficient = frozenset({0}) if lead.coefficient is None else decided_signs(lead.coefficient)
    if rate == POSITIVE and coefficient == POSITIVE:
        return Tail.FINITE, "the energy grows like a power"
    if rate == NEGATIVE or (rate == POSITIVE and coefficient == NEGATIVE):
        return Tail.INFINITE, "the energy stays bounded or falls like a power"
    raise Unclear("the sign of an exponent is not known")


def _judge_logarithm(coefficient: Expression, terms: Terms) -> tuple[Tail, str]:
    excess = decided_signs(collected(Sum((coefficient, Number(Fraction(-1))))))
    what = f"{coefficient!r} * log"
    if excess == POSITIVE:
        return Tail.FINITE, f"the energy grows like {what}, faster than 1 * log"
    if 1 not in excess:
        if excess != NEGATIVE and not all(log_or_bounded(m) for m in terms):
            raise Unclear("terms between log and a constant are left over")
        return Tail.INFINITE, f"the energy grows like {what}, not faster than 1 * log"
    raise Unclear(f"the sign of {coefficient!r} - 1 is not known")


def _described(lead: Growth) -> str:
    parts = [repr(lead.coefficient)] if lead.coefficient != ONE else []
    if lead.exponent != ZERO:
        parts.append("an exponential")
    if lead.power:
        parts.append("|x|" if lead.power == 1 else f"|x|**{lead.power}")
    if lead.logs:
        parts.append("log" if lead.logs == 1 else f"log**{lead.logs}")
    return " * ".join(parts)
