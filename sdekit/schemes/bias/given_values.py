"""Values of parameters as exact numbers for the symbols of components, checked as declared.

Not for arrays of a run (`sdekit.simulation.bind.parameter_values`).

Checked by: tests/schemes/bias/test_given_values.py.
"""

from __future__ import annotations

import numbers
import operator
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from sdekit.declaration.model.assumptions import holds
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.tree.declared import shape_text
from sdekit.declaration.tree.symbols import Parameter
from sdekit.errors import SchemeError

_RELATIONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def exact_value(name: str, value: Any) -> Expr:
    """The value of a parameter as an exact rational; a float is read as it is printed.

    Raises:
        SchemeError: If it is no finite number.
    """
    try:
        if isinstance(value, numbers.Rational):
            return sp.Rational(int(value.numerator), int(value.denominator))
        exact = Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError):
        raise SchemeError(
            f"the value of parameter {name} is no number",
            expected='a number such as 2, 0.5 or "1/3"',
            found=repr(value)[:60],
        ) from None
    return sp.Rational(exact.numerator, exact.denominator)


def entry_values(
    dynamics: Dynamics, sizes: Mapping[str, int], given: Mapping[str, Any]
) -> dict[sp.Symbol, Expr]:
    """The exact value of each symbol of the declared parameters that are given.

    Args:
        dynamics: A declaration.
        sizes: The size of each open dimension.
        given: By name of a parameter: a number, or nested lists of the parameter's shape; a number
            for a matrix is that multiple of the identity, for a vector all its entries. Entries may
            be given one by one, as M_1_2. Names that the dynamics does not know are left alone.

    Raises:
        SchemeError: If a value is no number, has the wrong shape, is fixed in the declaration, or
            contradicts what the declaration assumes of the parameter or in `assume`.
    """
    reader = ComponentReader(sizes, dynamics.names)
    values: dict[sp.Symbol, Expr] = {}
    for parameter in dynamics.parameters:
        entries = reader.array(parameter)
        symbols = [entry for entry in entries.flat if isinstance(entry, sp.Symbol)]
        if parameter.name in given:
            _require_open(parameter, given[parameter.name])
            array = _entries(parameter, entries.shape, given[parameter.name])
            _check_assumptions(parameter, array)
            values |= {s: v for s, v in zip(entries.flat, array.flat, strict=True) if s in symbols}
            continue
        for symbol in symbols:
            if parameter.shape and symbol.name in given:
                values[symbol] = exact_value(symbol.name, given[symbol.name])
        if symbols and all(symbol in values for symbol in symbols):
            found = [sp.sympify(entry).subs(values) for entry in entries.flat]
            _check_assumptions(parameter, np.array(found, dtype=object).reshape(entries.shape))
    _check_inequalities(dynamics, reader, values)
    return values


def _require_open(parameter: Parameter, value: Any) -> None:
    if parameter.value is not None:
        raise SchemeError(
            f"parameter {parameter.name} has a fixed value in the declaration",
            expected=str(parameter.value),
            found=value,
        )


def _entries(parameter: Parameter, shape: tuple[int, ...], value: Any) -> np.ndarray:
    if isinstance(value, str) or np.ndim(value) == 0:
        number = exact_value(parameter.name, value)
        if len(shape) == 2 and shape[0] == shape[1]:
            return np.array(sp.eye(shape[0]) * number, dtype=object)
        return np.full(shape, number, dtype=object)
    array = np.asarray(value, dtype=object)
    if array.shape != shape:
        raise SchemeError(
            f"parameter {parameter.name} has the wrong shape",
            expected=f"a number, or shape {shape}, as {shape_text(parameter.shape)} is here",
            found=f"shape {array.shape}",
        )
    exact = np.empty(shape, dtype=object)
    for index in np.ndindex(shape):
        exact[index] = exact_value(parameter.name, array[index])
    return exact


def _check_assumptions(parameter: Parameter, exact: np.ndarray) -> None:
    array = exact.astype(float)
    for assumption in sorted(parameter.assumptions):
        if not holds(assumption, array):
            raise SchemeError(
                f"the value of parameter {parameter.name} contradicts its declaration",
                expected=assumption.replace("_", " "),
                found=" ".join(str(array).split())[:80],
                fix="give a value of that kind, or declare the parameter without it",
            )


def _check_inequalities(dynamics: Dynamics, reader: ComponentReader, values: Any) -> None:
    for fact in dynamics.assume:
        left, right = (reader.scalar(side).subs(values) for side in (fact.left, fact.right))
        if left.is_number and right.is_number and not _RELATIONS[fact.relation](left, right):
            raise SchemeError(
                "the values contradict an assumption of the declaration",
                expected=repr(fact),
                found=f"{left} and {right}",
                fix="give values that fulfil it",
            )
