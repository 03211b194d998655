"""A tensor with the relations between its factors applied, graph by graph.

Rewrites are identities that hold entry by entry (roots, sines, signs, quotients of vectors) and
M M^-1 = 1 for sums M. Not for deciding whether what is left is zero (`relations`).
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.rules import local
from sdekit.calculus.contraction.rules.powers import reciprocal
from sdekit.calculus.contraction.tensor import (
    Tensor,
    Term,
    accumulate,
    flattened,
    merge,
    of_component,
    ordered,
)
from sdekit.calculus.limits import Unsupported, tick

#: Rewrites end after as many steps as there are factors to remove; more would be our own bug.
_MOST_REWRITES = 100_000


def coefficients(tensor: Tensor) -> dict[tuple[Component, ...], Tensor]:
    """The scalar that multiplies each product of open components."""
    groups: dict[tuple[Component, ...], dict[Term, Fraction]] = {}
    for (monomial, opened), coefficient in tensor.terms.items():
        groups.setdefault(opened, {})[Term(monomial, ())] = coefficient
    return {opened: Tensor((), terms) for opened, terms in groups.items()}


def reduced(tensor: Tensor) -> Tensor:
    """The tensor with all relations between factors at the same indices applied.

    Raises:
        BudgetExceeded: If the time granted by `spending` is over.
    """
    tensor = local.with_common_denominators(tensor)
    waiting = dict(tensor.terms)
    done: dict[Term, Fraction] = {}
    for _ in range(_MOST_REWRITES):
        if not waiting:
            return Tensor(tensor.shape, done)
        tick()
        term, coefficient = waiting.popitem()
        target = next((part for part in _parts(term) if _rewritten(part) is not None), None)
        if target is None:
            _add(done, term, coefficient)
        else:
            for new, value in _expanded(tensor, term, coefficient, target).items():
                _add(waiting, new, value)
    raise Unsupported("rewriting by relations did not come to an end")


def _parts(term: Term) -> list[Component]:
    return [*(part for part, _ in term.monomial), *term.open]


def _add(total: dict[Term, Fraction], term: Term, coefficient: Fraction) -> None:
    value = total.get(term, Fraction(0)) + coefficient
    if value:
        total[term] = value
    else:
        total.pop(term, None)


def _rewritten(part: Component) -> list[local.Product] | None:
    """The component after one rewrite, as a sum of products; None if none applies."""
    if part.reduced is None:
        part.reduced = local.rewrite(part.factors) or ()
    return part.reduced or None  # type: ignore[return-value]


def _expanded(
    tensor: Tensor, term: Term, coefficient: Fraction, target: Component
) -> dict[Term, Fraction]:
    """The term with one rewrite applied to the target."""
    total: dict[Term, Fraction] = {}
    products = _rewritten(target)
    assert products is not None
    powers = dict(term.monomial)
    exponent = powers.get(target, 0)
    if exponent < 0:
        del powers[target]
        inverse = reciprocal(reduced(of_component(target))) ** -exponent
        rest = Tensor(tensor.shape, {Term(ordered(powers), term.open): coefficient})
        return dict((inverse * rest).terms)
    opened = list(term.open)
    if exponent:
        powers[target] = exponent - 1
    else:
        opened.remove(target)
    kept, first_free = flattened(tuple(opened), 0)
    for value, monomial, factors in products:
        moved = [
            (head, tuple(i + first_free if i >= 0 else i for i in indices))
            for head, indices in factors
        ]
        merged = merge(ordered(powers), monomial)
        accumulate(total, coefficient * value, merged, [*kept, *moved])
    return total
