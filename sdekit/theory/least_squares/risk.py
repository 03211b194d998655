r"""Bias, variance and risk of gradient flow, ridge, the flow, SGD and its approximations.

The data are $y = X\beta^\ast + \varepsilon$, Var eps = sigma^2 I, X fixed. Estimation risk is
$E\|\hat\beta-\beta^\ast\|^2$; prediction risk $E\|X(\hat\beta-\beta^\ast)\|^2/n$ has one more
factor s_j per term. Every number is exact over the noise in y and over the minibatches: with
shrinkage $1-f_j$ on coordinate j of the signal,

$$\mathrm{Bias}^2 = \sum_j b_j^2 f_j^2,\quad
  \mathrm{Var} = \frac{\sigma^2}{n}\sum_j \frac{(1-f_j)^2}{s_j},\quad
  \mathrm{Risk} = \mathrm{Bias}^2 + \mathrm{Var} +
  E_\varepsilon\,\mathrm{tr\,Cov}(\hat\beta\mid y).$$

The last term vanishes for gradient flow and ridge; for the flow and SGD it solves the moment
equation with its source averaged over y.

Source: Ali, Dobriban, Tibshirani 2020 (slides), risk; the exact injected term is derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdekit.errors import DataError, check_word
from sdekit.theory.arrays import Array, real_array, real_number, times_array
from sdekit.theory.least_squares.flow import TOLERANCE, LeastSquaresFlow
from sdekit.theory.least_squares.linear_processes import LinearProcess, flow_decay
from sdekit.theory.least_squares.moments import AveragedResponse, MomentEquation


@dataclass(frozen=True)
class Risk:
    """A risk and its parts.

    Args:
        bias_squared: Squared bias.
        variance: Variance over the noise in y.
        injected: Variance that the minibatches (or an injected noise) add; 0 for ridge.
    """

    bias_squared: float
    variance: float
    injected: float = 0.0

    @property
    def total(self) -> float:
        """The risk, sum of the parts."""
        return self.bias_squared + self.variance + self.injected


class Risks:
    r"""The risks of all processes for one signal and one noise level.

    Args:
        flow: X, batch size and step size; its y is not used.
        signal: beta*, shape (p,).
        noise_variance: sigma^2 >= 0.
        kind: "estimation" or "prediction".

    Raises:
        DataError: For a signal of another length, a negative variance, another kind.

    Example:
        >>> flow = LeastSquaresFlow([[1.0], [1.0]], [0.0, 0.0], batch_size=1, step_size=0.1)
        >>> risks = Risks(flow, [1.0], noise_variance=0.5)
        >>> round(risks.ridge(1.0).total, 12)
        0.3125

    Checked by: tests/theory/least_squares/test_risk.py.
    """

    def __init__(
        self,
        flow: LeastSquaresFlow,
        signal: Any,
        noise_variance: float,
        kind: str = "estimation",
    ) -> None:
        check_word("kind of risk", kind, ("estimation", "prediction"), DataError)
        vector = real_array(signal, "the signal", 1)
        if vector.shape[0] != flow.problem.shape[1]:
            raise DataError(
                "the signal has the wrong length",
                expected=flow.problem.shape[1],
                found=vector.shape[0],
            )
        self.flow = flow
        self.noise_variance = real_number(noise_variance, "the noise variance", True)
        self.kind = kind
        #: V^T beta*, shape (k,).
        self.coordinates = flow.problem.to_basis(vector)
        outside = vector - flow.problem.from_basis(self.coordinates)
        self._null_bias = float((outside**2).sum()) if kind == "estimation" else 0.0

    @property
    def weights(self) -> Array:
        """Weight of each coordinate in the risk: 1 (estimation) or s_j (prediction)."""
        rates = self.flow.problem.rates
        return rates if self.kind == "prediction" else 0 * rates + 1

    def _shrunk(self, kept: Array, injected: float = 0.0) -> Risk:
        """Risk of the estimator that keeps the share `kept` of each coordinate."""
        problem = self.flow.problem
        bias = (self.weights * ((1 - kept) * self.coordinates) ** 2).sum()
        variance = (self.weights * kept**2 / problem.rates).sum() / problem.shape[0]
        return Risk(float(bias) + self._null_bias, self.noise_variance * float(variance), injected)

    def gradient_flow(self, time: float) -> Risk:
        """Gradient flow at time t."""
        return self._shrunk(1 - flow_decay(self.flow.problem, _single(time)))

    def ridge(self, penalty: float) -> Risk:
        """Ridge at penalty lambda."""
        rates = self.flow.problem.rates
        return self._shrunk(rates / (rates + _single(penalty)))

    def stochastic_flow(self, times: Any, tolerance: float = TOLERANCE) -> list[Risk]:
        """Stochastic gradient flow at ascending times."""
        moments, _ = times_array(times)
        if (np.diff(moments) < 0).any():
            raise DataError("times must ascend", found=times)
        equation = self._averaged_equation()
        return [
            self._shrunk(
                1 - flow_decay(self.flow.problem, t), float((self.weights * variances).sum())
            )
            for t, variances in zip(
                moments, equation.flow_variances(moments, tolerance), strict=True
            )
        ]

    def sgd(self, steps: list[int]) -> list[Risk]:
        """SGD after each of the ascending numbers of steps."""
        if sorted(steps) != list(steps) or min(steps) < 0:
            raise DataError("numbers of steps must ascend from 0 or more", found=steps)
        eta = self.flow.step_size
        covariances = self._averaged_equation().sgd_covariances(list(steps), eta)
        return [
            self._shrunk(
                1 - (1 - eta * self.flow.problem.rates) ** count,
                float((self.weights * covariance.diagonal()).sum()),
            )
            for count, covariance in zip(steps, covariances, strict=True)
        ]

    def linear(self, process: LinearProcess, time: float) -> Risk:
        """A process of constant noise (`LeastSquaresFlow.constant_covariance`, `.langevin`)."""
        problem, moment = self.flow.problem, _single(time)
        injected = float((self.weights * process.variances(moment)).sum())
        if self.kind == "estimation":
            injected += process.null_noise * moment * (problem.shape[1] - problem.rank)
        return self._shrunk(1 - flow_decay(problem, moment), injected)

    def _averaged_equation(self) -> MomentEquation:
        problem = self.flow.problem
        source = AveragedResponse(problem, self.coordinates, self.noise_variance)
        return MomentEquation(problem, self.flow.noise_scale, source)


def _single(time: float) -> float:
    values, single = times_array(time, "the time or penalty")
    if not single:
        raise DataError("one number is wanted here", found=time)
    return float(values[0])
