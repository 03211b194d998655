"""Index calculus: exact tensor algebra whose normal form proves identities for every size n.

`lower` reads an expression, `residual`, `current` and `generator` a dynamics; `is_zero` proves that
a tensor vanishes for every n, `counterexample` finds a point where it does not. Not for concrete
sizes (`sdekit.calculus.field`).
"""

from sdekit.calculus.contraction.derivative import divergence, gradient
from sdekit.calculus.contraction.fokker_planck import (
    Lowered,
    current,
    generator,
    lower_dynamics,
    residual,
)
from sdekit.calculus.contraction.lowering import lower
from sdekit.calculus.contraction.printing import groups, text
from sdekit.calculus.contraction.relations import is_zero
from sdekit.calculus.contraction.rules.reduction import reduced
from sdekit.calculus.contraction.substitution import substitute
from sdekit.calculus.contraction.tensor import Tensor, combine, contract, reindex
from sdekit.calculus.contraction.values.evaluate import Counterexample, counterexample

__all__ = [
    "Counterexample",
    "Lowered",
    "Tensor",
    "combine",
    "contract",
    "counterexample",
    "current",
    "divergence",
    "generator",
    "gradient",
    "groups",
    "is_zero",
    "lower",
    "lower_dynamics",
    "reduced",
    "reindex",
    "residual",
    "substitute",
    "text",
]
