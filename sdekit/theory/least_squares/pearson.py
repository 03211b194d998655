r"""The stationary law of the flow with one feature: a Pearson diffusion with a heavy tail.

With one column the error e = beta - beta-hat obeys

$$de = -s\,e\,dt + N(0, q(e)\,dt),\qquad q(e) = q_0 + q_1e + q_2e^2 = Q_\eta$$

whose stationary density is $q(e)^{-1}\exp(-\int 2se/q)$. Its tail is $|e|^{-(2+2s/q_2)}$ however
small the step size, unless all x_i^2 are equal. Which law it is depends on q alone
(`PearsonLaw.kind`):

- "pearson": q > 0, q_2 > 0: Pearson type IV, power tails on both sides;
- "inverse gamma": q = q_2 (e - c)^2, c != 0: one-sided, a power tail away from c;
- "gaussian": q_2 = 0 (all x_i^2 equal);
- "point": no noise at the minimum (y in the column space, or full batches).

Source: derived; Forman and Sorensen (2008), Scand. J. Statist. 35 [recalled].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdekit.errors import DataError, SimulationError
from sdekit.theory.least_squares.flow import LeastSquaresFlow

#: Relative size below which a coefficient of q counts as zero: rounding of means over rows.
ZERO = 1e-12


@dataclass(frozen=True)
class PearsonLaw:
    """Stationary law of e = beta - beta-hat.

    Args:
        kind: "pearson", "inverse gamma", "gaussian" or "point".
        rate: s.
        noise: (q_0, q_1, q_2).

    Example:
        >>> law = pearson_law(LeastSquaresFlow([[1.0], [-1.0]], [1.0, 1.0],
        ...                                    batch_size=1, step_size=0.5))
        >>> law.kind, law.tail_index, law.variance()
        ('gaussian', inf, 0.25)

    Checked by: tests/theory/least_squares/test_pearson.py.
    """

    kind: str
    rate: float
    noise: tuple[float, float, float]

    @property
    def tail_index(self) -> float:
        """a with density ~ |e|^-a for large |e|; infinite for thin tails."""
        if self.kind in ("gaussian", "point"):
            return float("inf")
        return 2 + 2 * self.rate / self.noise[2]

    def moment_exists(self, order: int) -> bool:
        """Whether E|e|^order is finite: order < 1 + 2 s / q_2."""
        return order < self.tail_index - 1

    def variance(self) -> float:
        """Stationary variance q_0 / (2 s - q_2); the mean of e is 0.

        Raises:
            SimulationError: If it is infinite, 2 s <= q_2.
        """
        if not self.moment_exists(2):
            raise SimulationError(
                "the stationary variance is infinite",
                expected="q_2 < 2 s",
                found=f"q_2 = {self.noise[2]:g}, s = {self.rate:g}",
                fix="lower the step size",
            )
        return 0.0 if self.kind == "point" else self.noise[0] / (2 * self.rate - self.noise[2])

    def log_density(self, error: Any) -> np.ndarray:
        """Normalized log density at e, any shape; -inf outside the support.

        Raises:
            SimulationError: For a point mass, which has none.
        """
        e = np.asarray(error, dtype=np.float64)
        if self.kind == "point":
            raise SimulationError("a point mass has no density", fix="the law sits at e = 0")
        if self.kind == "gaussian":
            variance = self.variance()
            return -(e**2) / (2 * variance) - np.log(2 * np.pi * variance) / 2
        if self.kind == "inverse gamma":
            return self._inverse_gamma(e)
        centre, width, power, skew = self._shape()
        angle = np.arctan((e - centre) / width)
        return 2 * power * np.log(np.cos(angle)) - skew * angle - self._log_normalizer()

    def _shape(self) -> tuple[float, float, float, float]:
        """Centre and width of q, exponent of q and factor of the angle in the density."""
        q0, q1, q2 = self.noise
        centre, width = -q1 / (2 * q2), np.sqrt(4 * q0 * q2 - q1 * q1) / (2 * q2)
        return centre, width, 1 + self.rate / q2, 2 * self.rate * centre / (q2 * width)

    def _log_normalizer(self) -> float:
        """log of the integral over e = centre + width tan(angle); smooth on a finite interval."""
        from scipy.integrate import quad

        _, width, power, skew = self._shape()
        # The integrand is largest where its logarithmic derivative vanishes.
        peak = np.arctan(-skew / (2 * power - 2)) if power > 1 else 0.0

        def exponent(angle: float) -> float:
            return (2 * power - 2) * np.log(np.cos(angle)) - skew * angle

        top, end = exponent(peak), np.pi / 2
        value = quad(
            lambda angle: np.exp(exponent(angle) - top), -end, end, points=[peak], limit=400
        )[0]
        return float(np.log(value * width) + top)

    def _inverse_gamma(self, e: np.ndarray) -> np.ndarray:
        from scipy.special import gammaln

        _, q1, q2 = self.noise
        centre = -q1 / (2 * q2)
        shape, scale = 1 + 2 * self.rate / q2, 2 * self.rate * abs(centre) / q2
        distance = (centre - e) * np.sign(centre)
        inside = np.where(distance > 0, distance, 1.0)
        log_density = (
            shape * np.log(scale) - gammaln(shape) - (shape + 1) * np.log(inside) - scale / inside
        )
        return np.where(distance > 0, log_density, -np.inf)


def pearson_law(flow: LeastSquaresFlow) -> PearsonLaw:
    """The stationary law of the flow for X with one column.

    Raises:
        DataError: If X has more than one column.
    """
    problem = flow.problem
    if problem.shape[1] != 1:
        raise DataError(
            "the Pearson law is for one feature",
            expected="X with 1 column",
            found=f"{problem.shape[1]} columns",
            fix="use limit_covariance() for more; no closed law is known",
        )
    design = problem.design.toarray() if hasattr(problem.design, "toarray") else problem.design
    x = np.asarray(design, dtype=np.float64)[:, 0]
    residual, rate = np.asarray(problem.residual, dtype=np.float64), float(np.mean(x * x))
    q0 = flow.noise_scale * float(np.mean((residual * x) ** 2))
    q1 = -2 * flow.noise_scale * float(np.mean(residual * x**3))
    q2 = flow.noise_scale * float(np.mean((x * x - rate) ** 2))
    if q0 == 0:
        kind = "point"
    elif q2 <= ZERO * flow.noise_scale * rate**2:
        kind = "gaussian"
    elif 4 * q0 * q2 - q1 * q1 <= ZERO * q0 * q2:
        kind = "inverse gamma"
    else:
        kind = "pearson"
    return PearsonLaw(kind, rate, (q0, q1, q2) if kind != "gaussian" else (q0, 0.0, 0.0))
