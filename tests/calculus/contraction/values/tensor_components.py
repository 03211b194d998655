"""Tensors at concrete sizes as SymPy expressions, in the symbols of `Dynamics.at`.

The bridge over which the index calculus is compared with routes that share no code with it. Not for
proofs, which never load SymPy for a tensor.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import sympy as sp

from sdekit.calculus.contraction.canonical import Factor
from sdekit.calculus.contraction.heads import Head, Jet, Kernel, Kind
from sdekit.calculus.contraction.tensor import Tensor
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.component_reader import TIME, ComponentReader, Index
from sdekit.declaration.text.sympy_reader import sympy_function
from sdekit.declaration.tree.names import entry_name
from sdekit.declaration.tree.symbols import FunctionSymbol, Variable


class Expansion:
    """Reads tensors at given sizes.

    Args:
        sizes: The size of each dimension by name.
    """

    def __init__(self, sizes: Mapping[str, int]) -> None:
        self.reader = ComponentReader(sizes)
        self._entries: dict[tuple[Head, Index], sp.Expr] = {}

    def value(self, tensor: Tensor, index: Index = ()) -> sp.Expr:
        """One entry of a tensor.

        Raises:
            Unsupported: If a derivative of an unknown function stands at a point other than its
                formal arguments, for which SymPy has no plain form.
        """
        terms = []
        for (monomial, opened), coefficient in tensor.terms.items():
            factors = [sp.Rational(coefficient.numerator, coefficient.denominator)]
            factors += [self._sum(part.factors, ()) ** exponent for part, exponent in monomial]
            factors += [self._sum(part.factors, index) for part in opened]
            terms.append(sp.Mul(*factors))
        return sp.Add(*terms)

    def _sum(self, factors: tuple[Factor, ...], index: Index) -> sp.Expr:
        dims = {
            i: dim
            for head, indices in factors
            for i, dim in zip(indices, head.slots, strict=True)
            if i >= 0
        }
        place = {-axis - 1: value for axis, value in enumerate(index)}
        terms = []
        for values in itertools.product(*map(range, self.reader.shape(tuple(dims.values())))):
            place.update(zip(dims, values, strict=True))
            entries = [
                self.entry(head, tuple(place[i] for i in indices)) for head, indices in factors
            ]
            terms.append(sp.Mul(*entries))
        return sp.Add(*terms)

    def entry(self, head: Head, index: Index) -> sp.Expr:
        """One entry of a head."""
        key = (head, index)
        if key not in self._entries:
            self._entries[key] = self._entry(head, index)
        return self._entries[key]

    def _entry(self, head: Head, index: Index) -> sp.Expr:
        data: Any = head.data
        match head.kind:
            case Kind.DELTA:
                return sp.Integer(int(index[0] == index[1]))
            case Kind.SIZE:
                return sp.Integer(self.reader.sizes[data.name])
            case Kind.CONSTANT:
                return sp.pi if data == "pi" else TIME
            case Kind.VARIABLE:
                return self.reader.variable(data)[index]
            case Kind.PARAMETER:
                return self.reader.parameter(data)[index]
            case Kind.CALL:
                return self._jet(data, index)
            case Kind.INVERSE:
                row, column = index
                inverse: Any = self._matrix(data).inv(method="ADJ")
                return inverse[row, column]
            case Kind.LOGDET:
                return sp.log(self._matrix(data).det(method="berkowitz"))
            case Kind.KERNEL:
                return self._kernel(data, index)

    def _matrix(self, matrix: Tensor) -> sp.Matrix:
        rows, columns = self.reader.shape(matrix.shape)
        return sp.Matrix(rows, columns, lambda i, j: self.value(matrix, (int(i), int(j))))

    def _kernel(self, kernel: Kernel, index: Index) -> sp.Expr:
        argument = self.value(kernel.argument, index)
        exponent = None if kernel.exponent is None else self.value(kernel.exponent)
        if kernel.name == "reciprocal":
            return 1 / argument
        if kernel.name == "root":
            assert exponent is not None
            return argument ** (1 / exponent)
        if kernel.name == "power":
            assert exponent is not None
            return argument**exponent
        return sympy_function(kernel.name)(argument)

    def _jet(self, jet: Jet, index: Index) -> sp.Expr:
        function, rank = jet.function, len(jet.function.shape)
        arguments: list[sp.Expr] = []
        places: list[dict[Index, sp.Expr]] = []
        for formal, argument in zip(function.arguments, jet.arguments, strict=True):
            bare = argument.bare_head
            if bare is not None and bare.kind is Kind.VARIABLE:
                every = self.reader.independent_indices(bare.data)
            else:
                every = self.reader.indices(formal.shape)
            entries = {place: self.value(argument, place) for place in every}
            arguments += entries.values()
            places.append(entries)
        sign, own = _arranged(index[:rank], function.assumptions)
        value = sp.S.Zero if not sign else sign * self._function(function, own)(*arguments)
        rest = index[rank:]
        for number in jet.derivatives:
            formal = function.arguments[number]
            place, rest = rest[: len(formal.shape)], rest[len(formal.shape) :]
            value = _differentiated(value, formal, place, places[number])
        return value

    def _function(self, function: FunctionSymbol, index: Index) -> Any:
        assumed = function.assumptions
        diagonal = "positive_definite" in assumed and len(set(index)) == 1
        return sp.Function(
            entry_name(function.name, index),
            real=True,
            positive=True if "positive" in assumed or diagonal else None,
            nonnegative=True if "nonnegative" in assumed else None,
        )


def _arranged(index: Index, assumptions: frozenset[str]) -> tuple[int, Index]:
    if len(index) != 2 or index[0] < index[1]:
        return 1, index
    if "symmetric" in assumptions:
        return 1, index[::-1]
    if "antisymmetric" in assumptions:
        return (-1 if index[0] > index[1] else 0), index[::-1]
    return 1, index


def _differentiated(
    value: sp.Expr, formal: Variable, place: Index, coordinates: Mapping[Index, sp.Expr]
) -> sp.Expr:
    """The projected partial derivative by an entry of a formal argument."""
    weight = sp.S.One
    if formal.symmetry is not None:
        if place[0] > place[1]:
            place = place[::-1]
            weight = sp.Integer(1 if formal.symmetry == "symmetric" else -1)
        if place[0] != place[1]:
            weight = weight / 2
        elif formal.symmetry == "antisymmetric":
            return sp.S.Zero
    symbol = coordinates[place]
    if not symbol.is_Symbol:
        raise Unsupported("a derivative of an unknown function at another point than its own")
    return weight * sp.diff(value, symbol)
