"""A real model at concrete sizes: exact values for variables, parameters and unknown functions.

Everything is drawn inside its declared assumptions, and what is determined by other values (matrix
inverses, log determinants, kernels, derivatives of functions) is computed from them, never drawn.
Exact rationals wherever possible, else balls of python-flint. Not for choosing sizes and seeds
(`evaluate`).
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping
from fractions import Fraction

from flint import arb, arb_mat, fmpq, fmpq_mat

from sdekit.calculus.contraction.canonical import Factor, arrange
from sdekit.calculus.contraction.elementary import RULES
from sdekit.calculus.contraction.graph import Component
from sdekit.calculus.contraction.heads import Head, Jet, Kernel, Kind
from sdekit.calculus.contraction.polynomials import (
    Coordinate,
    Index,
    Polynomial,
    constant,
    realisation,
)
from sdekit.calculus.contraction.tensor import Tensor
from sdekit.calculus.limits import Unsupported, tick
from sdekit.declare.dimension import Dim
from sdekit.declare.symbols import Domain, FunctionSymbol, Parameter, Variable

Value = fmpq | arb

#: Numbers that are easy to check by hand, in the order in which simpler ones are tried first.
_SMALL = tuple(fmpq(p, q) for p, q in ((1, 1), (2, 1), (-1, 1), (3, 1), (-2, 1), (1, 2), (3, 2)))
_SMALL_POSITIVE = tuple(value for value in _SMALL if value > 0)


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
        total: Value = fmpq(0)
        for (monomial, opened), coefficient in tensor.terms.items():
            product: Value = fmpq(coefficient.numerator, coefficient.denominator)
            for part, exponent in monomial:
                product = product * self._power(self.closed(part), exponent)
            for part in opened:
                product = product * self._sum(part.factors, index)
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
            self._components[part] = self._sum(part.factors, ())
        return self._components[part]

    def _sum(self, factors: tuple[Factor, ...], index: Index) -> Value:
        """A product of factors summed over its summed indices."""
        dims = {
            i: dim
            for head, indices in factors
            for i, dim in zip(indices, head.slots, strict=True)
            if i >= 0
        }
        labels = sorted(dims)
        place: dict[int, int] = {-axis - 1: value for axis, value in enumerate(index)}
        total: Value = fmpq(0)
        for values in itertools.product(*(range(self.sizes[dims[label]]) for label in labels)):
            tick()
            place.update(zip(labels, values, strict=True))
            product: Value = fmpq(1)
            for head, indices in factors:
                product = product * self.entry(head, tuple(place[i] for i in indices))
                if product == 0:
                    break
            total = total + product
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
            self.symbols[symbol] = self._draw(symbol)
        values = self.symbols[symbol]

        def entry(index: Index) -> fmpq:
            if index in values:
                return values[index]
            sign, arranged = arrange(group, index)
            return values[arranged] * sign if sign else fmpq(0)

        return entry

    def _draw(self, symbol: Variable | Parameter) -> dict[Index, fmpq]:
        rng = self._random(symbol.name)
        lengths = [self.sizes[dim] for dim in symbol.shape]
        indices = list(itertools.product(*map(range, lengths)))
        if isinstance(symbol, Variable):
            domain, symmetry, assumed = symbol.domain, symbol.symmetry, frozenset[str]()
        else:
            domain, assumed = Domain(), symbol.assumptions
            symmetry = next((s for s in ("symmetric", "antisymmetric") if s in assumed), None)
            if "positive_definite" in assumed or "positive_semidefinite" in assumed:
                return _gram(rng, lengths[0], "positive_definite" in assumed)
            if symbol in self.definite and symmetry == "symmetric":
                return _gram(rng, lengths[0], False)
            if "positive" in assumed or "nonnegative" in assumed:
                return {index: rng.choice(_SMALL_POSITIVE) for index in indices}
        values = {index: _inside(domain, rng) for index in indices}
        if symmetry == "symmetric":
            return {index: values[index] for index in indices if index[0] <= index[1]}
        if symmetry == "antisymmetric":
            return {index: values[index] for index in indices if index[0] < index[1]}
        return values

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
            sign, own = _coordinate(formal, own)
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
        if all(isinstance(value, fmpq) for value in entries):
            exact = fmpq_mat(size, size, entries)
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
        if all(isinstance(value, fmpq) for value in entries):
            determinant: Value = fmpq_mat(size, size, entries).det()
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
            ball = RULES[kernel.name].ball(
                _ball(argument), None if exponent is None else _ball(exponent)
            )
        except ValueError as error:
            raise OutsideDomain(f"{kernel.name} is not defined there") from error
        if not ball.is_finite():
            raise OutsideDomain(f"{kernel.name} is not finite there")
        return ball


def _ball(value: Value) -> arb:
    return arb(value)


def _inside(domain: Domain, rng: random.Random) -> fmpq:
    """A simple number inside a domain."""
    if domain.kind == "positive":
        return rng.choice(_SMALL_POSITIVE)
    if domain.kind == "interval":
        lower, upper = domain.lower, domain.upper
        assert lower is not None and upper is not None
        share = Fraction(rng.randint(1, 5), 6)
        value = lower + (upper - lower) * share
        return fmpq(value.numerator, value.denominator)
    return rng.choice(_SMALL)


def _gram(rng: random.Random, size: int, is_definite: bool) -> dict[Index, fmpq]:
    """Upper triangle of L L^T for a lower triangular L with small entries."""
    smallest = 1 if is_definite else 0
    lower = [
        [rng.randint(max(smallest, 1), 2) if i == j else rng.randint(-1, 1) for j in range(i + 1)]
        for i in range(size)
    ]
    if not is_definite and size > 1 and rng.random() < 0.25:
        lower[-1][-1] = 0
    return {
        (i, j): fmpq(sum(lower[i][k] * lower[j][k] for k in range(min(i, j) + 1)))
        for i in range(size)
        for j in range(i, size)
    }


def _coordinate(formal: Variable, index: Index) -> tuple[fmpq, Index]:
    """Weight and coordinate of a projected derivative by an entry of an argument."""
    if formal.symmetry is None:
        return fmpq(1), index
    if index[0] == index[1]:
        return fmpq(1 if formal.symmetry == "symmetric" else 0), index
    if index[0] < index[1]:
        return fmpq(1, 2), index
    return fmpq(1 if formal.symmetry == "symmetric" else -1, 2), index[::-1]


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
    at_zero = {"exp": 1, "cos": 1, "sin": 0, "atan": 0, "asinh": 0, "erf": 0}
    if argument == 0 and name in at_zero:
        return fmpq(at_zero[name])
    return fmpq(0) if name == "log" and argument == 1 else None


def _is_square(value: fmpq) -> bool:
    from math import isqrt

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

__all__ = ["Model", "OutsideDomain", "Unsupported", "Value"]
