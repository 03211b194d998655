r"""Several dynamics on one target, side by side: verdicts, moments, cost, temperature, densities.

Not for a report on one of them (`results`).
Checked by: tests/reports/test_comparison.py.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdekit import __version__, catalog
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.latex import symbol_latex
from sdekit.errors import SchemeError, SdekitError
from sdekit.reports.chapters.formulas import plain
from sdekit.reports.formats.document import (
    Block,
    Document,
    Figure,
    Items,
    Paragraph,
    Section,
    Table,
)
from sdekit.reports.formats.drawing import Drawing, drawing_of, new_figure
from sdekit.reports.write import WRITERS, check_path
from sdekit.schemes.order.scheme_order import Order, order
from sdekit.schemes.split.splitting import splitting
from sdekit.verifier.ladder import verify
from sdekit.verifier.verdict import Verification

if TYPE_CHECKING:
    from sdekit.simulation.runs.result import Run

#: Coordinates of the target that the tables show.
MOST_COORDINATES = 4
_BINS = 80
#: Lines that differ without their colours.
_STYLES = ("-", "--", "-.", ":")


@dataclass(frozen=True)
class Contender:
    """One dynamics of a comparison.

    Attributes:
        run: Its run on the common target.
        verification: Its verdicts.
        order: What its scheme does; None where order theory does not reach.
    """

    run: Run
    verification: Verification
    order: Order | None

    @property
    def name(self) -> str:
        """The name of its dynamics."""
        return self.run.dynamics.name or "unnamed"


def compare(
    dynamics: Sequence[Dynamics | str],
    path: str | Path,
    *,
    potential: Any,
    position: Any,
    step_size: float,
    steps: int,
    parameters: Mapping[str, Any] | None = None,
    thin: int = 10,
    burn_in: int = 0,
    chains: int = 4,
    seed: int = 0,
) -> Path:
    """Run several dynamics on one target and write what they have and do on one page.

    Args:
        dynamics: Declarations or names of the catalogue, two or more.
        path: FILE.html, FILE.tex or FILE.md.
        potential: U of the common target, as for `sk.sampler`.
        position: Where all of them start.
        step_size: h of all of them.
        steps: Steps of each chain.
        parameters: Values by name; each dynamics takes those that it has.
        thin: Steps between draws.
        burn_in: Steps before the first draw.
        chains: Chains of each run.
        seed: Seed of each run.

    Returns:
        The path of what was written.

    Raises:
        SdekitError: If fewer than two dynamics or a parameter that none has is given, a run cannot
            be made, or the page cannot be written there.

    Checked by: tests/reports/test_comparison.py.
    """
    from sdekit.simulation.runs.run import simulate

    check_path(Path(path))
    models = [catalog.get(one) if isinstance(one, str) else one for one in dynamics]
    shares = parameters_of(models, dict(parameters or {}))
    runs = [
        simulate(
            model, position, potential=potential, parameters=share, step_size=step_size,
            steps=steps, thin=thin, burn_in=burn_in, chains=chains, seed=seed,
        )
        for model, share in zip(models, shares, strict=True)
    ]  # fmt: skip
    return write_comparison(runs, Path(path))


def parameters_of(models: Sequence[Dynamics], given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The share of each dynamics of values that are given to all.

    Raises:
        SdekitError: If there are fewer than two dynamics, or none has one of the names.
    """
    if len(models) < 2:
        raise SdekitError("there is nothing to compare", expected="two dynamics", found=len(models))
    names = [{parameter.name for parameter in model.parameters} for model in models]
    unknown = set(given).difference(*names)
    if unknown:
        raise SdekitError(
            "none of the dynamics has this parameter",
            expected=", ".join(sorted(set().union(*names))),
            found=", ".join(sorted(unknown)),
        )
    return [{k: v for k, v in given.items() if k in known} for known in names]


def write_comparison(runs: Sequence[Run], path: Path, command: str = "") -> Path:
    """Write the page about runs that were made.

    Args:
        runs: On one target.
        path: FILE.html, FILE.tex or FILE.md.
        command: With which it is made again; empty where there is none.
    """
    contenders = [Contender(run, verify(run.dynamics), _order(run)) for run in runs]
    WRITERS[path.suffix](comparison_document(contenders, command), path)
    return path


def _order(run: Run) -> Order | None:
    try:
        return order(run.dynamics, run.scheme)
    except SchemeError:
        # Schemes and coefficients beyond the series have no order here.
        return None


def comparison_document(contenders: Sequence[Contender], command: str = "") -> Document:
    """The comparison before it has a format."""
    first = contenders[0].run
    setting = (
        f"{first.chains} chains of {first.draws:,} draws, one every {first.thin} steps of size "
        f"${_step(first)}$ after {first.burn_in:,} steps; seed {first.seed}."
    )
    again = f" Make it again: `{command}`." if command else ""
    return Document(
        title=f"Comparison: {', '.join(plain(one.name) for one in contenders)}",
        subtitle="",
        sections=(
            Section("What is proved", (_verdicts(contenders),)),
            Section(
                "What the runs gave",
                (Paragraph(setting + again), _moments(contenders), *_meaning(), _costs(contenders)),
            ),
            Section("Densities side by side", (_figure(contenders),)),
            *_notes(contenders),
        ),
        footer=f"sdekit {__version__}, Python {platform.python_version()}.",
    )


def _step(run: Run) -> str:
    return "schedule" if run.step_size is None else f"{run.step_size:g}"


def _verdicts(contenders: Sequence[Contender]) -> Table:
    rows = []
    for one in contenders:
        verdict, known = one.verification.verdict.value, one.order
        orders = (
            "-" if known is None else f"{known.weak_order or '-'}, {known.invariant_order or '-'}"
        )
        rows.append((one.name, verdict, one.run.scheme, orders, plain(one.verification.headline)))
    headings = ("dynamics", "verdict", "scheme", "orders: weak, stationary law", "in words")
    return Table(headings, tuple(rows), verdict_column=1)


def _coordinates(run: Run) -> list[tuple[str, np.ndarray]]:
    """The first coordinates of the target, (chain, draw) each."""
    found = []
    for x in run.dynamics.target_variables:
        draws = np.asarray(run.samples[x.name], np.float64)
        for index in np.ndindex(draws.shape[2:]):
            subscript = "".join(str(k + 1) for k in index)
            name = symbol_latex(x.name) + (f"_{{{subscript}}}" if subscript else "")
            found.append((name, draws[(..., *index)]))
    return found[:MOST_COORDINATES]


def _moments(contenders: Sequence[Contender]) -> Table:
    from sdekit.diagnostics.draw_statistics import deviation_estimate, mean_estimate, split_rhat

    rows = []
    for one in contenders:
        for name, draws in _coordinates(one.run):
            mean, deviation = mean_estimate(draws), deviation_estimate(draws)
            rows.append((one.name, f"${name}$", _pair(mean), _pair(deviation),
                         f"{float(split_rhat(draws)):.3f}"))  # fmt: skip
    headings = ("dynamics", "coordinate", "mean", "standard deviation", "R-hat")
    return Table(headings, tuple(rows))


def _pair(estimate: Any) -> str:
    return rf"${float(estimate.value):.4g} \pm {float(estimate.standard_error):.2g}$"


def _meaning() -> tuple[Block, ...]:
    return (
        Paragraph(
            r"Numbers behind $\pm$ are standard errors, which know how draws are correlated. Means "
            "and deviations of two rows that differ by many of them belong to different laws: by "
            "the bias of a step size, or because a dynamics has another law."
        ),
        Paragraph(
            r"The temperature is $\langle p \cdot \partial H / \partial p \rangle / n$, which is 1 "
            "under every $H$; beside it what the scheme itself has on a harmonic target. "
            "Gradients are evaluations of the unknown functions by letters of the word, the last "
            "one of a step kept for the next."
        ),
    )


def _costs(contenders: Sequence[Contender]) -> Table:
    from sdekit.diagnostics.draw_statistics import effective_sample_size
    from sdekit.simulation.notes.equilibrium import equilibrium_of

    rows = []
    for one in contenders:
        run, each = one.run, gradients_per_step(one.run)
        least = min(float(effective_sample_size(draws)) for _, draws in _coordinates(run))
        total = None if each is None else each * run.draws * run.thin * run.chains
        share = "-" if not total else f"{1e6 * least / total:,.0f}"
        heat = equilibrium_of(run)
        rows.append(
            (
                one.name,
                "-" if each is None else str(each),
                f"{least:,.0f}",
                share,
                "-" if heat is None else rf"${heat.value:.4f} \pm {heat.error:.1g}$",
                "-" if heat is None or heat.predicted is None else f"{heat.predicted:.4f}",
            )
        )
    headings = ("dynamics", "gradients a step", "effective samples (worst coordinate)",
                "effective samples per million gradients", "temperature",
                "of the scheme")  # fmt: skip
    return Table(headings, tuple(rows))


def gradients_per_step(run: Run) -> int | None:
    """Evaluations of unknown functions in one step of a word; None for other schemes."""
    try:
        parts = {part.letter: part for part in splitting(run.dynamics).parts}
    except SchemeError:
        return None
    word = run.scheme.replace(" ", "")
    if not word or not set(word) <= set(parts):
        return None
    asking = [letter for letter in word if parts[letter].functions]
    kept = len(word) > 1 and word[0] == word[-1] and bool(parts[word[0]].functions)
    return len(asking) - kept


def _figure(contenders: Sequence[Contender]) -> Figure:
    name = _coordinates(contenders[0].run)[0][0]
    caption = f"Density of the draws of ${name}$, the first coordinate of the target."
    names = ", ".join(one.name for one in contenders)
    return Figure(densities(contenders), caption, f"Densities of the first coordinate: {names}")


def densities(contenders: Sequence[Contender]) -> Drawing:
    """One line for each run: the density of the first coordinate of the target."""
    first = [np.ravel(_coordinates(one.run)[0][1]) for one in contenders]
    low = min(float(np.quantile(draws, 0.001)) for draws in first)
    high = max(float(np.quantile(draws, 0.999)) for draws in first)
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    figure = new_figure(9.0, 4.2)
    axis = figure.subplots()
    for k, (one, draws) in enumerate(zip(contenders, first, strict=True)):
        heights, _ = np.histogram(draws, bins=edges)
        # Draws outside count, so that every area is honest.
        density = heights / (draws.size * np.diff(edges))
        style = _STYLES[k % len(_STYLES)]
        axis.plot((edges[1:] + edges[:-1]) / 2, density, style, linewidth=1.8, label=one.name)
    axis.set_xlabel(rf"${_coordinates(contenders[0].run)[0][0]}$")
    axis.set_ylabel("density")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    return drawing_of(figure)


def _notes(contenders: Sequence[Contender]) -> tuple[Section, ...]:
    told = tuple(f"{one.name}: {plain(note)}" for one in contenders for note in one.run.notes)
    return (Section("What the runs know against themselves", (Items(told),)),) if told else ()
