"""Evaluates an expression tree at given sizes as a NumPy array of SymPy scalars.

Not for the triple as a whole (`components`).
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import sympy as sp

from sdekit.declaration.text.sympy_reader import sympy_function
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation, EachRow
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.names import entry_name
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter, Variable

Index = tuple[int, ...]
#: Larger symbolic matrices are inverted by elimination: their adjugate has too many terms.
LARGEST_ADJUGATE = 4

#: No symbol of a model can be called time, which is a word of the grammar.
TIME = sp.Symbol("time", real=True)


def names_in(*expressions: ex.Expression) -> frozenset[str]:
    """The names of the symbols of expressions."""
    found = set()
    for expression in expressions:
        for node in expression.walk():
            if isinstance(node, (Variable, Parameter)):
                found.add(node.name)
            elif isinstance(node, ex.Call):
                found.add(node.function.name)
    return frozenset(found)


class ComponentReader:
    """Reads trees at fixed sizes; equal sub-trees are read once.

    Args:
        sizes: The size of each dimension by name.
        names: The declared names, which entries of other symbols keep clear of.
    """

    def __init__(self, sizes: Mapping[str, int], names: Collection[str] = ()) -> None:
        self.sizes = sizes
        self.names = frozenset(names)
        self._memo: dict[ex.Expression, np.ndarray] = {}
        self._definite: dict[str, list[sp.ImmutableMatrix]] = {}

    def shape(self, dims: ex.Shape) -> Index:
        """The lengths of the axes."""
        return tuple(self.sizes[dim.name] for dim in dims)

    def indices(self, dims: ex.Shape) -> list[Index]:
        """All index tuples of a shape, last axis fastest."""
        return list(itertools.product(*(range(length) for length in self.shape(dims))))

    def independent_indices(self, x: Variable) -> list[Index]:
        """One index for each coordinate of a variable."""
        every = self.indices(x.shape)
        if x.symmetry == "symmetric":
            return [index for index in every if index[0] <= index[1]]
        if x.symmetry == "antisymmetric":
            return [index for index in every if index[0] < index[1]]
        return every

    def coordinate(self, x: Variable, index: Index) -> sp.Symbol:
        """The symbol of one coordinate."""
        positive = True if x.domain.kind == "positive" else None
        return sp.Symbol(entry_name(x.name, index, self.names), real=True, positive=positive)

    def definite(self, kind: str) -> tuple[sp.ImmutableMatrix, ...]:
        """The matrices met so far that are declared definite in this way."""
        return tuple(self._definite.get(kind, ()))

    def scalar(self, expression: ex.Expression) -> sp.Expr:
        """A scalar expression."""
        entry: Any = self.array(expression)[()]
        return entry

    def block(self, expression: ex.Expression, x: Variable) -> np.ndarray:
        """The drift of x: an array of its shape, also where the number 0 is written."""
        value = self.array(expression)
        return value if expression.shape == x.shape else np.full(self.shape(x.shape), value[()])

    def array(self, expression: ex.Expression) -> np.ndarray:
        """Any expression, as an array with one axis for each of its own."""
        found = self._memo.get(expression)
        if found is None:
            found = _READERS[type(expression)](self, expression)
            self._memo[expression] = found
        return found

    # ------------------------------------------------------------------ symbols

    def filled(self, dims: ex.Shape, entry: Any) -> np.ndarray:
        """An array whose entries are a function of their index."""
        result = np.empty(self.shape(dims), dtype=object)
        for index in self.indices(dims):
            result[index] = entry(index)
        return result

    def variable(self, x: Variable) -> np.ndarray:
        """The coordinates in place, mirrored where the variable is symmetric."""

        def symbol(index: Index) -> sp.Symbol:
            return self.coordinate(x, index)

        return self.filled(x.shape, lambda k: _mirrored(k, x.symmetry, symbol))

    def parameter(self, parameter: Parameter) -> np.ndarray:
        """One symbol for each independent entry, or the fixed value."""
        if parameter.value is not None:
            return _scalar(sp.Rational(parameter.value.numerator, parameter.value.denominator))
        assumed = parameter.assumptions

        def symbol(index: Index) -> sp.Symbol:
            diagonal = "positive_definite" in assumed and len(set(index)) == 1
            return sp.Symbol(
                entry_name(parameter.name, index, self.names),
                real=True,
                positive=True if "positive" in assumed or diagonal else None,
                nonnegative=True if "nonnegative" in assumed else None,
            )

        symmetry = _symmetry(assumed)
        value = self.filled(parameter.shape, lambda k: _mirrored(k, symmetry, symbol))
        return self._remember(assumed, value)

    def call(self, call: ex.Call) -> np.ndarray:
        """An unknown function, entry by entry, of all entries of its arguments."""
        function: FunctionSymbol = call.function
        assumed = function.assumptions
        arguments: list[sp.Expr] = []
        for argument in call.arguments:
            entries = self.array(argument)
            if isinstance(argument, Variable):
                indices = self.independent_indices(argument)
                arguments += [self.coordinate(argument, index) for index in indices]
            else:
                arguments += list(entries.flat)

        def entry(index: Index) -> sp.Expr:
            diagonal = "positive_definite" in assumed and len(set(index)) == 1
            symbol = sp.Function(
                entry_name(function.name, index, self.names), **self.assumed(assumed, diagonal)
            )
            return symbol(*arguments)

        symmetry = _symmetry(assumed)
        value = self.filled(function.shape, lambda k: _mirrored(k, symmetry, entry))
        return self._remember(assumed, value)

    def assumed(self, assumptions: frozenset[str], is_positive: bool = False) -> dict[str, Any]:
        """What SymPy is told of an entry of an unknown function."""
        return {
            "real": True,
            "positive": True if "positive" in assumptions or is_positive else None,
            "nonnegative": True if "nonnegative" in assumptions else None,
        }

    def _remember(self, assumed: frozenset[str], value: np.ndarray) -> np.ndarray:
        for kind in ("positive_definite", "positive_semidefinite"):
            if kind in assumed:
                matrix = sp.ImmutableMatrix(value.tolist())
                known = self._definite.setdefault(kind, [])
                if matrix not in known:
                    known.append(matrix)
        return value

    # ------------------------------------------------------------------ calculus

    def gradient(self, operand: ex.Expression, x: Variable) -> np.ndarray:
        """Entry by entry; for a symmetric variable the projected derivative."""
        value = self.array(operand)
        result = np.empty(value.shape + self.shape(x.shape), dtype=object)
        for index in self.indices(x.shape):
            sign, key = _canonical(index, x.symmetry)
            weight = sp.Rational(sign, 2 if x.symmetry and index[0] != index[1] else 1)
            symbol = self.coordinate(x, key)
            for entry in np.ndindex(value.shape):
                derivative = sp.diff(value[entry], symbol) if sign else sp.S.Zero
                result[entry + index] = weight * derivative
        return result

    def divergence(self, operand: ex.Expression, x: Variable) -> np.ndarray:
        """The gradient with the axes of x contracted against the last axes of the operand."""
        value = self.array(operand)
        keep = value.ndim - x.ndim
        result = np.empty(value.shape[:keep], dtype=object)
        for entry in np.ndindex(result.shape):
            terms = []
            for index in self.indices(x.shape):
                sign, key = _canonical(index, x.symmetry)
                if not sign:
                    continue
                weight = sp.Rational(sign, 2 if x.symmetry and index[0] != index[1] else 1)
                terms.append(weight * sp.diff(value[entry + index], self.coordinate(x, key)))
            result[entry] = sp.Add(*terms)
        return result


def _symmetry(assumptions: frozenset[str]) -> str | None:
    return next((kind for kind in ("symmetric", "antisymmetric") if kind in assumptions), None)


def _canonical(index: Index, symmetry: str | None) -> tuple[int, Index]:
    """The independent entry that an entry stands for, and its sign (0 for a zero entry)."""
    if symmetry is None or index[0] < index[1]:
        return 1, index
    if index[0] == index[1]:
        return (1 if symmetry == "symmetric" else 0), index
    return (1 if symmetry == "symmetric" else -1), index[::-1]


def _mirrored(index: Index, symmetry: str | None, entry: Any) -> sp.Expr:
    sign, key = _canonical(index, symmetry)
    return sign * entry(key) if sign else sp.S.Zero


def _scalar(value: Any) -> np.ndarray:
    result = np.empty((), dtype=object)
    result[()] = value
    return result


def _entrywise(function: Any, *arrays: np.ndarray) -> np.ndarray:
    """Apply a function entry by entry, scalars standing beside every entry."""
    shape = max((array.shape for array in arrays), key=len)
    result = np.empty(shape, dtype=object)
    for index in np.ndindex(shape):
        result[index] = function(*(array[index] if array.ndim else array[()] for array in arrays))
    return result


def _sum(reader: ComponentReader, node: ex.Sum) -> np.ndarray:
    return _entrywise(sp.Add, *map(reader.array, node.terms))


def _product(reader: ComponentReader, node: ex.Product) -> np.ndarray:
    return _entrywise(sp.Mul, *map(reader.array, node.factors))


def _contracted(left: np.ndarray, right: np.ndarray, axes: int) -> np.ndarray:
    """Contract the last axes of left with the first axes of right, adding all terms at once."""
    shape = left.shape[left.ndim - axes :]
    result = np.empty(left.shape[: left.ndim - axes] + right.shape[axes:], dtype=object)
    for i in np.ndindex(left.shape[: left.ndim - axes]):
        for j in np.ndindex(right.shape[axes:]):
            terms: list[Any] = [left[i + k] * right[k + j] for k in np.ndindex(shape)]
            result[i + j] = sp.Add(*terms)
    return result


def _dot(reader: ComponentReader, node: ex.Dot) -> np.ndarray:
    left, right = reader.array(node.left), reader.array(node.right)
    return _contracted(left, right, left.ndim)


def _diag(reader: ComponentReader, node: ex.Diag) -> np.ndarray:
    value = reader.array(node.operand)
    if value.ndim == 2:
        return reader.filled(node.shape, lambda k: value[k[0], k[0]])
    return reader.filled(node.shape, lambda k: value[k[0]] if k[0] == k[1] else sp.S.Zero)


def _inverse(reader: ComponentReader, node: ex.Inverse) -> np.ndarray:
    matrix = sp.Matrix(reader.array(node.operand).tolist())
    method = "ADJ" if matrix.rows <= LARGEST_ADJUGATE else "GE"
    return np.array(matrix.inv(method=method).tolist(), dtype=object)


def _logdet(reader: ComponentReader, node: ex.LogDet) -> np.ndarray:
    return _scalar(sp.log(sp.Matrix(reader.array(node.operand).tolist()).det(method="berkowitz")))


def _trace(reader: ComponentReader, node: ex.Trace) -> np.ndarray:
    value = reader.array(node.operand)
    return _scalar(sp.Add(*(value[k, k] for k in range(value.shape[0]))))


def _eye(reader: ComponentReader, node: ex.Eye) -> np.ndarray:
    half = len(node.dims)
    return reader.filled(node.shape, lambda k: sp.S.One if k[:half] == k[half:] else sp.S.Zero)


def _size(reader: ComponentReader, node: ex.Size) -> np.ndarray:
    dim: Dim = node.dim
    return _scalar(sp.Integer(reader.sizes[dim.name]))


def _abbreviation(reader: ComponentReader, node: Abbreviation) -> np.ndarray:
    if node.meaning is not None:
        return reader.array(node.meaning)
    extreme = {"max": sp.Max, "min": sp.Min}[node.word]
    return _scalar(extreme(*reader.array(node.arguments[0]).flat))


def _each_row(reader: ComponentReader, node: EachRow) -> np.ndarray:
    """U of every row, or of the differences of rows in the order of their indices."""
    value = reader.array(node.operand)
    function = sp.Function(node.function.name, **reader.assumed(node.function.assumptions))

    def entry(index: Index) -> sp.Expr:
        if not node.is_paired:
            return function(*value[index[0]].flat) if value.ndim > 1 else function(value[index])
        low, high = sorted(index)
        if low == high:
            return sp.S.Zero
        gap = value[low] - value[high]
        return function(*gap.flat) if value.ndim > 1 else function(gap)

    return reader.filled(node.shape, entry)


_READERS: dict[type, Any] = {
    Abbreviation: _abbreviation,
    EachRow: _each_row,
    ex.Number: lambda r, node: _scalar(sp.Rational(node.value.numerator, node.value.denominator)),
    ex.Constant: lambda r, node: _scalar({"pi": sp.pi, "E": sp.E}[node.name]),
    ex.Size: _size,
    ex.Time: lambda r, node: _scalar(TIME),
    Variable: lambda r, node: r.variable(node),
    Parameter: lambda r, node: r.parameter(node),
    ex.Call: lambda r, node: r.call(node),
    ex.Sum: _sum,
    ex.Negation: lambda r, node: _entrywise(lambda a: -a, r.array(node.operand)),
    ex.Product: _product,
    ex.Quotient: lambda r, node: _entrywise(
        lambda a, b: a / b, r.array(node.numerator), r.array(node.denominator)
    ),
    ex.Power: lambda r, node: _entrywise(
        lambda a, b: a**b, r.array(node.base), r.array(node.exponent)
    ),
    ex.MatMul: lambda r, node: _contracted(r.array(node.left), r.array(node.right), 1),
    ex.Dot: _dot,
    ex.Outer: lambda r, node: _contracted(r.array(node.left), r.array(node.right), 0),
    ex.Trace: _trace,
    ex.Diag: _diag,
    ex.Eye: _eye,
    ex.Ones: lambda r, node: r.filled(node.shape, lambda k: sp.S.One),
    ex.Inverse: _inverse,
    ex.LogDet: _logdet,
    ex.Transpose: lambda r, node: np.transpose(r.array(node.operand), node.axes),
    ex.Gradient: lambda r, node: r.gradient(node.operand, node.variable),
    ex.Divergence: lambda r, node: r.divergence(node.operand, node.variable),
    ex.Elementwise: lambda r, node: _entrywise(sympy_function(node.name), r.array(node.operand)),
}
