"""The immutable expression tree, kept as written, on which all readings of a model are built.

Every node knows its `shape` (a tuple of `Dim`) and its `children`, compares by structure and is
hashable. Python operators build nodes through `sdekit.declaration.tree.operators`, which checks
shapes and folds numbers; nothing else is simplified, so that a report prints what the user wrote.

Not for proving, differentiating or evaluating: each reading (`calculus.contraction`, `components`,
`simulate.lower`, `text`, `latex`) walks the tree for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.python_habits import PythonHabits

if TYPE_CHECKING:
    from sdekit.declaration.tree.abbreviations import Comparison
    from sdekit.declaration.tree.symbols import FunctionSymbol, Variable

Shape = tuple[Dim, ...]


def _operators() -> Any:
    from sdekit.declaration.tree import operators

    return operators


_Binary = Callable[["Expression", Any], "Expression"]


def _operator(name: str) -> tuple[_Binary, _Binary]:
    """An operator of Python by its rule in `operators`, and with the expression on the right."""
    return (
        lambda node, other: getattr(_operators(), name)(node, other),
        lambda node, other: getattr(_operators(), name)(other, node),
    )


def _comparison(relation: str) -> Callable[[Expression, Any], Comparison]:
    return lambda node, other: _operators().compare(node, relation, other)


class Expression(PythonHabits):
    """A scalar or tensor built from symbols; the base of all nodes.

    Attributes:
        shape: Sizes of the axes; () for a scalar.
        children: The sub-expressions, left to right.
    """

    shape: Shape
    #: Whether the node changes with the state by itself.
    _moves: ClassVar[bool] = False
    #: NumPy must leave `array * expression` to the expression.
    __array_priority__ = 1000

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", self._shape())

    def _shape(self) -> Shape:
        """The shape by the parts; of a scalar unless the kind of node says otherwise."""
        return ()

    @cached_property
    def children(self) -> tuple[Expression, ...]:
        """The sub-expressions, left to right."""
        found: list[Expression] = []
        for value in self._parts:
            if isinstance(value, Expression):
                found.append(value)
            elif isinstance(value, tuple):
                found.extend(item for item in value if isinstance(item, Expression))
        return tuple(found)

    @cached_property
    def _parts(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__match_args__)  # type: ignore[attr-defined]

    @cached_property
    def varies(self) -> bool:
        """Whether it changes with the state: it holds a variable or an unknown function."""
        self._look_below()
        return self.__dict__["varies"]

    @cached_property
    def variables(self) -> frozenset[Variable]:
        """The variables that are written in it."""
        self._look_below()
        return self.__dict__["variables"]

    def _look_below(self) -> None:
        """Fill in `varies` and `variables`, children first, so that no depth is too deep."""
        for node in reversed([*self.walk()]):
            known, below = node.__dict__, node.children
            if "varies" not in known:
                own = (node,) if node._moves and not below else ()
                known["variables"] = frozenset(own).union(*(child.variables for child in below))
                known["varies"] = node._moves or any(child.varies for child in below)

    def rebuilt(self, rule: Callable[[Any], Any]) -> Expression:
        """A node of the same kind with a rule applied to its parts, in tuples to each item."""
        return type(self)(
            *(tuple(map(rule, p)) if isinstance(p, tuple) else rule(p) for p in self._parts)
        )

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def walk(self) -> Iterator[Expression]:
        """The node itself and everything below it, parents first."""
        stack: list[Expression] = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(reversed(node.children))

    def depends_on(self, variable: Variable) -> bool:
        """Whether the variable is written anywhere in the expression."""
        return variable in self.variables

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return False
        return hash(self) == hash(other) and self._parts == other._parts  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        try:
            return self.__dict__["_hash"]
        except KeyError:
            value = hash((type(self).__name__, self._parts))
            object.__setattr__(self, "_hash", value)
            return value

    def __getstate__(self) -> dict[str, Any]:
        # String hashes differ between processes: a stored hash must not travel.
        derived = ("_hash", "_parts", "_text", "children", "variables", "varies")
        return {key: value for key, value in self.__dict__.items() if key not in derived}

    def __repr__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        from sdekit.declaration.text.expression_text import grammar_text

        return grammar_text(self)

    def __abs__(self) -> Expression:
        return Elementwise("abs", self)

    __add__, __radd__ = _operator("add")
    __sub__, __rsub__ = _operator("subtract")
    __mul__, __rmul__ = _operator("multiply")
    __truediv__, __rtruediv__ = _operator("divide")
    __pow__, __rpow__ = _operator("power")
    __matmul__, __rmatmul__ = _operator("matmul")

    def __neg__(self) -> Expression:
        return _operators().negate(self)

    def __pos__(self) -> Expression:
        return self

    __gt__, __ge__ = _comparison(">"), _comparison(">=")
    __lt__, __le__ = _comparison("<"), _comparison("<=")

    @property
    def T(self) -> Expression:
        """The expression with its axes in reverse order."""
        return _operators().transpose(self)


class _Alike(Expression):
    """A node of the shape of the first expression in it."""

    def _shape(self) -> Shape:
        return self.children[0].shape


@dataclass(frozen=True, eq=False, repr=False)
class Number(Expression):
    """An exact rational number."""

    value: Fraction


@dataclass(frozen=True, eq=False, repr=False)
class Constant(Expression):
    """`pi`, or `E`, the base of natural logarithms."""

    name: str


@dataclass(frozen=True, eq=False, repr=False)
class Size(Expression):
    """The size of a dimension, as a number."""

    dim: Dim


@dataclass(frozen=True, eq=False, repr=False)
class Time(Expression):
    """The time t of the SDE."""


@dataclass(frozen=True, eq=False, repr=False)
class Call(Expression):
    """An unknown smooth function at given arguments, such as U(theta).

    Calling it again puts other arguments in: with `U = sk.potential("U", theta)`, `U(other)`.
    """

    function: FunctionSymbol
    arguments: tuple[Expression, ...]
    _moves = True

    def _shape(self) -> Shape:
        return self.function.shape

    def __call__(self, *arguments: Any) -> Expression:
        return _operators().call(self.function, *arguments)


@dataclass(frozen=True, eq=False, repr=False)
class Sum(_Alike):
    """Terms of one shape; a difference holds a `Negation`."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Negation(_Alike):
    """Minus the operand."""

    operand: Expression


@dataclass(frozen=True, eq=False, repr=False)
class Product(Expression):
    """Scalars times tensors of one shape, multiplied entry by entry."""

    factors: tuple[Expression, ...]

    def _shape(self) -> Shape:
        return next((factor.shape for factor in self.factors if factor.shape), ())


@dataclass(frozen=True, eq=False, repr=False)
class Quotient(Expression):
    """Numerator over a scalar, or over a tensor of its own shape entry by entry."""

    numerator: Expression
    denominator: Expression

    def _shape(self) -> Shape:
        return self.numerator.shape or self.denominator.shape


@dataclass(frozen=True, eq=False, repr=False)
class Power(_Alike):
    """The base, entry by entry, to a scalar exponent."""

    base: Expression
    exponent: Expression


@dataclass(frozen=True, eq=False, repr=False)
class MatMul(Expression):
    """Contraction of the last axis of the left with the first axis of the right operand."""

    left: Expression
    right: Expression

    def _shape(self) -> Shape:
        return self.left.shape[:-1] + self.right.shape[1:]


@dataclass(frozen=True, eq=False, repr=False)
class Dot(Expression):
    """Full contraction of two tensors of one shape: the sum of products of entries."""

    left: Expression
    right: Expression


@dataclass(frozen=True, eq=False, repr=False)
class Outer(Expression):
    """Products of all pairs of entries; the axes of the left come first."""

    left: Expression
    right: Expression

    def _shape(self) -> Shape:
        return self.left.shape + self.right.shape


@dataclass(frozen=True, eq=False, repr=False)
class Trace(Expression):
    """Sum of the diagonal of a square matrix."""

    operand: Expression


@dataclass(frozen=True, eq=False, repr=False)
class Diag(Expression):
    """The diagonal matrix of a vector, or the diagonal of a square matrix."""

    operand: Expression

    def _shape(self) -> Shape:
        return self.operand.shape[:1] * (2 if self.operand.ndim == 1 else 1)


@dataclass(frozen=True, eq=False, repr=False)
class Eye(Expression):
    """The identity on blocks of shape `dims`; its own shape is dims + dims."""

    dims: Shape

    def _shape(self) -> Shape:
        return self.dims + self.dims


@dataclass(frozen=True, eq=False, repr=False)
class Ones(Expression):
    """The tensor of ones."""

    dims: Shape

    def _shape(self) -> Shape:
        return self.dims


@dataclass(frozen=True, eq=False, repr=False)
class Inverse(_Alike):
    """Inverse of a square matrix."""

    operand: Expression


@dataclass(frozen=True, eq=False, repr=False)
class LogDet(Expression):
    """Logarithm of the determinant of a positive definite matrix."""

    operand: Expression


@dataclass(frozen=True, eq=False, repr=False)
class Transpose(Expression):
    """The operand with its axes permuted: axis k of the result is axis `axes[k]` of the operand."""

    operand: Expression
    axes: tuple[int, ...]

    def _shape(self) -> Shape:
        return tuple(self.operand.shape[axis] for axis in self.axes)


@dataclass(frozen=True, eq=False, repr=False)
class Gradient(Expression):
    """Derivative by a variable, whose axes are appended."""

    operand: Expression
    variable: Variable

    def _shape(self) -> Shape:
        return self.operand.shape + self.variable.shape


@dataclass(frozen=True, eq=False, repr=False)
class Divergence(Expression):
    """Derivative by a variable, contracted with the last axes of the operand."""

    operand: Expression
    variable: Variable

    def _shape(self) -> Shape:
        return self.operand.shape[: self.operand.ndim - self.variable.ndim]


@dataclass(frozen=True, eq=False, repr=False)
class Elementwise(_Alike):
    """A function of one real number, applied entry by entry: exp, sqrt, tanh, ..."""

    name: str
    operand: Expression
