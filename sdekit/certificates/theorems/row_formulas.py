"""Formulas entry by entry: what stands in row i of a drift, with sums over named indices.

Each node prints as a formula that a reader reads and as data that the library computes with; Coq
finds both equal by computation. Not for what an expression of the grammar means (`entrywise`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from sdekit.calculus.limits import Unsupported

Indices = tuple[str, ...]


@dataclass(frozen=True)
class Atom:
    """A parameter with indices, an unknown function, or a partial derivative of one.

    Attributes:
        name: The name in Coq of the undifferentiated function.
        rank: Number of its own indices.
        arguments: The blocks of the state that it is a function of.
        derivatives: The blocks it is differentiated by, in this order.
    """

    name: str
    rank: int
    arguments: tuple[Block, ...] = ()
    derivatives: tuple[Block, ...] = ()

    @property
    def label(self) -> str:
        """The name in Coq."""
        return "_".join((self.name, *(block.name for block in self.derivatives)))

    @property
    def arity(self) -> int:
        """Number of its indices, those of the derivatives included."""
        return self.rank + sum(len(block.sizes) for block in self.derivatives)

    def by(self, block: Block) -> Atom | None:
        """Its derivative by a block; None where it is no function of it."""
        if block not in self.arguments:
            return None
        return Atom(self.name, self.rank, self.arguments, (*self.derivatives, block))

    def text(self, indices: Indices, arguments: tuple[str, ...] | None = None) -> str:
        """It at these indices and, when not given, at the state z."""
        if arguments is None:
            arguments = tuple(block.text for block in self.arguments)
        return " ".join((self.label, *indices, *arguments))


@dataclass(frozen=True)
class Block:
    """A variable of the state.

    Attributes:
        name: The name in Coq.
        number: Its place in the state.
        sizes: The sizes of its axes, as Coq writes them.
    """

    name: str
    number: int
    sizes: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole block of the state z, as an argument of a function."""
        bound = " ".join("ab"[: len(self.sizes)])
        return f"(fun {bound} => z ({self.name} {bound}))" if bound else f"(z {self.name})"

    @property
    def type(self) -> str:
        """The type of the block as an argument of a function."""
        return "(nat -> R)" if self.sizes else "R"


@dataclass(frozen=True)
class Node:
    """A scalar formula."""


@dataclass(frozen=True)
class Rational(Node):
    """A number."""

    value: Fraction


@dataclass(frozen=True)
class Real(Node):
    """A real number by its name in Coq."""

    name: str


@dataclass(frozen=True)
class Length(Node):
    """A size as a number."""

    size: str


@dataclass(frozen=True)
class Equal(Node):
    """The Kronecker delta."""

    first: str
    second: str


@dataclass(frozen=True)
class AtomEntry(Node):
    """An atom at indices."""

    atom: Atom
    indices: Indices


@dataclass(frozen=True)
class StateEntry(Node):
    """An entry of the state."""

    block: Block
    indices: Indices


@dataclass(frozen=True)
class Plus(Node):
    """A sum of terms."""

    terms: tuple[Node, ...]


@dataclass(frozen=True)
class Times(Node):
    """A product of factors."""

    factors: tuple[Node, ...]


@dataclass(frozen=True)
class Minus(Node):
    """The negative."""

    operand: Node


@dataclass(frozen=True)
class Reciprocal(Node):
    """One over the operand."""

    operand: Node


@dataclass(frozen=True)
class Raised(Node):
    """A power with a whole exponent >= 2."""

    base: Node
    exponent: int


@dataclass(frozen=True)
class Applied(Node):
    """exp, ln, sqrt, sin or cos."""

    name: str
    operand: Node


@dataclass(frozen=True)
class Summed(Node):
    """The sum over an index below a size."""

    size: str
    index: str
    body: Node


ZERO, ONE = Rational(Fraction(0)), Rational(Fraction(1))


def row_sum(*terms: Node) -> Node:
    """A sum without zeros."""
    kept: list[Node] = []
    for term in terms:
        kept += term.terms if isinstance(term, Plus) else () if term == ZERO else (term,)
    return Plus(tuple(kept)) if len(kept) > 1 else kept[0] if kept else ZERO


def row_product(*factors: Node) -> Node:
    """A product without ones, with signs outside."""
    kept: list[Node] = []
    is_negative = False
    for factor in factors:
        if isinstance(factor, Minus):
            is_negative, factor = not is_negative, factor.operand
        kept += factor.factors if isinstance(factor, Times) else (factor,)
    if ZERO in kept:
        return ZERO
    kept = [factor for factor in kept if factor != ONE] or [ONE]
    product = kept[0] if len(kept) == 1 else Times(tuple(kept))
    return minus(product) if is_negative else product


def minus(operand: Node) -> Node:
    """The negative, numbers and double signs taken along."""
    if isinstance(operand, Minus):
        return operand.operand
    if isinstance(operand, Rational):
        return Rational(-operand.value)
    return Minus(operand)


def sum_over(size: str, index: str, body: Node) -> Node:
    """A sum over an index, in which a delta of that index is carried out."""
    if body == ZERO:
        return ZERO
    if isinstance(body, Minus):
        return minus(sum_over(size, index, body.operand))
    if isinstance(body, Plus):
        parts = [sum_over(size, index, term) for term in body.terms]
        whole = [p.body for p in parts if isinstance(p, Summed) and p.index == index]
        others = [p for p in parts if not (isinstance(p, Summed) and p.index == index)]
        return row_sum(*others, *([Summed(size, index, row_sum(*whole))] if whole else []))
    factors = body.factors if isinstance(body, Times) else (body,)
    for place, factor in enumerate(factors):
        if isinstance(factor, Equal) and index in (factor.first, factor.second):
            other = factor.second if factor.first == index else factor.first
            if other == index:
                continue
            rest = row_product(*factors[:place], *factors[place + 1 :])
            return with_indices(rest, {index: other})
        if isinstance(factor, Plus) and any(_has_delta(term, index) for term in factor.terms):
            rest = (*factors[:place], *factors[place + 1 :])
            return sum_over(
                size, index, row_sum(*(row_product(term, *rest) for term in factor.terms))
            )
    return Summed(size, index, body)


def _has_delta(node: Node, index: str) -> bool:
    if isinstance(node, Minus):
        return _has_delta(node.operand, index)
    if isinstance(node, Times):
        return any(_has_delta(factor, index) for factor in node.factors)
    return isinstance(node, Equal) and index in (node.first, node.second)


def children(node: Node) -> tuple[Node, ...]:
    """The formulas inside."""
    match node:
        case Plus(terms):
            return terms
        case Times(factors):
            return factors
        case Minus(inner) | Reciprocal(inner) | Raised(inner, _) | Applied(_, inner):
            return (inner,)
        case Summed(_, _, inner):
            return (inner,)
    return ()


def rebuilt(node: Node, inner: tuple[Node, ...]) -> Node:
    """The node with other formulas inside."""
    match node:
        case Plus():
            return row_sum(*inner)
        case Times():
            return row_product(*inner)
        case Minus():
            return minus(*inner)
        case Reciprocal():
            return Reciprocal(*inner)
        case Raised(_, exponent):
            return Raised(inner[0], exponent)
        case Applied(name, _):
            return Applied(name, *inner)
        case Summed(size, index, _):
            return Summed(size, index, *inner)
    return node


def with_indices(node: Node, names: dict[str, str]) -> Node:
    """The formula with indices renamed; sums bind names that nothing else has."""

    def at(indices: Indices) -> Indices:
        return tuple(names.get(i, i) for i in indices)

    match node:
        case Equal(first, second):
            return Equal(*at((first, second)))
        case AtomEntry(atom, indices):
            return AtomEntry(atom, at(indices))
        case StateEntry(block, indices):
            return StateEntry(block, at(indices))
    return rebuilt(node, tuple(with_indices(inner, names) for inner in children(node)))


def atoms_of(node: Node) -> set[Atom]:
    """The atoms that occur."""
    found = {node.atom} if isinstance(node, AtomEntry) else set()
    return found.union(*(atoms_of(inner) for inner in children(node)))


def free_indices(node: Node) -> set[str]:
    """The indices that occur and are bound by no sum inside."""
    match node:
        case Equal(first, second):
            return {first, second}
        case AtomEntry(_, indices) | StateEntry(_, indices):
            return set(indices)
    found: set[str] = set().union(*map(free_indices, children(node)))
    return found - {node.index} if isinstance(node, Summed) else found


def kernels_of(node: Node) -> set[str]:
    """The functions of one number that occur."""
    found = {node.name} if isinstance(node, Applied) else set()
    return found.union(*(kernels_of(inner) for inner in children(node)))


_SLOPES = {"exp": "exp", "sin": "cos"}


def derivative(node: Node, block: Block, by: Indices) -> Node:
    """The partial derivative by an entry of a block of the state."""
    match node:
        case AtomEntry(atom, indices):
            slope = atom.by(block)
            return ZERO if slope is None else AtomEntry(slope, (*indices, *by))
        case StateEntry(own, indices):
            same = (Equal(i, j) for i, j in zip(indices, by, strict=True))
            return row_product(ONE, *same) if own == block else ZERO
        case Plus(terms):
            return row_sum(*(derivative(term, block, by) for term in terms))
        case Times(factors):
            return row_sum(*(
                row_product(*factors[:k], derivative(factors[k], block, by), *factors[k + 1 :])
                for k in range(len(factors))
            ))  # fmt: skip
        case Minus(operand):
            return minus(derivative(operand, block, by))
        case Reciprocal(operand):
            return minus(row_product(node, node, derivative(operand, block, by)))
        case Raised(base, exponent):
            lower = base if exponent == 2 else Raised(base, exponent - 1)
            return row_product(Rational(Fraction(exponent)), lower, derivative(base, block, by))
        case Applied(name, operand):
            return row_product(_slope(node, name, operand), derivative(operand, block, by))
        case Summed(size, index, body):
            return sum_over(size, index, derivative(body, block, by))
    return ZERO


def _slope(node: Node, name: str, operand: Node) -> Node:
    if name in _SLOPES:
        return Applied(_SLOPES[name], operand)
    if name == "cos":
        return minus(Applied("sin", operand))
    if name == "ln":
        return Reciprocal(operand)
    if name == "sqrt":
        return Reciprocal(row_product(Rational(Fraction(2)), node))
    raise Unsupported(f"the derivative of {name}")
