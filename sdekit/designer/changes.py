r"""Changes of one term of v, D or H that remove the residual, each solved for its coefficients.

With one term of a block taken out, the residual is $R_0$. A drift w of X adds
$\nabla\cdot w - w\cdot H_X$ to it, a block of D likewise, so that candidates for what belongs there
are what is left of the terms of $R_0$ when factors of grad H are taken out; H is changed by terms
proposed from the shapes of the variables. Not for ranking nor for proving (`repair`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from sdekit.calculus.contraction import (
    Lowered,
    Tensor,
    combine,
    gradient,
    lower,
    lower_dynamics,
    residual,
)
from sdekit.calculus.contraction.fokker_planck import swapped
from sdekit.calculus.contraction.heads import parameter
from sdekit.calculus.contraction.rules.projection import projected
from sdekit.calculus.contraction.tensor import eye, zero
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.addends import additive_terms
from sdekit.declaration.tree.expression import Divergence, Expression, LogDet, Negation, Sum
from sdekit.declaration.tree.operators import ZERO, negate
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.designer.matching import System, matched
from sdekit.designer.proposals import cut_out, energies, factors_of, monic
from sdekit.designer.raising import raised, readable, sum_of

#: More candidates at one place than this are not tried together.
_MOST_CANDIDATES = 24


@dataclass(frozen=True)
class Change:
    """Another expression at one place of a dynamics, with which the residual vanishes.

    Attributes:
        part: "drift", "diffusion", "energy" or "law" (energy and target together).
        place: The block: a variable, a pair of variables, or None.
        kind: What was changed, in a few words.
        expression: What stands there instead.
        terms: How many terms were changed.
        target: The target that goes with it, where that changes as well.
    """

    part: str
    place: object
    kind: str
    expression: Expression
    terms: int
    target: Expression | None = None


@dataclass(frozen=True)
class _Candidate:
    """A term that may belong to a place: its effect on the residual, and how it is written."""

    tensor: Tensor
    written: Expression


def changes(dynamics: Dynamics) -> Iterator[Change]:
    """Every change of one term that removes the residual of an Ito dynamics.

    Raises:
        Unsupported: If the residual cannot be expressed.
        BudgetExceeded: If the time granted by `spending` is over.

    Checked by: tests/designer/test_repair.py.
    """
    model = lower_dynamics(dynamics)
    left = residual(model)
    for x in model.variables:
        yield from _drift(dynamics, model, left, x)
    for pair in dict.fromkeys([*dynamics.diffusion, *((x, x) for x in model.variables)]):
        yield from _diffusion(dynamics, model, left, pair)
    if dynamics.hamiltonian is not None:
        yield from _law(dynamics, model, dynamics.hamiltonian)
        yield from _energy(dynamics, model, dynamics.hamiltonian)


def _drift(dynamics: Dynamics, model: Lowered, left: Tensor, x: Variable) -> Iterator[Change]:
    slopes = factors_of(gradient(model.energy, x), x)

    def effect(w: Tensor) -> Tensor:
        return residual(_only(model, {x: w}))

    def offered(rest: Tensor) -> Iterator[Tensor]:
        return (projected(w, x) for head in slopes for w in cut_out(rest, head))

    place = _Place("drift", x, dynamics.drift[x], x.shape)
    yield from _linear(place, left, effect, offered)


def _diffusion(
    dynamics: Dynamics, model: Lowered, left: Tensor, pair: tuple[Variable, Variable]
) -> Iterator[Change]:
    x, y = pair
    first, second = (factors_of(gradient(model.energy, z), z) for z in pair)

    def effect(block: Tensor) -> Tensor:
        mirror = {} if x == y else {(y, x): swapped(block, x.ndim)}
        return residual(_only(model, {}, {pair: block, **mirror}))

    def offered(rest: Tensor) -> Iterator[Tensor]:
        if x.shape == y.shape:
            yield eye(x.shape)
        for a, b in itertools.product(first, second):
            for once in cut_out(rest, a):
                for block in cut_out(once, b):
                    yield block if x != y else block + swapped(block, x.ndim)

    place = _Place("diffusion", pair, dynamics.diffusion.get(pair, ZERO), x.shape + y.shape)
    yield from _linear(place, left, effect, offered)


def _only(model: Lowered, drift: dict, diffusion: dict | None = None) -> Lowered:
    """The dynamics with this drift and diffusion and no other."""
    rest = {x: zero(x.shape) for x in model.variables}
    return Lowered(model.variables, {**rest, **drift}, diffusion or {}, model.hamiltonian)


@dataclass(frozen=True)
class _Place:
    """A block of the declaration."""

    part: str
    key: object
    whole: Expression
    shape: tuple

    @cached_property
    def terms(self) -> list[Expression]:
        """Its additive terms."""
        return additive_terms(self.whole)

    def without(self) -> Iterator[tuple[Expression | None, list[Expression], list[Expression]]]:
        """Each term, everything, and nothing taken out: what that is, and what remains."""
        written = list(self.whole.terms) if isinstance(self.whole, Sum) else [self.whole]
        expanded = [] if self.terms == written else self.terms
        for terms in (written, expanded):
            for k, term in enumerate(terms):
                yield term, terms[:k], terms[k + 1 :]
        if len(written) > 1:
            yield self.whole, [], []
        yield None, [self.whole], []

    def change(
        self,
        removed: Expression | None,
        before: list[Expression],
        after: list[Expression],
        added: list[tuple[Expression, bool]],
    ) -> Change:
        """The change that puts terms, told whether they are the old one, where one was."""
        new = [term for term, _ in added]
        kind = _kind(self.part, removed, new, all(is_same for _, is_same in added))
        expression = sum_of([*before, *new, *after])
        # Terms of a product of sums are written anew; others stay as the user wrote them.
        if [*before, removed, *after] == self.terms and sum_of(self.terms) != self.whole:
            expression = readable(expression)
        return Change(self.part, self.key, kind, expression, max(len(new), 1))


def _kind(part: str, removed: Expression | None, new: list[Expression], is_same: bool) -> str:
    """What a change is called."""
    nodes = [node for term in new for node in term.walk()]
    for node_type, name in ((Divergence, "missing divergence"), (LogDet, "missing log det")):
        if not is_same and any(isinstance(node, node_type) for node in nodes):
            return name
    if part == "diffusion" and (is_same or not new) and removed is not None:
        return "noise level"
    if not new:
        return "superfluous term"
    if removed is None:
        return "missing term"
    if not is_same:
        return (
            "centre"
            if part == "energy" and _variables(new) == _variables([removed])
            else "other term"
        )
    if readable(new[0]) == readable(negate(removed)):
        return "sign"
    return "coefficient"


def _variables(terms: list[Expression]) -> set[Expression]:
    return set().union(*(term.variables for term in terms))


def _shorter(expression: Expression) -> Expression:
    """The expression or its normal form, whichever is read faster."""
    other = readable(expression)
    return other if len(repr(other)) < len(repr(expression)) else expression


def _linear(
    place: _Place,
    left: Tensor,
    effect: Callable[[Tensor], Tensor],
    offered: Callable[[Tensor], Iterator[Tensor]],
) -> Iterator[Change]:
    """Changes of a place on which the residual depends linearly."""
    for removed, before, after in place.without():
        rest, candidates = left, []
        if removed is not None:
            tensor = lower(removed, place.shape)
            rest = left - effect(tensor)
            candidates.append(_Candidate(tensor, removed))
        # Other weights of the terms that remain are found where those are taken out.
        seen = {monic(lower(term, place.shape)) for term in place.terms}
        for tensor in offered(rest):
            new = monic(tensor)
            if not new.is_empty and new not in seen and len(seen) < _MOST_CANDIDATES:
                seen.add(new)
                candidates += _written(new)
        effects = [effect(candidate.tensor) for candidate in candidates]
        for weights in _solutions(rest, effects):
            added = [
                (
                    _shorter(system.expression(value, candidates[j].written)),
                    removed is not None and j == 0,
                )
                for j, system, value in weights
            ]
            yield place.change(removed, before, after, added)


def _written(tensor: Tensor) -> list[_Candidate]:
    try:
        expression = raised(tensor)
    except Unsupported:
        return []
    if isinstance(expression, Negation):
        return [_Candidate(-tensor, expression.operand)]
    return [_Candidate(tensor, expression)]


def _solutions(rest: Tensor, effects: list[Tensor]) -> Iterator[list]:
    """Weights of few effects that cancel the rest: none, one, or those of a joint solution."""
    everything = _weights(rest, effects)
    if everything is None:
        return
    if not everything:
        yield []
        return
    alone = [
        [(k, system, value) for _, system, value in found]
        for k, part in enumerate(effects)
        if (found := _weights(rest, [part]))
    ]
    yield from alone or [everything]


def _weights(rest: Tensor, effects: list[Tensor]) -> list | None:
    """Number, system and value of each non-zero weight; None without a solution."""
    unknowns = [Parameter(f"sdekit_c{k}") for k in range(len(effects))]
    pairs = zip(unknowns, effects, strict=True)
    total = combine([(Fraction(1), rest), *((Fraction(1), lower(c) * e) for c, e in pairs)])
    system = matched([total], [parameter(c) for c in unknowns])
    values = system.first()
    if values is None:
        return None
    return [(k, system, value) for k, value in enumerate(values) if not value[0].is_zero()]


# ---------------------------------------------------------------- the energy


def _law(dynamics: Dynamics, model: Lowered, energy: Expression) -> Iterator[Change]:
    """Another temperature: H and target times one number."""
    for system, values in _powers(model, zero(), [model.energy]):
        weighted = [
            system.expression(values[0], part)
            for part in (energy, dynamics.target)
            if part is not None
        ]
        new = [readable(part) for part in weighted]
        yield Change("law", None, "temperature of the claimed law", new[0], 1, *new[1:])


def _energy(dynamics: Dynamics, model: Lowered, energy: Expression) -> Iterator[Change]:
    place = _Place("energy", None, energy, ())
    groups = [[(lower(term), term) for term in group] for group in energies(dynamics)]
    for removed, before, after in place.without():
        if removed is place.whole and isinstance(removed, Sum):
            continue
        rest = lower(sum_of([*before, *after]))
        own = [] if removed is None else [[(lower(removed), removed)]]
        for group in (*own, *groups):
            for system, values in _powers(model, rest, [tensor for tensor, _ in group]):
                added = [
                    (_shorter(system.expression(value, term)), group in own)
                    for value, (_, term) in zip(values, group, strict=True)
                    if not value[0].is_zero()
                ]
                yield place.change(removed, before, after, added)


def _powers(model: Lowered, rest: Tensor, terms: list[Tensor]) -> Iterator[tuple[System, list]]:
    """Weights of terms of H with which the residual, of degree two in them, vanishes."""
    unknowns = [Parameter(f"sdekit_c{k}") for k in range(len(terms))]
    weighted = [(Fraction(1), lower(c) * term) for c, term in zip(unknowns, terms, strict=True)]
    energy = combine([(Fraction(1), rest), *weighted])
    changed = Lowered(model.variables, model.drift, model.diffusion, energy)
    try:
        system = matched([residual(changed)], [parameter(c) for c in unknowns])
        found = system.families()
    except Unsupported:
        # Other terms of H may do where these would need roots.
        return
    for family in found:
        yield system, system.values(family)
