"""Other problems of which a problem is a case, and what their checks say of it.

Checked by: tests/verifier/test_row_sums.py, tests/verifier/test_assumed_inequalities.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.rewriting import INTERNAL, substituted
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.expression import Expression, Negation, Sum
from sdekit.declaration.tree.symbols import Parameter
from sdekit.verifier.declared_facts import contradiction, gap_of, gap_symbol
from sdekit.verifier.question import Problem
from sdekit.verifier.solved_inequalities import solved_parameters
from sdekit.verifier.verdict import Check, Witness


@dataclass(frozen=True)
class Reading:
    """A problem of which another one is a case, so that proofs hold for that one as well.

    Attributes:
        problem: The more general problem.
        words: What its functions stand for, by their text.
        without: The problem without sums over pairs: what is assumed of the functions has to be
            possible, and as differences say nothing about the place of all rows together, the
            rest has to have a law. None where there are no such sums.
        may_not_vanish: Whether what is declared excludes that the sums over pairs are zero.
        images: What parameters of the case are in terms of those of the problem.
        is_case: False where it is the problem itself, so that what it says is said.
    """

    problem: Problem
    words: Mapping[str, str] = field(default_factory=dict)
    without: Problem | None = None
    may_not_vanish: bool = False
    images: Mapping[Parameter, Expression] = field(default_factory=dict)
    is_case: bool = True

    def claim(self, check: Check) -> Check | None:
        """What its check says of the case; None if that is nothing."""
        if not self.is_case:
            return check
        if check.is_refuted and self.images and not self.words and check.witness is not None:
            witness = _translated(check.witness, self.images)
            return None if witness is None else replace(check, witness=witness)
        if not check.is_proved:
            return None
        if self.without is not None and check.assumed:
            return self._without_pairs(check)
        rest = self.without if check.assumptions else None
        if rest is not None and not rest.check("normalizable").is_proved:
            return None
        return self._in_words(check)

    def _without_pairs(self, check: Check) -> Check | None:
        """A proof up to explosion, where functions of differences that are zero leave none.

        A choice of a function of the block is seldom one of a function of differences; zero is.
        """
        from sdekit.verifier.rungs.non_explosion import ASSUMED

        assert self.without is not None
        if check.assumed != ASSUMED or self.may_not_vanish:
            return None
        outright = self.without.check("non_explosion")
        if not outright.is_proved or outright.assumed or outright.assumptions:
            return None
        reason = f"open in general; where sums over pairs are zero: {outright.reason}"
        return self._in_words(replace(check, reason=reason, evidence=None))

    def _in_words(self, check: Check) -> Check:
        """The check as the declaration has it written."""

        def written(text: str) -> str:
            for name, meaning in self.words.items():
                text = text.replace(name, meaning)
            return text

        assumptions = tuple(written(one) for one in check.assumptions)
        return replace(check, reason=written(check.reason), assumptions=assumptions)


def with_assumptions_solved(reading: Reading) -> list[Reading]:
    """The reading for all gaps of the assumed inequalities, where some could be solved."""
    images = solved_parameters(reading.problem.declared.assume)
    if not images:
        return []
    declared = reading.problem.declared
    freed = declared.rewritten(lambda e: substituted(e, images), keeps_assumptions=False)
    return [replace(reading, problem=Problem(freed, reading.problem.sizes), images=images)]


def with_gaps_freed(reading: Reading) -> list[Reading]:
    """The reading with a symbol of its own wherever a gap is written, where one is.

    For 0 < w < 1 the place of 1 - w is taken by any positive number, whatever w > 0 is. What is
    proved for all of these is proved for 1 - w among them; what is refuted need not be false.

    Checked by: tests/verifier/test_assumed_inequalities.py.
    """
    declared = reading.problem.declared
    if contradiction(declared.assume) is not None:
        return []
    parts = (*declared.drift.values(), *declared.diffusion.values())
    energies = (e for e in (declared.hamiltonian, declared.target) if e is not None)
    sums = {n for part in (*parts, *energies) for n in part.walk() if _is_constant_sum(n)}
    images: dict[Any, Expression] = {}
    for number, fact in enumerate(declared.assume):
        gap, symbol = gap_of(fact), gap_symbol(fact, number)
        images |= {node: symbol for node in sums if not expand(Sum((node, Negation(gap))))}
        images |= {node: Negation(symbol) for node in sums if not expand(Sum((node, gap)))}
    if not images:
        return []
    freed = declared.rewritten(lambda e: substituted(e, images), keeps_assumptions=False)
    return [replace(reading, problem=Problem(freed, reading.problem.sizes))]


def _is_constant_sum(node: Expression) -> bool:
    return isinstance(node, Sum) and not node.shape and not node.varies


def _translated(witness: Witness, images: Mapping[Parameter, Expression]) -> Witness | None:
    """The witness with the values of the parameters in the place of those of the gaps."""
    from sdekit.declaration.model.component_reader import ComponentReader

    given = dict(witness.point)
    for s, image in images.items():
        scalar = ComponentReader({}).scalar(image)
        values = {z: given.setdefault(str(z), "1") for z in scalar.free_symbols}
        try:
            value = scalar.xreplace({z: _rational(text) for z, text in values.items()})
            given[s.name] = str(Fraction(str(value)))
        except (ValueError, ZeroDivisionError, Unsupported):
            return None
    # Values that the witness leaves open are given, since others depend on them.
    point = {name: text for name, text in given.items() if not name.startswith(INTERNAL)}
    return replace(witness, point=point)


def _rational(text: str) -> object:
    import sympy as sp

    return sp.Rational(*Fraction(text).as_integer_ratio())
