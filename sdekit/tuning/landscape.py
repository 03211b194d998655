r"""The modes of a target, their weights, and how it falls off far away: before any chain runs.

Descents from dispersed starts (BFGS, then Newton steps) end in modes; a mode of energy U and
Hessian H has about the weight

$$w \propto e^{-U}\,|H|^{-1/2}\quad\text{(Laplace)}.$$

Far away, along a ray of radius r, $r\,\partial_r U$ tends to a constant for a power law and grows
without limit for lighter tails. Not for what draws say about either (`soundness`).

Source: Tierney, Kadane (1986) for the weights.
Checked by: tests/tuning/test_landscape.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.simulation.bind.user_functions import QUICK
from sdekit.tuning.ensembles import MOST_DENSE
from sdekit.tuning.preconditioning import whitened
from sdekit.tuning.sampled_target import SampledTarget

#: Standard deviations of the dispersed starts, around the start given, without limits.
DISPERSIONS = (1.0, 3.0)
#: Number of descents.
STARTS = 8
#: A mode whose log weight lies this much below that of the heaviest is left out, and said so.
NEGLIGIBLE = -12.0
#: Newton decrement g^T H^-1 g below which a point is a mode; energies are of order 1.
CONVERGED = 1e-3
#: Fall of U along a descent that ends in no mode from which on its sign is asked about.
FALL = 1e3
#: Products with the Hessian that find its largest eigenvalue to some per cent.
POWERS = 8
#: Points at which one call of a compiled program looks.
LOOKS = 16
#: Radii, in standard deviations of the mode, at which tails are looked at.
RADII = (1e4, 1e5)

#: Moves of one coordinate without limits at which reported values are looked at: e^40 and e^80.
REACHES = (40.0, 80.0)


@dataclass(frozen=True)
class Mode:
    """A minimum of U.

    Attributes:
        point: Shape (d,).
        energy: U there.
        factor: L with L L^T = H^-1, (d, d); or (d,) where only the diagonal of H is known.
        log_weight: Of its Laplace approximation, up to a constant of the target.
    """

    point: np.ndarray
    energy: float
    factor: np.ndarray
    log_weight: float


@dataclass(frozen=True)
class Landscape:
    """What the descents found.

    Attributes:
        modes: Those that count, heaviest first; empty where no descent converged.
        factor: The metric to begin with.
        starts: One for each chain, (C, d).
        notes: What was left out, and why.
        heavy: A direction with a tail so heavy that the variance is infinite, in words; or "".
    """

    modes: tuple[Mode, ...]
    factor: np.ndarray
    starts: np.ndarray
    notes: tuple[str, ...]
    heavy: str


@dataclass(eq=False)
class Surveyor:
    """Compiled derivatives of one target; counts the gradients they cost.

    Attributes:
        gradients: Gradient evaluations so far; a Hessian costs d.
    """

    target: SampledTarget
    gradients: int = field(default=0)

    @cached_property
    def _slope(self) -> Callable[..., Any]:
        return jax.jit(jax.value_and_grad(self.target.potential))

    @cached_property
    def _curvature(self) -> Callable[..., Any]:
        return jax.jit(jax.hessian(self.target.potential), compiler_options=QUICK)

    def slope(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        """U and its gradient; a wall where U is no number."""
        self.gradients += 1
        value, gradient = self._slope(jnp.asarray(point))
        value, gradient = float(value), np.asarray(gradient)
        if np.isfinite(value) and np.isfinite(gradient).all():
            return value, gradient
        return 1e100, np.zeros_like(gradient)

    def undefined(self, points: np.ndarray, factor: np.ndarray, seed: int) -> int:
        """At how many points, each one whitened step from one of these, U is no number (NaN)."""
        z = np.random.default_rng(seed).standard_normal(points.shape)
        near = points + np.stack([_times(factor, one) for one in z])
        values = jax.jit(jax.vmap(self.target.potential))(jnp.asarray(near))
        return int(np.isnan(np.asarray(values)).sum())

    def hessian(self, point: np.ndarray) -> np.ndarray:
        """The Hessian; beyond `MOST_DENSE` coordinates an estimate of its diagonal."""
        if self.target.size <= MOST_DENSE:
            self.gradients += self.target.size
            return np.asarray(self._curvature(jnp.asarray(point)))
        self.gradients += 40
        return np.asarray(self._diagonal(jnp.asarray(point)))

    @cached_property
    def _diagonal(self) -> Callable[..., Any]:
        signs = jax.random.rademacher(jax.random.key(0), (20, self.target.size), float)
        gradient = jax.grad(self.target.potential)

        def diagonal(x: Any) -> Any:
            products = jax.lax.map(lambda v: v * jax.jvp(gradient, (x,), (v,))[1], signs)
            return products.mean(0)

        return jax.jit(diagonal)

    @cached_property
    def _stiffness(self) -> Callable[..., Any]:
        gradient = jax.grad(self.target.potential)

        def at(x: Any, factor: Any) -> Any:
            def product(v: Any) -> Any:
                turned = jax.jvp(gradient, (x,), (factor @ v if factor.ndim == 2 else factor * v,))
                return factor.T @ turned[1] if factor.ndim == 2 else factor * turned[1]

            def iterate(_: int, v: Any) -> Any:
                w = product(v)
                return w / jnp.sqrt(jnp.sum(w**2) + 1e-300)

            begin = jax.random.normal(jax.random.key(1), x.shape)
            v = jax.lax.fori_loop(0, POWERS - 1, iterate, begin / jnp.sqrt(jnp.sum(begin**2)))
            return jnp.sqrt(jnp.sum(product(v) ** 2))

        return jax.jit(jax.vmap(at, (0, None)), compiler_options=QUICK)

    def stiffness(self, points: np.ndarray, factor: np.ndarray) -> np.ndarray:
        """Largest |eigenvalue| of L^T H L at each of m points, by power iteration from below.

        m is a multiple of `LOOKS`.
        """
        self.gradients += 2 * POWERS * len(points)
        rows = points.reshape(-1, LOOKS, self.target.size)
        return np.concatenate([self._stiffness(jnp.asarray(row), factor) for row in rows])

    def mode(self, point: np.ndarray) -> Mode | None:
        """The mode near the end of a descent, by Newton steps; None where there is none."""
        energy, gradient = self.slope(point)
        for _ in range(12):
            hessian = self.hessian(point)
            factor = inverse_root(hessian)
            if factor is None:
                return None
            step = _times(factor, _times(factor, gradient, transposed=True))
            if float(gradient @ step) < CONVERGED:
                least = np.linalg.eigvalsh(hessian)[0] if hessian.ndim == 2 else hessian.min()
                if least <= 0:
                    return None
                volume = np.log(np.abs(np.diagonal(factor) if factor.ndim == 2 else factor)).sum()
                return Mode(point, energy, factor, float(volume - energy))
            size = 1.0
            while size > 1e-3:
                there = self.slope(point - size * step)
                if there[0] < energy:
                    break
                size /= 3
            else:
                return None
            point, (energy, gradient) = point - size * step, there
        return None

    def descend(self, point: np.ndarray) -> np.ndarray:
        """The end of a descent by quasi-Newton steps."""
        from scipy.optimize import minimize

        method = "BFGS" if self.target.size <= MOST_DENSE else "L-BFGS-B"
        options = {"maxiter": 100} if method == "BFGS" else {"maxfun": 200}
        with np.errstate(all="ignore"):
            found = minimize(self.slope, point, jac=True, method=method, options=options)
        return found.x if np.isfinite(found.x).all() else point


def survey(surveyor: Surveyor, chains: int, seed: int) -> Landscape:
    """Modes, a metric, starts of chains and tails.

    Args:
        surveyor: Of the target.
        chains: Number of starts wanted.
        seed: Of their dispersion.
    """
    random = np.random.default_rng(seed)
    modes, notes = _modes(surveyor, random)
    if modes:
        factor, centre = modes[0].factor, modes[0].point
    else:
        centre = surveyor.target.start
        root = inverse_root(surveyor.hessian(centre))
        factor = np.ones(centre.size) if root is None else root
        notes = (*notes, _no_mode(surveyor))
    starts = []
    for chain in range(chains):
        mode = modes[chain % len(modes)] if modes else None
        origin, spread = (centre, factor) if mode is None else (mode.point, mode.factor)
        starts.append(_dispersed(surveyor, origin, spread, random))
    heavy = heavy_tail(surveyor, centre, factor, random) or heavy_value(surveyor, centre)
    if factor.ndim == 1 and surveyor.target.size <= MOST_DENSE:
        factor = np.diag(factor)
    return Landscape(modes, factor, np.stack(starts), notes, heavy)


def _no_mode(surveyor: Surveyor) -> str:
    """What may be wrong with a target on which nothing descends to a mode."""
    # The start itself may be where the slope is zero.
    start = _finite(surveyor, surveyor.target.start, np.ones(surveyor.target.size))
    fallen = surveyor.slope(start)[0] - surveyor.slope(surveyor.descend(start))[0]
    said = "no descent ended in a mode"
    if fallen < FALL:
        return said
    return f"{said}: U fell by {fallen:.1g}; is it *minus* the log density? log_density= takes that"


def _modes(
    surveyor: Surveyor, random: np.random.Generator
) -> tuple[tuple[Mode, ...], tuple[str, ...]]:
    start, d = surveyor.target.start, surveyor.target.size
    found: list[Mode] = []
    lost = 0
    for number in range(STARTS if d <= MOST_DENSE else 2):
        spread = 0.0 if number == 0 else DISPERSIONS[number % len(DISPERSIONS)]
        point = _finite(surveyor, start, spread * random.normal(size=d))
        end = surveyor.descend(point)
        if any(_is_at(end, mode) for mode in found):
            continue
        mode = surveyor.mode(end)
        lost += mode is None
        if mode is not None and not any(_is_at(mode.point, other) for other in found):
            found.append(mode)
    notes = () if not lost else (f"{lost} of {STARTS} descents ended in no mode",)
    found.sort(key=lambda mode: -mode.log_weight)
    kept = [m for m in found if m.log_weight > found[0].log_weight + NEGLIGIBLE]
    for mode in found[len(kept) :]:
        gap = found[0].log_weight - mode.log_weight
        notes = (*notes, f"a separate mode of about e^-{gap:.0f} of the weight is left out")
    return tuple(kept), notes


def _is_at(point: np.ndarray, mode: Mode) -> bool:
    """Whether a point lies within a tenth of a standard deviation per coordinate of a mode."""
    z = whitened(mode.factor, point - mode.point)
    return bool(np.sqrt((z**2).mean()) < 0.1)


def _finite(
    surveyor: Surveyor, origin: np.ndarray, move: np.ndarray, most: float = 1e100
) -> np.ndarray:
    """origin + move, nearer to the origin until U is less than `most` there."""
    for _ in range(12):
        if surveyor.slope(origin + move)[0] < most:
            return origin + move
        move = move / 2
    return origin


def _dispersed(
    surveyor: Surveyor, origin: np.ndarray, factor: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    # Where U is no quadratic the move is cut to where a Gaussian one would have led at most.
    most = surveyor.slope(origin)[0] + 20 + 4 * origin.size
    return _finite(surveyor, origin, 1.5 * _times(factor, random.normal(size=origin.size)), most)


def inverse_root(hessian: np.ndarray) -> np.ndarray | None:
    """L with L L^T = |H|^-1, triangular; vanishing eigenvalues are lifted. None without numbers."""
    if not np.isfinite(hessian).all():
        return None
    if hessian.ndim == 1:
        size = np.abs(hessian)
        return 1 / np.sqrt(np.maximum(size, 1e-8 * size.max() or 1.0))
    # In units of its own diagonal, so that scales do not hide directions from each other.
    size = np.abs(np.diagonal(hessian))
    unit = np.sqrt(np.maximum(size, 1e-16 * size.max() or 1.0))
    values, vectors = np.linalg.eigh(hessian / np.outer(unit, unit))
    size = np.maximum(np.abs(values), 1e-10 * np.abs(values).max() or 1.0)
    covariance = (vectors / size) @ vectors.T / np.outer(unit, unit)
    try:
        return np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return None


def _times(factor: np.ndarray, z: np.ndarray, *, transposed: bool = False) -> np.ndarray:
    if factor.ndim == 1:
        return factor * z
    return (factor.T if transposed else factor) @ z


def heavy_tail(
    surveyor: Surveyor, centre: np.ndarray, factor: np.ndarray, random: np.random.Generator
) -> str:
    """A direction in which the variance is infinite, or "".

    Along a coordinate, with the others held, a density that falls like r^-s with s <= 3 has no
    variance; in a direction at random (all coordinates grow together) one with s <= d + 2 has none.

    Args:
        surveyor: Of the target.
        centre: Where rays begin.
        factor: L, the unit of length along them.
        random: Draws directions.
    """
    d = centre.size
    scale = np.abs(factor) if factor.ndim == 1 else np.sqrt((factor**2).sum(1))
    axes = np.arange(d) if d <= 32 else random.choice(d, 32, replace=False)
    rays = [sign * scale * np.eye(1, d, int(k))[0] for k in axes for sign in (1.0, -1.0)]
    rays += [_times(factor, random.normal(size=d)) for _ in range(8)]
    lowest = surveyor.slope(centre)[0]
    for number, ray in enumerate(rays):
        falls, energy = [], np.inf
        for radius in RADII:
            energy, gradient = surveyor.slope(centre + radius * ray)
            falls.append(radius * float(gradient @ ray) if energy < 1e100 else np.inf)
        # Where U has climbed further than this power explains, it has met a floor of rounding.
        if energy - lowest > (falls[1] + 1) * np.log(RADII[1]) + 10 + d:
            continue
        is_power = np.isfinite(falls).all() and abs(falls[1] - falls[0]) < 0.02 * (1 + falls[1])
        along = number < 2 * len(axes)
        if is_power and falls[1] <= (3 if along else d + 2) + 1e-2:
            where = f"along coordinate {axes[number // 2]}" if along else "in all directions"
            return f"the density falls like r^-{max(falls[1], 0):.2g} {where}"
    return ""


def heavy_value(surveyor: Surveyor, centre: np.ndarray) -> str:
    """A reported value whose variance is infinite although its coordinate's is not, or "".

    Where x = e^y grows along a coordinate, the variance of x needs U to grow faster than 2 log |x|.

    Args:
        surveyor: Of the target.
        centre: Where rays along the first coordinates begin.
    """
    axes = range(min(centre.size, 32))
    ends = [centre + sign * reach * np.eye(1, centre.size, k)[0]
            for k in axes for sign in (1.0, -1.0) for reach in REACHES]  # fmt: skip
    lowest = surveyor.slope(centre)[0]
    with np.errstate(all="ignore"):
        values = surveyor.target.named_values(np.stack(ends)[None])
        for name, draws in values.items():
            sizes = np.log(np.abs(draws[0].reshape(len(ends) // 2, 2, -1)))
            grown = (sizes[:, 1] - sizes[:, 0]) / (REACHES[1] - REACHES[0])
            for ray, entry in np.argwhere(np.isfinite(grown) & (grown > 0.1)):
                energies = [surveyor.slope(end)[0] for end in ends[2 * ray : 2 * ray + 2]]
                rise = (energies[1] - energies[0]) / (REACHES[1] - REACHES[0])
                most = 2 * grown[ray, entry]
                is_floor = energies[1] - lowest > most * REACHES[1] + 20
                if max(energies) < 1e100 and rise <= most + 1e-6 and not is_floor:
                    power = 1 + rise / grown[ray, entry]
                    return f"the density of {name} falls like r^-{power:.2g}"
    return ""
