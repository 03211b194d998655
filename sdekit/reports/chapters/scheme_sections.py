"""What a report says of the default scheme: its letters and flows, its order, its bias.

Not for what the dynamics is (`dynamics_sections`) nor what it keeps.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sdekit.declaration.text.latex import latex_text, rate_latex, symbol_latex
from sdekit.declaration.tree.symbols import Variable
from sdekit.reports.chapters.flow_lines import flow_text
from sdekit.reports.chapters.formulas import Scope, compact_terms, formula_in, plain
from sdekit.reports.chapters.sentences import mathematics
from sdekit.reports.formats.document import Block, Items, Paragraph, Section, Table
from sdekit.schemes.bias.scheme_bias import Bias
from sdekit.schemes.order.scheme_order import Order
from sdekit.schemes.split.flow_records import Part
from sdekit.schemes.split.splitting import Splitting


def splitting_section(splitting: Splitting) -> Section:
    """The parts with their letters and flows, and the default word."""
    word = (
        f"Default word: {splitting.default_word}. Each letter gets the step divided by the number "
        "of its occurrences; the letters act from left to right."
    )
    blocks: list[Block] = [
        Paragraph(
            "The triple is the sum of parts that are solved one at a time, while everything that a "
            r"part does not move stands still; $\zeta$ are independent standard normal numbers, "
            r"and where a rate $\gamma$ is zero, $(1 - \mathrm{e}^{-\gamma h})/\gamma$ is its "
            "limit $h$."
        ),
        letter_table(splitting.parts),
        Paragraph(word),
    ]
    if splitting.notes:
        blocks.append(Items(tuple(map(plain, splitting.notes))))
    return Section("Splitting", tuple(blocks))


def letter_table(parts: Sequence[Part]) -> Table:
    """The letters with their shares of the dynamics and their flows."""
    rows = tuple(
        (f"{part.letter}, {part.kind}", _moves(part), flow_text(part.flow)) for part in parts
    )
    return Table(("letter", "its share of the dynamics", "its flow over a time $h$"), rows)


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
    scope: Scope = {}
    rows = tuple(
        (
            plain(c.statement).replace(">=", "at least").replace(" = ", " is "),
            mathematics(c.scope, scope),
            mathematics(c.method, scope),
        )
        for c in order.claims
    )
    blocks += [
        Table(("proved", "for", "because"), rows),
        Paragraph(
            r"One step moves the mean of a function by $\mathcal{P}_{h} = \sum_{k} h^{k} "
            r"\mathcal{A}_{k}$; the exact flow has $\mathcal{A}_{k} = \mathcal{L}^{k} / k!$ with "
            r"the generator $\mathcal{L} f = v \cdot \nabla f + D : \nabla \nabla^{\mathsf{T}} f$. "
            r"$\mathcal{A}_{k}^{\dagger}$ is the adjoint under $\mathrm{e}^{-H}$: "
            r"$\mathcal{A}_{k}^{\dagger} 1 = 0$ says that the step keeps $\mathrm{e}^{-H}$ to that "
            f"order. Check again: `sdekit order MODEL {order.word}`."
        ),
    ]
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
            _formula(one.potential),
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
                f"Bias of the mean of {_formula(first.bias.observable)} under {first.bias.word} to "
                "leading order, at one degree of freedom and with all parameters equal to 1. The "
                f"step size is for a bias of {percent}, and stated only below a known limit of "
                f"stability; `sdekit bias MODEL {first.bias.word} --potential ... --set ...` does "
                "the same for other potentials and parameters."
            ),
            Table(("potential", "leading bias", "stable below", f"h for {percent}"), rows),
        ),
    )


def _formula(text: str) -> str:
    """A formula of the target's variable, whose name alone it holds."""
    names = {name: Variable(name) for name in re.findall(r"[A-Za-z]\w*", text)}
    latex = formula_in(text, names)
    return f"${latex}$" if latex else plain(text)


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
