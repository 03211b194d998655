r"""Coefficients at the ends of a domain: how noise vanishes there, whether a drift has a pole.

Decided in SymPy components of a small size, so that it depends on D, not on how D is written:
`s**2*v/2`, the noise `s*sqrt(v)` and a diagonal matrix times its transpose are one.

Not for the flows that follow from it (`sdekit.schemes.split.parts`).

Notation: x a block of the state, x_i an entry, D its own block of the diffusion.
Checked by: tests/schemes/ends/test_vanishing_noise.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import sympy as sp

from sdekit.calculus.expansion.rewriting import substituted
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.domains import End, as_constant
from sdekit.declaration.tree.expression import Expression, Number
from sdekit.declaration.tree.operators import ONE, ZERO, divide, matmul, multiply, subtract
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import DeclarationError
from sdekit.schemes.solvers.noise_type import diagonal_entries

#: Open sizes are judged at this one.
SIZE = 3


@dataclass(frozen=True)
class EntrywiseNoise:
    r"""D = diag(coefficient_i f(x_i)) with f(x) = x^power, or (x - lower)(upper - x).

    Attributes:
        power: The power; None for the product that vanishes at both ends.
        coefficient: A scalar, or of the shape of x; it does not read x.
    """

    power: Fraction | None
    coefficient: Expression


@lru_cache(maxsize=256)
def entrywise_noise(x: Variable, block: Expression) -> EntrywiseNoise | None:
    """How D reads x, where each entry reads its own alone and in one of these ways.

    Args:
        x: The variable.
        block: Its own block of D.

    Example:
        >>> import sdekit as sk
        >>> v = sk.scalar("v", domain="positive")
        >>> str(entrywise_noise(v, sk.sqrt(v) ** 2 / 2).power)
        '1'
    """
    entries = _own_entries(x, block)
    if not entries:
        return None
    if x.domain.kind == "interval":
        assert x.domain.lower is not None and x.domain.upper is not None
        low, high = _end(x.domain.lower), _end(x.domain.upper)
        if all(_is_free(D / ((s - low) * (high - s)), s) for s, D in entries):
            return _with_coefficient(None, x, block)
        return None
    powers = {_power(s, D) for s, D in entries}
    if len(powers) != 1 or None in powers or x.domain.kind not in ("positive", "real"):
        return None
    (power,) = powers
    return _with_coefficient(power, x, block)


@lru_cache(maxsize=256)
def vanishing_ends(x: Variable, block: Expression) -> tuple[bool, bool]:
    """Whether D is seen to vanish at the lower and at the upper end of the domain of x.

    Args:
        x: The variable.
        block: Its own block of D.
    """
    found = _components(x, block) if x.domain.is_bounded and block.depends_on(x) else None
    if found is None:
        return False, False
    coordinates, D = found
    lower, upper = (
        end is not None
        and all(
            _is_zero_at(D.get((i, i), sp.Integer(0)), s, end) for i, s in enumerate(coordinates)
        )
        for end in _ends(x)
    )
    return lower, upper


@lru_cache(maxsize=256)
def has_pole_at_end(x: Variable, moved: Variable, rate: Expression) -> bool:
    """Whether a drift is seen to be infinite at an end of the domain of x.

    Args:
        x: The variable.
        moved: What the drift moves: x, or its momentum.
        rate: The drift.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x", domain="positive")
        >>> has_pole_at_end(x, x, 2 / x - 1), has_pole_at_end(x, x, 2 - x)
        (True, False)
    """
    if not x.domain.is_bounded or not rate.depends_on(x):
        return False
    alone = Dynamics({moved: rate, **dict.fromkeys(rate.variables - {moved}, ZERO)})
    try:
        found = alone.at(**{d.name: SIZE for d in alone.dimensions if d.size is None})
    except DeclarationError:
        return False
    places = dict(found.variables)
    bottoms = [sp.fraction(sp.together(found.drift[i]))[1] for i in places[moved]]
    return any(
        end is not None and _is_zero_at(bottom, found.coordinates[i], end)
        for bottom in bottoms
        for i in places[x]
        for end in _ends(x)
    )


def _ends(x: Variable) -> tuple[End | None, End | None]:
    return (Fraction(0), None) if x.domain.kind == "positive" else (x.domain.lower, x.domain.upper)


def _is_zero_at(D: sp.Expr, s: sp.Symbol, end: End) -> bool:
    value = D.subs(s, _end(end))
    return value == 0 or sp.cancel(value) == 0


def _end(end: End) -> sp.Expr:
    return ComponentReader({}).scalar(as_constant(end))


def _components(
    x: Variable, block: Expression
) -> tuple[tuple[sp.Symbol, ...], dict[tuple[int, int], sp.Expr]] | None:
    others = block.variables - {x}
    try:
        alone = Dynamics(dict.fromkeys([x, *others], ZERO), {x: block})
        found = alone.at(**{d.name: SIZE for d in alone.dimensions if d.size is None})
    except DeclarationError:
        return None
    places = dict(found.variables)[x]
    return tuple(found.coordinates[i] for i in places), dict(found.diffusion)


def _own_entries(x: Variable, block: Expression) -> list[tuple[sp.Symbol, sp.Expr]]:
    """Each coordinate with its entry of D; nothing where entries share noise or read others."""
    found = _components(x, block) if block.depends_on(x) and x.symmetry is None else None
    if found is None:
        return []
    coordinates, D = found
    if any(i != j for i, j in D) or len(D) != len(coordinates):
        return []
    pairs = [(s, D[i, i]) for i, s in enumerate(coordinates)]
    is_own = all(not (D.free_symbols & set(coordinates)) - {s} for s, D in pairs)
    return pairs if is_own else []


def _is_free(ratio: sp.Expr, s: sp.Symbol) -> bool:
    return not sp.cancel(ratio).has(s)


def _power(s: sp.Symbol, D: sp.Expr) -> Fraction | None:
    found = sp.cancel(sp.powsimp(s * sp.diff(D, s) / D))
    return Fraction(int(found.p), int(found.q)) if isinstance(found, sp.Rational) else None


def _with_coefficient(
    power: Fraction | None, x: Variable, block: Expression
) -> EntrywiseNoise | None:
    """The coefficient, read off at x = 1 or in the middle of the interval."""
    entries = diagonal_entries(block, x)
    if entries is None:
        if x.ndim != 1:
            return None
        # The diagonal of a diagonal matrix, however it is written.
        entries = matmul(block, ex.Ones(x.shape))
    place, scale = Fraction(1), ONE
    if power is None:
        low, high = x.domain.lower, x.domain.upper
        assert low is not None and high is not None
        place = x.domain.middle
        middle = Number(place)
        scale = multiply(subtract(middle, as_constant(low)), subtract(as_constant(high), middle))
    at: Expression = Number(place)
    if x.shape:
        at = multiply(at, ex.Ones(x.shape)) if at != ONE else ex.Ones(x.shape)
    try:
        value = substituted(entries, {x: at})
        return EntrywiseNoise(power, value if scale == ONE else divide(value, scale))
    except (Unsupported, DeclarationError):
        return None
