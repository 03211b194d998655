"""Points at which a tensor is not zero: exact, inside the declared assumptions, with small numbers.

A counterexample is a whole real model: sizes as small as possible, rational values, polynomials for
the unknown functions. A tensor that is not zero there is not zero; that none is found proves
nothing. Not for proofs (`relations`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from flint import arb, ctx, fmpq

from sdekit.calculus.contraction.heads import Head, Jet, Kernel, Kind
from sdekit.calculus.contraction.tensor import Tensor
from sdekit.calculus.contraction.values.concrete_model import Model, OutsideDomain
from sdekit.calculus.contraction.values.function_polynomials import Coordinate, Index, Value
from sdekit.calculus.contraction.values.simpler import simplifications
from sdekit.calculus.limits import tick
from sdekit.calculus.memory import remembered
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.names import entry_name
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter, Variable

#: Blocks of a diffusion matrix.
Blocks = Mapping[tuple[Variable, Variable], Tensor]

#: Bits of the balls; the second is tried when the first cannot tell the value from zero.
_PRECISIONS = (128, 512)
#: A non-zero polynomial vanishes at a random small point now and then, hardly ever at twelve.
_SEEDS = 12
_SEEDS_WITHOUT_SIZES = 24
_QUICK_SEEDS = 2
_LARGEST_SIZE = 3
_MOST_POINTS = 3
_MOST_SIZES = 12
_MOST_SIMPLIFICATIONS = 60


@dataclass(frozen=True)
class Counterexample:
    """Where a tensor is not zero.

    Attributes:
        dimensions: Size of each dimension by name.
        point: Exact value of every symbol that occurs, as text; entries are named `theta_1`.
        functions: Polynomial that stands for each unknown function, as text.
        value: The value there, as text: an exact rational, or a ball that excludes zero.
        exact: The value if it is rational.
        entry: Indices of the entry, counted from 0.
        is_admissible: Whether the diffusion matrix is positive semidefinite there; True if none
            was given.
    """

    dimensions: Mapping[str, int]
    point: Mapping[str, str]
    functions: Mapping[str, str]
    value: str
    exact: Fraction | None
    entry: Index = ()
    is_admissible: bool = True


@dataclass
class _Symbols:
    """What occurs in some tensors, also inside kernels and arguments."""

    dims: dict[Dim, None] = field(default_factory=dict)
    orders: dict[FunctionSymbol, int] = field(default_factory=dict)
    calls: dict[FunctionSymbol, set[tuple[Tensor, ...]]] = field(default_factory=dict)
    seen: set[Tensor] = field(default_factory=set)

    def collect(self, tensor: Tensor) -> None:
        if tensor in self.seen:
            return
        self.seen.add(tensor)
        self.dims.update(dict.fromkeys(tensor.shape))
        for part in tensor.components():
            for head, _ in part.factors:
                self._collect_head(head)

    def _collect_head(self, head: Head) -> None:
        self.dims.update(dict.fromkeys(head.slots))
        data = head.data
        if isinstance(data, Dim):
            self.dims.setdefault(data)
        elif isinstance(data, Jet):
            # Each further point needs a further degree for values that are unrelated there.
            points = self.calls.setdefault(data.function, set())
            points.add(data.arguments)
            order = max(self.orders.get(data.function, 0), len(data.derivatives))
            self.orders[data.function] = max(order, min(len(points) - 1, _MOST_POINTS))
            for formal in data.function.arguments:
                self.dims.update(dict.fromkeys(formal.shape))
            for argument in data.arguments:
                self.collect(argument)
        elif isinstance(data, Kernel):
            self.collect(data.argument)
            if data.exponent is not None:
                self.collect(data.exponent)
        elif isinstance(data, Tensor):
            self.collect(data)


def counterexample(
    tensor: Tensor,
    diffusion: Blocks | None = None,
    sizes: Mapping[str, int] | None = None,
) -> Counterexample | None:
    """A point at which some entry of the tensor is not zero.

    Args:
        tensor: What is claimed to be zero.
        diffusion: Blocks of D, which shall be positive semidefinite at the point if possible.
        sizes: Sizes to use, by name of the dimension; the smallest that work when left out.

    Returns:
        The point, or None if the search found none, which proves nothing.

    Raises:
        BudgetExceeded: If the time granted by `spending` is over.

    Example:
        >>> from sdekit.calculus.contraction.lowering import lower
        >>> from sdekit.declaration.tree.dimension import Dim
        >>> from sdekit.declaration.functions.grammar import dot
        >>> from sdekit.declaration.tree.symbols import vector
        >>> p = vector("p", Dim("n"))
        >>> counterexample(lower(dot(p, p) - 1)).value
        '-1'

    Checked by: tests/calculus/contraction/values/test_evaluate.py.
    """
    if tensor.is_empty:
        return None
    symbols = _Symbols()
    for each in (tensor, *(diffusion or {}).values()):
        symbols.collect(each)
    definite = _definite_symbols(diffusion or {})
    fallback: _Found | None = None
    for chosen in _sizes(symbols.dims, sizes or {}):
        for seed in range(_SEEDS if chosen else _SEEDS_WITHOUT_SIZES):
            tick()
            model = Model(chosen, seed, symbols.orders, definite)
            found = _nonzero(model, tensor)
            if found is None:
                continue
            attempt = _Found(model, *found)
            if diffusion is None or is_semidefinite(model, diffusion):
                return _simplified(attempt, tensor, diffusion).report(True)
            fallback = fallback or attempt
    return None if fallback is None else fallback.report(False)


def is_nonzero_somewhere(tensor: Tensor) -> bool:
    """Whether some entry is certainly not zero at one of a few points, at sizes 1 and 2.

    False says nothing. A cheap first look, without a report.
    """
    symbols = _Symbols()
    symbols.collect(tensor)
    for size in (1, 2):
        sizes = frozenset((dim, size if dim.size is None else dim.size) for dim in symbols.dims)
        orders = frozenset(symbols.orders.items())
        for seed in range(_QUICK_SEEDS):
            if _nonzero(_quick_model(sizes, seed, orders), tensor) is not None:
                return True
        if not any(dim.size is None for dim in symbols.dims):
            break
    return False


@remembered
def _quick_model(
    sizes: frozenset[tuple[Dim, int]], seed: int, orders: frozenset[tuple[FunctionSymbol, int]]
) -> Model:
    """Parts that several tensors share have their values once."""
    return Model(dict(sizes), seed, dict(orders))


def models_of(tensors: Iterable[Tensor], order: int = 2, seeds: int = _SEEDS) -> Iterator[Model]:
    """Models of everything that occurs in some tensors, small sizes first, the same in every run.

    Args:
        tensors: What has to have a value.
        order: Highest order of derivative at which unknown functions are generic.
        seeds: Models of each choice of sizes.
    """
    symbols = _Symbols()
    for tensor in tensors:
        symbols.collect(tensor)
    orders = {function: max(order, known) for function, known in symbols.orders.items()}
    for chosen in _sizes(symbols.dims, {}):
        for seed in range(seeds):
            tick()
            yield Model(chosen, seed, orders)


@dataclass
class _Found:
    """A model, an entry that is not zero in it, and its value."""

    model: Model
    entry: Index
    value: Value

    def report(self, is_admissible: bool) -> Counterexample:
        model, value = self.model, self.value
        exact = _exact(value)
        return Counterexample(
            dimensions={dim.name: size for dim, size in model.sizes.items()},
            point=dict(_point_text(model)),
            functions=dict(_function_text(model)),
            value=str(value) if isinstance(value, fmpq) else _ball_text(value, exact),
            exact=exact,
            entry=self.entry,
            is_admissible=is_admissible,
        )


def _exact(value: Value) -> Fraction | None:
    """The value as a rational number, also if it is a ball of radius zero."""
    if isinstance(value, fmpq):
        return Fraction(int(value.p), int(value.q))
    if not value.is_exact():
        return None
    mantissa, exponent = value.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def _ball_text(value: arb, exact: Fraction | None) -> str:
    return value.str(12) if exact is None else str(exact)


def _sizes(dims: Iterable[Dim], given: Mapping[str, int]) -> Iterator[dict[Dim, int]]:
    """Sizes to try, the smallest first."""
    ordered = sorted(dims, key=lambda dim: dim.name)
    ranges = [
        (dim.size,)
        if dim.size is not None
        else (given[dim.name],)
        if dim.name in given
        else range(1, _LARGEST_SIZE + 1)
        for dim in ordered
    ]
    combinations = sorted(itertools.product(*ranges), key=lambda sizes: (sum(sizes), sizes))
    for combination in combinations[:_MOST_SIZES]:
        yield dict(zip(ordered, combination, strict=True))


def _nonzero(model: Model, tensor: Tensor) -> tuple[Index, Value] | None:
    """An entry that is certainly not zero, and its value."""
    for index in itertools.product(*(range(model.sizes[dim]) for dim in tensor.shape)):
        for precision in _PRECISIONS:
            with ctx.workprec(precision):
                try:
                    value = model.value(tensor, index)
                except OutsideDomain:
                    return None
            if isinstance(value, fmpq):
                if value != 0:
                    return index, value
                break
            if value.is_finite() and not value.contains(0):
                return index, value
            model.forget_values()
    return None


def _definite_symbols(blocks: Blocks) -> frozenset[Parameter | FunctionSymbol]:
    """Symmetric parameters and functions that a diffusion matrix is made of."""
    found: set[Parameter | FunctionSymbol] = set()
    for block in blocks.values():
        for term in block.terms:
            for head in (head for part in term.open for head, _ in part.factors):
                if head.kind is Kind.PARAMETER:
                    found.add(head.data)
                elif head.kind is Kind.CALL:
                    found.add(head.data.function)
    return frozenset(found)


def is_semidefinite(model: Model, blocks: Blocks) -> bool:
    """Whether the matrix D is positive semidefinite in a model.

    Decided exactly where all entries are rational; where balls occur, only if every pivot has a
    certain sign.
    """
    variables = list(dict.fromkeys(X for X, _ in blocks))
    places = [
        (X, index)
        for X in variables
        for index in itertools.product(*(range(model.sizes[dim]) for dim in X.shape))
    ]
    try:
        with ctx.workprec(_PRECISIONS[0]):
            matrix = [
                [
                    model.value(blocks[X, Y], i + j) if (X, Y) in blocks else fmpq(0)
                    for Y, j in places
                ]
                for X, i in places
            ]
            return has_nonnegative_pivots(matrix)
    except OutsideDomain:
        return False


def has_nonnegative_pivots(matrix: Sequence[Sequence[Value]]) -> bool:
    """Whether a symmetric matrix is positive semidefinite, by symmetric elimination.

    A zero pivot is allowed if its row is zero. Balls that contain zero count as undecided, so that
    the answer is then False.
    """
    rows = [list(row) for row in matrix]
    for k in range(len(rows)):
        pivot = rows[k][k]
        if pivot == 0:
            if any(entry != 0 for entry in rows[k][k + 1 :]):
                return False
            continue
        if not pivot > 0:
            return False
        for i in range(k + 1, len(rows)):
            factor = rows[i][k] / pivot
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return True


def _simplified(found: _Found, tensor: Tensor, diffusion: Blocks | None) -> _Found:
    """The same counterexample with zeros, ones and fewer monomials where that keeps it one."""
    model = found.model
    for undo in itertools.islice(simplifications(model), _MOST_SIMPLIFICATIONS):
        model.forget_values()
        better = _nonzero(model, tensor)
        if better is not None and (diffusion is None or is_semidefinite(model, diffusion)):
            found = _Found(model, *better)
        else:
            undo()
    model.forget_values()
    final = _nonzero(model, tensor)
    assert final is not None
    return _Found(model, *final)


# ---------------------------------------------------------------- text


def _names(model: Model) -> frozenset[str]:
    symbols = (s if isinstance(s, str) else s.name for s in model.symbols)
    return frozenset((*symbols, *(function.name for function in model.functions)))


def _point_text(model: Model) -> Iterator[tuple[str, str]]:
    names = _names(model)
    for symbol, values in model.symbols.items():
        name = symbol if isinstance(symbol, str) else symbol.name
        for index, value in values.items():
            yield entry_name(name, index, names), str(value)


def symbol_texts(model: Model, values: Mapping[Variable, Mapping[Index, Value]]) -> dict[str, str]:
    """Values of some variables as text, by the names of their entries."""
    names = _names(model)
    return {
        entry_name(x.name, index, names): str(value)
        if isinstance(value, fmpq)
        else _ball_text(value, _exact(value))
        for x, entries in values.items()
        for index, value in entries.items()
    }


def model_texts(model: Model) -> tuple[dict[str, int], dict[str, str], dict[str, str]]:
    """Sizes, exact values and functions of a model, as in a witness."""
    dimensions = {dim.name: size for dim, size in model.sizes.items()}
    return dimensions, dict(_point_text(model)), dict(_function_text(model))


def _function_text(model: Model) -> Iterator[tuple[str, str]]:
    names = _names(model)
    for function, entries in model.functions.items():

        def name(coordinate: Coordinate, function: FunctionSymbol = function) -> str:
            number, index = coordinate
            return entry_name(function.arguments[number].name, index, names)

        is_symmetric = "symmetric" in function.assumptions
        for index, polynomial in entries.items():
            if not is_symmetric or index[0] <= index[1]:
                yield entry_name(function.name, index, names), polynomial.text(name)
