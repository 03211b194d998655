"""Putting a report together and writing it in the format that the file's name asks for.

Not for computing what it says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sdekit.calculus.stationarity_terms import Derivation
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.designer.repair import Repair
from sdekit.errors import SdekitError
from sdekit.reports.chapters.derivation_lines import marginal_section, stationarity_section
from sdekit.reports.chapters.sections import (
    StepAdvice,
    bias_section,
    dynamics_section,
    experiment_section,
    model_section,
    order_section,
    refutation_section,
    splitting_section,
    verdict_section,
)
from sdekit.reports.experiment import Experiment
from sdekit.reports.formats.document import Document, Section
from sdekit.reports.formats.html import write_html
from sdekit.reports.formats.markdown import write_markdown
from sdekit.reports.formats.tex import write_tex
from sdekit.schemes.order.scheme_order import Order
from sdekit.schemes.split.splitting import Splitting
from sdekit.verifier.verdict import Verification

WRITERS: dict[str, Callable[[Document, Path], None]] = {
    ".html": write_html,
    ".tex": write_tex,
    ".md": write_markdown,
}


@dataclass(frozen=True)
class Results:
    """All that a report can say; what is None is left out.

    Attributes:
        dynamics: The declaration.
        verification: Its verdicts.
        repairs: Changes that mend a refuted design.
        derivation: The stationarity condition written out.
        splitting: Its parts.
        order: Orders of the default word.
        biases: What the default word does to example potentials.
        experiment: Runs on a target.
        title: Heading of the report; the name of the dynamics when empty.
        notes: Sentences below the verdict, such as what the source has wrong.
        footer: How the results were made.
    """

    dynamics: Dynamics
    verification: Verification
    repairs: tuple[Repair, ...] = ()
    derivation: Derivation | None = None
    splitting: Splitting | None = None
    order: Order | None = None
    biases: tuple[StepAdvice, ...] = ()
    experiment: Experiment | None = None
    title: str = ""
    notes: tuple[str, ...] = ()
    footer: str = ""


def document_of(results: Results) -> Document:
    """The report before it has a format."""
    dynamics, verification = results.dynamics, results.verification
    sections: list[Section | None] = [
        dynamics_section(dynamics),
        verdict_section(verification, results.notes),
        refutation_section(verification, dynamics, results.repairs),
    ]
    if results.derivation is not None:
        sections += [
            stationarity_section(results.derivation, verification, dynamics),
            marginal_section(results.derivation, verification, dynamics),
        ]
    if results.splitting is not None:
        sections.append(splitting_section(results.splitting))
    if results.order is not None:
        sections.append(order_section(results.order))
    if results.biases:
        sections.append(bias_section(results.biases))
    if results.experiment is not None:
        sections.append(experiment_section(results.experiment))
    sections.append(model_section(dynamics))
    return Document(
        title=results.title or dynamics.name or "Dynamics",
        subtitle=dynamics.source or "",
        sections=tuple(section for section in sections if section is not None),
        footer=results.footer,
    )


def check_path(path: Path) -> None:
    """Refuse a report that could not be written, before anything is computed for it.

    Raises:
        SdekitError: If the format is unknown or the folder is not there.
    """
    if path.suffix not in WRITERS:
        raise SdekitError(
            "unknown format of a report",
            expected=f"a file name that ends in {', '.join(WRITERS)}",
            found=path.name,
        )
    if not path.parent.is_dir():
        raise SdekitError("the folder of the report does not exist", found=str(path.parent))
    if path.is_dir():
        raise SdekitError("a folder has the name of the report", found=str(path))


def write_report(results: Results, path: str | Path) -> Path:
    """Write a report; the suffix of the path, .html, .tex or .md, says in which format.

    Returns:
        The path of what was written.

    Raises:
        SdekitError: If the format is unknown or the folder is not there.
    """
    path = Path(path)
    check_path(path)
    WRITERS[path.suffix](document_of(results), path)
    return path
