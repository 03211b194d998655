"""One run from the command line: potential, start and parameters read, results as a table.

Not for the sampler itself (`sdekit.simulation`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from sdekit.catalog.targets import TARGETS
from sdekit.cli.inputs import module_of
from sdekit.declaration.functions.grammar import dot, ones
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.parser import parse_expression
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.diagnostics.draw_statistics import effective_sample_size, mean_estimate, split_rhat
from sdekit.errors import SimulationError, similar
from sdekit.simulation.bind.jax_reader import compile_expression
from sdekit.simulation.events.barrier import Barrier
from sdekit.simulation.events.passages import Passages
from sdekit.simulation.runs.result import Run
from sdekit.simulation.runs.run import simulate
from sdekit.simulation.steps.sampler import Sampler, sampler

#: What a scalar parameter is when nobody says; printed with the results.
DEFAULT_VALUE = 1.0
#: How far a run goes when nobody says: steps of each chain, chains, and paths to one time.
STEPS, CHAINS, PATHS = 100_000, 4, 10_000
#: The potential where the dynamics leaves one open and nobody names it.
DEFAULT_TARGET = "double-well"


#: Between two assignments of one text, as in "S=100,v=0.04"; "x=1,2" is one.
_ASSIGNMENTS = re.compile(r",(?=\s*[A-Za-z]\w*\s*=)")


@dataclass(frozen=True)
class Setting:
    """What the user asked for.

    Attributes:
        potential: A target's name, a formula in the target's variables, or FILE.py:NAME; the double
            well when None, where the dynamics leaves a potential open.
        position: Where to start, as NAME=NUMBER or NAME=NUMBER,NUMBER,...
        sizes: Sizes by name.
        values: Values of parameters by name.
        scheme: Splitting word or scheme; the default word when None.
        step_size: h.
        steps: Steps of each chain.
        thin: Steps between stored draws.
        chains: Number of chains.
        seed: Seed.
        burn_in: Steps before the first draw.
        precision: "float32" or "float64".
        store: Where samples stream to; None to keep them in memory.
        resume: Go on with the run of the store.
        part: (i, N), which share of the chains runs; None for all.
        t1: The time at which the law is wanted, in place of steps.
        sweep: Values of parameters, each of which all chains run with.
        events: Barriers at which chains stop, by their text.
    """

    potential: str | None = None
    position: Sequence[str] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    scheme: str | None = None
    step_size: float = 0.01
    steps: int | None = None
    thin: int = 10
    chains: int | None = None
    seed: int = 0
    burn_in: int = 0
    precision: str = "float32"
    store: Path | None = None
    resume: bool = False
    part: tuple[int, int] | None = None
    t1: float | None = None
    sweep: Mapping[str, Sequence[float]] = field(default_factory=dict)
    events: Mapping[str, Barrier] = field(default_factory=dict)


def run_setting(dynamics: Dynamics, setting: Setting, *, progress: bool) -> tuple[Any, dict]:
    """Run it.

    Returns:
        The run, of a sweep a `SweptRun`, and what it had: the potential, where one is open, and
        values of parameters.

    Raises:
        SdekitError: If anything that was asked for makes no sense.
    """
    if setting.resume and setting.store is None:
        raise SimulationError("there is no run to go on with", fix="name its store: --store DIR")
    ready, position, auxiliary, values = ready_setting(dynamics, setting)
    run = simulate(
        ready,
        position,
        step_size=setting.step_size,
        **_length(setting),
        seed=setting.seed,
        burn_in=setting.burn_in,
        auxiliary=auxiliary,
        store=setting.store,
        resume=setting.resume,
        part=setting.part,
        sweep=setting.sweep or None,
        events=setting.events or None,
        progress=progress,
    )
    values = {name: value for name, value in values.items() if name not in setting.sweep}
    return run, {**told_potential(dynamics, setting.potential), **values}


def told_potential(dynamics: Dynamics, given: str | None) -> dict[str, str]:
    """The potential that runs, by its name as a value of a run; nothing where none is open."""
    return {"potential": given or DEFAULT_TARGET} if dynamics.functions else {}


def ready_setting(dynamics: Dynamics, setting: Setting) -> tuple[Sampler, Any, Any, dict]:
    """The sampler, where its target and its auxiliary variables start, and its parameters.

    Raises:
        SdekitError: If anything that was asked for makes no sense.
    """
    potential, position = _potential(dynamics, setting)
    given = _given_position(dynamics, setting)
    targets = {x.name for x in dynamics.target_variables}
    if given:
        position = _started(dynamics, position, {k: v for k, v in given.items() if k in targets})
    if position is None:
        raise SimulationError(
            "no start is given, and the model has no density that would choose one",
            expected="where the variables start",
            fix="give it: " + " ".join(f"--position {x.name}=1" for x in dynamics.target_variables),
        )
    values = _values(dynamics, setting)
    ready = sampler(
        dynamics,
        potential=potential,
        parameters=values,
        scheme=setting.scheme,
        sizes={k: v for k, v in setting.sizes.items() if k not in _sizes_of_target(dynamics)},
        precision=setting.precision,
    )
    return ready, position, {k: v for k, v in given.items() if k not in targets} or None, values


def _length(setting: Setting) -> dict[str, Any]:
    """How far how many chains run: many steps of a few, or many to one time."""
    if setting.t1 is None:
        steps = STEPS if setting.steps is None else setting.steps
        chains = CHAINS if setting.chains is None else setting.chains
        return {"steps": steps, "thin": setting.thin, "chains": chains}
    if setting.steps is not None:
        raise SimulationError(
            "how far does the run go?", expected="one of --steps and --t1", found="both",
            fix="leave --steps out: --step-size divides the time",
        )  # fmt: skip
    return {"times": [setting.t1], "chains": PATHS if setting.chains is None else setting.chains}


def _sizes_of_target(dynamics: Dynamics) -> set[str]:
    return {dim.name for x in dynamics.target_variables for dim in x.shape}


def _shape(x: Variable, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(dim.size or sizes.get(dim.name, 1) for dim in x.shape)


def _start(dynamics: Dynamics, sizes: Mapping[str, int]) -> Any:
    """The origin, as one array or by name; None where nothing says that it is a sensible start."""
    is_free = all(x.domain.kind == "real" for x in dynamics.target_variables)
    if dynamics.hamiltonian is None or not is_free:
        return None
    blocks = {x.name: np.zeros(_shape(x, sizes)) for x in dynamics.target_variables}
    return next(iter(blocks.values())) if len(blocks) == 1 else blocks


def _given_position(dynamics: Dynamics, setting: Setting) -> dict[str, np.ndarray]:
    """The values of --position by name of the variable.

    Raises:
        SimulationError: If a name or a number is none, or the shape does not fit.
    """
    known = {x.name: x for x in dynamics.variables}
    found = {}
    for text in (one for given in setting.position for one in _ASSIGNMENTS.split(given)):
        name, equals, numbers = text.rpartition("=")
        name = name.strip() if equals or len(known) > 1 else next(iter(known))
        if name not in known:
            raise SimulationError(
                f"the model has no variable {name or text}",
                expected=", ".join(known),
                found=f"--position {text}",
                fix=similar(name, known) or f"--position {next(iter(known))}=1",
            )
        try:
            values = np.array([float(number) for number in numbers.split(",")])
        except ValueError:
            raise SimulationError(
                "a position cannot be read",
                expected="NAME=NUMBER, or NAME=NUMBER,NUMBER for the entries of a vector",
                found=f"--position {text}",
                fix=f"--position {next(iter(known))}=1",
            ) from None
        found[name] = _as_block(known[name], values, setting.sizes)
    return found


def _as_block(x: Variable, values: np.ndarray, sizes: Mapping[str, int]) -> np.ndarray:
    """Numbers in the shape of the variable; one number stands for all entries."""
    if len(x.shape) == 1 and len(values) > 1 and x.shape[0].name not in sizes:
        return values
    shape = _shape(x, sizes)
    if values.size == 1:
        return np.full(shape, values[0])
    if values.size != int(np.prod(shape)):
        raise SimulationError(
            f"the start of {x.name} has another number of entries",
            expected=f"1 or {int(np.prod(shape))}",
            found=values.size,
        )
    return values.reshape(shape)


def _started(dynamics: Dynamics, position: Any, given: Mapping[str, np.ndarray]) -> Any:
    """The given values; the origin for target variables that are not named, where it is one."""
    names = [x.name for x in dynamics.target_variables]
    if len(names) == 1:
        return given.get(names[0], position)
    blocks = {**(position if isinstance(position, Mapping) else {}), **given}
    return blocks if set(names) <= set(blocks) else None


def _potential(dynamics: Dynamics, setting: Setting) -> tuple[Any, Any]:
    start = _start(dynamics, setting.sizes)
    if setting.potential is None and not dynamics.functions:
        return None, start
    text = setting.potential or DEFAULT_TARGET
    path, colon, name = text.rpartition(":")
    if colon and path.endswith(".py"):
        return _from_file(Path(path), name, start)
    if not dynamics.functions:
        raise SimulationError(
            "the model leaves no potential open", found=f"--potential {text}", fix="leave it out"
        )
    if text in TARGETS:
        return TARGETS[text].potential, start
    return _from_formula(text, dynamics, setting.sizes), start


def _from_formula(text: str, dynamics: Dynamics, sizes: Mapping[str, int]) -> Callable[[Any], Any]:
    """A formula in the target's variables; one with entries is summed over them."""
    scope: dict[str, Any] = {x.name: x for x in dynamics.target_variables}
    if text not in scope and text.replace("-", "").isalpha():
        raise SimulationError(
            "no such target", found=text, expected=", ".join(TARGETS), fix=similar(text, TARGETS)
        )
    scope |= {dim.name: dim for x in dynamics.target_variables for dim in x.shape}
    formula = parse_expression(text, scope, where="--potential")
    if formula.shape:
        formula = dot(formula, ones(*formula.shape))
    shapes = {dim.name: sizes.get(dim.name, 1) for dim in dynamics.dimensions}
    compiled = compile_expression(formula, shapes)
    names = [x.name for x in dynamics.target_variables]

    def potential(position: Any) -> Any:
        values = position if isinstance(position, Mapping) else {names[0]: position}
        return compiled(values)

    return potential


def _from_file(path: Path, name: str, origin: Any) -> tuple[Any, Any]:
    """The object NAME of a Python file of the user, and its `position` if it has one."""
    module = module_of(path, name)
    start = getattr(module, "position", None)
    return getattr(module, name), origin if start is None else start


def _values(dynamics: Dynamics, setting: Setting) -> dict[str, Any]:
    free = {x.name: x for x in dynamics.parameters if x.value is None}
    for name in setting.values:
        if name not in free:
            raise SimulationError(
                f"the dynamics has no parameter {name}",
                expected=", ".join(free) or "none",
                fix=similar(name, free),
            )
    return {
        name: _value(x, setting.values.get(name, DEFAULT_VALUE), setting.sizes)
        for name, x in free.items()
    }


def _value(x: Parameter, value: float, sizes: Mapping[str, int]) -> Any:
    """The number itself, or that multiple of ones or of the identity."""
    shape = tuple(dim.size or sizes.get(dim.name, 1) for dim in x.shape)
    if len(shape) == 2 and shape[0] == shape[1]:
        if "antisymmetric" in x.assumptions:
            return np.zeros(shape)
        return value * np.eye(shape[0])
    return np.full(shape, value) if shape else value


#: Entries of a block that are shown one by one.
MOST_ROWS = 8


def table_of(run: Run) -> list[dict[str, Any]]:
    """Mean, its standard error, deviation, effective samples and R-hat of the entries shown.

    Of one draw of each chain, the law at a time: mean, its standard error, deviation, quantiles.
    """
    rows = []
    for name, draws in run.samples.items():
        flat = np.asarray(draws, np.float64).reshape(*draws.shape[:2], -1)
        for k, index in enumerate(islice(np.ndindex(draws.shape[2:]), MOST_ROWS)):
            label = f"[{','.join(map(str, index))}]" if index else ""
            entry = flat[..., k]
            facts = _over_time(entry) if entry.shape[1] > 1 else _over_chains(entry[:, 0])
            rows.append({"name": name + label, **facts})
    return rows


def _over_time(entry: np.ndarray) -> dict[str, float | None]:
    mean = mean_estimate(entry)
    return {
        "mean": float(mean.value),
        "standard_error": float(mean.standard_error),
        "standard_deviation": float(entry.std()),
        "effective_samples": float(effective_sample_size(entry)),
        "r_hat": _finite(split_rhat(entry)),
    }


def _over_chains(entry: np.ndarray) -> dict[str, float | None]:
    deviation = _finite(entry.std(ddof=1)) if entry.size > 1 else None
    low, middle, high = map(float, np.quantile(entry, [0.05, 0.5, 0.95]))
    return {
        "mean": float(entry.mean()),
        "standard_error": None if deviation is None else deviation / entry.size**0.5,
        "standard_deviation": deviation,
        "quantile_5": low,
        "median": middle,
        "quantile_95": high,
    }


def _finite(value: Any) -> float | None:
    """None for what is not a number, which JSON cannot hold."""
    return float(value) if np.isfinite(value) else None


def hidden_rows(run: Run) -> int:
    """How many entries the table leaves out."""
    sizes = [int(np.prod(draws.shape[2:])) for draws in run.samples.values()]
    return sum(max(size - MOST_ROWS, 0) for size in sizes)


def data_of(run: Run) -> dict[str, Any]:
    """The run as plain data, for JSON."""
    return {
        "name": run.dynamics.name,
        "seed": run.seed,
        "scheme": run.scheme,
        "notes": list(run.notes),
        "results": table_of(run),
        "not_shown": hidden_rows(run),
        **({"events": [_passages(*one) for one in run.events.items()]} if run.events else {}),
    }


def _passages(text: str, found: Passages) -> dict[str, Any]:
    """How many chains an event has stopped, and when."""
    times = found.times[found.sides != 0]
    is_known = found.censored == 0 and len(times) > 1
    mean, error = found.mean() if is_known else (None, None)
    return {
        "event": text,
        "passed": len(times) / len(found.times),
        "mean_time": mean,
        "standard_error": error,
        "median_time": float(np.median(times)) if 2 * len(times) > len(found.times) else None,
    }
