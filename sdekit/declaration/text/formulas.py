"""The formulas of function records, read once and evaluated in any algebra.

A slope such as "1/(1 + u**2)" means the same for SymPy, for tensors in index notation, for balls
and for arrays; each brings its own arithmetic. Not for formulas of models (`parser`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any

from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.text.parser import parse_formula
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.symbols import Variable

#: The letter of the argument.
U = Variable("u")


@dataclass(frozen=True)
class Algebra:
    """The arithmetic in which a formula is evaluated; minus is Python's.

    Attributes:
        number: An exact number as an element.
        constant: "pi" or "E" as an element.
        power: An element to an exact exponent.
        function: An elementary function, by name, of an element.
        add: Sum of two elements.
        multiply: Product of two elements.
        divide: Quotient of two elements.
    """

    number: Callable[[Fraction], Any]
    constant: Callable[[str], Any]
    power: Callable[[Any, Fraction], Any]
    function: Callable[[str, Any], Any]
    add: Callable[[Any, Any], Any] = operator.add
    multiply: Callable[[Any, Any], Any] = operator.mul
    divide: Callable[[Any, Any], Any] = operator.truediv


@lru_cache(maxsize=1024)
def formula(text: str) -> ex.Expression:
    """A formula in u as an expression; it may use every function that has a record."""
    return parse_formula(text, {"u": U}, FUNCTIONS)


def evaluated(text: str, u: Any, algebra: Algebra) -> Any:
    """The value of a formula at an argument u of the algebra.

    Example:
        >>> import math
        >>> floats = Algebra(float, vars(math).get, pow, lambda name, x: vars(math)[name](x))
        >>> evaluated("2*exp(-u**2)/sqrt(pi)", 0.0, floats) == 2 / math.sqrt(math.pi)
        True
    """
    return _value(formula(text), u, algebra)


def _value(node: ex.Expression, u: Any, algebra: Algebra) -> Any:
    match node:
        case Variable():
            return u
        case ex.Number():
            return algebra.number(node.value)
        case ex.Constant():
            return algebra.constant(node.name)
        case ex.Sum():
            return reduce(algebra.add, (_value(term, u, algebra) for term in node.terms))
        case ex.Product():
            return reduce(algebra.multiply, (_value(part, u, algebra) for part in node.factors))
        case ex.Negation():
            return -_value(node.operand, u, algebra)
        case ex.Quotient():
            top = _value(node.numerator, u, algebra)
            return algebra.divide(top, _value(node.denominator, u, algebra))
        case ex.Power(exponent=ex.Number(value=power)):
            return algebra.power(_value(node.base, u, algebra), power)
        case ex.Elementwise():
            return algebra.function(node.name, _value(node.operand, u, algebra))
    raise TypeError(f"a formula of a function record holds {type(node).__name__}")
