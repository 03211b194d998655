"""Values of parameters as arrays, checked against their declaration.

Not for sizes, functions and potentials (`problem`).

Checked by: tests/simulation/steps/test_sampler.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sdekit.declaration.model.assumptions import holds
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.symbols import Parameter, shape_text
from sdekit.errors import SimulationError


def parameter_arrays(dynamics: Dynamics, given: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Values of all parameters, float64, by name; those fixed in the declaration are left out.

    Raises:
        SimulationError: If one is missing, unknown, of the wrong shape, not finite, or contradicts
            what the declaration assumes.
    """
    declared = {parameter.name: parameter for parameter in dynamics.parameters}
    for name in given:
        if name not in declared:
            raise SimulationError(
                f"unknown parameter {name}",
                expected=", ".join(declared) or "a dynamics with parameters",
                found=name,
            )
    arrays = {}
    for name, parameter in declared.items():
        if name in given:
            if parameter.value is not None:
                raise SimulationError(
                    f"parameter {name} has a fixed value in the declaration",
                    expected=str(parameter.value),
                    found=given[name],
                )
            arrays[name] = _parameter_array(parameter, given[name])
        elif parameter.value is None:
            raise SimulationError(
                f"parameter {name} has no value",
                expected=f"a value of shape {shape_text(parameter.shape)}",
                fix=f'give parameters={{"{name}": ...}}',
            )
    return arrays


def _parameter_array(parameter: Parameter, value: Any) -> np.ndarray:
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise SimulationError(
            f"parameter {parameter.name} is no number",
            expected=f"numbers of shape {shape_text(parameter.shape)}",
            found=repr(value)[:80],
            fix="give a number, or an array of numbers",
        ) from None
    if array.ndim != parameter.ndim:
        raise SimulationError(
            f"parameter {parameter.name} has the wrong shape",
            expected=f"shape {shape_text(parameter.shape)}",
            found=f"shape {array.shape}",
            fix="give an array with that many axes",
        )
    if not np.all(np.isfinite(array)):
        raise SimulationError(
            f"parameter {parameter.name} is not finite",
            expected="finite numbers",
            found=" ".join(str(array).split())[:80],
            fix="give finite numbers",
        )
    _check_assumptions(parameter, array)
    return array


def _check_assumptions(parameter: Parameter, array: np.ndarray) -> None:
    for assumption in sorted(parameter.assumptions):
        if not holds(assumption, array):
            raise SimulationError(
                f"the value of parameter {parameter.name} contradicts its declaration",
                expected=assumption.replace("_", " "),
                found=" ".join(str(array).split())[:80],
                fix="give a value of that kind, or declare the parameter without it",
            )
