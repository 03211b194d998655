"""The derivation as a reader follows it: gradients, each term of both sides, what is left.

Not for computing any of it (`sdekit.calculus.stationarity_terms`).
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.contraction.printing import groups
from sdekit.calculus.contraction.tensor import Tensor
from sdekit.calculus.stationarity_terms import DIFFUSION, TRANSPORT, Derivation, Term
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.latex import symbol_latex
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.reports.chapters.formulas import formula_of, plain, scope_of, tensor_formula
from sdekit.reports.chapters.sentences import mathematics
from sdekit.reports.chapters.worked_witness import values_at
from sdekit.reports.formats.document import Block, Formula, Items, Paragraph, Section, Step, Table
from sdekit.reports.formats.document import Derivation as Steps
from sdekit.verifier.verdict import Verification

#: What the command line is given: every report holds its model.
HANDLE = "THIS_FILE"
FOKKER_PLANCK = (
    r"\partial_{t} \rho = -\nabla \cdot (\rho v) + \nabla \nabla^{\mathsf{T}} \, : \, (\rho D)"
)
CONDITION = r"\nabla \cdot (\rho v) = \nabla \nabla^{\mathsf{T}} \, : \, (\rho D)"
LEFT, RIGHT = (
    r"\rho^{-1} \, \nabla \cdot (\rho v)",
    (r"\rho^{-1} \, \nabla \nabla^{\mathsf{T}} \, : \, (\rho D)"),
)
#: The product rule for both sides; what is divided by rho is a formula of v, D and H alone.
PRODUCT_RULE = (
    Step(r"\nabla \rho", r"-\rho \, \nabla H", r"since $\rho = \mathrm{e}^{-H}$"),
    Step(
        r"\nabla \cdot (\rho v)",
        r"\rho \, \nabla \cdot v + v \cdot \nabla \rho = "
        r"\rho \left( \nabla \cdot v - v \cdot \nabla H \right)",
        "product rule",
    ),
    Step(
        r"\nabla \cdot (\rho D)",
        r"\rho \left( \nabla \cdot D - D \, \nabla H \right)",
        "product rule",
    ),
    Step(
        r"\nabla \nabla^{\mathsf{T}} \, : \, (\rho D)",
        r"\nabla \cdot \left( \nabla \cdot (\rho D) \right)",
        "$D$ is symmetric",
    ),
    Step(
        "",
        r"\rho \left( \nabla \cdot \nabla \cdot D - 2 \, \nabla H \cdot (\nabla \cdot D) + "
        r"D : (\nabla H \, \nabla H^{\mathsf{T}} - \nabla \nabla H) \right)",
        "product rule, twice",
    ),
)
#: Both sides divided by the density; one term for each variable X and each block X, Y.
SIDES = (
    Step(
        LEFT,
        r"\sum_{X} \left( \nabla_{X} \cdot v_{X} - v_{X} \cdot \nabla_{X} H \right)",
    ),
    Step(
        RIGHT,
        r"\sum_{X, Y} \big( \nabla_{X} \cdot \nabla_{Y} \cdot D_{X Y} - 2 \, \nabla_{X} H "
        r"\cdot ( \nabla_{Y} \cdot D_{X Y} )",
    ),
    Step(
        "",
        r"\quad + D_{X Y} : ( \nabla_{X} H \, \nabla_{Y} H^{\mathsf{T}} "
        r"- \nabla_{X} \nabla_{Y} H ) \big)",
        joins="",
    ),
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
    derivation: Derivation, verification: Verification, dynamics: Dynamics, handle: str = HANDLE
) -> Section:
    """Both sides of the condition line by line, and what their difference is.

    Args:
        derivation: Both sides, written out.
        verification: The verdicts.
        dynamics: The declaration.
        handle: What the command line calls the model.
    """
    command = f"sdekit verify {handle}"
    slopes = tuple(_slope(x, slope, dynamics) for x, slope in derivation.slopes)
    blocks: list[Block] = [
        Paragraph("The density of the state follows the Fokker-Planck equation (Risken 1996)"),
        Formula(FOKKER_PLANCK),
        Paragraph(r"so that $\rho = \mathrm{e}^{-H}$ is stationary where both terms are equal:"),
        Formula(CONDITION),
        Paragraph("Both sides by the product rule:"),
        Steps(PRODUCT_RULE),
        Paragraph(r"Divided by $\rho$, with one term for each block of variables:"),
        Steps(SIDES),
        *_vanishing(dynamics.ito()),
        Paragraph("The slopes of the energy are"),
        Steps(slopes, command),
        Paragraph("The left side, term by term:"),
        _side(derivation, TRANSPORT, derivation.transport, dynamics, command),
        Paragraph("The right side, term by term:"),
        _side(derivation, DIFFUSION, derivation.diffusion, dynamics, command),
        *_difference(derivation, verification, dynamics),
    ]
    return Section("Stationarity, line by line", tuple(blocks))


def _vanishing(dynamics: Dynamics) -> list[Block]:
    """The terms that are zero, and why."""
    found = []
    for x in dynamics.variables:
        name, d = symbol_latex(x.name), _derivative(x)
        drift, dot = dynamics.drift[x], r" \cdot" if x.shape else ""
        if drift == ZERO:
            found.append(f"$v_{{{name}}} = 0$.")
        elif not drift.depends_on(x):
            found.append(f"${d}{dot} v_{{{name}}} = 0$: $v_{{{name}}}$ does not hold ${name}$.")
        if dynamics.hamiltonian is not None and not dynamics.hamiltonian.depends_on(x):
            found.append(f"${d} H = 0$: $H$ does not hold ${name}$.")
    for (x, y), block in dynamics.blocks():
        if not block.depends_on(y):
            pair = f"{symbol_latex(x.name)} {symbol_latex(y.name)}"
            dot = r" \cdot" if y.shape else ""
            found.append(
                f"${_derivative(y)}{dot} D_{{{pair}}} = 0$: $D_{{{pair}}}$ does not hold "
                f"${symbol_latex(y.name)}$."
            )
    if len(dict(dynamics.blocks())) < len(dynamics.variables) ** 2:
        rest = "All other blocks of $D$ are zero." if dynamics.diffusion else "$D$ is zero."
        found.append(rest)
    return [Paragraph("These terms vanish:"), Items(tuple(found))] if found else []


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


def _side(
    derivation: Derivation, side: str, total: Tensor, dynamics: Dynamics, command: str
) -> Steps:
    steps = [
        Step(_label(term), _latex(term.value, dynamics), status="proved")
        for term in derivation.terms
        if term.side == side
    ]
    symbol = RIGHT if side == DIFFUSION else LEFT
    result = Step(symbol, _latex(total, dynamics), is_result=True, status="proved")
    return Steps((*steps, result), command)


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


def worked_blocks(
    derivation: Derivation | None, verification: Verification, dynamics: Dynamics
) -> list[Block]:
    """The witness of a refuted stationarity, term by term in numbers; empty where it has none.

    Shown only if the numbers come to the value that the verifier gave.
    """
    check = verification.checks.get("stationarity")
    if derivation is None or check is None or check.witness is None:
        return []
    witness, terms = check.witness, derivation.terms
    sides = (derivation.transport, derivation.diffusion, derivation.residual)
    texts = [repr(tensor) for tensor in (*(term.value for term in terms), *sides)]
    found = values_at(texts, witness, dynamics)
    if found is None or str(found[0][-1]) != witness.value:
        return []
    values, filled = found
    steps = [
        _number_step(_label(term), term.value, value, dynamics)
        for term, value in zip(terms, values, strict=False)
    ]
    left, right = (str(value) for value in values[-3:-1])
    difference = rf"{left} - \left({right}\right) = {values[-1]}"
    given = ", ".join(f"{name} = {value}" for name, value in filled.items())
    said = f", with {mathematics(given, scope_of(dynamics))} for what cancels" if given else ""
    return [
        Paragraph(f"There{said}, the terms of both sides come to"),
        Steps(
            (
                *steps,
                Step(LEFT, left, "sum of the terms with $v$", is_result=True, status="proved"),
                Step(RIGHT, right, "sum of the terms with $D$", is_result=True, status="proved"),
                Step(f"{LEFT} - {RIGHT}", difference, "not zero", is_result=True, status="refuted"),
            )
        ),
    ]


def _number_step(label: str, term: Tensor, value: Fraction, dynamics: Dynamics) -> Step:
    return Step(label, f"{_latex(term, dynamics)} = {value}", status="proved")


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
