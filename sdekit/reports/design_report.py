"""`design_report`: how a design follows from what is unknown in it, written down.

Not for solving (`sdekit.designer`) nor for the reports about one dynamics (`results`).
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path

from sdekit import __version__
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.stationarity_terms import derive
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.latex import latex_text
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Parameter
from sdekit.designer.ansatz import design, equations_for
from sdekit.designer.solution import Solution
from sdekit.reports.chapters.derivation_lines import stationarity_section
from sdekit.reports.chapters.dynamics_sections import dynamics_section, model_section
from sdekit.reports.chapters.formulas import formula_of, plain, scope_of, symbol
from sdekit.reports.chapters.marginal_lines import marginal_section
from sdekit.reports.chapters.verdict_sections import verdict_section
from sdekit.reports.formats.document import (
    Block,
    Derivation,
    Document,
    Paragraph,
    Section,
    Step,
    Table,
)
from sdekit.reports.results import marginal_of
from sdekit.reports.write import WRITERS, check_path


def design_report(
    dynamics: Dynamics,
    unknowns: Sequence[Expression],
    path: str | Path,
    *,
    nonzero: Sequence[Parameter] = (),
) -> Path:
    """Pose, solve and verify a design, and write down how it follows.

    Args:
        dynamics: With unknowns in v, D or H.
        unknowns: What is solved for, as in `sk.design`.
        path: FILE.html, FILE.tex or FILE.md.
        nonzero: What must not vanish.

    Returns:
        The path of what was written.

    Raises:
        SdekitError: As `sk.design`; or if the report cannot be written there.

    Checked by: tests/reports/test_design_report.py.
    """
    path = Path(path)
    check_path(path)
    found = design(dynamics, unknowns, nonzero=nonzero)
    sections = [dynamics_section(dynamics), _equations(dynamics, unknowns)]
    if not found:
        none = "No coefficients that are rational in the parameters and sizes solve them."
        sections.append(Section("No design", (Paragraph(none),)))
    for number, solution in enumerate(found, 1):
        sections += _family(solution, f", family {number}" if len(found) > 1 else "")
    document = Document(
        title=f"Design of {dynamics.name}" if dynamics.name else "Design",
        subtitle=dynamics.source or "",
        sections=tuple(sections),
        footer=f"sdekit {__version__}, Python {platform.python_version()}.",
    )
    WRITERS[path.suffix](document, path)
    return path


def _equations(dynamics: Dynamics, unknowns: Sequence[Expression]) -> Section:
    """The independent parts of the residual and what must vanish for each."""
    ansatz, equations = equations_for(dynamics, unknowns)
    blocks: list[Block] = []
    if ansatz:
        said = "With terms that the shapes of the declaration suggest, and unknown coefficients,"
        blocks.append(Paragraph(said))
        steps = (Step(latex_text(unknown), latex_text(value)) for unknown, value in ansatz)
        blocks.append(Derivation(tuple(steps)))
    said = (
        r"$\mathrm{e}^{-H}$ is stationary, and its marginal the target, where the coefficient of "
        "each independent product vanishes (over the common denominator):"
    )
    rows = tuple(
        (_product(product, dynamics), f"${latex_text(value)} = 0$") for product, value in equations
    )
    blocks += [Paragraph(said), Table(("coefficient of", "equation"), rows)]
    return Section("The equations", tuple(blocks))


def _product(text: str, dynamics: Dynamics) -> str:
    formula = formula_of(text, dynamics)
    return f"${formula}$" if formula else plain(text)


def _family(solution: Solution, number: str) -> list[Section]:
    steps = tuple(
        Step(symbol(name).strip("$"), latex_text(value)) for name, value in solution.values.items()
    )
    blocks: list[Block] = [Paragraph("They are solved, case by case, by"), Derivation(steps)]
    if solution.free:
        blocks.append(Paragraph("Free: " + ", ".join(map(symbol, solution.free)) + "."))
    if solution.conditions:
        blocks.append(Paragraph("Where " + ", ".join(map(plain, solution.conditions)) + "."))
    sections = [
        Section(f"The solution{number}", tuple(blocks)),
        verdict_section(solution.verification, scope_of(solution.dynamics)),
    ]
    try:
        derivation = derive(solution.dynamics)
    except Unsupported:
        derivation = None
    if derivation is not None:
        sections.append(stationarity_section(derivation, solution.verification, solution.dynamics))
    marginal = marginal_of(solution.dynamics)
    integrals = marginal_section(solution.verification, solution.dynamics.ito(), marginal)
    sections += [] if integrals is None else [integrals]
    return [*sections, model_section(solution.dynamics)]
