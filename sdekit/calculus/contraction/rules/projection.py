"""The part of a tensor that has the symmetry of a variable.

Not for derivatives, which are projected where they are taken (`derivative`).
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.contraction import heads
from sdekit.calculus.contraction.tensor import Tensor, combine, reindex
from sdekit.declaration.tree.symbols import Variable


def projected(tensor: Tensor, variable: Variable) -> Tensor:
    """The part of a tensor of the variable's shape that has the variable's symmetry."""
    group = heads.variable(variable).symmetries
    if len(group) == 1:
        return tensor
    labels = range(tensor.ndim)
    share = Fraction(1, len(group))
    return combine((share * sign, reindex(tensor, labels, order)) for order, sign in group)


def has_symmetry_of(tensor: Tensor, variable: Variable) -> bool:
    """Whether a tensor of the variable's shape is seen to have the variable's symmetry."""
    return variable.symmetry is None or projected(tensor, variable) == tensor
