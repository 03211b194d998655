"""What a model declares beyond its symbols: inequalities of parameters, properties of functions.

`assume` and properties such as `convex` narrow a claim: a refutation stands only where its witness
fulfils them. In a proof an inequality is solved for one of its parameters, whose place a gap of
known sign takes: a > m becomes m = a - gap. Not for properties of functions in a proof.

Checked by: tests/verifier/test_declared_facts.py.
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.monomial_sums import TooLarge, as_expression
from sdekit.calculus.expansion.rewriting import INTERNAL, substituted
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.tree.abbreviations import Comparison
from sdekit.declaration.tree.expression import Expression, Negation, Quotient, Sum
from sdekit.declaration.tree.symbols import PROPERTIES, Parameter, Variable
from sdekit.verifier.integrals.quadratic import split_by
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Verdict, Witness, undecided


def within_declaration(check: Check, problem: Problem) -> Check:
    """The check; undecided if its counterexample was not seen to respect the declaration."""
    dynamics = problem.dynamics
    if check.verdict is not Verdict.REFUTED:
        return check
    for fact in dynamics.assume:
        if check.witness is None or not _is_seen_to_hold(fact, check.witness, problem):
            return undecided(
                f"the counterexample found was not seen to fulfil the assumption {fact!r}"
            )
    narrowed = [f.name for f in dynamics.functions if f.assumptions & set(PROPERTIES)]
    if narrowed and (check.witness is None or _chooses(check.witness, narrowed)):
        names = ", ".join(narrowed)
        return undecided(f"the counterexample found chooses {names} without what is declared of it")
    return check


def with_assumptions_solved(problem: Problem) -> Problem | None:
    """The problem for all gaps of the assumed inequalities; None where none could be solved.

    Parameters that satisfy the inequalities are those that some gaps give, so that what is proved
    for all gaps is proved for them; what is refuted need not be false.
    """
    images: dict[Parameter, Expression] = {}
    for number, fact in enumerate(problem.declared.assume):
        sides = (fact.left, fact.right) if fact.relation in (">", ">=") else (fact.right, fact.left)
        sign = "positive" if fact.relation in ("<", ">") else "nonnegative"
        gap = Parameter(f"{INTERNAL}gap_{number + 1}", (), frozenset({sign}))
        found = _solved(substituted(Sum((sides[0], Negation(sides[1]))), images), gap)
        if found is not None:
            s, image = found
            images = {other: substituted(old, {s: image}) for other, old in images.items()}
            images[s] = image
    if not images:
        return None
    freed = problem.declared.rewritten(lambda e: substituted(e, images), keeps_assumptions=False)
    return Problem(freed, problem.sizes)


def _solved(gap: Expression, value: Parameter) -> tuple[Parameter, Expression] | None:
    """A parameter that the gap is linear in, and what it is where the gap has this value."""
    parameters = {s for s in gap.walk() if isinstance(s, Parameter) and s.value is None}
    for s in sorted(parameters, key=lambda s: (len(s.assumptions), s.name)):
        if s.shape or s.name.startswith(INTERNAL):
            continue
        place = Variable(f"{INTERNAL}place")
        try:
            split = split_by(expand(substituted(gap, {s: place})), place)
        except (Unsupported, TooLarge):
            continue
        if split.hessian or split.other or not split.linear:
            continue
        slope, rest = as_expression(split.linear), as_expression(split.constant)
        if 0 not in decided_signs(slope):
            return s, collected(Quotient(Sum((value, Negation(rest))), slope))
    return None


def _chooses(witness: Witness, names: list[str]) -> bool:
    """Whether the witness gives values of one of these functions, or of a derivative."""
    texts = (*witness.functions, *witness.functions.values(), *witness.point)
    return any(name in text for name in names for text in texts)


def _is_seen_to_hold(fact: Comparison, witness: Witness, problem: Problem) -> bool:
    import sympy as sp

    from sdekit.calculus.signs.sign import sign
    from sdekit.declaration.model.component_reader import ComponentReader

    try:
        sizes = problem.all_sizes({**(problem.sizes or {}), **witness.dimensions})
        gap: Expr = ComponentReader(sizes, problem.dynamics.names).scalar(fact.left - fact.right)
        values = {
            symbol: sp.Rational(*Fraction(witness.point[symbol.name]).as_integer_ratio())
            for symbol in gap.free_symbols
        }
        found = sign(gap.xreplace(values))
    except (KeyError, ValueError, Unsupported):
        return False
    if fact.relation in ("<", "<="):
        found = -found
    is_strict = fact.relation in ("<", ">")
    return found.is_nonnegative and (found.is_nonzero or not is_strict)
