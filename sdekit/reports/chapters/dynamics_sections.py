"""What a report says of a dynamics itself: the triple, its symbols, its experiment, its model.

Not for the derivation (`derivation`) nor for any output format.
"""

from __future__ import annotations

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.toml_text import marked
from sdekit.declaration.text.latex import dynamics_lines, symbol_latex
from sdekit.reports.chapters.formulas import plain, space_of, symbol
from sdekit.reports.experiment import Experiment, figure_of
from sdekit.reports.formats.document import (
    Derivation,
    Figure,
    Items,
    Listing,
    Paragraph,
    Section,
    Step,
    Table,
)

#: The convention in words and signs, for every report.
CONVENTION = (
    r"Convention: It&ocirc;, $\mathrm{d}z = v\,\mathrm{d}t + \mathcal{N}(0, 2 D\,\mathrm{d}t)$, "
    r"density $\rho \propto \mathrm{e}^{-H}$; $H$ and the target are minus log densities."
).replace("&ocirc;", "\N{LATIN SMALL LETTER O WITH CIRCUMFLEX}")


#: How a model is read back from its report.
MODEL_SAID = (
    "This report holds its model: give the report itself to `sdekit verify`, `sdekit report` or "
    "`sk.load`, or save these lines as a file.toml. Nothing of it is ever executed."
)


def dynamics_section(dynamics: Dynamics) -> Section:
    """The triple in vector notation as written, and what its symbols are."""
    steps = tuple(Step(left, right) for left, right in dynamics_lines(dynamics))
    return Section(
        "The dynamics",
        (Derivation(steps), Paragraph(CONVENTION), _symbols(dynamics)),
    )


def _symbols(dynamics: Dynamics) -> Table:
    rows = []
    for x in dynamics.variables:
        role = "of the target" if x in dynamics.target_variables else "auxiliary"
        rows.append((symbol(x.name), f"variable, {role}", f"${space_of(x)}$"))
    for parameter in dynamics.parameters:
        rows.append((symbol(parameter.name), "parameter", _assumed(parameter.assumptions)))
    for function in dynamics.functions:
        arguments = ", ".join(symbol_latex(x.name) for x in function.arguments)
        name = f"${symbol_latex(function.name)}({arguments})$"
        rows.append((name, "any smooth function", _assumed(function.assumptions, "real values")))
    for dim in dynamics.dimensions:
        size = "any, at least 1" if dim.size is None else str(dim.size)
        rows.append((symbol(dim.name), "dimension", size))
    return Table(("symbol", "what it is", "where it lives, what is assumed"), tuple(rows))


def _assumed(assumptions: frozenset[str], nothing: str = "any real value") -> str:
    return ", ".join(sorted(word.replace("_", " ") for word in assumptions)) or nothing


def experiment_section(experiment: Experiment) -> Section:
    """The figure with one panel for each run, the numbers beside it, and what they show."""
    rows = tuple(
        (
            panel.title,
            rf"${panel.kinetic_energy:.3f} \pm {panel.kinetic_error:.3f}$",
            f"{panel.expected_kinetic_energy:.3f}",
            "; ".join(f"{name} = {value}" for name, value in panel.moments),
        )
        for panel in experiment.panels
    )
    titles = "; ".join(panel.title for panel in experiment.panels)
    figure = Figure(
        figure_of(experiment),
        "Density of the samples (filled) and the exact density (line).",
        f"Histograms of the samples against the exact density: {plain(titles)}",
    )
    headings = ("run", "mean kinetic energy", "at step size zero", "estimates")
    return Section(
        experiment.title,
        (
            Paragraph(experiment.setting),
            figure,
            Table(headings, rows),
            Paragraph(r"Numbers behind $\pm$ are standard errors. " + experiment.made),
            Items(experiment.findings),
        ),
    )


def model_section(dynamics: Dynamics) -> Section:
    """The model, with which everything can be checked again; `sk.load` finds it in the report."""
    return Section("Model file", (Paragraph(MODEL_SAID), Listing(marked(dynamics.to_toml()))))
