r"""The linear system of moments that closes: its matrix, and expressions read as its moments.

Not for setting it up (`moment_equations`) nor for solving it (`moment_values`, `moment_limits`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy as sp

from sdekit.calculus.ito_moments.moment_ring import (
    MomentRing,
    Monomial,
    NotPolynomialError,
    Terms,
)
from sdekit.declaration.model.component_reader import TIME, ComponentReader
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr, Matrix
from sdekit.declaration.tree.expression import Expression
from sdekit.errors import MomentError

#: Equations that are printed.
MOST_SHOWN = 40


@dataclass(frozen=True, eq=False)
class MomentSystem:
    r"""The linear system $dm/dt = A(t)\,m + b(t)$ of moments m that closes.

    Attributes:
        dynamics: The declaration.
        monomials: What the moments are of, as SymPy expressions; those asked for come first.
        conditions: What is assumed for the equations to hold, in words; empty where it is proved.
        components: The declaration in coordinates.
        ring: What the moments are polynomials of.
        applied: L f of each moment f.
    """

    dynamics: Dynamics
    monomials: tuple[Expr, ...]
    conditions: tuple[str, ...]
    components: Components = field(repr=False)
    ring: MomentRing = field(repr=False)
    applied: Mapping[Monomial, Terms] = field(repr=False)

    @cached_property
    def places(self) -> dict[Monomial, int]:
        """The row of each moment."""
        return {f: k for k, f in enumerate(self.applied)}

    @cached_property
    def entries(self) -> dict[tuple[int, int], Expr]:
        """The entries of A that are not zero."""
        return {
            (self.places[f], self.places[g]): coefficient
            for f, terms in self.applied.items()
            for g, coefficient in terms.items()
            if g in self.places
        }

    @cached_property
    def forcing(self) -> tuple[Expr, ...]:
        """The entries of b."""
        return tuple(terms.get(self.ring.one, sp.S.Zero) for terms in self.applied.values())

    @property
    def matrix(self) -> Matrix:
        """A, a SymPy matrix; one row for each moment."""
        size = len(self.monomials)
        return sp.ImmutableMatrix(size, size, lambda i, j: self.entries.get((i, j), 0))

    @property
    def depends_on_time(self) -> bool:
        """Whether A or b contains `sk.time`."""
        return any(TIME in e.free_symbols for e in (*self.entries.values(), *self.forcing))

    def expression(self, given: Any) -> Expr:
        """A variable, the name of a coordinate, or an expression, as one SymPy expression.

        Raises:
            MomentError: If it has several entries, or is nothing of the kind.
        """
        entries = entries_of(self.dynamics, self.components, given)
        if len(entries) != 1:
            raise MomentError(
                "one moment is asked for at a time", found=f"{len(entries)} entries",
                expected=", ".join(map(str, entries[:8])), fix="name an entry",
            )  # fmt: skip
        return entries[0]

    def weights(self, expression: Any) -> dict[int, Expr]:
        """An expression in these moments: the coefficient of each row, that of 1 under -1.

        Raises:
            MomentError: If it is no polynomial, or reads another moment.
        """
        try:
            terms = self.ring.read(self.expression(expression))
        except NotPolynomialError as error:
            raise MomentError("this is no moment", found=str(error.args[0])) from None
        for f in terms:
            if f not in self.places and f != self.ring.one:
                raise MomentError(
                    f"the moment of {self.ring.expression(f)} is not among the equations",
                    expected=", ".join(map(str, self.monomials[:8])),
                    fix="ask for it by a higher order, or by of=",
                )
        return {self.places.get(f, -1): coefficient for f, coefficient in terms.items()}

    def __str__(self) -> str:
        lines = [
            f"dE[{m}]/dt = {self._right(k)}" for k, m in enumerate(self.monomials[:MOST_SHOWN])
        ]
        if len(self.monomials) > MOST_SHOWN:
            lines.append(f"... {len(self.monomials) - MOST_SHOWN} more")
        return "\n".join([*lines, *(f"if {fact}" for fact in self.conditions)])

    def _right(self, row: int) -> str:
        terms = list(self.applied.values())[row]
        shown = sp.Add(
            *(
                coefficient
                * (1 if f == self.ring.one else sp.Symbol(f"E[{self.ring.expression(f)}]"))
                for f, coefficient in terms.items()
            )
        )
        return str(shown)


def entries_of(dynamics: Dynamics, components: Components, given: Any) -> list[Expr]:
    """The entries of a variable or expression."""
    if isinstance(given, Expression):
        reader = ComponentReader(components.sizes, dynamics.names)
        for x, places in components.variables:
            if given == x:
                return [components.coordinates[i] for i in places]
        return list(reader.array(given).flat)
    named = {str(x): x for x in components.coordinates}
    written = sp.sympify(given) if isinstance(given, (int, sp.Basic)) else None
    if isinstance(given, str) and given in named:
        written = named[given]
    if written is None:
        raise MomentError(
            "this is no variable and no expression of variables", found=repr(given)[:60],
            expected=", ".join(list(named)[:8]),
        )  # fmt: skip
    symbols = {x: named[str(x)] for x in written.free_symbols if str(x) in named}
    return [written.xreplace(symbols)]
