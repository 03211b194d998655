r"""Thermostats under gradient noise: what they settle at, closed by a mean field.

For large n the thermostat xi hardly fluctuates. Held at a number, the scheme is linear on a
quadratic target, and xi is the number at which its own drift vanishes on average, with
$\langle p^T p \rangle$ taken where the scheme applies that drift. Exact as n grows; the error is of
order 1/n.

Not for temperatures of dynamics without thermostat (`sdekit.schemes.guards.temperature`).

Notation: K stiffness, V covariance of the gradient noise, h step size, S covariance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr
from sdekit.errors import SchemeError
from sdekit.schemes.bias.linear_letters import Letter, Stages, letters_of
from sdekit.schemes.bias.linear_step import (
    StationaryLaw,
    covariances_along,
    extended_law,
    positions_in,
    quadratic_problem,
    state_law,
)
from sdekit.schemes.split.splitting import Splitting
from sdekit.schemes.split.unroll import unroll

#: Where the root is looked for, in units of 1 / h; without friction there is no stationary law.
SEARCH = np.geomspace(1e-6, 1e3, 181)


def thermostat_prediction(
    dynamics: Dynamics,
    scheme: str | None = None,
    *,
    stiffness: Any,
    step_size: float,
    parameters: Mapping[str, Any] | None = None,
    gradient_covariance: Any = None,
) -> StationaryLaw:
    r"""The mean-field law of a scalar thermostat on U = theta^T K theta / 2.

    For Algorithm 1 on SGNHT: $K \langle q^2 \rangle = 1 - \xi h / 2$. For BADODAB:
    $K \langle q^2 \rangle = 1 - V h^2 \tanh(\xi h / 2) / (4 - K h^2)$.

    Args:
        dynamics: A declaration with one scalar thermostat, such as SGNHT.
        scheme: A word or a name; the default word when left out.
        stiffness: K, shape (n, n), or a number for n = 1.
        step_size: h.
        parameters: A number for each parameter.
        gradient_covariance: V, shape (n, n), or a number for n = 1; when left out that of the
            declared gradient noise.

    Raises:
        SchemeError: If there is no such thermostat, or no value at which it settles.

    Source: derived, by closing the frozen scheme with its own thermostat condition.
    Checked by: tests/schemes/bias/test_mean_field.py.
    """
    parts, K, V = quadratic_problem(dynamics, stiffness, step_size, gradient_covariance)
    problem = _Problem(parts, scheme, K, V, dict(parameters or {}), step_size)
    value = problem.settled()
    return state_law(problem.components, problem.law(value)[0], value)


class _Problem:
    """The scheme as a function of the frozen thermostat."""

    def __init__(
        self,
        parts: Splitting,
        scheme: str | None,
        K: np.ndarray,
        V: np.ndarray,
        parameters: Mapping[str, Any],
        step_size: float,
    ) -> None:
        self.parts, self.scheme, self.K = parts, scheme, K
        self.parameters, self.step_size = parameters, step_size
        open_sizes = [dim.name for dim in parts.dynamics.dimensions if dim.size is None]
        self.components: Components = parts.dynamics.at(**dict.fromkeys(open_sizes, len(K)))
        self.name = self._thermostat()
        self.letter = next(
            part.letter
            for part in parts.parts
            if part.kind == "thermostat drift" and self.name in {x.name for x in part.moves}
        )
        self.rate = self._rate()
        # Stages are affine in the thermostat: two values give them all, a third confirms it.
        stages = [self._stages_at(value) for value in (0.0, 1.0, 2.0)]
        self.stages = stages[0]
        self.at_zero, self.at_one, at_two = (each.letters for each in stages)
        self.V = stages[0].covariance(step_size, V)
        for a, b, c in zip(self.at_zero, self.at_one, at_two, strict=True):
            if not np.allclose(c.J - b.J, b.J - a.J) or not np.allclose(a.D, c.D):
                raise SchemeError("the friction is not linear in the thermostat", found=self.name)

    def _stages_at(self, value: float) -> Stages:
        return letters_of(self.parts, self.scheme, self.K, self.parameters, {self.name: value})

    def _thermostat(self) -> str:
        found = [
            x.name
            for part in self.parts.parts
            if part.kind == "thermostat drift"
            for x in part.moves
        ]
        if len(found) != 1 or self.components.variables[-1][0].shape:
            raise SchemeError(
                "the mean field needs exactly one scalar thermostat",
                found=", ".join(found) or "none",
                fix="see sdekit.schemes.bias.linear_step for dynamics without thermostat",
            )
        return found[0]

    def _rate(self) -> Expr:
        places = {x.name: i for i, x in enumerate(self.components.coordinates)}
        rate: Expr = self.components.drift[places[self.name]]
        values = {symbol.name: symbol for symbol in rate.free_symbols}
        put = {values[n]: sp.Float(v, 17) for n, v in self.parameters.items() if n in values}
        return sp.expand(rate.subs(put))

    def law(self, value: float) -> tuple[tuple[np.ndarray, float], list[Letter]]:
        """The extended law and the stages, with the thermostat held at a value."""
        letters = [
            replace(a, J=a.J + value * (b.J - a.J))
            for a, b in zip(self.at_zero, self.at_one, strict=True)
        ]
        stages = self.stages._replace(letters=letters)
        return extended_law(stages, self.V, self.step_size, (self.name,)), letters

    def drive(self, value: float) -> float:
        """The mean drift of the thermostat held at a value; NaN where the scheme is unstable."""
        try:
            (S, _), letters = self.law(value)
        except SchemeError:
            return float("nan")
        total = 0.0
        for share, covariance in self._at_thermostat(S, letters):
            total += share * self._mean_rate(covariance, value)
        return total

    def _at_thermostat(
        self, S: np.ndarray, letters: list[Letter]
    ) -> list[tuple[float, np.ndarray]]:
        """The covariance wherever the thermostat moves, with the shares of the step."""
        found = []
        places = positions_in(self.components)
        walked = covariances_along(letters, places, self.V, self.step_size, S)
        for move, covariance in zip(unroll(self.parts, self.scheme), walked, strict=True):
            of_group = move.letter is None and self.name in {x.name for x in move.moves}
            if of_group or move.letter == self.letter:
                found.append((float(move.share), covariance))
        return found

    def _mean_rate(self, S: np.ndarray, value: float) -> float:
        total = 0.0
        places = {x: i for i, x in enumerate(self.components.coordinates)}
        for term in sp.Add.make_args(self.rate):
            coefficient, rest = term.as_coeff_Mul()
            powers = rest.as_powers_dict()
            indices = [places[x] for x, k in powers.items() if x in places for _ in range(int(k))]
            frozen = places[next(x for x in places if x.name == self.name)]
            held = sum(i == frozen for i in indices)
            moving = [i for i in indices if i != frozen]
            if len(moving) not in (0, 2) or rest.free_symbols - set(places):
                raise SchemeError(
                    "the drift of the thermostat is not quadratic in the momenta",
                    found=str(self.rate),
                )
            mean = S[moving[0], moving[1]] if moving else 1.0
            total += float(coefficient) * mean * value**held
        return total

    def settled(self) -> float:
        """The value at which the mean drift changes sign from + to -."""
        grid = SEARCH / self.step_size
        values = np.array([self.drive(float(x)) for x in grid])
        for left, right, below, above in zip(grid, grid[1:], values, values[1:], strict=False):
            # More friction means less kinetic energy: the stable root is a descent.
            if below > 0 >= above:
                return self._bisect(float(left), float(right))
        raise SchemeError(
            "the thermostat settles nowhere: the scheme is unstable or too noisy at this step size",
            found=f"h = {self.step_size}",
            fix="take a smaller step",
        )

    def _bisect(self, left: float, right: float) -> float:
        for _ in range(80):
            middle = (left + right) / 2
            if self.drive(middle) > 0:
                left = middle
            else:
                right = middle
        return (left + right) / 2
