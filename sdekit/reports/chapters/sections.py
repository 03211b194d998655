"""What a report says about a dynamics: the triple, the verdicts, the splitting, the experiment.

Not for the derivation (`derivation`) nor for any output format.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.toml_text import marked
from sdekit.declaration.text.latex import dynamics_lines, latex_text, rate_latex, symbol_latex
from sdekit.designer.repair import Repair
from sdekit.reports.chapters.formulas import compact_terms, formula_of, plain, space_of, symbol
from sdekit.reports.experiment import Experiment, figure_of
from sdekit.reports.formats.document import (
    Block,
    Derivation,
    Figure,
    Formula,
    Items,
    Listing,
    Paragraph,
    Section,
    Step,
    Table,
    Verdict,
)
from sdekit.schemes.bias.scheme_bias import Bias
from sdekit.schemes.order.scheme_order import Order
from sdekit.schemes.split.flow_records import Part
from sdekit.schemes.split.splitting import Splitting
from sdekit.verifier.verdict import REQUIRED, Check, Verification, Witness

#: The convention in words and signs, for every report.
CONVENTION = (
    r"Convention: It&ocirc;, $\mathrm{d}z = v\,\mathrm{d}t + \mathcal{N}(0, 2 D\,\mathrm{d}t)$, "
    r"density $\rho \propto \mathrm{e}^{-H}$; $H$ is minus the log density, $U$ a positive "
    "potential."
).replace("&ocirc;", "\N{LATIN SMALL LETTER O WITH CIRCUMFLEX}")


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
        rows.append((name, "any smooth function", _assumed(function.assumptions)))
    for dim in dynamics.dimensions:
        size = "any, at least 1" if dim.size is None else str(dim.size)
        rows.append((symbol(dim.name), "dimension", size))
    return Table(("symbol", "what it is", "where it lives, what is assumed"), tuple(rows))


def _assumed(assumptions: frozenset[str]) -> str:
    return ", ".join(sorted(word.replace("_", " ") for word in assumptions)) or "any value"


#: Names of the checks as readers read them.
CHECK_TITLES = {
    "diffusion_symmetric": "$D$ is symmetric",
    "diffusion_psd": "$D$ is positive semidefinite",
    "stationarity": r"$\mathrm{e}^{-H}$ is stationary",
    "marginalization": "the marginal is the target",
    "normalizable": r"$\mathrm{e}^{-H}$ can be normalized",
    "regularity": "the current has no jump and no pole",
    "non_explosion": "solutions do not explode",
    "uniqueness": "the stationary law is unique",
    "reversibility": "reversible, up to an involution",
}


def _sentence(verification: Verification) -> str:
    """What the verdict of the whole says."""
    claimed = "stationarity" in verification.checks
    if verification.verdict.value == "proved":
        scope = verification.scope
        condition = f"if {' and '.join(verification.conditions)}, " * verification.is_conditional
        said = rf"$\mathrm{{e}}^{{-H}}$ is stationary and its marginal is the target, for {scope}."
        return f"{condition}{said}"
    if verification.verdict.value == "refuted":
        failed = [CHECK_TITLES[name] for name, _ in _refuted(verification, REQUIRED)]
        return f"the claim fails; it is not true that {', nor that '.join(failed)}."
    if not claimed:
        return "no law is claimed, so none is proved; what the dynamics has was checked."
    missing = [CHECK_TITLES[name] for name in verification.open_checks]
    return (
        "neither a proof nor a counterexample was found; all is proved but that "
        f"{', nor that '.join(missing)}."
    )


def verdict_section(verification: Verification, notes: tuple[str, ...] = ()) -> Section:
    """The verdict of the whole, every check with its reason, and what is taken for granted."""
    rows = tuple(
        (CHECK_TITLES.get(name, name), check.verdict.value, plain(check.reason))
        for name, check in verification.checks.items()
    )
    blocks: list[Block] = [
        Verdict(verification.verdict.value, _sentence(verification)),
        Table(("claim", "verdict", "because"), rows, verdict_column=1),
    ]
    if verification.assumptions:
        blocks += [Paragraph("Taken for granted:"), Items(_each_plain(verification.assumptions))]
    if verification.side_conditions:
        conditions = ", ".join(_each_plain(verification.side_conditions))
        blocks.append(Paragraph(f"Valid where {conditions}."))
    blocks += map(Paragraph, _each_plain(notes))
    return Section("Verdict", tuple(blocks))


def _each_plain(sentences: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(plain, sentences))


def _refuted(verification: Verification, names: Iterable[str]) -> list[tuple[str, Check]]:
    found = ((name, verification.checks.get(name)) for name in names)
    return [(name, check) for name, check in found if check is not None and check.is_refuted]


def refutation_section(
    verification: Verification, dynamics: Dynamics, repairs: Sequence[Repair] = ()
) -> Section | None:
    """What is left over, where each refuted claim fails, what would mend it; None if none fails."""
    deciding = _refuted(verification, REQUIRED)
    # Beside a refuted verdict the other claims say nothing new.
    shown = deciding or _refuted(verification, verification.checks)
    blocks: list[Block] = []
    for name, check in shown:
        blocks.append(Paragraph(f"Not true: {CHECK_TITLES[name]}. {_capital(check.reason)}."))
        blocks += _evidence(check, dynamics)
    for number, repair in enumerate(repairs):
        lead = "A small change mends it" if not number else "So does another"
        lines = tuple(Step(left, right) for left, right in dynamics_lines(repair.dynamics))
        said = Paragraph(f"{lead} ({repair.kind}); this dynamics is proved:")
        blocks += [said, Derivation(lines)]
    heading = "Why it fails" if deciding else "What it does not have"
    return Section(heading, tuple(blocks)) if blocks else None


def _capital(sentence: str) -> str:
    sentence = plain(sentence).rstrip(".")
    return sentence[:1].upper() + sentence[1:]


def _evidence(check: Check, dynamics: Dynamics) -> list[Block]:
    blocks: list[Block] = []
    if check.residual is not None:
        blocks.append(Paragraph("What should be zero is"))
        formula = formula_of(check.residual, dynamics)
        blocks.append(Formula(formula) if formula else Listing(check.residual))
    if check.witness is not None:
        blocks += [Paragraph("An exact counterexample:"), _witness(check.witness)]
    return blocks


def _witness(witness: Witness) -> Table:
    given = [*witness.dimensions.items(), *witness.point.items()]
    rows = [(_name(name), str(value)) for name, value in given]
    rows += [(_name(name), plain(text)) for name, text in witness.functions.items()]
    rows += [(f"direction, {_name(k)}", str(v)) for k, v in witness.direction.items()]
    rows.append(("value there", plain(witness.value)))
    return Table(("at", "value"), tuple(rows))


def _name(name: str) -> str:
    return symbol(name) if name.replace("_", "").isalnum() else plain(name)


_FLOW_TITLES = {
    "Shift": "constant rate, exact",
    "OrnsteinUhlenbeck": "Ornstein-Uhlenbeck, exact",
    "LinearBlock": "joint linear block, exact",
    "Rotation": "rotation, exact",
    "GeometricBrownian": "geometric Brownian motion, exact",
    "PowerNoise": "square-root diffusion of a power, exact",
    "IntervalNoise": "exact mean and variance in an interval, order 2",
    "Joint": "independent exact flows",
    "Inexact": "sub-integrator",
}


def splitting_section(splitting: Splitting) -> Section:
    """The parts with their letters and flows, and the default word."""
    rows = tuple(
        (part.letter, part.kind, _moves(part), _FLOW_TITLES[type(part.flow).__name__])
        for part in splitting.parts
    )
    word = (
        f"Default word: {splitting.default_word}. Each letter gets the step divided by the number "
        "of its occurrences; the letters act from left to right."
    )
    blocks: list[Block] = [
        Paragraph("The triple is the sum of parts that are solved one at a time."),
        Table(("letter", "part", "its share of the dynamics", "flow"), rows),
        Paragraph(word),
    ]
    if splitting.notes:
        blocks.append(Items(_each_plain(splitting.notes)))
    return Section("Splitting", tuple(blocks))


def order_section(order: Order) -> Section:
    """Weak and invariant-measure order, what is proved for which n, and the leading term."""
    known = [
        ("weak order", order.weak_order),
        ("order for the stationary law", order.invariant_order),
    ]
    stated = ", ".join(f"{name} {value}" for name, value in known if value is not None)
    blocks: list[Block] = [
        Paragraph(f"The word {order.word}, for every smooth potential: {stated or 'exact'}."),
    ]
    if order.leading_text is not None and order.invariant_order is not None:
        power = order.invariant_order + 1
        blocks += [
            Paragraph(
                r"The step moves the stationary density first at this order, by "
                rf"$\mathcal{{A}}_{{{power}}}^{{\dagger}} 1$, which at one degree of freedom is"
            ),
            Paragraph(" ".join(f"${term}$" for term in compact_terms(order.leading_text))),
        ]
    rows = tuple((plain(c.statement), plain(c.scope), plain(c.method)) for c in order.claims)
    blocks.append(Table(("proved", "for", "because"), rows))
    return Section("Order of the splitting", tuple(blocks))


@dataclass(frozen=True)
class StepAdvice:
    """The bias of a word on one potential, and the step size for a bias that is accepted.

    Attributes:
        potential: As a formula of the target's variable.
        bias: Of the second moment.
        accepted: Relative bias.
        step_size: Recommended for it.
    """

    potential: str
    bias: Bias
    accepted: float
    step_size: float


def bias_section(advice: tuple[StepAdvice, ...]) -> Section:
    """Leading bias of the second moment on example potentials, and recommended step sizes."""
    first = advice[0]
    rows = tuple(
        (
            plain(one.potential),
            _leading_bias(one.bias),
            "none known" if one.bias.stability_limit is None else f"{one.bias.stability_limit:.3g}",
            _step_text(one),
        )
        for one in advice
    )
    percent = f"{100 * first.accepted:g} %"
    return Section(
        "Bias and step size",
        (
            Paragraph(
                f"Bias of the mean of {plain(first.bias.observable)} under {first.bias.word} to "
                "leading order, at one degree of freedom and with all parameters equal to 1. The "
                f"step size is for a bias of {percent}; `sdekit bias` does the same for other "
                "potentials and parameters."
            ),
            Table(("potential", "leading bias", "stable below", f"h for {percent}"), rows),
        ),
    )


def _leading_bias(bias: Bias) -> str:
    if bias.power is None or abs(bias.coefficient) <= bias.error_bound:
        return "none seen"
    power = "h" if bias.power == 1 else f"h^{{{bias.power}}}"
    return rf"${bias.coefficient:.4g} \, {power}$"


def _step_text(one: StepAdvice) -> str:
    if not math.isfinite(one.step_size):
        return "any"
    # Without a limit of stability a step size of leading order has no support.
    return "none stated" if one.bias.stability_limit is None else f"{one.step_size:.3g}"


def _moves(part: Part) -> str:
    pieces = []
    for x, rate in part.updates:
        pieces.append(rf"$\mathrm{{d}}{symbol_latex(x.name)} = {rate_latex(rate)}\,\mathrm{{d}}t$")
    for (x, y), block in part.diffusion:
        label = rf"D_{{{symbol_latex(x.name)} {symbol_latex(y.name)}}}"
        pieces.append(f"${label} = {latex_text(block)}$")
    return ", ".join(pieces)


def experiment_section(experiment: Experiment) -> Section:
    """The figure with one panel for each run, the numbers beside it, and what they show."""
    rows = tuple(
        (
            panel.title,
            f"{panel.kinetic_energy:.3f} \N{PLUS-MINUS SIGN} {panel.kinetic_error:.3f}",
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
            Items(experiment.findings),
        ),
    )


def model_section(dynamics: Dynamics) -> Section:
    """The model, with which everything can be checked again; `sk.load` finds it in the report."""
    said = (
        "This report holds its model: give the report itself to sdekit verify, sdekit report or "
        "sk.load, or save these lines as a file.toml. Nothing of it is ever executed."
    )
    return Section("Model file", (Paragraph(said), Listing(marked(dynamics.to_toml()))))
