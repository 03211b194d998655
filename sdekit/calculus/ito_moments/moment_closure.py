r"""From monomials to all that their equations read: the generator applied until nothing is new.

$$\frac{d}{dt}\,E f = E\,Lf,\qquad
  Lf = \sum_i v_i\,\partial_i f + \sum_{ij} D_{ij}\,\partial_i\partial_j f$$

Not for whether the equations hold (`moment_bounds`) nor for solving them (`moment_equations`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import sympy as sp

from sdekit.calculus.ito_moments.moment_ring import (
    MomentRing,
    Monomial,
    NotPolynomialError,
    Terms,
    sum_of_terms,
)
from sdekit.declaration.model.components import Components
from sdekit.errors import MomentError

#: More equations than this are neither printed nor solved by anybody.
MOST_MONOMIALS = 1500
#: Steps from a moment that was asked for to one that it needs; a chain as long as this goes on.
LONGEST_CHAIN = 12


@dataclass
class Generator:
    """The Ito generator of one declaration on its ring.

    Attributes:
        components: v and D in coordinates.
        ring: Of the moments.
    """

    components: Components
    ring: MomentRing
    _read: dict[object, Terms] = field(default_factory=dict)

    def _coefficient(self, key: int | tuple[int, int], f: Monomial) -> Terms:
        if key not in self._read:
            of_drift = isinstance(key, int)
            entry = self.components.drift[key] if of_drift else self.components.diffusion[key]
            try:
                self._read[key] = self.ring.read(entry)
            except NotPolynomialError as error:
                raise self._refused(key, f, error.args[0]) from None
        return self._read[key]

    def _refused(self, key: int | tuple[int, int], f: Monomial, part: object) -> MomentError:
        x = self.components.coordinates
        what = f"drift of {x[key]}" if isinstance(key, int) else f"D of {x[key[0]]}, {x[key[1]]}"
        return MomentError(
            f"the equation of E[{self.ring.expression(f)}] is none of moments",
            expected="polynomials in the variables, and in cosines and sines of them",
            found=f"{part} in the {what}",
            fix="name by of= the variables that are asked for, or simulate with sk.simulate",
        )

    def applied(self, f: Monomial) -> Terms:
        """L f."""
        terms: Terms = {f: sp.Integer(1)}
        support = sorted(self.ring.support(f))
        first = {i: self.ring.partial(terms, i) for i in support}
        parts = [self.ring.times(self._coefficient(i, f), first[i]) for i in support
                 if self.components.drift[i] != 0]  # fmt: skip
        for i in support:
            for j in support:
                if (i, j) in self.components.diffusion:
                    second = self.ring.partial(first[i], j)
                    if second:
                        parts.append(self.ring.times(self._coefficient((i, j), f), second))
        return sum_of_terms(parts)


def closed(generator: Generator, asked: Iterable[Monomial]) -> dict[Monomial, Terms]:
    """L of every monomial that is asked for and of all that these need, in that order.

    Raises:
        MomentError: If a coefficient that is needed is no polynomial, or new moments come up
            without end.
    """
    found: dict[Monomial, Terms] = {}
    reason: dict[Monomial, Monomial | None] = dict.fromkeys(asked)
    waiting = list(reason)
    while waiting:
        f = waiting.pop(0)
        if len(reason) > MOST_MONOMIALS or len(_chain(reason, f)) > LONGEST_CHAIN:
            raise _endless(generator.ring, _chain(reason, f), len(reason))
        found[f] = generator.applied(f)
        for needed in sorted(found[f], reverse=True):
            if needed not in reason and needed != generator.ring.one:
                reason[needed] = f
                waiting.append(needed)
    return found


def _chain(reason: dict[Monomial, Monomial | None], f: Monomial) -> list[Monomial]:
    """From the monomial that was asked for to f, each needing the next."""
    chain = [f]
    while (before := reason[chain[0]]) is not None:
        chain.insert(0, before)
    return chain


def _endless(ring: MomentRing, chain: list[Monomial], count: int) -> MomentError:
    names = [f"E[{ring.expression(f)}]" for f in chain]
    further = [f", that of {a} holds {b}" for a, b in pairwise(names[1:4])]
    if len(names) == 1:
        return MomentError(
            "there are too many moments",
            expected=f"at most {MOST_MONOMIALS}",
            found=count,
            fix="lower the order or the sizes, or name by of= the variables that are asked for",
        )
    return MomentError(
        f"the moments do not close: the equation of {names[0]} holds {names[1]}"
        + "".join([*further, " and so on"] if further else []),
        found=f"{count} moments without an end",
        fix="simulate with sk.simulate, or name by of= variables whose moments close",
    )
