"""`simulate`: many steps of many chains in compiled blocks.

Not for single steps in the user's own loop (`sampler`), nor for what comes of a run (`result`).

Checked by: tests/simulation/runs/test_run.py.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.names import by_name
from sdekit.errors import SimulationError
from sdekit.kernels.steps import Kernel
from sdekit.schemes.guards.step_guards import check_step, kind_of_scheme
from sdekit.simulation.bind.step_size import check_count, chosen_step_size
from sdekit.simulation.events.barrier import Barrier, read_events
from sdekit.simulation.noise.streams import check_seed
from sdekit.simulation.runs.compiled_run import check_untransformed, compiled_as_usual
from sdekit.simulation.runs.job import Job
from sdekit.simulation.runs.output_times import read_span
from sdekit.simulation.runs.result import Run
from sdekit.simulation.runs.starts import ExtraStart, continued, read_starts
from sdekit.simulation.steps.sampler import Sampler, sampler
from sdekit.simulation.sweeps.swept_values import check_alone, read_sweep
from sdekit.simulation.updates.update import Update, check_updates


def sampler_of(
    model: Any, options: Mapping[str, Any], kinds: Mapping[str, type], done: str
) -> Sampler:
    """The sampler that is given, or that of a declaration with these options.

    Args:
        model: A sampler or a declaration.
        options: Of `sampler`; those that are None are left out.
        kinds: Declarations that will do, by what errors call them.
        done: What is to be done with it, for errors.

    Raises:
        SimulationError: If it is neither, or a sampler comes with options.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if isinstance(model, tuple(kinds.values())):
        return sampler(model, **given)
    if not isinstance(model, Sampler):
        *others, last = ("a Sampler", *kinds)
        raise SimulationError(
            f"this can not be {done}", expected=f"{', '.join(others)} or {last}",
            found=repr(model)[:80],
            fix='by name it is sk.catalog.get("langevin"), from a file sk.load("model.toml")',
        )  # fmt: skip
    if given:
        raise SimulationError(
            "a sampler has its options already", found=", ".join(given),
            fix="give them to sk.sampler, or the dynamics itself in place of the sampler",
        )  # fmt: skip
    return model


def simulate(
    model: Sampler | Dynamics | Kernel,
    position: Any = None,
    *,
    starts: Any = None,
    start_from: Run | None = None,
    step_size: float | Callable[[Any], Any] | None = None,
    steps: int | None = None,
    t0: float | None = None,
    t1: float | None = None,
    times: Any = None,
    thin: int = 1,
    burn_in: int = 0,
    chains: int | None = None,
    seed: int = 0,
    auxiliary: Mapping[str, Any] | None = None,
    record: Sequence[str] | None = None,
    observables: Mapping[str, Any] | None = None,
    updates: Sequence[Update] | None = None,
    extra: Any = None,
    store: Any = None,
    resume: bool = False,
    progress: bool = False,
    devices: Any = None,
    part: tuple[int, int] | None = None,
    sweep: Mapping[str, Any] | None = None,
    events: Barrier | Mapping[str, Barrier] | None = None,
    smoothness: float | None = None,
    potential: Any = None,
    parameters: Mapping[str, Any] | None = None,
    scheme: str | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    sizes: Mapping[str, int] | None = None,
    precision: str | None = None,
    noise: str | None = None,
    leapfrog_steps: int | None = None,
) -> Run | Any:
    """Simulate chains and keep every `thin`-th state.

    A run is one compiled program, also under `jax.disable_jit`, and cannot itself be transformed
    by JAX: `sampler.step` can.

    Args:
        model: A sampler; or a dynamics, with the arguments of `sk.sampler` given by name.
        position: Start of the target variables, the same for all chains; or a function of a JAX
            key that gives each chain its own. One more leading axis of length `chains` than the
            variable has gives each chain its row, but not where a JAX potential of one vector
            would take any shape.
        starts: In its place, a start for each chain: every leaf has a leading axis of `chains`.
        start_from: In its place, a run from whose end the chains go on, with noise that it has not
            had and at its time; momenta and the like go on too.
        step_size: h, or a function of the step's number (`schedules`, optax); left out where
            Algorithm 2 is given its eta.
        steps: Steps after burn-in; steps // thin draws are kept.
        t0: Time at the start; 0, or the end of `start_from`, when left out.
        t1: In place of steps, the time at the end. Whole steps of at most h lead there; the start
            is the first draw.
        times: In place of steps, the times of the draws, in any distances, each at the end of
            whole steps of at most h; the start is the first draw if it has the time t0.
        thin: Steps from one draw to the next.
        burn_in: Steps before those, which are dropped.
        chains: Number of chains: 1, or those of `start_from`, when left out.
        seed: The same seed gives each chain the same noise, however many chains or devices run.
        auxiliary: Start of auxiliary variables, by name; for all chains, or a row for each.
        record: Names of the variables and extra arrays to keep; all when left out.
        observables: Streaming observables by name (`observables`), fed with every draw.
        updates: Steps of one's own between those of the scheme (`sk.update`). Potentials and the
            functions of a `Minibatch` then take (position, extra) and (position, extra, row);
            other `functions`, and formulas, read no extra arrays.
        extra: PyTree of arrays that updates carry, the start of every chain; named `extra.KEY` in
            samples, and as the user's tree in `run.extra` and for observables.
        store: Path of a Zarr store (or a `SampleStore`) to stream samples to, `~` expanded; one
            run at a time writes it. Several processes write one each below the path, which
            `sk.read_samples` reads as one.
        resume: Whether to go on with the run in the store; it is begun if there is none. More
            `steps` than it was begun with lengthen it: the draws are those of one run.
            Its observables are stored as well, and come out as those of an undisturbed run.
        progress: Whether to show a progress bar.
        devices: Number of devices of this process, or some of them. When left out all are used,
            and after `jax.distributed.initialize` those of all processes: every process calls
            `simulate` with the same arguments and gets the run of its own share of the chains
            (`Run.first_chain`, `Run.gathered`).
        part: (i, N) runs the i-th of N parts of the chains, i from 0, and nothing else: any
            scheduler runs the parts, all with the same arguments. Parts with a store write one
            each below its path, which `sk.read_samples` reads as one; a part that died is run again
            alone, with `resume=True`.
        sweep: Values of parameters by name, {"A": [0.5, 1.0, 2.0]}: the chains run once with each,
            all in one program. Several parameters take their values together, one after the other.
            The draws are those of a run with each value alone, of the same noise; what comes back
            is a `SweptRun` with `samples` of shape (sweep, chain, draw, *shape), and `run[i]` the
            run of the i-th value.
        events: Barriers (`sk.barrier`) by name, at which chains stop or first passages are noted;
            `run.events` has times and sides. Chains that have stopped stay there until the end.
        smoothness: Largest eigenvalue of the Hessian of U, where it is known: a step size with
            which the scheme must diverge is warned of before the run (`schemes.step_guards`).
        potential: This and the rest are arguments of `sk.sampler`, for a dynamics only.
        parameters: Values of the parameters.
        scheme: A splitting word, "EM", or the name of an algorithm.
        functions: Other unknown functions.
        sizes: Sizes that neither position nor parameters show.
        precision: "float32" or "float64".
        noise: Source of normals.
        leapfrog_steps: Length of the trajectories of "HMC".

    Raises:
        SimulationError: If an argument is wrong, the start is not finite, or JAX transforms the
            call.
        DivergenceError: If a chain leaves the finite numbers; it names chain and step, and its
            attribute `run` holds what was sampled before.
        KeyboardInterrupt: After Ctrl-C, between two compiled calls; its attribute `run` holds
            what was sampled before. A second Ctrl-C ends at once.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
        >>> simulate(ou, 0.0, step_size=0.1, steps=100, chains=2).samples["x"].shape
        (2, 100)

    Checked by: tests/simulation/runs/test_run.py.
    """
    position, starts, auxiliary = map(by_name, (position, starts, auxiliary))
    parameters, sweep = map(by_name, (parameters, sweep))
    options = {
        "potential": potential,
        "parameters": parameters,
        "scheme": scheme,
        "functions": functions,
        "sizes": sizes,
        "precision": precision,
        "noise": noise,
        "leapfrog_steps": leapfrog_steps,
    }
    check_untransformed(
        "sk.simulate", position, starts, (t0, t1, times), step_size, parameters, auxiliary, extra
    )
    kinds = {"a Dynamics": Dynamics, "a kernel": Kernel}
    model = sampler_of(model, options, kinds, "simulated")
    check_seed(seed)
    rows = None
    if start_from is not None:
        begun = continued(start_from, model.dynamics, chains, (position, starts, auxiliary))
        starts, auxiliary, chains = begun.starts, begun.auxiliary, start_from.chains
        t0, rows = begun.time if t0 is None else t0, begun.extra
    chains = 1 if chains is None else chains
    own = ExtraStart(check_updates(updates, extra), extra, rows if extra is None else None)
    check_count("chains", chains, 1)
    step_size = chosen_step_size(step_size, model.options.get("step_size"))
    asked = read_span(
        step_size, steps=steps, thin=thin, burn_in=burn_in, t0=0.0 if t0 is None else t0, t1=t1,
        times=times,
    )  # fmt: skip
    if observables and asked.times is not None:
        raise SimulationError(
            "observables average over steps",
            found="t1 or times",
            fix="give steps=, or average the draws of the run",
        )
    if smoothness is not None:
        _warn_of_divergence(model, smoothness, step_size)
    with model.precision(), compiled_as_usual():
        swept = read_sweep(sweep, model, chains)
        check_alone(swept, observables, part, updates)
        model = model if swept is None else swept.sampler(model)
        where = read_starts(model, position, starts, chains=chains, seed=seed)
        before = 0 if start_from is None else start_from.steps_before + start_from.steps
        barriers = {} if events is None else read_events(events)
        asked_for = (model, where, asked, chains, seed, auxiliary or {}, before, swept)
        job = Job(*asked_for, own=own, events=barriers)
        return job.run(record, observables or {}, store, resume, progress, devices, part)


def _warn_of_divergence(model: Sampler, smoothness: float, step_size: Any) -> None:
    kind = kind_of_scheme(model.scheme, bool(model.dynamics.auxiliary_variables))
    # The limit of the explicit Langevin step is the friction, which nobody stated here.
    if kind is None or kind == "explicit-langevin":
        return
    first: Any = step_size(0) if callable(step_size) else step_size
    found = check_step(kind, smoothness, float(first))
    if not found.is_stable:
        warnings.warn(found.message, RuntimeWarning, stacklevel=3)
