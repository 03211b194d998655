r"""Positions whose momenta turn round at a wall: what flows out comes back.

Where a position q without noise of its own meets the end of its domain, a simulation reflects
specularly: entry i of the velocity W p changes its sign by $p \to p - \frac{2 (Wp)_i}{W_{ii}} e_i$,
or by $p \to -p$ for one momentum. If that map leaves H as it is, the flux $(Wp)_i e^{-H}$ at p is
minus that at the image of p, and as it keeps volumes, exp(-H) loses nothing.

Not for positions with noise, which are reflected along D n (`sdekit.verifier.rungs.boundary`).

Source: the billiard flow [recalled].
Checked by: tests/verifier/currents/test_specular.py.
"""

from __future__ import annotations

from sdekit.calculus import contraction
from sdekit.calculus.expansion.rewriting import is_locally_bounded, substituted
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.functions.grammar import grad
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import add, negate, subtract
from sdekit.declaration.tree.symbols import Variable
from sdekit.schemes.split.affine import expanded_terms
from sdekit.schemes.split.linear_maps import linear_map


def turned_momentum(dynamics: Dynamics, q: Variable) -> Variable | None:
    """The momentum that turns where q meets the end of its domain, if exp(-H) is kept by that.

    Args:
        dynamics: With H, in Ito form.
        q: A variable with a boundary.

    Returns:
        None where q has noise, moves along something else, or H is not seen to be even.
    """
    energy, velocity = dynamics.hamiltonian, dynamics.drift[q]
    if energy is None or any(q in pair for pair, _ in dynamics.blocks()):
        return None
    read = velocity.variables
    if len(read) != 1 or read == {q}:
        return None
    (p,) = read
    if p.shape != q.shape or p.domain.kind != "real" or p.symmetry or q.symmetry:
        return None
    try:
        is_kept = _is_flow(velocity, energy, p) or (not p.shape and _is_even(velocity, energy, p))
    except Unsupported:
        return None
    return p if is_kept else None


def is_finite_at_ends(dynamics: Dynamics, q: Variable) -> bool:
    """Whether H is visibly finite up to the ends of the domain of q; unknown functions are."""
    assert dynamics.hamiltonian is not None
    anywhere = Variable(q.name, q.shape)
    try:
        return is_locally_bounded(substituted(dynamics.hamiltonian, {q: anywhere}), anywhere)
    except Unsupported:
        return False


def _is_flow(velocity: Expression, energy: Expression, p: Variable) -> bool:
    """Whether the velocity is W p with a constant W, and the gradient of H by p."""
    terms = expanded_terms(velocity)
    if not terms or not all(linear_map(term, p) for term in terms):
        return False
    return _vanishes(subtract(grad(energy, p), velocity))


def _is_even(velocity: Expression, energy: Expression, p: Variable) -> bool:
    """Whether one momentum with the other sign has the opposite velocity and the same energy."""
    opposite = {p: negate(p)}
    return _vanishes(add(velocity, substituted(velocity, opposite))) and _vanishes(
        subtract(energy, substituted(energy, opposite))
    )


def _vanishes(expression: Expression) -> bool:
    return contraction.is_zero(contraction.lower(expression))
