"""Arguments of an audit, checked before anything runs: numbers, sizes, parameters, functions.

Not for the step, which is tried on a state (`audit_checks`).

Checked by: tests/auditing/test_audit_arguments.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import SimulationError
from sdekit.simulation.bind.jax_reader import shape_of, size_of
from sdekit.simulation.bind.parameter_values import check_assumed, parameter_arrays

#: Sizes where nothing is said: two shows mistakes that one hides.
_DEFAULT_SIZE = 2
#: Seeds of states, increments and chains are sums with it, in 32 bits.
LARGEST_SEED = 2**31 - 16
#: What JAX raises where Python or NumPy asks for the value of a number that is being traced.
UNTRACED = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
)
TRACED = "write it with jax.numpy: jnp.where instead of if, and no float(...) of a value"


def failure_text(error: Exception) -> str:
    """The first line of an exception."""
    return f"{type(error).__name__}: {error}".split("\n")[0][:200]


def check_numbers(
    step_size: Any, level: Any, resolution: Any, counts: Mapping[str, tuple[Any, int, int]]
) -> None:
    """The numbers that an audit is given.

    Args:
        step_size: h.
        level: Of the test.
        resolution: Asked for.
        counts: Whole numbers by name, with the least and the largest that make sense.

    Raises:
        SimulationError: If one makes no sense.
    """
    ranges = {
        "step_size": (step_size, np.inf, "a positive number"),
        "level": (level, 1.0, "a number between 0 and 1"),
        "resolution": (resolution, np.inf, "a positive number"),
    }
    for name, (value, end, expected) in ranges.items():
        if not (_is(Real, value) and 0 < value < end):
            raise _senseless(name, expected, value)
    for name, (value, least, largest) in counts.items():
        if not (_is(Integral, value) and least <= value <= largest):
            raise _senseless(name, f"a whole number from {least} to {largest}", value)


def _is(kind: type, value: Any) -> bool:
    """Whether a value, or the array of no axes that holds it, is a number of the kind."""
    if isinstance(value, np.ndarray | jax.Array) and value.ndim == 0:
        value = value.item()
    return isinstance(value, kind) and not isinstance(value, bool | np.bool_)


def _senseless(name: str, expected: str, value: Any) -> SimulationError:
    shown = " ".join(repr(value).split())[:80]
    return SimulationError(
        f"{name} makes no sense", expected=expected, found=shown, fix=f"give {name} as {expected}"
    )


def check_chains(chains: int, least: int) -> None:
    """Raises a SimulationError where there are chains, but too few for standard errors."""
    if 0 < chains < least:
        raise _senseless("chains", f"at least {least}, or 0 for none", chains)


def check_objects(step: Any, dynamics: Any, **others: Any) -> None:
    """Raises a SimulationError where the dynamics is none, or something cannot be called."""
    if not isinstance(dynamics, Dynamics):
        raise SimulationError(
            "the dynamics is no Dynamics",
            expected="a sdekit.Dynamics",
            found=repr(dynamics)[:80],
            fix='declare it, or take one such as sdekit.catalog.get("langevin")',
        )
    for name, value in {"step": step, **others}.items():
        if not callable(value) and (name == "step" or value is not None):
            raise _uncallable(name, value)


def _uncallable(name: str, value: Any) -> SimulationError:
    return SimulationError(
        f"{name} is no function",
        expected="a JAX function",
        found=repr(value)[:80],
        fix=f"give {name} as something that can be called",
    )


def known_sizes(dynamics: Dynamics, sizes: Mapping[str, int], position: Any) -> dict[str, int]:
    """The size of every dimension by name.

    Raises:
        SimulationError: If one is unknown or no size, or the position has another number of axes.
    """
    names = [dim.name for dim in dynamics.dimensions]
    for name, size in sizes.items():
        if name not in names:
            raise SimulationError(
                f"the dynamics has no dimension {name}",
                expected=", ".join(names) or "no dimensions",
                found=name,
                fix="name a dimension of the dynamics in sizes",
            )
        if not (_is(Integral, size) and size >= 1):
            raise _senseless(f"the size of {name}", "a whole number of at least 1", size)
    known = {name: int(size) for name, size in sizes.items()}
    if position is not None:
        known.update(_sizes_of(dynamics, position, known))
    for dim in dynamics.dimensions:
        known.setdefault(dim.name, dim.size or _DEFAULT_SIZE)
    return known


def _sizes_of(dynamics: Dynamics, position: Any, known: Mapping[str, int]) -> dict[str, int]:
    (first, *_) = dynamics.target_variables
    is_array = not isinstance(position, Mapping | str)
    shape = np.shape(position) if is_array else None
    if shape is None or len(shape) != len(first.shape) or 0 in shape:
        raise SimulationError(
            f"the position does not fit {first.name}",
            expected=f"an array with {len(first.shape)} axes, as {first.name} has",
            found=f"shape {shape}" if is_array else type(position).__name__,
            fix="give such an array, or sizes instead of it",
        )
    found = {dim.name: size for dim, size in zip(first.shape, shape, strict=True)}
    for name, size in found.items():
        if known.get(name, size) != size:
            raise SimulationError(
                f"sizes and position contradict each other in {name}",
                expected=known[name],
                found=size,
                fix="give one of them",
            )
    return found


def parameter_values(
    dynamics: Dynamics, given: Mapping[str, Any], sizes: Mapping[str, int]
) -> dict[str, Any]:
    """Values of all parameters by name.

    Raises:
        SimulationError: If one is missing, unknown, of another shape, or not what is declared.
    """
    values: dict[str, Any] = {}
    for name, array in parameter_arrays(dynamics, given).items():
        values[name] = jnp.asarray(array, dtype=float)
    for parameter in dynamics.parameters:
        if parameter.value is not None:
            values[parameter.name] = jnp.asarray(float(parameter.value))
        shape, found = shape_of(parameter, sizes), values[parameter.name].shape
        if shape != found:
            raise SimulationError(
                f"parameter {parameter.name} has the wrong shape",
                expected=shape,
                found=found,
                fix="give an array of that shape, or other sizes",
            )
    check_assumed(dynamics, values, sizes)
    return values


def known_functions(
    dynamics: Dynamics,
    sizes: Mapping[str, int],
    potential: Callable[..., Any] | None,
    functions: Mapping[str, Callable[..., Any]],
) -> dict[str, Callable[..., Any]]:
    """All unknown functions by name, with their results checked whenever they are called.

    Raises:
        SimulationError: If one is missing, unknown, or cannot be called.
    """
    symbols = {symbol.name: symbol for symbol in dynamics.functions}
    chosen = dict(functions)
    for name, function in chosen.items():
        if name not in symbols:
            raise SimulationError(
                f"the dynamics has no unknown function {name}",
                expected=", ".join(symbols) or "no functions",
                found=name,
                fix="name an unknown function of the dynamics in functions",
            )
        if not callable(function):
            raise _uncallable(f"the function {name}", function)
    missing = [name for name in symbols if name not in chosen]
    if potential is not None and missing:
        chosen[missing.pop(0)] = potential
    if missing:
        raise SimulationError(
            f"the unknown function {missing[0]} has no value",
            fix="give potential=... for the target's potential, others as functions={name: ...}",
        )
    return {
        name: checked(function, name, tuple(size_of(dim, sizes) for dim in symbols[name].shape))
        for name, function in chosen.items()
    }


def checked(function: Callable[..., Any], name: str, shape: tuple[int, ...]) -> Callable[..., Any]:
    """The function, with one clear error where it fails or returns something else."""

    def of_blocks(*blocks: Any) -> Any:
        try:
            value = jnp.asarray(function(*blocks))
        except SimulationError:
            raise
        except Exception as error:  # noqa: BLE001 - it may fail in any way
            raise SimulationError(
                f"the function {name} cannot be called",
                expected=f"a JAX function of blocks of shape {[jnp.shape(b) for b in blocks]}",
                found=failure_text(error),
                fix=TRACED if isinstance(error, UNTRACED) else "give one that takes such blocks",
            ) from None
        if value.shape != shape or jnp.iscomplexobj(value):
            raise SimulationError(
                f"the function {name} returns something else",
                expected=f"real numbers of shape {shape}",
                found=f"{value.dtype} of shape {value.shape}",
                fix="return a scalar, such as a sum over entries" if shape == () else None,
            )
        return value.astype(jnp.result_type(float))

    return of_blocks
