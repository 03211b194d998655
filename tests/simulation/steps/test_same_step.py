"""The step that theory analyses is the step that runs: the catalogue, every scheme that fits.

Theory's side is read from `unroll` as order, bias and the linear laws read it: drift and diffusion
of each move in SymPy components, solved here by NumPy (matrix exponentials, Euler, Runge-Kutta).
The runner's side is the arithmetic of `sampler.step`, with the same noise. Means of the moves and
covariances of their noise agree, and so does the whole step.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit import catalog
from sdekit.errors import SchemeError
from sdekit.schemes.order.ring_stages import part_components
from sdekit.schemes.split.factors import plan
from sdekit.schemes.split.splitting import Splitting, splitting
from sdekit.schemes.split.unroll import Move, unroll
from sdekit.simulation.bind.bound import bind
from sdekit.simulation.bind.jax_reader import shape_of
from sdekit.simulation.ends.vanishing_noise_euler import variables_at_ends
from sdekit.simulation.steps.linear_flows import covariance_root
from sdekit.simulation.steps.scheme import StepInput, first_cache
from sdekit.simulation.steps.stages import stage_of
from sdekit.simulation.steps.words import build_scheme

H = 0.125
#: Rounding of some hundred operations on numbers of order one.
CLOSE = 1e-10
#: Declared with a negative diffusion, so that no noise exists.
NO_NOISE = {"langevin-negative"}
#: Gradient noise of unknown size is taken off the injected noise A, which must be larger.
MUCH_NOISE = {"sghmc"}
#: SymPy inverts and differentiates a matrix of functions there: looked at in one dimension.
DEAR = {"rhmc", "rhmc-no-logdet"}


# -- numbers for the symbols ---------------------------------------------------------------------


def entry(symbol: Any, index: tuple[int, ...], t: Any, r: Any) -> Any:
    """An entry of an unknown function, t and r being a linear form and the square of its arguments.

    Near the points used, functions are positive and matrices positive definite.
    """
    shift = sum(map(ord, symbol.name)) % 5 / 10
    if "antisymmetric" in symbol.assumptions:
        return (index[1] - index[0]) * (0.3 + shift + t + 0.1 * r)
    if len(symbol.shape) == 2:
        return 0.1 * t * r + (2 + shift + (1 + index[0]) * t**2 if index[0] == index[1] else 0)
    return 1.5 + 0.3 * sum(index) + shift * t + 0.6 * r + t**3


def weights(count: int) -> np.ndarray:
    return 0.4 + 0.3 * np.arange(count)


def jax_function(symbol: Any, sizes: dict[str, int]) -> Callable[..., Any]:
    shape = shape_of(symbol, sizes)

    def value(*blocks: Any) -> Any:
        v = jnp.concatenate([jnp.reshape(block, -1) for block in blocks])
        t, r = weights(len(v)) @ v, v @ v
        entries = [entry(symbol, index, t, r) for index in itertools.product(*map(range, shape))]
        return entries[0] if not shape else jnp.stack(entries).reshape(shape)

    return value


def parameter_value(parameter: Any, sizes: dict[str, int]) -> np.ndarray:
    shape = shape_of(parameter, sizes)
    base = 0.7 + sum(map(ord, parameter.name)) % 7 / 20
    if len(shape) == 2 and shape[0] == shape[1]:
        if "antisymmetric" in parameter.assumptions:
            return np.array([[0.0, base], [-base, 0.0]])
        return np.diag(base + 0.3 * np.arange(shape[0])) + 0.2
    return base + 0.1 * np.arange(math.prod(shape)).reshape(shape)


class Theory:
    """The moves as order theory reads them, with numbers put in."""

    def __init__(self, name: str) -> None:
        self.parts = splitting(catalog.get(name))
        self.dynamics = self.parts.dynamics
        size = 1 if name in DEAR else 2
        self.sizes = {d.name: size for d in self.dynamics.dimensions if d.size is None}
        self.whole = self.dynamics.at(**self.sizes)
        self.parameters = {p.name: parameter_value(p, self.sizes) for p in self.dynamics.parameters}
        if name in MUCH_NOISE:
            self.parameters["A"] = np.array(20.0)
        self.numbers = {}
        for p, array in self.parameters.items():
            for index in np.ndindex(array.shape):
                self.numbers["_".join([p, *(str(k + 1) for k in index)])] = float(array[index])
        self.fields: dict[Any, Any] = {}
        start = {x.name: np.zeros(shape_of(x, self.sizes)) for x in self.dynamics.target_variables}
        self.problem = bind(
            self.dynamics,
            start if len(start) > 1 else next(iter(start.values())),
            potential=None,
            parameters=self.parameters,
            functions={f.name: jax_function(f, self.sizes) for f in self.dynamics.functions},
            sizes=self.sizes,
            dtype=np.dtype(np.float64),
        )

    def concrete(self, expression: sp.Expr) -> sp.Expr:
        calls = expression.atoms(AppliedUndef)
        values = {call: self._call(call) for call in calls}
        put = expression.subs(values).doit()
        return put.subs(
            {s: self.numbers[s.name] for s in put.free_symbols if s.name in self.numbers}
        )

    def _call(self, call: Any) -> Any:
        stem, *tail = call.func.__name__.split("_")
        symbol = next(f for f in self.dynamics.functions if f.name == stem)
        t = sum(c * x for c, x in zip(weights(len(call.args)), call.args, strict=True))
        return entry(symbol, tuple(int(k) - 1 for k in tail), t, sum(x**2 for x in call.args))

    def field(self, move: Move) -> tuple[Any, Any]:
        """Drift and D as functions of the coordinates."""
        key = (move.updates, move.diffusion)
        if key not in self.fields:
            piece = part_components(self.dynamics, move, self.sizes)
            drift = sp.Matrix([self.concrete(rate) for rate in piece.drift])
            noise = piece.diffusion_matrix().applyfunc(self.concrete)
            x = self.whole.coordinates
            self.fields[key] = tuple(
                sp.lambdify([x], m, "numpy", docstring_limit=0, cse=True) for m in (drift, noise)
            )
        return self.fields[key]

    def mean_and_noise(self, move: Move, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where a move leads without noise, and the covariance of its noise (strang: before it)."""
        drift, diffusion = self.field(move)
        time = float(move.share) * H

        def v(at: np.ndarray) -> np.ndarray:
            return np.asarray(drift(at), float).reshape(-1)

        noise = 2 * time * np.asarray(diffusion(x), float)
        if move.method == "euler_maruyama":
            return x + time * v(x), noise
        if move.method in ("rk4", "strang"):
            return runge_kutta(v, x, time), noise
        # Exact flows are affine in what moves, so that differences are derivatives.
        unit = np.eye(len(x)) * [self.moves(move, i) for i in range(len(x))]
        J = np.array([v(x + e) - v(x) for e in unit]).T
        f = v(x) - J @ x
        size = len(x)
        extended = np.block([[J, f[:, None]], [np.zeros((1, size + 1))]])
        flow = scipy.linalg.expm(time * extended)
        doubled = scipy.linalg.expm(time * np.block([[-J, noise / time], [np.zeros_like(J), J.T]]))
        return flow[:size, :size] @ x + flow[:size, size], doubled[size:, size:].T @ doubled[
            :size, size:
        ]

    def moves(self, move: Move, coordinate: int) -> bool:
        return any(coordinate in places for y, places in self.whole.variables if y in move.moves)


def runge_kutta(v: Any, x: np.ndarray, time: float) -> np.ndarray:
    a = v(x)
    b = v(x + time / 2 * a)
    c = v(x + time / 2 * b)
    d = v(x + time * c)
    return x + time / 6 * (a + 2 * b + 2 * c + d)


# -- the runner's side ---------------------------------------------------------------------------


class Runner:
    """The same dynamics, bound and ready for single steps without compilation."""

    def __init__(self, theory: Theory, scheme: str) -> None:
        self.theory, self.problem = theory, theory.problem
        self.scheme = build_scheme(self.problem, scheme, {})
        moves = unroll(theory.parts, scheme)
        self.stages = [(stage_of(m.flow, theory.sizes), float(m.share)) for m in moves]

    def blocks(self, x: np.ndarray) -> dict[str, Any]:
        found = {}
        for y, places in self.theory.whole.variables:
            shape = shape_of(y, self.theory.sizes)
            if y.symmetry == "symmetric":
                block = np.zeros(shape)
                block[np.triu_indices(shape[0])] = x[list(places)]
                found[y.name] = jnp.asarray(block + np.triu(block, 1).T)
            else:
                found[y.name] = jnp.asarray(x[list(places)].reshape(shape))
        return found

    def coordinates(self, blocks: dict[str, Any]) -> np.ndarray:
        x = np.zeros(self.theory.whole.dimension)
        for y, places in self.theory.whole.variables:
            block = np.asarray(blocks[y.name])
            if y.symmetry == "symmetric":
                block = block[np.triu_indices(len(block))]
            x[list(places)] = block.reshape(-1)
        return x

    def stage(self, k: int, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        stage, share = self.stages[k]
        problem, blocks = self.problem, self.blocks(x)
        environment = problem.environment({**problem.parameters, **blocks})
        h = jnp.asarray(H * share)
        constants = None if stage.prepare is None else stage.prepare(environment, h)
        moved = stage.apply(environment, jnp.asarray(z), h, constants)
        return self.coordinates({**blocks, **moved})

    def step(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        scheme, problem = self.scheme, self.problem
        blocks = self.blocks(x)
        sources = {oracle.name: () for oracle in scheme.oracles}
        cache = first_cache(
            scheme, blocks, ((),) * len(scheme.carried), sources, None, problem.parameters
        )
        h = jnp.asarray(H)
        constants = scheme.prepare(problem.parameters, h, np.dtype(np.float64))
        draws = ((),) * len(scheme.evaluations)
        given = StepInput(jnp.asarray(z), draws, None, h, constants, problem.parameters)
        return self.coordinates(scheme.step(blocks, cache, given)[0])


def wrapped(theory: Theory, x: np.ndarray) -> np.ndarray:
    """Angles modulo a turn, which the runner keeps in [0, 2 pi)."""
    turns = np.array([domain.kind == "circle" for domain in theory.whole.domains])
    return np.where(turns, np.mod(x, 2 * np.pi), x)


def disagreement(theory: Theory, scheme: str, order: Callable[[Any], Any] = tuple) -> float:
    """The largest gap of means, covariances and the whole step between theory and runner."""
    runner = Runner(theory, scheme)
    moves = unroll(theory.parts, scheme)
    rng = np.random.default_rng(sum(map(ord, scheme)))
    x = 0.3 + 0.2 * rng.random(theory.whole.dimension)
    z = rng.standard_normal(runner.scheme.elements)
    ends = np.cumsum([0, *(stage.elements for stage, _ in runner.stages)])
    found, expected = runner.step(x, z), x
    gaps = []
    for k in order(range(len(moves))):
        mean, covariance = theory.mean_and_noise(moves[k], expected)
        own = z[ends[k] : ends[k + 1]]
        if moves[k].method == "strang":
            expected = strang(theory, moves[k], expected, covariance, own)
        else:
            still = runner.stage(k, expected, 0 * own)
            columns = [runner.stage(k, expected, e) - still for e in np.eye(len(own))]
            S = np.array(columns).reshape(len(own), len(x)).T
            gaps += [still - mean, S @ S.T - covariance]
            expected = mean + S @ own
        expected = wrapped(theory, expected)
    gaps.append(wrapped(theory, found) - expected)
    return max(float(np.max(np.abs(gap))) for gap in gaps)


def strang(theory: Theory, move: Move, x: np.ndarray, noise: np.ndarray, z: Any) -> np.ndarray:
    """Half the drift, the noise, half the drift."""

    def v(at: np.ndarray) -> np.ndarray:
        return np.asarray(theory.field(move)[0](at), float).reshape(-1)

    half, moved = float(move.share) * H / 2, np.flatnonzero(np.diag(noise))
    x = runge_kutta(v, x, half)
    inside = noise[np.ix_(moved, moved)]
    is_diagonal = not np.any(inside - np.diag(np.diag(inside)))
    # Roots differ by a rotation; the runner takes that of the increments for time 1.
    root = np.sqrt(2 * half) * np.asarray(covariance_root(jnp.asarray(inside / (2 * half))))
    x[moved] += (np.sqrt(inside) if is_diagonal else root) @ z
    return runge_kutta(v, x, half)


def schemes_of(parts: Splitting) -> list[str]:
    """The default word and the named schemes that fit; of those with equal moves the first."""
    found: dict[Any, str] = {}
    for scheme in (parts.default_word, "EM", "Algorithm1", "Algorithm2"):
        try:
            # What theory refuses to analyse has nothing to agree with; near ends at which the noise
            # vanishes, which its claims assume are not reached, other steps run.
            plan(parts, scheme)
            moves = unroll(parts, scheme)
            if not any(variables_at_ends(dict(move.diffusion)) for move in moves):
                found.setdefault(moves, scheme)
        except SchemeError:
            continue
    return list(found.values())


@pytest.fixture(autouse=True)
def uncompiled():
    with jax.enable_x64(True), jax.disable_jit():
        yield


@pytest.mark.parametrize(
    "name", [name for name in catalog.names(plain=False) if name not in NO_NOISE]
)
def test_theory_analyses_the_step_that_runs(name: str) -> None:
    theory = Theory(name)
    for scheme in schemes_of(theory.parts):
        assert disagreement(theory, scheme) < CLOSE, scheme


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("langevin", "BAOAB"), ("sgnht", "Algorithm1"), ("nose-hoover-chain", "BADEFOFEDAB")],
)
def test_a_step_in_another_order_is_told_apart(name: str, scheme: str) -> None:
    """Twin: the same moves, the first two exchanged."""

    def exchanged(places: Any) -> list[int]:
        first, second, *rest = places
        return [second, first, *rest]

    assert disagreement(Theory(name), scheme, exchanged) > 1e4 * CLOSE
