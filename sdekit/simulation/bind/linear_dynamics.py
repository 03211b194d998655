"""A declared dynamics whose drift is affine and whose noise is constant, as an exact `LinearSDE`.

Whether it is linear is decided from the symbols, never from numbers. Not for sampling
(`linear.py`) nor for dynamics that are linear only in some blocks (`sdekit.schemes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from sdekit.calculus.linear.linear_law import LinearSDE
from sdekit.calculus.linear.parameter_entries import parameter_entries
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import SimulationError


def linear_sde(
    dynamics: Dynamics,
    parameters: Mapping[str, Any] | None = None,
    sizes: Mapping[str, int] | None = None,
) -> LinearSDE:
    """The linear SDE of a declaration at given values, its coordinates in the order of the state.

    Args:
        dynamics: Declaration with affine drift and constant diffusion, without unknown functions.
        parameters: Values of the parameters, by name.
        sizes: Sizes of the dimensions.

    Returns:
        Drift matrix, forcing and diffusion in double precision.

    Raises:
        SimulationError: If the dynamics is not linear (the entry is named), lives on a
            domain with a boundary, or a value is missing.
        DeclarationError: If a size is missing.

    Example:
        >>> import sdekit as sk
        >>> x, k = sk.scalar("x"), sk.parameter("k", positive=True)
        >>> ou = sk.Dynamics(drift={x: 1 - k * x}, diffusion={x: 1})
        >>> linear_sde(ou, {"k": 2.0}).stationary_mean().tolist()
        [0.5]

    Checked by: tests/simulation/bind/test_linear_dynamics.py.
    """
    if dynamics.depends_on_time:
        raise SimulationError(
            "the coefficients depend on the time", fix="simulate it with sk.simulate"
        )
    _refuse_boundaries(dynamics)
    components = dynamics.at(**(sizes or {}))
    values = parameter_entries(dynamics, components.sizes, parameters or {})
    d = components.dimension
    drift, forcing = np.zeros((d, d)), np.zeros(d)
    origin: dict[Any, Any] = dict.fromkeys(components.coordinates, sp.Integer(0))
    for i, entry in enumerate(components.drift):
        for j, x in enumerate(components.coordinates):
            slope = sp.expand(sp.diff(entry, x))
            _refuse_state(slope, components, f"the drift of {components.coordinates[i]}")
            drift[i, j] = _number(slope, values)
        forcing[i] = _number(entry.xreplace(origin), values)
    diffusion = np.zeros((d, d))
    for (i, j), entry in components.diffusion.items():
        _refuse_state(sp.expand(entry), components, f"the noise of {components.coordinates[i]}")
        diffusion[i, j] = _number(entry, values)
    return LinearSDE(drift, diffusion, forcing)


def _refuse_boundaries(dynamics: Dynamics) -> None:
    """Reflection and wrapping are not linear."""
    for x in dynamics.variables:
        if x.domain.kind != "real":
            raise SimulationError(
                f"{x.name} does not live on the whole line, so that it is no linear SDE",
                expected="variables without a boundary", found=f"the domain {x.domain.kind}",
                fix="simulate it with sk.simulate",
            )  # fmt: skip


def _refuse_state(entry: sp.Expr, components: Components, what: str) -> None:
    """A coefficient of a linear SDE reads no coordinate and no unknown function."""
    read = entry.free_symbols & set(components.coordinates)
    functions = entry.atoms(sp.Derivative, sp.core.function.AppliedUndef)
    if read or functions:
        names = sorted(str(x) for x in (functions or read))
        raise SimulationError(
            f"{what} is not linear", found=f"a coefficient that reads {names[0]}",
            fix="simulate it with sk.simulate",
        )  # fmt: skip


def _number(entry: Any, values: Mapping[str, float]) -> float:
    """The value of a constant expression in double precision."""
    symbols = sorted(entry.free_symbols, key=str)
    return float(sp.lambdify(symbols, entry, "numpy")(*(values[str(s)] for s in symbols)))
