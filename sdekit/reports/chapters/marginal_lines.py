r"""The marginal integral line by line: blocks, squares completed, each integral done.

Each line of a Gaussian block is checked by the index calculus before it is shown; what cannot be
checked stands as the reason of the verifier alone. Not for deciding the claim
(`sdekit.verifier.rungs.marginalization`).
Checked by: tests/reports/chapters/test_marginal_lines.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sdekit.calculus.contraction.lowering import lower
from sdekit.calculus.contraction.relations import difference_is_zero
from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import as_expression
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.latex import latex_text, rate_latex, symbol_latex
from sdekit.declaration.tree.expression import (
    Dot,
    Expression,
    Inverse,
    MatMul,
    Negation,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
)
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.reports.chapters.formulas import scope_of
from sdekit.reports.chapters.sentences import mathematics
from sdekit.reports.formats.document import Block, Derivation, Formula, Paragraph, Section, Step
from sdekit.verifier.integrals.closed_forms import multiple_of_identity
from sdekit.verifier.integrals.elimination import Elimination
from sdekit.verifier.integrals.elimination import Step as IntegralStep
from sdekit.verifier.integrals.quadratic import split_by
from sdekit.verifier.integrals.questions import coordinates
from sdekit.verifier.verdict import Verification

_TWO = Number(Fraction(2))
#: How an integral follows, by the reason of the verifier.
_THEOREMS = {
    "of Gamma type": r"$\int_{0}^{\infty} x^{-c} \, \mathrm{e}^{-r x^{m}} \, \mathrm{d}x = "
    r"\Gamma\left((1 - c)/m\right) \, r^{-(1 - c)/m} / \left|m\right|$",
    "the logarithm of a Gamma": r"with $y = \mathrm{e}^{b x}$ it is the integral of a Gamma law",
    "uniform on a bounded domain": "the integrand does not hold it; the domain has a finite length",
}


def marginal_section(
    verification: Verification, dynamics: Dynamics, found: Elimination | None
) -> Section | None:
    """What is integrated over, block by block, and what is left.

    Args:
        verification: The verdicts.
        dynamics: The declaration, in Ito form.
        found: The integrals that were done; None where the energy is beyond the expansion.
    """
    check = verification.checks.get("marginalization")
    hamiltonian, target = dynamics.hamiltonian, dynamics.target
    if check is None or hamiltonian is None or target is None or not dynamics.auxiliary_variables:
        return None
    names = ", ".join(f"${symbol_latex(x.name)}$" for x in dynamics.auxiliary_variables)
    measure = _measure(dynamics.auxiliary_variables)
    integral = rf"\int \mathrm{{e}}^{{-(H - \text{{target}})}} \, {measure}"
    blocks: list[Block] = [
        Paragraph(
            "The target is found by integrating over the auxiliary variables "
            f"{names}. Since the target does not hold them, the marginal is "
            r"$\mathrm{e}^{-\text{target}}$, up to a constant, exactly where this does not depend "
            "on the other variables:"
        ),
        Formula(integral),
        Formula(rf"H - \text{{target}} = {_excess(hamiltonian, target)}"),
    ]
    for number, step in enumerate(() if found is None else found.steps, 1):
        blocks += _step(step, number, dynamics)
    if found is not None and found.is_complete:
        blocks += _what_is_left(found, dynamics)
    said = mathematics(check.reason.rstrip("."), scope_of(dynamics))
    blocks.append(Paragraph(f"{check.verdict.value.capitalize()}: {said}."))
    return Section("The marginal, line by line", tuple(blocks))


def _excess(hamiltonian: Expression, target: Expression) -> str:
    """H - target as it is written: without the terms that cancel."""
    terms = list(hamiltonian.terms if isinstance(hamiltonian, Sum) else (hamiltonian,))
    less = target.terms if isinstance(target, Sum) else (target,)
    if any(terms.count(term) < less.count(term) for term in less):
        return rf"{latex_text(hamiltonian)} - \left({latex_text(target)}\right)"
    for term in less:
        terms.remove(term)
    return latex_text(Sum(tuple(terms)) if len(terms) > 1 else (*terms, ZERO)[0])


def _measure(blocks: tuple[Variable, ...]) -> str:
    return r" \, ".join(rf"\mathrm{{d}}{symbol_latex(x.name)}" for x in blocks)


def _step(step: IntegralStep, number: int, dynamics: Dynamics) -> list[Block]:
    """One block: its terms, and the integral over it."""
    names = ", ".join(f"${symbol_latex(x.name)}$" for x in step.blocks)
    lead = Paragraph(f"Integral {number}, over {names}. The terms that hold {names} are")
    energy = rf"Q_{{{number}}}"
    lines = [Step(energy, latex_text(step.energy))]
    square = None
    if len(step.blocks) == 1 and step.integral.reason == "Gaussian":
        square = _completed(step)
    if square is None:
        lines.append(_closed_form(step, energy, dynamics))
    else:
        lines += _gaussian(square, energy)
    return [lead, Derivation(tuple(lines))]


def _closed_form(step: IntegralStep, energy: str, dynamics: Dynamics) -> Step:
    """The integral where only its value is known, up to a constant."""
    measure, integral = _measure(step.blocks), step.integral
    scope = scope_of(dynamics)
    if integral.assumptions:
        reason = "; ".join(mathematics(one, scope) for one in integral.assumptions)
        status = "assumed"
    else:
        reason = _THEOREMS.get(integral.reason) or mathematics(integral.reason, scope)
        status = "proved"
    left = as_expression(expand(integral.energy))
    power = "" if left == ZERO else rf" \cdot \mathrm{{e}}^{{-\left({latex_text(left)}\right)}}"
    value = rf"\text{{const}}{power}"
    return Step(_integral(energy, measure), value, reason, is_result=True, status=status)


def _integral(energy: str, measure: str) -> str:
    return rf"\int \mathrm{{e}}^{{-{energy}}} \, {measure}"


@dataclass(frozen=True)
class _Square:
    """Q = (X - middle) . M (X - middle) / 2 + rest, M a matrix or scale times 1."""

    x: Variable
    matrix: Expression
    scale: Expression | None
    middle: Expression
    rest: Expression

    @property
    def form(self) -> Expression:
        """The part that is a square."""
        x, middle = self.x, self.middle
        away = as_expression(expand(Negation(middle)))
        y = x if middle == ZERO else Sum((x, away))
        if self.scale is None:
            return Quotient(Dot(y, MatMul(self.matrix, y)), _TWO)
        length = Dot(y, y) if x.shape else Power(y, _TWO)
        return Quotient(length if self.scale == ONE else Product((self.scale, length)), _TWO)


def _completed(step: IntegralStep) -> _Square | None:
    """The square of a Gaussian block, checked; None where it is not seen."""
    (x,) = step.blocks
    split = split_by(expand(step.energy), x)
    if split.other or split.constant or x.ndim > 1:
        return None
    matrix, linear = as_expression(split.hessian), as_expression(split.linear)
    scale = multiple_of_identity(split) if x.shape else matrix
    middle = rest = ZERO
    if split.linear and scale is not None:
        middle = as_expression(expand(Negation(Quotient(linear, scale))))
        length = Dot(linear, linear) if x.shape else Product((linear, linear))
        rest = as_expression(expand(Negation(Quotient(length, Product((_TWO, scale))))))
    elif split.linear:
        solved = MatMul(Inverse(matrix), linear)
        middle, rest = Negation(solved), Negation(Quotient(Dot(linear, solved), _TWO))
    found = _Square(x, matrix, scale, middle, rest)
    return found if _equal(step.energy, Sum((found.form, rest))) else None


def _gaussian(square: _Square, energy: str) -> list[Step]:
    """The completed square, and the Gaussian integral over it."""
    lines = []
    if square.rest != ZERO:
        less = as_expression(expand(Negation(square.rest)))
        shown = f"{latex_text(square.form)} - {rate_latex(less)}"
        lines.append(Step("", shown, "the square completed", status="proved"))
    size = latex_text(coordinates(square.x)) if square.x.shape else "1"
    if square.scale is None:
        determinant = rf"\left(\det {latex_text(square.matrix)}\right)^{{-1/2}}"
        value = rf"(2 \pi)^{{{size}/2}} \, {determinant}"
    else:
        ratio = "2 \\pi" if square.scale == ONE else rf"2 \pi / {_factor(square.scale)}"
        value = rf"\left({ratio}\right)^{{{size}/2}}"
    if square.rest != ZERO:
        # The sign of what the square leaves over turns in the exponent.
        power = latex_text(as_expression(expand(Negation(square.rest))))
        value += rf" \, \mathrm{{e}}^{{{power}}}"
    reason = "the Gaussian integral of a positive definite form"
    integral = _integral(energy, _measure((square.x,)))
    return [*lines, Step(integral, value, reason, is_result=True, status="proved")]


def _factor(expression: Expression) -> str:
    """An expression below a bar."""
    shown = latex_text(expression)
    return shown if isinstance(expression, Parameter) else rf"\left({shown}\right)"


def _equal(left: Expression, right: Expression) -> bool:
    try:
        return difference_is_zero(lower(left), lower(right))
    except Unsupported:
        return False


def _what_is_left(found: Elimination, dynamics: Dynamics) -> list[Block]:
    """-log of the whole integral, up to a constant."""
    left = as_expression(found.energy)
    said = (
        "Collected, minus the logarithm of the whole integral is, up to a constant that is the "
        "same for every parameter,"
    )
    moved = [x for x in dynamics.target_variables if left.depends_on(x)]
    names = ", ".join(f"${symbol_latex(x.name)}$" for x in dynamics.target_variables)
    held = "" if moved else f"It does not hold {names}."
    return [Paragraph(said), Formula(latex_text(left)), *([Paragraph(held)] if held else [])]
