r"""A number that shares the noise of a square-root diffusion: what of it moves along, what is left.

With $D_{xx} = q x$, $D_{yx} = \kappa q x y$ and $D_{yy} = s x y^2$ the combination
$y e^{-\kappa x}$ has no noise of x: it stands still in the flow of x, and what is left for y has
the noise $(s - \kappa^2 q) x y^2$ and no correlation. So has $y - \kappa x$ with
$D_{yx} = \kappa q x$ and $D_{yy} = s x$. Heston's price is of the first kind, its logarithm of the
second.

Not for finding parts (`sdekit.schemes.split.parts`).

Notation: x the square-root diffusion, y the other number, kappa = `ratio`, s and q as above.
Source: the transformation of Broadie and Kaya (2006), Operations Research 54, 217, and of Andersen
    (2008), eq. (33), between which no time is discretized here but by the order of the parts
    [recalled].
Checked by: tests/schemes/ends/test_shared_noise.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy as sp

from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.text.sympy_reader import from_sympy
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.operators import ZERO, add, multiply, power
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.schemes.ends.vanishing_noise import EntrywiseNoise, entrywise_noise
from sdekit.schemes.split.affine import total
from sdekit.schemes.split.flow_records import Blocks, TakenAlong, Updates


@dataclass(frozen=True)
class SharedNoise:
    """The noise of a number y that shares that of x, in two pieces.

    Attributes:
        along: How y moves with x.
        noise: The blocks of the flow of x, both triangles.
        spread: The noise of y in that flow, over y^2 where y moves by an exponential.
        left: The rest of D_yy; zero where all is shared.
    """

    along: TakenAlong
    noise: Blocks
    spread: Expression
    left: Expression

    def rate(self, drift: Updates) -> Expression:
        """The drift of y in the flow of x, from that of x."""
        rate = multiply(self.along.ratio, total(term for _, term in drift)) if drift else ZERO
        if not self.along.power:
            return rate
        return multiply(add(rate, self.spread), self.along.variable)


def shared_noise(x: Variable, blocks: Blocks) -> SharedNoise | None:
    """How one other number shares the noise of x; None where that is of another kind.

    Args:
        x: Whose noise vanishes at an end like x.
        blocks: All noise of x and of what shares it, both triangles.
    """
    given = dict(blocks)
    others = {y for pair in given for y in pair} - {x}
    if len(others) != 1 or x.shape or any(y.shape for y in others):
        return None
    (y,) = others
    if not {(x, x), (y, x), (y, y)} <= given.keys():
        return None
    cross, own = _in_powers(y, given[y, x]), _in_powers(y, given[y, y])
    if (cross[0], own[0]) not in ((0, 0), (1, 2)):
        return None
    found = [entrywise_noise(x, block) for block in (given[x, x], cross[1], own[1])]
    coefficients = [each.coefficient for each in found if each is not None and each.power == 1]
    if len(coefficients) != 3 or any(c.variables for c in coefficients):
        return None
    ratio, shared, moved, left = _simplified(coefficients)
    is_factor = cross[0] == 1
    mixed, spread, rest = (ZERO if c == ZERO else multiply(c, x) for c in (shared, moved, left))
    if is_factor:
        mixed, rest = multiply(mixed, y), ZERO if rest == ZERO else multiply(rest, power(y, 2))
    noise = (
        ((x, x), given[x, x]), ((x, y), mixed), ((y, x), mixed),
        ((y, y), multiply(spread, power(y, 2)) if is_factor else spread),
    )  # fmt: skip
    return SharedNoise(TakenAlong(y, ratio, int(is_factor)), noise, spread, rest)


def _in_powers(y: Variable, block: Expression) -> tuple[Fraction | None, Expression]:
    """k and c of a block c y^k; None for another function of y."""
    found = entrywise_noise(y, block) if block.depends_on(y) else EntrywiseNoise(Fraction(0), block)
    return (None, block) if found is None else (found.power, found.coefficient)


def _simplified(coefficients: list[Expression]) -> tuple[Expression, ...]:
    """r / q, r, r^2 / q and s - r^2 / q, each as one fraction: equal terms are taken out."""
    reader = ComponentReader({})
    nodes = {node for c in coefficients for node in c.walk() if isinstance(node, Parameter)}
    symbols = {reader.scalar(node): node for node in nodes}
    q, r, s = (reader.scalar(c) for c in coefficients)
    known: dict[Any, Any] = {
        symbol: node for symbol, node in symbols.items() if isinstance(symbol, sp.Symbol)
    }
    fractions = (r / q, r, r**2 / q, s - r**2 / q)
    return tuple(from_sympy(sp.cancel(e), known) for e in fractions)
