"""The complete recipe as lines: Q and both parts of the drift."""

import sdekit as sk
from sdekit.reports.chapters.recipe_lines import recipe_section
from sdekit.reports.formats.document import Derivation


def test_the_parts_of_the_drift_and_q_are_shown():
    section = recipe_section(sk.recipe(sk.catalog.get("sgnht")), "sgnht")
    first, drifts, _ = (b for b in section.blocks if isinstance(b, Derivation))
    assert [step.term for step in first.steps] == [r"Q_{\theta p}", r"Q_{p \xi}"]
    assert r"\underbrace{-A \, p}" in drifts.steps[1].value
    assert drifts.command == "sdekit verify sgnht"


def test_a_reversible_dynamics_has_no_q():
    section = recipe_section(sk.recipe(sk.catalog.get("overdamped")))
    assert any("no irreversible part" in getattr(block, "text", "") for block in section.blocks)
