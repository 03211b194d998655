"""Linear SDEs with additive noise: exact transitions and stationary laws, in double precision.

Drifts need not be normal, diffusions may be singular. Not for one step alone (`exact_flow`) nor for
sampling (`sdekit.simulation.runs.linear_samples`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import solve_continuous_lyapunov

from sdekit.calculus.linear.exact_flow import exact_flow, scaled_spectrum
from sdekit.errors import SimulationError

#: Eigenvalues of a covariance scaled to unit diagonal below this are rounding, not noise.
ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class Transition:
    """One exact step: z <- matrix z + offset + factor (standard normals).

    Args:
        matrix: A, shape (d, d).
        offset: b, shape (d,).
        covariance: S, shape (d, d).
    """

    matrix: np.ndarray
    offset: np.ndarray
    covariance: np.ndarray

    @cached_property
    def factor(self) -> np.ndarray:
        """L with L L^T = S, shape (d, rank): as many normals per step as S has directions."""
        return covariance_factor(self.covariance)


@dataclass(frozen=True, eq=False)
class LinearSDE:
    """dz = (drift z + forcing) dt + N(0, 2 diffusion dt).

    Args:
        drift: F, shape (d, d).
        diffusion: D, shape (d, d), symmetric and positive semidefinite. (Some packages call 2 D
            the diffusion.)
        forcing: f, shape (d,); zero if left out.

    Raises:
        SimulationError: For wrong shapes, numbers that are not finite, a D that is not symmetric
            or has a negative eigenvalue.

    Example:
        >>> ou = LinearSDE([[-1.0]], [[1.0]])
        >>> float(ou.stationary_covariance()[0, 0])
        1.0

    Checked by: tests/calculus/linear/test_linear_law.py.
    """

    drift: Any
    diffusion: Any
    forcing: Any = None

    def __post_init__(self) -> None:
        drift = _matrix("the drift matrix", self.drift)
        diffusion = _matrix("the diffusion matrix", self.diffusion, size=len(drift))
        forcing = np.zeros(len(drift)) if self.forcing is None else np.asarray(self.forcing, float)
        if forcing.shape != (len(drift),) or not np.isfinite(forcing).all():
            raise SimulationError(
                "the forcing has the wrong shape",
                expected=(len(drift),),
                found=forcing.shape,
                fix="give one finite number per variable",
            )
        if not np.allclose(diffusion, diffusion.T, rtol=1e-12, atol=0):
            raise SimulationError(
                "the diffusion matrix is not symmetric", fix="give D with noise N(0, 2 D dt)"
            )
        least = float(np.linalg.eigvalsh(diffusion)[0])
        if least < -1e-12 * max(np.abs(diffusion).max(), 1e-300):
            raise SimulationError(
                "the diffusion matrix has a negative eigenvalue",
                found=least,
                fix="give a positive semidefinite D",
            )
        for name, value in (("drift", drift), ("diffusion", diffusion), ("forcing", forcing)):
            object.__setattr__(self, name, value)

    @property
    def size(self) -> int:
        """Number of variables d."""
        return len(self.drift)

    def transition(self, step_size: float) -> Transition:
        r"""The exact law of one step.

        Args:
            step_size: h, any positive number.

        Raises:
            SimulationError: If h is not positive, or e^{Fh} overflows.

        Checked by: tests/calculus/linear/test_linear_law.py.
        """
        if not step_size > 0 or not np.isfinite(step_size):
            raise SimulationError(
                "the step size is not positive and finite",
                found=step_size,
                fix="give a positive number",
            )
        with np.errstate(over="ignore", invalid="ignore"):
            change, offset, covariance = exact_flow(
                self.drift, self.diffusion, self.forcing, step_size
            )
        if not np.isfinite(covariance).all() or not np.isfinite(change).all():
            raise SimulationError(
                "the linear SDE grows beyond the numbers in one step",
                found=f"step size {step_size}",
                fix="take smaller steps",
            )
        return Transition(np.eye(self.size) + change, offset, covariance)

    def mean(self, time: float, start: Any) -> np.ndarray:
        """E z(t) from a fixed start, shape (d,)."""
        transition = self.transition(time)
        return transition.matrix @ np.asarray(start, float) + transition.offset

    def covariance(self, time: float) -> np.ndarray:
        r"""$\int_0^t e^{F\tau}\,2D\,e^{F^\top\tau}d\tau$ from a fixed start, shape (d, d)."""
        return self.transition(time).covariance

    def stationary_covariance(self) -> np.ndarray:
        r"""The S with $F S + S F^T = -2 D$.

        Raises:
            SimulationError: If an eigenvalue of F has a real part that is not negative.

        Checked by: tests/calculus/linear/test_linear_law.py.
        """
        self._require_stable()
        covariance = solve_continuous_lyapunov(self.drift, -2 * self.diffusion)
        return (covariance + covariance.T) / 2

    def stationary_mean(self) -> np.ndarray:
        """The z with F z + f = 0.

        Raises:
            SimulationError: If an eigenvalue of F has a real part that is not negative.
        """
        self._require_stable()
        return np.linalg.solve(self.drift, -self.forcing)

    def _require_stable(self) -> None:
        largest = float(np.linalg.eigvals(self.drift).real.max())
        if largest >= 0:
            raise SimulationError(
                "this linear SDE has no stationary law",
                expected="eigenvalues of the drift with negative real part",
                found=f"one with real part {largest:.6g}",
                fix="ask for the law at a finite time with transition(h)",
            )


def covariance_factor(covariance: np.ndarray) -> np.ndarray:
    """L with L L^T = S for a positive semidefinite S of any rank, shape (d, rank).

    Checked by: tests/calculus/linear/test_linear_law.py.
    """
    values, vectors = scaled_spectrum(covariance)
    kept = values > ROUNDING * len(values)
    return vectors[:, kept] * np.sqrt(values[kept])


def _matrix(what: str, value: Any, size: int | None = None) -> np.ndarray:
    matrix = np.asarray(value, float)
    wanted = (size, size) if size is not None else ("d", "d")
    is_square = matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1] and matrix.shape[0] > 0
    if not is_square or (size is not None and len(matrix) != size):
        raise SimulationError(
            f"{what} has the wrong shape",
            expected=wanted,
            found=matrix.shape,
            fix="give one row and one column per variable",
        )
    if not np.isfinite(matrix).all():
        raise SimulationError(f"{what} holds numbers that are not finite", fix="check its entries")
    return matrix
