"""The derivation as a reader follows it: gradients, each term of both sides, what is left.

Not for computing any of it (`sdekit.calculus.stationarity_terms`).
"""

from __future__ import annotations

from sdekit.calculus.contraction.printing import groups
from sdekit.calculus.contraction.tensor import Tensor
from sdekit.calculus.stationarity_terms import DIFFUSION, TRANSPORT, Derivation, Term
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.latex import symbol_latex
from sdekit.declaration.tree.symbols import Variable
from sdekit.reports.chapters.formulas import formula_of, plain, tensor_formula
from sdekit.reports.formats.document import Block, Formula, Paragraph, Section, Step, Table
from sdekit.reports.formats.document import Derivation as Steps
from sdekit.verifier.verdict import Verification

CONDITION = (
    r"\nabla \cdot (\rho v) = \nabla \nabla^{\mathsf{T}} : (\rho D), "
    r"\quad \rho = \mathrm{e}^{-H}"
)
FOKKER_PLANCK = (
    r"\partial_{t} \rho = -\nabla \cdot (\rho v) + \nabla \nabla^{\mathsf{T}} : (\rho D)"
)
#: Both sides divided by the density; one term for each variable X and each block X, Y.
SIDES = (
    r"\rho^{-1} \, \nabla \cdot (\rho v) = \sum_{X} \left( \nabla_{X} \cdot v_{X} "
    r"- v_{X} \cdot \nabla_{X} H \right)",
    r"\rho^{-1} \, \nabla \nabla^{\mathsf{T}} : (\rho D) = \sum_{X, Y} \left( \nabla_{X} \cdot "
    r"\nabla_{Y} \cdot D_{X Y} - 2 \, \nabla_{X} H \cdot ( \nabla_{Y} \cdot D_{X Y} ) "
    r"+ D_{X Y} : ( \nabla_{X} H \, \nabla_{Y} H^{\mathsf{T}} - \nabla_{X} \nabla_{Y} H ) \right)",
)
#: What each kind of term looks like; x and y are symbols, dx and dy their derivatives.
_TERMS = {
    "drift_divergence": r"{dx} \cdot v_{{{x}}}",
    "drift_energy": r"- v_{{{x}}} \cdot {dx} H",
    "diffusion_curvature": r"{dx} \cdot {dy} \cdot D_{{{x} {y}}}",
    "diffusion_slope": r"-2 \, {dx} H \cdot ( {dy} \cdot D_{{{x} {y}}} )",
    "energy_squared": r"D_{{{x} {y}}} : {dx} H \, {dy} H^{{\mathsf{{T}}}}",
    "energy_curvature": r"- D_{{{x} {y}}} : {dx} {dy} H",
}
_SCALAR_TERMS = {
    "drift_divergence": r"{dx} v_{{{x}}}",
    "drift_energy": r"- v_{{{x}}} \, {dx} H",
    "diffusion_curvature": r"{dx} {dy} D_{{{x} {y}}}",
    "diffusion_slope": r"-2 \, {dx} H \, {dy} D_{{{x} {y}}}",
    "energy_squared": r"D_{{{x} {y}}} \, {dx} H \, {dy} H",
    "energy_curvature": r"- D_{{{x} {y}}} \, {dx} {dy} H",
}


def stationarity_section(
    derivation: Derivation, verification: Verification, dynamics: Dynamics
) -> Section:
    """Both sides of the condition line by line, and what their difference is."""
    slopes = tuple(_slope(x, slope, dynamics) for x, slope in derivation.slopes)
    blocks: list[Block] = [
        Paragraph("The density of the state follows the Fokker-Planck equation"),
        Formula(FOKKER_PLANCK),
        Paragraph(r"so that $\rho$ is stationary where both terms are equal:"),
        Formula(CONDITION),
        Paragraph(
            r"By the product rule, with $\nabla \rho = -\rho \, \nabla H$, and divided by $\rho$, "
            "with one term for each block of variables; terms that are zero are left out below:"
        ),
        *map(Formula, SIDES),
        Paragraph("The slopes of the energy are"),
        Steps(slopes),
        Paragraph("The left side, term by term:"),
        _side(derivation, TRANSPORT, derivation.transport, dynamics),
        Paragraph("The right side, term by term:"),
        _side(derivation, DIFFUSION, derivation.diffusion, dynamics),
        *_difference(derivation, verification, dynamics),
    ]
    return Section("Stationarity, line by line", tuple(blocks))


def _slope(x: Variable, slope: Tensor, dynamics: Dynamics) -> Step:
    found = tensor_formula(repr(slope), x, dynamics)
    if found is None:
        return Step(f"{_derivative(x)} H", _as_text(repr(slope)))
    formula, has_indices = found
    if not has_indices:
        return Step(f"{_derivative(x)} H", formula)
    entry = " ".join("ijklmn"[: x.ndim])
    symbol = f"{symbol_latex(x.name)}_{{{entry}}}"
    return Step(rf"\partial_{{{symbol}}} H", formula, "summed over indices that occur twice")


def _side(derivation: Derivation, side: str, total: Tensor, dynamics: Dynamics) -> Steps:
    steps = [
        Step(_label(term), _latex(term.value, dynamics))
        for term in derivation.terms
        if term.side == side
    ]
    symbol = r"\rho^{-1} \, \nabla \cdot (\rho v)"
    if side == DIFFUSION:
        symbol = r"\rho^{-1} \, \nabla \nabla^{\mathsf{T}} : (\rho D)"
    return Steps((*steps, Step(symbol, _latex(total, dynamics), is_result=True)))


def _difference(
    derivation: Derivation, verification: Verification, dynamics: Dynamics
) -> list[Block]:
    check = verification.checks["stationarity"]
    if check.is_proved:
        sentence = "Both sides are the same, term for term, so their difference is"
        if not derivation.residual.is_empty:
            sentence = "With what is known of the symbols both sides are equal: their difference is"
        return [Paragraph(sentence), Formula("0")]
    return [
        Paragraph("The sides differ. Left side minus right side is"),
        Formula(_latex(derivation.residual, dynamics)),
        Paragraph(_sentence(check.verdict.value, check.reason)),
        *_grouped(derivation.residual, dynamics),
    ]


def _grouped(residual: Tensor, dynamics: Dynamics) -> list[Block]:
    """What is left over, by what depends on the state."""
    found = [
        (formula_of(multiplier, dynamics), formula_of(coefficient, dynamics))
        for multiplier, coefficient in groups(residual)
    ]
    rows = tuple((f"${m}$", f"${c}$") for m, c in found if m is not None and c is not None)
    if len(rows) < len(found):
        return []
    lead = "Collected by what depends on the state; each row would have to vanish by itself:"
    return [Paragraph(lead), Table(("multiplies", "left over"), rows)]


def marginal_section(
    derivation: Derivation, verification: Verification, dynamics: Dynamics
) -> Section | None:
    """What is integrated over and why the integral does not depend on the target's variables."""
    check = verification.checks.get("marginalization")
    if check is None or derivation.auxiliary_energy is None or not dynamics.auxiliary_variables:
        return None
    names = [symbol_latex(x.name) for x in dynamics.auxiliary_variables]
    energy = _latex(derivation.auxiliary_energy, dynamics)
    measure = r" \, ".join(rf"\mathrm{{d}}{name}" for name in names)
    integral = rf"\int \mathrm{{e}}^{{-(H - \text{{target}})}} \, {measure} = \text{{const}}"
    return Section(
        "The marginal",
        (
            Paragraph("The marginal is the target where"),
            Formula(integral),
            Formula(rf"H - \text{{target}} = {energy}"),
            Paragraph(_sentence(check.verdict.value, check.reason)),
            *_integral(verification),
        ),
    )


def _integral(verification: Verification) -> list[Block]:
    check = verification.checks.get("normalizable")
    return [] if check is None else [Paragraph(_sentence(check.verdict.value, check.reason))]


def _sentence(verdict: str, reason: str) -> str:
    return f"{verdict.capitalize()}: {plain(reason).rstrip('.')}."


def _label(term: Term) -> str:
    x, *others = term.variables
    y = others[0] if others else x
    templates = _TERMS if x.shape or y.shape else _SCALAR_TERMS
    return templates[term.kind].format(
        x=symbol_latex(x.name), y=symbol_latex(y.name), dx=_derivative(x), dy=_derivative(y)
    )


def _derivative(x: Variable) -> str:
    mark = r"\nabla" if x.shape else r"\partial"
    return rf"{mark}_{{{symbol_latex(x.name)}}}"


def _latex(tensor: Tensor, dynamics: Dynamics) -> str:
    text = repr(tensor)
    return formula_of(text, dynamics) or _as_text(text)


def _as_text(text: str) -> str:
    """Text beyond every notation, as upright text."""
    return rf"\text{{{plain(text)}}}"
