"""The noise of a minibatch gradient: its covariance V, the momentum noise B, and their use.

Not for drawing batches (`minibatch.py`).

Notation: N rows, M rows per batch, s_i = grad log p(x_i | theta), h the step size,
V the covariance of the gradient estimate. A step of size h with the estimate is a step with the
exact gradient and the extra noise N(0, 2 h B), B = h V / 2.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from sdekit.errors import SimulationError
from sdekit.schemes.bias.noise_bias import diffusion_of_gradient
from sdekit.simulation.gradients import rows
from sdekit.simulation.gradients.minibatch import Minibatch


def row_gradients(target: Minibatch, position: Any, batch: Any) -> Array:
    """Gradient of the log likelihood of each row, shape (batch, d), d the ravelled position.

    Args:
        target: The data and their likelihood.
        position: Where, in the structure of the user.
        batch: Rows of the data.
    """

    def one(row: Any) -> Array:
        def value(at: Any) -> Array:
            return target.per_row(at, jax.tree.map(lambda leaf: leaf[None], row))[0]

        gradient = jax.grad(value)(position)
        if target.reference is not None:
            anchor = target.reference[0]
            at_anchor = jax.grad(
                lambda at: target.per_row(at, jax.tree.map(lambda leaf: leaf[None], row))[0]
            )(anchor)
            gradient = jax.tree.map(jnp.subtract, gradient, at_anchor)
        return ravel_pytree(gradient)[0]

    return jax.vmap(one)(batch)


def batch_factor(target: Minibatch) -> float:
    """What multiplies the population covariance of s_i to give V: N^2/M, or with (N-M)/(N-1)."""
    size, batch = target.size, target.batch_size
    if target.sampling == "with replacement" or size == 1:
        return size**2 / batch
    return size**2 / batch * (size - batch) / (size - 1)


def noise_covariance(target: Minibatch, position: Any) -> np.ndarray:
    r"""Exact covariance of the gradient estimate at a position.

    $$V = \frac{N^2}{M}\,\frac1N\sum_i (s_i-\bar s)(s_i-\bar s)^T
       \quad\Big(\times\frac{N-M}{N-1}\text{ without replacement and in epochs}\Big)$$

    In epochs this is the covariance of one step; successive steps are then correlated. With a
    control variate s_i is the difference to its value at the reference.

    Args:
        target: The minibatch; its data may be memory-mapped.
        position: Where.

    Returns:
        V in float64, shape (d, d), d the ravelled position; unit (gradient of U)^2.

    Raises:
        SimulationError: For SVRG, whose noise depends on the chain's past.

    Source: Ding et al. (2014), section 2; Chen, Fox, Guestrin (2014).
    Checked by: tests/simulation/gradients/test_gradient_noise.py.
    """
    if target.svrg is not None:
        raise SimulationError(
            "the gradient noise of SVRG depends on the path of the chain",
            fix="ask for a Minibatch without svrg",
        )
    gradients = jax.jit(lambda at, batch: row_gradients(target, at, batch))
    dimension = ravel_pytree(position)[0].size
    count, mean, spread = 0, np.zeros(dimension), np.zeros((dimension, dimension))
    for batch in target.slices():
        part = np.asarray(gradients(position, batch), dtype=np.float64)
        # Chan's update: a plain sum of squares would cancel where the mean dominates.
        part_mean = part.mean(axis=0)
        centred = part - part_mean
        shift = part_mean - mean
        total = count + len(part)
        spread += centred.T @ centred + np.outer(shift, shift) * count * len(part) / total
        mean += shift * len(part) / total
        count = total
    return batch_factor(target) * spread / count


def momentum_noise(covariance: np.ndarray, step_size: float) -> np.ndarray:
    """B = h V / 2: what a minibatch gradient adds to the diffusion of the momentum.

    Args:
        covariance: V, any shape.
        step_size: h.

    Returns:
        B of the shape of V: the B-hat of SGHMC, the h Sigma / 2 of CCAdL.

    Example:
        >>> float(momentum_noise(np.array(1000.0), 0.001))
        0.5

    Source: Chen, Fox, Guestrin (2014), section 3.1.
    Checked by: tests/simulation/gradients/test_gradient_noise.py.
    """
    return np.asarray(diffusion_of_gradient(np.asarray(covariance), step_size))


def full_gradient(target: Minibatch, position: Any) -> Any:
    """grad U over all data, also memory-mapped; shaped like the position.

    Args:
        target: The data and their likelihood.
        position: Where, in the structure of the user.

    Checked by: tests/simulation/gradients/test_minibatch.py.
    """
    prior = jax.grad(lambda at: jnp.asarray(target.log_prior(at), float))(position)
    likelihood = target.full_likelihood_gradient(position)
    return jax.tree.map(lambda a, b: -(a + b), prior, likelihood)


def covariance_function(
    target: Minibatch, rows_used: int | None = None, seed: int = 0
) -> Callable[[Any], Array]:
    """V as a JAX function of the position, estimated from a fixed set of rows.

    For dynamics that need V(theta) inside the step: Sigma of CCAdL, B-hat(theta) of SGHMC. The
    estimate is unbiased over the choice of the rows and smooth in the position.

    Args:
        target: The minibatch, its data in memory.
        rows_used: How many rows; default the batch size, at least 2. The cost per step is that
            many gradients.
        seed: Chooses the rows.

    Returns:
        Function position -> V, shape (d, d).

    Raises:
        SimulationError: For fewer than two rows, more than there are, or data on the disk.

    Checked by: tests/simulation/gradients/test_gradient_noise.py.
    """
    count = target.batch_size if rows_used is None else rows_used
    if not 2 <= count <= target.size or target.is_on_host:
        raise SimulationError(
            "a covariance needs at least two rows of data in memory",
            expected=f"2 to {target.size} rows",
            found=count,
            fix="set rows_used, and give the data as arrays",
        )
    chosen = np.random.default_rng(seed).choice(target.size, count, replace=False)
    taken = rows.take(target.rows.matrices, jnp.asarray(chosen, jnp.int32))
    factor = batch_factor(target)

    def covariance(position: Any) -> Array:
        gradients = row_gradients(target, position, rows.unpacked(target.rows, taken))
        return factor * sample_covariance(gradients)

    return covariance


def sample_covariance(values: Array) -> Array:
    """Unbiased covariance of the rows of `values`, shape (rows, d) -> (d, d)."""
    centred = values - jnp.mean(values, axis=0)
    return centred.T @ centred / (values.shape[0] - 1)


class RunningCovariance(NamedTuple):
    """A covariance averaged along a chain: I_t = (1 - 1/t) I_{t-1} + (1/t) V_t.

    Args:
        batches: t.
        value: I_t, shape (d, d) or (d,) for a diagonal one.
    """

    batches: Array
    value: Array


def running_covariance(dimension: int, *, is_diagonal: bool = False) -> RunningCovariance:
    """The empty average.

    Args:
        dimension: d, the number of coordinates.
        is_diagonal: Whether the variances alone are kept.

    Example:
        >>> running_covariance(2).value.shape
        (2, 2)
    """
    shape = (dimension,) if is_diagonal else (dimension, dimension)
    return RunningCovariance(jnp.int32(0), jnp.zeros(shape))


def updated(average: RunningCovariance, gradients: Array) -> RunningCovariance:
    """The average with one more minibatch.

    Args:
        average: I_{t-1}.
        gradients: Per-row gradients of the batch, shape (batch, d) (`row_gradients`).

    Returns:
        I_t; multiply by N^2/M to get V.

    Source: Shang, Zhu, Leimkuhler, Storkey (2015), CCAdL, kappa_t = 1/t.
    Checked by: tests/simulation/gradients/test_gradient_noise.py.
    """
    batches = average.batches + 1
    new = sample_covariance(gradients)
    if average.value.ndim == 1:
        new = jnp.diagonal(new)
    return RunningCovariance(batches, average.value + (new - average.value) / batches)
