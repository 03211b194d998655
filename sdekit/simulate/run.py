"""`simulate`: many steps of many chains in compiled blocks.

Not for single steps in the user's own loop (`sampler`), nor for what comes of a run (`result`).

Checked by: tests/simulate/test_run.py.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.declare.dynamics import Dynamics
from sdekit.errors import DivergenceError, SimulationError
from sdekit.schemes.step_guards import check_step, kind_of_scheme
from sdekit.simulate.course import Course
from sdekit.simulate.devices import chosen_devices
from sdekit.simulate.driver import Driver
from sdekit.simulate.lower import shape_of
from sdekit.simulate.noise import MOST_STEPS
from sdekit.simulate.observables import Observables
from sdekit.simulate.position import PositionLayout
from sdekit.simulate.problem import USER_ERRORS
from sdekit.simulate.program import Fixed, LoopState, Program
from sdekit.simulate.progress import ProgressBar
from sdekit.simulate.result import Run
from sdekit.simulate.sampler import Bound, Sampler, check_step_size, sampler
from sdekit.simulate.schedules import as_schedule
from sdekit.simulate.sinks import open_sink
from sdekit.simulate.start import check_auxiliary

#: Number folded into the seed's key for the starts that the user draws.
_POSITIONS = 0x706F7369


def simulate(
    model: Sampler | Dynamics,
    position: Any,
    *,
    step_size: float | Callable[[Any], Any],
    steps: int,
    thin: int = 1,
    burn_in: int = 0,
    chains: int = 1,
    seed: int = 0,
    auxiliary: Mapping[str, Any] | None = None,
    record: Sequence[str] | None = None,
    observables: Mapping[str, Any] | None = None,
    store: Any = None,
    resume: bool = False,
    progress: bool = False,
    devices: Any = None,
    smoothness: float | None = None,
    **sampler_options: Any,
) -> Run:
    """Simulate chains and keep every `thin`-th state.

    Args:
        model: A sampler; or a dynamics, with the arguments of `sk.sampler` given by name.
        position: Start of the target variables, the same for all chains; or a function of a JAX
            key that gives each chain its own.
        step_size: h, or a function of the step's number (`schedules`, optax).
        steps: Steps after burn-in; steps // thin draws are kept.
        thin: Steps from one draw to the next.
        burn_in: Steps before those, which are dropped.
        chains: Number of chains.
        seed: The same seed gives each chain the same noise, however many chains or devices run.
        auxiliary: Start of auxiliary variables, by name.
        record: Names of the variables to keep; all when left out.
        observables: Streaming observables by name (`observables`), fed with every draw.
        store: Path of a Zarr store (or a `SampleStore`) to stream samples to.
        resume: Whether to go on with the run in the store; it is begun if there is none.
            Observables then cover the draws since the resumption.
        progress: Whether to show a progress bar.
        devices: Number of devices, or devices; all local ones when left out.
        smoothness: Largest eigenvalue of the Hessian of U, where it is known: a step size with
            which the scheme must diverge is warned of before the run (`schemes.step_guards`).
        **sampler_options: For a dynamics: potential, parameters, scheme, ...

    Raises:
        SimulationError: If an argument is wrong or the start is not finite.
        DivergenceError: If a chain leaves the finite numbers; it names chain and step, and its
            attribute `run` holds what was sampled before.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
        >>> simulate(ou, 0.0, step_size=0.1, steps=100, chains=2).samples["x"].shape
        (2, 100)

    Checked by: tests/simulate/test_run.py.
    """
    if isinstance(model, Dynamics):
        model = sampler(model, **sampler_options)
    elif sampler_options:
        raise SimulationError(
            "a sampler has its options already", found=", ".join(sorted(sampler_options))
        )
    if not isinstance(model, Sampler):
        raise SimulationError(
            "this can not be simulated", expected="a Sampler or a Dynamics", found=repr(model)[:80]
        )
    _check_counts(steps, thin, burn_in, chains, seed)
    if smoothness is not None:
        _warn_of_divergence(model, smoothness, step_size)
    job = _Job(
        model, position, step_size, steps // thin, thin, burn_in, chains, seed, auxiliary or {}
    )
    with model.precision():
        return job.run(record, observables or {}, store, resume, progress, devices)


def _warn_of_divergence(model: Sampler, smoothness: float, step_size: Any) -> None:
    kind = kind_of_scheme(model.scheme, bool(model.dynamics.auxiliary_variables))
    # The limit of the explicit Langevin step is the friction, which nobody stated here.
    if kind is None or kind == "explicit-langevin":
        return
    first: Any = step_size(0) if callable(step_size) else step_size
    found = check_step(kind, smoothness, float(first))
    if not found.is_stable:
        warnings.warn(found.message, RuntimeWarning, stacklevel=3)


def _check_counts(steps: Any, thin: Any, burn_in: Any, chains: Any, seed: Any) -> None:
    limits = {"steps": (steps, 1), "thin": (thin, 1), "chains": (chains, 1)}
    limits |= {"burn_in": (burn_in, 0), "seed": (seed, 0)}
    for name, (count, least) in limits.items():
        whole = isinstance(count, (int, np.integer)) and not isinstance(count, bool)
        if not whole or count < least:
            raise SimulationError(
                f"{name} is wrong", expected=f"an integer >= {least}", found=repr(count)
            )
    if steps < thin:
        raise SimulationError("no draw is kept", expected=f"steps >= thin = {thin}", found=steps)
    if burn_in + steps >= MOST_STEPS // 2:
        raise SimulationError(
            "too many steps for one seed",
            expected=f"below {MOST_STEPS // 2}",
            found=burn_in + steps,
        )


@dataclass(frozen=True, eq=False)
class _Job:
    """One call of `simulate`, checked."""

    sampler: Sampler
    position: Any
    step_size: Any
    draws: int
    thin: int
    burn_in: int
    chains: int
    seed: int
    auxiliary: Mapping[str, Any]

    def run(
        self,
        record: Sequence[str] | None,
        observables: Mapping[str, Any],
        store: Any,
        resume: bool,
        progress: bool,
        devices: Any,
    ) -> Run:
        began = time.perf_counter()
        bound = self.sampler.bind(self._example())
        schedule = as_schedule(self.step_size) if callable(self.step_size) else None
        if schedule is not None and self.sampler.dynamics.depends_on_time:
            raise SimulationError(
                "a dynamics that depends on the time runs with a constant step size",
                fix="give step_size as a number",
            )
        h = check_step_size(self.step_size) if schedule is None else float(schedule(0))
        names = _recorded(bound, record)
        watched = None
        if observables:
            ndims = {x.name: x.ndim for x in bound.problem.dynamics.variables}
            watched = Observables(observables, ndims, None if self.chains == 1 else self.chains)
        program = self._program(bound, names, schedule, watched)
        chosen = chosen_devices(devices, self.chains)
        driver = Driver(self.sampler, bound, program, self.chains, chosen, self.seed)
        fixed = Fixed(
            h=jnp.asarray(h, self.sampler.dtype) if schedule is None else None,
            constants=driver.constants(h) if schedule is None else None,
            parameters=bound.problem.parameters,
            tables={},
        )
        state = self._start(driver, bound, h)
        shapes = {
            x.name: (shape_of(x, bound.problem.sizes), self.sampler.dtype)
            for x in bound.problem.dynamics.variables
            if x.name in names
        }
        sink = open_sink(store, resume, self._header(bound, names), shapes, self.chains, self.draws)
        paced = progress or store is not None
        course = Course(driver, fixed, self.draws, self.thin, self.burn_in, watched, paced)
        with ProgressBar(
            self.burn_in + self.draws * self.thin,
            enabled=progress,
            description=self.sampler.dynamics.name or "simulating",
        ) as bar:
            outcome, diverged = course.follow(state, sink, bar.advance)
        run = Run(
            samples=outcome.samples,
            dynamics=self.sampler.dynamics,
            scheme=bound.scheme.name,
            step_size=h if schedule is None else None,
            step_sizes=outcome.step_sizes,
            thin=self.thin,
            burn_in=self.burn_in,
            chains=self.chains,
            seed=self.seed,
            parameters=bound.problem.parameters,
            layout=bound.problem.layout,
            seconds=time.perf_counter() - began,
            state=outcome.state,
            observed=outcome.observed,
        )
        if diverged is not None:
            raise DivergenceError(
                f"chain {diverged.chain} is not finite after step {diverged.step + 1}",
                run=run,
                found=f"step size {h}",
                fix="use a smaller step; what was sampled before is in the error's run",
            )
        return run

    def _header(self, bound: Bound, names: tuple[str, ...]) -> dict[str, Any]:
        """What identifies the run; two runs with equal headers give equal numbers."""
        parameters = {k: np.asarray(v).tolist() for k, v in self.sampler.parameters.items()}
        return {
            "dynamics": self.sampler.dynamics.name or "",
            "variables": list(names),
            "scheme": bound.scheme.name,
            "step_size": "schedule" if callable(self.step_size) else float(self.step_size),
            "thin": self.thin,
            "burn_in": self.burn_in,
            "draws": self.draws,
            "chains": self.chains,
            "seed": self.seed,
            "precision": str(self.sampler.dtype),
            "noise": self.sampler.noise.backend,
            "parameters": parameters,
        }

    def _example(self) -> Any:
        if not callable(self.position):
            return self.position
        return self.position(jax.random.key(self.seed))

    def _program(
        self, bound: Bound, names: tuple[str, ...], schedule: Any, watched: Observables | None
    ) -> Program:
        """The program, the same object for the same run, so that it is compiled once."""
        key = ("program", bound.problem.layout, names, self.step_size if schedule else None)
        programs = self.sampler.programs
        if watched is None and key in programs:
            return programs[key]
        program = Program(
            scheme=bound.scheme,
            noise=self.sampler.noise,
            names=names,
            schedule=schedule,
            timed=self.sampler.dynamics.depends_on_time,
            observe=None if watched is None else watched.update,
        )
        if watched is None:
            programs[key] = program
        return program

    def _start(self, driver: Driver, bound: Bound, h: float) -> LoopState:
        layout, dtype = bound.problem.layout, self.sampler.dtype
        given = check_auxiliary(bound.problem, self.auxiliary)
        if callable(self.position):
            target = self._drawn_positions(driver, layout)
        else:
            target = layout.blocks(self.position, dtype)
            if not driver.is_single:
                target = {
                    k: jnp.broadcast_to(b[..., None], (*b.shape, driver.lanes))
                    for k, b in target.items()
                }
        state = driver.start(target, given, jnp.asarray(h, dtype), driver.tables(0)[0])
        _check_start(state)
        return state

    def _drawn_positions(self, driver: Driver, layout: PositionLayout) -> dict[str, Any]:
        """Blocks of the positions that the user's function draws, chains last."""
        key = jax.random.fold_in(jax.random.key(self.seed), _POSITIONS)

        def of_chain(number: Any) -> dict[str, Any]:
            return layout.blocks(self.position(jax.random.fold_in(key, number)), self.sampler.dtype)

        numbers = jnp.arange(driver.lanes)
        try:
            if driver.is_single:
                return of_chain(0)
            return jax.jit(jax.vmap(of_chain, out_axes=-1))(numbers)
        except USER_ERRORS as error:
            raise SimulationError(
                "the function that draws positions fails",
                expected="a JAX function of a key",
                found=f"{type(error).__name__}: {error}"[:200],
            ) from error


def _recorded(bound: Bound, record: Sequence[str] | None) -> tuple[str, ...]:
    names = [x.name for x in bound.problem.dynamics.variables]
    if record is None:
        return tuple(names)
    if isinstance(record, str) or not record or not set(record) <= set(names):
        raise SimulationError(
            "record does not name variables of the dynamics",
            expected=f"some of {', '.join(names)}",
            found=repr(record),
        )
    return tuple(record)


def _check_start(state: LoopState) -> None:
    for name, block in state.blocks.items():
        if not np.all(np.isfinite(block)):
            raise SimulationError(f"the start of {name} is not finite", found=str(block)[:80])
    for name, gradient in state.cache.gradients.items():
        for block in gradient.values():
            if not np.all(np.isfinite(block)):
                raise SimulationError(
                    f"the gradient of {name} is not finite at the start",
                    found=str(block)[:80],
                    fix="start where the potential is smooth",
                )
