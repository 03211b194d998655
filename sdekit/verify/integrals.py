r"""The integral of exp(-Q) over one block: in closed form, finite, infinite, or not known.

Closed form means $\int e^{-Q(X, \cdot)}dX = \text{const}\cdot e^{-F}$ with F free of X; each family
below is a record of `FAMILIES` with its theorem in its docstring. Everything holds for every size
of the block. Not for the order in which blocks are integrated out (`elimination`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

from sdekit.calculus.limits import Unsupported
from sdekit.declare.expression import (
    Call,
    Dot,
    Elementwise,
    Expression,
    Eye,
    Inverse,
    LogDet,
    MatMul,
    Negation,
    Number,
    Product,
    Quotient,
    Sum,
)
from sdekit.declare.operators import ZERO
from sdekit.declare.symbols import REAL, Variable
from sdekit.verify import cores
from sdekit.verify.expansion import expand
from sdekit.verify.forms import form_signs
from sdekit.verify.implied import NEGATIVE, POSITIVE, entry_signs, never_negative
from sdekit.verify.location_scale import abstraction, centres, scales
from sdekit.verify.monomials import Monomial, Terms, TooLarge, as_expression
from sdekit.verify.periodicity import is_periodic
from sdekit.verify.quadratic import Split, involves, split_by
from sdekit.verify.rewriting import substituted
from sdekit.verify.scalar_signs import decided_signs
from sdekit.verify.shapes import radial_integral, univariate_integral
from sdekit.verify.tails import Tail, Z

HALF = Number(Fraction(1, 2))


class Outcome(Enum):
    """What is known about the integral over a block."""

    CLOSED = "closed form"
    FINITE = "finite"
    INFINITE = "infinite"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Integral:
    """The integral over one block.

    Attributes:
        outcome: What is known.
        reason: By which theorem, as a phrase that follows the name of the block and a colon.
        energy: F, where the integral is const * exp(-F).
        assumptions: What is taken for granted about unknown functions.
    """

    outcome: Outcome
    reason: str
    energy: Expression = ZERO
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """One integral to be done.

    Attributes:
        x: The block to integrate over.
        terms: The terms of Q that hold x.
        split: The same by degree in x.
        outside: The variables that are not integrated over now.
    """

    x: Variable
    terms: Terms
    split: Split
    outside: frozenset[Variable]

    @property
    def energy(self) -> Expression:
        """The terms as an expression."""
        return as_expression(self.terms)

    def is_free(self, expression: Expression) -> bool:
        """Whether the expression holds no other variable."""
        return not any(expression.depends_on(y) for y in self.outside)


#: Nonnegative terms are dropped one at a time only where there are few.
_MOST_DROPPED = 6

_NO_THEOREM = Integral(Outcome.UNKNOWN, "no theorem applies to its terms")

Family = Callable[[Question], Integral | None]


def integrate(
    x: Variable,
    terms: Terms,
    outside: frozenset[Variable],
    families: tuple[Family, ...] | None = None,
) -> Integral:
    """The integral of exp(-terms) over the block x.

    Args:
        x: Block of any rank.
        terms: Expansion of those terms of Q that hold x.
        outside: Variables that Q may hold besides x.
        families: Theorems to try; all of `FAMILIES` when left out.

    Returns:
        The first answer that decides something.

    Checked by: tests/verify/test_integrals.py.
    """
    question = Question(x, terms, split_by(terms, x), outside)
    best = _NO_THEOREM
    for family in FAMILIES if families is None else families:
        found = family(question)
        if found is None:
            continue
        if found.outcome in (Outcome.CLOSED, Outcome.INFINITE):
            return found
        if best is _NO_THEOREM or best.outcome is Outcome.UNKNOWN is not found.outcome:
            best = found
    return best


def coordinates(x: Variable) -> Expression:
    """The number of coordinates of a block."""
    if x.symmetry is None:
        return cores.size(x.shape)
    n = cores.size(x.shape[:1])
    other = Sum((n, Number(Fraction(1 if x.symmetry == "symmetric" else -1))))
    return Product((HALF, n, other))


def _absent(question: Question) -> Integral | None:
    """A variable that Q does not hold: infinite mass on an unbounded domain."""
    if question.terms:
        return None
    if question.x.domain.kind in ("circle", "interval"):
        return Integral(Outcome.CLOSED, "uniform on a bounded domain")
    return Integral(Outcome.INFINITE, "H does not depend on it")


def _gaussian(question: Question) -> Integral | None:
    r"""$\int e^{-\frac12 X\cdot M X - b\cdot X}dX = c\,(\det M)^{-1/2}e^{\frac12 b\cdot M^{-1}b}$.

    Exactly for positive definite M; infinite if M is not, for the outside variables near a point.
    """
    x, split = question.x, question.split
    if split.other or x.domain.kind != "real":
        return None
    if not split.hessian:
        return Integral(Outcome.INFINITE, "H is linear in it")
    matrix = as_expression(split.hessian)
    signs = form_signs(matrix) if x.shape else decided_signs(matrix)
    if 1 not in signs:
        return Integral(Outcome.INFINITE, f"its quadratic form {matrix!r} is not positive definite")
    if signs != POSITIVE and not (never_negative(signs) and _vanishes_nowhere_dense(split, x)):
        return Integral(Outcome.UNKNOWN, f"Gaussian if {matrix!r} is positive definite")
    closed = _gaussian_energy(x, split, matrix)
    if closed is None:
        return Integral(Outcome.FINITE, "Gaussian")
    return Integral(Outcome.CLOSED, "Gaussian", closed)


def _vanishes_nowhere_dense(split: Split, x: Variable) -> bool:
    """Whether the coefficient of a scalar is a sum of even monomials of variables, with a plus.

    Such a sum is positive but for a null set of the outside variables, which no integral sees.
    """

    def is_positive_almost_everywhere(monomial: Monomial, coefficient: Fraction) -> bool:
        return coefficient > 0 and all(
            entry_signs(base) == POSITIVE or (isinstance(base, Variable) and exponent % 2 == 0)
            for base, exponent in monomial.factors
        )

    return not x.shape and all(
        is_positive_almost_everywhere(m, c) for m, c in split.hessian.items()
    )


def _gaussian_energy(x: Variable, split: Split, matrix: Expression) -> Expression | None:
    linear = as_expression(split.linear)
    if x.ndim == 0:
        determinant: Expression = Elementwise("log", matrix)
        square: Expression = Quotient(Product((linear, linear)), matrix)
    elif x.ndim == 1:
        determinant = LogDet(matrix)
        square = Dot(linear, MatMul(Inverse(matrix), linear)) if split.linear else linear
    else:
        if not all(isinstance(m.core, Eye) for m in split.hessian):
            return None
        scale = as_expression({Monomial(m.factors): c for m, c in split.hessian.items()})
        determinant = Product((coordinates(x), Elementwise("log", scale)))
        square = Quotient(Dot(linear, linear), scale) if split.linear else linear
    return Sum((Product((HALF, determinant)), Negation(Product((HALF, square)))))


def _unknown_function(question: Question) -> Integral | None:
    """An unknown function of x: finite by a stated assumption."""
    x, energy = question.x, question.energy
    if not any(isinstance(node, Call) and node.depends_on(x) for node in energy.walk()):
        return None
    assumption = f"exp(-({energy!r})) is integrable over {x.name}"
    outcome = Outcome.CLOSED if question.is_free(energy) else Outcome.FINITE
    return Integral(outcome, "integrable by assumption", assumptions=(assumption,))


def _power(question: Question) -> Integral | None:
    r"""$\int_0^\infty x^{-c}e^{-r x^m}dx \propto r^{-(1-c)/m}$ for r > 0 and (1-c)/m > 0.

    Gamma, inverse Gamma, half-normal and Weibull laws; on the real line the even ones.
    """
    x = question.x
    if x.shape or x.domain.kind not in ("positive", "real"):
        return None
    powers, logs = _power_terms(question)
    if powers is None or len(powers) != 1:
        return None
    ((degree, rate),) = powers.items()
    is_even = degree.denominator == 1 and degree % 2 == 0
    if x.domain.kind == "real" and (logs or degree < 0 or not is_even):
        return None
    coefficient = as_expression(logs)
    r = as_expression(rate)
    order = Product((Sum((Number(Fraction(1)), Negation(coefficient))), Number(1 / degree)))
    if not question.is_free(coefficient) or entry_signs(r) != POSITIVE:
        return None
    if entry_signs(as_expression(expand(order))) != POSITIVE:
        return None
    return Integral(Outcome.CLOSED, "of Gamma type", Product((order, Elementwise("log", r))))


def _power_terms(
    question: Question,
) -> tuple[dict[Fraction, dict[Monomial, Fraction]] | None, dict[Monomial, Fraction]]:
    """Coefficients of the powers of x and of log x; None if there is any other term."""
    x = question.x
    powers: dict[Fraction, dict[Monomial, Fraction]] = {}
    logs: dict[Monomial, Fraction] = {}
    for monomial, coefficient in question.terms.items():
        mine = [f for f in monomial.factors if f[0].depends_on(x)]
        rest = Monomial(frozenset(f for f in monomial.factors if not f[0].depends_on(x)))
        if len(mine) != 1:
            return None, {}
        base, exponent = mine[0]
        if base == x:
            part = powers.setdefault(exponent, {})
        elif base == Elementwise("log", x) and exponent == 1:
            part = logs
        else:
            return None, {}
        part[rest] = part.get(rest, Fraction(0)) + coefficient
    return powers, logs


def _log_gamma(question: Question) -> Integral | None:
    r"""$\int e^{-a e^{b x} + c x}dx \propto a^{-c/b}/|b|$ for a, c/b > 0 (the log of a Gamma)."""
    x, split = question.x, question.split
    if x.shape or x.domain.kind != "real" or split.hessian or len(split.other) != 1:
        return None
    ((monomial, coefficient),) = split.other.items()
    mine = [f for f in monomial.factors if f[0].depends_on(x)]
    if len(mine) != 1 or mine[0][1] != 1:
        return None
    base = mine[0][0]
    if not isinstance(base, Elementwise) or base.name != "exp":
        return None
    inner = split_by(expand(base.operand), x)
    if inner.constant or inner.hessian or inner.other:
        return None
    rest = frozenset(f for f in monomial.factors if not f[0].depends_on(x))
    a = as_expression({Monomial(rest): coefficient})
    b = as_expression(inner.linear)
    ratio = as_expression(expand(Quotient(Negation(as_expression(split.linear)), b)))
    if not question.is_free(ratio) or entry_signs(a) != POSITIVE:
        return None
    if entry_signs(ratio) != POSITIVE or entry_signs(b) not in (POSITIVE, NEGATIVE):
        return None
    energy = Sum((Product((ratio, _log(a))), _log(Elementwise("abs", b))))
    return Integral(Outcome.CLOSED, "the logarithm of a Gamma", energy)


def _log(argument: Expression) -> Expression:
    return Elementwise("log", argument)


def _one_dimension(question: Question) -> Integral | None:
    """A scalar, or entries that do not meet: by the leading terms at both ends."""
    found, reason = univariate_integral(question.x, question.energy)
    return _judged(question, found, reason, question.energy)


def _elliptical(question: Question) -> Integral | None:
    r"""$\int e^{-\varphi(X\cdot M X)}dX \propto (\det M)^{-1/2}$ for positive definite M.

    A pure power $\varphi(t) = a t^{m/2}$ may have any a > 0 in front: a factor $a^{-d/m}$.
    """
    size = coordinates(question.x)
    radial = radial_integral(question.x, question.energy, size)
    if radial is None:
        return None
    found, reason, profile, determinant = radial
    pure = _pure_power(profile)
    if found is Tail.FINITE and determinant is not None and pure is not None:
        scale, degree = pure
        factor = Product((Quotient(size, Number(degree)), _log(scale)))
        return Integral(Outcome.CLOSED, reason, Sum((Product((HALF, determinant)), factor)))
    return _judged(question, found, reason, profile, determinant)


def _pure_power(profile: Expression) -> tuple[Expression, Fraction] | None:
    """(a, m) of a Z**m with a free of Z."""
    terms = expand(profile)
    if len(terms) != 1:
        return None
    ((monomial, coefficient),) = terms.items()
    powers = [exponent for base, exponent in monomial.factors if base == Z]
    rest = frozenset(f for f in monomial.factors if f[0] != Z)
    if len(powers) != 1 or any(base.depends_on(Z) for base, _ in rest):
        return None
    return as_expression({Monomial(rest): coefficient}), powers[0]


def _judged(
    question: Question,
    found: Tail,
    reason: str,
    profile: Expression,
    determinant: Expression | None = None,
) -> Integral | None:
    if found is Tail.UNKNOWN:
        return Integral(Outcome.UNKNOWN, reason)
    if found is Tail.INFINITE:
        return Integral(Outcome.INFINITE, reason)
    if not question.is_free(profile):
        return Integral(Outcome.FINITE, reason)
    if determinant is None:
        return Integral(Outcome.CLOSED, reason)
    return Integral(Outcome.CLOSED, reason, Product((HALF, determinant)))


def _dominated(question: Question) -> Integral | None:
    """Terms that are never negative only help: what is left without them is integrable."""
    helpful = [
        monomial
        for monomial, coefficient in question.terms.items()
        if never_negative(entry_signs(as_expression({monomial: coefficient})))
    ]
    others = {m: c for m, c in question.terms.items() if m not in helpful}
    quadratic = {m: c for m, c in question.terms.items() if m not in question.split.other}
    kept_sets = [quadratic] if set(question.split.other) <= set(helpful) else []
    if len(helpful) <= _MOST_DROPPED:
        kept_sets += [{**others, m: question.terms[m]} for m in helpful]
    for kept in kept_sets:
        if not kept or len(kept) == len(question.terms):
            continue
        found = integrate(question.x, kept, question.outside, DIRECT)
        if found.outcome in (Outcome.CLOSED, Outcome.FINITE) and not found.assumptions:
            reason = f"{found.reason}, and the other terms are nonnegative"
            is_free = question.is_free(question.energy)
            return Integral(Outcome.CLOSED if is_free else Outcome.FINITE, reason)
    return None


def _shifted(question: Question) -> Integral | None:
    r"""$\int e^{-f(X - m)}dX = \int e^{-f(Y)}dY$ for a centre m that depends on the outside."""
    x, energy = question.x, question.energy
    on_circle = x.domain.kind == "circle" and is_periodic(energy, x)
    if not (x.domain.kind == "real" or on_circle) or question.is_free(energy):
        return None
    for centre in centres(question.x, question.energy):
        moved = _changed(question, Sum((question.x, centre)), _NOT_SHIFTED)
        if moved is not None:
            return moved
    return None


def _scaled(question: Question) -> Integral | None:
    r"""$\int e^{-f(X / s)}dX = s\int e^{-f(Y)}dY$ for a scale s > 0 that depends on the outside."""
    x = question.x
    if x.shape or x.domain.kind not in ("real", "positive") or question.is_free(question.energy):
        return None
    for scale in scales(x, question.energy):
        stretched = _changed(question, Product((scale, x)), DIRECT)
        if stretched is not None:
            energy = Sum((stretched.energy, Negation(_log(scale))))
            return Integral(stretched.outcome, stretched.reason, energy, stretched.assumptions)
    return None


def _abstracted(question: Question) -> Integral | None:
    """Sums of outside variables count as one variable each, and keep together that way."""
    abstract = abstraction(question.x, question.terms, question.outside)
    if abstract is None:
        return None
    energy, meanings = abstract
    outside = question.outside | frozenset(meanings)
    found = integrate(question.x, expand(energy), outside, _NOT_ABSTRACTED)
    if found.outcome is not Outcome.CLOSED:
        return None
    closed = substituted(found.energy, dict(meanings))
    return Integral(found.outcome, found.reason, closed, found.assumptions)


def _in_the_logarithm(question: Question) -> Integral | None:
    r"""$\int_0^\infty e^{-f(\log x)}dx = \int e^{-f(u) + u}du$, such as log-normal laws."""
    x = question.x
    if x.shape or x.domain.kind != "positive":
        return None
    u = Variable(f"log_{x.name}_", (), None, REAL)
    try:
        energy = substituted(question.energy, {Elementwise("log", x): u})
    except Unsupported:
        return None
    if energy.depends_on(x):
        return None
    found = integrate(u, expand(Sum((energy, Negation(u)))), question.outside, _NOT_ABSTRACTED)
    return None if found.outcome is Outcome.UNKNOWN else found


def _changed(
    question: Question, image: Expression, families: tuple[Family, ...]
) -> Integral | None:
    """The closed form after the change of variables X = image."""
    x = question.x
    try:
        terms = expand(substituted(question.energy, {x: image}))
    except (TooLarge, Unsupported):
        return None
    mine = {m: c for m, c in terms.items() if involves(m, x)}
    rest = {m: c for m, c in terms.items() if m not in mine}
    if not question.is_free(as_expression(mine)):
        families = tuple(f for f in families if f in _CLOSED_FORMS or f is _scaled)
    found = integrate(x, mine, question.outside, families)
    if found.outcome is not Outcome.CLOSED:
        return None
    energy = Sum((found.energy, as_expression(rest)))
    return Integral(found.outcome, found.reason, energy, found.assumptions)


#: Closed forms that outside variables may enter.
_CLOSED_FORMS: tuple[Family, ...] = (_gaussian, _power, _log_gamma, _elliptical)
#: In this order; the first that gives a closed form or an infinite integral answers.
DIRECT: tuple[Family, ...] = (
    _absent,
    _gaussian,
    _unknown_function,
    _power,
    _log_gamma,
    _elliptical,
    _one_dimension,
    _dominated,
)
_NOT_SHIFTED = (*DIRECT, _scaled)
_NOT_ABSTRACTED = (*_NOT_SHIFTED, _shifted, _in_the_logarithm)
FAMILIES = (*_NOT_ABSTRACTED, _abstracted)
