r"""Lyapunov functions that keep solutions from infinity: $L V \le c\,(1 + V)$, V proper.

Tried are V = H, where it is a positive definite quadratic in the auxiliary variables plus a target
that tends to infinity (shown, or assumed of an unknown potential), or a sum of terms of which each
one bounds a further variable; $V = 1 + |z|^2$; and $V = H + K |z|^2$ where H is above
$-c\,(1 + |z|^2)$. Not for completeness or one dimension (`feller`).

Source: Khasminskii (2012), theorem 3.5.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from sdekit.calculus.contraction import Tensor, generator, gradient, is_zero, lower, text
from sdekit.calculus.contraction.heads import Head, Kind, variable
from sdekit.calculus.contraction.rules.definedness import is_sum_of_squares
from sdekit.calculus.contraction.splitting_terms import is_positive
from sdekit.calculus.contraction.tensor import Term
from sdekit.calculus.memory import remembered
from sdekit.calculus.signs.bounded import is_bounded
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import never_negative
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.confinement.at_poles import may_have_pole, poles_are_harmless, repels_at_poles
from sdekit.verifier.confinement.at_walls import walls_are_harmless
from sdekit.verifier.confinement.tensor_growth import degree, falls_as_squares, term_degree
from sdekit.verifier.currents.poles import repulsion
from sdekit.verifier.currents.smoothness import is_continuous, rough_parts
from sdekit.verifier.declared_facts import below_functions, is_coercive
from sdekit.verifier.integrals.lower_bounds import summands
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, proved


def by_energy(problem: Problem) -> Check | None:
    """V = H.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.
    """
    if not _is_admissible(problem):
        return None
    quadratic = _gaussian_variables(problem)
    proper = _properness(problem, quadratic)
    if proper is None:
        return None
    change = generator(problem.lowered, problem.lowered.energy)
    is_kept = change.is_empty or is_zero(change)
    if not is_kept and not all(_is_controlled(*term, quadratic) for term in change.terms.items()):
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
        if _is_own_quadratic(problem.lowered.energy, x, problem.dynamics.variables):
            continue
        if not _is_below_square(generator(problem.lowered, _squared(x))):
            return None
    shown = text(change) if not change.is_empty else "0"
    return proved(f"H >= -c (1 + |z|^2), and L (H + K |z|^2) <= c (1 + |z|^2) with L H = {shown}")


def by_terms(problem: Problem) -> Check | None:
    """V = H, a sum of nonnegative and bounded terms of which each bounds a further variable.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.
    """
    energy = problem.lowered.energy
    if not _is_admissible(problem) or not _is_proper_by_terms(problem, energy):
        return None
    change = generator(problem.lowered, energy)
    for term, coefficient in change.terms.items():
        is_bounded = term_degree(term) == 0 or (coefficient < 0 and _is_never_negative(term))
        if not is_bounded and not (term in energy.terms and _is_never_negative(term)):
            return None
    shown = text(change) if not change.is_empty else "0"
    return proved(f"H tends to infinity term by term, and L H = {shown} <= c (1 + H)")


@remembered
def _is_admissible(problem: Problem) -> bool:
    """Whether H is smooth, nothing has a pole, and no wall turns H of other variables."""
    dynamics = problem.dynamics
    energy = dynamics.hamiltonian
    if energy is None or not _follows_paths(problem, energy):
        return False
    if may_have_pole(problem) and not poles_are_harmless(problem, energy):
        return False
    if not _bounded_ones_are_driven_boundedly(problem):
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


def _is_proper_by_terms(problem: Problem, energy: Tensor) -> bool:
    """Whether H <= C bounds one variable after the other."""
    terms = [t for t, c in energy.terms.items() if c > 0 and _is_never_negative(t)]
    if any(t not in terms and term_degree(t) != 0 for t in energy.terms):
        return False
    bounded = {
        variable(x) for x in problem.dynamics.variables if x.domain.kind in ("circle", "interval")
    }
    missing = {variable(x) for x in problem.dynamics.variables} - bounded
    while missing:
        found = {x for x in missing for term in terms if _bounds(term, x, bounded)}
        if not found:
            return False
        bounded |= found
        missing -= found
    return True


def _bounds(term: Term, x: Head, bounded: set[Head]) -> bool:
    """Whether the term is a power of |x| times something positive of bounded variables."""
    grows = False
    for part, exponent in term.monomial:
        heads = [head for head, _ in part.factors]
        is_power = exponent > 0 and (
            (len(heads) == 1 and (exponent % 2 == 0 or x.is_positive) and not x.slots)
            or (len(heads) == 2 and part.factors[0] == part.factors[1])
        )
        if all(head is x for head in heads) and is_power:
            grows = True
        elif not part.depends <= bounded or not (
            is_positive(part) or (not part.depends and _is_inverse_square(exponent))
        ):
            return False
    return grows


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
    return _is_quadratic(term) or (coefficient < 0 and _is_never_negative(term))


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


def _properness(problem: Problem, quadratic: frozenset[Head]) -> tuple[str, ...] | None:
    """What is assumed for H to tend to infinity; None if it may not."""
    unbounded = [x for x in problem.auxiliary if x.domain.kind not in ("circle", "interval")]
    if any(variable(x) not in quadratic for x in unbounded):
        return None
    moving = _coupled_in_excess(problem, quadratic)
    rest = [x for x in moving if x.domain.kind not in ("circle", "interval")]
    if moving and (len(rest) < len(moving) and next(rough_parts(problem.excess), None)):
        return None
    if problem.target_has_unknown:
        below = below_functions(problem.target)
        is_proper = below is not None and _target_is_proper(problem, below)
        if not rest and (is_proper or is_coercive(problem.target, problem.target_variables)):
            return ()
        proper = problem.dynamics.hamiltonian if rest else problem.target
        return (f"{proper!r} is bounded below and tends to infinity",)
    return () if not rest and _target_is_proper(problem, problem.target) else None


def _coupled_in_excess(problem: Problem, quadratic: frozenset[Head]) -> list[Variable]:
    """The variables that H - target depends on beside those that are quadratic in it."""
    excess = lower(problem.excess)
    blocks = (*problem.auxiliary, *problem.target_variables)
    others = [x for x in blocks if variable(x) not in quadratic]
    return [x for x in others if not gradient(excess, x).is_empty]


def _target_is_proper(problem: Problem, target: ex.Expression) -> bool:
    """Whether a concrete target is a definite quadratic, or coercive at the sizes given.

    Poles at which it tends to infinity are bounded below, and logarithms fall too slowly to count.
    """
    written = problem.sized(target)
    walls: frozenset[ex.Expression] = frozenset()
    if repels_at_poles(problem):
        found = repulsion(written)
        walls, written = found.bases, ex.Sum((ZERO, *found.polynomial))
    written = ex.Sum((ZERO, *(part for part in summands(written) if not is_bounded(part))))
    energy = lower(written)
    blocks = problem.target_variables
    # The end of a half-line is no wall where H is infinite there.
    kinds = {x.domain.kind + (" with a pole" if x in walls else "") for x in blocks}
    if not kinds <= {"real", "real with a pole", "positive with a pole"}:
        return False
    if all(_is_own_quadratic(energy, x, blocks) for x in blocks):
        return True
    if problem.is_for_all_sizes:
        return False
    from sdekit.verifier.integrals.coercivity import coercive

    reader = ComponentReader(problem.all_sizes(problem.sizes or {}), problem.dynamics.names)
    coordinates = problem.components().target_coordinates
    return coercive(reader.scalar(written), coordinates) is not None


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
    """A product of positive scalars, even powers and sums of squares."""
    return not term.open and all(
        exponent % 2 == 0 or is_sum_of_squares(part) for part, exponent in term.monomial
    )
