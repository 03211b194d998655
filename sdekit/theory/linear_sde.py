r"""Linear SDEs with additive noise, exactly: $dz = Az\,dt + N(0, 2D\,dt)$.

For Ornstein-Uhlenbeck processes of any dimension: mean, covariance, stationary law, and the
fluctuation-dissipation relation that ties friction to noise. Affine drifts: shift z first.

Source: textbook; Van Loan (1978), IEEE Trans. Autom. Control 23, for the integral.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdekit.errors import DataError, SimulationError
from sdekit.theory.arrays import real_array


@dataclass(frozen=True, eq=False)
class LinearSDE:
    """dz = A z dt + N(0, 2 D dt).

    Args:
        drift: A, shape (d, d).
        diffusion: D, symmetric and positive semi-definite, shape (d, d).

    Raises:
        DataError: For shapes that do not fit or a D that is not symmetric.

    Example:
        >>> LinearSDE([[-2.0]], [[1.0]]).stationary_covariance()
        array([[0.5]])

    Checked by: tests/theory/test_linear_sde.py.
    """

    drift: np.ndarray
    diffusion: np.ndarray

    def __post_init__(self) -> None:
        a, d = real_array(self.drift, "A", 2), real_array(self.diffusion, "D", 2)
        if a.shape[0] != a.shape[1] or a.shape != d.shape:
            raise DataError("A and D must be square and equal in size", found=(a.shape, d.shape))
        if not np.allclose(d, d.T, rtol=1e-12, atol=0):
            raise DataError("D is not symmetric", fix="give (D + D^T)/2")
        object.__setattr__(self, "drift", a)
        object.__setattr__(self, "diffusion", d)

    def mean(self, time: float, start: Any) -> np.ndarray:
        """exp(A t) z_0, shape (d,)."""
        from scipy.linalg import expm

        return expm(time * self.drift) @ real_array(start, "the start", 1)

    def covariance(self, time: float) -> np.ndarray:
        r"""$\int_0^t e^{A\tau}\,2D\,e^{A^\top\tau}d\tau$, shape (d, d), from a fixed start."""
        from scipy.linalg import expm

        size = self.drift.shape[0]
        block = np.block(
            [[-self.drift, 2 * self.diffusion], [np.zeros((size, size)), self.drift.T]]
        )
        exponential = expm(time * block)
        result = exponential[size:, size:].T @ exponential[:size, size:]
        return (result + result.T) / 2

    def stationary_covariance(self) -> np.ndarray:
        """S with A S + S A^T = -2 D, shape (d, d).

        Raises:
            SimulationError: If an eigenvalue of A has a real part that is not negative.
        """
        from scipy.linalg import solve_continuous_lyapunov

        slowest = float(np.linalg.eigvals(self.drift).real.max())
        if slowest >= 0:
            raise SimulationError(
                "there is no stationary law",
                expected="all eigenvalues of A left of 0",
                found=f"{slowest:g}",
            )
        return solve_continuous_lyapunov(self.drift, -2 * self.diffusion)


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
