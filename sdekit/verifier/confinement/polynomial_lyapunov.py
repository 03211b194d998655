"""Lyapunov functions of polynomial models in coordinates, by the growth of polynomials.

V = H or |z|^2 with both V and K V - L V tending to infinity: then L V <= K V + c. Not for what the
index calculus bounds term by term (`lyapunov`).
"""

from __future__ import annotations

import sympy as sp

from sdekit.verifier.integrals.coercivity import coercive, is_small
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, proved

#: Multiples of V that L V is compared with.
_MULTIPLES = (0, 1, 8)
_MOST_COORDINATES = 24


def by_coercivity(problem: Problem) -> Check | None:
    """A proof for polynomial coefficients on the whole space, at given sizes.

    Checked by: tests/verifier/confinement/test_polynomial_lyapunov.py.
    """
    dynamics = problem.dynamics
    energy = dynamics.hamiltonian
    if problem.is_for_all_sizes or dynamics.functions or energy is None or not is_small(energy):
        return None
    if any(x.domain.kind != "real" for x in dynamics.variables):
        return None
    at = problem.components()
    z = at.coordinates
    parts = (*at.drift, *at.diffusion.values())
    if len(z) > _MOST_COORDINATES or not all(part.is_polynomial(*z) for part in parts):
        return None
    candidates = {"H": at.hamiltonian, "|z|^2": sum((x**2 for x in z), sp.S.Zero)}
    for name, V in candidates.items():
        if not V.is_polynomial(*z) or coercive(V, z) is None:
            continue
        change = sum((v * sp.diff(V, x) for v, x in zip(at.drift, z, strict=True)), sp.S.Zero)
        change += sum(
            (entry * sp.diff(V, z[i], z[j]) for (i, j), entry in at.diffusion.items()), sp.S.Zero
        )
        for K in _MULTIPLES:
            rest = sp.expand(K * V - change)
            if not rest.free_symbols & set(z) or coercive(rest, z) is not None:
                return proved(f"L V <= {K} V + c for V = {name}, which tends to infinity")
    return None
