r"""Matrix equations C' = -(s_i + s_j) C_ij + F_ij(t, C), with the stiff part integrated exactly.

For the moment equations of `sdekit.theory.least_squares.moments`, whose decay rates span many
orders of magnitude while the feedback through the noise is gentle. On each step F is interpolated
at Chebyshev points, convolved with the decay in closed form, and iterated to the fixed point
(exponential collocation); between the points the same polynomial is the dense output.
Not a general ODE solver: F must be a gentle function of C.

Source: derived; the integrals are those of exponential time differencing,
Cox and Matthews (2002), J. Comput. Phys. 176.
Checked by: tests/theory/least_squares/test_convolution.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from sdekit.errors import SimulationError
from sdekit.theory.arrays import Array, namespace

#: Degree of the interpolating polynomial; 7 nodes on a step.
DEGREE = 6
#: Chebyshev-Lobatto points of [0, 1], ascending; the first is the start of the step.
NODES = (1 - np.cos(np.pi * np.arange(DEGREE + 1) / DEGREE)) / 2
#: Row k, column j: coefficient of u^k in the polynomial that is 1 at node j and 0 at the others.
LAGRANGE = np.linalg.inv(np.vander(NODES, increasing=True))
#: Coefficients of u^k of the Chebyshev polynomial of highest degree on [0, 1], ...
TOP = np.array(Chebyshev.basis(DEGREE, domain=[0, 1]).convert(kind=Polynomial).coef, dtype=float)
#: ... and the weights of the nodes that give its coefficient in an interpolant.
TOP_WEIGHTS = LAGRANGE[-1] / TOP[-1]
#: Sweeps of the fixed-point iteration before a step counts as too long.
MAX_SWEEPS = 14
#: Steps before the equation counts as not solvable this way.
MAX_STEPS = 20_000
#: Norm at which second moments count as exploded, well before squares overflow.
EXPLODED = 1e100


class Feedback(Protocol):
    """The right-hand side F(t, C) = source(t) + feedback(C), feedback linear in C."""

    def source(self, time: float) -> Array:
        """Part that does not depend on C, shape (k, k)."""
        ...

    def feedback(self, matrix: Array) -> Array:
        """Part linear in C, (k, k) to (k, k)."""
        ...


def monomial_integrals(decay: np.ndarray, degree: int) -> np.ndarray:
    r"""$I_k(z) = \int_0^1 e^{-z(1-u)} u^k\,du$ for k = 0..degree.

    $I_k = (1 - k I_{k-1})/z$, upward where z > degree + 1 and downward elsewhere: each
    direction is used only where it damps rounding.

    Args:
        decay: z >= 0, any shape.
        degree: Largest k.

    Returns:
        Shape (degree + 1, *shape of z).
    """
    split = degree + 1.0
    integrals = np.empty((degree + 1, *np.shape(decay)))
    low = decay < split
    if low.any():
        integrals[:, low] = _downward(decay[low], degree)
    if not low.all():
        integrals[:, ~low] = _upward(decay[~low], degree)
    return integrals


def _downward(decay: np.ndarray, degree: int) -> np.ndarray:
    """From a crude start so far above that its error is damped below rounding."""
    integrals = np.empty((degree + 1, *decay.shape))
    largest, damping, first = max(float(decay.max()), 1e-3), 1.0, degree + 1
    while damping > 1e-17:
        first += 1
        damping *= largest / first
    value = 1.0 / (decay + first + 1)
    for k in range(first, 0, -1):
        value = (1.0 - decay * value) / k
        if k <= degree + 1:
            integrals[k - 1] = value
    return integrals


def _upward(decay: np.ndarray, degree: int) -> np.ndarray:
    integrals = np.empty((degree + 1, *decay.shape))
    integrals[0] = -np.expm1(-decay) / decay
    for k in range(1, degree + 1):
        integrals[k] = (1.0 - k * integrals[k - 1]) / decay
    return integrals


@dataclass(frozen=True, eq=False)
class StepWeights:
    """How values of F at the nodes of a step give C at a place in it.

    Args:
        propagator: exp(-rate * place * h).
        nodes: Weight of each node, each of the shape of the rates.
        top: Weight of the highest Chebyshev coefficient of F (None unless asked for).
    """

    propagator: Array
    nodes: tuple[Array, ...]
    top: Array | None = None

    def apply(self, start: Array, values: Sequence[Array]) -> Array:
        """C at the place, from C at the start and F at the nodes."""
        result = self.propagator * start
        for weight, value in zip(self.nodes, values, strict=True):
            result = result + weight * value
        return result


def step_weights(
    rates: np.ndarray,
    step: float,
    place: float,
    convert: Callable[[np.ndarray], Array],
    with_top: bool = False,
) -> StepWeights:
    """Weights for the point `place` in [0, 1] of a step of length `step`.

    Computed in float64 on the host whatever the precision of the data: the Lagrange
    coefficients cancel, their integrals do not.
    """
    reach = step * place
    packed, places = _triangle(len(rates)) if rates.ndim == 2 else (slice(None), slice(None))
    integrals = monomial_integrals(rates[packed] * reach, DEGREE)
    scaled = integrals * (reach * place ** np.arange(DEGREE + 1))[:, None]
    nodes = (LAGRANGE.T @ scaled)[:, places]
    top = convert((TOP @ scaled)[places]) if with_top else None
    return StepWeights(
        convert(np.exp(-rates * reach)), tuple(convert(weight) for weight in nodes), top
    )


@lru_cache(maxsize=8)
def _triangle(size: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Indices of the upper triangle, and where each entry of a symmetric matrix stands in it.

    Rates of pairs are symmetric, so their weights are computed once for each pair.
    """
    upper = np.triu_indices(size)
    places = np.empty((size, size), dtype=np.intp)
    places[upper] = np.arange(len(upper[0]))
    places.T[upper] = places[upper]
    return upper, places


@dataclass(frozen=True, eq=False)
class Segment:
    """One accepted step: enough to give C anywhere inside it."""

    begin: float
    step: float
    start: Array
    values: tuple[Array, ...]

    def at(self, time: float, rates: np.ndarray) -> Array:
        """C(time), shape (k, k)."""
        convert = namespace(self.start).asarray
        place = (time - self.begin) / self.step
        weights = step_weights(rates, self.step, place, lambda w: convert(w, self.start.dtype))
        return weights.apply(self.start, self.values)

    def diagonal_at(self, time: float, rates: np.ndarray) -> Array:
        """diag C(time), shape (k,), at the cost of k and not k^2 weights."""
        diagonal = Segment(
            self.begin, self.step, self.start.diagonal(), tuple(v.diagonal() for v in self.values)
        )
        return diagonal.at(time, rates.diagonal())


def _norm(matrix: Array) -> float:
    return float(namespace(matrix).sqrt((matrix * matrix).sum()))


@dataclass(frozen=True, eq=False)
class _Trial:
    values: tuple[Array, ...]
    end: Array
    error: float
    converged: bool


def _attempt(
    system: Feedback,
    rates: np.ndarray,
    begin: float,
    step: float,
    start: Array,
    slope: Array,
    tolerance: float,
    floor: float,
) -> _Trial:
    """One step of length `step`: sources at the nodes, then sweeps until the end stands still."""
    convert = namespace(start).asarray
    weights = [
        step_weights(rates, step, place, lambda w: convert(w, start.dtype), place == 1.0)
        for place in NODES[1:]
    ]
    sources = [system.source(begin + step * place) for place in NODES[1:]]
    # The first guess keeps the feedback of the start.
    initial = system.feedback(start)
    values = [slope, *(source + initial for source in sources)]
    end, converged, before = start, False, 0.0
    for _ in range(MAX_SWEEPS):
        nodes = [weight.apply(start, values) for weight in weights]
        change, end = _norm(nodes[-1] - end), nodes[-1]
        values = [slope] + [
            source + system.feedback(node) for source, node in zip(sources, nodes, strict=True)
        ]
        if not change < EXPLODED:
            break
        # Sweeps contract at a steady rate: what is left is the next change, not this one.
        left = change * min(1.0, change / before) if before > 0 else change
        if left <= 0.1 * tolerance * max(_norm(end), floor):
            converged = True
            break
        before = change
    top = sum(w * v for w, v in zip(TOP_WEIGHTS.tolist(), values, strict=True))
    remainder: Array = weights[-1].top
    error = _norm(remainder * top) / max(_norm(end), floor)
    return _Trial(tuple(values), weights[-1].apply(start, values), error, converged)


def solve(
    system: Feedback,
    rates: np.ndarray,
    initial: Array,
    times: np.ndarray,
    tolerance: float,
    output: Callable[[Segment, float], Array],
    rounding: float = 0.0,
) -> list[Array]:
    """Solve from time 0 and report at the given times.

    Args:
        system: F(t, C).
        rates: s_i + s_j, shape (k, k), float64 on the host.
        initial: C(0), shape (k, k); its library and precision are used throughout.
        times: Ascending, not negative.
        tolerance: Relative error allowed per step.
        output: What to keep of a segment at a time, e.g. `Segment.at`.
        rounding: Absolute error that is rounding already, so that an equation which is driven
            by rounding only is not resolved.

    Returns:
        One output per time.

    Raises:
        SimulationError: If the second moments grow beyond the floating-point range, or the
            feedback is not gentle enough for the step count to stay finite.
    """
    tolerance = max(tolerance, 8 * float(namespace(initial).finfo(initial.dtype).eps))
    floor = max(rounding / tolerance, float(np.finfo(np.float64).tiny))
    begin, current = 0.0, initial
    slope = system.source(0.0) + system.feedback(initial)
    step = min(0.1 / float(rates.max()), float(times[-1]) or 1.0)
    results: list[Array] = []
    for _ in range(MAX_STEPS):
        if len(results) == len(times):
            return results
        trial = _attempt(system, rates, begin, step, current, slope, tolerance, floor)
        if not trial.converged or trial.error > tolerance:
            shrink = 0.4 if not trial.converged else (tolerance / trial.error) ** (1 / DEGREE)
            step *= float(np.clip(0.8 * shrink, 0.1, 0.8))
            continue
        segment = Segment(begin, step, current, trial.values)
        while len(results) < len(times) and times[len(results)] <= begin + step:
            results.append(output(segment, float(times[len(results)])))
        begin, current, slope = begin + step, trial.end, trial.values[-1]
        if not _norm(current) < EXPLODED:
            break
        growth = (tolerance / max(trial.error, 1e-12 * tolerance)) ** (1 / DEGREE)
        step *= float(np.clip(0.8 * growth, 0.5, 4.0))
    if len(results) == len(times):
        return results
    raise SimulationError(
        "the moment equation has no finite solution up to the last time",
        expected=f"time {times[-1]:g}",
        found=f"lost at time {begin:g}",
        fix="lower the step size eta or raise the batch size: the second moments explode",
    )
