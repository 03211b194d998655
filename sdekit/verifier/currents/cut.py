"""Jumps at the cut of a circle: where coefficients are not periodic, by exact evaluation.

Stationarity needs the density times D, and the density times the current, to be equal on both
sides of the cut, which lies at 0 and at the period. Not for what is visibly periodic (`boundary`).
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.pointwise.componentwise import current_of
from sdekit.verifier.pointwise.exact_points import nonzero_at
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Witness, refuted


def periodic_in_components(part: Expression, x: Variable) -> bool:
    """Whether a scalar part is shown to have the period of x by the field engine."""
    from sdekit.calculus.field.zero_proof import is_zero

    if any(node.shape for node in part.walk()):
        return False
    reader = ComponentReader({})
    scalar, phi = reader.scalar(part), reader.coordinate(x, ())
    shifted = scalar.subs(phi, phi + reader.scalar(x.domain.circumference))
    symbols: Any = sorted(scalar.free_symbols, key=str)
    return is_zero(sp.expand_trig(shifted) - sp.expand_trig(scalar), symbols) is True


def jump_at_cut(problem: Problem, x: Variable) -> Check | None:
    """A refutation if rho D or rho J differs between the two sides of the cut at an exact point."""
    period = ComponentReader({}).scalar(x.domain.circumference)
    for sizes in problem.trial_sizes():
        at = problem.components(sizes)
        i = dict(at.variables)[x][0]
        phi = at.coordinates[i]
        assert at.hamiltonian is not None
        density = sp.exp(-at.hamiltonian)
        candidates = {"current": current_of(at, i)}
        for (row, column), entry in at.diffusion.items():
            if row == i:
                candidates[f"D[{phi}, {at.coordinates[column]}]"] = entry
        for name, factor in candidates.items():
            flow = density * factor
            if any(call.has(phi) for call in flow.atoms(AppliedUndef)):
                # An unknown function is periodic by assumption, which its values do not show.
                continue
            jump = flow.subs(phi, period) - flow.subs(phi, 0)
            found = nonzero_at(jump, at, 8)
            if found is not None:
                point, value = found
                return refuted(
                    f"not periodic in {x.name}: the density times the {name} jumps at the cut",
                    Witness(dict(at.sizes), {**point, str(phi): "0"}, value),
                    residual=f"({factor})*exp(-H) between {phi} = 0 and {phi} = {period}",
                )
    return None
