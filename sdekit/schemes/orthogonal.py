r"""Orthonormal polynomials of one variable for a weight exp(-h), by quadrature.

Not for several variables: `sdekit.schemes.galerkin` takes products.

Notation: h minus the log weight; $e_0, e_1, \dots$ the orthonormal polynomials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sdekit.errors import SchemeError

#: The trapezoidal rule converges beyond all powers for smooth weights that decay at both ends.
NODES = 6001
#: Weights below exp(-DEPTH) of the largest one do not count, even times high powers.
DEPTH = 160.0


@dataclass(frozen=True)
class Basis:
    """Orthonormal polynomials on quadrature nodes.

    Attributes:
        nodes: Shape (nodes,).
        weights: Probabilities of the nodes, shape (nodes,).
        values: values[k] is e_k at the nodes, shape (size, nodes).
        slopes: Their derivatives, shape (size, nodes).
    """

    nodes: np.ndarray
    weights: np.ndarray
    values: np.ndarray
    slopes: np.ndarray

    def multiplication(self, factor: np.ndarray) -> np.ndarray:
        """The matrix <e_i, f e_j> of a function given at the nodes, shape (size, size)."""
        return (self.values * (self.weights * factor)) @ self.values.T

    @property
    def derivative(self) -> np.ndarray:
        """The matrix <e_i, e_j'>, shape (size, size)."""
        return (self.values * self.weights) @ self.slopes.T

    def projection(self, function: np.ndarray) -> np.ndarray:
        """The coefficients <e_i, f>, shape (size,)."""
        return self.values @ (self.weights * function)


def basis(energy: Callable[[np.ndarray], np.ndarray], size: int) -> Basis:
    """The first `size` orthonormal polynomials for the weight exp(-energy) on the real line.

    Raises:
        SchemeError: If the weight does not decay at both ends.
    """
    nodes = np.linspace(*_support(energy), NODES)
    heights = energy(nodes)
    weights = np.exp(-(heights - heights.min()))
    weights /= weights.sum()
    values = np.zeros((size, NODES))
    slopes = np.zeros((size, NODES))
    values[0] = 1.0
    # Stieltjes' procedure; unlike moments it stays accurate at high degree.
    for k in range(size - 1):
        value = nodes * values[k]
        slope = values[k] + nodes * slopes[k]
        for j in range(max(0, k - 1), k + 1):
            overlap = float(np.sum(weights * nodes * values[k] * values[j]))
            value = value - overlap * values[j]
            slope = slope - overlap * slopes[j]
        norm = np.sqrt(np.sum(weights * value**2))
        values[k + 1], slopes[k + 1] = value / norm, slope / norm
    return Basis(nodes, weights, values, slopes)


def _support(energy: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
    """Ends beyond which the weight does not count."""
    for reach in 4.0 ** np.arange(1, 16):
        points = np.linspace(-reach, reach, NODES)
        heights = energy(points)
        inside = points[heights < heights.min() + DEPTH]
        if np.isfinite(heights).all() and inside[0] > points[0] and inside[-1] < points[-1]:
            step = points[1] - points[0]
            # Few nodes inside would place the ends badly: look again at their scale.
            if len(inside) > 60:
                return float(inside[0] - step), float(inside[-1] + step)
            centre, half = points[heights.argmin()], 60 * step
            return _zoom(energy, centre - half, centre + half)
    raise SchemeError(
        "the weight exp(-H) of one coordinate does not decay at both ends",
        expected="an energy that grows beyond all bounds, on the whole real line",
        fix="check the sign of the potential and of the parameters",
    )


def _zoom(
    energy: Callable[[np.ndarray], np.ndarray], left: float, right: float
) -> tuple[float, float]:
    points = np.linspace(left, right, NODES)
    heights = energy(points)
    inside = points[heights < heights.min() + DEPTH]
    step = points[1] - points[0]
    return float(inside[0] - step), float(inside[-1] + step)
