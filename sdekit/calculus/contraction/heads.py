"""Heads: the named objects whose slots carry indices, from the Kronecker delta to jets U_ij.

Heads are interned, so that equal objects are one object and compare by identity; the tables hold
them weakly. Not for sums of products of heads (`tensor`) nor for what a derivative of a head is
(`derivative`).
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from sdekit.calculus.contraction.slot_symmetry import Group, named, symmetric, trivial, with_jets
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.symbols import FunctionSymbol, Parameter, Variable

if TYPE_CHECKING:
    from sdekit.calculus.contraction.tensor import Tensor


class Kind(Enum):
    """What a head is; each kind keeps its own data."""

    DELTA = "delta"  # the Dim
    SIZE = "size"  # the Dim
    CONSTANT = "constant"  # "pi" or "t"
    VARIABLE = "variable"  # the Variable
    PARAMETER = "parameter"  # the Parameter
    CALL = "call"  # a Jet
    INVERSE = "inverse"  # the Tensor whose matrix inverse it is
    LOGDET = "logdet"  # the Tensor whose log determinant it is
    KERNEL = "kernel"  # a Kernel


@dataclass(frozen=True)
class Jet:
    """An unknown function at given arguments, or a partial derivative of it there.

    Attributes:
        function: The function.
        arguments: One tensor for each formal argument.
        derivatives: Numbers of the formal arguments it is differentiated by, ascending; their
            slots follow those of the function in this order.
    """

    function: FunctionSymbol
    arguments: tuple[Tensor, ...]
    derivatives: tuple[int, ...] = ()


@dataclass(frozen=True)
class Kernel:
    """A function of one real number applied entry by entry: exp(v)_i, or 1/s of a scalar s.

    Attributes:
        name: Key of the table in `kernels`.
        argument: The tensor it is applied to; its axes are the slots of the head.
        exponent: For the power x^a, the scalar a; else None.
    """

    name: str
    argument: Tensor
    exponent: Tensor | None = None


class Head:
    """A tensor symbol with typed slots.

    Attributes:
        kind: What it is.
        data: What distinguishes it from others of its kind; see `Kind`.
        slots: Dimension of each slot.
        symmetries: Slot permutations that leave it equal up to sign.
        depends: The variables that it is a function of, as heads.
        is_positive: Whether every entry is declared or known to be > 0.
        partner: For a matrix inverse or a reciprocal of a single head, that head; else None.
        depth: How deep kernels, inverses and functions are nested in it.
        uid: Number by which factors are ordered.

    Raises:
        Unsupported: If they are nested deeper than any model needs.
    """

    __slots__ = (
        "__weakref__",
        "data",
        "depends",
        "depth",
        "derivatives",
        "is_positive",
        "kind",
        "partner",
        "slots",
        "symmetries",
        "uid",
    )

    def __init__(
        self,
        kind: Kind,
        data: Any,
        slots: tuple[Dim, ...],
        symmetries: Group,
        depends: frozenset[Head],
        is_positive: bool,
        partner: Head | None,
    ) -> None:
        self.kind = kind
        self.data = data
        self.slots = slots
        self.symmetries = symmetries
        self.depends = depends if kind is not Kind.VARIABLE else frozenset((self,))
        self.is_positive = is_positive
        self.partner = partner
        self.depth = 1 + max((inner.depth for inner in tensors_in(data)), default=0)
        if self.depth > _DEEPEST:
            raise Unsupported(f"functions nested more than {_DEEPEST} deep")
        self.uid = next(_numbers)
        #: Derivatives by variables found so far; filled by `derivative`.
        self.derivatives: dict[Head, Tensor] = {}

    def __repr__(self) -> str:
        return f"<{self.kind.value} {self.data!r}>"


def tensors_in(data: Any) -> tuple[Tensor, ...]:
    """The tensors that a head is a function of."""
    if isinstance(data, Jet):
        return data.arguments
    if isinstance(data, Kernel):
        return (data.argument,) if data.exponent is None else (data.argument, data.exponent)
    return (data,) if hasattr(data, "terms") else ()


#: Derivatives and evaluation recurse through nested functions; no model nests them this deep.
_DEEPEST = 40
#: The symmetries of a derivative are listed one by one, and there are factorially many.
_HIGHEST_ORDER = 6
_numbers = itertools.count()
_table: WeakValueDictionary[tuple[Kind, Any], Head] = WeakValueDictionary()
_lock = threading.Lock()
_NOTHING: frozenset[Head] = frozenset()


def _intern(
    kind: Kind,
    data: Any,
    slots: tuple[Dim, ...],
    symmetries: Group,
    depends: frozenset[Head] = _NOTHING,
    is_positive: bool = False,
    partner: Head | None = None,
) -> Head:
    with _lock:
        head = _table.get((kind, data))
        if head is None:
            head = Head(kind, data, slots, symmetries, depends, is_positive, partner)
            _table[(kind, data)] = head
        return head


def delta(dim: Dim) -> Head:
    """The Kronecker delta of a dimension."""
    return _intern(Kind.DELTA, dim, (dim, dim), symmetric(2))


def size(dim: Dim) -> Head:
    """The size of a dimension as a number."""
    return _intern(Kind.SIZE, dim, (), trivial(0), is_positive=True)


def constant(name: str) -> Head:
    """The number pi, or the time "t"."""
    return _intern(Kind.CONSTANT, name, (), trivial(0), is_positive=name == "pi")


def variable(symbol: Variable) -> Head:
    """A block of the state."""
    domain = symbol.domain
    is_positive = not domain.closed and (
        domain.kind == "positive"
        or (domain.kind == "interval" and domain.lower is not None and domain.lower >= 0)
    )
    group = named(symbol.symmetry, len(symbol.shape))
    return _intern(Kind.VARIABLE, symbol, symbol.shape, group, is_positive=is_positive)


def _declared(assumptions: frozenset[str], rank: int) -> Group:
    for symmetry in ("symmetric", "antisymmetric"):
        if symmetry in assumptions:
            return named(symmetry, rank)
    return trivial(rank)


def parameter(symbol: Parameter) -> Head:
    """A constant of the model."""
    group = _declared(symbol.assumptions, len(symbol.shape))
    is_positive = "positive" in symbol.assumptions
    return _intern(Kind.PARAMETER, symbol, symbol.shape, group, is_positive=is_positive)


def call(
    function: FunctionSymbol, arguments: tuple[Tensor, ...], derivatives: tuple[int, ...] = ()
) -> Head:
    """An unknown function at the given arguments, or a partial derivative of it there."""
    derivatives = tuple(sorted(derivatives))
    formal = function.arguments
    slots = function.shape + tuple(dim for k in derivatives for dim in formal[k].shape)
    # Derivatives by scalars have no slots to permute.
    blocks = [(k, named(formal[k].symmetry, formal[k].ndim)) for k in derivatives if formal[k].ndim]
    if len(blocks) > _HIGHEST_ORDER:
        raise Unsupported(f"a derivative of {function.name} of order above {_HIGHEST_ORDER}")
    group = _declared(function.assumptions, len(function.shape))
    return _intern(
        Kind.CALL,
        Jet(function, arguments, derivatives),
        slots,
        with_jets(group, blocks) if blocks else group,
        _NOTHING.union(*(argument.depends for argument in arguments)),
        "positive" in function.assumptions and not derivatives,
    )


def inverse(matrix: Tensor, symmetries: Group) -> Head:
    """The matrix inverse of a tensor with two axes."""
    return _intern(
        Kind.INVERSE, matrix, matrix.shape, symmetries, matrix.depends, partner=matrix.bare_head
    )


def logdet(matrix: Tensor) -> Head:
    """The logarithm of the determinant of a tensor with two axes."""
    return _intern(Kind.LOGDET, matrix, (), trivial(0), matrix.depends)


def kernel(data: Kernel, symmetries: Group, is_positive: bool) -> Head:
    """A function of one number, applied entry by entry; made by `kernels` in canonical form."""
    depends = data.argument.depends
    if data.exponent is not None:
        depends = depends | data.exponent.depends
    partner = data.argument.bare_head if data.name == "reciprocal" else None
    shape = data.argument.shape
    return _intern(Kind.KERNEL, data, shape, symmetries, depends, is_positive, partner)
