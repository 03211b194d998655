"""Lyapunov functions in coordinates, by growth: polynomials, and sums of functions of linear forms.

V = H or |z|^2 with both V and K V - L V tending to infinity: then L V <= K V + c. Not for what the
index calculus bounds term by term (`lyapunov`).
"""

from __future__ import annotations

import sympy as sp

from sdekit.calculus.expansion.directions import grows_in_every_direction
from sdekit.calculus.expansion.rewriting import summands
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
    """A proof for smooth coefficients on lines and circles, at given sizes.

    Checked by: tests/verifier/confinement/test_polynomial_lyapunov.py.
    """
    dynamics = problem.dynamics
    energy = dynamics.hamiltonian
    if problem.is_for_all_sizes or dynamics.functions or energy is None or not is_small(energy):
        return None
    if any(x.domain.kind not in ("real", "circle") for x in dynamics.variables):
        return None
    if may_have_pole(problem) or next(rough_parts(energy), None) is not None:
        return None
    at = problem.components()
    z = at.coordinates
    if len(z) > _MOST_COORDINATES:
        return None
    space = {s: Variable(s.name, (), None, d) for s, d in zip(z, at.domains, strict=True)}
    free = [s for s, x in space.items() if x.domain.kind == "real"]
    for name, V in {"H": at.hamiltonian, "|z|^2": sum((x**2 for x in free), sp.S.Zero)}.items():
        if not _rises(V, space):
            continue
        change = sum((v * sp.diff(V, x) for v, x in zip(at.drift, z, strict=True)), sp.S.Zero)
        change += sum(
            (entry * sp.diff(V, z[i], z[j]) for (i, j), entry in at.diffusion.items()), sp.S.Zero
        )
        for K in _MULTIPLES:
            rest = _expanded(K * V - change)
            if not rest.free_symbols & set(z) or _rises(rest, space):
                return proved(f"L V <= {K} V + c for V = {name}, which tends to infinity")
    return None


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
