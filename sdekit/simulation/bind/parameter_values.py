"""Values of parameters as arrays, checked against their declaration.

A parameter may be a JAX tracer: `jax.grad`, `vmap` and `jit` go through it. Whether its value is
finite and what it is declared to be cannot be known before it is there: one that is not becomes
NaN, and so does everything computed from it.

Not for sizes, functions and potentials (`problem`).

Checked by: tests/simulation/steps/test_sampler.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.core import Tracer

from sdekit.calls import meant
from sdekit.declaration.model.assumptions import holds
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.abbreviations import Comparison
from sdekit.declaration.tree.declared import shape_text
from sdekit.declaration.tree.names import by_name
from sdekit.declaration.tree.symbols import Parameter
from sdekit.errors import SimulationError
from sdekit.simulation.bind.jax_functions import COMPARE
from sdekit.simulation.bind.jax_reader import Environment, evaluate

#: Units of rounding, of the larger side, by which equal sides of an inequality may differ.
ROUNDED = 16.0


def settled(
    dynamics: Dynamics,
    given: Mapping[str, Any] | None,
    dtype: np.dtype,
    sizes: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """What the user gives, with tracers in the precision of the run and NaN where they do not fit.

    To be called where the user's trace is: what it computes belongs to it.

    Raises:
        SimulationError: If double precision meets tracers while JAX has it switched off, or an
            assumption about traced values reads a size that is not given.
    """
    declared = {parameter.name: parameter for parameter in dynamics.parameters}
    found = dict(by_name(given or {}))
    for name, value in found.items():
        if name in declared and isinstance(value, Tracer):
            if dtype == np.float64 and value.dtype != np.float64:
                raise SimulationError(
                    f"the traced parameter {name} has single precision",
                    expected="double precision, as the run",
                    found=str(value.dtype),
                    fix="jax.config.update('jax_enable_x64', True) before anything else",
                )
            array = _checked_shape(declared[name], jnp.asarray(value, dtype))
            found[name] = jnp.where(_fits(declared[name], array), array, jnp.nan)
    for fact in dynamics.assume:
        traced = _traced(fact, found)
        is_kept = _is_kept(fact, found, sizes or {})[0] if traced else True
        found |= {name: jnp.where(is_kept, found[name], jnp.nan) for name in traced}
    return found


def _traced(fact: Comparison, values: Mapping[str, Any]) -> list[str]:
    """The traced parameters that an inequality reads."""
    nodes = {*fact.left.walk(), *fact.right.walk()}
    names = {node.name for node in nodes if isinstance(node, Parameter)}
    return [name for name in names if isinstance(values.get(name), Tracer)]


def _is_kept(
    fact: Comparison, values: Mapping[str, Any], sizes: Mapping[str, int]
) -> tuple[Any, Any, Any]:
    """Whether an inequality holds, and its sides; equal sides are so up to rounding."""
    environment = Environment(values, sizes)
    left, right = (
        jnp.asarray(lax.stop_gradient(evaluate(side, environment)))
        for side in (fact.left, fact.right)
    )
    slack = ROUNDED * float(jnp.finfo(left.dtype).eps) * jnp.maximum(jnp.abs(left), jnp.abs(right))
    allowed = {">=": slack, "<=": -slack}.get(fact.relation, 0.0)
    return COMPARE[fact.relation](left + allowed, right), left, right


def check_assumed(dynamics: Dynamics, values: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
    """Refuse numbers that contradict an inequality the declaration assumes between parameters.

    Args:
        dynamics: As declared.
        values: Of its parameters, by name; traced ones are looked at elsewhere (`settled`).
        sizes: Of its dimensions, by name.

    Raises:
        SimulationError: If one does not hold.
    """
    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        for fact in dynamics.assume:
            if _traced(fact, values):
                continue
            is_kept, left, right = _is_kept(fact, values, sizes)
            if not is_kept:
                raise SimulationError(
                    "the values of parameters contradict what the declaration assumes of them",
                    expected=repr(fact),
                    found=f"{float(left):.6g} and {float(right):.6g}",
                    fix="give other values, or declare the dynamics without it",
                )


def _fits(parameter: Parameter, array: Array) -> Any:
    """Whether a traced value is finite and what the declaration assumes."""
    value = lax.stop_gradient(array)
    fits = jnp.all(jnp.isfinite(value))
    for assumption in parameter.assumptions:
        fits &= holds(assumption, value, xp=jnp)
    return fits


def parameter_arrays(dynamics: Dynamics, given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of all parameters, float64, by name; those fixed in the declaration are left out.

    Tracers stay as they are (`settled`).

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
                fix=f"write {meant(str(name), declared) or 'one of these'}, or leave {name} out",
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


def _parameter_array(parameter: Parameter, value: Any) -> Any:
    if isinstance(value, Tracer):
        return _checked_shape(parameter, value)
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise SimulationError(
            f"parameter {parameter.name} is no number",
            expected=f"numbers of shape {shape_text(parameter.shape)}",
            found=repr(value)[:80],
            fix="give a number, or an array of numbers",
        ) from None
    _checked_shape(parameter, array)
    if not np.all(np.isfinite(array)):
        raise SimulationError(
            f"parameter {parameter.name} is not finite",
            expected="finite numbers",
            found=" ".join(str(array).split())[:80],
            fix="give finite numbers",
        )
    _check_assumptions(parameter, array)
    return array


def _checked_shape(parameter: Parameter, array: Any) -> Any:
    if array.ndim != parameter.ndim:
        raise SimulationError(
            f"parameter {parameter.name} has the wrong shape",
            expected=f"shape {shape_text(parameter.shape)}",
            found=f"shape {array.shape}",
            fix="give an array with that many axes",
        )
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
