r"""Parts of an energy that need not be looked into, as unknown functions; choices that meet.

Detailed balance of $v = -D\nabla H$ holds for every H: where an energy is differentiated as it
stands in H, any smooth function may stand in its place, and what is zero for all of them is zero
for this one wherever it has derivatives. So potentials are allowed for which the index calculus
has no words, such as the largest entry of a vector. Not for kinks and poles (`regularity`).

where(a > b, x, y) with $y - x = \sum_{k\ge1} c_k (a - b)^k$ is the continuous function
$x + \sum_k c_k(-1)^k\,\mathrm{relu}(b - a)^k = y - \sum_k c_k\,\mathrm{relu}(a - b)^k$, of which
kinks and bounds are seen.
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import Terms, TooLarge, as_expression
from sdekit.calculus.expansion.rewriting import INTERNAL, substituted
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import never_negative
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation, EachRow
from sdekit.declaration.tree.operators import ONE
from sdekit.declaration.tree.symbols import FunctionSymbol, Variable

_LINE = Variable(f"{INTERNAL}line")
#: Coefficients of the powers of the gap.
Powers = list[tuple[int, ex.Expression]]
_SPECIAL = (ex.Elementwise, ex.LogDet, ex.Inverse, ex.Power, Abbreviation, EachRow)


def with_parts_as_functions(dynamics: Dynamics) -> Dynamics | None:
    """The dynamics with unknown functions for what is differentiated; None where nothing is.

    Args:
        dynamics: With a Hamiltonian. What vanishes for the result vanishes for it.

    Checked by: tests/verifier/pointwise/test_parts_as_functions.py.
    """
    terms: dict[ex.Expression, None] = {}
    for drift in dynamics.drift.values():
        for node in drift.walk():
            if isinstance(node, ex.Gradient) and not node.operand.shape:
                terms |= dict.fromkeys(filter(_is_special, _terms(node.operand)))
    images: dict[ex.Expression, ex.Expression] = {}
    for number, term in enumerate(terms):
        arguments = tuple(x for x in dynamics.variables if term.depends_on(x))
        function = FunctionSymbol(f"{INTERNAL}part_{number}", arguments)
        images[term] = ex.Call(function, arguments)
    if not images:
        return None
    return dynamics.rewritten(lambda e: substituted(e, images))


def _terms(energy: ex.Expression) -> list[ex.Expression]:
    match energy:
        case ex.Sum():
            return [part for term in energy.terms for part in _terms(term)]
        case ex.Negation():
            return _terms(energy.operand)
    return [energy]


def _is_special(term: ex.Expression) -> bool:
    return term.varies and any(isinstance(n, _SPECIAL) and n.varies for n in term.walk())


def has_choice(expression: ex.Expression) -> bool:
    """Whether `where` stands in it."""
    return any(isinstance(n, Abbreviation) and n.word == "where" for n in expression.walk())


def with_joined_choices(expression: ex.Expression) -> ex.Expression:
    """The expression with kinks in the place of `where` that is continuous by its powers.

    Checked by: tests/verifier/pointwise/test_parts_as_functions.py.
    """
    if not has_choice(expression):
        return expression
    inner = expression.rebuilt(
        lambda p: with_joined_choices(p) if isinstance(p, ex.Expression) else p
    )
    if not isinstance(inner, Abbreviation) or inner.word != "where":
        return inner
    try:
        joined = _joined(inner)
    except (Unsupported, TooLarge):
        return inner
    return inner if joined is None else joined


def _joined(node: Abbreviation) -> ex.Expression | None:
    """The continuous function; None where y - x has no powers of the gap alone."""
    left, right, inside, outside = node.arguments
    gap = ex.Sum((left, ex.Negation(right)))
    gap = ex.Negation(gap) if node.relation.startswith("<") else gap
    if gap.shape != node.shape:
        return None
    entries = _Entries()
    # Lengths first, so that even powers are read as theirs.
    gap_entry = entries.of(gap)
    difference = entries.of(ex.Sum((outside, ex.Negation(inside))))
    solved = entries.solved(expand(gap_entry))
    if solved is None:
        return None
    powers: Powers = []
    for monomial, coefficient in expand(substituted(difference, solved)).items():
        mine, rest = monomial.parted(_LINE)
        if len(mine) != 1 or mine[0][0] != _LINE or mine[0][1].denominator != 1 or mine[0][1] < 1:
            return None
        if any(exponent < 0 for _, exponent in rest.factors):
            return None
        powers.append((int(mine[0][1]), entries.back(as_expression({rest: coefficient}))))
    from_inside: Powers = [(k, ex.Product((ex.Number(Fraction(-1) ** k), c))) for k, c in powers]
    from_outside: Powers = [(k, ex.Negation(c)) for k, c in powers]
    if all(never_negative(entry_signs(c)) for _, c in from_outside):
        # What is added is never negative, which shows a bound from below.
        return _with_kinks(outside, gap, from_outside)
    return _with_kinks(inside, ex.Negation(gap), from_inside)


def _with_kinks(start: ex.Expression, gap: ex.Expression, powers: Powers) -> ex.Expression:
    beyond = ex.Elementwise("relu", gap)
    return ex.Sum((start, *(ex.Product((c, *(beyond,) * k)) for k, c in powers)))


class _Entries:
    """Tensors of one shape, entry by entry: a scalar in the place of each part that is no sum."""

    def __init__(self) -> None:
        self.places: dict[ex.Expression, Variable] = {}

    def of(self, expression: ex.Expression) -> ex.Expression:
        """The formula of one entry."""
        match expression:
            case ex.Number() | ex.Constant():
                return expression
            case ex.Ones():
                return ONE
            case ex.Sum() | ex.Negation() | ex.Product() | ex.Quotient():
                return expression.rebuilt(
                    lambda p: self.of(p) if isinstance(p, ex.Expression) else p
                )
            case ex.Power(exponent=ex.Number(value=k)) if k.denominator == 1 and k > 0:
                size = ex.Elementwise("abs", expression.base)
                base = size if k % 2 == 0 and size in self.places else expression.base
                return ex.Power(self.of(base), expression.exponent)
        name = f"{INTERNAL}entry_{len(self.places)}"
        return self.places.setdefault(expression, Variable(name))

    def solved(self, gap: Terms) -> dict[ex.Expression, ex.Expression] | None:
        """A place that the gap is linear in, where the gap has the value `_LINE`."""
        for place in self.places.values():
            mine = {m: c for m, c in gap.items() if as_expression({m: c}).depends_on(place)}
            if len(mine) != 1:
                continue
            ((monomial, coefficient),) = mine.items()
            own, others = monomial.parted(place)
            if own != ((place, Fraction(1)),):
                continue
            # Other factors cancel in polynomials of the whole product, or the choice is left.
            rest = as_expression({m: -c for m, c in gap.items() if m not in mine})
            scale = as_expression({others: coefficient})
            return {place: ex.Quotient(ex.Sum((_LINE, rest)), scale)}
        return None

    def back(self, formula: ex.Expression) -> ex.Expression:
        """The tensor whose entries the formula gives, for one product."""
        return substituted(formula, {place: part for part, place in self.places.items()})
