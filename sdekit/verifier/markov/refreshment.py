r"""Refreshment: new values from the conditional law of a block, or part of the way there.

With E the energy that is drawn from, a full refreshment keeps exp(-H) exactly if
$\nabla_p(E - H) = 0$; a partial one, $p' = m + c(p - m) + s V^{1/2}\zeta$, for a Gaussian
conditional law with $c^2 + s^2 = 1$ as well. Not for what follows a wrong one (`composition`).

Source: Horowitz (1991) for partial refreshment [recalled].
Checked by: tests/verifier/markov/test_kernel_ladder.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flint import arb, arb_mat, fmpq

from sdekit.calculus.contraction import Tensor, counterexample, gradient, is_zero, lower, text
from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.heads import Kind
from sdekit.calculus.contraction.tensor import Term, number
from sdekit.calculus.contraction.values.concrete_model import OutsideDomain
from sdekit.calculus.contraction.values.evaluate import has_nonnegative_pivots
from sdekit.calculus.contraction.values.function_polynomials import (
    Polynomial,
    Value,
    coordinates,
)
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter, Variable
from sdekit.kernels.steps import Refresh
from sdekit.verifier.markov.exact_moves import Place
from sdekit.verifier.markov.kernel_problem import KernelProblem, nonnegative, require_free
from sdekit.verifier.verdict import Check, Witness, proved, refuted, undecided


def check_refreshment(problem: KernelProblem, step: Refresh) -> Check:
    """Whether a refreshment keeps exp(-H).

    Raises:
        Unsupported: If a formula is outside the calculus.
    """
    names = ", ".join(x.name for x in step.variables)
    keep = lower(step.keep)
    for x in step.variables:
        for scalar in (keep, lower(ZERO if step.noise is None else step.noise)):
            if scalar.depends & lower(x).depends:
                raise Unsupported(f"keep or noise reads {x.name}, which is refreshed")
    moved = number(1) - keep * keep
    for x, slope in _excess(problem, step).items():
        if not is_zero(moved * slope):
            return _refuted(
                moved * slope,
                f"{x.name} is not drawn from its conditional law under exp(-H): the slopes of the "
                f"two energies in {x.name} differ by {text(slope)}",
            )
    if step.keep == ZERO and step.noise is None:
        return proved(f"{names} is drawn from its conditional law under exp(-H)")
    for x in step.variables:
        require_free(x)
    if not is_gaussian(problem.energy, step.variables):
        raise Unsupported(f"the conditional law of {names} is not seen to be Gaussian")
    if step.noise is not None:
        noise = lower(step.noise)
        left = noise * noise - moved
        if not is_zero(left):
            return _refuted(left, f"keep**2 + noise**2 is not 1 but larger by {text(left)}")
    room = nonnegative(problem, 1 - step.keep**2)
    said = f"{names} keeps its Gaussian conditional law under exp(-H), as keep**2 + noise**2 = 1"
    return proved(said, side_conditions=() if room is None else (room,))


def _excess(problem: KernelProblem, step: Refresh) -> dict[Variable, Tensor]:
    if step.law is None:
        return {}
    difference = lower(step.law) - problem.energy
    return {x: gradient(difference, x) for x in step.variables}


def _refuted(left: Tensor, reason: str) -> Check:
    found = counterexample(left)
    if found is None:
        return undecided(reason, residual=text(left))
    witness = Witness(found.dimensions, found.point, found.value, functions=found.functions)
    return refuted(reason, witness, residual=text(left))


def is_gaussian(
    energy: Tensor, variables: tuple[Variable, ...], *, through_functions: bool = False
) -> bool:
    """Whether an energy is quadratic in some blocks, with a Hessian that none of them enters.

    Args:
        energy: The energy.
        variables: The blocks.
        through_functions: Whether unknown functions count as quadratic.
    """

    def vanishes(third: Tensor) -> bool:
        kept = {
            term: c
            for term, c in third.terms.items()
            if not (through_functions and any(map(_is_third, _parts_of(term))))
        }
        return is_zero(Tensor(third.shape, kept))

    return all(
        vanishes(gradient(gradient(gradient(energy, x), y), z))
        for x, y, z in itertools.product(variables, repeat=3)
    )


def _parts_of(term: Term) -> Iterator[Component]:
    """The components that a term is a product of."""
    yield from (part for part, _ in term.monomial)
    yield from term.open


def _is_third(part: Component) -> bool:
    """Whether a derivative of third order of a function is a factor."""
    return any(h.kind is Kind.CALL and len(h.data.derivatives) > 2 for h, _ in part.factors)


@dataclass(frozen=True)
class Refreshed:
    r"""The density of exp(-H) after one wrong refreshment, divided by exp(-H), at exact points.

    Under H and under the energy E that is drawn from, the block is Gaussian, with precisions A and
    B: behind $x' = m_E + c(x - m_E) + s B^{-1/2}\zeta$ it has the mean $m_E + c(m_H - m_E)$ and the
    covariance $c^2A^{-1} + s^2B^{-1}$. Unknown functions are quadratic forms here.
    """

    problem: KernelProblem
    step: Refresh

    def __post_init__(self) -> None:
        if len(self.step.variables) > 1 or not all(
            is_gaussian(e, self.step.variables, through_functions=True) for e in self._energies
        ):
            raise Unsupported("the law after the wrong refreshment has no closed form here")

    @property
    def _energies(self) -> tuple[Tensor, Tensor]:
        """H, and E."""
        law = self.step.law
        return self.problem.energy, self.problem.energy if law is None else lower(law)

    def reads(self, x: Variable) -> bool:
        """Whether the density ratio may depend on a block."""
        (own,) = self.step.variables
        slopes = (gradient(energy, own) for energy in self._energies)
        scales = (self.step.keep, ZERO if self.step.noise is None else self.step.noise)
        here = lower(x).depends
        return x == own or any(here & t.depends for t in (*slopes, *map(lower, scales)))

    def make_quadratic(self, place: Place) -> None:
        """Let unknown functions at a place be positive definite quadratic forms, and c one half.

        Raises:
            Unsupported: If one is declared to be something else.
        """
        for function in _functions(self._energies):
            if function.shape or function.assumptions - {"convex", "even", "coercive"}:
                raise Unsupported(f"{function.name} is no quadratic form")
            where = coordinates(function.arguments, place.model.sizes)
            terms = {((x, 2),): fmpq(1, 2) for x in where}
            pairs = itertools.combinations(sorted(where), 2)
            terms |= {((x, 1), (y, 1)): fmpq(1, 2 * len(where)) for x, y in pairs}
            place.model.functions[function] = {(): Polynomial(terms)}
        if isinstance(self.step.keep, Parameter):
            place.model.symbols[self.step.keep] = {(): fmpq(1, 2)}
        place.model.forget_values()

    def log_ratio(self, place: Place) -> arb:
        """log of the density ratio at the present state.

        Raises:
            OutsideDomain: If a precision is not positive definite there.
        """
        (away, precise), (apart, drawn) = (self._centred(place, e) for e in self._energies)
        keep = arb(place.value(lower(self.step.keep)))
        noise = 1 - keep**2
        if self.step.noise is not None:
            noise = arb(place.value(lower(self.step.noise))) ** 2
        spread = precise.inv() * keep**2 + drawn.inv() * noise
        gap = apart * (1 - keep) + away * keep
        size = _positive_determinant(spread) * _positive_determinant(precise)
        before = (away.transpose() * precise * away)[0, 0]
        behind = (gap.transpose() * spread.solve(gap))[0, 0]
        return (before - behind - size.log()) / 2

    def _centred(self, place: Place, energy: Tensor) -> tuple[arb_mat, arb_mat]:
        """The block less its mean, and the precision."""
        (x,) = self.step.variables
        slope = gradient(energy, x)
        curvature = place.block(gradient(slope, x))
        entries = place.block(slope)
        matrix = arb_mat([[_ball(curvature[i + j]) for j in entries] for i in entries])
        _positive_determinant(matrix)
        return matrix.solve(arb_mat([[_ball(value)] for value in entries.values()])), matrix


def _positive_determinant(matrix: arb_mat) -> arb:
    """The determinant of a positive definite matrix.

    Raises:
        OutsideDomain: If it is not seen to be one.
    """
    found = matrix.det()
    if not (found > 0 and has_nonnegative_pivots(matrix.tolist())):
        raise OutsideDomain("a precision that is not positive definite")
    return found


def _functions(energies: Iterable[Tensor]) -> set[FunctionSymbol]:
    parts = (part for energy in energies for part in energy.components())
    return {h.data.function for part in parts for h, _ in part.factors if h.kind is Kind.CALL}


def _ball(value: Value) -> arb:
    return arb(value)
