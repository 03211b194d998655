"""The stages of a scheme on a quadratic target, with numbers put in.

Not for composing them (`sdekit.schemes.bias.linear_step`).

Notation: d coordinates of the state, n of the positions; J and D of a part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.declaration.model.components import Components
from sdekit.errors import SchemeError
from sdekit.schemes.bias.given_values import entry_values
from sdekit.schemes.jet_ring.sympy_stubs import Formula, Matrix
from sdekit.schemes.order.ring_stages import part_components
from sdekit.schemes.split.splitting import Splitting
from sdekit.schemes.split.unroll import Move, unroll


@dataclass(frozen=True)
class Letter:
    """One stage of a step: coefficients and how they are integrated.

    Attributes:
        J: Drift matrix of the part, shape (d, d).
        D: Diffusion, shape (d, d).
        entry: How the gradient noise enters the drift, shape (d, n).
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


def letters_of(
    parts: Splitting,
    scheme: str | None,
    K: np.ndarray,
    parameters: Mapping[str, Any],
    frozen: Mapping[str, float],
) -> tuple[list[Letter], Components]:
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
    values = entry_values(dynamics, sizes, parameters)
    put = _Numbers(components, K, values, frozen)
    coefficients: dict[str, tuple[np.ndarray, ...]] = {}
    letters = []
    for move in unroll(parts, scheme):
        if move.name not in coefficients:
            coefficients[move.name] = put.matrices(move, part_components(dynamics, move, sizes))
        J, D, entry = coefficients[move.name]
        letters.append(Letter(J, D, entry, float(move.share), move.method))
    return letters, components


class _Numbers:
    """Replaces potential, parameters and frozen coordinates by numbers."""

    def __init__(
        self,
        components: Components,
        K: np.ndarray,
        values: Mapping[sp.Symbol, Formula],
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
                both[i] = [self._number(move, entry) for entry in jacobian.row(i)]
        for (i, j), entry in piece.diffusion.items():
            if {self.components.coordinates[i], self.components.coordinates[j]} <= set(self.moving):
                D[i, j] = self._number(move, self._put(entry))
        return both[:, :size], D, both[:, size:]

    def _put(self, expression: Formula) -> Formula:
        if self.function is not None:
            expression = expression.subs(self.function, self.potential).doit()
        return sp.expand(expression.subs(self.values))

    def _number(self, move: Move, entry: Formula) -> float:
        if entry.free_symbols or entry.atoms(AppliedUndef):
            raise SchemeError(
                f"part {move.name} is not linear with numbers put in",
                expected="a quadratic target and a number for every parameter",
                found=str(entry),
                fix="give the missing parameters, or see mean_field for thermostats",
            )
        return float(entry)
