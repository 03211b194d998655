"""Unknown functions and their partial derivatives, read from SymPy and written back.

A jet is a call such as U(x, y) and the places of the arguments along which it is differentiated,
with repetition: U(x, y) and (0, 0, 1) stand for the derivative twice along x and once along y.

Not for values of jets at a point (`points.py`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.sympy_types import Expr


class JetOf(NamedTuple):
    """A partial derivative of an unknown function.

    Attributes:
        call: The function at its arguments, undifferentiated.
        places: Places of the arguments it is differentiated along, sorted, with repetition.
    """

    call: Expr
    places: tuple[int, ...]

    def raised(self, place: int) -> JetOf:
        """The derivative along one more argument."""
        return JetOf(self.call, tuple(sorted((*self.places, place))))

    def expression(self) -> Expr:
        """The jet in SymPy: a Derivative, or a Subs of one where an argument is no symbol."""
        if not self.places:
            return self.call
        arguments = self.call.args
        formal = arguments
        if not all(isinstance(a, sp.Symbol) for a in arguments) or len(set(arguments)) < len(
            arguments
        ):
            formal = tuple(sp.Dummy(f"xi_{place + 1}") for place in range(len(arguments)))
        counts = [(formal[p], self.places.count(p)) for p in sorted(set(self.places))]
        derivative = sp.Derivative(self.call.func(*formal), *counts)
        return derivative if formal == arguments else sp.Subs(derivative, formal, arguments)


@lru_cache(maxsize=64)
def _places(arguments: tuple[Expr, ...]) -> dict[Expr, int]:
    return {argument: place for place, argument in enumerate(arguments)}


def read_jet(expression: Expr) -> JetOf:
    """The jet that a call, a Derivative of a call or a Subs of such stands for.

    Raises:
        Unsupported: If it is none of these, or differentiates along something else than an
            argument of its own.
    """
    if isinstance(expression, AppliedUndef):
        return JetOf(expression, ())
    kind = type(expression)
    if kind is sp.Subs:
        inner = read_jet(expression.expr)
        bound = dict(zip(expression.variables, expression.point, strict=True))
        arguments = [argument.xreplace(bound) for argument in inner.call.args]
        return JetOf(inner.call.func(*arguments), inner.places)
    if kind is not sp.Derivative or not isinstance(expression.expr, AppliedUndef):
        raise Unsupported(f"the derivative {expression} is not that of an unknown function")
    call = expression.expr
    known = _places(call.args)
    if len(known) < len(call.args):
        raise Unsupported(f"{call} has the same argument twice and is differentiated along it")
    places: list[int] = []
    for variable, count in expression.variable_count:
        if variable not in known or not count.is_Integer:
            raise Unsupported(f"{call} is differentiated along {variable}, not an argument of it")
        hidden = [a for a in call.args if not a.is_Symbol and variable in a.free_symbols]
        if hidden:
            raise Unsupported(f"{call} depends on {variable} through several arguments")
        places += [known[variable]] * int(count)
    return JetOf(call, tuple(sorted(places)))
