r"""The density that a scheme really has: polynomial solutions and the limit of large friction.

To leading order a scheme samples $\rho_h = \rho\,(1 + h^r g + \dots)$ with
$L^\dagger g = -A_{r+1}^\dagger 1$. For a generic potential g is a polynomial in jets only now and
then (Euler-Maruyama of Brownian dynamics: $g = U'^2/4 - U''/2$); with friction gamma a polynomial
expansion in 1/gamma exists for the marginal of the positions far more often.

Not for given potentials, where the equation is solved by Galerkin (`sdekit.schemes.bias.galerkin`).

Notation: O the Ornstein-Uhlenbeck operator of the momenta, $L = L_0 + \gamma O$.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement
from typing import Any

import flint
import sympy as sp

from sdekit.schemes.jet_ring.jets import JetRing, Polynomial
from sdekit.schemes.order.grading import Grading, grading_of
from sdekit.schemes.order.one_step_series import Generator, weighted
from sdekit.schemes.order.ring_stages import Step

#: With more candidates than this the ansatz is given up; known cases need fewer than 50.
MAX_CANDIDATES = 400


def modified_density(step: Step, leading: Polynomial) -> Polynomial | None:
    r"""A polynomial g with $L^\dagger g = -A_{r+1}^\dagger 1$, up to a constant, or None.

    Args:
        step: The scheme in its ring.
        leading: $A_{r+1}^\dagger 1$.
    """
    grading = grading_of(step.ring, step.whole)
    if grading is None or step.slopes is None:
        return None
    weight = grading.weight(leading)
    if weight is None:
        return None
    target = tuple(a - b for a, b in zip(weight, grading.of_generator, strict=True))
    candidates = _candidates(step, leading, grading, target, _keys_in(step.ring, leading))
    along = weighted(step.ring, step.slopes)
    images = [step.whole.apply_adjoint(candidate, along) for candidate in candidates]
    return _combination(step.ring, candidates, images, -leading)


def large_friction_marginal(step: Step, leading: Polynomial, order: int) -> Polynomial | None:
    r"""The h^r coefficient of the marginal density of the positions as the friction grows.

    Expands $g = g_0 + g_{-1}/\gamma + \dots$; the part of $g_0$ that the momenta do not see is
    fixed by the solvability of the equation two orders further down.

    Args:
        step: The scheme in its ring.
        leading: $A_{r+1}^\dagger 1$.
        order: r.

    Returns:
        The coefficient up to a constant; None without a friction parameter, without a limit, or
        without a polynomial one.
    """
    friction = _friction(step)
    grading = grading_of(step.ring, step.whole)
    if friction is None or grading is None or step.slopes is None:
        return None
    gamma, momenta = friction
    ring, along = step.ring, weighted(step.ring, step.slopes)
    weight = grading.weight(leading)
    powers = ring.by_power(leading, gamma)
    if weight is None or max(powers, default=0) > 1:
        return None
    rest = _without(step.whole, gamma)
    zero = ring.zero
    first, mean = _solve_momenta(ring, -powers.get(1, zero), momenta)
    if mean != 0:
        return None
    source = powers.get(0, zero) + rest.apply_adjoint(first, along)
    second, mean = _solve_momenta(ring, -source, momenta)
    if mean != 0:
        return None
    target = tuple(a - b for a, b in zip(weight, grading.of_generator, strict=True))
    keys = [key for key in ring.keys if isinstance(key, tuple) and sum(key[1]) <= order + 1]
    candidates = _candidates(step, leading, grading, target, keys)
    images = []
    for candidate in candidates:
        below, _ = _solve_momenta(ring, -rest.apply_adjoint(candidate, along), momenta)
        images.append(_mean(ring, rest.apply_adjoint(below, along), momenta))
    needed = -_mean(ring, rest.apply_adjoint(second, along), momenta)
    free = _combination(ring, candidates, images, needed)
    return None if free is None else ring.normal(free + _mean(ring, first, momenta))


def _keys_in(ring: JetRing, polynomial: Polynomial) -> list[Any]:
    """Everything the polynomial is written with, and the lower derivatives of its jets."""
    present = [ring.keys[i] for i, degree in enumerate(polynomial.degrees()) if degree > 0]
    highest: dict[Any, int] = {}
    for key in present:
        if isinstance(key, tuple):
            highest[key[0]] = max(highest.get(key[0], 0), sum(key[1]))
    lower = [k for k in ring.keys if isinstance(k, tuple) and 0 < sum(k[1]) <= highest.get(k[0], 0)]
    return list(dict.fromkeys([*present, *lower]))


def _candidates(
    step: Step, leading: Polynomial, grading: Grading, target: tuple[int, ...], keys: Iterable[Any]
) -> list[Polynomial]:
    """Monomials in the keys of the target weight, not constant and of bounded degree."""
    allowed = list(keys)
    # A candidate is a derivative or two away from the leading term, never of higher degree.
    degree = max(leading.total_degree(), 1)
    found = []
    for size in range(1, degree + 1):
        for choice in combinations_with_replacement(allowed, size):
            if grading.weight_of_keys(choice) == target:
                found.append(_product(step.ring, choice))
                if len(found) > MAX_CANDIDATES:
                    return []
    return found


def _product(ring: JetRing, keys: Iterable[Any]) -> Polynomial:
    result = ring.one
    for key in keys:
        result *= ring.generator(key)
    return result


def _combination(
    ring: JetRing, candidates: Sequence[Polynomial], images: Sequence[Polynomial], goal: Polynomial
) -> Polynomial | None:
    """Rational coefficients with which the images add up to the goal, put on the candidates."""
    if goal == 0:
        return ring.zero
    if not candidates:
        return None
    rows = sorted({exponents for image in (*images, goal) for exponents in image.to_dict()})
    columns = [image.to_dict() for image in images]
    wanted = goal.to_dict()
    matrix = flint.fmpq_mat(
        len(rows),
        len(columns) + 1,
        [column.get(row, 0) for row in rows for column in (*columns, wanted)],
    )
    reduced, rank = matrix.rref()
    pivots = []
    for row in range(rank):
        pivots.append(next(c for c in range(len(columns) + 1) if reduced[row, c] != 0))
    if len(columns) in pivots:
        return None
    terms = [candidates[c] * reduced[row, len(columns)] for row, c in enumerate(pivots)]
    return sum(terms, ring.zero)


# -- friction ------------------------------------------------------------------------------------


def _friction(step: Step) -> tuple[int, tuple[int, ...]] | None:
    """Position of a friction parameter gamma in the ring, and the momenta it acts on.

    The terms with gamma must be gamma (-p d/dp + d^2/dp^2) for each momentum and nothing else.
    """
    ring, whole = step.ring, step.whole
    for place, key in enumerate(ring.keys):
        if not isinstance(key, sp.Symbol) or key in step.components.coordinates:
            continue
        gamma = ring.generator(key)
        drift = {i: ring.by_power(v, place).get(1, ring.zero) for i, v in whole.drift.items()}
        noise = {k: ring.by_power(v, place).get(1, ring.zero) for k, v in whole.diffusion.items()}
        momenta = tuple(i for i, rate in drift.items() if rate != 0)
        coordinates = [ring.generator(x) for x in step.components.coordinates]
        is_pure = all(ring.by_power(v, place).keys() <= {0, 1} for v in whole.drift.values())
        is_pure &= all(v == gamma * noise[k] for k, v in whole.diffusion.items())
        unit = {(i, i): ring.one for i in momenta}
        if (
            momenta
            and is_pure
            and {k: v for k, v in noise.items() if v != 0} == unit
            and all(drift[i] == -coordinates[i] for i in momenta)
            and all(step.slopes and step.slopes[i] == coordinates[i] for i in momenta)
        ):
            return place, momenta
    return None


def _without(generator: Generator, gamma: int) -> Generator:
    """The generator at gamma = 0."""
    ring = generator.ring
    drift = {i: ring.by_power(v, gamma).get(0, ring.zero) for i, v in generator.drift.items()}
    noise = {k: ring.by_power(v, gamma).get(0, ring.zero) for k, v in generator.diffusion.items()}
    return Generator(ring, drift, {k: v for k, v in noise.items() if v != 0})


def _solve_momenta(
    ring: JetRing, right: Polynomial, momenta: tuple[int, ...]
) -> tuple[Polynomial, Polynomial]:
    """w and m with O w = right - m, where m is the mean over the momenta; w has no constant."""
    solution = ring.zero
    while True:
        top: dict[tuple[int, ...], Any] = {}
        highest = 0
        for exponents, coefficient in right.terms():
            degree = sum(exponents[i] for i in momenta)
            if degree > highest:
                highest, top = degree, {}
            if degree == highest and degree:
                top[exponents] = coefficient
        if not highest:
            return solution, right
        # O p^a = -|a| p^a + terms of lower degree.
        piece = ring.from_terms({e: -c / highest for e, c in top.items()})
        solution += piece
        right = right - _ornstein_uhlenbeck(ring, piece, momenta)


def _ornstein_uhlenbeck(ring: JetRing, f: Polynomial, momenta: tuple[int, ...]) -> Polynomial:
    result = ring.zero
    for i in momenta:
        slope = f.derivative(i)
        result += slope.derivative(i) - ring.generator(ring.keys[i]) * slope
    return result


def _mean(ring: JetRing, f: Polynomial, momenta: tuple[int, ...]) -> Polynomial:
    """The mean over independent standard normal momenta."""
    return _solve_momenta(ring, f, momenta)[1]
