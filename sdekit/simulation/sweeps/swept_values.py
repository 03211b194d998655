"""Values of parameters that differ between the rows of one run: a sweep.

Rows are ordered by value, the chains of the first value first; a lane of the compiled program runs
one row. Every value has the noise of the same chains: what `simulate` gives for it alone.

Not for the compiled step (`swept_step`) nor for results (`swept_run`).

Checked by: tests/simulation/sweeps/test_sweep.py.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from sdekit.errors import SimulationError
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.parameter_values import check_assumed, parameter_arrays
from sdekit.simulation.bind.start import kinds_of_laws
from sdekit.simulation.gradients.declared_noise import check_noise_parts
from sdekit.simulation.steps.sampler import Bound, Sampler


@dataclass(frozen=True, eq=False)
class Sweep:
    """Values of parameters and the chains of each.

    Attributes:
        values: By name, float64, (size, *shape).
        chains: Chains of each value.
    """

    values: Mapping[str, np.ndarray]
    chains: int

    @property
    def size(self) -> int:
        """Number of values."""
        return len(next(iter(self.values.values())))

    @property
    def rows(self) -> int:
        """Chains of all values."""
        return self.size * self.chains

    def at(self, number: int) -> dict[str, np.ndarray]:
        """The values of one place of the sweep, by name."""
        return {name: array[number] for name, array in self.values.items()}

    def text(self, number: int) -> str:
        """The values of one place, in words."""
        return ", ".join(f"{name} = {np.array2string(v)}" for name, v in self.at(number).items())

    def of_lanes(self, lanes: np.ndarray) -> np.ndarray:
        """The number of the value of each lane; lanes beyond the last row have the last value."""
        return np.minimum(lanes // self.chains, self.size - 1)

    def on_lanes(self, lanes: np.ndarray, dtype: np.dtype) -> dict[str, np.ndarray]:
        """The values by name, lanes last."""
        which = self.of_lanes(lanes)
        return {
            name: np.moveaxis(array.astype(dtype)[which], 0, -1) if lanes.ndim else
            array.astype(dtype)[which]
            for name, array in self.values.items()
        }  # fmt: skip

    def sampler(self, model: Sampler) -> Sampler:
        """The sampler whose programs take the swept values as arguments."""
        shapes = tuple((name, array.shape[1:]) for name, array in self.values.items())
        key = ("swept", shapes)
        if key not in model.programs:
            own = copy.copy(model)
            own.parameters = {**model.parameters, **self.at(0)}
            own._bound, own.programs = {}, {}
            model.programs[key] = own
        return model.programs[key]

    def problem(self, problem: Problem, number: int) -> Problem:
        """The problem at one value."""
        own = {name: array.astype(problem.dtype) for name, array in self.at(number).items()}
        return replace(problem, parameters={**problem.parameters, **own})

    def check_values(self, model: Sampler, bound: Bound) -> None:
        """What is assumed between parameters holds, and momenta start by laws of one kind.

        Raises:
            SimulationError: If not: the program is made for one kind.
        """
        for number in range(self.size) if model.dynamics.assume else ():
            values = parameter_arrays(model.dynamics, {**model.parameters, **self.at(number)})
            check_assumed(model.dynamics, values, bound.problem.sizes)
        given = {name: array.astype(bound.problem.dtype) for name, array in self.values.items()}
        for law in bound.laws:
            kinds = kinds_of_laws(bound.problem, law.variable, given)
            other = [number for number, kind in enumerate(kinds) if kind != law.kind]
            if other:
                raise SimulationError(
                    f"the law by which {law.variable.name} starts has another form at some values "
                    "of the sweep",
                    expected=f"the form '{law.kind}' at each",
                    found=f"'{kinds[other[0]]}' at {self.text(other[0])}",
                    fix="run those values apart, or give auxiliary=",
                )

    def check_noise(self, problem: Problem, blocks: Mapping[str, Any]) -> None:
        """Injected and gradient noise are covariances at each value.

        Raises:
            SimulationError: If not.
        """
        for number in range(self.size) if problem.gradient_noise else ():
            first = number * self.chains
            own = {k: np.asarray(b)[..., first : first + self.chains] for k, b in blocks.items()}
            check_noise_parts(self.problem(problem, number), own, False)


def read_sweep(given: Any, model: Sampler, chains: int) -> Sweep | None:
    """The sweep that the user asks for; None where there is none.

    Raises:
        SimulationError: If a name is no parameter of the dynamics, a value contradicts its
            declaration, the numbers of values differ, or a value is needed to build the program.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping) or not given:
        raise SimulationError(
            "sweep is no dictionary",
            expected='values by the name of a parameter: {"A": [0.5, 1.0]}',
            found=repr(given)[:60],
        )
    declared = {parameter.name: parameter for parameter in model.dynamics.parameters}
    arrays = {}
    for name, values in given.items():
        if name not in declared:
            raise SimulationError(
                f"{name} is no parameter that can be swept",
                expected=", ".join(declared) or "a dynamics with parameters",
                found=name,
                fix="a number that the program is built with, such as a size or a number of steps, "
                "needs a run for each value",
            )
        arrays[name] = _values(name, values, declared[name].ndim)
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise SimulationError(
            "the values of a sweep go together, one of each parameter at a time",
            expected="as many values of one as of the others",
            found=", ".join(f"{count} of {name}" for name, count in lengths.items()),
            fix="for all combinations repeat the values: numpy.meshgrid(A, B), each .ravel()",
        )
    found = Sweep(arrays, chains)
    _check_sampler(model, found)
    for number in range(found.size):
        parameter_arrays(model.dynamics, {**model.parameters, **found.at(number)})
    return found


def _values(name: str, values: Any, ndim: int) -> np.ndarray:
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        array = np.zeros(())
    if array.ndim != ndim + 1:
        raise SimulationError(
            f"the values of {name} are no list of values",
            expected=f"numbers with {ndim + 1} axes, that of the sweep first",
            found=repr(values)[:60],
            fix=f"write sweep={{{name!r}: [...]}}, or give one value in parameters",
        )
    return array


def _check_sampler(model: Sampler, sweep: Sweep) -> None:
    """What a program holds as a constant cannot differ between its lanes."""
    potential, names = model.potential, set(sweep.values)
    if type(potential).__module__.partition(".")[0] == "sympy":
        read = sorted(names & {str(symbol) for symbol in potential.free_symbols})
        if read:
            raise SimulationError(
                "a potential given as a SymPy expression holds its parameters as numbers",
                expected="a sweep of parameters that it does not read",
                found=", ".join(read),
                fix="write the potential into the declaration",
            )
    if model.dynamics.depends_on_time and model.dtype == np.float32:
        raise SimulationError(
            "in single precision parameters beside the time are kept in two halves, which a sweep "
            "does not carry",
            fix="give precision='float64'",
        )


def check_alone(sweep: Sweep | None, observables: Any, part: Any, updates: Any) -> None:
    """Arguments of a run that a sweep does not share its rows with.

    Raises:
        SimulationError: If one is given.
    """
    if sweep is None:
        return
    if observables:
        raise SimulationError(
            "observables average over all chains, and those of a sweep differ",
            found="sweep and observables",
            fix="average the draws of each value: run[i].samples",
        )
    if updates:
        raise SimulationError(
            "a sweep runs without updates of one's own",
            found="sweep and updates",
            fix="run the values one after the other",
        )
    if part is not None or jax.process_count() > 1:
        raise SimulationError(
            "parts and processes share chains, and a sweep has rows of other values",
            found="sweep and part" if part is not None else "sweep and jax.distributed",
            fix="give each part some of the values: sweep={'A': values[i::N]}",
        )
