r"""Rung: no solution leaves in finite time, by a bound $L H \le c\,(1 + H)$ or by completeness.

The bound needs an H that is bounded below and tends to infinity: a positive definite quadratic in
the auxiliary variables plus a target that is shown to do so, or whose unknown potential is assumed
to. Refuted only where a solution is shown to reach infinity.

Source: Khasminskii (2012), theorem 3.5 (Lyapunov bound); Grigor'yan (2009), theorem 11.8
(a complete weighted manifold of finite measure is stochastically complete).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from sdekit.calculus.contraction import (
    Tensor,
    current,
    generator,
    gradient,
    is_zero,
    lower,
    text,
)
from sdekit.calculus.contraction.heads import Head, Kind, variable
from sdekit.calculus.contraction.tensor import Term
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.currents.explosion import find_explosion
from sdekit.verifier.currents.growth import growth
from sdekit.verifier.currents.smoothness import has_pole, rough_parts
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.brackets import is_definite
from sdekit.verifier.rungs.normalizability import check_normalizable
from sdekit.verifier.verdict import Check, proved, refuted, undecided


def check_non_explosion(problem: Problem) -> Check:
    """Whether solutions exist for all times.

    Args:
        problem: A dynamics with H.

    Returns:
        Proved with the bound; refuted with a start whose solution explodes; or undecided.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.

    Checked by: tests/verifier/rungs/test_non_explosion.py.
    """
    explosion = find_explosion(problem)
    if explosion is not None:
        return refuted("a solution reaches infinity in finite time", explosion)
    for rule in (_linear_growth, _lyapunov, _completeness):
        check = rule(problem)
        if check is not None:
            return check
    change = generator(problem.lowered, problem.lowered.energy)
    if change.is_empty or is_zero(change):
        return undecided("H is conserved, but it was not shown to tend to infinity")
    return undecided(f"no bound L H <= c (1 + H) was found for L H = {text(change)}")


def _linear_growth(problem: Problem) -> Check | None:
    """Drift at most linear and D at most quadratic, bounded variables not counted."""
    dynamics = problem.dynamics
    if any(x.domain.kind == "positive" for x in dynamics.variables):
        return None
    unbounded = {x for x in dynamics.variables if x.domain.kind == "real"}
    # A circle is bounded, but a pole of its drift would still end the solution.
    if _may_have_pole(problem):
        return None
    drift = [growth(dynamics.drift[x]) for x in unbounded]
    noise = [growth(block) for (x, y), block in dynamics.blocks() if {x, y} & unbounded]
    if any(d is None or d > 1 for d in drift) or any(d is None or d > 2 for d in noise):
        return None
    return proved("the drift grows at most linearly and D at most quadratically")


def _may_have_pole(problem: Problem) -> bool:
    dynamics = problem.dynamics
    return any(map(has_pole, (*dynamics.drift.values(), *dynamics.diffusion.values())))


def _lyapunov(problem: Problem) -> Check | None:
    if _may_have_pole(problem):
        return None
    quadratic = _gaussian_variables(problem)
    proper = _properness(problem, quadratic)
    if proper is None:
        return None
    change = generator(problem.lowered, problem.lowered.energy)
    if change.is_empty or is_zero(change):
        return proved("H is conserved along solutions and proper", assumptions=proper)
    if all(_is_controlled(*term, quadratic) for term in change.terms.items()):
        return proved(f"L H = {text(change)} <= c (1 + H)", assumptions=proper)
    return None


def _properness(problem: Problem, quadratic: frozenset[Head]) -> tuple[str, ...] | None:
    """What is assumed for H to be bounded below and to tend to infinity; None if it may not."""
    unbounded = [x for x in problem.auxiliary if x.domain.kind not in ("circle", "interval")]
    if any(variable(x) not in quadratic for x in unbounded):
        return None
    moving = _coupled_in_excess(problem, quadratic)
    rest = [x for x in moving if x.domain.kind not in ("circle", "interval")]
    if moving and (len(rest) < len(moving) and next(rough_parts(problem.excess), None)):
        return None
    if problem.target_has_unknown:
        proper = problem.dynamics.hamiltonian if rest else problem.target
        return (f"{proper!r} is bounded below and tends to infinity",)
    return () if not rest and _target_is_proper(problem) else None


def _coupled_in_excess(problem: Problem, quadratic: frozenset[Head]) -> list[Variable]:
    """The variables that H - target depends on beside those that are quadratic in it."""
    excess = lower(problem.excess)
    blocks = (*problem.auxiliary, *problem.target_variables)
    others = [x for x in blocks if variable(x) not in quadratic]
    return [x for x in others if not gradient(excess, x).is_empty]


def _target_is_proper(problem: Problem) -> bool:
    """Whether a concrete target is a definite quadratic, or coercive at the sizes given."""
    energy = lower(problem.sized(problem.target))
    blocks = problem.target_variables
    if any(x.domain.kind != "real" for x in blocks):
        return False
    if all(_is_own_quadratic(energy, x, blocks) for x in blocks):
        return True
    if problem.is_for_all_sizes:
        return False
    from sdekit.verifier.integrals.coercivity import coercive

    components = problem.components()
    target = components.hamiltonian if components.target is None else components.target
    return coercive(target, components.target_coordinates) is not None


def _gaussian_variables(problem: Problem) -> frozenset[Head]:
    """Auxiliary variables in which H - target is a constant positive definite quadratic.

    Blocks that are coupled in H are left out: each has to be bounded by H by itself.
    """
    energy = lower(problem.excess)
    every = (*problem.auxiliary, *problem.target_variables)
    real = [x for x in problem.auxiliary if x.domain.kind == "real"]
    return frozenset(variable(x) for x in real if _is_own_quadratic(energy, x, every))


def _is_own_quadratic(energy: Tensor, x: Variable, others: Iterable[Variable]) -> bool:
    """Whether the energy is a constant definite quadratic in x plus something without x."""
    slope = gradient(energy, x)
    curvature = gradient(slope, x)
    if curvature.depends or not _is_definite(x, curvature):
        return False
    return all(gradient(slope, y).is_empty for y in others if y != x)


def _is_definite(x: Variable, curvature: Tensor) -> bool:
    """Whether a constant Hessian block is a positive multiple of a matrix known as definite."""
    positive_terms = all(
        coefficient > 0 and _is_positive_monomial(term) and _is_definite_part(term, x)
        for term, coefficient in curvature.terms.items()
    )
    return positive_terms and not curvature.is_empty


def _is_positive_monomial(term: Term) -> bool:
    """Whether the scalars are positive; a^2 of a real parameter may be 0, and 1/a^2 may not."""
    return all(
        part.head is not None
        and (part.head.is_positive or part.head.kind is Kind.SIZE or _is_inverse_square(exponent))
        for part, exponent in term.monomial
    )


def _is_inverse_square(exponent: int) -> bool:
    return exponent < 0 and exponent % 2 == 0


def _is_definite_part(term: Term, x: Variable) -> bool:
    """The open part is the identity, or a declared positive definite matrix or its inverse."""
    factors = [factor for part in term.open for factor in part.factors]
    if all(head.kind is Kind.DELTA for head, _ in factors):
        # On a matrix block the identity pairs row with row; its transpose is not definite.
        rank = max(len(x.shape), 1)
        pairs = [[(-index - 1) % rank for index in indices] for _, indices in factors]
        return x.symmetry == "symmetric" or all(first == second for first, second in pairs)
    if len(factors) != 1 or len(x.shape) != 1:
        return False
    ((head, _),) = factors
    if head.kind is Kind.INVERSE:
        head = head.data.bare_head
    return (
        head is not None
        and head.kind is Kind.PARAMETER
        and "positive_definite" in head.data.assumptions
    )


def _is_controlled(term: Term, coefficient: Fraction, quadratic: frozenset[Head]) -> bool:
    """Whether c (1 + H) bounds the term from above: at most quadratic, or never positive."""
    parts = [*term.monomial, *((part, 1) for part in term.open)]
    degree = 0
    for part, exponent in parts:
        if not part.depends:
            continue
        if exponent < 0 or not part.depends <= quadratic:
            return coefficient < 0 and _is_never_negative(term)
        if any(h.depends and h.kind is not Kind.VARIABLE for h, _ in part.factors):
            return coefficient < 0 and _is_never_negative(term)
        degree += exponent * sum(head.kind is Kind.VARIABLE for head, _ in part.factors)
    return degree <= 2 or (coefficient < 0 and _is_never_negative(term))


def _is_never_negative(term: Term) -> bool:
    """A product of positive scalars, even powers and contractions of a tensor with itself."""
    return not term.open and all(
        exponent % 2 == 0
        or (part.head is not None and part.head.is_positive)
        or _is_square(part.factors)
        for part, exponent in term.monomial
    )


def _is_square(factors: Iterable[tuple[Head, tuple[int, ...]]]) -> bool:
    pair = list(factors)
    return len(pair) == 2 and pair[0] == pair[1]


def _completeness(problem: Problem) -> Check | None:
    """Detailed balance, constant definite D and finite exp(-H): stochastic completeness."""
    dynamics = problem.dynamics
    if any(x.domain.kind not in ("real", "circle") for x in dynamics.variables):
        return None
    parts = (*dynamics.drift.values(), problem.dynamics.hamiltonian)
    if any(next(rough_parts(part), None) is not None for part in parts if part is not None):
        return None
    for x in dynamics.variables:
        block = dynamics.diffusion_block(x, x)
        constant = block is not None and not any(isinstance(n, Variable) for n in block.walk())
        if block is None or not constant or not is_definite(block):
            return None
    if any(x != y for (x, y), _ in dynamics.blocks()):
        return None
    if not all(is_zero(u) for u in current(problem.lowered).values()):
        return None
    finite = check_normalizable(problem)
    if not finite.is_proved:
        return None
    return proved(
        "a reversible diffusion with constant definite D and finite exp(-H) does not explode",
        assumptions=finite.assumptions,
    )
