r"""Empirical weak and strong order of any scheme on any dynamics, with local slopes.

Paths with n, 2n, 4n, ... steps over one time share their noise: two fine normals a, b become the
coarse one (a + b)/sqrt 2, and Levy areas of two steps that of one by Chen's relation. The
difference between neighbouring levels has the order of the error itself,
$$E f(X_n) - E f(X_{2n}) = c\,(1 - 2^{-r})\,h^r + \ldots,$$
so no exact solution is needed. Order is the slope of log difference against log h. Its interval
comes from resampling batches of paths and holds the Monte Carlo error only; what higher powers of h
add is seen in the fit $\log e = \log c + r \log h + a h$: where a differs from 0 beyond its error
the slope has not settled and there is no interval, and where it does not, the interval is widened
by what a could change. Not for orders known from theory (`sdekit.schemes.order.scheme_order`).

Source: Kloeden and Platen (1992), section 9.3 and 9.7.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.errors import SimulationError, check_word
from sdekit.simulation.estimates.coupled_paths import halved, path_end
from sdekit.simulation.noise.streams import check_seed
from sdekit.simulation.steps.sampler import Bound, Sampler

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Batches of paths; their spread gives the confidence interval.
BATCHES = 20
_RESAMPLED = 2000
#: Standard errors by which the slope may drift with h before it counts as unsettled.
_DRIFT = 2.0
#: Units of rounding of each step that two levels may differ by and still agree.
_ROUNDING = 4.0

Blocks = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class EmpiricalOrder:
    """Measured errors and the order they show.

    Attributes:
        kind: "weak" or "strong".
        order: Slope of log error against log h; the last local slope where slopes drift; infinite
            where the levels agree to rounding.
        interval: Confidence interval of the order; NaN at both ends where local slopes drift,
            so that it holds no number.
        local_slopes: Slope between each two neighbouring levels, coarse to fine.
        slope_errors: Their standard errors.
        level: Of the interval.
        step_sizes: h of each level, coarse to fine.
        errors: Difference to the next finer level.
        standard_errors: Of the errors.
    """

    kind: str
    order: float
    interval: tuple[float, float]
    local_slopes: np.ndarray
    slope_errors: np.ndarray
    level: float
    step_sizes: np.ndarray
    errors: np.ndarray
    standard_errors: np.ndarray

    @property
    def is_settled(self) -> bool:
        """Whether the local slopes agree, so that there is an interval."""
        return not np.isnan(self.interval[0])

    def __str__(self) -> str:
        if np.isinf(self.order):
            return f"{self.kind} order: no error beyond rounding at any step size"
        sizes = f"h from {self.step_sizes[0]:.3g} to {self.step_sizes[-1]:.3g}"
        pairs = zip(self.local_slopes, self.slope_errors, strict=True)
        slopes = ", ".join(f"{slope:.3f} +- {error:.3f}" for slope, error in pairs)
        if not self.is_settled:
            return (
                f"{self.kind} order not settled: local slopes {slopes} drift with h, {sizes}; "
                "take smaller steps"
            )
        low, high = self.interval
        return (
            f"{self.kind} order {self.order:.2f} ({self.level:.0%} interval {low:.2f} to "
            f"{high:.2f}), local slopes {slopes}, {sizes}"
        )

    def plot(self, axes: Axes | None = None) -> Axes:
        """Errors with their standard errors against h, on logarithmic axes."""
        import matplotlib.pyplot as plt

        axes = plt.gca() if axes is None else axes
        label = f"slope {self.order:.2f}"
        errors = np.abs(self.errors)
        axes.errorbar(self.step_sizes, errors, 2 * self.standard_errors, fmt="o", label=label)
        middle = np.exp(np.mean(np.log(errors) - self.order * np.log(self.step_sizes)))
        axes.plot(self.step_sizes, middle * self.step_sizes**self.order, linewidth=1)
        axes.set(xscale="log", yscale="log", xlabel="step size h", ylabel=f"{self.kind} error")
        axes.legend()
        return axes


def empirical_order(
    sampler: Sampler,
    position: Any,
    *,
    time: float = 1.0,
    steps: Sequence[int] = (8, 16, 32, 64),
    kind: str = "weak",
    observable: Callable[[Blocks], Any] | None = None,
    paths: int = 20_000,
    seed: int = 0,
    level: float = 0.95,
) -> EmpiricalOrder:
    """Measure the order of a sampler's scheme.

    Args:
        sampler: From `sk.sampler`, with a deterministic gradient; float64 for small errors.
        position: Where all paths start; momenta are drawn.
        time: Length of the paths.
        steps: Numbers of steps, each twice the one before; one finer level is added.
        kind: "weak", the error of the mean of the observable, or "strong", the root mean square
            distance of the whole state.
        observable: Blocks by name -> scalar; the squared norm of the target variables if left out.
        paths: How many, split into batches.
        seed: Of noise and resampling.
        level: Of the confidence interval.

    Returns:
        The order, local slopes, and an interval where the slope has settled.

    Raises:
        SimulationError: If the steps do not double, the gradient is stochastic, or the noise is
            weak, of which two steps do not make one.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
        >>> euler = sk.sampler(ou, scheme="EM", precision="float64")
        >>> found = empirical_order(euler, 1.0, paths=2000)
        >>> found.interval[0] < 1 < found.interval[1]
        True

    Checked by: tests/auditing/test_measured_order.py.
    """
    check_seed(seed)
    counts = _checked(steps, kind, time, paths, level)
    if sampler.noise.law is not None:
        raise SimulationError(
            "paths of weak noise cannot be refined",
            expected="a sampler with normal noise",
            found=sampler.noise.law,
            fix="leave noise= out; what weak noise keeps is proved by sk.order",
        )
    with sampler.precision():
        bound = sampler.bind(position)
        if bound.scheme.words:
            raise SimulationError(
                "a stochastic gradient has no order", fix="give the full potential"
            )
        batches = _differences(
            sampler, bound, position, counts, time, kind, observable, paths, seed
        )
    h = time / np.array(counts[:-1], dtype=float)
    means = _combined(batches, kind)
    means, scale = means[:-1], means[-1]
    if np.all(np.abs(means) <= _ROUNDING * counts[-1] * np.finfo(sampler.dtype).eps * scale):
        none = np.full(len(means) - 1, np.inf)
        ends = (float("inf"), float("inf"))
        return EmpiricalOrder(
            kind, float("inf"), ends, none, np.zeros_like(none), level, h, means, 0 * means
        )
    batches = batches[:, :-1]
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(batches), (_RESAMPLED, len(batches)))
    resampled = np.array([_combined(batches[k], kind) for k in chosen])
    spread = resampled.std(axis=0)
    # Levels that are mostly noise say little about the slope.
    weights = np.abs(means) / np.maximum(spread, 1e-300)
    sampled = _logarithms(resampled)
    slopes = sampled[:, :-1] - sampled[:, 1:]
    local = -np.diff(_logarithms(means)) / np.log(2)
    interval = _interval(h, means, resampled, weights, level)
    order = float(local[-1] if np.isnan(interval[0]) else _fit(h, means, weights, 1)[0])
    return EmpiricalOrder(
        kind, order, interval, local, slopes.std(axis=0) / np.log(2), level, h, means, spread
    )


def _interval(
    h: np.ndarray, means: np.ndarray, resampled: np.ndarray, weights: np.ndarray, level: float
) -> tuple[float, float]:
    """The interval of the slope, widened by the drift that noise may hide; NaN if it drifts."""
    curved = _fit(h, means, weights, 2)
    drift_error = _fit(h, resampled, weights, 2)[:, 0].std()
    if abs(curved[0]) > _DRIFT * drift_error:
        return float("nan"), float("nan")
    slopes = _fit(h, resampled, weights, 1)[:, 0]
    tail = (1 - level) / 2
    low, high = np.quantile(slopes, [tail, 1 - tail])
    hidden = abs(curved[1] - _fit(h, means, weights, 1)[0])
    return float(low - hidden), float(high + hidden)


def _checked(
    steps: Sequence[int], kind: str, time: float, paths: int, level: float
) -> tuple[int, ...]:
    counts = tuple(int(count) for count in steps)
    doubled = all(b == 2 * a for a, b in itertools.pairwise(counts))
    if len(counts) < 3 or counts[0] < 1 or not doubled:
        raise SimulationError(
            "the numbers of steps do not form a grid",
            expected="at least three, each twice the one before, as (8, 16, 32)",
            found=tuple(steps),
        )
    check_word("kind of order", kind, ("weak", "strong"), SimulationError)
    if not time > 0 or paths < 10 * BATCHES or not 0 < level < 1:
        raise SimulationError(
            "time, paths or level make no sense",
            expected=f"time > 0, at least {10 * BATCHES} paths, a level between 0 and 1",
            found=(time, paths, level),
        )
    return (*counts, 2 * counts[-1])


def _differences(
    sampler: Sampler,
    bound: Bound,
    position: Any,
    counts: tuple[int, ...],
    time: float,
    kind: str,
    observable: Callable[[Blocks], Any] | None,
    paths: int,
    seed: int,
) -> np.ndarray:
    """Mean difference between neighbouring levels in each batch, and the size of what differs last.

    Shape (batches, levels + 1).
    """
    scheme, finest = bound.scheme, counts[-1]
    names = [x.name for x in bound.problem.dynamics.target_variables]

    def squared_norm(blocks: Blocks) -> Any:
        return sum(jnp.sum(blocks[name] ** 2) for name in names)

    value = observable or squared_norm

    def path(key: Any) -> Any:
        start, noise = jax.random.split(key)
        normals = jax.random.normal(noise, (finest, scheme.elements), sampler.dtype)
        ends = [_end(sampler, bound, start, position, normals, n, time) for n in counts]
        if kind == "weak":
            values = jnp.stack([value(end) for end in ends])
            return jnp.append(values[:-1] - values[1:], jnp.abs(values[-1]))
        pairs = itertools.pairwise(ends)
        last = {name: jnp.zeros_like(block) for name, block in ends[-1].items()}
        return jnp.stack([*(_distance(a, b) for a, b in pairs), _distance(ends[-1], last)])

    @jax.jit
    def batch(key: Any) -> Any:
        keys = jax.random.split(key, paths // BATCHES)
        return jax.vmap(path)(keys).mean(axis=0)

    keys = jax.random.split(jax.random.key(seed), BATCHES)
    return np.stack([np.asarray(batch(key), dtype=float) for key in keys])


def _distance(left: Blocks, right: Blocks) -> Any:
    return sum(jnp.sum((left[name] - right[name]) ** 2) for name in left)


def _end(
    sampler: Sampler, bound: Bound, key: Any, position: Any, normals: Any, count: int, time: float
) -> dict[str, Any]:
    """The state after `count` steps on noise that is summed from the finest level."""
    while len(normals) > count:
        normals = halved(bound.scheme, normals)
    h = jnp.asarray(time / count, sampler.dtype)
    return path_end(sampler, bound, position, (key, normals), h=h)


def _combined(batches: np.ndarray, kind: str) -> np.ndarray:
    means = batches.mean(axis=0)
    return means if kind == "weak" else np.sqrt(means)


def _logarithms(errors: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(np.abs(errors), 1e-300))


def _fit(h: np.ndarray, errors: np.ndarray, weights: np.ndarray, terms: int) -> np.ndarray:
    """Coefficients of (h,) log h and 1 in log errors, shape (..., terms + 1)."""
    columns = np.stack([h, np.log(h), np.ones_like(h)][-terms - 1 :], axis=1)
    inverse = np.linalg.pinv(columns * weights[:, None])
    return (_logarithms(errors) * weights) @ inverse.T
