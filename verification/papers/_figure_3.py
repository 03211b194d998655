"""What the experiments of Figure 3 of the SGNHT paper do: SGNHT beside SGHMC over (eta, a).

SGNHT is Algorithm 2 in (eta, a), that is h = sqrt(eta) and A = a/h; SGHMC is Algorithm 1 with
friction A and no estimate of the gradient's noise. Not for their models, data or errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

import sdekit as sk
from sdekit.errors import DivergenceError
from sdekit.simulation.runs.result import Run
from verification.papers._experiment import Experiment, spread

#: Entry of the catalogue, scheme and mark in figures.
SAMPLERS = {
    "SGNHT": ("sgnht-paper", "Algorithm2", "o-"),
    "SGHMC": ("langevin", "Algorithm1", "x--"),
}

#: A sampler, a, eta, and the number of a repetition.
Key = tuple[str, float, float, int]
#: What was measured, by key; a part that diverged has "diverged" only.
Parts = Mapping[Key, Mapping[str, Any]]


def sampled(settings: Mapping[str, Any], key: Key, start: Any, target: Any, **more: Any) -> Run:
    """One chain of one sampler, with the repetition's number as its seed."""
    name, a, eta, seed = key
    h = np.sqrt(eta)
    entry, scheme, _ = SAMPLERS[name]
    return sk.simulate(
        sk.catalog.get(entry), start, potential=target, parameters={"A": a / h}, step_size=h,
        scheme=scheme, seed=seed, steps=settings["steps"] - settings["burn_in"],
        burn_in=settings["burn_in"], thin=settings["thin"], **more,
    )  # fmt: skip


def summed(run: Run, predict: Callable[[Any], Any]) -> Any:
    """The sum of a prediction over the draws."""
    draws = jax.tree.map(lambda leaf: leaf[0], run.position)
    compiled = jax.jit(predict)
    return sum(compiled(jax.tree.map(lambda leaf, k=k: leaf[k], draws)) for k in range(run.draws))


def precision(key: Any, values: Any) -> Any:
    """A draw of tau where values ~ N(0, 1/tau) and tau ~ Gamma(1, 1)."""
    shape, rate = 1 + values.size / 2, 1 + jnp.sum(values**2) / 2
    return jax.random.gamma(key, shape) / rate


def state_of(run: Run, key: Key) -> dict[str, Any]:
    """Kinetic energy of a coordinate, mean xi where there is one, A, and what the run cost.

    The energy also for each leaf of the position (`kinetic by block`), and of the last tenth of
    the draws (`kinetic at the end`), when a thermostat has had most time to follow.
    """
    energies = run.samples["p"].astype(float) ** 2 / 2
    leaves = jax.tree_util.tree_leaves_with_path(run.position)
    ends = np.cumsum([np.prod(leaf.shape[2:], dtype=int) for _, leaf in leaves])
    parts = np.split(energies.mean(axis=(0, 1)), ends[:-1])
    names = [jax.tree_util.keystr(path, simple=True) for path, _ in leaves]
    return {
        "kinetic": float(np.mean(energies)),
        "kinetic at the end": float(np.mean(energies[:, -max(1, run.draws // 10) :])),
        "kinetic by block": {k: float(np.mean(part)) for k, part in zip(names, parts, strict=True)},
        "xi": float(run.samples["xi"].mean()) if "xi" in run.samples else None,
        "A": key[1] / np.sqrt(key[2]),
        "seconds": run.seconds,
    }


def grid_of_parts(
    record: Experiment,
    settings: Mapping[str, Any],
    repetitions: Iterable[int],
    trained: Callable[[Key], Mapping[str, Any]],
) -> Parts:
    """What `trained` gives at every key, kept as parts of the experiment and in its record.

    The keys are those of the whole grid, or those that `settings["cells"]` lists.
    """

    def part(key: Key) -> Mapping[str, Any]:
        try:
            return trained(key)
        except DivergenceError as error:
            return {"diverged": str(error)}

    keys = [tuple(key) for key in settings["cells"] or ()] or [
        (name, a, eta, number)
        for number in repetitions for eta in settings["eta"] for a in settings["a"]
        for name in SAMPLERS
    ]  # fmt: skip
    named = ("cells", "a", "eta", "seeds", "folds_run")
    found = {key: record.part({"key": key}, lambda key=key: part(key), named=named) for key in keys}
    record.add("runs", {str(key): part for key, part in found.items()})
    return found


def reached(found: Parts, what: str, *setting: Any) -> list[float]:
    """A measured number at (sampler, a, eta), of the repetitions that did not diverge."""
    return [part[what] for key, part in found.items() if key[:3] == setting and what in part]


def mean_or_nan(found: Parts, what: str, *setting: Any) -> float:
    """The mean of all repetitions at (sampler, a, eta); NaN if one diverged."""
    return float(np.mean([p.get(what, np.nan) for key, p in found.items() if key[:3] == setting]))


def best(found: Parts, what: str) -> tuple[float, float, float]:
    """(a, eta) at which the mean of SGNHT is least, and that mean."""
    settings = dict.fromkeys(key[1:3] for key in found)
    means = {one: np.mean(v) for one in settings if (v := reached(found, what, "SGNHT", *one))}
    a, eta = min(means, key=lambda one: means[one])
    return a, eta, float(means[a, eta])


def told_grid(found: Parts, what: str, label: str) -> tuple[str, bool | None]:
    """SGNHT / SGHMC at every (a, eta); and whether SGHMC is worse at the smallest a, largest eta.

    None in place of the answer where SGHMC did not run at two eta.

    Args:
        found: All parts.
        what: The name of the error in them.
        label: What the row calls it.
    """
    told = []
    cells = list(dict.fromkeys(key[1:3] for key in found))
    for a, eta in cells:
        names = [name for name in SAMPLERS if any(key[:3] == (name, a, eta) for key in found)]
        shown = [
            spread(errors) if (errors := reached(found, what, name, a, eta)) else "diverged"
            for name in names
        ]
        energy = [mean_or_nan(found, "kinetic", name, a, eta) for name in names]
        told.append(
            f"a = {a:g}, eta = {eta:g}: {label} {' / '.join(shown)}, "
            f"K {' / '.join(f'{one:.3f}' for one in energy)}"
            + ("" if len(names) == len(SAMPLERS) else f" ({names[0]} alone)")
        )
    both = [one for one in cells if any(key[0] == "SGHMC" and key[1:3] == one for key in found)]
    if len({eta for _, eta in both}) < 2:
        return "; ".join(told), None
    last = min(a for a, _ in both), max(eta for _, eta in both)
    ours, theirs = (reached(found, what, name, *last) for name in SAMPLERS)
    return "; ".join(told), not theirs or bool(ours and np.mean(theirs) > np.mean(ours))


def kinetic_row(record: Experiment, claim: str, found: Parts) -> None:
    """The row of the kinetic energies of SGNHT, which theory holds at one half."""
    kept = [p for key, p in found.items() if key[0] == "SGNHT" and "kinetic" in p]
    means, ends = ([p[k] for p in kept] for k in ("kinetic", "kinetic at the end"))
    times = [p["xi"] for p in kept]
    record.row(
        claim, "0.5",
        f"{min(means):.4f} to {max(means):.4f}, over the last tenth of the draws {min(ends):.4f} "
        f"to {max(ends):.4f}: xi, which begins at A, follows A + B within about "
        f"{max(times):.0f} units of time", max(abs(k - 0.5) for k in means) < 0.02,
    )  # fmt: skip


def draw(axis: Axes, settings: Mapping[str, Any], found: Parts, what: str) -> None:
    """A line over eta for each sampler and a; what diverged is missing."""
    for name, (_, _, mark) in SAMPLERS.items():
        for a in settings["a"]:
            etas = sorted({key[2] for key in found if key[:2] == (name, a)})
            means = [mean_or_nan(found, what, name, a, eta) for eta in etas]
            axis.plot(etas, means, mark, label=f"{name}, a = {a:g}")


def write_with_figure(
    record: Experiment, settings: Mapping[str, Any], found: Parts, what: str, label: str
) -> None:
    """Write the record, with one figure of a measured number over eta.

    Args:
        record: Of the experiment.
        settings: Its settings.
        found: All parts.
        what: The name of the number in them.
        label: What the axis calls it.
    """
    figure, axis = plt.subplots(figsize=(5, 3))
    draw(axis, settings, found, what)
    axis.set(xlabel="eta", ylabel=label)
    axis.legend(fontsize=7)
    record.write(figure)
