"""What draws are worth: effective size, R-hat, autocorrelation, standard errors, temperatures.

Through ArviZ where it has them. Not for distances between laws (`discrepancy.py`) nor for figures
(`plots.py`).

Notation: draws of one variable have shape (chain, draw, *event) everywhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.errors import DataError, MissingDependencyError, check_word


@dataclass(frozen=True)
class Estimate:
    """A number with its Monte Carlo standard error.

    Args:
        value: The estimate.
        standard_error: Of the same shape and unit.
    """

    value: Any
    standard_error: Any

    def z(self, exact: Any) -> Any:
        """Standard errors between the estimate and `exact`."""
        return (self.value - exact) / self.standard_error

    def __str__(self) -> str:
        return f"{self.value:.6g} +- {self.standard_error:.2g}"


def checked_draws(draws: Any, least: int = 4) -> np.ndarray:
    """Draws as float64 of shape (chain, draw, *event).

    Raises:
        DataError: For fewer axes, fewer draws than `least`, or numbers that are not finite.
    """
    values = np.asarray(draws, np.float64)
    if values.ndim < 2 or values.shape[1] < least or values.shape[0] < 1:
        raise DataError(
            "draws have the wrong shape",
            expected=f"(chain, draw, ...) with at least {least} draws",
            found=values.shape,
            fix="add the axis of chains with draws[None]",
        )
    if not np.isfinite(values).all():
        raise DataError(
            "draws hold numbers that are not finite",
            found=f"{int((~np.isfinite(values)).sum())} of {values.size}",
            fix="drop the diverged part of the run",
        )
    return values


def effective_sample_size(draws: Any, kind: str = "bulk") -> np.ndarray:
    """Number of independent draws with the same information.

    Args:
        draws: Shape (chain, draw, *event).
        kind: "bulk", "tail" or "mean", as in ArviZ.

    Returns:
        Shape (*event,).

    Raises:
        DataError: If the draws have the wrong shape or are not finite.

    Source: Vehtari et al. (2021), doi:10.1214/20-BA1221, as implemented by ArviZ.
    Checked by: tests/diagnostics/test_draw_statistics.py.
    """
    check_word("effective sample size", kind, ("bulk", "tail", "mean"), DataError)
    return _through_arviz("ess", draws, method=kind)


def split_rhat(draws: Any) -> np.ndarray:
    """R-hat on split, rank-normalized chains; near 1 if the chains agree. Shape (*event,).

    Source: Vehtari et al. (2021), doi:10.1214/20-BA1221, as implemented by ArviZ.
    Checked by: tests/diagnostics/test_draw_statistics.py.
    """
    return _through_arviz("rhat", draws)


def mean_estimate(draws: Any) -> Estimate:
    """Mean over chains and draws with its standard error, each of shape (*event,).

    Checked by: tests/diagnostics/test_draw_statistics.py.
    """
    values = checked_draws(draws)
    return Estimate(values.mean((0, 1)), _through_arviz("mcse", values, method="mean"))


def deviation_estimate(draws: Any) -> Estimate:
    r"""Standard deviation with its standard error, each of shape (*event,).

    The variance is a mean of squares of correlated draws, and the root is expanded to first order:

    $$\mathrm{se}(\sigma) = \mathrm{se}\big(\overline{(x-\bar x)^2}\big)/(2\sigma)$$

    Checked by: tests/diagnostics/test_draw_statistics.py.
    """
    values = checked_draws(draws)
    deviation = values.std((0, 1), ddof=1)
    squares = mean_estimate((values - values.mean((0, 1))) ** 2)
    return Estimate(deviation, squares.standard_error / (2 * deviation))


def autocorrelation(draws: Any, lags: int) -> np.ndarray:
    """Autocorrelation at lags 0..lags-1, averaged over chains; shape (lags, *event).

    The mean and variance are those of all chains, so that chains that disagree show it.

    Args:
        draws: Shape (chains, draws, *event).
        lags: Their number.

    Raises:
        DataError: For more lags than draws.

    Checked by: tests/diagnostics/test_draw_statistics.py.
    """
    values = checked_draws(draws)
    count = values.shape[1]
    if not 1 <= lags <= count:
        raise DataError(
            "as many lags as draws at most",
            expected=f"1 to {count}",
            found=lags,
            fix="ask for fewer",
        )
    centred = values - values.mean((0, 1))
    # Zero padding to twice the length keeps the ends from wrapping onto each other.
    spectrum = np.fft.rfft(centred, n=2 * count, axis=1)
    covariance = np.fft.irfft(spectrum * spectrum.conj(), axis=1)[:, :lags].mean(0) / count
    return covariance / np.where(covariance[0] == 0, 1.0, covariance[0])


def correlated_mean(draws: Any) -> Estimate:
    r"""Mean of correlated draws with a standard error that knows it; ArviZ is not needed.

    $$\mathrm{se}^2 = \frac{\gamma_0 + 2\sum_t \gamma_t}{\text{chains}\cdot\text{draws}}$$

    summed while neighbouring pairs are positive; not less than the spread of the chains' means.

    Args:
        draws: Shape (chain, draw).

    Source: Geyer (1992), section 3.3, the initial positive sequence.
    Checked by: tests/diagnostics/test_draw_statistics.py.
    """
    values = checked_draws(draws)
    chains, count = values.shape
    variance = float(values.var())
    if variance == 0:
        return Estimate(float(values.mean()), 0.0)
    along = autocorrelation(values, count - count % 2)
    pairs = along[0::2] + along[1::2]
    ends = np.flatnonzero(pairs <= 0)
    time = max(2 * float(pairs[: ends[0] if len(ends) else len(pairs)].sum()) - 1, 1 / count)
    error = np.sqrt(variance * time / values.size)
    apart = float(values.mean(axis=1).std(ddof=1)) / np.sqrt(chains) if chains > 3 else 0.0
    return Estimate(float(values.mean()), max(float(error), apart))


def autocorrelation_time(draws: Any) -> np.ndarray:
    """Draws per independent draw: chains * draws / effective sample size of the mean.

    Checked by: tests/diagnostics/test_draw_statistics.py.
    """
    values = checked_draws(draws)
    return values.shape[0] * values.shape[1] / effective_sample_size(values, "mean")


def kinetic_temperature(momentum: Any, inverse_mass: Any = 1.0) -> Estimate:
    r"""Temperature of the momenta, $k_BT = \langle p^T M^{-1} p\rangle / n$.

    Args:
        momentum: Draws, shape (chain, draw, *event); n is the size of an event.
        inverse_mass: Number, or array that multiplies p * p element-wise.

    Source: equipartition.
    Checked by: tests/diagnostics/test_draw_statistics.py.
    """
    values = checked_draws(momentum)
    squares = (values**2 * np.asarray(inverse_mass)).reshape(*values.shape[:2], -1).mean(-1)
    return mean_estimate(squares)


def configurational_temperature(potential: Callable[[Any], Any], position: Any) -> Estimate:
    r"""Temperature of the positions, $k_BT = \langle|\nabla U|^2\rangle/\langle\Delta U\rangle$.

    Unlike the kinetic one it sees a wrong step size in the positions themselves.

    Args:
        potential: U, a JAX function of one event.
        position: Draws, shape (chain, draw, *event).

    Returns:
        Estimate; its standard error is that of the ratio to first order.

    Source: Rugh (1997), doi:10.1103/PhysRevLett.78.772.
    Checked by: tests/diagnostics/test_draw_statistics.py.
    """
    values = checked_draws(position)
    event = values.shape[2:]

    @jax.jit
    def square_and_laplacian(flat: Any) -> Any:
        def at(x: Any) -> Any:
            return potential(x.reshape(event))

        hessian = jax.hessian(at)(flat)
        return jnp.sum(jax.grad(at)(flat) ** 2), jnp.trace(hessian)

    points = jnp.asarray(values.reshape(values.shape[0] * values.shape[1], -1))
    squares, laplacians = (
        np.asarray(part, np.float64).reshape(values.shape[:2])
        for part in jax.lax.map(square_and_laplacian, points, batch_size=1024)
    )
    ratio = squares.mean() / laplacians.mean()
    error = mean_estimate(squares - ratio * laplacians).standard_error / abs(laplacians.mean())
    return Estimate(ratio, error)


def summary(samples: Mapping[str, Any]) -> Any:
    """Mean, deviation, quantiles, ESS, R-hat of every variable: ArviZ's table.

    Args:
        samples: Per variable draws of shape (chain, draw, *event).

    Returns:
        pandas DataFrame, one row per component.

    Checked by: tests/diagnostics/test_draw_statistics.py.
    """
    checked = {name: checked_draws(draws) for name, draws in samples.items()}
    arviz = require_arviz()
    return arviz.summary(arviz.convert_to_dataset(checked), round_to="none")


def require_arviz() -> Any:
    """The module arviz.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    try:
        with warnings.catch_warnings():
            # ArviZ 0.23 announces its next version at every start, which nobody here can act upon.
            warnings.simplefilter("ignore", FutureWarning)
            return import_module("arviz")
    except ImportError as error:
        raise MissingDependencyError(
            "diagnostics need ArviZ", fix="pip install 'sdekit[store]'"
        ) from error


def as_posterior(dataset: Any, **groups: Any) -> Any:
    """A dataset as the posterior of ArviZ's data: `InferenceData` (0.x) or `DataTree` (1.x).

    Args:
        dataset: Of the posterior.
        **groups: Datasets of other groups, such as `sample_stats`.

    Raises:
        MissingDependencyError: Without ArviZ.
    """
    arviz = require_arviz()
    if arviz.__version__.startswith("0."):  # the name stands in 1.x, too, for another class
        return arviz.InferenceData(posterior=dataset, **groups)
    return import_module("xarray").DataTree.from_dict({"posterior": dataset, **groups})


def _through_arviz(function: str, draws: Any, **options: str) -> np.ndarray:
    values = checked_draws(draws)
    arviz = require_arviz()
    dataset = arviz.convert_to_dataset({"x": values})
    return np.asarray(getattr(arviz, function)(dataset, **options)["x"].to_numpy())
