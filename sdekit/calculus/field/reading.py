"""SymPy expressions read as elements of a differential field.

Exact and without SymPy's `diff`, `simplify` or `expand`: what is trusted is that SymPy's automatic
evaluation changes no value. Functions that satisfy no relation known here (atan, erf, gamma, ...)
are read by the derivative in their record, which is sound: what vanishes for every function with
that derivative vanishes for this one.

Not for numbers: values at points are `balls.py` and `taylor.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import sympy as sp
from flint import fmpq
from sympy.core.function import AppliedUndef

from sdekit.calculus.field.admission import check_input
from sdekit.calculus.field.cells import exact_sign
from sdekit.calculus.field.ring import element_factors as factors
from sdekit.calculus.field.ring import kernel_bases as kernels
from sdekit.calculus.field.ring.generators import Constant, Jet, UnknownFunction
from sdekit.calculus.field.ring.partials import JetOf, read_jet
from sdekit.calculus.field.ring.polynomial import ONE, Polynomial, total
from sdekit.calculus.field.ring.tower import Tower
from sdekit.calculus.field.ring.transcendentals import Primitive
from sdekit.calculus.limits import Unsupported, tick
from sdekit.declaration.functions.records import BY_SYMPY
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.text.sympy_reader import sympy_formula, sympy_function

_HALF = fmpq(1, 2)
#: A coarse tower expands a product only if that gives at most this many terms.
_LARGEST_PRODUCT = 400
#: Numbers that are treated as independent of all others.
_CONSTANTS = (sp.pi, sp.EulerGamma, sp.Catalan)


class Reader:
    """Reads expressions into one tower, each distinct sub-expression once.

    Args:
        tower: Where the generators go.

    Attributes:
        conditions: ("nonzero" or "positive", expression) that what was read needs to be defined.
    """

    def __init__(self, tower: Tower) -> None:
        self.tower = tower
        self.conditions: dict[tuple[str, Expr], None] = {}
        self._known: dict[Expr, Polynomial] = {}
        self._functions: dict[Expr, UnknownFunction] = {}
        self._heights: dict[sp.Basic, int] = {}
        for place, symbol in enumerate(tower.coordinates):
            self._known[symbol] = Polynomial.generator(place)

    def read(self, expression: Expr) -> Polynomial:
        """The expression as an element.

        Raises:
            Unsupported: If it has a part that is no real elementary function, such as a float,
                infinity, the imaginary unit or a Piecewise; or is nowhere defined.
            BudgetExceeded: If it is too large, or the time granted is over.
        """
        expression = sp.sympify(expression)
        check_input(expression, heights=self._heights)
        return self._read(expression)

    def _read(self, expression: Expr) -> Polynomial:
        known = self._known.get(expression)
        if known is None:
            tick()
            handler = _HANDLERS.get(type(expression)) or _handler_of_base(expression)
            known = self._known[expression] = handler(self, expression)
        return known

    def require(self, kind: str, expression: Expr) -> None:
        """Note a condition under which what was read is defined."""
        self.conditions[kind, expression] = None

    # One method for each kind of node

    def _rational(self, expression: Expr) -> Polynomial:
        return Polynomial.number(fmpq(int(expression.p), int(expression.q)))

    def _constant(self, expression: Expr) -> Polynomial:
        return self.tower.element(Constant(expression))

    def _e(self, expression: Expr) -> Polynomial:
        return kernels.exponential(self.tower, ONE)

    def _sum(self, expression: Expr) -> Polynomial:
        return total([self._read(term) for term in expression.args])

    def _product(self, expression: Expr) -> Polynomial:
        elements = sorted((self._read(factor) for factor in expression.args), key=len)
        sizes = [len(element) for element in elements if len(element) > 1]
        if not self.tower.is_fine and len(sizes) > 1 and prod(sizes) > _LARGEST_PRODUCT:
            # v is mostly made of derivatives of H: kept as factors, both cancel unexpanded.
            elements = [factors.kept_whole(self.tower, element) for element in elements]
        result = ONE
        for element in elements:
            result = result * element
        return self.tower.reduced(result)

    def _power(self, expression: Expr) -> Polynomial:
        base, exponent = expression.args
        element = self._read(base)
        if exponent.is_Integer:
            if exponent < 0:
                self.require("nonzero", base)
            return factors.power(self.tower, element, int(exponent))
        if not self.tower.reduced(element):
            raise Unsupported(f"{expression} is a power of zero")
        if exponent.is_integer and self.tower.sign(element) != ONE:
            raise Unsupported(f"{base} to the unknown integer {exponent}: the base may be negative")
        self.require("positive", base)
        sign = exact_sign(self.tower, element)
        if self.tower.reduced(sign * sign) != ONE:
            # Its root is defined there, but the field would speak of the other part only.
            raise Unsupported(f"{base} has a root and vanishes on an open set")
        factors.require_positive(self.tower, element)
        if exponent.is_Rational:
            power = fmpq(int(exponent.p), int(exponent.q))
            return kernels.absolute_power(self.tower, element, power)
        logarithm = kernels.logarithm(self.tower, element)
        return kernels.exponential(self.tower, self._read(exponent) * logarithm)

    def _exp(self, expression: Expr) -> Polynomial:
        return kernels.exponential(self.tower, self._read(expression.args[0]))

    def _log(self, expression: Expr) -> Polynomial:
        element = self._read(expression.args[0])
        self.require("positive", expression.args[0])
        factors.require_positive(self.tower, element)
        return kernels.logarithm(self.tower, element)

    def _cos(self, expression: Expr) -> Polynomial:
        return kernels.rotation(self.tower, self._read(expression.args[0]))[0]

    def _sin(self, expression: Expr) -> Polynomial:
        return kernels.rotation(self.tower, self._read(expression.args[0]))[1]

    def _tan(self, expression: Expr) -> Polynomial:
        self.require("nonzero", sp.cos(expression.args[0]))
        return kernels.tangent(self.tower, self._read(expression.args[0]))

    def _reciprocal(self, expression: Expr) -> Polynomial:
        """cot, sec, csc, coth, sech, csch."""
        record = BY_SYMPY[type(expression).__name__]
        partner = sympy_function(record.reciprocal_of)(expression.args[0])
        self.require("nonzero", sp.sin(expression.args[0]) if type(partner) is sp.tan else partner)
        return self.tower.inverse(self._read(partner))

    def _hyperbolic(self, expression: Expr) -> Polynomial:
        """sinh, cosh, tanh."""
        argument = self._read(expression.args[0])
        up = kernels.exponential(self.tower, argument)
        down = kernels.exponential(self.tower, -argument)
        if isinstance(expression, sp.cosh):
            return (up + down).scaled(_HALF)
        if isinstance(expression, sp.sinh):
            return (up - down).scaled(_HALF)
        return (up - down) * self.tower.inverse(up + down)

    def _abs(self, expression: Expr) -> Polynomial:
        return self.tower.reduced(self.tower.absolute(self._read(expression.args[0])))

    def _sign(self, expression: Expr) -> Polynomial:
        return exact_sign(self.tower, self._read(expression.args[0]))

    def _heaviside(self, expression: Expr) -> Polynomial:
        # SymPy's own derivative of Max and Min; its value at 0 lies on a null set.
        return (exact_sign(self.tower, self._read(expression.args[0])) + ONE).scaled(_HALF)

    def _extremum(self, expression: Expr) -> Polynomial:
        """Max and Min: (a + b +- |a - b|) / 2."""
        first, *others = (self._read(argument) for argument in expression.args)
        for other in others:
            gap = self.tower.absolute(first - other)
            gap = gap if isinstance(expression, sp.Max) else -gap
            first = self.tower.reduced((first + other + gap).scaled(_HALF))
        return first

    def _primitive(self, expression: Expr) -> Polynomial:
        name = type(expression).__name__
        record, inner = BY_SYMPY[name], expression.args[0]
        if self.tower.is_fine and record.logarithm:
            return self._read(sympy_formula(record.logarithm, inner))
        if record.inside:
            self.require("positive", sympy_formula(record.inside, inner))
        argument = self.tower.divided(self._read(inner))
        if record.parity == "odd" and argument.content() < 0:
            return -self._primitive(type(expression)(-inner, evaluate=False))

        def slope() -> Polynomial:
            return self._read(sympy_formula(record.slope, inner))

        return self.tower.element(Primitive(argument, name, expression, slope))

    def _polygamma(self, expression: Expr) -> Polynomial:
        order, inner = expression.args
        if not order.is_Integer or order < 0:
            raise Unsupported(f"{expression}: only derivatives of loggamma are known")
        argument = self.tower.divided(self._read(inner))

        def slope() -> Polynomial:
            return self._read(sp.polygamma(order + 1, inner))

        name = f"polygamma {order}"
        return self.tower.element(Primitive(argument, name, expression, slope))

    def _jet(self, expression: Expr) -> Polynomial:
        jet = read_jet(expression)
        return self.tower.element(Jet(self._function(jet), jet.places))

    def _function(self, jet: JetOf) -> UnknownFunction:
        function = self._functions.get(jet.call)
        if function is None:
            elements = tuple(self._read(argument) for argument in jet.call.args)
            supports = tuple(self.tower.support(element) for element in elements)
            function = UnknownFunction(jet.call, elements, supports)
            self._functions[jet.call] = function
        return function


_Handler = Callable[[Reader, Expr], Polynomial]
_HANDLERS: dict[type, _Handler] = {
    sp.Symbol: Reader._constant,
    sp.Dummy: Reader._constant,
    sp.Add: Reader._sum,
    sp.Mul: Reader._product,
    sp.Pow: Reader._power,
    sp.exp: Reader._exp,
    sp.log: Reader._log,
    sp.cos: Reader._cos,
    sp.sin: Reader._sin,
    sp.tan: Reader._tan,
    sp.Abs: Reader._abs,
    sp.sign: Reader._sign,
    sp.Heaviside: Reader._heaviside,
    sp.Max: Reader._extremum,
    sp.Min: Reader._extremum,
    sp.polygamma: Reader._polygamma,
    sp.Derivative: Reader._jet,
    sp.Subs: Reader._jet,
    type(sp.E): Reader._e,
    **{type(constant): Reader._constant for constant in _CONSTANTS},
    **dict.fromkeys((sp.sinh, sp.cosh, sp.tanh), Reader._hyperbolic),
}


def _handler_of_base(expression: Expr) -> _Handler:
    if expression.is_Rational:
        return Reader._rational
    if isinstance(expression, AppliedUndef):
        return Reader._jet
    record = BY_SYMPY.get(type(expression).__name__)
    if record is not None and record.reciprocal_of:
        return Reader._reciprocal
    if record is not None and record.slope:
        return Reader._primitive
    raise Unsupported(f"{type(expression).__name__} is not a function this engine knows")
