r"""From Ito to Stratonovich, by the symbols.

$v^S_i = v_i - \tfrac12\sum_{jk}\sigma_{jk}\,\partial_j\sigma_{ik}$. The other direction is
`Dynamics.ito()`. Not for solvers (`solvers.py`).
"""

from __future__ import annotations

from sdekit.declaration.functions.grammar import diag, grad
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.noise_factor import ito_drift
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ZERO, divide, subtract
from sdekit.declaration.tree.symbols import Variable
from sdekit.schemes.solvers.noise_type import diagonal_of, is_additive


def stratonovich_drift(dynamics: Dynamics) -> dict[Variable, Expression] | None:
    """The drift of the Stratonovich SDE with the same solutions.

    With D given and diagonal the factor is its root, and the correction is half the derivative
    of each entry of D by its own coordinate.

    Args:
        dynamics: Any dynamics.

    Returns:
        Drift by variable; None where D is neither constant, nor diagonal, nor given by a factor.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> stratonovich_drift(sk.Dynamics(drift={x: -x}, diffusion={x: 1}))[x]
        -x

    Source: Gardiner (2009), section 4.3.6.
    Checked by: tests/schemes/solvers/test_stratonovich.py.
    """
    dynamics = dynamics.ito()
    drift = dict(dynamics.drift)
    if is_additive(dynamics):
        return drift
    if dynamics.noise is not None:
        nothing: dict[Variable, Expression] = dict.fromkeys(dynamics.variables, ZERO)
        corrections = ito_drift(nothing, dynamics.noise)
    else:
        diagonal = diagonal_of(dynamics)
        if diagonal is None:
            return None
        corrections = {x: _half_derivative(entries, x) for x, entries in diagonal.items()}
    for x, correction in corrections.items():
        if correction != ZERO:
            drift[x] = subtract(drift[x], correction) if drift[x] != ZERO else -correction
    return drift


def _half_derivative(entries: Expression, x: Variable) -> Expression:
    """Half the derivative of entry i of the diagonal of D by coordinate i."""
    if not entries.depends_on(x):
        return ZERO
    derivative = grad(entries, x)
    if entries.shape:
        derivative = diag(derivative)
    return divide(derivative, 2)
