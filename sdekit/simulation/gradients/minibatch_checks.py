"""Refusing impossible minibatches, with one clear error before anything is compiled.

Not for the arithmetic of a minibatch (`minibatch.py`).
"""

from __future__ import annotations

from typing import Any

from sdekit.errors import DataError, SimulationError, check_word
from sdekit.simulation.bind.step_size import is_whole

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
    if not is_whole(batch_size):
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
    check_word("way of sampling batches", sampling, SAMPLINGS, SimulationError)
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
