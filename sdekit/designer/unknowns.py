"""The unknowns of a design: coefficients, blocks over a proposed basis, functions of one variable.

A scalar parameter is its own coefficient; a block, or a function of several variables, is a sum of
weighted terms that its shape and arguments suggest; of a scalar function of one scalar variable,
the values and derivatives that occur are unknowns themselves, and what is found for a derivative is
integrated; where that does not work, it is sought among polynomials. Not for the equations
(`matching`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from sdekit.calculus.contraction import Tensor
from sdekit.calculus.contraction import heads as hd
from sdekit.calculus.contraction.heads import Head, Kind
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Call, Expression
from sdekit.declaration.tree.operators import ONE, divide, multiply
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.designer.matching import System
from sdekit.designer.proposals import blocks
from sdekit.designer.raising import raised_to, readable, sum_of
from sdekit.designer.solving import SolvedCase
from sdekit.errors import VerificationError

#: Degree of the polynomials that are tried for a function, beside other terms.
HIGHEST_POWER = 6
#: More coefficients than anybody reads.
MOST_UNKNOWNS = 40


@dataclass(frozen=True)
class Unknown:
    """One unknown and its coefficients.

    Attributes:
        symbol: The parameter or call that is solved for.
        weights: Its coefficients; of a scalar parameter itself.
        basis: The term that each weight multiplies.
    """

    symbol: Parameter | Call
    weights: tuple[Parameter, ...] = ()
    basis: tuple[Expression, ...] = ()

    @property
    def name(self) -> str:
        """What it is called."""
        return self.symbol.function.name if isinstance(self.symbol, Call) else self.symbol.name

    @property
    def variable(self) -> Variable | None:
        """The variable of a function of which nothing is supposed; None for anything else."""
        if self.basis or not isinstance(self.symbol, Call) or self.symbol.shape:
            return None
        arguments = self.symbol.function.arguments
        return arguments[0] if len(arguments) == 1 and not arguments[0].shape else None

    def weighted(self) -> Expression:
        """The unknown as a sum of its terms with their weights."""
        return sum_of(multiply(c, term) for c, term in zip(self.weights, self.basis, strict=True))


def read_unknown(
    dynamics: Dynamics, symbol: Expression, every: Sequence[Expression], *, powers: bool = False
) -> Unknown:
    """An unknown of a dynamics with its basis.

    Args:
        dynamics: Where it occurs.
        symbol: A parameter, or a function as it is declared.
        every: All unknowns, none of which may occur in a basis.
        powers: Whether scalar functions of one scalar are polynomials, and not just any.

    Raises:
        VerificationError: If the dynamics has no such unknown, or nothing is proposed for it.
    """
    nodes = {node for expression in dynamics.expressions() for node in expression.walk()}
    if not isinstance(symbol, (Parameter, Call)) or symbol not in nodes:
        raise VerificationError(
            f"{symbol!r} is no unknown of the dynamics",
            expected="a parameter or function that its v, D or H contains",
            found=repr(symbol)[:60],
            fix="declare alpha = sk.parameter('alpha'), use it, and give the symbol itself",
        )
    if isinstance(symbol, Parameter) and not symbol.shape:
        return Unknown(symbol, (symbol,), ())
    unknown = Unknown(symbol)
    if unknown.variable is not None and not powers:
        return unknown
    arguments = symbol.function.arguments if isinstance(symbol, Call) else ()
    if isinstance(symbol, Call) and any(
        isinstance(node, Call) and node.function == symbol.function and node != symbol
        for node in nodes
    ):
        raise VerificationError(
            f"the unknown function {unknown.name} stands at several points",
            expected="its own arguments everywhere",
        )
    x = unknown.variable
    first = [] if x is None else [ONE, *(raised_to(x, k) for k in range(1, HIGHEST_POWER + 1))]
    basis = blocks(dynamics, symbol.shape, arguments, every, first=first)
    if x is not None:
        basis = basis[: MOST_UNKNOWNS // len(every)]
    if not basis:
        raise VerificationError(
            f"nothing is proposed for {unknown.name} from the shapes of the declaration",
            fix="write it as a sum of terms with unknown coefficients",
        )
    taken = {getattr(node, "name", None) for node in nodes}
    return Unknown(symbol, tuple(_names(unknown.name, len(basis), taken)), basis)


def _names(stem: str, count: int, taken: set[str | None]) -> list[Parameter]:
    while any(f"{stem}_{k + 1}" in taken for k in range(count)):
        stem += "_c"
    return [Parameter(f"{stem}_{k + 1}") for k in range(count)]


# ---------------------------------------------------------------- functions of one variable


def jets_of(unknowns: Sequence[Unknown], tensors: Sequence[Tensor]) -> list[Head]:
    """The values and derivatives of unknown functions that occur, values first."""
    functions = {u.symbol.function for u in unknowns if u.variable is not None}  # type: ignore[union-attr]
    found = {
        head
        for tensor in tensors
        for part in tensor.components()
        for head, _ in part.factors
        if head.kind is Kind.CALL and head.data.function in functions
    }
    highest = {
        f: max((len(h.data.derivatives) for h in found if h.data.function == f), default=0)
        for f in functions
    }
    # A function without derivatives is eliminated before one that would have to be integrated.
    return sorted(found, key=lambda h: (highest[h.data.function], -len(h.data.derivatives), h.uid))


def slopes_of(jets: Sequence[Head], system: System) -> list[tuple[int, int, int]]:
    """Positions of each jet, of its derivative and of its variable, where all three occur."""
    positions = {part.head: k for k, part in enumerate(system.parts)}
    found = []
    for lower, upper in itertools.permutations(jets, 2):
        first, second = lower.data, upper.data
        if first.function == second.function and second.derivatives == (*first.derivatives, 0):
            by = hd.variable(first.function.arguments[0])
            if by in positions:
                found.append((positions[lower], positions[upper], positions[by]))
    return found


def integrated(
    unknown: Unknown, jets: Sequence[Head], system: System, case: SolvedCase
) -> Expression | None:
    """The function of one variable that a solution gives; None where it is free.

    Raises:
        Unsupported: If a derivative is no polynomial in the variable, or depends on other unknown
            functions.
    """
    assert isinstance(unknown.symbol, Call) and unknown.variable is not None
    own = [head for head in jets if head.data.function == unknown.symbol.function]
    positions = {part.head: k for k, part in enumerate(system.parts)}
    solved = [head for head in own if positions.get(head, -1) in case.values]
    if not solved:
        return None
    lowest = min(solved, key=lambda head: len(head.data.derivatives))
    top, bottom = case.values[positions[lowest]]
    order = len(lowest.data.derivatives)
    if not order:
        return system.expression((top, bottom))
    place = positions.get(hd.variable(unknown.variable))
    moving = {*(positions[head] for head in jets if head in positions), *system.field} - {place}
    fixed = (*moving, *(() if place is None else (place,)))
    if any(bottom.degrees()[k] for k in fixed) or any(top.degrees()[k] for k in moving):
        raise Unsupported(f"the derivative of {unknown.name} is not integrated")
    if place is None:
        # Of a constant derivative the variable is no generator of the ring.
        power = raised_to(unknown.variable, order)
        return divide(system.expression((top, bottom), power), math.factorial(order))
    for _ in range(order):
        top = top.integral(place)
    return readable(system.expression((top, bottom)))
