r"""Orthonormal polynomials of one variable for a weight exp(-h), by quadrature.

Not for several variables: `sdekit.schemes.bias.galerkin` takes products.

Notation: h minus the log weight; $e_0, e_1, \dots$ the orthonormal polynomials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sdekit.errors import SchemeError

#: The trapezoidal rule converges beyond all powers for smooth weights that decay at both ends.
POINTS = 16_001
#: Weights below exp(-DEPTH) of the largest one do not count, even times polynomials of degree 150.
DEPTH = 600.0
#: The rule with half of the points must agree to this part of the size of the function.
RESOLUTION = 1e-8
#: Probability of points where a formula may overflow.
NEGLIGIBLE = 1e-100
#: Polynomials need not span functions under weights whose log grows slower than this power.
LIGHTEST_TAIL = 0.99
#: Gauss nodes beyond the number of polynomials: products with a few more factors stay exact.
EXTRA_NODES = 32


@dataclass(frozen=True)
class Basis:
    """Orthonormal polynomials on quadrature nodes.

    Attributes:
        nodes: Gauss nodes, shape (nodes,).
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


class Weight:
    """A weight exp(-energy) on the real line."""

    def __init__(self, energy: Callable[[np.ndarray], np.ndarray]) -> None:
        """Find where the weight counts.

        Args:
            energy: Minus the log weight, from an array to an array of its shape.

        Raises:
            SchemeError: If the weight does not decay at both ends.
        """
        self._points = np.linspace(*_support(energy), POINTS)
        self._heights = heights = energy(self._points)
        weights = np.exp(-(heights - heights.min()))
        self._weights = weights / weights.sum()
        self._diagonal: list[float] = []
        self._off_diagonal: list[float] = []
        self._last = (np.zeros(POINTS), np.ones(POINTS))

    def mean(self, function: Callable[[np.ndarray], np.ndarray]) -> float:
        """The mean of a function with a variance.

        Raises:
            SchemeError: If the variance is infinite, or the function or the weight varies faster
                than the points of the quadrature.
        """
        values = function(self._points)
        with np.errstate(all="ignore"):
            shares = self._weights * values**2
        # Formulas may overflow where the weight is negligible; what counts at the outermost points
        # where they do not has no limit further out.
        is_lost = ~np.isfinite(shares)
        outermost = shares[~is_lost][[0, -1]] if not is_lost.all() else np.array([np.inf])
        values, shares = np.where(is_lost, 0.0, values), np.where(is_lost, 0.0, shares)
        if self._weights[is_lost].sum() > NEGLIGIBLE or outermost.max() > 1e-12 * shares.max():
            raise SchemeError(
                "a function has no finite variance under exp(-H), or its formula overflows",
                expected="an observable that grows more slowly than exp(H/2)",
            )
        fine = float(np.sum(self._weights * values))
        coarse = float(np.sum((self._weights * values)[::2]) / np.sum(self._weights[::2]))
        if abs(fine - coarse) > RESOLUTION * float(np.sqrt(shares.sum())):
            raise SchemeError(
                "a function varies faster than the quadrature can see",
                expected=f"agreement of {POINTS} and {POINTS // 2 + 1} points",
                found=f"{fine:.8g} and {coarse:.8g}",
                fix="use a smoother function, or measure its mean with sdekit.simulate",
            )
        return fine

    def require_resolved(
        self,
        slope: Callable[[np.ndarray], np.ndarray],
        curvature: Callable[[np.ndarray], np.ndarray],
    ) -> None:
        """Check that polynomials and quadrature see the weight as it is.

        Args:
            slope: h'.
            curvature: h''; its mean equals that of the squared slope, unless there is a kink.

        Raises:
            SchemeError: If tails are too heavy for polynomials, or the two means differ.
        """
        lowest = int(self._heights.argmin())
        for end in (0, -1):
            rise = self._heights[end] - self._heights[lowest]
            reach = self._points[end] - self._points[lowest]
            if not np.isfinite(rise):
                continue
            if reach * slope(self._points[[end]])[0] < LIGHTEST_TAIL * rise:
                raise SchemeError(
                    "the tails of exp(-H) are too heavy: polynomials do not span the functions",
                    expected="an energy that grows at least like the distance",
                    fix="measure the bias with sdekit.simulate at two step sizes",
                )
        bent = self.mean(curvature)
        squared = self.mean(lambda points: slope(points) ** 2)
        if abs(bent - squared) > 1e-6 * max(abs(squared), abs(bent)):
            raise SchemeError(
                "the energy is not smooth, or changes faster than the quadrature can see",
                expected="<h''> = <h'^2>",
                found=f"{bent:.8g} and {squared:.8g}",
            )

    def basis(self, size: int) -> Basis:
        """The first `size` orthonormal polynomials.

        Nodes and weights are those of the Gauss rule of the weight, so that few of them do.
        """
        diagonal, off_diagonal = self._recurrence(size + EXTRA_NODES)
        jacobi = np.diag(diagonal) + np.diag(off_diagonal, 1) + np.diag(off_diagonal, -1)
        nodes = np.linalg.eigvalsh(jacobi)
        values = np.zeros((len(nodes), len(nodes)))
        slopes = np.zeros((len(nodes), len(nodes)))
        values[0] = 1.0
        for k in range(len(nodes) - 1):
            value = (nodes - diagonal[k]) * values[k]
            slope = values[k] + (nodes - diagonal[k]) * slopes[k]
            if k:
                value -= off_diagonal[k - 1] * values[k - 1]
                slope -= off_diagonal[k - 1] * slopes[k - 1]
            values[k + 1], slopes[k + 1] = value / off_diagonal[k], slope / off_diagonal[k]
        # Christoffel's formula keeps the relative accuracy of the tiny weights far out, which the
        # eigenvectors of the Jacobi matrix do not.
        weights = 1 / np.sum(values**2, axis=0)
        return Basis(nodes, weights, values[:size], slopes[:size])

    def _recurrence(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients a_k, b_k of x e_k = b_k e_{k+1} + a_k e_k + b_{k-1} e_{k-1}.

        By Stieltjes' procedure, which unlike moments stays accurate at high degree. It goes on
        from where an earlier, shorter one ended.
        """
        points, weights = self._points, self._weights
        before, value = self._last
        while len(self._diagonal) < size:
            a = float(np.sum(weights * value * points * value))
            norm = self._off_diagonal[-1] if self._off_diagonal else 0.0
            after = (points - a) * value - norm * before
            norm = float(np.sqrt(np.sum(weights * after * after)))
            self._diagonal.append(a)
            self._off_diagonal.append(norm)
            before, value = value, after / norm
        self._last = before, value
        return np.array(self._diagonal[:size]), np.array(self._off_diagonal[: size - 1])


def _support(energy: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
    """Ends beyond which the weight does not count."""
    for reach in 4.0 ** np.arange(1, 16):
        points = np.linspace(-reach, reach, POINTS)
        heights = energy(points)
        inside = points[heights <= heights.min() + DEPTH]
        # Formulas may overflow far outside; a weight that is 0 there decays.
        is_known = not np.isnan(heights).any() and np.isfinite(heights.min())
        if is_known and inside[0] > points[0] and inside[-1] < points[-1]:
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
    points = np.linspace(left, right, POINTS)
    heights = energy(points)
    inside = points[heights <= heights.min() + DEPTH]
    step = points[1] - points[0]
    return float(inside[0] - step), float(inside[-1] + step)
