"""Whether an energy is bounded below and tends to infinity with the state.

An energy that is continuous and above such a function is such a function; so is the least of
several, and so is one of independent blocks if it is one in each. Not for what it does along paths
(`lyapunov`).
"""

from __future__ import annotations

from collections.abc import Iterable

from sdekit.calculus.contraction import Tensor, gradient, lower
from sdekit.calculus.contraction.heads import Head, Kind, variable
from sdekit.calculus.contraction.rules.definedness import is_sum_of_squares
from sdekit.calculus.contraction.splitting_terms import is_positive
from sdekit.calculus.contraction.tensor import Term
from sdekit.calculus.expansion.directions import grows_in_every_direction
from sdekit.calculus.expansion.lengths import grows_in_lengths
from sdekit.calculus.expansion.rewriting import summands
from sdekit.calculus.signs.bounded import is_bounded
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.confinement.at_poles import repels_at_poles
from sdekit.verifier.confinement.at_walls import is_never_met
from sdekit.verifier.confinement.tensor_growth import term_degree
from sdekit.verifier.currents.poles import repulsion
from sdekit.verifier.currents.smoothness import rough_parts
from sdekit.verifier.declared_facts import below_functions, is_coercive
from sdekit.verifier.integrals.lower_bounds import grows_by_bounds
from sdekit.verifier.question import Problem


def properness(problem: Problem, quadratic: frozenset[Head]) -> tuple[str, ...] | None:
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
    blocks = problem.target_variables
    # The end of a half-line or interval is no wall where H is infinite there.
    if not all(
        x.domain.kind in ("real", "circle")
        or (x.domain.kind == "positive" and x in walls)
        or is_never_met(problem, x)
        for x in blocks
    ):
        return False
    parts = summands(written)
    if grows_in_every_direction(parts, blocks) or grows_in_lengths(parts, blocks):
        return True
    energy = lower(written)
    if all(is_own_quadratic(energy, x, blocks) for x in blocks):
        return True
    if not walls and grows_by_bounds(written, blocks) is not None:
        return True
    if problem.is_for_all_sizes:
        return False
    from sdekit.verifier.integrals.coercivity import coercive

    reader = ComponentReader(problem.all_sizes(problem.sizes or {}), problem.dynamics.names)
    coordinates = problem.components().target_coordinates
    return coercive(reader.scalar(written), coordinates) is not None


def gaussian_variables(problem: Problem) -> frozenset[Head]:
    """Auxiliary variables in which H - target is a constant positive definite quadratic.

    Blocks that are coupled in H are left out: each has to be bounded by H by itself.
    """
    energy = lower(problem.excess)
    every = (*problem.auxiliary, *problem.target_variables)
    real = [x for x in problem.auxiliary if x.domain.kind == "real"]
    return frozenset(variable(x) for x in real if is_own_quadratic(energy, x, every))


def is_own_quadratic(energy: Tensor, x: Variable, others: Iterable[Variable]) -> bool:
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


def is_proper(problem: Problem) -> bool:
    """Whether H is bounded below and tends to infinity, by what is below it."""
    blocks = [problem.sized(x) for x in problem.dynamics.variables]
    return grows_by_bounds(problem.sized(problem.dynamics.hamiltonian), blocks) is not None


def is_proper_by_terms(problem: Problem, energy: Tensor) -> bool:
    """Whether H <= C bounds one variable after the other, H being above each of its terms."""
    terms = [t for t, c in energy.terms.items() if c > 0 and is_never_negative(t)]
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


def is_never_negative(term: Term) -> bool:
    """A product of positive scalars, even powers and sums of squares."""
    return not term.open and all(
        exponent % 2 == 0 or is_sum_of_squares(part) for part, exponent in term.monomial
    )
