r"""Lyapunov functions that keep solutions from infinity: $L V \le c\,(1 + V)$, V proper.

Tried are V = H, where it is a positive definite quadratic in the auxiliary variables plus a target
that tends to infinity (shown, or assumed of an unknown potential), or is shown to tend to infinity
as a whole; $V = 1 + |z|^2$; and $V = H + K |z|^2$ where H is above
$-c\,(1 + |z|^2)$. Not for completeness or one dimension (`feller`).

Source: Khasminskii (2012), theorem 3.5.
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.contraction import Tensor, generator, is_zero, lower, text
from sdekit.calculus.contraction.heads import Head, Kind, variable
from sdekit.calculus.contraction.tensor import Term
from sdekit.calculus.memory import remembered
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import never_negative
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.confinement.at_poles import may_have_pole, poles_are_harmless, repels_at_poles
from sdekit.verifier.confinement.at_walls import walls_are_harmless
from sdekit.verifier.confinement.properness import (
    gaussian_variables,
    is_never_negative,
    is_own_quadratic,
    is_proper,
    is_proper_by_terms,
    properness,
)
from sdekit.verifier.confinement.tensor_growth import degree, falls_as_squares, term_degree
from sdekit.verifier.currents.smoothness import is_continuous, rough_parts
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, proved


def by_energy(problem: Problem) -> Check | None:
    """V = H.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.
    """
    if not _is_admissible(problem):
        return None
    quadratic = gaussian_variables(problem)
    change = generator(problem.lowered, problem.lowered.energy)
    is_kept = change.is_empty or is_zero(change)
    if not is_kept and not all(_is_controlled(*term, quadratic) for term in change.terms.items()):
        return None
    # Last, for integrals may be needed to see it.
    proper = properness(problem, quadratic)
    if proper is None:
        return None
    bound = "H is conserved along solutions and proper"
    bound = bound if is_kept else f"L H = {text(change)} <= c (1 + H)"
    return proved(bound, assumptions=proper, evidence={"kind": "energy"})


def by_square(problem: Problem) -> Check | None:
    """V = 1 + |z|^2.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.

    Checked by: tests/verifier/confinement/test_lyapunov.py.
    """
    square = _square(problem)
    if square is None or may_have_pole(problem) or not _bounded_ones_are_driven_boundedly(problem):
        return None
    change = generator(problem.lowered, square)
    if not _is_below_square(change):
        return None
    return proved(f"L |z|^2 = {text(change)} <= c (1 + |z|^2)", evidence={"kind": "square"})


def by_energy_and_square(problem: Problem) -> Check | None:
    """V = H + K |z|^2 with K large enough, where H is above -c (1 + |z|^2).

    Variables in which H is a definite quadratic by itself are left out of |z|^2.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.
    """
    energy = problem.dynamics.hamiltonian
    if energy is None or _square(problem) is None or not _is_admissible(problem):
        return None
    if not is_above_minus_square(energy):
        return None
    change = generator(problem.lowered, problem.lowered.energy)
    if not _is_below_square(change):
        return None
    for x in problem.dynamics.variables:
        if x.domain.kind in ("circle", "interval"):
            continue
        # What H bounds by itself needs no square, which the force would not keep small.
        if is_own_quadratic(problem.lowered.energy, x, problem.dynamics.variables):
            continue
        if not _is_below_square(generator(problem.lowered, _squared(x))):
            return None
    shown = text(change) if not change.is_empty else "0"
    return proved(f"H >= -c (1 + |z|^2), and L (H + K |z|^2) <= c (1 + |z|^2) with L H = {shown}")


def by_terms(problem: Problem) -> Check | None:
    """V = H, shown to tend to infinity as a whole, with L H bounded term by term.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.
    """
    energy = problem.lowered.energy
    if not _is_admissible(problem):
        return None
    is_above_terms = is_proper_by_terms(problem, energy)
    if not is_above_terms and not is_proper(problem):
        return None
    change = generator(problem.lowered, energy)
    for term, coefficient in change.terms.items():
        is_bounded = term_degree(term) == 0 or (coefficient < 0 and is_never_negative(term))
        is_below = is_above_terms and term in energy.terms and is_never_negative(term)
        if not is_bounded and not is_below:
            return None
    shown = text(change) if not change.is_empty else "0"
    return proved(f"H tends to infinity, and L H = {shown} <= c (1 + H)")


@remembered
def _is_admissible(problem: Problem) -> bool:
    """Whether H is smooth, nothing has a pole, and no wall turns H of other variables."""
    dynamics = problem.dynamics
    energy = dynamics.hamiltonian
    if energy is None or not _follows_paths(problem, energy):
        return False
    if may_have_pole(problem) and not poles_are_harmless(problem, energy):
        return False
    # Where H keeps solutions from the poles, nothing is driven infinitely fast.
    if not repels_at_poles(problem) and not _bounded_ones_are_driven_boundedly(problem):
        return False
    return walls_are_harmless(problem)


def _follows_paths(problem: Problem, energy: ex.Expression) -> bool:
    """Whether H changes along paths as L H says: smooth, or with kinks in what has no noise."""
    if repels_at_poles(problem):
        return True
    for part in rough_parts(energy):
        crossed = part.variables
        noisy = any(x in crossed for (x, _), _ in problem.dynamics.blocks())
        if noisy or not is_continuous(part):
            return False
    return True


def _square(problem: Problem) -> ex.Expression | None:
    """The sum of the squares of what is unbounded; None where V is not admissible at an end.

    At an end that reflects, n D grad V has to vanish: it does for x^2 at x = 0 and for what does
    not depend on x, unless D couples x to something else.
    """
    dynamics = problem.dynamics
    ended = [x for x in dynamics.variables if x.domain.kind in ("positive", "interval")]
    if any(x != y and (x in ended or y in ended) for (x, y), _ in dynamics.blocks()):
        return None
    free = [x for x in dynamics.variables if x.domain.kind in ("real", "positive")]
    return ex.Sum(tuple(map(_squared, free))) if free else None


def _squared(x: Variable) -> ex.Expression:
    return ex.Dot(x, x) if x.shape else ex.Product((x, x))


def _bounded_ones_are_driven_boundedly(problem: Problem) -> bool:
    """Whether what V leaves out is nowhere driven infinitely fast by something else."""
    model = problem.lowered
    for x in problem.dynamics.variables:
        if x.domain.kind in ("circle", "interval"):
            parts = [model.drift[x], *(d for pair, d in model.diffusion.items() if x in pair)]
            if any(degree(part) is None for part in parts if part.depends - {variable(x)}):
                return False
    return True


def _is_below_square(change: Tensor) -> bool:
    """Whether L V <= c (1 + |z|^2), term by term; the rest may cancel, as sign(x)^3 does."""
    rest = {
        term: coefficient
        for term, coefficient in change.terms.items()
        if not _is_at_most_quadratic(term, coefficient)
    }
    if not rest or is_zero(Tensor(change.shape, rest)):
        return True
    return falls_as_squares({t: c for t, c in change.terms.items() if not _is_quadratic(t)})


def _is_at_most_quadratic(term: Term, coefficient: Fraction) -> bool:
    return _is_quadratic(term) or (coefficient < 0 and is_never_negative(term))


def _is_quadratic(term: Term) -> bool:
    own = term_degree(term)
    return own is not None and own <= 2


def is_above_minus_square(energy: ex.Expression) -> bool:
    """Whether a scalar is seen to be at least -c (1 + |z|^2): nonnegative and quadratic parts."""
    if never_negative(entry_signs(energy)):
        return True
    own = degree(lower(energy))
    if own is not None and own <= 2:
        return True
    match energy:
        case ex.Sum():
            return all(map(is_above_minus_square, energy.terms))
        case ex.Product():
            known = [f for f in energy.factors if not f.varies]
            rest = [f for f in energy.factors if f.varies]
            signs = [never_negative(entry_signs(f)) for f in known]
            return len(rest) == 1 and all(signs) and is_above_minus_square(rest[0])
        case ex.Quotient() if not energy.denominator.varies:
            return never_negative(entry_signs(energy.denominator)) and is_above_minus_square(
                energy.numerator
            )
    return False


def _is_controlled(term: Term, coefficient: Fraction, quadratic: frozenset[Head]) -> bool:
    """Whether c (1 + H) bounds the term from above: at most quadratic, or never positive."""
    if term_degree(term) == 0:
        return True
    parts = [*term.monomial, *((part, 1) for part in term.open)]
    degree = 0
    for part, exponent in parts:
        if not part.depends:
            continue
        if exponent < 0 or not part.depends <= quadratic:
            return coefficient < 0 and is_never_negative(term)
        if any(h.depends and h.kind is not Kind.VARIABLE for h, _ in part.factors):
            return coefficient < 0 and is_never_negative(term)
        degree += exponent * sum(head.kind is Kind.VARIABLE for head, _ in part.factors)
    return degree <= 2 or (coefficient < 0 and is_never_negative(term))
