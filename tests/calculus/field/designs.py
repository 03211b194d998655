"""Random designs from the complete recipe, and an oracle that shares no code with the engine."""

import random

import mpmath
import sympy as sp

from sdekit.declaration.model.components import Components, components_from_sympy
from tests.calculus.field.models import recipe, sympy_residual

x, y = sp.symbols("x y", real=True)
a = sp.Symbol("a", positive=True)
b = sp.Symbol("b", real=True)
#: Digits of the oracle, and what counts as zero there.
_DIGITS = 40
_SMALL = mpmath.mpf(10) ** -18

_UNARY = (
    sp.exp, sp.sin, sp.cos, sp.tanh, sp.cosh, sp.Abs, sp.atan, sp.asinh, sp.sqrt, sp.log, sp.tan,
    lambda u: sp.log(1 + u**2),
    lambda u: sp.sqrt(1 + u**2),
    lambda u: sp.sqrt(u**2),
    lambda u: (1 + u**2) ** b,
    lambda u: (1 + u**2) ** sp.Rational(1, 3),
    lambda u: u / (1 + u**2),
    lambda u: sp.Max(u, y),
    lambda u: 1 / u,
    lambda u: u**2,
)  # fmt: skip


def random_expression(chance: random.Random, depth: int) -> sp.Expr:
    """A random polynomial, rational or elementary expression in x, y and two parameters."""
    if depth == 0:
        return chance.choice((x, y, x, y, a, b, sp.Rational(chance.randint(-5, 5), 2)))
    one = random_expression(chance, depth - 1)
    rule = chance.randrange(8)
    if rule < 2:
        return one + random_expression(chance, depth - 1)
    if rule < 4:
        return one * random_expression(chance, depth - 1)
    return chance.choice(_UNARY)(one)


def is_clean(components: Components) -> bool:
    """Whether SymPy built it without complex numbers, infinities or distributions."""
    bad = (
        sp.I,
        sp.zoo,
        sp.nan,
        sp.oo,
        sp.DiracDelta,
        sp.Derivative,
        sp.Subs,
        sp.Piecewise,
        sp.atan2,
    )
    return not any(expression.has(*bad) for expression in components.expressions())


def random_design(chance: random.Random, depth: int) -> Components | None:
    """A design that is stationary by construction; None if it is not clean."""
    energy, curl, *roots = (random_expression(chance, depth - k) for k in (0, 1, 1, 1))
    noise = (1 + roots[0] ** 2, roots[1] ** 2 if chance.random() < 0.5 else sp.S.Zero)
    found = recipe((x, y), energy, curl, noise)
    return found if is_clean(found) else None


def perturbed(chance: random.Random, right: Components) -> Components | None:
    """The design with something changed; some changes keep it stationary."""
    drift, energy = list(right.drift), right.hamiltonian
    rule = chance.randrange(3)
    if rule == 0:
        drift[0] = drift[0] + random_expression(chance, 1)
    elif rule == 1:
        drift[1] = drift[1] * chance.choice((2, -1))
    else:
        energy = energy + chance.choice((x, x * y, sp.sqrt(x**2), sp.S.One)) / 2
    found = components_from_sympy((x, y), drift, dict(right.diffusion), energy)
    return found if is_clean(found) else None


def is_zero_by_oracle(components: Components, chance: random.Random) -> bool | None:
    """Whether the residual vanishes at random points at 40 digits; None without real points."""
    roots = {
        part
        for expression in components.expressions()
        for part in sp.preorder_traversal(expression)
        if part.is_Pow or isinstance(part, sp.log)
    }
    # Off the kinks, which random points miss, SymPy's point masses are zero.
    residual = sympy_residual(components).replace(sp.DiracDelta, lambda *_: sp.S.Zero)
    symbols = sorted({s for e in (residual, *roots) for s in e.free_symbols}, key=str)
    values_at = sp.lambdify(symbols, [residual, *roots], "mpmath")
    worst, points = mpmath.mpf(0), 0
    with mpmath.workdps(_DIGITS):
        for _ in range(40):
            at = [mpmath.mpf(chance.randint(-300, 300)) / 97 for _ in symbols]
            at = [abs(v) + 1 if s.is_positive else v for s, v in zip(symbols, at, strict=True)]
            try:
                values = [mpmath.mpmathify(v) for v in values_at(*at)]
            except (ZeroDivisionError, OverflowError):
                continue
            if all(abs(mpmath.im(v)) < _SMALL and abs(v) < 1e15 for v in values):
                worst, points = max(worst, abs(values[0])), points + 1
            if points == 8:
                break
    return bool(worst < _SMALL) if points else None
