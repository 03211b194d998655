r"""The equations of a design beside a residual of zero: the marginal, and momenta at walls.

Where H is quadratic in an auxiliary block, $H = H_0 + b\cdot y + \tfrac12 y\cdot A y$, integrating
it out leaves $H_0 - \tfrac12 b\cdot A^{-1} b + \tfrac12\log\det A$; what is left must differ from
the target by a constant. At the end of the domain of a position that a momentum p drives, entries
of p change their signs (`verifier.currents.specular`): the velocity has to be odd in a scalar p and
H even, or the velocity of a block to be grad H by p, linear and without a part that p does not
enter. Not for other integrals and walls, which the verifier decides.
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


def wall_equations(dynamics: Dynamics) -> list[Tensor]:
    """Tensors that vanish where all momenta may turn round at the walls of their positions.

    Checked by: tests/designer/test_ansatz.py.
    """
    assert dynamics.hamiltonian is not None
    energy = lower(dynamics.hamiltonian)
    found: list[Tensor] = []
    for q in dynamics.variables:
        p = _momentum(dynamics, q)
        if p is None:
            continue
        velocity, rest = lower(dynamics.drift[q], q.shape), {p: zero(p.shape)}
        if p.shape:
            slope = gradient(energy, p)
            found += [slope - velocity, substitute(velocity, rest)]
            found.append(gradient(gradient(velocity, p), p))
        else:
            turned = {p: -lower(p)}
            found.append(velocity + substitute(velocity, turned))
            found.append(energy - substitute(energy, turned))
    return [tensor for tensor in found if not tensor.is_empty]


def _momentum(dynamics: Dynamics, q: Variable) -> Variable | None:
    """The one block that drives a position with walls and without noise."""
    if q.domain.kind not in ("positive", "interval") or q.symmetry:
        return None
    if any(q in pair for pair, _ in dynamics.blocks()):
        return None
    read = [x for x in dynamics.variables if x != q and dynamics.drift[q].depends_on(x)]
    if len(read) != 1 or read[0].shape != q.shape or read[0].domain.kind != "real":
        return None
    return read[0]
