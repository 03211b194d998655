"""One run from the command line: potential, start and parameters read, results as a table.

Not for the sampler itself (`sdekit.simulation`).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from sdekit.catalog.targets import TARGETS
from sdekit.cli.inputs import similar
from sdekit.declaration.functions.grammar import dot, ones
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.parser import parse_expression
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.diagnostics.draw_statistics import effective_sample_size, mean_estimate
from sdekit.errors import SdekitError, SimulationError
from sdekit.simulation.bind.jax_reader import compile_expression
from sdekit.simulation.runs.result import Run
from sdekit.simulation.runs.run import simulate
from sdekit.simulation.steps.sampler import sampler

#: What a scalar parameter is when nobody says; printed with the results.
DEFAULT_VALUE = 1.0


@dataclass(frozen=True)
class Setting:
    """What the user asked for.

    Attributes:
        potential: A target's name, a formula in the target's variables, or FILE.py:NAME.
        sizes: Sizes by name.
        values: Values of parameters by name.
        scheme: Splitting word or scheme; the default word when None.
        step_size: h.
        steps: Steps of each chain.
        thin: Steps between stored draws.
        chains: Number of chains.
        seed: Seed.
        store: Where samples stream to; None to keep them in memory.
    """

    potential: str
    sizes: Mapping[str, int]
    values: Mapping[str, float]
    scheme: str | None
    step_size: float
    steps: int
    thin: int
    chains: int
    seed: int
    store: Path | None


def run_setting(dynamics: Dynamics, setting: Setting, *, progress: bool) -> tuple[Run, dict]:
    """Run it.

    Returns:
        The run, and the values of the parameters that it had.

    Raises:
        SdekitError: If anything that was asked for makes no sense.
    """
    potential, position = _potential(dynamics, setting)
    values = _values(dynamics, setting)
    open_sizes = {k: v for k, v in setting.sizes.items() if k not in _sizes_of_target(dynamics)}
    ready = sampler(
        dynamics,
        potential=potential,
        parameters=values,
        scheme=setting.scheme,
        sizes=open_sizes,
    )
    run = simulate(
        ready,
        position,
        step_size=setting.step_size,
        steps=setting.steps,
        thin=setting.thin,
        chains=setting.chains,
        seed=setting.seed,
        store=setting.store,
        progress=progress,
    )
    return run, values


def _sizes_of_target(dynamics: Dynamics) -> set[str]:
    return {dim.name for x in dynamics.target_variables for dim in x.shape}


def _shape(x: Variable, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(dim.size or sizes.get(dim.name, 1) for dim in x.shape)


def _start(dynamics: Dynamics, sizes: Mapping[str, int]) -> Any:
    """The origin, as one array or by name."""
    blocks = {x.name: np.zeros(_shape(x, sizes)) for x in dynamics.target_variables}
    return next(iter(blocks.values())) if len(blocks) == 1 else blocks


def _potential(dynamics: Dynamics, setting: Setting) -> tuple[Any, Any]:
    text = setting.potential
    path, colon, name = text.rpartition(":")
    if colon and path.endswith(".py"):
        return _from_file(Path(path), name, dynamics, setting)
    start = _start(dynamics, setting.sizes)
    if not dynamics.functions:
        return None, start
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


def _from_file(path: Path, name: str, dynamics: Dynamics, setting: Setting) -> tuple[Any, Any]:
    """The object NAME of a Python file of the user, and its `position` if it has one."""
    if not path.is_file():
        raise SdekitError("no such Python file", found=str(path))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, name):
        known = [key for key in vars(module) if not key.startswith("_")]
        raise SdekitError(f"{path} defines no {name}", fix=similar(name, known))
    start = getattr(module, "position", None)
    return getattr(module, name), _start(dynamics, setting.sizes) if start is None else start


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
    """Mean, standard deviation, standard error and effective sample size of every entry shown."""
    rows = []
    for name, draws in run.samples.items():
        flat = np.asarray(draws, np.float64).reshape(*draws.shape[:2], -1)
        for k, index in enumerate(islice(np.ndindex(draws.shape[2:]), MOST_ROWS)):
            entry = flat[..., k]
            mean = mean_estimate(entry)
            label = f"[{','.join(map(str, index))}]" if index else ""
            rows.append(
                {
                    "name": name + label,
                    "mean": float(mean.value),
                    "standard_error": float(mean.standard_error),
                    "standard_deviation": float(entry.std()),
                    "effective_samples": float(effective_sample_size(entry)),
                }
            )
    return rows
