r"""The integral of exp(-Q) over one block: in closed form, finite, infinite, or not known.

Closed form means $\int e^{-Q(X, \cdot)}dX = \text{const}\cdot e^{-F}$ with F free of X; each family
below is a record of `FAMILIES` with its theorem in its docstring. Everything holds for every size
of the block. Not for the order in which blocks are integrated out (`elimination`).
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.growth import Z
from sdekit.calculus.expansion.monomial_sums import Terms, TooLarge, as_expression
from sdekit.calculus.expansion.rewriting import INTERNAL, substituted
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import never_negative
from sdekit.declaration.tree.domains import REAL
from sdekit.declaration.tree.expression import (
    Elementwise,
    Expression,
    Negation,
    Number,
    Product,
    Quotient,
    Sum,
)
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.currents.periodicity import is_periodic
from sdekit.verifier.integrals.closed_forms import (
    absent,
    gaussian,
    log_gamma,
    power_law,
    unknown_function,
)
from sdekit.verifier.integrals.location_scale import abstraction, centres, scales
from sdekit.verifier.integrals.quadratic import involves, split_by
from sdekit.verifier.integrals.questions import (
    HALF,
    Family,
    Integral,
    Outcome,
    Question,
    coordinates,
    log_of,
)
from sdekit.verifier.integrals.shapes import radial_integral, univariate_integral
from sdekit.verifier.integrals.tails import Tail

#: Nonnegative terms are dropped one at a time only where there are few.
_MOST_DROPPED = 6

_NO_THEOREM = Integral(Outcome.UNKNOWN, "no theorem applies to its terms")


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

    Checked by: tests/verifier/integrals/test_block_integrals.py.
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
        factor = Product((Quotient(size, Number(degree)), log_of(scale)))
        return Integral(Outcome.CLOSED, reason, Sum((Product((HALF, determinant)), factor)))
    return _judged(question, found, reason, profile, determinant)


def _pure_power(profile: Expression) -> tuple[Expression, Fraction] | None:
    """(a, m) of a Z**m with a free of Z."""
    terms = expand(profile)
    if len(terms) != 1:
        return None
    ((monomial, coefficient),) = terms.items()
    mine, rest = monomial.parted(Z)
    if len(mine) != 1 or mine[0][0] != Z:
        return None
    return as_expression({rest: coefficient}), mine[0][1]


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


def _on_the_whole_line(question: Question) -> Integral | None:
    """A Gaussian is integrable on a half-line, and so on a product of them, as on the line."""
    x = question.x
    if x.domain.kind != "positive" or question.split.other or not question.split.hessian:
        return None
    whole = replace(x, domain=REAL)
    terms = expand(substituted(question.energy, {x: whole}))
    found = gaussian(Question(whole, terms, split_by(terms, whole), question.outside))
    if found is None or found.outcome not in (Outcome.CLOSED, Outcome.FINITE):
        return None
    is_free = question.is_free(question.energy)
    return Integral(Outcome.CLOSED if is_free else Outcome.FINITE, f"{found.reason}, cut off")


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
            energy = Sum((stretched.energy, Negation(log_of(scale))))
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
    u = Variable(f"{INTERNAL}log_{x.name}", (), None, REAL)
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
_CLOSED_FORMS: tuple[Family, ...] = (gaussian, power_law, log_gamma, _elliptical)
#: In this order; the first that gives a closed form or an infinite integral answers.
DIRECT: tuple[Family, ...] = (
    absent,
    gaussian,
    unknown_function,
    power_law,
    log_gamma,
    _elliptical,
    _one_dimension,
    _on_the_whole_line,
    _dominated,
)
_NOT_SHIFTED = (*DIRECT, _scaled)
_NOT_ABSTRACTED = (*_NOT_SHIFTED, _shifted, _in_the_logarithm)
FAMILIES = (*_NOT_ABSTRACTED, _abstracted)
