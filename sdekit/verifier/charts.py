r"""Blocks on the simplex, in order or positive definite, in coordinates that move freely.

A chart is a bijection $X = F(Y)$ of the inside of the domain with free coordinates Y:
shares $w_i = b_i\prod_{j<i}(1 - b_j)$, $0 < b_i < 1$; gaps $x_{i+1} = x_i + g_i$, $g_i > 0$; and
roots $X = LL^\top$, $L_{ii} > 0$. By Ito's rule, with F' the Jacobian,
$$D_Y = F'^{-1} D\,F'^{-\top},\qquad v_Y = F'^{-1}(v - D_Y : F''),\qquad
H_Y = H\circ F - \log|\det F'|.$$
At given sizes only, and without unknown functions. Not for verdicts (`joint_domains`).

Notation: b shares, g gaps, L roots.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import sympy as sp

from sdekit.calculus.limits import Unsupported, tick
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr, Matrix, Symbol
from sdekit.declaration.tree.domains import REAL, Domain
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.pointwise.componentwise import read_back

_UNIT = Domain("interval", Fraction(0), Fraction(1))
_HALF_LINE = Domain("positive")


@dataclass(frozen=True)
class Chart:
    """The free coordinates Y of a model at given sizes.

    Attributes:
        dynamics: The model in these coordinates, all scalars.
        leaving: What has to vanish for the process to stay on the simplex, with what it is.
        texts: The declared entries as functions of the free coordinates.
    """

    dynamics: Dynamics
    leaving: tuple[tuple[str, Expr], ...]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class _Block:
    """One variable: its free coordinates with their domains, and the image of each entry."""

    free: tuple[tuple[Symbol, Domain], ...]
    image: tuple[Expr, ...]


def chart_of(dynamics: Dynamics, sizes: Mapping[str, int]) -> Chart:
    """The model in free coordinates.

    Args:
        dynamics: With at least one variable on a domain of a whole block.
        sizes: One for each open dimension.

    Raises:
        Unsupported: For unknown functions, definite matrix parameters, gradient noise, time, names
            that are taken, and blocks of one entry on the simplex.

    Checked by: tests/verifier/test_joint_domains.py.
    """
    matrices = any(p.assumptions & _MATRICES for p in dynamics.parameters)
    if dynamics.functions or matrices or dynamics.gradient_noise or dynamics.depends_on_time:
        raise Unsupported(
            "free coordinates are written for models without unknown functions, definite matrix "
            "parameters, gradient noise and time"
        )
    at = dynamics.at(**sizes)
    old, image, free, kept = _blocks(at)
    taken = {s.name for s in (*at.coordinates, *at.parameters)}
    if any(s.name in taken and s not in at.coordinates for s, _ in free):
        raise Unsupported("a name of the free coordinates is taken")
    back = dict(zip(at.coordinates, image, strict=True))

    def pulled(expression: Expr) -> Expr:
        return sp.factor(expression.xreplace(back))

    leaving = [(name, pulled(e)) for name, e in _leaving(at)]
    slope: Matrix = sp.Matrix([image[i] for i in kept]).jacobian([s for s, _ in free])
    inverse = slope.inv().applyfunc(sp.factor)
    noise = sp.Matrix(
        len(kept), len(kept), lambda i, j: pulled(at.diffusion.get((kept[i], kept[j]), sp.S.Zero))
    )
    noise = (inverse * noise * inverse.T).applyfunc(sp.factor)
    drift = sp.Matrix(
        [pulled(at.drift[k]) - _curved(image[k], [s for s, _ in free], noise) for k in kept]
    )
    drift = (inverse * drift).applyfunc(sp.factor)
    volume = sp.factor(slope.det(method="berkowitz"))
    symbols = {symbol: Variable(symbol.name, (), None, domain) for symbol, domain in free}
    tick(len(free) ** 2)
    return Chart(
        _as_dynamics(dynamics, at, (symbols, drift, noise), (back, volume), old),
        tuple((name, e) for name, e in leaving if e != 0),
        tuple(f"{s} = {e}" for s, e in back.items() if s != e),
    )


_MATRICES = frozenset({"positive_definite", "positive_semidefinite"})


def _blocks(
    at: Components,
) -> tuple[dict[Symbol, bool], list[Expr], list[tuple[Symbol, Domain]], list[int]]:
    """Which free coordinates are of the target; images; free coordinates; independent entries."""
    targets: dict[Symbol, bool] = {}
    image: list[Expr] = []
    free: list[tuple[Symbol, Domain]] = []
    kept: list[int] = []
    for x, positions in at.variables:
        symbols = tuple(at.coordinates[k] for k in positions)
        maker = _CHARTS.get(x.domain.kind)
        if maker is None:
            block = _Block(
                tuple((s, at.domains[k]) for s, k in zip(symbols, positions, strict=True)), symbols
            )
        else:
            block = maker(x.name, symbols)
        image += block.image
        free += block.free
        kept += positions[: len(block.free)]
        is_target = bool(set(symbols) & set(at.target_coordinates))
        targets.update({s: is_target for s, _ in block.free})
    return targets, image, free, kept


def _shares(name: str, entries: tuple[Symbol, ...]) -> _Block:
    if len(entries) < 2:
        raise Unsupported("the simplex of one entry is a point")
    shares = [sp.Symbol(f"{name}_share_{i + 1}", positive=True) for i in range(len(entries) - 1)]
    image, left = [], sp.S.One
    for b in shares:
        image.append(left * b)
        left *= 1 - b
    return _Block(tuple((b, _UNIT) for b in shares), (*image, left))


def _gaps(name: str, entries: tuple[Symbol, ...]) -> _Block:
    gaps = [sp.Symbol(f"{name}_gap_{i}", positive=True) for i in range(1, len(entries))]
    image = list(itertools.accumulate((entries[0], *gaps)))
    return _Block(((entries[0], REAL), *((g, _HALF_LINE) for g in gaps)), tuple(image))


def _roots(name: str, entries: tuple[Symbol, ...]) -> _Block:
    n = next(k for k in range(1, len(entries) + 1) if k * (k + 1) // 2 == len(entries))
    root = sp.zeros(n, n)
    free = []
    for i, j in itertools.combinations_with_replacement(range(n), 2):
        symbol = sp.Symbol(f"{name}_root_{j + 1}_{i + 1}", real=True, positive=i == j or None)
        root[j, i] = symbol
        free.append((symbol, _HALF_LINE if i == j else REAL))
    whole = root * root.T
    pairs = itertools.combinations_with_replacement(range(n), 2)
    return _Block(tuple(free), tuple(sp.expand(whole[i, j]) for i, j in pairs))


_CHARTS = {"simplex": _shares, "ordered": _gaps, "positive_definite": _roots}


def _leaving(at: Components) -> list[tuple[str, Expr]]:
    """Sums of v, rows and columns of D over blocks on the simplex, which have to vanish."""
    found = []
    for x, positions in at.variables:
        if x.domain.kind != "simplex":
            continue
        found.append((f"the sum of the drift of {x.name}", sum(at.drift[k] for k in positions)))
        for row, symbol in enumerate(at.coordinates):
            # The chart reads the first entries only, which may hide that D is not symmetric.
            for side, pairs in (
                ("row", [(row, k) for k in positions]),
                ("column", [(k, row) for k in positions]),
            ):
                total = sum((at.diffusion.get(pair, sp.S.Zero) for pair in pairs), sp.S.Zero)
                found.append((f"the sum of {side} {symbol} of D over {x.name}", total))
    return found


def _curved(image: Expr, free: list[Symbol], noise: Matrix) -> Expr:
    """D_Y : F''."""
    total = sp.S.Zero
    for i, j in itertools.product(range(len(free)), repeat=2):
        second = image.diff(free[i], free[j])
        if second != 0:
            total += noise[i, j] * second
    return total


def _as_dynamics(
    dynamics: Dynamics,
    at: Components,
    coefficients: tuple[dict[Symbol, Variable], Matrix, Matrix],
    measure: tuple[dict[Symbol, Expr], Expr],
    is_target: Mapping[Symbol, bool],
) -> Dynamics:
    symbols, drift, noise = coefficients
    back, volume = measure
    keys = list(symbols.values())
    log_volume = _logarithm(volume)
    energies = []
    for energy, terms in (
        (at.hamiltonian, [log_volume]),
        (at.target, [t for t in sp.Add.make_args(log_volume) if _is_of(t, is_target)]),
    ):
        pulled = None if energy is None else _pulled_energy(energy, back) - sum(terms, sp.S.Zero)
        energies.append(None if pulled is None else _read(pulled, symbols))
    pairs = itertools.product(enumerate(keys), repeat=2)
    return Dynamics(
        drift={x: _read(drift[i], symbols) for i, x in enumerate(keys)},
        diffusion={
            (x, y): _read(noise[i, j], symbols) for (i, x), (j, y) in pairs if noise[i, j] != 0
        },
        hamiltonian=energies[0],
        target=energies[1],
        target_variables=[x for s, x in symbols.items() if is_target[s]]
        if energies[1] is not None
        else None,
        assume=dynamics.assume,
    )


def _read(expression: Expr, symbols: Mapping[Symbol, Variable]) -> Expression:
    """Back in the grammar, with 1 - b for what a share leaves, which is positive."""
    left: dict[Expr, Expr] = {}
    meanings: dict[Symbol, Expression] = dict(symbols)
    for b, x in symbols.items():
        if x.domain == _UNIT and b.is_positive:
            rest = sp.Symbol(f"{b.name}_left", positive=True)
            left |= {b - 1: -rest, 1 - b: rest}
            meanings[rest] = 1 - x
    return read_back(expression.xreplace(left), meanings)  # type: ignore[arg-type]


def _is_of(term: Expr, is_target: Mapping[Symbol, bool]) -> bool:
    return all(is_target[s] for s in term.free_symbols if s in is_target)


def _pulled_energy(energy: Expr, back: Mapping[Symbol, Expr]) -> Expr:
    found = energy.xreplace(dict(back))
    logs = {node: _logarithm(sp.factor(node.args[0])) for node in found.atoms(sp.log)}
    return sp.expand(found.xreplace(logs))


def _logarithm(product: Expr) -> Expr:
    """log of a product of factors, taken apart where each factor is positive."""
    total, rest = sp.S.Zero, sp.S.One
    for factor in sp.Mul.make_args(product):
        base, exponent = factor.as_base_exp()
        if _is_left_over(-base) and exponent.is_Integer:
            # 1 - b is factored as -(b - 1).
            base, rest = -base, rest * (-1) ** exponent
        if base.is_positive or _is_left_over(base):
            total += exponent * sp.log(base)
        else:
            rest *= factor
    return total + (sp.S.Zero if rest == 1 else sp.log(rest))


def _is_left_over(base: Expr) -> bool:
    """Whether it is 1 - b with a share b."""
    share = 1 - base
    return bool(share.is_Symbol and share.is_positive and "_share_" in share.name)
