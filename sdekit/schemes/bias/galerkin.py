r"""The leading bias of a scheme at a given potential, by Galerkin with checked refinement.

$$\langle f \rangle_h - \langle f \rangle = c\,h^r + \dots, \qquad
  c = -\langle \phi\, A_{r+1}^\dagger 1 \rangle, \qquad L \phi = f - \langle f \rangle$$

The Poisson equation is solved in products of orthonormal polynomials of the single coordinates
(Hermite for Gaussian ones), which needs H to be a sum of functions of one coordinate each. For
harmonic targets and polynomial observables the result is exact up to rounding.

Not for the order r or the term A_{r+1}^dagger 1 (`sdekit.schemes.order.scheme_order`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import sympy as sp

from sdekit.declaration.model.sympy_types import Expr
from sdekit.errors import MissingDependencyError, SchemeError
from sdekit.schemes.bias.concrete import Particle
from sdekit.schemes.jet_ring.jets import Polynomial
from sdekit.schemes.jet_ring.orthogonal import Basis, Weight
from sdekit.schemes.jet_ring.separable import Formulas, Terms, array_function, outer_at
from sdekit.schemes.order.ring_stages import Step

#: Largest degree of the polynomials, by number of coordinates.
LAST_DEGREE = {1: 96, 2: 80, 3: 48, 4: 16}
#: The same where coefficients are no polynomials, so that matrices are full.
LAST_DEGREE_OF_FULL = {1: 96, 2: 36, 3: 16, 4: 10}
#: Degrees before the last one, each two thirds of the next.
REFINEMENTS = 4
#: Refinement stops when two degrees agree to this fraction.
AGREEMENT = {1: 1e-8, 2: 1e-8, 3: 1e-6, 4: 1e-6}
#: Changes that shrink by no more than this from one degree to the next say nothing of the rest.
SLOWEST = 0.8
#: Below this fraction changes may be rounding.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Coefficient:
    """The leading bias coefficient of one observable.

    Attributes:
        value: c.
        error_bound: Twice what a geometric series of the last changes leaves out, and at least
            twice the last change; an estimate.
        mean: The exact mean of the observable, by quadrature.
        degree: Largest total degree of the polynomials of the last solution.
    """

    value: float
    error_bound: float
    mean: float
    degree: int


def leading_coefficient(step: Step, particle: Particle, leading: Polynomial) -> Coefficient:
    """The coefficient c of the leading bias.

    Args:
        step: The scheme in its ring, at n = 1.
        particle: Potential, parameters, observable.
        leading: A_{r+1}^dagger 1 in that ring.

    Raises:
        SchemeError: If a parameter has no value, H does not separate, or the Poisson equation has
            no unique solution.
    """
    if particle.open_symbols:
        names = ", ".join(symbol.name for symbol in particle.open_symbols)
        raise SchemeError(
            f"no value is given for {names}",
            expected="a number for every parameter",
            fix=f"give parameters={{{particle.open_symbols[0].name!r}: ...}}",
        )
    if not particle.components.diffusion:
        raise SchemeError(
            "without noise there is no single stationary law to be biased",
            fix="add friction with noise, or see sdekit.order for the order of the flow",
        )
    weights = _separated(particle)
    count = len(weights)
    is_polynomial = all(k.kind == "inverse" and not k.argument.args for k in step.ring.kernels)
    highest = (LAST_DEGREE if is_polynomial else LAST_DEGREE_OF_FULL)[count]
    problem = _Problem(step, particle, leading, weights)
    mean = problem.observable.mean(weights)
    found: list[tuple[float, float]] = []
    degree, scale = 0, 0.0
    for degree in _degrees(highest):
        found.append(problem.solved(degree))
        scale = found[-1][1]
        if len(found) > 1 and abs(found[-1][0] - found[-2][0]) <= AGREEMENT[count] * scale:
            break
    values = [value for value, _ in found]
    bound = _bound(values, scale, AGREEMENT[count])
    if bound is None or bound > max(abs(values[-1]) / 2, 1e-4 * scale):
        raise SchemeError(
            "the bias is not converged: polynomials of higher degree still change the coefficient",
            expected="values that settle; energies that grow like a distance, or wiggle, are hard",
            found=", ".join(f"{value:.4g}" for value in values[-4:]) + f" up to degree {degree}",
            fix="measure the bias with sdekit.simulate at two step sizes",
        )
    return Coefficient(values[-1], bound + 1e-10 * scale, mean, degree)


def require_few_coordinates(particle: Particle) -> None:
    """Refuse a size at which the Galerkin equations are too large."""
    count = particle.components.dimension
    if count not in LAST_DEGREE:
        raise SchemeError(
            f"bias theory solves for at most {max(LAST_DEGREE)} coordinates",
            found=f"{count} coordinates at these sizes",
        )


def _degrees(highest: int) -> list[int]:
    """Degrees to try, upwards."""
    return [highest * 2**k // 3**k for k in range(REFINEMENTS, -1, -1)]


def _bound(values: Sequence[float], scale: float, agreement: float) -> float | None:
    """An estimate of the error of the last value from how fast the values settle; None if not."""
    changes = np.abs(np.diff(values))
    if changes[-1] <= agreement * scale:
        return float(2 * changes[-1])
    ratio = float(np.max(changes[-2:] / np.maximum(changes[-3:-1], 1e-300)))
    if ratio < SLOWEST:
        return float(2 * changes[-1] * max(1.0, ratio / (1 - ratio)))
    return float(20 * changes[-2:].max()) if changes[-1] < ROUNDING * scale else None


def _separated(particle: Particle) -> list[Weight]:
    """For each coordinate the weight of its own part of H."""
    coordinates = particle.components.coordinates
    hamiltonian = particle.concrete(particle.components.hamiltonian)
    found = []
    for x in coordinates:
        slope = sp.diff(hamiltonian, x)
        for y in coordinates:
            if y != x and sp.expand(sp.diff(slope, y)) != 0:
                raise SchemeError(
                    "bias theory needs H to be a sum of functions of one coordinate each",
                    found=f"{x} and {y} together in {hamiltonian}",
                )
        others = {y: 0 for y in coordinates if y != x}
        own = sp.sympify(hamiltonian).subs(others)
        weight = Weight(array_function(own, x))
        weight.require_resolved(array_function(own.diff(x), x), array_function(own.diff(x, 2), x))
        found.append(weight)
    return found


class _Problem:
    """The Poisson equation of one observable, to be solved at several degrees."""

    def __init__(
        self, step: Step, particle: Particle, leading: Polynomial, weights: Sequence[Weight]
    ) -> None:
        self.leading = leading
        self.weights = weights
        self.costs = _costs(step)
        self.formulas = Formulas(step, particle)
        self.observable = Separated(particle)

    def solved(self, degree: int) -> tuple[float, float]:
        """The coefficient, and the size that it could have."""
        linalg, sparse = _sparse()
        bases = [w.basis(degree // c + 1) for w, c in zip(self.weights, self.costs, strict=True)]
        chosen = _simplex(self.costs, degree)
        terms = Terms(self.formulas, bases)
        operator = sparse.csr_matrix((len(chosen), len(chosen)))
        for factors, orders in terms.of_generator():
            operator = operator + _restricted(sparse, bases, factors, orders, chosen)
        observable = self.observable.projected(bases, chosen)
        functional = terms.projected(self.leading, chosen)
        # The constant, first in the list, spans the kernel of L.
        inner = operator[1:, 1:].tocsc()
        solution = _solution(linalg, inner, observable[1:])
        scale = float(np.linalg.norm(solution) * np.linalg.norm(functional[1:]))
        return -float(solution @ functional[1:]), scale


def _solution(linalg: Any, operator: Any, right: np.ndarray) -> np.ndarray:
    """The solution of the Galerkin equations.

    Raises:
        SchemeError: If there is not exactly one.
    """
    solution = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", linalg.MatrixRankWarning)
        try:
            solution = linalg.spsolve(operator, right)
        except RuntimeError:  # SuperLU says so of matrices that are singular to working precision
            solution = None
    if solution is None or not np.isfinite(solution).all():
        raise SchemeError(
            "the Poisson equation L phi = f - <f> has no unique solution",
            expected="a dynamics with one stationary law",
            fix="see the check `uniqueness` of sdekit.verifier",
        )
    return solution


def _sparse() -> tuple[Any, Any]:
    try:
        from scipy import sparse
        from scipy.sparse import linalg
    except ImportError:
        raise MissingDependencyError(
            "numerical bias theory needs scipy", fix='install "sdekit[run]"'
        ) from None
    return linalg, sparse


def _costs(step: Step) -> list[int]:
    """How much a degree in each coordinate counts, so that L does not lose the highest degrees.

    A coordinate without noise is only felt through its drift, p^2 - 1 for a thermostat: a
    polynomial of it must leave room for that factor, or the truncated L is singular.
    """
    ring, whole = step.ring, step.whole
    size = len(ring.coordinates)
    costs = [1] * size
    for i in range(size):
        if (i, i) in whole.diffusion or i not in whole.drift:
            continue
        degrees = [sum(e[j] for j in range(size) if j != i) for e in whole.drift[i].to_dict()]
        costs[i] = max(1, *map(int, degrees))
    return costs


def _simplex(costs: Sequence[int], degree: int) -> np.ndarray:
    """Degrees of weighted sum at most `degree`, the constant first; shape (basis, coordinates)."""
    total = {
        k: sum(a * c for a, c in zip(k, costs, strict=True))
        for k in product(*(range(degree // c + 1) for c in costs))
    }
    return np.array(sorted((k for k in total if total[k] <= degree), key=lambda k: (total[k], k)))


def _restricted(
    sparse: Any,
    bases: Sequence[Basis],
    factors: Sequence[np.ndarray | None],
    orders: Sequence[int],
    chosen: np.ndarray,
) -> Any:
    """Galerkin matrix of a product of functions times derivatives, on the chosen degrees."""
    matrix = None
    for one, factor, order in zip(bases, factors, orders, strict=True):
        block = np.eye(len(one.values)) if factor is None else one.multiplication(factor)
        block = block @ np.linalg.matrix_power(one.derivative, order)
        # Entries that vanish for polynomial coefficients come out as rounding noise.
        block[np.abs(block) < 1e-12 * max(1.0, np.abs(block).max())] = 0.0
        piece = sparse.csr_matrix(block)
        matrix = piece if matrix is None else sparse.kron(matrix, piece, format="csr")
    assert matrix is not None
    flat = np.ravel_multi_index(tuple(chosen.T), [len(one.values) for one in bases])
    return matrix[flat][:, flat]


class Separated:
    """An observable as a sum of products of functions of one coordinate each.

    Raises:
        SchemeError: If it is none.
    """

    def __init__(self, particle: Particle) -> None:
        coordinates = particle.components.coordinates
        self.terms: list[tuple[float, list[Any]]] = []
        observable = sp.expand(particle.concrete(particle.observable), trig=True)
        for term in sp.Add.make_args(observable):
            rest, functions = term, []
            for x in coordinates:
                factor, rest = _split(rest, x)
                functions.append(array_function(factor, x))
            if rest.free_symbols:
                raise SchemeError(
                    "the observable is no sum of products of functions of one coordinate",
                    found=str(particle.observable),
                )
            self.terms.append((float(rest), functions))

    def projected(self, bases: Sequence[Basis], chosen: np.ndarray) -> np.ndarray:
        """The coefficients <e_k, f> on the chosen degrees."""
        total = np.zeros(len(chosen))
        for scale, functions in self.terms:
            columns = [b.projection(f(b.nodes)) for f, b in zip(functions, bases, strict=True)]
            total += scale * outer_at(columns, chosen)
        return total

    def mean(self, weights: Sequence[Weight]) -> float:
        """The mean under exp(-H), by quadrature.

        Raises:
            SchemeError: If the observable has no variance, or varies faster than the quadrature.
        """
        total = 0.0
        for scale, functions in self.terms:
            total += scale * float(
                np.prod([w.mean(f) for f, w in zip(functions, weights, strict=True)])
            )
        return total


def _split(term: Expr, x: sp.Symbol) -> tuple[Expr, Expr]:
    independent, dependent = term.as_independent(x, as_Add=False)
    if dependent.free_symbols - {x}:
        return sp.Integer(1), term
    return dependent, independent


def stationary_mean(particle: Particle) -> float:
    """The exact mean of the observable under exp(-H), by quadrature."""
    return Separated(particle).mean(_separated(particle))
