"""The exact engine for given sizes: a differential field that SymPy expressions are read into.

    from sdekit.calculus import field

    field.residual(components)     is exp(-H) stationary? proof, or exact witness
    field.current(components)      the probability current with its jumps and poles
    field.is_zero(expression)      does an expression vanish identically?
    field.DifferentialField(xs)    elements with derivatives and division

Names are loaded on first use. Not for all n at once (`sdekit.calculus.contraction`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdekit.loading import on_use

if TYPE_CHECKING:
    from sdekit.calculus.field.elements import DifferentialField as DifferentialField
    from sdekit.calculus.field.elements import Element as Element
    from sdekit.calculus.field.elements import is_zero as is_zero
    from sdekit.calculus.field.elements import zero_decision as zero_decision
    from sdekit.calculus.field.field_current import Current as Current
    from sdekit.calculus.field.field_current import current as current
    from sdekit.calculus.field.field_residual import FieldResidual as FieldResidual
    from sdekit.calculus.field.field_residual import residual as residual
    from sdekit.calculus.field.witnesses.witness import PointWitness as PointWitness
    from sdekit.calculus.field.zero_proof import Decision as Decision
    from sdekit.calculus.limits import BudgetExceeded as BudgetExceeded
    from sdekit.calculus.limits import Unsupported as Unsupported

_HOME = {
    "Current": "field.field_current",
    "current": "field.field_current",
    "DifferentialField": "field.elements",
    "Element": "field.elements",
    "is_zero": "field.elements",
    "zero_decision": "field.elements",
    "Decision": "field.zero_proof",
    "FieldResidual": "field.field_residual",
    "residual": "field.field_residual",
    "PointWitness": "field.witnesses.witness",
    "BudgetExceeded": "limits",
    "Unsupported": "limits",
}

__all__ = list(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]

__getattr__, __dir__ = on_use(
    __name__, {name: f"sdekit.calculus.{module}" for name, module in _HOME.items()}
)
