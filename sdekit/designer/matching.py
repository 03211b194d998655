"""Equations for unknown coefficients: a tensor vanishes if each independent part of it does.

Tensors are brought over common denominators, and the coefficient of every product of variables,
functions and contractions is a polynomial in the unknowns over the rational functions of scalar
parameters and sizes. Those products are independent for all n beyond a few. Not for solving the
equations (`solving`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import fmpq, fmpq_mpoly, fmpq_mpoly_ctx

from sdekit.calculus.contraction import Tensor, reduced
from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.heads import Head, Kind, tensors_in
from sdekit.calculus.contraction.rules.rational import Fractions
from sdekit.calculus.contraction.rules.reduction import coefficients
from sdekit.calculus.contraction.tensor import Term, ordered
from sdekit.calculus.limits import Unsupported, tick
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ONE, number
from sdekit.designer.raising import component_expression, in_order, ordered_sum, raised_to, scaled
from sdekit.designer.solving import SolvedCase, Value, families, maximal

#: What a coefficient may be a rational function of; constant kernels are such as sqrt(2).
_SCALARS = (Kind.PARAMETER, Kind.SIZE, Kind.KERNEL, Kind.VARIABLE, Kind.CALL)


@dataclass(frozen=True)
class System:
    """Polynomials that must vanish.

    Attributes:
        equations: Polynomials in the unknowns and in the generators of the coefficients.
        products: What each of them is the coefficient of, up to a common denominator.
        ring: Where they live.
        parts: The component that each generator of the ring stands for.
        unknowns: Position of each unknown among the generators; -1 where it does not occur.
        field: Positions of the generators that only the values of functions may contain.
        is_exact: Whether the products that were told apart are independent by themselves, so that
            equations without a solution prove that there is none.
    """

    equations: tuple[fmpq_mpoly, ...]
    products: tuple[Tensor, ...]
    ring: fmpq_mpoly_ctx
    parts: tuple[Component, ...]
    unknowns: tuple[int, ...]
    field: tuple[int, ...]
    is_exact: bool

    def expression(self, value: Value, times: Expression = ONE) -> Expression:
        """A rational function of the generators, in factors, times an expression."""
        (upper, above), (lower, below) = (part.factor() for part in value)
        weight = upper / lower
        if weight < 0:
            weight, above = _absorbed(weight, above)
        top = [self._polynomial(factor, e) for factor, e in above]
        bottom = [self._polynomial(factor, e) for factor, e in below]
        return scaled(
            int(weight.p),
            [*in_order(top), times],
            [number(Fraction(int(weight.q))), *in_order(bottom)],
        )

    def _polynomial(self, polynomial: fmpq_mpoly, exponent: int) -> Expression:
        terms = []
        for exponents, value in polynomial.to_dict().items():
            powers = zip(self.parts, exponents, strict=False)
            factors = [raised_to(component_expression(part), int(e)) for part, e in powers if e]
            terms.append(scaled(int(value.p), in_order(factors), [number(Fraction(int(value.q)))]))
        return raised_to(ordered_sum(terms), int(exponent))

    def families(
        self,
        nonzero: Sequence[int] = (),
        constant_from: int = 0,
        slopes: Sequence[tuple[int, int, int]] = (),
    ) -> list[SolvedCase]:
        """The solutions, without special cases of others.

        Args:
            nonzero: Numbers of the unknowns that must not vanish.
            constant_from: Number of the first unknown that is a constant; those before it may be
                functions of the generators `field`.
            slopes: Positions of a value, of its derivative, and of the variable of both.

        Raises:
            Unsupported: As `solving.families`.
        """
        gens = self.ring.gens()
        excluded = [gens[self.unknowns[k]] for k in nonzero if self.unknowns[k] >= 0]
        constants = [position for position in self.unknowns[constant_from:] if position >= 0]
        waiting, found = [list(self.equations)], []
        while waiting:
            equations = waiting.pop()
            for case in families(equations, self.ring, self._occurring, excluded):
                further = [part for k in constants for part in self._varying(case, k)]
                further += [part for slope in slopes for part in self._torn(case, *slope)]
                if further:
                    waiting.append([*equations, *further])
                else:
                    found.append(case)
        return maximal(found, self.ring)

    def _varying(self, case: SolvedCase, position: int) -> list[fmpq_mpoly]:
        """What must vanish for the value of a constant not to depend on the field."""
        if position not in case.values:
            return []
        top, bottom = case.values[position]
        if not any(part.degrees()[k] for k in self.field for part in (top, bottom)):
            return []
        equation = self.ring.gens()[position] * bottom - top
        is_free = [k not in self.field for k in range(len(self.ring.gens()))]
        return list(_split(equation, is_free, self.ring).values())

    def _torn(self, case: SolvedCase, value: int, slope: int, by: int) -> list[fmpq_mpoly]:
        """What must vanish for one unknown to be the derivative of another."""
        if value not in case.values:
            return []
        top, bottom = case.values[value]
        change = top.derivative(by) * bottom - top * bottom.derivative(by)
        upper, lower = case.values.get(slope, (self.ring.gens()[slope], self.ring.constant(1)))
        if (upper * bottom**2 - change * lower).is_zero():
            return []
        return [self.ring.gens()[slope] * bottom**2 - change]

    @property
    def _occurring(self) -> list[int]:
        return [position for position in self.unknowns if position >= 0]

    def first(self) -> list[Value] | None:
        """The value of each unknown in the first solution, 0 where it is free; None if none."""
        family = next(families(self.equations, self.ring, self._occurring), None)
        return None if family is None else self.values(family)

    def values(self, family: SolvedCase) -> list[Value]:
        """The value of each unknown in a solution, 0 where it is free."""
        gens, zero, one = self.ring.gens(), self.ring.constant(0), self.ring.constant(1)
        free = set(self.unknowns) - family.values.keys()
        images = [zero if k in free else gen for k, gen in enumerate(gens)]
        values = (family.values.get(k, (zero, one)) for k in self.unknowns)
        return [(top.compose(*images), bottom.compose(*images)) for top, bottom in values]


def matched(
    tensors: Iterable[Tensor], unknowns: Sequence[Head], field: Collection[Head] = ()
) -> System:
    """The equations under which all the tensors vanish.

    Args:
        tensors: Of any shapes.
        unknowns: Heads of the scalars that are solved for.
        field: Scalar variables that the unknowns may be functions of.

    Raises:
        Unsupported: If an unknown stands inside a kernel or function, where it is no coefficient.

    Checked by: tests/designer/test_matching.py.
    """
    wanted = frozenset(unknowns)
    scalars: list[tuple[Tensor, tuple[Component, ...], Tensor]] = []
    kernels = False
    for tensor in tensors:
        for opened, scalar in coefficients(reduced(tensor)).items():
            _refuse_hidden(opened, wanted)
            kernels |= any(_has_relations(part) for part in opened)
            scalars.append((tensor, opened, scalar))
    fractions = Fractions.of(*(scalar for _, _, scalar in scalars))
    parts = tuple(fractions.variables)
    _refuse_hidden(parts, wanted)
    is_free = [part.head in wanted or _is_of(part, field) for part in parts] or [True]
    equations: list[fmpq_mpoly] = []
    products: list[Tensor] = []
    for tensor, opened, scalar in scalars:
        numerator, _ = fractions.reduced(scalar)
        for rest, equation in _split(numerator, is_free, fractions.ring).items():
            powers = {part: int(e) for part, e in zip(parts, rest, strict=False) if e}
            term = Term(ordered(powers), opened)
            products.append(Tensor(tensor.shape, {term: Fraction(1)}))
            equations.append(equation)
    positions = {part.head: k for k, part in enumerate(parts) if part.head is not None}
    return System(
        tuple(equations),
        tuple(products),
        fractions.ring,
        parts,
        tuple(positions.get(unknown, -1) for unknown in unknowns),
        tuple(k for k, part in enumerate(parts) if part.depends and part.depends <= set(field)),
        not (
            kernels or any(_has_relations(part) or _is_given(part, wanted, field) for part in parts)
        ),
    )


def _absorbed(
    weight: fmpq, factors: list[tuple[fmpq_mpoly, int]]
) -> tuple[fmpq, list[tuple[fmpq_mpoly, int]]]:
    """A minus sign taken into the first factor that reads no worse with it."""
    for k, (factor, exponent) in enumerate(factors):
        signs = [value < 0 for value in factor.coeffs()]
        if exponent % 2 and len(signs) > 1 and 2 * sum(signs) >= len(signs):
            return -weight, [*factors[:k], (-factor, exponent), *factors[k + 1 :]]
    return weight, factors


def _is_of(part: Component, field: Collection[Head]) -> bool:
    """Whether a scalar is a constant, or a function of the field."""
    head = part.head
    # A contraction of constants, such as the trace of a matrix parameter, is one itself.
    is_scalar = not part.depends if head is None else head.kind in _SCALARS
    return is_scalar and part.depends <= set(field)


def _has_relations(part: Component) -> bool:
    """Whether kernels occur, of which more relations may hold than are known."""
    return any(head.kind is Kind.KERNEL for head, _ in part.factors)


def _is_given(part: Component, wanted: frozenset[Head], field: Collection[Head]) -> bool:
    """Whether a given function of the field occurs, which is not differentiated here."""
    is_call = any(head.kind is Kind.CALL and head not in wanted for head, _ in part.factors)
    return is_call and bool(part.depends) and part.depends <= set(field)


def _split(
    polynomial: fmpq_mpoly, is_free: Sequence[bool], ring: fmpq_mpoly_ctx
) -> dict[tuple[int, ...], fmpq_mpoly]:
    """The coefficient of every product of the generators that are not free."""
    found: dict[tuple[int, ...], dict[tuple[int, ...], Any]] = {}
    for exponents, value in polynomial.to_dict().items():
        tick()
        rest = tuple(0 if free else e for e, free in zip(exponents, is_free, strict=True))
        kept = tuple(e if free else 0 for e, free in zip(exponents, is_free, strict=True))
        found.setdefault(rest, {})[kept] = value
    return {rest: ring.from_dict(terms) for rest, terms in found.items()}


def _refuse_hidden(parts: Iterable[Component], unknowns: frozenset[Head]) -> None:
    for part in parts:
        for head, _ in part.factors:
            if _contains(head, unknowns):
                raise Unsupported("an unknown stands inside a function, where it cannot be matched")


def _contains(head: Head, unknowns: frozenset[Head]) -> bool:
    """Whether one of the unknowns occurs inside the head."""
    return any(
        inner in unknowns or _contains(inner, unknowns)
        for tensor in tensors_in(head.data)
        for part in tensor.components()
        for inner, _ in part.factors
    )
