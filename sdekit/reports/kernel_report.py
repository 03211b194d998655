"""A report on a Markov kernel: its steps, the flows of their letters, its verdicts.

Not for dynamics (`results`) nor for deciding anything (`sdekit.verifier.markov`).
Checked by: tests/reports/test_kernel_report.py.
"""

from __future__ import annotations

from sdekit.catalog.markov_kernels import ENTRIES, WRONG
from sdekit.declaration.model.toml_text import marked
from sdekit.declaration.text.latex import latex_text
from sdekit.errors import SdekitError
from sdekit.kernels.kernel_file import loads
from sdekit.kernels.steps import Flow, Kernel, dynamics_in, parts_of, written_steps
from sdekit.reports.chapters.dynamics_sections import CONVENTION, MODEL_SAID
from sdekit.reports.chapters.formulas import scope_of_kernel, space_of, symbol
from sdekit.reports.chapters.scheme_sections import letter_table
from sdekit.reports.chapters.verdict_sections import (
    references_section,
    refutation_section,
    theorem_texts,
    verdict_section,
)
from sdekit.reports.formats.document import (
    Block,
    Derivation,
    Document,
    Items,
    Listing,
    Paragraph,
    Section,
    Step,
    Table,
)
from sdekit.schemes.split.splitting import splitting
from sdekit.verifier.verdict import Verification


def kernel_document(kernel: Kernel, verification: Verification, footer: str = "") -> Document:
    """The report on a kernel, before it has a format.

    Args:
        kernel: The kernel.
        verification: Its verdicts.
        footer: How they were reached.
    """
    record = next((e for e in (*ENTRIES, *WRONG) if e.name == kernel.name), None)
    scope = scope_of_kernel(kernel)
    notes = (record.notes,) if record is not None and record.notes else ()
    sections = [
        _kernel_section(kernel),
        verdict_section(verification, scope, notes),
        refutation_section(verification, scope),
        *_flow_sections(kernel),
        references_section((kernel.source, *theorem_texts(verification))),
        _model_section(kernel),
    ]
    return Document(
        title=record.title if record is not None else kernel.name or "Markov kernel",
        subtitle=kernel.source,
        sections=tuple(section for section in sections if section is not None),
        footer=footer,
    )


def _kernel_section(kernel: Kernel) -> Section:
    target = kernel.hamiltonian if kernel.target is None else kernel.target
    law = (
        Step("H", latex_text(kernel.hamiltonian)),
        Step(r"\text{target}", latex_text(target)),
    )
    rows = tuple((symbol(x.name), f"${space_of(x)}$") for x in kernel.variables)
    blocks: list[Block] = [
        Paragraph(
            r"The kernel is to keep $\mathrm{e}^{-H}$, for every number of steps; its steps follow "
            "one after the other:"
        ),
        Items(tuple(f"`{step}`" for step in written_steps(kernel))),
        Derivation(law),
        Table(("variable", "where it lives"), rows),
        Paragraph(CONVENTION),
    ]
    return Section("The kernel", tuple(blocks))


def _flow_sections(kernel: Kernel) -> list[Section]:
    """The letters of the words that occur, with their flows."""
    found = []
    words = [
        part.word for step in kernel.steps for part in parts_of(step) if isinstance(part, Flow)
    ]
    for dynamics in dynamics_in(kernel.steps) if words else ():
        used = {letter for word in words for letter in word}
        parts = [part for part in splitting(dynamics).parts if part.letter in used]
        said = f"The words {', '.join(dict.fromkeys(words))} are made of these letters."
        found.append(Section("Letters and flows", (Paragraph(said), letter_table(parts))))
    return found


def _model_section(kernel: Kernel) -> Section | None:
    """The kernel as a model file, if that gives the same kernel back."""
    try:
        text = kernel.to_toml()
        is_same = loads(text) == kernel
    except SdekitError:
        # A step that was built in Python may have no form in model files.
        return None
    blocks = (Paragraph(MODEL_SAID), Listing(marked(text)))
    return Section("Model file", blocks) if is_same else None
