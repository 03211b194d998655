r"""The derivation by the complete recipe: an antisymmetric Q that makes the drift from H.

Not for finding Q (`sdekit.designer.recipe`).
Checked by: tests/reports/chapters/test_recipe_lines.py.
"""

from __future__ import annotations

from sdekit.calculus.limits import Unsupported
from sdekit.declaration.text.latex import latex_text, symbol_latex
from sdekit.designer.recipe import Recipe
from sdekit.reports.chapters.derivation_lines import HANDLE
from sdekit.reports.formats.document import (
    Block,
    Derivation,
    Formula,
    Paragraph,
    Section,
    Step,
)

#: The form of the recipe, with the divergence taken over the second index.
RECIPE = r"v = -(D + Q) \, \nabla H + \nabla \cdot (D + Q), \quad Q = -Q^{\mathsf{T}}"
#: Why a drift of this form keeps exp(-H).
WHY = (
    Step(
        r"\rho v - \nabla \cdot (\rho D)",
        r"\rho \left( -Q \, \nabla H + \nabla \cdot Q \right) = \nabla \cdot (\rho \, Q)",
        r"the current, since $\nabla \rho = -\rho \, \nabla H$",
    ),
    Step(
        r"\nabla \cdot \nabla \cdot (\rho \, Q)",
        r"\sum_{i j} \partial_{i} \partial_{j} (\rho \, Q_{i j}) = 0",
        "$Q$ is antisymmetric, second derivatives are symmetric",
        is_result=True,
        status="proved",
    ),
)


def recipe_section(recipe: Recipe, handle: str = HANDLE) -> Section:
    """Q, and the drift as a reversible and an irreversible part.

    Args:
        recipe: A dynamics in the form of the recipe.
        handle: What the command line calls the model.
    """
    blocks: list[Block] = [
        Paragraph(
            r"A second way to see that $\mathrm{e}^{-H}$ is stationary is the complete recipe (Ma, "
            "Chen and Fox 2015): the drift is written with an antisymmetric $Q$, the divergence "
            "taken over the second index,"
        ),
        Formula(RECIPE),
    ]
    if recipe.Q:
        said = "with the blocks above the diagonal (those below are minus their transposes)"
        blocks += [Paragraph(said), Derivation(_blocks(recipe))]
    else:
        blocks.append(Paragraph("with $Q = 0$: there is no irreversible part."))
    lines = _drifts(recipe)
    if lines:
        said = "The drift is the sum of a reversible and an irreversible part:"
        blocks += [Paragraph(said), Derivation(lines, f"sdekit verify {handle}")]
    blocks += [
        Paragraph("The reversible part makes no current; that of the irreversible part is"),
        Derivation(WHY),
    ]
    return Section("The complete recipe", tuple(blocks))


def _blocks(recipe: Recipe) -> tuple[Step, ...]:
    return tuple(
        Step(rf"Q_{{{symbol_latex(x.name)} {symbol_latex(y.name)}}}", latex_text(block))
        for (x, y), block in recipe.Q.items()
    )


def _drifts(recipe: Recipe) -> tuple[Step, ...]:
    """Both parts of the drift; empty where the grammar has no form for one of them."""
    try:
        parts = {x: (recipe.reversible[x], recipe.irreversible[x]) for x in recipe.reversible}
    except Unsupported:
        return ()
    steps = []
    for x, part in parts.items():
        reversible, irreversible = map(latex_text, part)
        value = (
            rf"\underbrace{{{reversible}}}_{{-D \nabla H + \nabla \cdot D}} + "
            rf"\underbrace{{{irreversible}}}_{{-Q \nabla H + \nabla \cdot Q}}"
        )
        steps.append(Step(rf"v_{{{symbol_latex(x.name)}}}", value, status="proved"))
    return tuple(steps)
