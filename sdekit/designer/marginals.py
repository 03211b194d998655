r"""The equations under which the marginal of exp(-H) is the target.

Where H is quadratic in an auxiliary block, $H = H_0 + b\cdot y + \tfrac12 y\cdot A y$, integrating
it out leaves $H_0 - \tfrac12 b\cdot A^{-1} b + \tfrac12\log\det A$; what is left must differ from
the target by a constant. Not for other integrals, which the verifier decides.
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.contraction import Tensor, combine, contract, gradient, lower, substitute
from sdekit.calculus.contraction.fokker_planck import dot
from sdekit.calculus.contraction.heads import variable
from sdekit.calculus.contraction.rules.matrices import inverse, logdet
from sdekit.calculus.contraction.rules.powers import logarithm, reciprocal
from sdekit.calculus.contraction.tensor import zero
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.symbols import Variable


def marginal_equations(dynamics: Dynamics) -> list[Tensor]:
    """Tensors that vanish where the marginal is the target; none where this is not seen.

    Checked by: tests/designer/test_ansatz.py.
    """
    if dynamics.target is None or dynamics.hamiltonian is None:
        return []
    auxiliary = [x for x in dynamics.variables if x not in dynamics.target_variables]
    try:
        excess = lower(dynamics.hamiltonian) - lower(dynamics.target)
        for y in [None, *auxiliary]:
            excess = excess if y is None else _integrated(excess, y)
            slopes = [gradient(excess, x) for x in dynamics.target_variables]
            if not any(variable(z) in slope.depends for slope in slopes for z in auxiliary):
                return [slope for slope in slopes if not slope.is_empty]
    except Unsupported:
        pass
    return []


def _integrated(energy: Tensor, y: Variable) -> Tensor:
    """The energy with an auxiliary integrated out, where it is quadratic in that."""
    slope = gradient(energy, y)
    matrix = gradient(slope, y)
    if y.ndim > 1 or variable(y) in matrix.depends or matrix.is_empty:
        return energy
    rest = {y: zero(y.shape)}
    at_rest, linear = substitute(energy, rest), substitute(slope, rest)
    if y.ndim:
        across = contract(inverse(matrix), ("i", "j"), linear, ("j",), ("i",))
        spread, width = dot(linear, across), logdet(matrix)
    else:
        spread, width = linear * linear * reciprocal(matrix), logarithm(matrix)
    half = Fraction(1, 2)
    return combine([(Fraction(1), at_rest), (-half, spread), (half, width)])
