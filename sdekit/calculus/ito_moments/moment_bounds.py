r"""Whether the equation of a moment holds: that the noise adds nothing to its mean.

Ito's formula gives $dE f/dt = E Lf$ once the stochastic integral is a martingale, which it need not
be: $dX = X^2 dW$ has $L x = 0$ and a mean that falls. It is one where positive weights w exist with

$$\deg_w v_i \le w_i,\qquad \deg_w D_{ii} \le 2 w_i,$$

for then $V = 1 + \sum_i |x_i|^{2k/w_i}$ has $LV \le cV$ for each large k: no explosion, and all
moments are bounded on bounded times. With all weights 1 this is linear growth. At the end of a
domain the process must stop by itself (D n = 0, drift inwards), else reflection adds to the mean.

Source: Khasminskii 2012, theorem 3.5, for the bound by V.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from sdekit.declaration.model.components import Components
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.tree.domains import Domain, as_constant
from sdekit.errors import MomentError

#: Functions that a polynomial bound of degree 0 holds for.
BOUNDED = (sp.sin, sp.cos, sp.tanh, sp.atan, sp.erf, sp.sign)
_Growth = Mapping[int, Fraction]


def conditions(components: Components, support: Iterable[int]) -> list[str]:
    """What is assumed for the equations of moments of some coordinates, in words; empty if nothing.

    Raises:
        MomentError: If reflection at the end of a domain adds to a mean.
    """
    involved = _involved(components, set(support))
    found = [fact for i in sorted(involved) for fact in _ends(components, i)]
    for i in range(len(components.coordinates)):
        _refuse_turns(components, i, involved)
    unbounded = {i for i in involved if components.domains[i].kind in ("real", "positive")}
    culprit = _outgrowing(components, unbounded)
    if culprit:
        found.append(f"the stochastic integrals are martingales ({culprit})")
    return found


def _involved(components: Components, support: set[int]) -> set[int]:
    """The coordinates that these depend on, directly or not."""
    place = {x: i for i, x in enumerate(components.coordinates)}
    found: set[int] = set()
    while support - found:
        found |= support
        entries = [components.drift[i] for i in found]
        entries += [e for (i, j), e in components.diffusion.items() if i in found and j in found]
        support = {place[x] for e in entries for x in e.free_symbols if x in place}
    return found


def _ends(components: Components, i: int) -> list[str]:
    """Conditions on the ends of the domain of a coordinate."""
    x, domain = components.coordinates[i], components.domains[i]
    facts = []
    for end, inwards in _end_points(domain):
        for (a, b), entry in components.diffusion.items():
            if i in (a, b) and sp.simplify(entry.subs(x, end)) != 0:
                raise MomentError(
                    f"{x} is reflected at {end}, which adds to its mean what is no moment",
                    expected=f"noise that vanishes at {end}",
                    found=f"D of {components.coordinates[a]}, {components.coordinates[b]}: {entry}",
                    fix="simulate with sk.simulate",
                )
        slope = sp.simplify(inwards * components.drift[i].subs(x, end))
        if slope.is_negative:
            raise MomentError(
                f"{x} is driven out of its domain at {end}",
                expected="a drift that points inwards there",
                found=f"drift {components.drift[i]}",
                fix="simulate with sk.simulate",
            )
        if not slope.is_nonnegative:
            facts.append(f"{slope} >= 0 (the drift points inwards at {x} = {end})")
    return facts


def _refuse_turns(components: Components, i: int, involved: set[int]) -> None:
    """Refuse moments of what the end of another coordinate moves: along D n, or as its momentum.

    Raises:
        MomentError: If coordinate i has an end at which one of those involved jumps or is pushed.
    """
    x, own = components.coordinates[i], components.diffusion
    is_still = not any(i in pair and entry != 0 for pair, entry in own.items())
    for end, _ in _end_points(components.domains[i]):
        read = components.drift[i].subs(x, end).free_symbols if is_still else set()
        for j in involved - {i}:
            y = components.coordinates[j]
            is_pushed = sp.simplify(own.get((i, j), sp.S.Zero).subs(x, end)) != 0
            turns = y in read and components.domains[j].kind == "real"
            if is_pushed or turns:
                raise MomentError(
                    f"{y} is moved where {x} meets its end {end}, which is no moment",
                    expected="moments of what the end leaves alone",
                    found="D that couples the two there"
                    if is_pushed
                    else "a momentum, which turns",
                    fix="simulate with sk.simulate",
                )


def _end_points(domain: Domain) -> list[tuple[Expr, int]]:
    if domain.kind == "positive":
        return [(sp.Integer(0), 1)]
    if domain.kind != "interval":
        return []
    from sdekit.declaration.model.component_reader import ComponentReader

    reader = ComponentReader({})
    ends = (domain.lower, domain.upper)
    return [(reader.scalar(as_constant(end)), side) for end, side in zip(ends, (1, -1), strict=True)
            if end is not None]  # fmt: skip


def _outgrowing(components: Components, unbounded: set[int]) -> str | None:
    """The first coefficient for which there are no weights; None if there are."""
    places = sorted(unbounded)
    column = {i: k for k, i in enumerate(places)}
    rows: list[dict[int, Fraction]] = []
    x = components.coordinates
    entries = [(i, 1, components.drift[i], f"the drift of {x[i]}") for i in places]
    noise = components.diffusion
    entries += [(i, 2, noise[i, i], f"D of {x[i]}") for i in places if (i, i) in noise]
    for target, allowed, entry, name in entries:
        for growth in _growths(components, entry):
            if growth is None:
                return f"the growth of {name} is not known"
            row = {i: q for i, q in growth.items() if i in unbounded}
            row[target] = row.get(target, Fraction(0)) - allowed
            rows.append(row)
            if not _has_weights(rows, column):
                return f"{name} grows too fast"
    return None


def _has_weights(rows: list[dict[int, Fraction]], column: Mapping[int, int]) -> bool:
    """Whether w >= 1 exist with all row . w <= 0; found in floating point, checked exactly."""
    if all(sum(row.values(), Fraction(0)) <= 0 for row in rows):
        return True
    from scipy.optimize import linprog

    matrix = np.zeros((len(rows), len(column)))
    for k, row in enumerate(rows):
        for i, q in row.items():
            matrix[k, column[i]] = q
    found = linprog(np.ones(len(column)), A_ub=matrix, b_ub=np.zeros(len(rows)), bounds=(1, None))
    if found.x is None:
        return False
    weights = [Fraction(float(w)).limit_denominator(1000) for w in found.x]
    return all(w >= 1 for w in weights) and all(
        sum((q * weights[column[i]] for i, q in row.items()), Fraction(0)) <= 0 for row in rows
    )


def _growths(components: Components, entry: Expr) -> list[_Growth | None]:
    """For each term of an entry, the powers of the coordinates that bound it; None if unknown."""
    return [_growth(components, term) for term in sp.Add.make_args(sp.expand(entry))]


def _growth(components: Components, term: Any) -> _Growth | None:
    place: dict[Any, int] = {x: i for i, x in enumerate(components.coordinates)}
    powers: dict[int, Fraction] = {}
    factors: tuple[Any, ...] = sp.Mul.make_args(term)
    for factor in factors:
        base, exponent = factor.as_base_exp()
        if not factor.free_symbols & set(place) or isinstance(factor, BOUNDED):
            continue
        if isinstance(base, BOUNDED) and exponent.is_Integer and exponent > 0:
            continue
        if base not in place or not exponent.is_Rational or exponent < 0:
            return None
        i = place[base]
        powers[i] = powers.get(i, Fraction(0)) + Fraction(int(exponent.p), int(exponent.q))
    return powers
