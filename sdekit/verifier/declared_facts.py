"""What a model declares beyond its symbols: inequalities of parameters, properties of functions.

`assume` and properties such as `convex` narrow a claim: a refutation stands only where its witness
fulfils them. A convex function is above a plane, a Lipschitz one above $-L|x|$, and a coercive one
is bounded below and tends to infinity. Not for inequalities in proofs (`solved_inequalities`).

Checked by: tests/verifier/test_declared_facts.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from sdekit.calculus.expansion.expand import collected
from sdekit.calculus.expansion.monomial_sums import TooLarge
from sdekit.calculus.expansion.rewriting import INTERNAL, substituted, summands
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.bounded import is_bounded
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.sign_values import (
    NEGATIVE,
    NONNEGATIVE,
    POSITIVE,
    UNKNOWN,
    Signs,
    never_negative,
    opposite,
)
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.tree.abbreviations import Comparison, EachRow
from sdekit.declaration.tree.expression import (
    Call,
    Dot,
    Elementwise,
    Expression,
    Negation,
    Ones,
    Power,
    Product,
    Sum,
)
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import PROPERTIES, Parameter, Variable
from sdekit.verifier.currents.smoothness import may_be_undefined
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Verdict, Witness, undecided


def within_declaration(check: Check, problem: Problem) -> Check:
    """The check; undecided if its counterexample was not seen to respect the declaration."""
    dynamics = problem.dynamics
    impossible = contradiction(dynamics.assume)
    if impossible is not None:
        return undecided(impossible)
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


def with_gaps_named(expression: Expression, facts: Sequence[Comparison]) -> Expression:
    """The expression with symbols for what stands under roots and is assumed not to be negative.

    Under rho^2 <= 1 the root of 1 - rho^2 is that of a nonnegative number, and so is that of what
    is seen to be larger.
    """
    below = {node.operand for node in expression.walk() if isinstance(node, Elementwise)}
    below |= {node.base for node in expression.walk() if isinstance(node, Power)}
    images: dict[Any, Expression] = {}
    for number, fact in enumerate(facts):
        gap, symbol = gap_of(fact), gap_symbol(fact, number)
        images |= {part: symbol for part in below if _is_at_least(part, gap)}
    return substituted(expression, images)


def _is_at_least(one: Expression, other: Expression) -> bool:
    # The symbol hides what stands inside: roots there are judged first.
    if one.shape or other.shape or may_be_undefined(one):
        return False
    try:
        return never_negative(decided_signs(collected(Sum((one, Negation(other))))))
    except (Unsupported, TooLarge):
        return False


def gap_of(fact: Comparison) -> Expression:
    """The larger side minus the smaller one."""
    sides = (fact.left, fact.right) if ">" in fact.relation else (fact.right, fact.left)
    return Sum((sides[0], Negation(sides[1])))


def gap_symbol(fact: Comparison, number: int) -> Parameter:
    """A symbol for the gap of the inequality with this number."""
    sign = "nonnegative" if "=" in fact.relation else "positive"
    return Parameter(f"{INTERNAL}gap_{number + 1}", (), frozenset({sign}))


def contradiction(facts: Sequence[Comparison]) -> str | None:
    """Why no parameters fulfil all inequalities, where one alone or the sum of two tells."""
    gaps = [(fact, gap_of(fact)) for fact in facts]
    for k, (one, gap) in enumerate(gaps):
        for other, second in gaps[k:]:
            try:
                signs = decided_signs(collected(Sum((gap, second))))
            except (Unsupported, TooLarge):
                continue
            is_strict = "=" not in one.relation or "=" not in other.relation
            if signs == NEGATIVE or (is_strict and 1 not in signs):
                both = " and ".join(dict.fromkeys(map(repr, (one, other))))
                return f"no parameters fulfil {both}, so that nothing is claimed"
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
        found = opposite(found)
    return found <= (POSITIVE if fact.relation in ("<", ">") else NONNEGATIVE)


def below_functions(energy: Expression) -> Expression | None:
    """An energy with a bound from below in the place of each unknown function.

    For convex U with a positive factor, U >= c + b.x for some b; an even one is least at 0, and a
    coercive one is above c |x| - C with c > 0. For Lipschitz U of any factor, exp(-U) is at most a
    finite sum of exp(c - b.x). So exp(-energy) is integrable, and a definite
    quadratic beside U tends to infinity, if that holds with b.x for every b.

    Returns:
        None if a function stands elsewhere, or was declared to be neither.
    """
    kept: list[Expression] = []
    for number, part in enumerate(summands(energy)):
        call, sign = _multiple_of_call(part)
        if call is None:
            if any(isinstance(node, (Call, EachRow)) for node in part.walk()):
                return None
            kept.append(part)
            continue
        lower = _lower_bound(call, sign, number)
        if lower is None:
            return None
        kept += lower
    return Sum((ZERO, *kept))


def _lower_bound(call: Call | EachRow, sign: Signs, number: int) -> list[Expression] | None:
    """What the function times its factor is above, up to a constant; None if nothing is known."""
    declared = call.function.assumptions
    if "bounded" in declared:
        return []
    rises = "convex" in declared and sign == POSITIVE
    if rises and "even" in declared and "coercive" not in declared:
        return []
    # A sum over rows: sum |x_i| >= |X|, and planes in the rows are planes in X.
    arguments = (call.operand,) if isinstance(call, EachRow) else call.arguments
    inside = {x for argument in arguments for x in argument.variables}
    if not (rises or "lipschitz" in declared) or any(x.domain.kind != "real" for x in inside):
        return None
    if rises and "coercive" in declared:
        squares = (Dot(z, z) if z.shape else Product((z, z)) for z in arguments)
        slope = Parameter(f"{INTERNAL}slope_{number}", (), frozenset({"positive"}))
        return [Product((slope, Elementwise("sqrt", Sum((ONE, *squares)))))]
    slopes = [Parameter(f"{INTERNAL}slope_{number}_{k}", z.shape) for k, z in enumerate(arguments)]
    return [
        Dot(slope, z) if z.shape else Product((slope, z))
        for slope, z in zip(slopes, arguments, strict=True)
    ]


def is_coercive(energy: Expression, variables: Sequence[Variable]) -> bool:
    """Whether coercive functions, beside what is bounded below, take it to infinity."""
    reached: set[Expression] = set()
    for part in summands(energy):
        call, sign = _multiple_of_call(part)
        is_call = isinstance(call, Call)
        if is_call and "coercive" in call.function.assumptions and sign == POSITIVE:
            reached |= set(call.arguments)
        elif not (is_bounded(part) or never_negative(entry_signs(part)) or _has_minimum(part)):
            return False
    return all(x in reached or x.domain.kind in ("circle", "interval") for x in variables)


def _has_minimum(part: Expression) -> bool:
    """Whether it is a positive multiple of an even convex function, which is least at 0."""
    call, sign = _multiple_of_call(part)
    return call is not None and sign == POSITIVE and {"even", "convex"} <= call.function.assumptions


def _multiple_of_call(part: Expression) -> tuple[Call | EachRow | None, Signs]:
    """U(x), or the sum of U over all rows, and the sign of its constant factor."""
    factors = part.factors if isinstance(part, Product) else (part,)
    calls = [f for f in factors if any(isinstance(node, (Call, EachRow)) for node in f.walk())]
    rest = Product((ONE, *(f for f in factors if f not in calls)))
    if len(calls) != 1 or calls[0].shape or rest.varies:
        return None, UNKNOWN
    match calls[0]:
        case Call():
            return calls[0], entry_signs(rest)
        case Dot(left=EachRow(is_paired=False) as each, right=Ones()):
            return each, entry_signs(rest)
    return None, UNKNOWN
