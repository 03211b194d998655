r"""Langevin dynamics in a linear metric, declared: what `tune` runs, and what can be proved of it.

$$d\theta = L p\,dt,\qquad dp = -L^T\nabla U\,dt - \gamma p\,dt + \mathcal N(0, 2\gamma\,dt)$$

With theta = m + L z this is the plain Langevin dynamics of z, in coordinates where the target is
nearly isotropic; L is data of the run, so that one compiled program serves every metric.

Checked by: tests/tuning/test_metric_dynamics.py.
"""

from __future__ import annotations

from functools import cache

from sdekit.declaration.functions.grammar import dot, eye, grad
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.symbols import parameter, potential, vector

#: Names of position, momentum, factor and friction in the declaration.
POSITION, MOMENTUM, FACTOR, FRICTION = "theta", "p", "L", "gamma"


@cache
def metric_dynamics(*, is_dense: bool, is_thermal: bool) -> Dynamics:
    """The declaration.

    Args:
        is_dense: Whether L is a matrix; else it multiplies the coordinates one by one.
        is_thermal: Whether there are friction and noise; else it is the Hamiltonian flow.

    Example:
        >>> metric_dynamics(is_dense=True, is_thermal=False).name
        'hamiltonian-in-a-metric'
    """
    n = Dim("n")
    theta, p = vector(POSITION, n), vector(MOMENTUM, n)
    U, gamma = potential("U", theta), parameter(FRICTION, positive=True)
    L = parameter(FACTOR, n, n) if is_dense else parameter(FACTOR, n)
    force = -(L.T @ grad(U, theta)) if is_dense else -L * grad(U, theta)
    return Dynamics(
        drift={theta: L @ p if is_dense else L * p, p: force - gamma * p if is_thermal else force},
        diffusion={p: gamma * eye(n)} if is_thermal else None,
        hamiltonian=U + dot(p, p) / 2,
        target=U,
        name=("langevin" if is_thermal else "hamiltonian") + "-in-a-metric",
    )
