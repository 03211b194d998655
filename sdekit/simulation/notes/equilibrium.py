r"""Whether the momenta of a run are in thermal equilibrium: <p . dH/dp>/n, which is 1 for every H.

A run here is a `Run` (`result`). Not for the law of the positions, nor for what undeclared gradient
noise does (`noise_notes`).

Source: Ding et al. (2014), equation (4), for H = U + p.p/2; by parts for any other.
Checked by: tests/simulation/notes/test_equilibrium.py.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.declaration.functions.grammar import dot, grad
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.diagnostics.draw_statistics import Estimate, correlated_mean
from sdekit.errors import DataError, SdekitError
from sdekit.schemes.guards.heating import heated
from sdekit.schemes.guards.scheme_equilibrium import scheme_equilibrium
from sdekit.schemes.split.affine import expanded_terms, total
from sdekit.schemes.split.parts import momenta_of
from sdekit.schemes.split.pieces import positions_of
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate
from sdekit.simulation.bind.start import normals_of, start_blocks, start_laws
from sdekit.simulation.gradients.declared_noise import chain_of
from sdekit.simulation.gradients.measured_noise import measured_noise
from sdekit.simulation.gradients.minibatch import Minibatch

#: Draws and numbers that are looked at; longer runs are thinned to that.
MOST_DRAWS, MOST_NUMBERS = 50_000, 20_000_000
#: Draws below which nothing is said.
FEWEST = 100
#: Standard errors.
SIGMAS = 4.5
#: <p . dH/dp>/n of one draw that Markov's inequality gives the chance of SIGMAS, where none is < 0.
RUNAWAY = 1.5e5
#: What may be missing without theory of the scheme: its own bias.
WITHOUT_THEORY = 0.1
#: Below this distance from 1 nobody asks what the scheme predicts.
CLOSE = 0.01
#: Points at which the curvature of the potential is taken, directions at each, cost at most.
POINTS, DIRECTIONS, MOST_COST = 16, 4, 20_000_000


@dataclass(frozen=True)
class Equilibrium:
    """<p . dH/dp>/n of a run.

    Attributes:
        momenta: Names of the variables p.
        value: The mean over the draws.
        error: Its standard error, which knows how draws are correlated.
        predicted: What the scheme itself has at the end of a step, on a harmonic target of the
            same mean curvature; None where there is no such theory.
    """

    momenta: tuple[str, ...]
    value: float
    error: float
    predicted: float | None

    @property
    def allowed(self) -> float:
        """How far the value may be from what is expected, beyond no error."""
        if self.predicted is None:
            return SIGMAS * self.error + WITHOUT_THEORY
        # The prediction is of leading order in what a potential beyond quadratic adds.
        return SIGMAS * self.error + CLOSE / 2 + abs(self.predicted - 1) / 2

    @property
    def is_off(self) -> bool:
        """Whether the momenta are hotter or colder than scheme and error explain."""
        expected = 1.0 if self.predicted is None else self.predicted
        return abs(self.value - expected) > self.allowed

    def __str__(self) -> str:
        names = " and ".join(self.momenta)
        said = f"<p . dH/dp>/n = {self.value:.4g} +- {self.error:.1g} for {names}"
        if self.predicted is None:
            return f"{said}, 1 in equilibrium"
        return f"{said}, 1 in equilibrium and {self.predicted:.4g} by the scheme"


def equilibrium_of(run: Any) -> Equilibrium | None:
    """The thermal equilibrium of a run; None without momenta, H, or enough draws of them."""
    found = _measured(run)
    if found is None:
        return None
    momenta, estimate = found
    names = tuple(x.name for x in momenta)
    return Equilibrium(names, estimate.value, estimate.standard_error, _predicted(run, names))


def equilibrium_notes(run: Any) -> list[str]:
    """A sentence where the temperature of the momenta is off."""
    works = _works(run)
    last = 0.0 if works is None or works[1].min() < 0 else works[1][:, -1].min()
    if last > RUNAWAY:
        # The standard error grows as they do, so that the mean alone would tell nothing.
        return [
            f"the momenta run away: p . dH/dp / n is {last:.1g} or more at the end of every chain, "
            "1 in equilibrium; is the potential *minus* the log density?"
        ]
    found = _measured(run)
    if found is None or abs(found[1].value - 1) <= SIGMAS * found[1].standard_error + CLOSE:
        return []
    equilibrium = equilibrium_of(run)
    if equilibrium is None or not equilibrium.is_off:
        return []
    return [
        f"the temperature of the momenta is off: {equilibrium}; the run is not stationary, or its "
        "noise is not what friction takes out"
    ]


# -- measuring -----------------------------------------------------------------------------------


def _measured(run: Any) -> tuple[tuple[Variable, ...], Estimate] | None:
    works = _works(run)
    try:
        return None if works is None else (works[0], correlated_mean(works[1]))
    except DataError:
        return None


def _works(run: Any) -> tuple[tuple[Variable, ...], np.ndarray] | None:
    """Momenta p, and p . dH/dp / n at the draws, (chain, draw)."""
    problem, dynamics = run.problem, run.dynamics
    if problem is None or dynamics.hamiltonian is None or dynamics.depends_on_time:
        return None
    found = momenta_of(problem.dynamics, positions_of(problem.dynamics))
    momenta = tuple(x for x in dynamics.variables if x in found)
    if not momenta or any(x.domain.kind != "real" or x.symmetry for x in momenta):
        return None
    kinetic = [t for t in expanded_terms(dynamics.hamiltonian) if t.variables & set(momenta)]
    if not kinetic:
        return None
    slopes = [grad(total(kinetic), p) for p in momenta]
    pairs = zip(momenta, slopes, strict=True)
    work = total(dot(p, slope) if p.shape else p * slope for p, slope in pairs)
    values = _values(run, problem, work)
    if values is None:
        return None
    size = sum(int(np.prod(run.samples[x.name].shape[2:], dtype=int)) for x in momenta)
    return momenta, values / size


def _values(run: Any, problem: Problem, work: Expression) -> np.ndarray | None:
    """The work at the draws, shape (chain, draw); None where they are too few or not kept."""
    read = sorted(x.name for x in work.variables)
    if not set(read) <= set(run.samples) or run.draws * len(run.samples[read[0]]) < FEWEST:
        return None
    shape = run.samples[read[0]].shape[:2]
    numbers = sum(run.samples[name].size for name in read)
    stride = max(1, -(-shape[0] * shape[1] // MOST_DRAWS), -(-numbers // MOST_NUMBERS))
    blocks = {name: np.asarray(run.samples[name][:, ::stride]) for name in read}

    def at(own: dict[str, Any]) -> Any:
        return evaluate(work, problem.environment({**problem.parameters, **own}))

    is_double = problem.dtype == np.float64
    with jax.enable_x64(True) if is_double else nullcontext():
        found = jax.jit(jax.vmap(jax.vmap(at)))({k: jnp.asarray(b) for k, b in blocks.items()})
        return np.asarray(found, np.float64)


# -- predicting ----------------------------------------------------------------------------------


def _predicted(run: Any, momenta: tuple[str, ...]) -> float | None:
    """What the scheme has; 1 where it is exact; None where there is no theory."""
    if run.state is not None and run.state.cache.acceptance is not None:
        return 1.0
    if run.step_size is None or run.problem is None:
        return None
    try:
        stiffness = _curvature(run, run.problem)
        if stiffness is None:
            return None
        dynamics, parameters = _with_noise(run, run.problem)
        frozen = _means_under_h(run, run.problem, momenta)
        return scheme_equilibrium(
            dynamics, run.scheme, momenta, stiffness=stiffness, step_size=run.step_size,
            parameters=parameters, frozen=frozen,
        )  # fmt: skip
    except SdekitError:
        return None


def _means_under_h(run: Any, problem: Problem, momenta: tuple[str, ...]) -> dict[str, float]:
    """Where H has the other auxiliary variables, such as thermostats; scalars only."""
    rest = [x for x in run.dynamics.auxiliary_variables if x.name not in momenta and not x.shape]
    if not rest:
        return {}
    names = [x.name for x in problem.layout.variables if x.name in run.samples]
    target = {name: jnp.asarray(run.samples[name][0, -1]) for name in names}
    laws = start_laws(problem)
    still = jnp.zeros(normals_of(laws, problem), problem.dtype)
    blocks = start_blocks(problem, laws, target, {}, still)
    return {x.name: float(blocks[x.name]) for x in rest}


def _with_noise(run: Any, problem: Problem) -> tuple[Any, dict[str, Any]]:
    """The declaration, with the noise of a minibatch added that its thermostat takes out."""
    parameters = {name: np.asarray(value) for name, value in problem.parameters.items()}
    target = problem.source
    is_apart = bool(problem.gradient_noise) or run.state is None
    if is_apart or not isinstance(target, Minibatch) or target.svrg is not None:
        return run.dynamics, parameters
    assert run.state is not None and run.step_size is not None
    is_single = all(run.state.blocks[x.name].ndim == x.ndim for x in run.dynamics.variables)
    state = chain_of(run.state.blocks, 0, is_single)
    found = measured_noise(problem, [state], run.step_size, (1,))
    heating = heated(run.dynamics, [each.variable for each in found])
    if heating.absorbed is None:
        return run.dynamics, parameters
    from sdekit.declaration.tree.symbols import parameter

    level = parameter(heating.symbol, nonnegative=True)
    carried = {each.variable: level for each in found}
    parameters[heating.symbol] = np.asarray(np.mean([each.mean for each in found]))
    return run.dynamics.changed({"gradient_noise": carried}), parameters


def _curvature(run: Any, problem: Problem) -> float | None:
    """The mean of trace(Hessian of U)/d over draws; 0 where the declaration is concrete."""
    source = problem.source
    if source is None:
        return 0.0
    names = [x.name for x in problem.layout.variables]
    extra = problem.extra.names if problem.extra is not None and problem.reads_extra else ()
    if not {*names, *extra} <= set(run.samples):
        return None
    chains, draws = run.samples[names[0]].shape[:2]
    size = sum(int(np.prod(run.samples[name].shape[2:], dtype=int)) for name in names)
    rows = source.size if isinstance(source, Minibatch) else 1
    if rows * size > MOST_COST or (isinstance(source, Minibatch) and source.is_on_host):
        return None
    generator = np.random.default_rng(0)
    picked = generator.integers(chains, size=POINTS), generator.integers(draws, size=POINTS)
    blocks = {name: jnp.asarray(run.samples[name][picked]) for name in (*names, *extra)}

    def one(own: dict[str, Any], key: Any) -> Any:
        target = {name: own[name] for name in names}
        reader: Any = source
        if extra and problem.extra is not None:
            reader = reader.given(problem.extra.gathered(own))

        def energy(at: dict[str, Any]) -> Any:
            return reader.potential(problem.layout.position(at))

        keys = jax.random.split(key, len(names))
        probe = {
            name: jax.random.rademacher(k, own[name].shape).astype(own[name].dtype)
            for name, k in zip(names, keys, strict=True)
        }
        turned = jax.jvp(jax.grad(energy), (target,), (probe,))[1]
        return sum(jnp.sum(turned[name] * probe[name]) for name in names)

    is_double = problem.dtype == np.float64
    with jax.enable_x64(True) if is_double else nullcontext():
        keys = jax.random.split(jax.random.key(0), POINTS * DIRECTIONS)
        repeated = {name: jnp.repeat(b, DIRECTIONS, axis=0) for name, b in blocks.items()}
        traces = np.asarray(jax.jit(jax.vmap(one))(repeated, keys), np.float64)
    mean = float(traces.mean()) / size
    return mean if np.isfinite(mean) and mean > 0 else None
