"""Families of designs: their values, what is free in them, and the conditions of their proof.

Free coefficients get the first signs with which the verifier proves the family; where D is not
positive semidefinite for all parameters, the inequalities that it asks for are assumed of them. Not
for solving (`ansatz`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sdekit.calculus.contraction import Tensor, contract, is_zero, lower
from sdekit.calculus.contraction.rules.powers import reciprocal
from sdekit.calculus.contraction.rules.rational import Fractions
from sdekit.calculus.contraction.tensor import eye, zero
from sdekit.calculus.expansion.rewriting import substituted
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import NEGATIVE, POSITIVE
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.expression_text import grammar_text
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import negate
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.designer.matching import System
from sdekit.verifier.ladder import verify
from sdekit.verifier.verdict import Verdict, Verification

#: Free coefficients of which every combination of signs is tried; the others are positive then.
_MOST_SIGNS = 3


class Unverified(NamedTuple):
    """Values, free coefficients, and the dynamics with the values."""

    values: dict[str, Expression]
    free: list[Parameter]
    dynamics: Dynamics


@dataclass(frozen=True)
class Solution:
    """A family of designs.

    Attributes:
        values: Each solved unknown in terms of the free ones, the parameters and the sizes.
        free: Coefficients that may take any value that the conditions allow.
        conditions: What the free coefficients and parameters must fulfil for the verdict, such as
            "c > 0".
        dynamics: The declaration with the values put in.
        verification: The verdict about it.
    """

    values: Mapping[str, Expression]
    free: tuple[str, ...]
    conditions: tuple[str, ...]
    dynamics: Dynamics
    verification: Verification

    @property
    def is_proved(self) -> bool:
        """Whether every claim is proved."""
        return self.verification.verdict is Verdict.PROVED

    @property
    def is_refuted(self) -> bool:
        """Whether a claim is refuted for some values of what is free."""
        return self.verification.verdict is Verdict.REFUTED

    def to_dict(self) -> dict[str, object]:
        """The family as plain data; the dynamics as a model file."""
        return {
            "values": {name: grammar_text(value) for name, value in self.values.items()},
            "free": list(self.free),
            "conditions": list(self.conditions),
            "verdict": self.verification.verdict.value,
            "model": self.dynamics.to_toml(),
        }

    def __str__(self) -> str:
        lines = [f"{name} = {grammar_text(value)}" for name, value in self.values.items()]
        if self.free:
            lines.append(f"free: {', '.join(self.free)}")
        return "\n".join([*lines, *(f"where {condition}" for condition in self.conditions)])


def verified(found: Sequence[Unverified], declared: Mapping[str, frozenset[int]]) -> list[Solution]:
    """The families that are not refuted for all values of what is free.

    Args:
        found: Solutions of the equations.
        declared: The signs that are declared of unknowns, by name.

    Checked by: tests/designer/test_solution.py.
    """
    solutions = (_family(solution, declared) for solution in found)
    return [s for s in solutions if s is not None and (s.free or not s.is_refuted)]


def with_values(dynamics: Dynamics, values: Mapping[Expression, Expression]) -> Dynamics:
    """The dynamics with expressions in the place of parameters and functions."""
    return dynamics.rewritten(lambda expression: substituted(expression, values))


def _family(given: Unverified, declared: Mapping[str, frozenset[int]]) -> Solution | None:
    """A family under the first conditions with which it is proved.

    None where a value has not the sign that is declared.
    """
    loose = [weight for weight in given.free if not weight.assumptions]
    tried: list[Solution] = []
    for signs in _choices(len(loose)):
        signed = _with_signs(given, dict(zip(loose, signs, strict=True)), declared)
        if signed is None:
            continue
        if signed.is_proved:
            return signed
        tried.append(signed)
    # Without signs, or with all positive.
    assumed: list[Solution] = []
    for solution in tried[:2]:
        found = _with_conditions(solution) if solution.is_refuted else None
        if found is not None and found.is_proved:
            return found
        assumed += [] if found is None else [found]
    return next(iter((*assumed, *tried)), None)


def _choices(count: int) -> Iterator[tuple[int, ...]]:
    """No signs, and then combinations of them, all positive first."""
    yield (0,) * count
    few = min(count, _MOST_SIGNS)
    for signs in itertools.product((1, -1), repeat=few) if count else ():
        yield (*signs, *(1,) * (count - few))


def _with_signs(
    given: Unverified, signs: Mapping[Parameter, int], declared: Mapping[str, frozenset[int]]
) -> Solution | None:
    """The family with signs of its free coefficients: a negative one is minus a positive one."""
    named = {w: w.name for w in given.free}
    taken = {*given.dynamics.names, *named.values()}
    images: dict[Expression, Expression] = {}
    for weight, sign in signs.items():
        if sign < 0:
            named[weight] = f"{weight.name}_minus"
            while named[weight] in taken:
                named[weight] += "_"
        positive = Parameter(named[weight], (), frozenset({"positive"}))
        images |= {weight: positive if sign > 0 else negate(positive)} if sign else {}
    new = {name: substituted(value, images) for name, value in given.values.items()}
    new |= {w.name: images[w] for w, sign in signs.items() if sign < 0}
    signs_of = {name: entry_signs(new[name]) for name in declared if name in new}
    if any(not signs_of[name] & declared[name] for name in signs_of):
        return None
    conditions = [f"{named[w]} > 0" for w, sign in signs.items() if sign]
    conditions += [
        f"{grammar_text(new[name])} {'>=' if 0 in declared[name] else '>'} 0"
        for name in signs_of
        if not signs_of[name] <= declared[name]
    ]
    dynamics = with_values(given.dynamics, images)
    return Solution(new, tuple(named.values()), tuple(conditions), dynamics, verify(dynamics))


# ---------------------------------------------------------------- D positive semidefinite


def _with_conditions(solution: Solution) -> Solution | None:
    """The family where D is semidefinite under inequalities of parameters; None if refuted."""
    if not solution.verification.checks["diffusion_psd"].is_refuted:
        return None
    try:
        needed = noise_conditions(solution.dynamics)
    except Unsupported:
        return None
    if not needed:
        return None
    for sign, facts in (
        (">=", [expression >= 0 for expression in needed]),
        (">", [expression > 0 for expression in needed]),
    ):
        assume = (*solution.dynamics.assume, *facts)
        dynamics = solution.dynamics.changed({"assume": assume})
        told = (f"{grammar_text(expression)} {sign} 0" for expression in needed)
        conditions = tuple(dict.fromkeys((*solution.conditions, *told)))
        found = Solution(solution.values, solution.free, conditions, dynamics, verify(dynamics))
        if found.is_proved:
            return found
    return None if found.is_refuted else found


def noise_conditions(dynamics: Dynamics) -> list[Expression]:
    """What must not be negative for D: entries and minors of two blocks that are numbers.

    Args:
        dynamics: Whose blocks of D are read where they are multiples of the identity by
            parameters.

    Returns:
        Polynomials in the parameters, without factors that are known to be positive; empty where
        one of them is negative.

    Raises:
        Unsupported: If D is outside the calculus.

    Checked by: tests/designer/test_solution.py.
    """
    scales: dict[tuple[Variable, Variable], Tensor] = {}
    for (x, y), block in dynamics.ito().diffusion.items():
        scale = _scale(lower(block, x.shape + y.shape), x) if x.shape == y.shape else None
        if scale is not None:
            scales[x, y] = scale
    minors = [scale for (x, y), scale in scales.items() if x == y]
    for (x, y), scale in scales.items():
        if x != y and {x, y} <= {a for a, b in dynamics.ito().diffusion if a == b}:
            if (x, x) in scales and (y, y) in scales:
                minors.append(scales[x, x] * scales[y, y] - scale * scale)
        elif x != y:
            return []
    needed = [_needed(minor) for minor in minors]
    if None in needed:
        return []
    return list(dict.fromkeys(e for group in needed if group is not None for e in group))


def _scale(block: Tensor, x: Variable) -> Tensor | None:
    """c of a block c I with a number c that the state does not enter."""
    if x.shape:
        labels, identity = range(block.ndim), eye(x.shape)
        count = contract(identity, labels, identity, labels, ())
        scale = contract(block, labels, identity, labels, ()) * reciprocal(count)
        if not is_zero(block - scale * identity):
            return None
    else:
        scale = block
    return None if scale.depends else scale


def _needed(scalar: Tensor) -> list[Expression] | None:
    """The factors of a scalar whose product must be >= 0, as one polynomial; None if it cannot."""
    fractions = Fractions.of(scalar + zero())
    ring, parts = fractions.ring, tuple(fractions.variables)
    system = System((), (), ring, parts, (), (), True)
    one = product = ring.constant(1)
    for polynomial in fractions.reduced(scalar):
        if polynomial.is_zero():
            return []
        content, factors = polynomial.factor()
        product = -product if content < 0 else product
        for factor, exponent in factors:
            signs = entry_signs(system.expression((factor, one))) if exponent % 2 else POSITIVE
            if signs == NEGATIVE:
                product = -product
            elif signs != POSITIVE:
                product = product * factor
    if product.is_constant():
        return [] if product == one else None
    return [system.expression((product, one))]
