r"""The thermal equilibrium that a scheme itself has on a harmonic target, at the end of a step.

$\langle p\cdot\partial H/\partial p\rangle/n$ is 1 for every H under exp(-H); BAOAB at stiffness K
has 1 - K h^2 / 4 there, and nothing is wrong with it. Other variables, such as thermostats, are
held at numbers.

Not for measuring it (`sdekit.simulation.notes.equilibrium`).

Checked by: tests/schemes/guards/test_scheme_equilibrium.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy as sp

from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import SchemeError
from sdekit.schemes.bias.given_values import entry_values
from sdekit.schemes.bias.linear_letters import letters_of
from sdekit.schemes.bias.linear_step import extended_law
from sdekit.schemes.split.splitting import splitting

#: Steps of this share of the given one show the temperature of the dynamics.
SMALL = 1e-3


def scheme_equilibrium(
    dynamics: Dynamics,
    scheme: str | None,
    momenta: Sequence[str],
    *,
    stiffness: float,
    step_size: float,
    parameters: Mapping[str, Any] | None = None,
    frozen: Mapping[str, float] | None = None,
) -> float:
    """<p . dH/dp>/n of a scheme on U = K theta^2 / 2, in units of that of vanishing steps.

    The unit is 1 where exp(-H) is stationary; a wrong temperature of the dynamics itself is none of
    the scheme's doing.

    Args:
        dynamics: With H; declared gradient noise counts.
        scheme: A word or a name; the default word when left out.
        momenta: Names of the variables p.
        stiffness: K.
        step_size: h.
        parameters: A number for each scalar parameter, or an array.
        frozen: Values of variables that stand still, by name.

    Raises:
        SchemeError: If the scheme is not linear then, has no law, or H is not quadratic in p.

    Example:
        >>> import sdekit.catalog as catalog
        >>> given = catalog.get("langevin")
        >>> round(scheme_equilibrium(given, "BAOAB", ["p"], stiffness=1.0, step_size=0.5,
        ...                          parameters={"A": 1.0}), 12)
        0.9375
    """
    values, held = dict(parameters or {}), dict(frozen or {})
    shapes = {np.shape(v)[0] for v in values.values() if np.ndim(v)}
    K = stiffness * np.eye(shapes.pop() if len(shapes) == 1 else 1)
    stages = letters_of(splitting(dynamics), scheme, K, values, held)
    W = _curvature(dynamics, stages.components, momenta, values)

    def mean(h: float) -> Any:
        S, _ = extended_law(stages, stages.covariance(h, 0.0 * K), h, held)
        return np.sum(W * S[: len(W), : len(W)])

    return float(mean(step_size) / mean(SMALL * step_size))


def _curvature(
    dynamics: Dynamics, components: Components, momenta: Sequence[str], values: Mapping[str, Any]
) -> np.ndarray:
    """The Hessian of H by the momenta, shape (d, d), zero elsewhere."""
    exact: Any = entry_values(dynamics, dict(components.sizes), values)
    places = [i for x, rows in components.variables if x.name in momenta for i in rows]
    W = np.zeros((components.dimension,) * 2)
    for i in places:
        for j in places:
            p, q = components.coordinates[i], components.coordinates[j]
            entry = sp.sympify(sp.diff(components.hamiltonian, p, q)).subs(exact)
            if not entry.is_number:
                raise SchemeError("H is not quadratic in the momenta", found=str(entry))
            W[i, j] = float(entry)
    return W
