"""Plain SymPy as the scalar case of the grammar: symbols become variables or parameters.

Reads expressions that the user built with SymPy; user text never comes here. Not for going back to
SymPy (`components`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.declaration.functions.records import BY_SYMPY, FUNCTIONS, words
from sdekit.declaration.text.formulas import Algebra, evaluated
from sdekit.declaration.tree.domains import Domain
from sdekit.declaration.tree.expression import Call, Constant, Elementwise, Expression, Gradient
from sdekit.declaration.tree.operators import add, divide, multiply, negate, number, power
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter, Variable
from sdekit.errors import DeclarationError

Symbols = Mapping[Any, Variable]


def sympy_function(name: str) -> Callable[[Any], Any]:
    """An elementary function in SymPy, by the name of its record."""
    record = FUNCTIONS[name]
    if not record.sympy:
        return lambda argument: sympy_formula(record.definition, argument)
    function = getattr(sp, record.sympy)
    if record.sympy_leading:
        return lambda argument: function(*record.sympy_leading, argument)
    return function


_ALGEBRA = Algebra(
    number=lambda value: sp.Rational(value.numerator, value.denominator),
    constant={"pi": sp.pi, "E": sp.E}.__getitem__,
    power=lambda base, exponent: base ** sp.Rational(exponent.numerator, exponent.denominator),
    function=lambda name, argument: sympy_function(name)(argument),
)


def sympy_formula(text: str, argument: Any) -> Any:
    """A formula of a function record at a SymPy expression."""
    return evaluated(text, argument, _ALGEBRA)


def variable_of(symbol: sp.Symbol) -> Variable:
    """The variable of the state that a SymPy symbol declares; a positive one lives on x > 0."""
    return Variable(symbol.name, (), None, Domain("positive" if symbol.is_positive else "real"))


def from_sympy(value: Any, symbols: Symbols | None = None) -> Expression:
    """A SymPy expression of scalars as an expression of the grammar.

    Args:
        value: The SymPy expression.
        symbols: The variables of the state by symbol; all other symbols become parameters.

    Raises:
        DeclarationError: If it contains floats, matrices or functions that the grammar lacks.
    """
    if not isinstance(value, sp.Expr) or isinstance(value, sp.MatrixExpr):
        raise DeclarationError(
            "this SymPy object is no scalar expression",
            found=f"{value!r} of type {type(value).__name__}"[:200],
            fix="declare vectors and matrices with sk.vector and sk.matrix",
        )
    if symbols is None and value.free_symbols:
        raise DeclarationError(
            "a SymPy expression with symbols cannot stand beside sdekit's own symbols",
            found=repr(value)[:200],
            fix="declare the whole model in SymPy, or the symbols with sk.scalar and sk.parameter",
        )
    return _read(value, symbols or {})


def _read(value: Any, symbols: Symbols) -> Expression:
    if isinstance(value, sp.Rational):
        return number(Fraction(int(value.p), int(value.q)))
    if value in symbols:
        return symbols[value]
    if isinstance(value, sp.Symbol):
        return _parameter(value)
    for kind, reader in _READERS:
        if isinstance(value, kind):
            return reader(value, symbols)
    record = BY_SYMPY.get(type(value).__name__)
    if record is not None and record.is_word and isinstance(value, sp.Function):
        return Elementwise(record.name, _read(value.args[-1], symbols))
    if value is sp.pi or value is sp.E:
        return Constant("pi" if value is sp.pi else "E")
    if isinstance(value, sp.Float):
        raise DeclarationError(
            "exact numbers only", found=str(value), fix=f"write sympy.Rational('{value}')"
        )
    raise DeclarationError(
        "SymPy expression outside the grammar",
        expected=f"arithmetic, unknown functions and {', '.join(words())}",
        found=f"{type(value).__name__} in {value}"[:200],
    )


def _parameter(symbol: sp.Symbol) -> Parameter:
    assumed = [kind for kind in ("positive", "nonnegative") if getattr(symbol, f"is_{kind}")]
    return Parameter(symbol.name, (), frozenset(assumed[:1]))


def _add(value: sp.Add, symbols: Symbols) -> Expression:
    total: Expression | None = None
    for term in value.args:
        read = _read(term, symbols)
        total = read if total is None else add(total, read)
    assert total is not None
    return total


def _mul(value: sp.Mul, symbols: Symbols) -> Expression:
    """Signs, numerators and denominators apart, as a person writes them."""
    coefficient, rest = value.as_coeff_Mul()
    if coefficient == -1:
        return negate(_read(rest, symbols))
    numerator, denominator = sp.fraction(value, exact=True)
    if denominator != 1:
        return divide(_read(numerator, symbols), _read(denominator, symbols))
    product: Expression | None = None
    for factor in value.args:
        read = _read(factor, symbols)
        product = read if product is None else multiply(product, read)
    assert product is not None
    return product


def _pow(value: Any, symbols: Symbols) -> Expression:
    base, exponent = value.args
    if exponent == sp.Rational(1, 2):
        return Elementwise("sqrt", _read(base, symbols))
    if exponent.is_Number and exponent.is_negative:
        inverse = _pow(sp.Pow(base, -exponent, evaluate=False), symbols) if exponent != -1 else None
        return divide(1, _read(base, symbols) if inverse is None else inverse)
    return power(_read(base, symbols), _read(exponent, symbols))


def _undefined(value: AppliedUndef, symbols: Symbols) -> Expression:
    """U(x, y): formal arguments are the variables it is called with, or x_1, x_2, ... otherwise."""
    arguments = tuple(_read(argument, symbols) for argument in value.args)
    distinct = len(set(arguments)) == len(arguments)
    formal = (
        tuple(argument for argument in arguments if isinstance(argument, Variable))
        if distinct and all(isinstance(argument, Variable) for argument in arguments)
        else tuple(Variable(f"argument_{k + 1}") for k in range(len(arguments)))
    )
    assumed = [kind for kind in ("positive", "nonnegative") if getattr(value, f"is_{kind}")]
    symbol = FunctionSymbol(str(value.func), formal, (), frozenset(assumed[:1]))
    return Call(symbol, arguments)


def _derivative(value: Any, symbols: Symbols) -> Expression:
    result = _read(value.expr, symbols)
    for symbol, count in value.variable_count:
        if symbol not in symbols:
            raise DeclarationError(
                "derivative by something that is no variable of the state", found=str(value)
            )
        for _ in range(int(count)):
            result = Gradient(result, symbols[symbol])
    return result


def _extremum(value: Any, symbols: Symbols) -> Expression:
    """Max(a, b) = (a + b + |a - b|)/2, Min with a minus sign, folded over more arguments."""
    result = _read(value.args[0], symbols)
    for argument in value.args[1:]:
        other = _read(argument, symbols)
        distance = Elementwise("abs", result - other)
        signed = distance if isinstance(value, sp.Max) else negate(distance)
        result = (result + other + signed) / 2
    return result


_READERS: tuple[tuple[Any, Any], ...] = (
    (sp.Add, _add),
    (sp.Mul, _mul),
    (sp.Pow, _pow),
    (AppliedUndef, _undefined),
    (sp.Derivative, _derivative),
    ((sp.Max, sp.Min), _extremum),
)
