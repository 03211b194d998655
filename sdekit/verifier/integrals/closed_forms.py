r"""Integrals in closed form: Gaussian, Gamma and log-Gamma blocks; assumptions about functions.

Each family answers one `questions.Question` or passes; its theorem stands in its docstring. Not
for the order in which families are tried (`integrals`).
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import Monomial, as_expression
from sdekit.calculus.expansion.rewriting import INTERNAL
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.forms import form_signs
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.sign_values import NEGATIVE, POSITIVE, Signs, never_negative
from sdekit.declaration.tree.expression import (
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
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.integrals.quadratic import Split, as_sum, split_by
from sdekit.verifier.integrals.questions import (
    HALF,
    Integral,
    Outcome,
    Question,
    coordinates,
    log_of,
)


def absent(question: Question) -> Integral | None:
    """A variable that Q does not hold: infinite mass on an unbounded domain."""
    if question.terms:
        return None
    if question.x.domain.kind in ("circle", "interval"):
        return Integral(Outcome.CLOSED, "uniform on a bounded domain")
    return Integral(Outcome.INFINITE, "H does not depend on it")


def gaussian(question: Question) -> Integral | None:
    r"""$\int e^{-\frac12 X\cdot M X - b\cdot X}dX = c\,(\det M)^{-1/2}e^{\frac12 b\cdot M^{-1}b}$.

    Exactly for positive definite M; infinite if M is not, for the outside variables near a point.
    """
    x, split = question.x, question.split
    if split.other or x.domain.kind != "real":
        return None
    if not split.hessian:
        return Integral(Outcome.INFINITE, "H is linear in it")
    matrix = as_expression(split.hessian)
    signs = _form_signs(split, matrix, x)
    if 1 not in signs:
        return Integral(Outcome.INFINITE, f"its quadratic form {matrix!r} is not positive definite")
    if signs != POSITIVE and not (never_negative(signs) and _vanishes_nowhere_dense(split, x)):
        return Integral(Outcome.UNKNOWN, f"Gaussian if {matrix!r} is positive definite")
    if not _adds_up(question):
        return None
    closed = _gaussian_energy(x, split, matrix)
    if closed is None:
        return Integral(Outcome.FINITE, "Gaussian")
    return Integral(Outcome.CLOSED, "Gaussian", closed)


def _form_signs(split: Split, matrix: Expression, x: Variable) -> Signs:
    signs = form_signs(matrix) if x.shape else decided_signs(matrix)
    scale = multiple_of_identity(split) if x.shape and {-1, 1} <= signs else None
    return signs if scale is None else decided_signs(scale)


def multiple_of_identity(split: Split) -> Expression | None:
    """c, where the quadratic form is c |X|^2."""
    if not all(isinstance(m.core, Eye) for m in split.hessian):
        return None
    return as_expression({Monomial(m.factors): c for m, c in split.hessian.items()})


def _adds_up(question: Question) -> bool:
    """The split by degree once more, by the index calculus where that can express it."""
    from sdekit.calculus.contraction.lowering import lower
    from sdekit.calculus.contraction.relations import difference_is_zero

    try:
        whole, parts = lower(question.energy), lower(as_sum(question.split, question.x))
        return difference_is_zero(whole, parts)
    except Unsupported:
        return True


def _vanishes_nowhere_dense(split: Split, x: Variable) -> bool:
    """Whether the coefficient of a scalar is a sum of even monomials of variables, with a plus.

    Such a sum is positive but for a null set of the outside variables, which no integral sees.
    """

    def is_positive_almost_everywhere(monomial: Monomial, coefficient: Fraction) -> bool:
        return coefficient > 0 and all(
            entry_signs(base) == POSITIVE or (_is_declared(base) and exponent % 2 == 0)
            for base, exponent in monomial.factors
        )

    return not x.shape and all(
        is_positive_almost_everywhere(m, c) for m, c in split.hessian.items()
    )


def _is_declared(base: Expression) -> bool:
    """A variable of the model; a named sum may vanish on more than a null set, as t + |t| does."""
    return isinstance(base, Variable) and not base.name.startswith(INTERNAL)


def _gaussian_energy(x: Variable, split: Split, matrix: Expression) -> Expression | None:
    linear = as_expression(split.linear)
    scale = multiple_of_identity(split) if x.shape else None
    if x.ndim == 0:
        determinant: Expression = Elementwise("log", matrix)
        square: Expression = Quotient(Product((linear, linear)), matrix)
    elif scale is not None:
        determinant = Product((coordinates(x), Elementwise("log", scale)))
        square = Quotient(Dot(linear, linear), scale) if split.linear else linear
    elif x.ndim == 1:
        determinant = LogDet(matrix)
        square = Dot(linear, MatMul(Inverse(matrix), linear)) if split.linear else linear
    else:
        return None
    return Sum((Product((HALF, determinant)), Negation(Product((HALF, square)))))


def unknown_function(question: Question) -> Integral | None:
    """An unknown function of x: finite by a stated assumption."""
    x, energy = question.x, question.energy
    if not any(isinstance(node, Call) and node.depends_on(x) for node in energy.walk()):
        return None
    assumption = f"exp(-({energy!r})) is integrable over {x.name}"
    outcome = Outcome.CLOSED if question.is_free(energy) else Outcome.FINITE
    return Integral(outcome, "integrable by assumption", assumptions=(assumption,))


def power_law(question: Question) -> Integral | None:
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
    if degree == 0:
        return None
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
        mine, rest = monomial.parted(x)
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


def log_gamma(question: Question) -> Integral | None:
    r"""$\int e^{-a e^{b x} + c x}dx \propto a^{-c/b}/|b|$ for a, c/b > 0 (the log of a Gamma)."""
    x, split = question.x, question.split
    if x.shape or x.domain.kind != "real" or split.hessian or len(split.other) != 1:
        return None
    ((monomial, coefficient),) = split.other.items()
    mine, rest = monomial.parted(x)
    if len(mine) != 1 or mine[0][1] != 1:
        return None
    base = mine[0][0]
    if not isinstance(base, Elementwise) or base.name != "exp":
        return None
    inner = split_by(expand(base.operand), x)
    if inner.constant or inner.hessian or inner.other:
        return None
    a = as_expression({rest: coefficient})
    b = as_expression(inner.linear)
    ratio = as_expression(expand(Quotient(Negation(as_expression(split.linear)), b)))
    if not question.is_free(ratio) or entry_signs(a) != POSITIVE:
        return None
    if entry_signs(ratio) != POSITIVE or entry_signs(b) not in (POSITIVE, NEGATIVE):
        return None
    energy = Sum((Product((ratio, log_of(a))), log_of(Elementwise("abs", b))))
    return Integral(Outcome.CLOSED, "the logarithm of a Gamma", energy)
