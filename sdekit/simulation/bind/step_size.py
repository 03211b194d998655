"""Step sizes and counts that a run can take, and the units in which Algorithm 2 was published.

Checked by: tests/simulation/steps/test_published.py, tests/simulation/bind/test_step_size.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sdekit.errors import SimulationError


def check_step_size(step_size: Any) -> float:
    """A step size that is a positive number.

    Raises:
        SimulationError: If it is none.
    """
    try:
        h = float("nan") if isinstance(step_size, str) else float(step_size)
    except (TypeError, ValueError):
        h = float("nan")
    if not (np.isfinite(h) and h > 0):
        raise SimulationError(
            "the step size is wrong", expected="a positive number", found=repr(step_size)[:80],
            fix="give step_size=0.1 or another time that is short against the motion",
        )  # fmt: skip
    return h


def is_whole(number: Any) -> bool:
    """Whether it is a whole number of Python or NumPy; a truth value is none."""
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


def check_count(name: str, count: Any, least: int) -> int:
    """A number that counts something.

    Raises:
        SimulationError: If it is no integer, or below the least.
    """
    if not is_whole(count) or count < least:
        raise SimulationError(
            f"{name} is wrong", expected=f"an integer >= {least}", found=repr(count)[:80],
            fix=f"write {name}=int(...)" if isinstance(count, float) else f"give {name} as a count",
        )  # fmt: skip
    return int(count)


def from_published_units(
    scheme: str, parameters: Mapping[str, Any] | None
) -> tuple[dict[str, Any], float | None]:
    r"""Parameters in the units of the dynamics, and the step size that they imply.

    Algorithm 2 is published in $\eta = h^2$ and $a = A h$: given both, h and A follow. Parameters
    of other schemes stay as they are.

    Args:
        scheme: Its name as results spell it.
        parameters: As given, by name.

    Raises:
        SimulationError: If one of eta and a is missing, is no positive number, or comes with A.

    Source: Ding et al. (2014), Algorithm 2.
    """
    if parameters is not None and not isinstance(parameters, Mapping):
        raise SimulationError(
            "parameters are no mapping from names to numbers", expected='{"A": 1.0, ...}',
            found=repr(parameters)[:60], fix="name each value",
        )  # fmt: skip
    given = dict(parameters or {})
    if scheme != "Algorithm2" or not {"eta", "a"} & set(given):
        return given, None
    if not {"eta", "a"} <= set(given) or "A" in given:
        raise SimulationError(
            "Algorithm 2 takes eta and a together, in place of A and a step size",
            expected="parameters={'eta': 1e-6, 'a': 0.01} with those of the thermostat",
            found=", ".join(given),
            fix="give both, or A and step_size: eta = h^2 and a = A h",
        )
    eta, level = (check_step_size(given.pop(name)) for name in ("eta", "a"))
    h = math.sqrt(eta)
    return {**given, "A": level / h}, h


def chosen_step_size(given: Any, implied: float | None) -> Any:
    """The step size of a run: the one that is given, or the one that its parameters imply.

    Raises:
        SimulationError: If there is none, or both and they differ.
    """
    if given is None and implied is None:
        raise SimulationError(
            "the run has no step size", expected="step_size=h", found="none", fix="give step_size"
        )
    if given is None or implied is None:
        return implied if given is None else given
    if callable(given) or not math.isclose(check_step_size(given), implied, rel_tol=1e-6):
        raise SimulationError(
            "eta says another step size",
            expected=f"{implied:.7g}, the root of eta",
            found="a schedule" if callable(given) else given,
            fix="leave step_size out",
        )
    return implied
