r"""Many paths at once of SGD and of stochastic gradient flow, on the host.

State of a path is its error e = V^T(beta - beta-hat) in the eigenbasis; all paths of a chunk move
by matrix-matrix products. For JAX arrays and compiled loops see `jax_paths`.

Schemes (Ito; kappa as in `flow`; z standard normals, one per row of X, centred over the rows):

- "sgd": minibatches, the step is the flow's eta.
- "euler-maruyama": $e^+ = e + \tfrac1n Z^\top[r\,(h + \sqrt{h\kappa n}\,z)]$; drift and noise
  share one product. First order in the moments; at h = eta its first two moments are those of SGD.
- "midpoint": $e^+ = e^{-hS}e + e^{-hS/2}\sqrt h\,G(\tilde e)z$ with
  $\tilde e = e^{-hS/2}(e + \sqrt{h/2}\,G(e)\zeta)$, $\zeta$ independent of z. The mean is exact
  and the covariance is the midpoint rule of its Duhamel integral: second order in the first two
  moments, for any stiffness of S. Not of weak order 2: third moments are first order only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from sdekit.errors import SimulationError, check_word
from sdekit.theory.least_squares.flow import LeastSquaresFlow

#: Numbers of one intermediate array; keeps a chunk of paths within the cache of a core.
CHUNK_NUMBERS = 2_000_000

#: (flow, error of shape (k, paths), step size, generator) -> next error.
Step: TypeAlias = Callable[[LeastSquaresFlow, np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Scheme:
    """How a path moves.

    Args:
        name: Its name.
        step: One step of all paths.
        moment_order: Order in h of the error of mean and covariance, against the flow.
        products: Products with X and X^T per step and path, the cost.
    """

    name: str
    step: Step
    moment_order: int
    products: int


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Paths at recorded times.

    Args:
        times: t, shape (records,).
        states: beta, shape (records, paths, p).
    """

    times: np.ndarray
    states: np.ndarray

    def mean(self) -> np.ndarray:
        """Mean over paths, shape (records, p)."""
        return self.states.mean(axis=1)

    def covariance(self) -> np.ndarray:
        """Sample covariance over paths, shape (records, p, p)."""
        centred = self.states - self.states.mean(axis=1, keepdims=True)
        return np.einsum("tri,trj->tij", centred, centred) / (self.states.shape[1] - 1)

    def trace(self) -> tuple[np.ndarray, np.ndarray]:
        """Trace of the covariance and its standard error, each of shape (records,).

        The error is that of a mean of squared deviations over independent paths.
        """
        paths = self.states.shape[1]
        centred = self.states - self.states.mean(axis=1, keepdims=True)
        squares = (centred**2).sum(axis=2) * paths / (paths - 1)
        return squares.mean(axis=1), squares.std(axis=1, ddof=1) / np.sqrt(paths)


def _residual(flow: LeastSquaresFlow, error: np.ndarray) -> np.ndarray:
    """r = y - X beta for every path, shape (n, paths)."""
    return flow.problem.residual[:, None] - flow.problem.rows.combine(error)


def _centred_normals(shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    normals = generator.standard_normal(shape)
    normals -= normals.mean(axis=0)
    return normals


def _sgd(
    flow: LeastSquaresFlow, error: np.ndarray, step_size: float, generator: np.random.Generator
) -> np.ndarray:
    """One minibatch step; the step size is the flow's own."""
    n, paths = flow.problem.shape[0], error.shape[1]
    if flow.replace:
        chosen = generator.integers(0, n, size=(paths, flow.batch_size))
    else:
        keys = generator.random((paths, n))
        chosen = np.argpartition(keys, flow.batch_size - 1, axis=1)[:, : flow.batch_size]
    rows = flow.problem.rows.take(chosen)
    residual = flow.problem.residual[chosen] - np.einsum("rmk,kr->rm", rows, error)
    return error + step_size / flow.batch_size * np.einsum("rm,rmk->kr", residual, rows)


def _euler_maruyama(
    flow: LeastSquaresFlow, error: np.ndarray, step_size: float, generator: np.random.Generator
) -> np.ndarray:
    """Drift and factored noise in one product with X^T."""
    residual = _residual(flow, error)
    weights = _centred_normals(residual.shape, generator)
    weights *= np.sqrt(step_size * flow.noise_scale * residual.shape[0])
    weights += step_size
    residual *= weights
    return error + flow.problem.rows.project(residual)


def _diffuse(
    flow: LeastSquaresFlow, error: np.ndarray, variance: float, generator: np.random.Generator
) -> np.ndarray:
    """sqrt(variance) G(e) z, shape (k, paths)."""
    residual = _residual(flow, error)
    residual *= _centred_normals(residual.shape, generator)
    scale = np.sqrt(variance * flow.noise_scale * residual.shape[0])
    return scale * flow.problem.rows.project(residual)


def _midpoint(
    flow: LeastSquaresFlow, error: np.ndarray, step_size: float, generator: np.random.Generator
) -> np.ndarray:
    """Exact drift; noise taken at a random middle of the step."""
    half = np.exp(-step_size / 2 * flow.problem.rates)[:, None]
    middle = half * (error + _diffuse(flow, error, step_size / 2, generator))
    return half * (half * error + _diffuse(flow, middle, step_size, generator))


#: The schemes by name.
SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("sgd", _sgd, 1, 0),
        Scheme("euler-maruyama", _euler_maruyama, 1, 2),
        Scheme("midpoint", _midpoint, 2, 4),
    )
}


def simulate(
    flow: LeastSquaresFlow,
    scheme: str,
    *,
    steps: int,
    paths: int,
    seed: int,
    step_size: float | None = None,
    record: Sequence[int] | None = None,
) -> Ensemble:
    """Simulate `paths` independent paths from beta = 0.

    Args:
        flow: Problem, batch size, eta.
        scheme: A name in `SCHEMES`.
        steps: Number of steps.
        paths: Number of replicas, 1 to 10,000 and more.
        seed: Seed; the same seed and chunk layout give the same paths.
        step_size: h; the flow's eta by default, and always for "sgd".
        record: Ascending step numbers to keep; the last one by default.

    Returns:
        The recorded states, shape (records, paths, p).

    Raises:
        SimulationError: For an unknown scheme, a step that the mean cannot survive, counts
            below 1, or an h for SGD that is not its eta.

    Example:
        >>> flow = LeastSquaresFlow([[1.0], [2.0]], [1.0, 3.0], batch_size=1, step_size=0.1)
        >>> simulate(flow, "sgd", steps=10, paths=3, seed=0).states.shape
        (1, 3, 1)

    Checked by: tests/theory/least_squares/test_paths.py.
    """
    check_word("scheme", scheme, SCHEMES, SimulationError)
    h = flow.step_size if step_size is None else float(step_size)
    _check_step(flow, scheme, h)
    kept = [steps] if record is None else [int(k) for k in record]
    if steps < 1 or paths < 1 or sorted(kept) != kept or not 0 <= kept[0] <= kept[-1] <= steps:
        raise SimulationError(
            "steps and paths must be positive, recorded steps ascending within them",
            found=f"steps={steps}, paths={paths}, record={kept}",
        )
    widest = max(flow.problem.shape[0], flow.batch_size * flow.problem.rank)
    chunk = max(1, min(paths, CHUNK_NUMBERS // widest))
    sizes = [min(chunk, paths - start) for start in range(0, paths, chunk)]
    generators = np.random.default_rng(seed).spawn(len(sizes))
    step = SCHEMES[scheme].step
    blocks = [
        _run_chunk(flow, step, h, size, kept, generator)
        for size, generator in zip(sizes, generators, strict=True)
    ]
    return Ensemble(h * np.asarray(kept, dtype=np.float64), np.concatenate(blocks, axis=1))


def _run_chunk(
    flow: LeastSquaresFlow,
    step: Step,
    step_size: float,
    paths: int,
    kept: list[int],
    generator: np.random.Generator,
) -> np.ndarray:
    """Recorded states of one chunk, shape (records, paths, p)."""
    problem = flow.problem
    error = np.repeat(-problem.minimizer[:, None], paths, axis=1)
    recorded, done = [], 0
    for target in kept:
        for _ in range(done, target):
            error = step(flow, error, step_size, generator)
        done = target
        recorded.append(problem.from_basis(error + problem.minimizer[:, None]).T)
    return np.stack(recorded)


def _check_step(flow: LeastSquaresFlow, scheme: str, step_size: float) -> None:
    from sdekit.schemes.guards.step_guards import require_stable_step

    if scheme == "sgd" and step_size != flow.step_size:
        raise SimulationError(
            "SGD moves with the step size of the flow",
            expected=flow.step_size,
            found=step_size,
            fix="make a LeastSquaresFlow with that step size",
        )
    if scheme == "midpoint":
        require_stable_step("exact-drift", float(flow.problem.rates.max()), step_size)
    else:
        require_stable_step("euler-maruyama", float(flow.problem.rates.max()), step_size)
