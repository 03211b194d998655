"""Calculus with single expressions: zero test, and field elements with operators.

For the rungs that need more than a residual: brackets of vector fields, minors, quotients.

Not for residuals of a triple (`stationarity.py`) and not for currents (`currents.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from sdekit.calculus.field.admission import check_input
from sdekit.calculus.field.conditions import condition_texts
from sdekit.calculus.field.reading import Reader
from sdekit.calculus.field.ring.element_factors import power
from sdekit.calculus.field.ring.polynomial import Polynomial
from sdekit.calculus.field.ring.tower import Tower
from sdekit.calculus.field.scenes import plain_scene, reader_of
from sdekit.calculus.field.witnesses.ball_functions import Number
from sdekit.calculus.field.witnesses.random_points import Scene
from sdekit.calculus.field.witnesses.taylor import Expander, ValueOf
from sdekit.calculus.field.zero_proof import Decision, decide
from sdekit.calculus.limits import spending
from sdekit.declaration.model.sympy_types import Expr
from sdekit.errors import VerificationError

#: Seconds granted to one zero test when nothing is said.
DEFAULT_BUDGET = 10.0


def is_zero(
    expression: Expr,
    coordinates: Sequence[sp.Symbol] = (),
    *,
    scene: Scene | None = None,
    budget: float | None = DEFAULT_BUDGET,
) -> bool | None:
    """Whether an expression vanishes wherever it is defined and real.

    Args:
        expression: SymPy.
        coordinates: The symbols that unknown functions may be differentiated along.
        scene: What is assumed, instead of the coordinates alone.
        budget: Seconds granted; None for no limit.

    Returns:
        True: proved. False: it is not zero at some exact point. None: neither was found.

    Raises:
        Unsupported: If it holds something inexact, unreal or unknown.
        BudgetExceeded: If the time granted is over.

    Example:
        >>> x = sp.Symbol("x", real=True)
        >>> is_zero(sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1), is_zero(sp.sqrt(x**2) - x)
        (True, False)

    Checked by: tests/calculus/field/test_elements.py.
    """
    return zero_decision(expression, coordinates, scene=scene, budget=budget).is_zero


def zero_decision(
    expression: Expr,
    coordinates: Sequence[sp.Symbol] = (),
    *,
    scene: Scene | None = None,
    budget: float | None = DEFAULT_BUDGET,
) -> Decision:
    """The same as `is_zero`, with the reason, the witness and the side conditions."""
    expression = sp.sympify(expression)
    known = plain_scene(coordinates) if scene is None else scene

    def value_at(value_of: ValueOf) -> Number:
        return Expander(known.coordinates, value_of, wanted=()).expand(expression).value

    def normal_form(reader: Reader) -> tuple[Tower, Polynomial]:
        return reader.tower, reader.read(expression)

    with spending(budget):
        check_input(expression)
        return decide(value_at, normal_form, known)


class DifferentialField:
    """A field of functions of the coordinates that is closed under division and derivatives.

    Args:
        coordinates: The symbols that derivatives are taken along.
        scene: What is assumed, instead of the coordinates alone.
        is_fine: Whether kernels are taken apart as far as possible; slower, complete for more.

    Example:
        >>> x = sp.Symbol("x", real=True)
        >>> field = DifferentialField([x])
        >>> f = field.element(sp.exp(x)) / field.element(x)
        >>> (f.derivative(x) - f + f / field.element(x)).is_zero()
        True

    Checked by: tests/calculus/field/test_elements.py.
    """

    def __init__(
        self,
        coordinates: Sequence[sp.Symbol],
        *,
        scene: Scene | None = None,
        is_fine: bool = True,
    ) -> None:
        self.scene = plain_scene(coordinates) if scene is None else scene
        self.reader = reader_of(self.scene, is_fine=is_fine)
        self.places = {symbol: place for place, symbol in enumerate(self.scene.coordinates)}

    def element(self, expression: Expr | int) -> Element:
        """An expression as an element.

        Raises:
            Unsupported: If it holds something inexact, unreal or unknown.
        """
        return Element(self, self.reader.read(sp.sympify(expression)))

    @property
    def side_conditions(self) -> tuple[str, ...]:
        """Where everything read and divided so far is defined, as far as that is not certain."""
        return condition_texts(self.reader)


class Element:
    """An immutable element of a field, with + - * / and integer powers."""

    __slots__ = ("field", "polynomial")

    def __init__(self, field: DifferentialField, polynomial: Polynomial) -> None:
        self.field = field
        self.polynomial = polynomial

    @property
    def _tower(self) -> Tower:
        return self.field.reader.tower

    def _other(self, other: Element | int) -> Polynomial:
        if isinstance(other, Element):
            if other.field is not self.field:
                raise VerificationError(
                    "two elements belong to different fields",
                    fix="read both expressions with the same DifferentialField",
                )
            return other.polynomial
        return Polynomial.number(other)

    def _made(self, polynomial: Polynomial) -> Element:
        return Element(self.field, self._tower.reduced(polynomial))

    def __add__(self, other: Element | int) -> Element:
        return self._made(self.polynomial + self._other(other))

    def __sub__(self, other: Element | int) -> Element:
        return self._made(self.polynomial - self._other(other))

    def __mul__(self, other: Element | int) -> Element:
        return self._made(self.polynomial * self._other(other))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: int) -> Element:
        return self._made(self._other(other) - self.polynomial)

    def __neg__(self) -> Element:
        return Element(self.field, -self.polynomial)

    def __truediv__(self, other: Element | int) -> Element:
        divisor = self._other(other)
        quotient = self._made(self.polynomial * self._tower.inverse(divisor))
        self.field.reader.require("nonzero", self._tower.expression(divisor))
        return quotient

    def __pow__(self, exponent: int) -> Element:
        return self._made(power(self._tower, self.polynomial, exponent))

    def derivative(self, coordinate: sp.Symbol) -> Element:
        """The partial derivative along a coordinate.

        Raises:
            VerificationError: If it is no coordinate of the field.
        """
        if coordinate not in self.field.places:
            raise VerificationError(
                "no coordinate of the field",
                expected=self.field.scene.coordinates,
                found=coordinate,
            )
        place = self.field.places[coordinate]
        return self._made(self._tower.derivative(self.polynomial, place))

    def is_zero(self) -> bool:
        """Whether the normal form is zero, which proves that the element is.

        False is no proof of the contrary: see `elements.is_zero`.
        """
        return self._tower.is_zero(self.polynomial)

    def expression(self) -> Expr:
        """The element in SymPy."""
        return self._tower.expression(self._tower.reduced(self.polynomial))
