"""A dynamics as a problem of diffrax: terms, solver, Brownian path, step-size controller.

The state is one vector, the blocks of the variables behind each other.

Not for which solver fits (`solvers.py`), nor for long runs of many chains (`run.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
from jax import Array

from sdekit.declare.symbols import Variable
from sdekit.errors import SimulationError
from sdekit.simulate.brownian import GivenIncrement, brownian_path
from sdekit.simulate.diffrax_terms import (
    join_blocks,
    noise_operator,
    noise_terms_of,
    split_blocks,
    vector_field,
)
from sdekit.simulate.lower import shape_of
from sdekit.simulate.noise_type import NoiseType, noise_type
from sdekit.simulate.problem import Problem
from sdekit.simulate.solvers import Solver, choose_solver
from sdekit.simulate.stratonovich import stratonovich_drift


@dataclass(frozen=True, eq=False)
class DiffraxProblem:
    """What `diffrax.diffeqsolve` takes, and what leads back to the blocks.

    Args:
        terms: Drift and noise.
        solver: diffrax solver.
        y0: Start, shape (d,).
        stepsize_controller: Fixed or adaptive steps.
        adjoint: Forward mode, which paths drawn on the spot need.
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

    def blocks(self, y: Any) -> dict[str, Array]:
        """Blocks by name of states of shape (..., d), such as `solution.ys`."""
        return split_blocks(self.problem, jnp.asarray(y))

    def solve(self, *, t1: float, dt0: float, t0: float = 0.0, **options: Any) -> Any:
        """`diffrax.diffeqsolve` with everything filled in; options go to it.

        Args:
            t1: End.
            dt0: Step, or the first one where steps are adaptive.
            t0: Start.
            **options: Options of `diffeqsolve`, such as `saveat`.
        """
        return diffrax.diffeqsolve(
            self.terms,
            self.solver,
            t0=t0,
            t1=t1,
            dt0=dt0,
            y0=self.y0,
            stepsize_controller=self.stepsize_controller,
            adjoint=self.adjoint,
            **{"max_steps": None, **options},
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

        Checked by: tests/simulate/test_diffrax_problem.py.
        """
        terms = diffrax.ODETerm(self.drift)
        if self.entry is not None:
            root = jnp.sqrt(jnp.asarray(step_size, y.dtype))
            pair = normals if normals.ndim == 2 else jnp.stack([normals, jnp.zeros_like(normals)])
            path = GivenIncrement(root * pair[0], root * pair[1] / math.sqrt(12))
            terms = diffrax.MultiTerm(terms, diffrax.ControlTerm(self.diffusion, path))
        end = time + step_size
        state = self.solver.init(terms, time, end, y, None)
        return self.solver.step(terms, time, end, y, None, state, made_jump=False)[0]


def diffrax_problem(
    problem: Problem,
    start: Mapping[str, Any],
    *,
    solver: str | None,
    key: Array,
    t0: float,
    t1: float,
    adaptive: bool,
    rtol: float,
    atol: float,
    path: str,
    tolerance: float,
) -> DiffraxProblem:
    """Build the problem; see `bridges.to_diffrax` for the arguments.

    Raises:
        SchemeError: If the solver does not fit the noise.
        SimulationError: For a boundary that diffrax knows nothing of, or an unknown kind of path.
    """
    dynamics = problem.dynamics
    _check_boundaries(dynamics.variables)
    y0 = join_blocks(problem, start)
    if not noise_terms_of(problem):
        return _deterministic(problem, y0, solver, adaptive, rtol, atol)
    return _stochastic(
        problem,
        y0,
        solver=solver,
        key=key,
        t0=t0,
        t1=t1,
        adaptive=adaptive,
        rtol=rtol,
        atol=atol,
        path=path,
        tolerance=tolerance,
    )


def _stochastic(
    problem: Problem,
    y0: Array,
    *,
    solver: str | None,
    key: Array,
    t0: float,
    t1: float,
    adaptive: bool,
    rtol: float,
    atol: float,
    path: str,
    tolerance: float,
) -> DiffraxProblem:
    dynamics = problem.dynamics
    kind = noise_type(dynamics, problem.sizes)
    terms = noise_terms_of(problem)
    if not terms:
        raise SimulationError(
            f"the solver {solver} is for noise, and there is none",
            fix="use a splitting word or 'EM'",
        )
    stratonovich = stratonovich_drift(dynamics)
    entry = choose_solver(solver, kind, adaptive=adaptive, can_convert=stratonovich is not None)
    drift = dynamics.drift if entry.interpretation == "ito" else stratonovich
    assert drift is not None
    drift_function = vector_field(problem, drift)
    motions, diffusion = noise_operator(problem, terms)
    made = getattr(diffrax, entry.diffrax_name)()
    if adaptive and not entry.has_error_estimate:
        made = diffrax.HalfSolver(made)
    brownian = brownian_path(entry, motions, y0.dtype, key, t0, t1, adaptive, path, tolerance)
    return DiffraxProblem(
        terms=diffrax.MultiTerm(
            diffrax.ODETerm(drift_function), diffrax.ControlTerm(diffusion, brownian)
        ),
        solver=made,
        y0=y0,
        stepsize_controller=_controller(adaptive, rtol, atol),
        adjoint=diffrax.ForwardMode(),
        entry=entry,
        noise=kind,
        problem=problem,
        motions=motions,
        drift=drift_function,
        diffusion=diffusion,
    )


def fixed_step_problem(problem: Problem, solver: str) -> DiffraxProblem:
    """A problem for `DiffraxProblem.step` alone: no start and no Brownian path.

    Args:
        problem: The bound dynamics.
        solver: A name of `solvers.SOLVERS`.

    Raises:
        SchemeError: If the solver does not fit the noise.
        SimulationError: If there is no noise.
    """
    zeros = {
        x.name: jnp.zeros(shape_of(x, problem.sizes), problem.dtype)
        for x in problem.dynamics.variables
    }
    return _stochastic(
        problem,
        join_blocks(problem, zeros),
        solver=solver,
        key=jax.random.key(0),
        t0=0.0,
        t1=1.0,
        adaptive=False,
        rtol=0.0,
        atol=0.0,
        path="increments",
        tolerance=1.0,
    )


def _deterministic(
    problem: Problem,
    y0: Array,
    solver: str | None,
    adaptive: bool,
    rtol: float,
    atol: float,
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
        stepsize_controller=_controller(adaptive, rtol, atol),
        adjoint=diffrax.ForwardMode(),
        entry=None,
        noise=noise_type(problem.dynamics, problem.sizes),
        problem=problem,
        motions=0,
        drift=drift,
        diffusion=None,
    )


def _controller(adaptive: bool, rtol: float, atol: float) -> Any:
    # The gains are those diffrax recommends for SDEs.
    return (
        diffrax.PIDController(rtol=rtol, atol=atol, pcoeff=0.1, icoeff=0.3, dcoeff=0.0)
        if adaptive
        else diffrax.ConstantStepSize()
    )


def _check_boundaries(variables: tuple[Variable, ...]) -> None:
    for x in variables:
        if x.domain.kind == "interval":
            raise SimulationError(
                f"diffrax knows no boundary for {x.name}",
                found="an interval",
                fix="run it with sdekit.simulate, which reflects",
            )
