"""A real model at concrete sizes: exact values for variables, parameters and unknown functions.

Everything is drawn inside its declared assumptions, and what is determined by other values (matrix
inverses, log determinants, kernels, derivatives of functions) is computed from them, never drawn.
Exact rationals wherever possible, else balls of python-flint. Not for choosing sizes and seeds
(`evaluate`).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from math import isqrt

from flint import arb, arb_mat, fmpq, fmpq_mat

from sdekit.calculus.contraction.canonical import Factor, arrange
from sdekit.calculus.contraction.graph import Component, connected
from sdekit.calculus.contraction.heads import Head, Jet, Kernel, Kind
from sdekit.calculus.contraction.rules.elementary import rule_of
from sdekit.calculus.contraction.tensor import Tensor
from sdekit.calculus.contraction.values.draws import drawn_entries
from sdekit.calculus.contraction.values.function_polynomials import (
    Coordinate,
    Index,
    Polynomial,
    Value,
    constant,
    projected_coordinate,
    realisation,
)
from sdekit.calculus.limits import tick
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter, Variable


class OutsideDomain(Exception):
    """A kernel is not defined at this point, or a matrix is singular there."""


class Model:
    """Values of every symbol at given sizes, drawn when first asked for.

    Args:
        sizes: The size of each dimension.
        seed: Determines every value, together with the name of its symbol.
        orders: Highest order of derivative that is needed of each function.
        definite: Symmetric parameters and functions that shall be positive semidefinite.
    """

    def __init__(
        self,
        sizes: Mapping[Dim, int],
        seed: int = 0,
        orders: Mapping[FunctionSymbol, int] | None = None,
        definite: frozenset[Parameter | FunctionSymbol] = frozenset(),
    ) -> None:
        self.sizes = sizes
        self.seed = seed
        self.orders = orders or {}
        self.definite = definite
        #: Independent entries drawn so far, and polynomials of functions.
        self.symbols: dict[Variable | Parameter | str, dict[Index, fmpq]] = {}
        self.functions: dict[FunctionSymbol, dict[Index, Polynomial]] = {}
        self._matrices: dict[Head, dict[Index, Value]] = {}
        self._components: dict[Component, Value] = {}
        self._entries: dict[tuple[Head, Index], Value] = {}

    def forget_values(self) -> None:
        """Drop everything computed, after a drawn value was changed."""
        self._matrices.clear()
        self._components.clear()
        self._entries.clear()

    # ------------------------------------------------------------ values of tensors

    def value(self, tensor: Tensor, index: Index = ()) -> Value:
        """One entry of a tensor.

        Raises:
            OutsideDomain: If it is not defined at this point.
            Unsupported: If a kernel has no ball arithmetic.
        """
        place = {-axis - 1: value for axis, value in enumerate(index)}
        total: Value = fmpq(0)
        for (monomial, opened), coefficient in tensor.terms.items():
            product: Value = fmpq(coefficient.numerator, coefficient.denominator)
            for part, exponent in monomial:
                product = product * self._power(self.closed(part), exponent)
            for part in opened:
                product = product * self._sum(part.factors, place)
            total = total + product
        return total

    @staticmethod
    def _power(base: Value, exponent: int) -> Value:
        if exponent < 0 and (base == 0 if isinstance(base, fmpq) else base.contains(0)):
            raise OutsideDomain("division by zero")
        return base**exponent

    def closed(self, part: Component) -> Value:
        """The value of a closed component."""
        if part not in self._components:
            self._components[part] = self._sum(part.factors, {})
        return self._components[part]

    def _sum(self, factors: Sequence[Factor], place: dict[int, int]) -> Value:
        """A product of factors summed over the indices that have no place yet.

        Once an index is placed the graph falls apart, and each part is summed for itself.
        """
        tick()
        product: Value = fmpq(1)
        waiting: list[Factor] = []
        for head, indices in factors:
            if any(index not in place for index in indices):
                waiting.append((head, indices))
                continue
            product = product * self.entry(head, tuple(place[index] for index in indices))
            if product == 0:
                return product
        for part in connected(waiting, place.keys()):
            product = product * self._sum_over_one(part, place)
        return product

    def _sum_over_one(self, factors: Sequence[Factor], place: dict[int, int]) -> Value:
        """As `_sum`, over the index that most factors carry first."""
        dims = {
            index: dim
            for head, indices in factors
            for index, dim in zip(indices, head.slots, strict=True)
            if index not in place
        }
        counts = Counter(index for _, indices in factors for index in set(indices))
        first = max(dims, key=lambda index: (counts[index], -index))
        total: Value = fmpq(0)
        for value in range(self.sizes[dims[first]]):
            total = total + self._sum(factors, place | {first: value})
        return total

    # ------------------------------------------------------------ values of heads

    def entry(self, head: Head, index: Index) -> Value:
        """One entry of a head."""
        key = (head, index)
        if key not in self._entries:
            self._entries[key] = _ENTRIES[head.kind](self, head, index)
        return self._entries[key]

    def _random(self, name: str) -> random.Random:
        return random.Random(f"{self.seed}/{name}")

    def drawn(
        self, symbol: Variable | Parameter, group: tuple[tuple[Index, int], ...]
    ) -> Callable[[Index], fmpq]:
        """The entries of a variable or parameter, by index."""
        if symbol not in self.symbols:
            self.symbols[symbol] = drawn_entries(
                symbol, self.sizes, self._random(symbol.name), symbol in self.definite
            )
        values = self.symbols[symbol]

        def entry(index: Index) -> fmpq:
            if index in values:
                return values[index]
            sign, arranged = arrange(group, index)
            return values[arranged] * sign if sign else fmpq(0)

        return entry

    def polynomials(self, function: FunctionSymbol) -> dict[Index, Polynomial]:
        """The polynomials that stand for an unknown function."""
        if function not in self.functions:
            self.functions[function] = realisation(
                function,
                self.sizes,
                self._random(function.name),
                self.orders.get(function, 2),
                function in self.definite and "symmetric" in function.assumptions,
            )
        return self.functions[function]

    def jet(self, head: Head, index: Index) -> Value:
        """A partial derivative of an unknown function at its arguments."""
        jet: Jet = head.data
        rank = len(jet.function.shape)
        polynomial = self.polynomials(jet.function)[index[:rank]]
        rest, weight = index[rank:], fmpq(1)
        for number in jet.derivatives:
            formal = jet.function.arguments[number]
            width = len(formal.shape)
            own, rest = rest[:width], rest[width:]
            sign, own = projected_coordinate(formal, own)
            weight = weight * sign
            polynomial = polynomial.derivative((number, own)) if sign else constant(fmpq(0))
        if not polynomial.terms:
            return fmpq(0)
        memo: dict[Coordinate, Value] = {}

        def point(coordinate: Coordinate) -> Value:
            if coordinate not in memo:
                number, place = coordinate
                memo[coordinate] = self.value(jet.arguments[number], place)
            return memo[coordinate]

        return polynomial.at(point) * weight

    def inverse(self, head: Head, index: Index) -> Value:
        """An entry of the inverse of a matrix."""
        if head not in self._matrices:
            self._matrices[head] = self._inverted(head.data)
        return self._matrices[head][index]

    def _inverted(self, matrix: Tensor) -> dict[Index, Value]:
        size, entries = self.matrix(matrix)
        rational = [value for value in entries if isinstance(value, fmpq)]
        if len(rational) == len(entries):
            exact = fmpq_mat(size, size, rational)
            if exact.det() == 0:
                raise OutsideDomain("a singular matrix")
            inverted = exact.inv()
        else:
            try:
                inverted = arb_mat(size, size, [_ball(value) for value in entries]).inv()
            except ZeroDivisionError as error:
                raise OutsideDomain("a matrix that may be singular") from error
        return {(i, j): inverted[i, j] for i in range(size) for j in range(size)}

    def matrix(self, matrix: Tensor) -> tuple[int, list[Value]]:
        """Size and entries, row by row, of a square matrix."""
        size = self.sizes[matrix.shape[0]]
        return size, [self.value(matrix, (i, j)) for i in range(size) for j in range(size)]

    def logdet(self, head: Head, index: Index) -> Value:
        """log |det M| from the values of M, which are never chosen freely."""
        del index
        size, entries = self.matrix(head.data)
        rational = [value for value in entries if isinstance(value, fmpq)]
        if len(rational) == len(entries):
            determinant: Value = fmpq_mat(size, size, rational).det()
        else:
            determinant = arb_mat(size, size, [_ball(value) for value in entries]).det()
        magnitude = abs(_ball(determinant))
        if not magnitude > 0:
            raise OutsideDomain("a singular matrix")
        return fmpq(0) if determinant in (1, -1) else magnitude.log()

    def kernel(self, head: Head, index: Index) -> Value:
        """The value of a kernel, exact where it is a simple rational."""
        kernel: Kernel = head.data
        argument = self.value(kernel.argument, index)
        exponent = None if kernel.exponent is None else self.value(kernel.exponent)
        exact = _exact(kernel.name, argument, exponent)
        if exact is not None:
            return exact
        try:
            ball = rule_of(kernel.name).ball(
                _ball(argument), None if exponent is None else _ball(exponent)
            )
        except ValueError as error:
            raise OutsideDomain(f"{kernel.name} is not defined there") from error
        if not ball.is_finite():
            raise OutsideDomain(f"{kernel.name} is not finite there")
        return ball


def _ball(value: Value) -> arb:
    return arb(value)


def _exact(name: str, argument: Value, exponent: Value | None) -> fmpq | None:
    """Rational values of kernels at rational points."""
    if not isinstance(argument, fmpq):
        return None
    if name == "reciprocal":
        if argument == 0:
            raise OutsideDomain("division by zero")
        return 1 / argument
    if name == "sign" and argument != 0:
        return fmpq(1 if argument > 0 else -1)
    if name == "root" and exponent == 2 and argument >= 0:
        root = argument.sqrt() if _is_square(argument) else None
        if argument == 0:
            raise OutsideDomain("a root of zero is not smooth")
        return root
    record = FUNCTIONS.get(name)
    known = () if record is None else record.exact
    return next((fmpq(value) for at, value in known if at == argument), None)


def _is_square(value: fmpq) -> bool:
    return all(isqrt(int(part)) ** 2 == int(part) for part in (value.p, value.q))


def _constant(model: Model, head: Head, index: Index) -> Value:
    del index
    if head.data == "pi":
        return arb.pi()
    return model.symbols.setdefault("t", {(): fmpq(1)})[()]


def _symbol(model: Model, head: Head, index: Index) -> Value:
    return model.drawn(head.data, head.symmetries)(index)


def _logdet(model: Model, head: Head, index: Index) -> Value:
    return model.logdet(head, index)


_ENTRIES: dict[Kind, Callable[[Model, Head, Index], Value]] = {
    Kind.DELTA: lambda model, head, index: fmpq(int(index[0] == index[1])),
    Kind.SIZE: lambda model, head, index: fmpq(model.sizes[head.data]),
    Kind.CONSTANT: _constant,
    Kind.VARIABLE: _symbol,
    Kind.PARAMETER: _symbol,
    Kind.CALL: Model.jet,
    Kind.INVERSE: Model.inverse,
    Kind.LOGDET: _logdet,
    Kind.KERNEL: Model.kernel,
}
