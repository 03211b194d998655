"""How stiff a potential is where its law lives, and what step size that allows.

Not for a guard that holds for certain: outside of quadratic potentials no such step is known
(`sdekit.schemes.guards.step_guards` for a given smoothness constant).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr
from sdekit.errors import SchemeError
from sdekit.schemes.bias.concrete import Particle
from sdekit.schemes.bias.linear_step import stability_limit
from sdekit.schemes.jet_ring.orthogonal import Weight
from sdekit.schemes.jet_ring.separable import array_function

#: The probability that is left out at each end.
TAIL = 1e-5
POINTS = 4001


def largest_curvature(particle: Particle) -> float | None:
    """The largest second derivative of the potential over all but 2e-5 of its probability.

    Args:
        particle: One particle; its target must have one coordinate.
    """
    components = particle.components
    if len(components.target_coordinates) != 1:
        return None
    (x,) = components.target_coordinates
    energy = components.target if components.target is not None else components.hamiltonian
    potential: Expr = particle.concrete(energy)
    others: Expr = {y: 0 for y in components.coordinates if y != x}
    height = array_function(potential.subs(others), x)
    law = Weight(height).basis(2)
    centre = float(np.sum(law.weights * law.nodes))
    spread = float(np.sqrt(np.sum(law.weights * (law.nodes - centre) ** 2)))
    points = np.linspace(centre - 20 * spread, centre + 20 * spread, POINTS)
    heights = height(points)
    density = np.exp(-(heights - heights.min()))
    below = np.cumsum(density) / density.sum()
    inside = points[(below > TAIL) & (below < 1 - TAIL)]
    second = array_function(potential.diff(x, 2).subs(others), x)
    return float(second(inside).max())


def step_limit(
    dynamics: Dynamics, scheme: str, particle: Particle, parameters: Mapping[str, Any]
) -> float | None:
    """The step size at which a scheme is unstable on a quadratic potential of that curvature.

    Returns:
        The limit; None if the curvature is not positive, the scheme is stable for every step, or
        the dynamics is not linear even then.
    """
    curvature = largest_curvature(particle)
    if curvature is None or curvature <= 0:
        return None
    try:
        return stability_limit(dynamics, scheme, stiffness=curvature, parameters=parameters)
    except SchemeError:
        return None
