r"""Generators, their adjoints and the power series of one-step operators, in a jet ring.

$$L f = v \cdot \nabla f + D : \nabla\nabla f, \qquad
  L^\dagger f = -\sum_i (\partial_i - H_i)(v_i f)
              + \sum_{ij} (\partial_i - H_i)(\partial_j - H_j)(D_{ij} f),$$

the adjoint being taken in $L^2(e^{-H})$. A step is a sequence of stages, the first applied to the
state first: $P_h = e^{h c_1 L_1} e^{h c_2 L_2} \cdots = \sum_k h^k A_k$. A differential operator is
known by its symbol $e^{-\kappa x} A\, e^{\kappa x}$, a polynomial in the dual variables
$\kappa$; two operators are equal exactly when their symbols are.

Not for choosing words or stating orders (`sdekit.schemes.order.scheme_order`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import factorial
from typing import TypeVar

from sdekit.schemes.jet_ring.jets import JetRing, Polynomial

Derivation = Callable[[Polynomial], Polynomial]
Series = list[Polynomial]
Key = TypeVar("Key")


@dataclass(frozen=True)
class Generator:
    """A second-order differential operator: drift v and diffusion D, entry by entry.

    Attributes:
        ring: Where the coefficients live.
        drift: Coordinate index to v_i; zero where absent.
        diffusion: Pair of indices to D_ij, both triangles; zero where absent.
    """

    ring: JetRing
    drift: Mapping[int, Polynomial]
    diffusion: Mapping[tuple[int, int], Polynomial]

    def apply(self, f: Polynomial, along: Sequence[Derivation]) -> Polynomial:
        """L f, with `along[i]` in the place of the derivative by coordinate i."""
        moved = {*self.drift, *(i for pair in self.diffusion for i in pair)}
        slopes = {i: along[i](f) for i in moved}
        result = self.ring.zero
        for i, rate in self.drift.items():
            result += rate * slopes[i]
        for (i, j), entry in self.diffusion.items():
            result += entry * along[i](slopes[j])
        return self.ring.normal(result)

    def apply_adjoint(self, f: Polynomial, along: Sequence[Derivation]) -> Polynomial:
        """The adjoint applied to f, with `along[i]` in the place of d/dx_i - H_i."""
        result = self.ring.zero
        for i, rate in self.drift.items():
            result -= along[i](rate * f)
        for (i, j), entry in self.diffusion.items():
            result += along[i](along[j](entry * f))
        return self.ring.normal(result)

    def plus(self, other: Generator) -> Generator:
        """The sum of two generators."""
        return Generator(
            self.ring, _added(self.drift, other.drift), _added(self.diffusion, other.diffusion)
        )


def _added(
    left: Mapping[Key, Polynomial], right: Mapping[Key, Polynomial]
) -> dict[Key, Polynomial]:
    result = dict(left)
    for key, entry in right.items():
        result[key] = result[key] + entry if key in result else entry
    return result


@dataclass(frozen=True)
class Stage:
    """One factor of a step.

    Attributes:
        generator: What acts.
        share: How much of the step.
        frozen: False for the exact flow; True for one Euler-Maruyama step, whose coefficients
            stay at the state before it.
    """

    generator: Generator
    share: Fraction
    frozen: bool = False


def plain(ring: JetRing) -> list[Derivation]:
    """The derivatives by the coordinates."""
    return [_derivation(ring, i, None) for i in range(len(ring.coordinates))]


def dressed(ring: JetRing, dual: Sequence[str]) -> list[Derivation]:
    """d/dx_i + kappa_i: derivatives of f e^(kappa x), divided by e^(kappa x)."""
    return [_derivation(ring, i, ring.generator(name)) for i, name in enumerate(dual)]


def weighted(ring: JetRing, slopes: Sequence[Polynomial]) -> list[Derivation]:
    """d/dx_i - H_i: derivatives of f e^(-H), divided by e^(-H)."""
    return [_derivation(ring, i, -slope) for i, slope in enumerate(slopes)]


def _derivation(ring: JetRing, coordinate: int, shift: Polynomial | None) -> Derivation:
    if shift is None:
        return lambda f: ring.derivative(f, coordinate)
    return lambda f: ring.normal(ring.derivative(f, coordinate) + shift * f)


def step_symbol(ring: JetRing, stages: Sequence[Stage], degree: int, dual: Sequence[str]) -> Series:
    """Symbols of A_0, ..., A_degree of a step."""
    along = dressed(ring, dual)
    series = [ring.one] + [ring.zero] * degree
    for stage in reversed(stages):
        series = _through(stage, series, along, adjoint=False)
    return series


def flow_symbol(ring: JetRing, whole: Generator, degree: int, dual: Sequence[str]) -> Series:
    """Symbols of L^k / k! for k = 0, ..., degree."""
    along = dressed(ring, dual)
    series = [ring.one]
    for k in range(1, degree + 1):
        series.append(whole.apply(series[-1], along) * ring.number(Fraction(1, k)))
    return series


def adjoint_of_one(
    ring: JetRing, stages: Sequence[Stage], degree: int, slopes: Sequence[Polynomial]
) -> Series:
    """The functions A_k^dagger 1 for k = 0, ..., degree; `slopes` are the derivatives of H."""
    along = weighted(ring, slopes)
    series = [ring.one] + [ring.zero] * degree
    for stage in stages:
        series = _through(stage, series, along, adjoint=True)
    return series


def _through(stage: Stage, series: Series, along: Sequence[Derivation], *, adjoint: bool) -> Series:
    powers = _frozen_powers if stage.frozen else _exact_powers
    result = [stage.generator.ring.zero] * len(series)
    for k, f in enumerate(series):
        if f == 0:
            continue
        for j, term in enumerate(powers(stage, f, along, len(series) - k, adjoint=adjoint)):
            result[k + j] = result[k + j] + term
    return result


def _exact_powers(
    stage: Stage, f: Polynomial, along: Sequence[Derivation], count: int, *, adjoint: bool
) -> Series:
    """(c L)^j f / j! for j < count."""
    generator = stage.generator
    act = generator.apply_adjoint if adjoint else generator.apply
    found = [f]
    for j in range(1, count):
        f = act(f, along) * generator.ring.number(stage.share / j)
        if f == 0:
            break
        found.append(f)
    return found


def _frozen_powers(
    stage: Stage, f: Polynomial, along: Sequence[Derivation], count: int, *, adjoint: bool
) -> Series:
    r"""$(v \cdot \partial + D : \partial\partial)^j f / j!$ with all derivatives on f alone."""
    ring = stage.generator.ring
    size = len(ring.coordinates)
    found = [f]
    operator = {(0,) * size: ring.one}
    for j in range(1, count):
        operator = _times_symbol(stage.generator, operator, size)
        scale = ring.number(stage.share**j / factorial(j))
        total = ring.zero
        for alpha, coefficient in operator.items():
            if adjoint:
                sign = -1 if sum(alpha) % 2 else 1
                total += sign * _differentiated(coefficient * f, alpha, along)
            else:
                total += coefficient * _differentiated(f, alpha, along)
        found.append(ring.normal(total) * scale)
    return found


def _times_symbol(
    generator: Generator, operator: dict[tuple[int, ...], Polynomial], size: int
) -> dict[tuple[int, ...], Polynomial]:
    result: dict[tuple[int, ...], Polynomial] = {}
    entries = [((i,), rate) for i, rate in generator.drift.items()]
    entries += list(generator.diffusion.items())
    for alpha, coefficient in operator.items():
        for indices, entry in entries:
            raised = tuple(a + indices.count(i) for i, a in zip(range(size), alpha, strict=True))
            product = generator.ring.normal(coefficient * entry)
            result[raised] = result[raised] + product if raised in result else product
    return result


def _differentiated(
    f: Polynomial, alpha: tuple[int, ...], along: Sequence[Derivation]
) -> Polynomial:
    for i, count in enumerate(alpha):
        for _ in range(count):
            f = along[i](f)
    return f
