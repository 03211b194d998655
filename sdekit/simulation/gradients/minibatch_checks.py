"""Refusing impossible minibatches, with one clear error before anything is compiled.

Not for the arithmetic of a minibatch (`minibatch.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.errors import DataError, SimulationError
from sdekit.simulation.gradients import rows

if TYPE_CHECKING:
    from sdekit.simulation.gradients.minibatch import Minibatch

SAMPLINGS = ("with replacement", "without replacement", "epochs")


def check_options(
    log_prior: Any,
    log_likelihood: Any,
    *,
    size: int,
    batch_size: Any,
    sampling: str,
    svrg: Any,
    contiguous: bool,
    is_on_host: bool,
) -> None:
    """Refuse settings that make no sense, alone or together.

    Raises:
        DataError: For a batch size outside 1..size.
        SimulationError: For everything else.
    """
    if not callable(log_prior) or not callable(log_likelihood):
        wrong = log_likelihood if callable(log_prior) else log_prior
        raise SimulationError(
            "log_prior and log_likelihood are functions",
            found=f"a {type(wrong).__name__}",
            fix="give functions of (position) and of (position, row)",
        )
    if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer):
        raise DataError(
            "the batch size is no integer",
            expected=f"1 to {size}",
            found=repr(batch_size),
            fix="give a whole number of rows",
        )
    if not 1 <= batch_size <= size:
        raise DataError(
            "the batch size does not fit the data",
            expected=f"1 to {size}",
            found=batch_size,
            fix="change batch_size",
        )
    if sampling not in SAMPLINGS:
        raise SimulationError(
            "unknown way of sampling batches",
            expected=" or ".join(SAMPLINGS),
            found=repr(sampling),
            fix=f"say sampling={SAMPLINGS[0]!r}",
        )
    if contiguous and (sampling != "epochs" or is_on_host):
        raise SimulationError(
            "contiguous batches need sampling='epochs' and data in memory",
            found="memory-mapped data" if is_on_host else repr(sampling),
            fix="leave contiguous out",
        )
    if svrg is not None and (not isinstance(svrg, int) or svrg < 1 or is_on_host):
        raise SimulationError(
            "svrg needs a positive number of steps and data in memory",
            found="memory-mapped data" if is_on_host else repr(svrg),
            fix="use control_variate instead, or give the data as arrays",
        )


def check_target(target: Minibatch, position: Any) -> None:
    """Evaluate prior and likelihood abstractly, so that a mistake is found before a run.

    Raises:
        DataError: If they fail or do not have the documented shapes.
    """
    one = []
    for group, matrix in enumerate(target.rows.matrices):
        column = next(c for c in target.rows.columns if c.group == group)
        dtype = column.dtype if target.is_on_host else matrix.dtype
        one.append(jnp.zeros((1, *matrix.shape[1:]), dtype))
    batch = rows.unpacked(target.rows, tuple(one))
    try:
        prior = jax.eval_shape(target.log_prior, position)
        likelihood = jax.eval_shape(target.per_row, position, batch)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise DataError(
            "log_prior or log_likelihood fails at the given position",
            found=str(error).splitlines()[0],
            fix="call them yourself with the position and one row of the data",
        ) from error
    if getattr(prior, "shape", ()) != ():
        raise DataError(
            "log_prior is not a scalar",
            expected="shape ()",
            found=prior.shape,
            fix="sum over the components",
        )
    if getattr(likelihood, "shape", None) != (1,):
        shape = getattr(likelihood, "shape", type(likelihood).__name__)
        raise DataError(
            "log_likelihood does not give one value per row"
            if target.vectorized
            else "log_likelihood does not give a scalar for one row",
            expected="(batch,)" if target.vectorized else "()",
            found=shape if target.vectorized else shape[1:],
            fix="sum over the components of a row, not over the rows",
        )
