r"""Kernels that are linear where energies are harmonic: the covariance they leave is followed.

With U = |x|^2/2 and H a quadratic form, refreshments, linear maps and exact flows of linear letters
make $z' = Mz + N\zeta$; exp(-H), Gaussian with covariance $\Sigma$, gets the covariance
$M\Sigma M^\top + NN^\top$. Where that is another one, the law is not kept. Not for steps with
an acceptance, nor for proofs: the harmonic case is one case.

Checked by: tests/verifier/markov/test_gaussian_chain.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from flint import arb

from sdekit.calculus.field.witnesses.balls import number_value
from sdekit.calculus.limits import Unsupported
from sdekit.kernels.path import letters_of_word
from sdekit.kernels.steps import Drawn, Flow, Map, Metropolis, Refresh, Step
from sdekit.verifier.markov.harmonic_flux import VALUES, Path
from sdekit.verifier.markov.kernel_problem import KernelProblem
from sdekit.verifier.verdict import Check


def refute_by_covariance(problem: KernelProblem, steps: Sequence[Step]) -> Check | None:
    """A refutation by the second moments that the steps leave of a Gaussian exp(-H).

    Args:
        problem: The kernel.
        steps: All of its steps.
    """
    tried = (_refutation(problem, steps, value) for value in VALUES)
    return next((found for found in tried if found is not None), None)


def _refutation(problem: KernelProblem, steps: Sequence[Step], value: sp.Expr) -> Check | None:
    try:
        path = Path(problem, Metropolis(()), value)
        starts = list(path.state)
        path.state = {x: x for x in starts}
        energy = path.read(problem.kernel.hamiltonian)
        covariance = _precision(energy, starts).inv()
        for step in steps:
            _move(path, step, energy)
        ends = [sp.Poly(path.state[x], *starts, *path.noises) for x in starts]
    except (Unsupported, sp.PolynomialError, ValueError):
        return None
    if any(sum(m) != 1 for end in ends for m in end.monoms() if not end.is_zero):
        return None
    rows = sp.Matrix([[end.coeff_monomial(g) for g in (*starts, *path.noises)] for end in ends])
    M: Any = rows[:, : len(starts)]
    N: Any = rows[:, len(starts) :]
    left = (M * covariance * M.T + N * N.T - covariance).applyfunc(sp.expand)
    for i, x in enumerate(starts):
        for j, y in enumerate(starts[: i + 1]):
            gap = arb(number_value(left[i, j]))
            if not gap.contains(0):
                reason = f"exp(-H) is not kept: E {x} {y} changes by {gap.str(12)}"
                return path.refuted(reason, str(left[i, j]), starts)
    return None


def _precision(energy: sp.Expr, variables: Sequence[sp.Symbol]) -> sp.Matrix:
    """The Hessian of a quadratic form.

    Raises:
        Unsupported: If it is none, up to a constant, or not positive definite.
    """
    form = sp.Poly(energy - energy.subs(dict.fromkeys(variables, 0)), *variables)
    if any(sum(m) != 2 for m in form.monoms()):
        raise Unsupported("the energy is no quadratic form")
    found = sp.hessian(form.as_expr(), variables)
    if not found.is_positive_definite:
        raise Unsupported("exp(-H) is not seen to be Gaussian")
    return found


def _move(path: Path, step: Step, energy: sp.Expr) -> None:
    """One step along the path.

    Raises:
        Unsupported: If it is not linear.
    """
    if isinstance(step, Refresh):
        _redraw(path, step, energy)
    elif isinstance(step, Map):
        images = {path.symbol(x): path.read(image, x) for x, image in step.images}
        path.state |= {x: path.at_state(image) for x, image in images.items()}
    elif isinstance(step, Flow) and not isinstance(step.steps, Drawn):
        size = path.read(step.step_size)
        for _ in range(step.steps if isinstance(step.steps, int) else 1):
            for letter in letters_of_word(step):
                path.run(letter, size)
    else:
        raise Unsupported(f"a {type(step).__name__} is not linear")


def _redraw(path: Path, step: Refresh, energy: sp.Expr) -> None:
    """x' = m + c (x - m) + s V^(1/2) noise, of one block."""
    if len(step.variables) != 1:
        raise Unsupported("blocks that are redrawn together")
    (block,) = step.variables
    x = path.symbol(block)
    law = energy if step.law is None else path.read(step.law)
    keep = path.read(step.keep)
    noise = sp.sqrt(1 - keep**2) if step.noise is None else path.read(step.noise)
    slope = sp.expand(sp.diff(law, x))
    curvature = sp.expand(sp.diff(slope, x))
    if (
        not curvature.is_positive
        or curvature.free_symbols
        or keep.free_symbols
        or not noise.is_real
    ):
        raise Unsupported("a block that is not seen to be Gaussian")
    mean = path.at_state(sp.expand(x - slope / curvature))
    old = path.state[x]
    path.state[x] = sp.expand(
        mean + keep * (old - mean) + noise / sp.sqrt(curvature) * path.noise()
    )
