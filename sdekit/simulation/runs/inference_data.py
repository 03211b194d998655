"""Draws in memory as ArviZ's data, and what a run knows of each draw beside its variables.

Not for stores on the disk (`stored.to_arviz`) nor for statistics over draws (`diagnostics`).

Checked by: tests/simulation/runs/test_inference_data.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.diagnostics.draw_statistics import as_posterior, require_arviz
from sdekit.errors import SimulationError
from sdekit.simulation.bind.bound import Problem
from sdekit.simulation.bind.jax_reader import evaluate
from sdekit.simulation.bind.position import PositionLayout
from sdekit.simulation.gradients.sources import FunctionSource

#: Draws whose energies are computed side by side: bounds the memory.
SIDE_BY_SIDE = 256


def to_inference_data(
    samples: Mapping[str, Any],
    attributes: Mapping[str, Any] | None = None,
    times: np.ndarray | None = None,
    axes: Mapping[str, np.ndarray] | None = None,
    *,
    sample_stats: Mapping[str, Any] | None = None,
) -> Any:
    """Draws as `arviz.InferenceData` (ArviZ 0.x) or `xarray.DataTree` (ArviZ 1.x).

    Args:
        samples: Per variable draws of shape (chain, draw, *shape).
        attributes: Facts about the run, kept as attributes of the posterior.
        times: Of the draws: the coordinate `time` of their axis.
        axes: Names of the first axes of `shape`, the same for all variables, with coordinates.
        sample_stats: Numbers of each draw, shape (chain, draw, ...), as a group of their own.

    Returns:
        Data with a group `posterior`, and one `sample_stats` where there are any.

    Raises:
        SimulationError: If a variable lacks the axes of chains and draws.
        MissingDependencyError: Without ArviZ.

    Example:
        >>> import numpy as np
        >>> to_inference_data({"theta": np.zeros((2, 10, 3))}).posterior.theta.shape
        (2, 10, 3)

    Checked by: tests/bridges/test_other_libraries.py.
    """
    arviz = require_arviz()
    arrays = {name: np.asarray(draws) for name, draws in samples.items()}
    for name, draws in arrays.items():
        if draws.ndim < 2:
            raise SimulationError(
                f"the draws of {name} have the wrong shape", expected="(chain, draw, ...)",
                found=draws.shape, fix="add the axis of chains with draws[None]",
            )  # fmt: skip
    own = dict(axes or {})
    named = {
        name: [*own, *(f"{name}_dim_{i}" for i in range(draws.ndim - 2 - len(own)))]
        for name, draws in arrays.items()
    }
    posterior = arviz.convert_to_dataset(arrays, dims=named, coords=own)
    if times is not None:
        posterior = posterior.assign_coords(time=("draw", times))
    facts = {"inference_library": "sdekit", **(attributes or {})}
    posterior.attrs.update({name: _plain(value) for name, value in facts.items()})
    stats = {"sample_stats": dict(sample_stats)} if sample_stats else {}
    return as_posterior(posterior, **{k: arviz.convert_to_dataset(v) for k, v in stats.items()})


def named_leaves(samples: Mapping[str, Any], layout: PositionLayout) -> dict[str, np.ndarray]:
    """The draws, with those of a flattened position as the leaves it was given as.

    A leaf is named by its keys, `layer.w` for {"layer": {"w": ...}}, a bare array by its variable.
    Where such names would clash, with each other, with a variable or with the axes, the leaves are
    numbered: `theta[0]`, `theta[1]`.

    Args:
        samples: Per variable draws of shape (chain, draw, *shape).
        layout: How the position was flattened.

    Returns:
        Per variable or leaf draws of shape (chain, draw, *its shape).

    Checked by: tests/simulation/runs/test_inference_data.py.
    """
    flat = layout.variables[0].name
    if layout.by_variable or flat not in samples:
        return dict(samples)
    others = {name: draws for name, draws in samples.items() if name != flat}
    names = _leaf_names(flat, layout, set(others))
    whole, found, first = samples[flat].reshape(*samples[flat].shape[:2], -1), {}, 0
    for name, shape in zip(names, layout.leaves, strict=True):
        last = first + int(np.prod(shape))
        found[name] = whole[:, :, first:last].reshape(*whole.shape[:2], *shape)
        first = last
    return {**found, **others}


def _leaf_names(flat: str, layout: PositionLayout, others: set[str]) -> list[str]:
    example = jax.tree.unflatten(layout.tree, range(len(layout.leaves)))
    paths = [path for path, _ in jax.tree_util.tree_flatten_with_path(example)[0]]
    names = [jax.tree_util.keystr(p, simple=True, separator=".") if p else flat for p in paths]
    axes = {f"{n}_dim_{i}" for n in {*names, *others} for i in range(32)} | {"chain", "draw"}
    is_clear = len(set(names)) == len(names) and not set(names) & (others | axes)
    if is_clear and all(name and "/" not in name for name in names):
        return names
    return [f"{flat}[{i}]" for i in range(len(names))]


def _plain(value: Any) -> Any:
    """What a netCDF or Zarr attribute can hold."""
    if value is None or isinstance(value, bool | dict | list | tuple):
        return str(value)
    return value if isinstance(value, str | int | float) else str(value)


def energies_of_draws(run: Any) -> np.ndarray | None:
    """H of each draw, (chain, draw), up to the constant that the declaration leaves open.

    Returns:
        None where the run does not show it: no H, a potential behind a `Minibatch` (all rows for
        each draw), a variable of H that was not recorded, parameters that were swept or functions
        that read extra arrays; or a run that was read from a file.
    """
    problem: Problem | None = run.problem
    energy = None if problem is None else problem.dynamics.hamiltonian
    if problem is None or energy is None or not _is_known(problem, energy, run.samples):
        return None
    read = [x.name for x in problem.dynamics.variables if energy.depends_on(x)]
    with jax.enable_x64(True) if problem.dtype == np.float64 else nullcontext():

        def of_draw(blocks: dict[str, Any]) -> Any:
            return jnp.asarray(evaluate(energy, problem.environment({**fixed, **blocks})))

        fixed = {name: jnp.asarray(value) for name, value in problem.parameters.items()}
        draws = {name: np.asarray(run.samples[name]) for name in read}
        chains, count = run.samples[next(iter(run.samples))].shape[:2]
        flat = {name: d.reshape(chains * count, *d.shape[2:]) for name, d in draws.items()}
        each = jax.jit(lambda given: jax.lax.map(of_draw, given, batch_size=SIDE_BY_SIDE))
        return np.asarray(each(flat)).reshape(chains, count) if flat else None


def _is_known(problem: Problem, energy: Expression, samples: Any) -> bool:
    is_full = problem.source is None or isinstance(problem.source, FunctionSource)
    symbols = set(energy.walk())
    variables = {s.name for s in symbols if isinstance(s, Variable)}
    values = {s.name for s in symbols if isinstance(s, Parameter)}
    has_all = variables <= set(samples) and values <= set(problem.parameters)
    return is_full and has_all and problem.extra is None


def acceptance_rates(run: Any) -> np.ndarray | None:
    """The accepted share of each chain's proposals, burn-in included, (chain,); None without."""
    found = None if run.state is None else run.state.cache.acceptance
    if found is None or not run.steps:
        return None
    # Chains that fill up a device are no chains of the run.
    accepted = np.atleast_1d(np.asarray(found.accepted))
    return accepted[: len(next(iter(run.samples.values())))] / run.steps


def sample_stats(run: Any) -> dict[str, np.ndarray]:
    """What a run knows of its draws, by the names that ArviZ uses, each (chain, draw).

    The `acceptance_rate` is that of the chain, the same at each of its draws.
    """
    found, energy, rates = {}, energies_of_draws(run), acceptance_rates(run)
    if energy is not None:
        found["energy"] = energy
    if rates is not None:
        found["acceptance_rate"] = np.repeat(rates[:, None], run.draws, axis=1)
    return found
