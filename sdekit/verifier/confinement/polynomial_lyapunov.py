"""Lyapunov functions in coordinates, by growth: polynomials, and sums of functions of linear forms.

V = H or |z|^2 with both V and K V - L V tending to infinity: then L V <= K V + c. On half-lines
V = H - log x, the energy of log x: where it tends to infinity with log x, neither 0 nor infinity is
met. Not for what the index calculus bounds term by term (`lyapunov`).
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from sdekit.calculus.expansion.directions import grows_in_every_direction
from sdekit.calculus.expansion.rewriting import INTERNAL, summands
from sdekit.declaration.model.components import Components
from sdekit.declaration.tree.domains import REAL
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.confinement.at_poles import may_have_pole
from sdekit.verifier.currents.smoothness import rough_parts
from sdekit.verifier.integrals.coercivity import coercive, is_small
from sdekit.verifier.pointwise.componentwise import read_back
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, proved

#: Multiples of V that L V is compared with.
_MULTIPLES = (0, 1, 8)
_MOST_COORDINATES = 24


def by_coercivity(problem: Problem) -> Check | None:
    """A proof for smooth coefficients on lines, half-lines and circles, at given sizes.

    Checked by: tests/verifier/confinement/test_polynomial_lyapunov.py.
    """
    dynamics = problem.dynamics
    energy = dynamics.hamiltonian
    if problem.is_for_all_sizes or dynamics.functions or energy is None or not is_small(energy):
        return None
    kinds = {x.domain.kind for x in dynamics.variables}
    if not kinds <= {"real", "circle", "positive"}:
        return None
    parts = (*dynamics.drift.values(), *dynamics.diffusion.values(), energy)
    if "positive" in kinds:
        # What is shown never to meet the ends may have poles there.
        if any(next(rough_parts(part, inside=True), None) is not None for part in parts):
            return None
    elif may_have_pole(problem) or next(rough_parts(energy), None) is not None:
        return None
    at = problem.components()
    if len(at.coordinates) > _MOST_COORDINATES:
        return None
    for name, V in _candidates(at):
        for K in _MULTIPLES:
            is_bound = _bounds_its_change(V, at, K)
            if is_bound is None:
                break
            if is_bound:
                return proved(f"L V <= {K} V + c for V = {name}, which tends to infinity")
    return None


def _candidates(at: Components) -> list[tuple[str, sp.Expr]]:
    """Functions that may bound the state, with their names."""
    positive = [s for s, d in zip(at.coordinates, at.domains, strict=True) if d.kind == "positive"]
    if positive:
        # The energy of the logarithms, whose density has another measure.
        names = " - ".join(("H", *(f"log({s})" for s in positive)))
        return [(names, at.hamiltonian - sum(map(sp.log, positive)))]
    free = [s for s, d in zip(at.coordinates, at.domains, strict=True) if d.kind == "real"]
    return [("H", at.hamiltonian), ("|z|^2", sum((x**2 for x in free), sp.S.Zero))]


def _bounds_its_change(V: sp.Expr, at: Components, K: int) -> bool | None:
    """Whether K V - L V is bounded below, in logarithms on half-lines; None if V is not proper."""
    z = at.coordinates
    space, images = {}, {}
    for s, domain in zip(z, at.domains, strict=True):
        if domain.kind == "positive":
            images[s] = sp.exp(sp.Symbol(f"{INTERNAL}log_{s}", real=True))
            s, domain = images[s].args[0], REAL
        space[s] = Variable(s.name, (), None, domain)
    written: Any = V
    if not _rises(written.xreplace(images), space):
        return None
    change = sum((v * sp.diff(V, x) for v, x in zip(at.drift, z, strict=True)), sp.S.Zero)
    change += sum(
        (entry * sp.diff(V, z[i], z[j]) for (i, j), entry in at.diffusion.items()), sp.S.Zero
    )
    gap: Any = sp.expand(K * V - change)
    rest = _expanded(gap.xreplace(images))
    return not rest.free_symbols & set(space) or _rises(rest, space)


def _rises(energy: sp.Expr, space: dict[sp.Symbol, Variable]) -> bool:
    """Whether it tends to infinity with the coordinates on lines."""
    free = [s for s, x in space.items() if x.domain.kind == "real"]
    if coercive(energy, free) is not None:
        return True
    parts = summands(read_back(_expanded(energy), space))
    return grows_in_every_direction(parts, tuple(space.values())) is not None


def _expanded(energy: sp.Expr) -> sp.Expr:
    """Multiplied out, but for exponentials of sums, which are functions of one linear form."""
    return sp.expand(energy, power_exp=False, power_base=False, log=False)
