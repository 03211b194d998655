r"""Refreshment: new values from the conditional law of a block, or part of the way there.

With E the energy that is drawn from, a full refreshment keeps exp(-H) exactly if
$\nabla_p(E - H) = 0$; a partial one, $p' = m + c(p - m) + s V^{1/2}\zeta$, for a Gaussian
conditional law with $c^2 + s^2 = 1$ as well. Not for what follows a wrong one (`composition`).

Source: Horowitz (1991) for partial refreshment [recalled].
Checked by: tests/verifier/markov/test_kernel_ladder.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb, arb_mat, fmpq

from sdekit.calculus.contraction import Tensor, counterexample, gradient, is_zero, lower, text
from sdekit.calculus.contraction.tensor import number
from sdekit.calculus.contraction.values.function_polynomials import Value
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
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


def is_gaussian(energy: Tensor, variables: tuple[Variable, ...]) -> bool:
    """Whether an energy is quadratic in some blocks, with a Hessian that none of them enters."""
    for x in variables:
        for y in variables:
            curvature = gradient(gradient(energy, x), y)
            if any(not is_zero(gradient(curvature, z)) for z in variables):
                return False
    return True


@dataclass(frozen=True)
class Refreshed:
    """The density of exp(-H) after one wrong refreshment, divided by exp(-H), at exact points."""

    problem: KernelProblem
    step: Refresh

    def __post_init__(self) -> None:
        energies = [self.problem.energy, *([] if self.step.law is None else [lower(self.step.law)])]
        if len(self.step.variables) > 1 or not all(
            is_gaussian(e, self.step.variables) for e in energies
        ):
            raise Unsupported("the law after the wrong refreshment has no closed form here")
        if self.step.law is not None and self.step.keep != ZERO:
            raise Unsupported("a partial refreshment of another law has no closed form here")

    def log_ratio(self, place: Place) -> arb:
        """log of the density ratio at the present state."""
        form, log_det, count = self._gaussian(place, self.problem.energy)
        if self.step.law is not None:
            other, other_det, _ = self._gaussian(place, lower(self.step.law))
            return form - other + (other_det - log_det) / 2
        keep = place.value(lower(self.step.keep))
        noise = fmpq(1) - keep * keep
        if self.step.noise is not None:
            noise = place.value(lower(self.step.noise)) ** 2
        spread = arb(keep * keep + noise)
        if not spread > 0:
            raise Unsupported("the refreshed block does not move")
        return form - form / spread - count * spread.log() / 2

    def _gaussian(self, place: Place, energy: Tensor) -> tuple[arb, arb, int]:
        """g^T V g / 2, log det V^-1 and the number of entries, g the slope of the energy."""
        (x,) = self.step.variables
        slope = gradient(energy, x)
        curvature = place.block(gradient(slope, x))
        entries = place.block(slope)
        rows = list(entries)
        matrix = arb_mat([[_ball(curvature[i + j]) for j in rows] for i in rows])
        column = arb_mat([[_ball(entries[i])] for i in rows])
        try:
            solved = matrix.solve(column)
        except ZeroDivisionError:
            raise Unsupported("the law drawn from is degenerate") from None
        form = (column.transpose() * solved)[0, 0] / 2
        return form, abs(matrix.det()).log(), len(rows)


def _ball(value: Value) -> arb:
    return arb(value)
