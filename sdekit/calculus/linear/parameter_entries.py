"""Numbers for the parameter symbols of components, entry by entry.

Not for arrays of a run, nor for tracers (`sdekit.simulation.bind.parameter_values`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np

from sdekit.calls import meant
from sdekit.declaration.model.assumptions import holds
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.names import by_name, entry_name
from sdekit.errors import SimulationError


def parameter_entries(
    dynamics: Dynamics, sizes: Mapping[str, int], given: Mapping[str, Any]
) -> dict[str, float]:
    """A number for each parameter symbol of `dynamics.at(...)`, by the name of the symbol.

    Args:
        dynamics: Whose parameters they are.
        sizes: All sizes, the fixed ones too.
        given: Values by name; parameters with a fixed value are left out.

    Raises:
        SimulationError: If one is unknown, missing, no number, not finite, of the wrong shape, or
            contradicts its declaration.

    Checked by: tests/simulation/bind/test_linear_dynamics.py,
    tests/calculus/ito_moments/test_moment_equations.py.
    """
    declared = {parameter.name: parameter for parameter in dynamics.parameters}
    given = by_name(given)
    for name in given:
        if name not in declared:
            raise SimulationError(
                f"unknown parameter {name}", expected=", ".join(declared) or "no parameters",
                found=name,
                fix=f"write {meant(str(name), declared) or 'one of these'}, or leave {name} out",
            )  # fmt: skip
    values = {}
    for name, parameter in declared.items():
        if name not in given:
            if parameter.value is None:
                raise SimulationError(
                    f"parameter {name} has no value", fix=f'give parameters={{"{name}": ...}}'
                )
            continue
        if parameter.value is not None:
            raise SimulationError(
                f"parameter {name} has a fixed value in the declaration",
                expected=str(parameter.value), found=given[name],
            )  # fmt: skip
        shape = tuple(dim.size or sizes[dim.name] for dim in parameter.shape)
        array = finite_numbers(given[name], shape, f"parameter {name}")
        for assumption in sorted(parameter.assumptions):
            if not holds(assumption, array):
                raise SimulationError(
                    f"the value of parameter {name} contradicts its declaration",
                    expected=assumption.replace("_", " "), found=" ".join(str(array).split())[:80],
                )  # fmt: skip
        for index in itertools.product(*(range(n) for n in shape)):
            values[entry_name(name, index, dynamics.names)] = float(array[index])
    return values


def finite_numbers(value: Any, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Numbers of a given shape, in double precision.

    Raises:
        SimulationError: If they are no numbers, not finite or of another shape.
    """
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise SimulationError(
            f"{what} is no number", expected="numbers", found=repr(value)[:80]
        ) from None
    if array.shape != shape:
        raise SimulationError(f"{what} has the wrong shape", expected=shape, found=array.shape)
    if not np.isfinite(array).all():
        raise SimulationError(f"{what} is not finite", expected="finite numbers", found=value)
    return array
