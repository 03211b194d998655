r"""A small change that makes a refuted dynamics keep exp(-H): other weights of existing terms.

The residual is affine in v and in D, so the weights c of the terms of one block solve a linear
system, $R_0 + \sum_k c_k R_k = 0$, over the rational functions of parameters and sizes; div D is
offered as a further term of the drift. Not for changing H.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from sdekit.calculus.contraction import combine, is_zero, lower, residual
from sdekit.calculus.contraction.heads import parameter
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.expression_text import grammar_text
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.addends import additive_terms
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ZERO, add
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.designer.matching import matched
from sdekit.designer.raising import readable
from sdekit.verifier.ladder import verify
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Verdict


@dataclass(frozen=True)
class Repair:
    """One change that removes the residual.

    Attributes:
        dynamics: The repaired dynamics.
        text: The change in words.
        changes: How many terms got another weight.
    """

    dynamics: Dynamics
    text: str
    changes: int


def repair(dynamics: Dynamics, *, most: int = 3) -> tuple[Repair, ...]:
    """Small changes of one block of v or D, each of which the verifier proves.

    Args:
        dynamics: With a Hamiltonian, refuted or not.
        most: How many changes to give.

    Returns:
        The changes of fewest terms first; empty if stationarity needs no repair, or none is
        found among these changes, which is no proof that there is none.

    Checked by: tests/designer/test_repair.py.
    """
    proved = (
        change
        for change in _candidates(dynamics)
        if verify(change.dynamics).verdict is Verdict.PROVED
    )
    return tuple(islice(proved, most))


def _candidates(dynamics: Dynamics) -> list[Repair]:
    """Changes that remove the residual, those of fewest terms first."""
    if dynamics.hamiltonian is None:
        return []
    ito = dynamics.ito()
    try:
        if is_zero(residual(ito)):
            return []
        found = [*_drift_repairs(ito), *_diffusion_repairs(ito)]
    except Unsupported:
        return []
    return sorted(found, key=lambda change: (change.changes, len(change.text)))


def _rebuilt(dynamics: Dynamics, **changed: object) -> Dynamics:
    given = {
        "drift": dict(dynamics.drift),
        "diffusion": dict(dynamics.diffusion),
        "hamiltonian": dynamics.hamiltonian,
        "target": dynamics.target,
        "name": dynamics.name,
        "target_variables": None if dynamics.target is None else dynamics.target_variables,
    }
    return Dynamics(**{**given, **changed})


def _drift_repairs(dynamics: Dynamics) -> Iterator[Repair]:
    for x in dynamics.variables:
        terms = additive_terms(dynamics.drift[x])
        extra = [] if (block := dynamics.diffusion_block(x, x)) is None else _divergence(block, x)

        def rebuild(terms: list[Expression], x: Variable = x) -> Dynamics:
            drift = {**dynamics.drift, x: _sum(terms)}
            return _rebuilt(dynamics, drift=drift)

        for offered in ([], extra) if extra else ([],):
            found = _reweighted(dynamics, rebuild, terms, offered)
            if found is not None:
                weights, repaired = found
                changed = sum(w != 1 for w in weights[: len(terms)]) + sum(
                    w != 0 for w in weights[len(terms) :]
                )
                text = f"drift of {x.name}: {grammar_text(repaired.drift[x])}"
                yield Repair(repaired, text, changed)


def _divergence(block: Expression, x: Variable) -> list[Expression]:
    return [ex.Divergence(block, x)] if x.shape and block.depends_on(x) else []


def _diffusion_repairs(dynamics: Dynamics) -> Iterator[Repair]:
    for pair, block in dynamics.diffusion.items():
        terms = additive_terms(block)

        def rebuild(terms: list[Expression], pair: object = pair) -> Dynamics:
            return _rebuilt(dynamics, diffusion={**dynamics.diffusion, pair: _sum(terms)})

        found = _reweighted(dynamics, rebuild, terms, [])
        if found is not None:
            weights, repaired = found
            x, y = pair
            text = f"diffusion of ({x.name}, {y.name}): {grammar_text(repaired.diffusion[pair])}"
            yield Repair(repaired, text, sum(w != 1 for w in weights))


def _sum(terms: list[Expression]) -> Expression:
    total: Expression = ZERO
    for term in terms:
        total = term if total == ZERO else add(total, term)
    return total


def _reweighted(
    dynamics: Dynamics, rebuild: object, terms: list[Expression], extra: list[Expression]
) -> tuple[list[int], Dynamics] | None:
    """Weights of the terms that remove the residual, and the dynamics with them."""
    every = [*terms, *extra]
    without = residual(rebuild([]))  # type: ignore[operator]
    unknowns = [Parameter(f"sdekit_c{k}") for k in range(len(every))]
    effects = [
        lower(unknown) * (residual(rebuild([term])) - without)  # type: ignore[operator]
        for unknown, term in zip(unknowns, every, strict=True)
    ]
    total = combine((Fraction(1), part) for part in [without, *effects])
    system = matched([total], [parameter(unknown) for unknown in unknowns])
    values = system.first()
    if values is None or all(top.is_zero() for top, _ in values):
        return None
    weights = [0 if top.is_zero() else 1 if top == bottom else 2 for top, bottom in values]
    pairs = zip(values, every, strict=True)
    kept = [system.expression(value, term) for value, term in pairs if not value[0].is_zero()]
    repaired = rebuild([readable(_sum(kept))])  # type: ignore[operator]
    # With the wrong sign of D the identity holds as well, but nothing could be run.
    is_sde = Problem(repaired).check("diffusion_psd").is_proved
    return (weights, repaired) if is_sde and is_zero(residual(repaired)) else None
