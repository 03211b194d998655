r"""Is exp(-H) stationary under v and D, at given sizes? The residual and its exact zero test.

$$R=\nabla\cdot v-v\cdot\nabla H-\sum_{ij}\big[\partial_i\partial_jD_{ij}-H_i\,\partial_jD_{ij}
    -H_j\,\partial_iD_{ij}+D_{ij}(H_iH_j-H_{ij})\big] = \nabla\cdot J - J\cdot\nabla H$$

with the current $J = v - \nabla\cdot D + D\nabla H$. Two routes that share no code: random exact
points evaluate the first form and refute; the differential field works out the second form and
proves. Convention: Ito, dG = v dt + N(0, 2 D dt), density proportional to exp(-H).

Not for all n (`calculus.contraction`), and not a verdict: what follows from R = 0 is `verify`'s.

Source: MATH, section A.0 (Ding et al. 2014, eq. (9), divided by the density).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import sympy as sp
from flint import fmpq

from sdekit.calculus.field.admission import check_input
from sdekit.calculus.field.reading import Reader
from sdekit.calculus.field.ring.polynomial import ZERO, Polynomial, total
from sdekit.calculus.field.ring.tower import Tower
from sdekit.calculus.field.scenes import reader_of, scene_of
from sdekit.calculus.field.witnesses.ball_functions import Number
from sdekit.calculus.field.witnesses.taylor import Expander, ValueOf
from sdekit.calculus.field.witnesses.witness import PointWitness, search
from sdekit.calculus.field.zero_proof import Decision, decide
from sdekit.calculus.limits import spending
from sdekit.declaration.model.sympy_types import Expr
from sdekit.errors import VerificationError

if TYPE_CHECKING:
    from sdekit.declaration.model.components import Components

#: Seconds granted when nothing is said.
DEFAULT_BUDGET = 20.0


class FieldResidual:
    """The residual of one triple; every answer is worked out when it is first asked for.

    Args:
        components: The triple.
        budget: Seconds for each answer; None for no limit.

    Raises:
        VerificationError: If there is no H.
        Unsupported: If v, D or H hold something inexact or not real.

    Checked by: tests/calculus/field/test_field_residual.py.
    """

    def __init__(self, components: Components, budget: float | None = DEFAULT_BUDGET) -> None:
        if components.hamiltonian is None:
            raise VerificationError(
                "a dynamics without H claims no stationary density",
                fix="declare the hamiltonian",
            )
        self.components = components
        self.scene = scene_of(components)
        self._budget = budget
        check_input(components.hamiltonian, *components.drift, *components.diffusion.values())

    @cached_property
    def decision(self) -> Decision:
        """The zero test with its evidence.

        Raises:
            BudgetExceeded: If the time granted is over.
            Unsupported: If the expressions are not understood.
        """
        with spending(self._budget):
            return decide(self._value_at, self._normal_form, self.scene)

    @property
    def is_zero(self) -> bool | None:
        """True: proved. False: there is a witness. None: neither; `reason` says why."""
        return self.decision.is_zero

    @property
    def reason(self) -> str:
        """Why the zero test ended as it did, as half a sentence."""
        return self.decision.reason

    @property
    def side_conditions(self) -> tuple[str, ...]:
        """Where the expressions are defined, such as `mu != 0`."""
        return self.decision.side_conditions

    def witness(self, seed: int = 0) -> PointWitness | None:
        """A point at which the residual does not vanish, None if none was found.

        Args:
            seed: Other seeds give other points.
        """
        if seed == 0 and "decision" in self.__dict__:
            return self.decision.witness
        with spending(self._budget):
            seeds = range(1000 * seed, 1000 * seed + 24)
            return search(self._value_at, self.scene, seeds).witness

    def expression(self) -> Expr:
        """The normal form in SymPy: 0 when it vanishes.

        Raises:
            BudgetExceeded: If it is too large to be written out.
        """
        with spending(self._budget):
            tower, normal_form = self._normal_form(reader_of(self.scene, is_fine=False))
            return sp.S.Zero if tower.is_zero(normal_form) else tower.expression(normal_form)

    def _value_at(self, value_of: ValueOf) -> Number:
        """R at a point, by the first form."""
        components = self.components
        diffusion, coordinates = components.diffusion, components.coordinates
        pairs = frozenset((min(i, j), max(i, j)) for i, j in diffusion)
        second = Expander(coordinates, value_of, pairs=pairs)
        energy = second.expand(sp.sympify(components.hamiltonian))
        h = energy.gradient
        result: Number = fmpq(0)
        for i, drift in enumerate(components.drift):
            v = Expander(coordinates, value_of, wanted=(i,)).expand(drift)
            result = result + v.gradient.get(i, fmpq(0)) - v.value * h.get(i, fmpq(0))
        for (i, j), entry in diffusion.items():
            d = second.expand(entry)
            h_i, h_j = h.get(i, fmpq(0)), h.get(j, fmpq(0))
            pair = (min(i, j), max(i, j))
            h_ij = energy.hessian.get(pair, fmpq(0))
            result = result - d.hessian.get(pair, fmpq(0)) - d.value * (h_i * h_j - h_ij)
            result = result + h_i * d.gradient.get(j, fmpq(0)) + h_j * d.gradient.get(i, fmpq(0))
        return result

    def _normal_form(self, reader: Reader) -> tuple[Tower, Polynomial]:
        """R by the second form."""
        tower = reader.tower
        slopes, current = current_elements(self.components, reader)
        divergence = [tower.derivative(part, place) for place, part in current.items()]
        advection = [-(part * slopes.get(place, ZERO)) for place, part in current.items()]
        return tower, tower.reduced(total(divergence + advection))


def current_elements(
    components: Components, reader: Reader
) -> tuple[dict[int, Polynomial], dict[int, Polynomial]]:
    """grad H and the non-zero components of the current J = v - div D + D grad H.

    Raises:
        Unsupported: If the expressions are not understood.
    """
    tower = reader.tower
    slopes = tower.gradient(reader.read(sp.sympify(components.hamiltonian)))
    parts = {place: [reader.read(drift)] for place, drift in enumerate(components.drift)}
    for (i, j), entry in components.diffusion.items():
        element = reader.read(entry)
        parts[i].append(-tower.derivative(element, j))
        if j in slopes:
            parts[i].append(element * slopes[j])
    current = {place: tower.reduced(total(terms)) for place, terms in parts.items()}
    # What vanishes only after division is dropped, and the rest is kept as it was written: its
    # products with grad H then cancel term by term.
    return slopes, {
        place: element for place, element in current.items() if element and tower.divided(element)
    }
