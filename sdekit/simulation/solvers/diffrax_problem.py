"""A dynamics as a problem of diffrax: terms, solver, Brownian path, step-size controller.

The state is one vector, the blocks of the variables behind each other.

Not for which solver fits (`solvers.py`), nor for long runs of many chains (`run.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
from jax import Array
from jax.core import Tracer

from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SimulationError, check_word
from sdekit.schemes.ends.vanishing_noise import vanishing_ends
from sdekit.schemes.solvers.noise_type import NoiseKind, NoiseType, noise_type
from sdekit.schemes.solvers.solver_table import Solver, choose_solver
from sdekit.schemes.solvers.stratonovich import stratonovich_drift
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.solvers.brownian import PATHS, GivenIncrement, PathSettings, brownian_path
from sdekit.simulation.solvers.diffrax_terms import (
    is_diagonal,
    join_blocks,
    noise_of_blocks,
    noise_operator,
    noise_terms_of,
    split_blocks,
    vector_field,
    vector_field_of_blocks,
)
from sdekit.simulation.solvers.saved_times import as_saveat, stepping
from sdekit.simulation.steps.boundaries import ends_of, walls_of

#: Times of rejected steps in a row that are kept: "plenty", says diffrax.
REJECTED_STEPS = 100
#: States that reverse mode keeps; what lies between is computed again.
CHECKPOINTS = 100


@dataclass(frozen=True, eq=False)
class DiffraxProblem:
    """What `diffrax.diffeqsolve` takes, and what leads back to the blocks.

    Args:
        terms: Drift and noise.
        solver: diffrax solver.
        y0: Start, shape (d,).
        stepsize_controller: Fixed or adaptive steps.
        adjoint: How diffrax differentiates: reverse mode with checkpoints, or forward mode for
            paths drawn on the spot, which cannot be drawn backwards.
        entry: What is known of the solver; None where there is no noise.
        noise: Kind of noise, and why.
        problem: The bound dynamics.
        motions: Number m of Brownian motions.
        drift: (t, y, args) -> shape (d,).
        diffusion: (t, y, args) -> linear operator from (m,) to (d,); None without noise.

    Example:
        >>> import sdekit as sk, diffrax
        >>> x = sk.scalar("x")
        >>> ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1})
        >>> given = sk.to_diffrax(ou, 0.0, t1=1.0)
        >>> given.solve(t1=1.0, dt0=0.1).ys.shape
        (1, 1)
    """

    terms: Any
    solver: Any
    y0: Array
    stepsize_controller: Any
    adjoint: Any
    entry: Solver | None
    noise: NoiseType
    problem: Problem
    motions: int
    drift: Any
    diffusion: Any

    @property
    def path(self) -> str | None:
        """Which kind of path a seed stands for here, "increments" or "tree"; None without noise."""
        if not self.motions:
            return None
        drawn = isinstance(self.terms.terms[1].control, diffrax.UnsafeBrownianPath)
        return "increments" if drawn else "tree"

    def blocks(self, y: Any) -> dict[str, Array]:
        """Blocks by name of states of shape (..., d), such as `solution.ys`."""
        return split_blocks(self.problem, jnp.asarray(y))

    def solve(self, *, t1: float, dt0: float, t0: float = 0.0, **options: Any) -> Any:
        """`diffrax.diffeqsolve` with everything filled in; options go to it.

        Args:
            t1: End.
            dt0: Step, or the first one where steps are adaptive.
            t0: Start.
            **options: Options of `diffeqsolve`, such as `adjoint` or `saveat`, for which numbers
                will do. The solver steps to every time at which a stochastic solution is saved:
                diffrax would interpolate.

        Raises:
            SimulationError: For dense output of a stochastic solution.
        """
        controller = self.stepsize_controller
        if "saveat" in options:
            options["saveat"] = as_saveat(options["saveat"])
        if self.motions:
            path = self.terms.terms[1].control
            controller, dt0 = stepping(
                controller, path, options.get("saveat"), t0=t0, t1=t1, dt0=dt0
            )
        filled = {
            "stepsize_controller": controller,
            "adjoint": self.adjoint,
            "max_steps": None,
        }
        return diffrax.diffeqsolve(
            self.terms, self.solver, t0=t0, t1=t1, dt0=dt0, y0=self.y0, **(filled | options)
        )

    def step(self, y: Array, normals: Array, time: Any, step_size: Any) -> Array:
        """One step of the solver from given normals, for a loop of one's own.

        Args:
            y: State, shape (d,).
            normals: Standard normals, shape (m,), or (2, m) where the solver needs Levy areas.
            time: Time at the start.
            step_size: Step.

        Returns:
            State after the step, shape (d,).

        Checked by: tests/simulation/solvers/test_diffrax_problem.py.
        """
        rows = list(jnp.atleast_2d(normals))
        return _stepped(self.solver, self.drift, self.diffusion, y, rows, time, step_size)


def diffrax_problem(
    problem: Problem, start: Mapping[str, Any], solver: str | None, asked: PathSettings
) -> DiffraxProblem:
    """Build the problem; see `bridges.to_diffrax` for the arguments.

    Raises:
        SchemeError: If the solver does not fit the noise.
        SimulationError: For a boundary that diffrax knows nothing of, or an unknown kind of path.
    """
    check_word("kind of Brownian path", asked.path, PATHS, SimulationError)
    _check_boundaries(problem)
    y0 = join_blocks(problem, start)
    make = _stochastic if noise_terms_of(problem) else _deterministic
    return make(problem, y0, solver, asked)


def _stochastic(
    problem: Problem, y0: Array, solver: str | None, asked: PathSettings
) -> DiffraxProblem:
    kind, entry, drift = _chosen(problem, solver, asked.adaptive)
    terms = noise_terms_of(problem)
    drift_function = vector_field(problem, drift)
    motions, diffusion = noise_operator(problem, terms)
    if not entry.diffrax_name:
        raise SimulationError(
            f"the solver {entry.name} is none of diffrax",
            fix="run it as a scheme of sk.sampler, or use 'spark' or 'euler'",
        )
    made = getattr(diffrax, entry.diffrax_name)()
    if asked.adaptive and not entry.has_error_estimate:
        made = diffrax.HalfSolver(made)
    if asked.path == "auto" and _is_traced(problem, y0):
        asked = asked._replace(path="tree")
    brownian = brownian_path(entry, motions, y0.dtype, asked)
    is_drawn_once = isinstance(brownian, diffrax.UnsafeBrownianPath)
    adjoint = diffrax.ForwardMode() if is_drawn_once else _backwards()
    return DiffraxProblem(
        terms=diffrax.MultiTerm(
            diffrax.ODETerm(drift_function), diffrax.ControlTerm(diffusion, brownian)
        ),
        solver=made,
        y0=y0,
        stepsize_controller=_controller(asked, kind.kind),
        adjoint=adjoint,
        entry=entry,
        noise=kind,
        problem=problem,
        motions=motions,
        drift=drift_function,
        diffusion=diffusion,
    )


def _backwards() -> Any:
    return diffrax.RecursiveCheckpointAdjoint(checkpoints=CHECKPOINTS)


def _is_traced(problem: Problem, y0: Array) -> bool:
    """Whether parameters or start are the user's tracers, which may be differentiated."""
    return any(isinstance(value, Tracer) for value in (y0, *problem.parameters.values()))


def _chosen(
    problem: Problem, solver: str | None, adaptive: bool
) -> tuple[NoiseType, Solver, Mapping[Variable, Expression]]:
    """The kind of noise, the solver that fits it, and the drift in the solver's interpretation."""
    if not noise_terms_of(problem):
        raise SimulationError(
            f"the solver {solver} is for noise, and there is none",
            fix="use a splitting word or 'EM'",
        )
    kind = noise_type(problem.dynamics, problem.sizes)
    stratonovich = stratonovich_drift(problem.dynamics)
    entry = choose_solver(solver, kind, adaptive=adaptive, can_convert=stratonovich is not None)
    drift = problem.dynamics.drift if entry.interpretation == "ito" else stratonovich
    assert drift is not None
    return kind, entry, drift


def _stepped(
    solver: Any,
    field: Any,
    diffusion: Any,
    y: Any,
    normals: Sequence[Any],
    time: Any,
    h: Any,
    epoch: Any = None,
) -> Any:
    """The state after one step, given normals of the increment and of the Levy area, if needed."""
    terms = diffrax.ODETerm(field)
    if diffusion is not None:
        increment, area = (
            jax.tree.map(lambda z, share=share: jnp.sqrt(jnp.asarray(h, z.dtype)) * z / share, z)
            for z, share in ((normals[0], 1.0), (normals[-1], math.sqrt(12)))
        )
        noise = diffrax.ControlTerm(diffusion, GivenIncrement(increment, area))
        terms = diffrax.MultiTerm(terms, noise)
    state = solver.init(terms, time, time + h, y, epoch)
    return solver.step(terms, time, time + h, y, epoch, state, made_jump=False)[0]


@dataclass(frozen=True, eq=False)
class FixedStep:
    """One step of a diffrax solver for a loop of one's own.

    The solver sees the blocks where the noise is diagonal, since joining and cutting a small vector
    costs a quarter of the step; otherwise one vector.

    Args:
        motions: Normals of one step, twice as many where the solver needs Levy areas.
        advance: (blocks, normals of shape (motions,), time, step size, epoch) -> blocks.
    """

    motions: int
    advance: Any


def fixed_step(problem: Problem, solver: str) -> FixedStep:
    """The step of a solver, from given normals.

    Args:
        problem: The bound dynamics.
        solver: A name of `solvers.SOLVERS`.

    Raises:
        SchemeError: If the solver does not fit the noise.
        SimulationError: If there is no noise.

    Checked by: tests/simulation/solvers/test_diffrax_scheme.py.
    """
    _, entry, drift = _chosen(problem, solver, adaptive=False)
    made = getattr(diffrax, entry.diffrax_name)()
    # diffrax's Milstein solvers take the operator apart, which must be that of one vector.
    if is_diagonal(problem) and not entry.diffrax_name.endswith("Milstein"):
        motions, arranged, diffusion = noise_of_blocks(problem)
        field, joined, split = vector_field_of_blocks(problem, drift), dict, dict
    else:
        motions, diffusion = noise_operator(problem, noise_terms_of(problem))
        field, arranged = vector_field(problem, drift), lambda normals: normals
        joined, split = partial(join_blocks, problem), partial(split_blocks, problem)
    rows = 2 if entry.needs_levy_area else 1

    def advance(blocks: Any, normals: Array, time: Any, step_size: Any, epoch: Any = None) -> Any:
        own = [arranged(row) for row in normals.reshape(rows, motions)]
        return split(_stepped(made, field, diffusion, joined(blocks), own, time, step_size, epoch))

    return FixedStep(rows * motions, advance)


def _deterministic(
    problem: Problem, y0: Array, solver: str | None, asked: PathSettings
) -> DiffraxProblem:
    if solver not in (None, "tsit5"):
        raise SimulationError(
            "the dynamics has no noise", expected="solver='tsit5'", found=repr(solver),
            fix="leave the solver out",
        )  # fmt: skip
    drift = vector_field(problem, problem.dynamics.drift)
    return DiffraxProblem(
        terms=diffrax.ODETerm(drift),
        solver=diffrax.Tsit5(),
        y0=y0,
        stepsize_controller=_controller(asked),
        adjoint=_backwards(),
        entry=None,
        noise=noise_type(problem.dynamics, problem.sizes),
        problem=problem,
        motions=0,
        drift=drift,
        diffusion=None,
    )


def _controller(asked: PathSettings, kind: NoiseKind | None = None) -> Any:
    if not asked.adaptive:
        return diffrax.ConstantStepSize()
    # The gains are those diffrax recommends for SDEs.
    chosen = diffrax.PIDController(asked.rtol, asked.atol, pcoeff=0.1, icoeff=0.3, dcoeff=0.0)
    if kind != NoiseKind.GENERAL:
        return chosen
    # Where noise does not commute, Levy areas have the right law only if rejected times come back.
    return diffrax.ClipStepSizeController(chosen, store_rejected_steps=REJECTED_STEPS)


def _check_boundaries(problem: Problem) -> None:
    """Refuse ends that a path may meet; from a single one vanishing noise keeps it away."""
    own = {x: block for (x, y), block in problem.dynamics.blocks() if x == y}
    for x in problem.dynamics.variables:
        if not x.domain.is_bounded:
            continue
        is_kept = x not in own or vanishing_ends(x, own[x])[0]
        if (
            x.domain.kind == "interval"
            or not is_kept
            or walls_of(problem)[x.name].momentum is not None
        ):
            raise SimulationError(
                f"diffrax knows no boundary for {x.name}",
                expected="a domain without ends, or (0, inf) with noise that vanishes at 0",
                found="{} in [{:g}, {:g}]".format(x.name, *ends_of(x)),
                fix="run it with sk.simulate, which reflects, or declare it without domain",
            )
