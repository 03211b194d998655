r"""The flow of each letter of a splitting written out: what a step of length h does.

Not for finding the flows (`sdekit.schemes.split`) nor for running them (`sdekit.simulation`).

Notation: h the share of the step, $\zeta$ independent standard normal numbers.
Checked by: tests/reports/chapters/test_flow_lines.py.
"""

from __future__ import annotations

from functools import singledispatch

from sdekit.declaration.text.latex import latex_text, rate_latex, symbol_latex
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.schemes.split.flow_records import (
    CommutingNoise,
    GeometricBrownian,
    Inexact,
    IntervalNoise,
    Joint,
    LinearBlock,
    LinearMap,
    OrnsteinUhlenbeck,
    PowerNoise,
    Rotation,
    Rows,
    Shift,
    TakenAlong,
)

_METHODS = {
    "rk4": "the classical Runge-Kutta method of order 4",
    "strang": "half a step of Runge-Kutta, the exact Gaussian increment, half a step",
    "euler_maruyama": "the Euler-Maruyama method of weak order 1",
}


def _scaled(rate: Expression) -> str:
    """A rate behind a factor."""
    shown = rate_latex(rate)
    return rf"\left({shown}\right)" if shown.startswith("-") else shown


def _arrow(x: Variable, value: str) -> str:
    return rf"${symbol_latex(x.name)} \leftarrow {value}$"


@singledispatch
def flow_text(flow: object) -> str:
    """What a flow does in a time h, as text with formulas.

    Args:
        flow: A record of `sdekit.schemes.split.flow_records`.
    """
    raise TypeError(f"no formula for {type(flow).__name__}")


@flow_text.register
def _(flow: Shift) -> str:
    return ", ".join(
        _arrow(x, rf"{symbol_latex(x.name)} + h \, {_scaled(rate)}") for x, rate in flow.updates
    )


@flow_text.register
def _(flow: OrnsteinUhlenbeck) -> str:
    x = symbol_latex(flow.variable.name)
    if flow.friction.is_zero:
        force = "" if flow.force is None else rf" + h \, {_scaled(flow.force)}"
        return _arrow(flow.variable, rf"{x}{force}{_free_noise(flow.diffusion)}")
    if not flow.friction.is_scalar or not flow.diffusion.is_scalar:
        return _matrix_flow(flow)
    (rate,) = flow.friction.pieces
    gamma = _scaled(rate)
    decay = rf"\mathrm{{e}}^{{-{gamma} \, h}}"
    value = rf"{decay} \, {x}"
    if flow.force is not None:
        value += rf" + \frac{{1 - {decay}}}{{{latex_text(rate)}}} \, {rate_latex(flow.force)}"
    if not flow.diffusion.is_zero:
        (noise,) = flow.diffusion.pieces
        share = rf"\frac{{1 - \mathrm{{e}}^{{-2 \, {gamma} \, h}}}}{{{latex_text(rate)}}}"
        value += rf" + \sqrt{{{latex_text(noise)} \, {share}}} \, \zeta"
    return _arrow(flow.variable, value)


def _free_noise(diffusion: LinearMap) -> str:
    if diffusion.is_zero:
        return ""
    if diffusion.is_scalar:
        (noise,) = diffusion.pieces
        return rf" + \sqrt{{2 \, {latex_text(noise)} \, h}} \, \zeta"
    return rf" + \mathcal{{N}}\left(0, 2 h \, {_map_latex(diffusion)}\right)"


def _map_latex(found: LinearMap) -> str:
    """A linear map as one matrix."""
    pieces = []
    if found.scalar is not None:
        pieces.append(rf"{rate_latex(found.scalar)} \, I")
    if found.elementwise is not None:
        pieces.append(rf"\operatorname{{diag}}\left({latex_text(found.elementwise)}\right)")
    if found.matrix is not None:
        pieces.append(latex_text(found.matrix))
    shown = " + ".join(pieces) or "0"
    return rf"\left({shown}\right)" if len(pieces) > 1 else shown


def _matrix_flow(flow: OrnsteinUhlenbeck) -> str:
    x = symbol_latex(flow.variable.name)
    value = rf"\mathrm{{e}}^{{-\Gamma h}} \, {x}"
    if flow.force is not None:
        value += (
            r" + \int_{0}^{h} \mathrm{e}^{-\Gamma s} \, \mathrm{d}s \, "
            rf"{rate_latex(flow.force)}"
        )
    named = [rf"\Gamma = {_map_latex(flow.friction)}"]
    if not flow.diffusion.is_zero:
        value += (
            r" + \mathcal{N}\left(0, 2 \int_{0}^{h} \mathrm{e}^{-\Gamma s} \, \Delta \, "
            r"\mathrm{e}^{-\Gamma^{\mathsf{T}} s} \, \mathrm{d}s\right)"
        )
        named.append(rf"\Delta = {_map_latex(flow.diffusion)}")
    return f"{_arrow(flow.variable, value)} with ${', '.join(named)}$"


@flow_text.register
def _(flow: LinearBlock) -> str:
    names = ", ".join(symbol_latex(x.name) for x in flow.variables)
    entries = [
        rf"M_{{{symbol_latex(x.name)} {symbol_latex(y.name)}}} = {_map_latex(found)}"
        for (x, y), found in flow.matrix
    ]
    entries += [
        rf"\Delta_{{{symbol_latex(x.name)} {symbol_latex(y.name)}}} = {_map_latex(found)}"
        for (x, y), found in flow.diffusion
    ]
    entries += [rf"f_{{{symbol_latex(x.name)}}} = {latex_text(rate)}" for x, rate in flow.force]
    value = r"\mathrm{e}^{M h} \, y"
    if flow.force:
        value += r" + \int_{0}^{h} \mathrm{e}^{M s} \, \mathrm{d}s \, f"
    if flow.diffusion:
        value += (
            r" + \mathcal{N}\left(0, 2 \int_{0}^{h} \mathrm{e}^{M s} \, \Delta \, "
            r"\mathrm{e}^{M^{\mathsf{T}} s} \, \mathrm{d}s\right)"
        )
    return rf"$y = ({names}) \leftarrow {value}$ with ${', '.join(entries)}$, other blocks zero"


@flow_text.register
def _(flow: Rotation) -> str:
    x = symbol_latex(flow.variable.name)
    turned = rf"\mathrm{{e}}^{{h \, {rate_latex(flow.matrix)}}} \, {x}"
    return f"{_arrow(flow.variable, turned)}, a rotation"


@flow_text.register
def _(flow: GeometricBrownian) -> str:
    blocks = dict(flow.noise)
    own, *others = flow.variables
    if others or own.shape:
        return _joint_geometric(flow)
    rates = flow.rates[0]
    x, noise = symbol_latex(own.name), latex_text(blocks[own, own])
    rate = latex_text(rates.scalar) if rates.scalar is not None else "0"
    power = (
        rf"\left({rate} - {rate_latex(blocks[own, own])}\right) h + "
        rf"\sqrt{{2 \, {noise} \, h}} \, \zeta"
    )
    return _arrow(own, rf"{x} \, \exp\left({power}\right)")


def _joint_geometric(flow: GeometricBrownian) -> str:
    names = ", ".join(symbol_latex(x.name) for x in flow.variables)
    entries = [
        rf"r_{{{symbol_latex(x.name)}}} = {_map_latex(rate)}"
        for x, rate in zip(flow.variables, flow.rates, strict=True)
        if not rate.is_zero
    ]
    same = "_{i j}" if flow.is_common else ""
    entries += [
        rf"C_{{{symbol_latex(x.name)} {symbol_latex(y.name)}}}{same} = {latex_text(block)}"
        for (x, y), block in flow.noise
    ]
    power = r"(r_i - C_{i i}) h + \mathcal{N}(0, 2 C h)_i"
    return (
        rf"$y = ({names})$, each entry $y_i \leftarrow y_i \, \exp\left({power}\right)$ with "
        rf"${', '.join(entries)}$"
    )


@flow_text.register
def _(flow: CommutingNoise) -> str:
    names = ", ".join(symbol_latex(x.name) for x in flow.variables)
    entries = [rf"K = {_table(flow.drift)}", rf"G = {_table(flow.gram)}"]
    entries += [rf"E_{{{k + 1}}} = {_table(rows)}" for k, rows in enumerate(flow.generators)]
    power = r"K h + \textstyle\sum_a \xi_a E_a"
    return (
        rf"$y = ({names}) \leftarrow \exp\left({power}\right) y$ with "
        rf"$\xi \sim \mathcal{{N}}(0, 2 G h)$, ${', '.join(entries)}$, which commute"
    )


def _table(rows: Rows) -> str:
    lines = r" \\ ".join(" & ".join(latex_text(entry) for entry in row) for row in rows)
    return rf"\begin{{pmatrix}}{lines}\end{{pmatrix}}"


@flow_text.register
def _(flow: PowerNoise) -> str:
    return _square_root(flow) + "".join(_along(flow.variable, other) for other in flow.along)


def _along(x: Variable, other: TakenAlong) -> str:
    """How a number moves that shares the noise of x."""
    name, y = symbol_latex(x.name), symbol_latex(other.variable.name)
    way = rf"{rate_latex(other.ratio)} \, \Delta {name}"
    end = rf"{y} \, \mathrm{{e}}^{{{way}}}" if other.power else f"{y} + {way}"
    return f"; {_arrow(other.variable, end)}, along with it"


def _square_root(flow: PowerNoise) -> str:
    x = symbol_latex(flow.variable.name)
    if flow.power == 1 and flow.pull is not None and flow.rate.is_scalar and flow.rate.pieces:
        (rate,) = flow.rate.pieces
        grown = rf"\mathrm{{e}}^{{{rate_latex(rate)} \, h}}"
        noise = latex_text(flow.noise)
        scale = rf"c = {rate_latex(flow.noise)} \, \frac{{{grown} - 1}}{{2 \, {_scaled(rate)}}}"
        law = rf"c \, \chi^{{\prime \, 2}}_{{d}}\left({x} \, {grown} / c\right)"
        degrees = rf"d = \frac{{2 \, {rate_latex(flow.pull)}}}{{{noise}}}"
        return f"{_arrow(flow.variable, law)}, noncentral chi-square, with ${scale}$, ${degrees}$"
    power = f"{x}^{{{2 - flow.power}}}" if flow.power != 1 else x
    return (
        f"${power}$ is a square-root diffusion: a scaled noncentral chi-square law, drawn exactly"
    )


@flow_text.register
def _(flow: IntervalNoise) -> str:
    x = symbol_latex(flow.variable.name)
    return (
        f"a law in the interval with the exact mean and variance of ${x}$, weak order {flow.order}"
    )


@flow_text.register
def _(flow: Inexact) -> str:
    often = f", {flow.substeps} sub-steps" if flow.substeps > 1 else ""
    return f"no exact flow is known: {_METHODS[flow.method]}{often}"


@flow_text.register
def _(flow: Joint) -> str:
    return "; ".join(flow_text(one) for one in flow.flows)
