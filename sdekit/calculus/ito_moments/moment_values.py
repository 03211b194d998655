r"""Moments as numbers: $dm/dt = A(t)\,m + b(t)$ solved from a fixed start.

Constant coefficients by the exact flow, others by LSODA to ten digits. Not for the equations
themselves (`moment_equations`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from sdekit.calculus.ito_moments.moment_system import MomentSystem
from sdekit.calculus.linear.exact_flow import exact_flow
from sdekit.calculus.linear.parameter_entries import finite_numbers, parameter_entries
from sdekit.declaration.model.component_reader import TIME
from sdekit.declaration.tree.domains import Domain, enclosure
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError

#: Relative error of the moments where coefficients depend on the time.
TOLERANCE = 1e-10
#: Steps between two times at least, so that a short pulse in a coefficient is not stepped over.
LEAST_STEPS = 256
#: Points in time at which the signs of denominators are compared.
POLE_GRID = 4097


@dataclass(frozen=True, eq=False)
class MomentValues:
    """The moments at some times.

    Attributes:
        times: As given.
        values: By the text of the monomial, such as "x**2", an array of the shape of `times`.

    Checked by: tests/calculus/ito_moments/test_moment_equations.py.
    """

    times: np.ndarray
    values: Mapping[str, np.ndarray]
    _equations: MomentSystem = field(repr=False)
    _parameters: Mapping[str, float] = field(repr=False)

    def mean(self, expression: Any) -> np.ndarray:
        """E of a variable, or of a polynomial of variables whose moments are known.

        Raises:
            MomentError: If it reads a moment that is not.
        """
        rows = list(self.values.values())
        total = np.zeros(self.times.shape)
        for row, weight in self._equations.weights(expression).items():
            coefficient = _numbers([weight], self._parameters)(self.times)[0]
            total = total + coefficient * (1.0 if row < 0 else rows[row])
        return total

    def covariance(self, a: Any, b: Any) -> np.ndarray:
        """E a b - E a E b; rounding of the size of the first term times 1e-15 is left."""
        first, second = (self._equations.expression(given) for given in (a, b))
        return self.mean(first * second) - self.mean(first) * self.mean(second)

    def variance(self, expression: Any) -> np.ndarray:
        """The covariance of something with itself."""
        return self.covariance(expression, expression)


def solved(
    equations: MomentSystem, t: Any, start: Any, given: Mapping[str, Any], *, t0: float
) -> MomentValues:
    """See `MomentEquations.solve`."""
    times = np.asarray(t, np.float64)
    if times.ndim > 1 or not np.isfinite(times).all() or (np.diff(np.r_[t0, times]) < 0).any():
        raise SimulationError(
            "the times do not ascend from the start", expected=f"times from t0 = {t0} on",
            found=t, fix="give one time, or an ascending list",
        )  # fmt: skip
    parameters = parameter_entries(equations.dynamics, equations.components.sizes, given)
    state = start_values(equations, start)
    where = dict(zip(equations.components.coordinates, state, strict=True))
    _require_noise(equations, {**parameters, **{str(x): v for x, v in where.items()}}, t0)
    at_start = sp.lambdify(
        [*where, *_symbols(equations.monomials, set(where))], list(equations.monomials), "numpy"
    )
    others = [parameters[str(s)] for s in _symbols(equations.monomials, set(where))]
    m = np.array([float(v) for v in at_start(*where.values(), *others)])
    # An overflow is told by its result.
    with np.errstate(over="ignore", invalid="ignore"):
        solve = _by_time if equations.depends_on_time else _by_flow
        found = solve(equations, parameters, m, np.atleast_1d(times), t0)
    if not np.isfinite(found).all():
        raise SimulationError(
            "a moment grows beyond the numbers",
            found=str(equations.monomials[int(np.argmin(np.isfinite(found).all(axis=0)))]),
            fix="ask for earlier times or a lower order",
        )
    columns = found.T.reshape(len(m), *times.shape)
    named = {str(f): column for f, column in zip(equations.monomials, columns, strict=True)}
    return MomentValues(times, named, equations, parameters)


def _require_noise(equations: MomentSystem, values: Mapping[str, float], t0: float) -> None:
    """D must be that of a noise, as far as the start can tell."""
    components = equations.components
    size, entries = components.dimension, list(components.diffusion.values())
    if not entries:
        return
    matrix = np.zeros((size, size))
    try:
        matrix[tuple(np.array(list(components.diffusion)).T)] = _numbers(entries, values)(t0)
    except (ArithmeticError, KeyError, NameError, TypeError, ValueError):
        return  # An unknown function, or a pole at the start: the moments do not read it.
    if np.isfinite(matrix).all() and np.linalg.eigvalsh(matrix)[0] < -1e-10 * np.abs(matrix).max():
        raise SimulationError(
            "the diffusion D is not positive semidefinite at the start, so that no noise has it",
            found=" ".join(str(matrix).split())[:120], fix="check the values of the parameters",
        )  # fmt: skip


def _symbols(expressions: Any, without: set[Any]) -> list[Any]:
    found = set().union(*(e.free_symbols for e in expressions)) - without - {TIME}
    return sorted(found, key=str)


def _numbers(expressions: Any, parameters: Mapping[str, float]) -> Any:
    """The values of coefficients as a function of the time."""
    symbols = _symbols(expressions, set())
    function = sp.lambdify([TIME, *symbols], list(expressions), ["scipy", "numpy"])
    values = [parameters[str(s)] for s in symbols]
    return lambda time: function(time, *values)


def _system(equations: MomentSystem, parameters: Mapping[str, float]) -> Any:
    """(A, b) as a function of the time."""
    size = len(equations.monomials)
    places = tuple(np.array(list(equations.entries), int).reshape(-1, 2).T)
    values = _numbers([*equations.entries.values(), *equations.forcing], parameters)

    def at(time: float) -> tuple[np.ndarray, np.ndarray]:
        numbers = np.array([float(x) for x in values(time)])
        matrix = np.zeros((size, size))
        matrix[places] = numbers[: len(numbers) - size]
        return matrix, numbers[len(numbers) - size :]

    return at


def _by_flow(
    equations: MomentSystem, parameters: Mapping[str, float], m: np.ndarray,
    times: np.ndarray, t0: float,
) -> np.ndarray:  # fmt: skip
    matrix, forcing = _system(equations, parameters)(t0)
    rows = []
    for time in times:
        change, shift, _ = exact_flow(matrix, np.zeros_like(matrix), forcing, time - t0)
        rows.append(m + change @ m + shift)
    return np.array(rows)


def _refuse_poles(
    equations: MomentSystem, parameters: Mapping[str, float], t0: float, t1: float
) -> None:
    """A solver steps over the pole of 1/(1 - t) and is finite on the other side."""
    grid = np.linspace(t0, t1, POLE_GRID)
    for entry in {*equations.entries.values(), *equations.forcing}:
        below = sp.denom(sp.together(entry))
        if TIME not in below.free_symbols:
            continue
        signs = np.sign(np.broadcast_to(_numbers([below], parameters)(grid)[0], grid.shape))
        if (signs != signs[0]).any() or not signs[0]:
            raise SimulationError(
                "a coefficient has a pole in time",
                expected=f"finite coefficients from {t0} to {t1}", found=str(entry),
                fix="stop before it",
            )  # fmt: skip


def _by_time(
    equations: MomentSystem, parameters: Mapping[str, float], m: np.ndarray,
    times: np.ndarray, t0: float,
) -> np.ndarray:  # fmt: skip
    from scipy.integrate import solve_ivp

    _refuse_poles(equations, parameters, t0, float(times[-1]))
    system, rows, before = _system(equations, parameters), [], t0
    for time in times:
        if time > before:
            scale = max(float(np.abs(m).max()), 1.0)
            found = solve_ivp(
                lambda s, y: (lambda a, b: a @ y + b)(*system(s)), (before, time), m,
                method="LSODA", rtol=TOLERANCE, atol=TOLERANCE * 1e-3 * scale,
                max_step=(time - before) / LEAST_STEPS, jac=lambda s, y: system(s)[0],
            )  # fmt: skip
            m = found.y[:, -1] if found.success else np.full_like(m, np.nan)
        before = time
        rows.append(m)
    return np.array(rows)


def start_values(equations: MomentSystem, start: Any) -> np.ndarray:
    """The start as one number for each coordinate.

    Raises:
        SimulationError: If a value is missing, unknown, of the wrong shape, not finite or outside
            the domain.
    """
    components = equations.components
    variables = {x.name: (x, places) for x, places in components.variables}
    if not isinstance(start, Mapping):
        if len(variables) != 1:
            named = ", ".join(f'"{name}": ...' for name in variables)
            raise SimulationError(
                "a start is needed for each variable", expected=", ".join(variables),
                found=repr(start)[:60], fix=f"give start={{{named}}}",
            )  # fmt: skip
        start = {next(iter(variables)): start}
    named = {x.name if isinstance(x, Variable) else str(x): value for x, value in start.items()}
    for name in (*named, *variables):
        if name not in variables or name not in named:
            raise SimulationError(
                f"variable {name} has no start" if name in variables else f"no variable {name}",
                expected=", ".join(variables), found=", ".join(named) or "nothing",
            )  # fmt: skip
    state = np.empty(components.dimension)
    for name, (x, places) in variables.items():
        shape = tuple(components.sizes[dim.name] for dim in x.shape)
        array = finite_numbers(named[name], shape, f"the start of {name}")
        if x.symmetry is not None:
            sign = 1 if x.symmetry == "symmetric" else -1
            if not np.array_equal(array, sign * array.T):
                raise SimulationError(f"the start of {name} is not {x.symmetry}", found=array)
            array = array[np.triu_indices(len(array), 0 if sign > 0 else 1)]
        _check_domain(name, array, x.domain)
        state[list(places)] = array.ravel()
    return state


def _check_domain(name: str, array: np.ndarray, domain: Domain) -> None:
    """Ends belong to the domain here: a process may start at one."""
    low, high = -np.inf, np.inf
    if domain.kind == "positive":
        low = 0.0
    elif domain.kind == "interval":
        low, high = (
            limit if end is None else float(enclosure(end)[side])
            for end, limit, side in ((domain.lower, low, 0), (domain.upper, high, 1))
        )
    if (array < low).any() or (array > high).any():
        raise SimulationError(
            f"the start of {name} is outside its domain", expected=f"from {low} to {high}",
            found=array,
        )  # fmt: skip
