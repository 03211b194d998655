r"""Explosion of one coordinate, by Feller's test: exact in one dimension.

For $dx = v\,dt + \sqrt{2D}\,dW$ with $D > 0$ and law exp(-h) the scale has $s' = e^{h}/D$ where the
current $u = v - D' + D h'$ vanishes, and the speed measure is exp(-h): an infinite end is reached
in finite time exactly if $\int s'$ is finite there (the mass being finite). Where
$u\,e^{-h}$ is a constant that is not zero, the end that it points to is always reached: with
$y' = u/D$ the scale is $-e^{-y}$, and $\int e^{-y}\,dm$ is the mass; without noise the time to
infinity is $\int e^{-h}/|J|$. Finite ends reflect or are not reached. Not for several dimensions,
except where one coordinate moves by itself.

Source: Feller (1952), as in Karlin and Taylor (1981), ch. 15.6.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.growth import Z
from sdekit.calculus.expansion.monomial_sums import TooLarge
from sdekit.calculus.expansion.rewriting import substituted
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.sign_values import NEGATIVE, POSITIVE
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.tree.domains import Domain
from sdekit.declaration.tree.expression import (
    Call,
    Elementwise,
    Expression,
    Negation,
    Power,
    Product,
    Quotient,
    Sum,
)
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.currents.smoothness import has_pole
from sdekit.verifier.integrals.tails import Tail, approaches, tail
from sdekit.verifier.pointwise.instances import choices, text_of_choice
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Witness, proved, refuted

if TYPE_CHECKING:
    from sdekit.declaration.model.components import Components

#: What stands for the coordinates that H does not couple to the one in question.
_ELSEWHERE = Fraction(1)


@dataclass(frozen=True)
class Line:
    """One coordinate that moves by itself.

    Attributes:
        x: The coordinate.
        drift: v.
        diffusion: D.
        energy: h, up to a constant.
        current: v - D' + D h'.
        balanced: Whether the current is zero.
        steady: Whether current times exp(-h) is constant.
    """

    x: Variable
    drift: Expression
    diffusion: Expression
    energy: Expression
    current: Expression
    balanced: bool
    steady: bool

    @property
    def ways_out(self) -> tuple[Expression, ...]:
        """x on the way to each infinite end."""
        return tuple(end.towards for end in approaches(self.x.domain) if end.at is None)


def feller_check(problem: Problem) -> Check | None:
    """Explosion of a coordinate that moves by itself; a proof if all coordinates do.

    Args:
        problem: A dynamics with H and without unknown functions.

    Returns:
        Proved at given sizes if every coordinate is decided; refuted, also for all n, with the
        coordinate and parameters; None where the test does not apply.

    Checked by: tests/verifier/confinement/test_feller.py.
    """
    if problem.dynamics.functions:
        return None
    for sizes in problem.trial_sizes():
        at = problem.components(sizes)
        found = [(line, _judged(line, at)) for line in _lines(at)]
        for _, check in found:
            if check is not None and check.is_refuted:
                return check
        if problem.is_for_all_sizes:
            break
        decided = [line for line, check in found if check is not None]
        if found and len(decided) == len(at.coordinates):
            return proved("no end at infinity is reached, by Feller's test")
    return None


def _lines(at: Components) -> Iterator[Line]:
    import sympy as sp

    from sdekit.calculus.field.zero_proof import is_zero
    from sdekit.verifier.pointwise.componentwise import current_of, read_back

    symbols = {
        s: Variable(s.name, (), None, d) for s, d in zip(at.coordinates, at.domains, strict=True)
    }
    for i, x in enumerate(at.coordinates):
        others = {y: _place(d) for y, d in zip(at.coordinates, at.domains, strict=True) if y != x}
        noise = at.diffusion.get((i, i), sp.S.Zero)
        crossed = any(i in pair and pair != (i, i) and e != 0 for pair, e in at.diffusion.items())
        slope = sp.diff(at.hamiltonian, x)
        if crossed or (at.drift[i].free_symbols | noise.free_symbols | slope.free_symbols) & set(
            others
        ):
            continue
        current = current_of(at, i)
        energy = at.hamiltonian.subs(others)
        change = sp.diff(current, x) - current * slope
        parts = (at.drift[i], noise, energy, current)
        v, d, h, u = (read_back(part, symbols) for part in parts)
        balanced = is_zero(current, at.coordinates) is True
        steady = balanced or is_zero(change, at.coordinates) is True
        yield Line(symbols[x], v, d, h, u, balanced, steady)


def _place(domain: Domain) -> Expr:
    import sympy as sp

    if domain.kind != "interval":
        return sp.Rational(_ELSEWHERE)
    return sp.Rational(str(domain.middle))


def _judged(line: Line, at: Components) -> Check | None:
    """Proved, refuted or None for one coordinate."""
    if has_pole(line.drift) or has_pole(line.diffusion) or has_pole(line.energy):
        return None
    plain = _decided(line)
    if plain is not None and plain is not Tail.FINITE:
        return proved(f"no end of {line.x.name} is reached")
    for choice in choices(Sum((line.energy, line.diffusion, line.current))):
        numbers = {s: v for s, v in choice.items() if not isinstance(s, Call)}
        parts = (line.drift, line.diffusion, line.energy, line.current)
        v, d, h, u = (substituted(e, numbers) for e in parts)
        chosen = Line(line.x, v, d, h, u, line.balanced, line.steady)
        if _decided(chosen) is Tail.FINITE:
            point, _ = text_of_choice(numbers)
            witness = Witness(dict(at.sizes), point, f"{line.x.name} reaches infinity")
            return refuted("a solution explodes, by Feller's test", witness)
    return None


def _decided(line: Line) -> Tail | None:
    """FINITE if an end is reached, INFINITE if none is, None if that is open."""
    try:
        return _of_balanced(line) if line.balanced else _of_flowing(line)
    except (Unsupported, TooLarge):
        return None


def _of_balanced(line: Line) -> Tail | None:
    if decided_signs(line.diffusion) != POSITIVE:
        return Tail.INFINITE if collected(line.diffusion) == ZERO else None
    scale = Sum((Negation(line.energy), logarithm_of(line.diffusion)))
    open_ends = False
    for towards in line.ways_out:
        length = tail(substituted(scale, {line.x: towards}))[0]
        mass = tail(substituted(line.energy, {line.x: towards}))[0]
        if length is Tail.FINITE and mass is Tail.FINITE:
            return Tail.FINITE
        open_ends = open_ends or length is not Tail.INFINITE
    return None if open_ends else Tail.INFINITE


def logarithm_of(positive: Expression) -> Expression:
    """log of a product of powers, taken apart so that it can cancel."""
    match positive:
        case Power() if decided_signs(positive.base) == POSITIVE:
            return Product((positive.exponent, logarithm_of(positive.base)))
        case Product() if all(decided_signs(f) == POSITIVE for f in positive.factors):
            return Sum(tuple(map(logarithm_of, positive.factors)))
        case Quotient() if all(decided_signs(f) == POSITIVE for f in positive.children):
            above, below = map(logarithm_of, positive.children)
            return Sum((above, Negation(below)))
    return Elementwise("log", positive)


def _of_flowing(line: Line) -> Tail | None:
    """A constant probability current, which nothing but an explosion can carry on the real line."""
    signs = decided_signs(line.current)
    noise = decided_signs(line.diffusion)
    if not line.steady or line.x.domain.kind != "real" or signs not in (POSITIVE, NEGATIVE):
        return None
    if noise != POSITIVE and expand(line.diffusion):
        return None
    towards = Z if signs == POSITIVE else Negation(Z)
    mass = tail(substituted(line.energy, {line.x: towards}))[0]
    return Tail.FINITE if mass is Tail.FINITE else None
