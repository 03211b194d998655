"""Changes for a dynamics whose residual vanishes and whose law is not the one that is wanted.

The target gets the temperature of H, H the log det of a metric (and the drift what follows from it
by the recipe), or the noise its sign. Not for residuals that do not vanish (`changes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from sdekit.calculus.contraction import gradient, lower, substitute
from sdekit.calculus.contraction.heads import parameter
from sdekit.calculus.contraction.tensor import zero
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.functions.grammar import grad, logdet
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import add, negate, number, transpose
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.designer.matching import matched
from sdekit.designer.proposals import metrics
from sdekit.designer.raising import readable, scaled
from sdekit.designer.recipe import Recipe, recipe
from sdekit.errors import VerificationError

#: Kind of the change, and the parts of the dynamics that are new.
Parts = tuple[str, Mapping[str, object]]


def law_changes(dynamics: Dynamics) -> Iterator[Parts]:
    """Changes of an Ito dynamics after which the residual still vanishes.

    Checked by: tests/designer/test_repair.py.
    """
    yield from _target(dynamics)
    try:
        found = recipe(dynamics)
    except VerificationError:
        return
    if found is None:
        return
    for G in metrics(dynamics):
        for sign in (1, -1):
            term = scaled(sign, [logdet(G)], [number(Fraction(2))])
            drift = {x: _pushed(found, x, term) for x in dynamics.variables}
            energy = add(dynamics.hamiltonian, term)
            yield "missing log det", {"drift": drift, "hamiltonian": energy}
    diffusion = {pair: readable(negate(block)) for pair, block in dynamics.diffusion.items()}
    # v = reversible + irreversible, and the reversible part is linear in D.
    try:
        drift = {
            x: readable(found.irreversible[x] - found.reversible[x]) for x in dynamics.variables
        }
    except Unsupported:
        return
    yield "sign of D and of the friction", {"drift": drift, "diffusion": diffusion}


def _target(dynamics: Dynamics) -> Iterator[Parts]:
    """The target times the number by which H differs from it where the auxiliaries vanish."""
    if dynamics.target is None or dynamics.hamiltonian is None:
        return
    auxiliary = [x for x in dynamics.variables if x not in dynamics.target_variables]
    weight = Parameter("sdekit_c0")
    try:
        at_rest = substitute(lower(dynamics.hamiltonian), {x: zero(x.shape) for x in auxiliary})
        excess = at_rest - lower(weight) * lower(dynamics.target)
        slopes = [gradient(excess, x) for x in dynamics.target_variables]
        system = matched(slopes, [parameter(weight)])
        values = system.first()
    except Unsupported:
        return
    if values is not None and not values[0][0].is_zero():
        new = readable(system.expression(values[0], dynamics.target))
        yield "temperature of the claimed law", {"target": new}


def _pushed(found: Recipe, x: Variable, energy: Expression) -> Expression:
    """The drift of x with a term more in H: v - (D + Q) grad(energy)."""
    drift = found.dynamics.drift[x]
    for blocks, turned in ((found.D, 1), (found.Q, -1)):
        for (a, b), block in blocks.items():
            ends = [(a, b, block, 1)]
            if a != b:
                order = (*range(a.ndim, a.ndim + b.ndim), *range(a.ndim))
                ends.append(
                    (b, a, readable(transpose(block, *order)) if block.ndim else block, turned)
                )
            for row, column, entry, sign in ends:
                if row == x and energy.depends_on(column) and column.ndim <= 1:
                    slope = grad(energy, column)
                    effect = entry @ slope if column.ndim else entry * slope
                    drift = drift - effect if sign == 1 else drift + effect
    return drift
