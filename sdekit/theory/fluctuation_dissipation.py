r"""The fluctuation-dissipation relation, which ties the noise of a linear SDE to its friction.

The linear SDE itself, with mean, covariance and stationary law in closed form, is
`sdekit.calculus.linear.linear_law.LinearSDE`, offered here as well.

Source: textbook.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sdekit.calculus.linear.linear_law import LinearSDE

__all__ = ["LinearSDE", "fluctuation_dissipation_noise"]


def fluctuation_dissipation_noise(friction: Any, temperature: float, mass: Any = 1.0) -> Any:
    r"""D of the velocity that keeps $\langle vv^\top\rangle = k_BT\,M^{-1}$ under friction Lambda.

    $M\,dv = -\Lambda v\,dt + N(0, 2k_BT\Lambda\,dt)$, hence $D_v = k_BT\,M^{-1}\Lambda M^{-1}$.
    For scalars: $D_v = \lambda k_BT/m^2$, Var v = k_BT/m.

    Args:
        friction: Lambda, scalar or symmetric (d, d).
        temperature: k_B T, in units of energy.
        mass: M, scalar or symmetric (d, d).
    """
    if np.ndim(friction) == 0 and np.ndim(mass) == 0:
        return temperature * float(friction) / float(mass) ** 2
    size = np.shape(friction if np.ndim(friction) else mass)[0]
    matrix = np.asarray(friction) if np.ndim(friction) else float(friction) * np.eye(size)
    inverse = np.linalg.inv(mass) if np.ndim(mass) else np.eye(size) / float(mass)
    return temperature * inverse @ matrix @ inverse
