"""That a counterexample respects what a model declares beyond its symbols.

`assume` and properties such as `convex` narrow a claim: a refutation stands only where its witness
fulfils them. Not for using them in a proof.

Checked by: tests/verifier/test_declared_facts.py.
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.tree.abbreviations import Comparison
from sdekit.declaration.tree.symbols import PROPERTIES
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
