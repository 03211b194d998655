"""Putting a report together and writing it in the format that the file's name asks for.

Not for computing what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdekit.calculus.stationarity_terms import Derivation
from sdekit.certificates.export import Checked
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.latex import dynamics_lines
from sdekit.designer.recipe import Recipe
from sdekit.designer.repair import Repair
from sdekit.errors import SdekitError
from sdekit.reports.chapters.derivation_lines import HANDLE, stationarity_section, worked_blocks
from sdekit.reports.chapters.dynamics_sections import (
    dynamics_section,
    experiment_section,
    model_section,
)
from sdekit.reports.chapters.formulas import scope_of
from sdekit.reports.chapters.marginal_lines import marginal_section
from sdekit.reports.chapters.recipe_lines import recipe_section
from sdekit.reports.chapters.scheme_sections import (
    StepAdvice,
    bias_section,
    order_section,
    splitting_section,
)
from sdekit.reports.chapters.verdict_sections import (
    references_section,
    refutation_section,
    theorem_texts,
    verdict_section,
)
from sdekit.reports.experiment import Experiment
from sdekit.reports.formats.document import Document, Paragraph, Section
from sdekit.reports.formats.html import write_html
from sdekit.reports.formats.markdown import write_markdown
from sdekit.reports.formats.tex import write_tex
from sdekit.schemes.order.scheme_order import Order
from sdekit.schemes.split.splitting import Splitting
from sdekit.verifier.integrals.elimination import Elimination
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
        certified: What the stand-alone checker says of the certificate; None without one.
        derivation: The stationarity condition written out.
        recipe: The dynamics in the form of the complete recipe.
        marginal: The integrals over the auxiliary variables.
        splitting: Its parts.
        order: Orders of the default word.
        biases: What the default word does to example potentials.
        experiment: Runs on a target.
        title: Heading of the report; the name of the dynamics when empty.
        notes: Sentences below the verdict, such as what the source has wrong.
        footer: How the results were made.
        handle: What the command line calls the model: its name in the catalogue, or this file.
    """

    dynamics: Dynamics
    verification: Verification
    repairs: tuple[Repair, ...] = ()
    certified: Checked | None = None
    derivation: Derivation | None = None
    recipe: Recipe | None = None
    marginal: Elimination | None = None
    splitting: Splitting | None = None
    order: Order | None = None
    biases: tuple[StepAdvice, ...] = ()
    experiment: Experiment | None = None
    title: str = ""
    notes: tuple[str, ...] = ()
    footer: str = ""
    handle: str = HANDLE


def document_of(results: Results) -> Document:
    """The report before it has a format."""
    dynamics, verification = results.dynamics, results.verification
    scope, handle = scope_of(dynamics), results.handle
    worked = worked_blocks(results.derivation, verification, dynamics)
    declared = dynamics_lines(dynamics)
    sections: list[Section | None] = [
        dynamics_section(dynamics),
        verdict_section(verification, scope, results.notes, certified=results.certified),
        refutation_section(verification, scope, results.repairs, declared=declared, worked=worked),
    ]
    if results.derivation is not None:
        derivation = results.derivation
        sections.append(stationarity_section(derivation, verification, dynamics, handle))
    if results.recipe is not None:
        sections.append(recipe_section(results.recipe, handle))
    sections.append(marginal_section(verification, dynamics.ito(), results.marginal))
    if results.splitting is not None:
        sections.append(splitting_section(results.splitting))
    if results.order is not None:
        sections.append(order_section(results.order))
    if results.biases:
        sections.append(bias_section(results.biases))
    if results.experiment is not None:
        sections.append(experiment_section(results.experiment))
    sections.append(references_section(_texts(results, sections)))
    sections.append(model_section(dynamics))
    return Document(
        title=results.title or dynamics.name or "Dynamics",
        subtitle=dynamics.source or "",
        sections=tuple(section for section in sections if section is not None),
        footer=results.footer,
    )


def _texts(results: Results, sections: Sequence[Section | None]) -> Iterator[str]:
    """Everything in a report that may name a work."""
    yield from (results.dynamics.source or "", *theorem_texts(results.verification))
    for section in sections:
        blocks = () if section is None else section.blocks
        yield from (block.text for block in blocks if isinstance(block, Paragraph))


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
            fix=f"write {path.stem}.html; a browser prints it as PDF",
        )
    if not path.parent.is_dir():
        raise SdekitError(
            "the folder of the report does not exist", expected="a folder that is there",
            found=str(path.parent), fix="make it first, or write elsewhere",
        )  # fmt: skip
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
