"""The stages of a scheme on a quadratic target, with numbers put in.

Not for composing them (`sdekit.schemes.bias.linear_step`).

Notation: d coordinates of the state, n of the positions; J and D of a part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr, Matrix
from sdekit.errors import SchemeError
from sdekit.schemes.bias.given_values import entry_values
from sdekit.schemes.bias.noise_bias import covariance_of_gradient, gradient_shares
from sdekit.schemes.order.ring_stages import part_components
from sdekit.schemes.split.factors import Factor
from sdekit.schemes.split.splitting import Splitting
from sdekit.schemes.split.unroll import Move, unroll


@dataclass(frozen=True)
class Letter:
    """One stage of a step: coefficients and how they are integrated.

    Attributes:
        J: Drift matrix of the part, shape (d, d).
        D: Diffusion, shape (d, d).
        entry: How the gradient noise enters the drift, shape (d, n); one column for each coordinate
            that has any where it is declared.
        share: Share of the step.
        method: "exact", "rk4", "strang" or "euler_maruyama".
    """

    J: np.ndarray
    D: np.ndarray
    entry: np.ndarray
    share: float
    method: str

    @property
    def is_kick(self) -> bool:
        """Whether the force acts, and its noise with it."""
        return bool(np.any(self.entry))

    def moves(self, places: Sequence[int]) -> bool:
        """Whether coordinates at these places change."""
        rows = list(places)
        return bool(np.any(self.J[rows]) or np.any(self.D[rows]) or np.any(self.entry[rows]))


class Stages(NamedTuple):
    """The stages of a step with numbers put in.

    Attributes:
        letters: In order.
        components: The dynamics in coordinates.
        declared: B of the coordinates that have declared gradient noise, shape (k, k); or None.
        shares: For each gradient drawn in a step, how much of the step it acts.
    """

    letters: list[Letter]
    components: Components
    declared: np.ndarray | None
    shares: tuple[float, ...]

    def covariance(self, step_size: float, given: np.ndarray) -> np.ndarray:
        """V in the coordinates of the entries: from the declared B, or as given."""
        if self.declared is None:
            return given
        return covariance_of_gradient(self.declared, step_size, self.shares)


def letters_of(
    parts: Splitting,
    scheme: str | None,
    K: np.ndarray,
    parameters: Mapping[str, Any],
    frozen: Mapping[str, float],
) -> Stages:
    """The stages of a step with numbers put in.

    Args:
        parts: The splitting.
        scheme: A word or a name; the default word when None.
        K: Stiffness, shape (n, n).
        parameters: Numbers by name.
        frozen: Values for coordinates that stand still, by name.

    Raises:
        SchemeError: If a value contradicts the declaration, or a coefficient is not a number with
            all of them put in.
    """
    dynamics = parts.dynamics
    open_sizes = [dim for dim in dynamics.dimensions if dim.size is None]
    if len(K) > 1 and not open_sizes:
        raise SchemeError("the model has one dimension", found=f"stiffness of shape {K.shape}")
    sizes = {dim.name: len(K) for dim in open_sizes}
    components = dynamics.at(**sizes)
    carried = part_components(dynamics, Factor((), parts.gradient_noise, Fraction(1)), sizes)
    both = (dynamics, Dynamics(dynamics.drift, dict(parts.gradient_noise)))
    values = {s: v for part in both for s, v in entry_values(part, sizes, parameters).items()}
    put = _Numbers(components, K, values, frozen)
    moves = unroll(parts, scheme)
    B = put.diffusion(carried)
    columns = np.flatnonzero(B.any(axis=0))
    coefficients: dict[str, tuple[np.ndarray, ...]] = {}
    letters = []
    for move in moves:
        if move.name not in coefficients:
            J, D, entry = put.matrices(move, part_components(dynamics, move, sizes))
            if len(columns):
                entry = put.own_entry(move, components)[:, columns]
            coefficients[move.name] = J, D, entry
        J, D, entry = coefficients[move.name]
        letters.append(Letter(J, D, entry, float(move.share), move.method))
    declared = B[np.ix_(columns, columns)] if len(columns) else None
    shares = gradient_shares(parts, parts.default_word if scheme is None else scheme)
    return Stages(letters, components, declared, tuple(map(float, shares)))


class _Numbers:
    """Replaces potential, parameters and frozen coordinates by numbers."""

    def __init__(
        self,
        components: Components,
        K: np.ndarray,
        values: Mapping[sp.Symbol, Expr],
        frozen: Mapping[str, float],
    ) -> None:
        self.components = components
        energy = components.target if components.target is not None else components.hamiltonian
        self.function = next(iter(energy.atoms(AppliedUndef)), None) if energy is not None else None
        x: Matrix = sp.Matrix(components.target_coordinates)
        exact = sp.Matrix(K.shape[0], K.shape[1], lambda i, j: sp.Float(K[i, j], 17))
        # A force that is off by eta is the force of this potential; eta stands for its noise.
        self.noise = [sp.Dummy(f"eta_{k}") for k in range(len(K))]
        if len(x) != len(K):
            raise SchemeError(
                "the stiffness does not fit the target",
                expected=f"shape ({len(x)}, {len(x)})",
                found=f"shape {K.shape}",
            )
        tilt = sum((a * b for a, b in zip(self.noise, x, strict=True)), sp.Integer(0))
        self.potential = (x.T * exact * x)[0, 0] / 2 + tilt
        self.values = dict(values)
        names = {x.name: x for x in components.coordinates}
        self.values |= {names[name]: sp.Float(value, 17) for name, value in frozen.items()}
        self.moving = [x for x in components.coordinates if x.name not in frozen]

    def matrices(self, move: Move, piece: Components) -> tuple[np.ndarray, ...]:
        """J, D and noise entry of a move, rows of frozen coordinates zero."""
        size = self.components.dimension
        drift = sp.Matrix([self._put(rate) for rate in piece.drift])
        jacobian = drift.jacobian([*self.components.coordinates, *self.noise])
        both, D = np.zeros((size, size + len(self.noise))), np.zeros((size, size))
        for i, x in enumerate(self.components.coordinates):
            if x in self.moving:
                both[i] = [self._number(f"part {move.name}", entry) for entry in jacobian.row(i)]
        for (i, j), entry in piece.diffusion.items():
            if {self.components.coordinates[i], self.components.coordinates[j]} <= set(self.moving):
                D[i, j] = self._number(f"part {move.name}", self._put(entry))
        return both[:, :size], D, both[:, size:]

    def diffusion(self, carried: Components) -> np.ndarray:
        """B of the whole state, shape (d, d)."""
        B = np.zeros((self.components.dimension,) * 2)
        for (i, j), entry in carried.diffusion.items():
            B[i, j] = self._number("gradient noise", self._put(entry))
        return B

    def own_entry(self, move: Move, components: Components) -> np.ndarray:
        """Declared noise is a noise of the coordinates themselves, shape (d, d)."""
        carrying = {x.name for pair, _ in move.gradient_noise for x in pair}
        places = [i for x, rows in components.variables if x.name in carrying for i in rows]
        return np.diag([1.0 if i in places else 0.0 for i in range(components.dimension)])

    def _put(self, expression: Expr) -> Expr:
        if self.function is not None:
            expression = expression.subs(self.function, self.potential).doit()
        return sp.expand(expression.subs(self.values))

    def _number(self, what: str, entry: Expr) -> float:
        if entry.free_symbols or entry.atoms(AppliedUndef):
            raise SchemeError(
                f"{what} is not linear with numbers put in",
                expected="a quadratic target and a number for every parameter",
                found=str(entry),
                fix="give the missing parameters, or see mean_field for thermostats",
            )
        return float(entry)
