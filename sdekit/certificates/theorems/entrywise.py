"""From the expressions of a model to formulas entry by entry.

Not for the tensor calculus that decides (`sdekit.calculus.contraction`): this reads what was
declared again, on its own, so that the theorem is about the declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from sdekit.calculus.limits import Unsupported
from sdekit.certificates.theorems import row_formulas as rows
from sdekit.certificates.theorems.naming import Symbols
from sdekit.certificates.theorems.row_formulas import ONE, ZERO, Indices, Node
from sdekit.declaration.tree import expression as tree
from sdekit.declaration.tree.abbreviations import Abbreviation
from sdekit.declaration.tree.dimension import Dim
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Parameter, Variable

#: Words of the grammar and what Coq calls them.
_KERNELS = {"exp": "exp", "log": "ln", "sqrt": "sqrt", "sin": "sin", "cos": "cos"}


class Entrywise:
    """Reads expressions at indices; sums bind indices that no other sum has."""

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols

    def read(self, node: Expression, at: Indices) -> Node:
        """The entry of an expression at these indices, one for each of its axes.

        Raises:
            Unsupported: If the library has no such function or the model no such symbol.
        """
        if not node.shape and at:
            if isinstance(node, tree.Number) and node.value == 0:
                return ZERO  # the number 0 is the zero of every shape
            at = ()
        rule = _RULES.get(type(node))
        if rule is None:
            raise Unsupported(f"{type(node).__name__} is not written entry by entry")
        return rule(self, node, at)

    def summed(self, dims: tuple[Dim, ...], body: Callable[[Indices], Node]) -> Node:
        """The sum of a formula over one index for each dimension."""
        bound = tuple(self._symbols.fresh_index() for _ in dims)
        total = body(bound)
        for dim, index in reversed(tuple(zip(dims, bound, strict=True))):
            total = rows.sum_over(self._symbols.size(dim), index, total)
        return total

    def _number(self, node: tree.Number, at: Indices) -> Node:
        return rows.Rational(node.value)

    def _constant(self, node: tree.Constant, at: Indices) -> Node:
        return rows.Applied("exp", ONE) if node.name == "E" else rows.Real("PI")

    def _size(self, node: tree.Size, at: Indices) -> Node:
        if node.dim.size is not None:
            return rows.Rational(Fraction(node.dim.size))
        return rows.Length(self._symbols.size(node.dim))

    def _variable(self, node: Variable, at: Indices) -> Node:
        return rows.StateEntry(self._symbols.block(node), at)

    def _parameter(self, node: Parameter, at: Indices) -> Node:
        if node.value is not None:
            return rows.Rational(node.value)
        if not node.shape:
            return rows.Real(self._symbols.real(node))
        return rows.AtomEntry(self._symbols.parameter(node), at)

    def _call(self, node: tree.Call, at: Indices) -> Node:
        return rows.AtomEntry(self._symbols.call(node), at)

    def _sum(self, node: tree.Sum, at: Indices) -> Node:
        return rows.row_sum(*(self.read(term, at) for term in node.terms))

    def _negation(self, node: tree.Negation, at: Indices) -> Node:
        return rows.minus(self.read(node.operand, at))

    def _product(self, node: tree.Product, at: Indices) -> Node:
        return rows.row_product(*(self.read(factor, at) for factor in node.factors))

    def _quotient(self, node: tree.Quotient, at: Indices) -> Node:
        top, bottom = self.read(node.numerator, at), self.read(node.denominator, at)
        return _over(top, bottom)

    def _power(self, node: tree.Power, at: Indices) -> Node:
        base, exponent = self.read(node.base, at), node.exponent
        if not isinstance(exponent, tree.Number):
            raise Unsupported("a power with a symbol as exponent")
        top, bottom = exponent.value.as_integer_ratio()
        if bottom == 2:
            base = rows.Applied("sqrt", base)
        elif bottom != 1:
            raise Unsupported(f"the power {exponent.value}")
        raised = base if abs(top) == 1 else rows.Raised(base, abs(top)) if top else ONE
        return rows.Reciprocal(raised) if top < 0 else raised

    def _matmul(self, node: tree.MatMul, at: Indices) -> Node:
        split = len(node.left.shape) - 1
        return self.summed(
            node.right.shape[:1],
            lambda k: rows.row_product(
                self.read(node.left, at[:split] + k), self.read(node.right, k + at[split:])
            ),
        )

    def _dot(self, node: tree.Dot, at: Indices) -> Node:
        return self.summed(
            node.left.shape,
            lambda k: rows.row_product(self.read(node.left, k), self.read(node.right, k)),
        )

    def _outer(self, node: tree.Outer, at: Indices) -> Node:
        split = len(node.left.shape)
        return rows.row_product(self.read(node.left, at[:split]), self.read(node.right, at[split:]))

    def _trace(self, node: tree.Trace, at: Indices) -> Node:
        return self.summed(node.operand.shape[:1], lambda k: self.read(node.operand, k + k))

    def _diag(self, node: tree.Diag, at: Indices) -> Node:
        if len(node.operand.shape) == 2:
            return self.read(node.operand, at + at)
        return rows.row_product(self.read(node.operand, at[:1]), rows.Equal(*at))

    def _eye(self, node: tree.Eye, at: Indices) -> Node:
        half = len(at) // 2
        return rows.row_product(ONE, *map(rows.Equal, at[:half], at[half:]))

    def _ones(self, node: tree.Ones, at: Indices) -> Node:
        return ONE

    def _inverse(self, node: tree.Inverse, at: Indices) -> Node:
        return rows.AtomEntry(self._symbols.inverse(node.operand), at)

    def _logdet(self, node: tree.LogDet, at: Indices) -> Node:
        atom = self._symbols.log_determinant(node.operand)
        return rows.AtomEntry(atom, at) if atom.arguments else rows.Real(atom.name)

    def _transpose(self, node: tree.Transpose, at: Indices) -> Node:
        inner = dict(zip(node.axes, at, strict=True))
        return self.read(node.operand, tuple(inner[axis] for axis in range(len(at))))

    def _gradient(self, node: tree.Gradient, at: Indices) -> Node:
        own = len(node.operand.shape)
        inner = self.read(node.operand, at[:own])
        return rows.derivative(inner, self._symbols.block(node.variable), at[own:])

    def _divergence(self, node: tree.Divergence, at: Indices) -> Node:
        block = self._symbols.block(node.variable)
        return self.summed(
            node.variable.shape,
            lambda k: rows.derivative(self.read(node.operand, at + k), block, k),
        )

    def _elementwise(self, node: tree.Elementwise, at: Indices) -> Node:
        if node.name not in _KERNELS:
            raise Unsupported(f"the function {node.name}")
        return rows.Applied(_KERNELS[node.name], self.read(node.operand, at))

    def _abbreviation(self, node: Abbreviation, at: Indices) -> Node:
        if node.meaning is None:
            raise Unsupported(f"the {node.word} of all entries")
        return self.read(node.meaning, at)


def _over(top: Node, bottom: Node) -> Node:
    if isinstance(bottom, rows.Rational) and isinstance(top, rows.Rational):
        return rows.Rational(top.value / bottom.value)
    if bottom == ONE:
        return top
    return rows.row_product(top, rows.Reciprocal(bottom))


_RULES: Mapping[type[Expression], Callable[..., Node]] = {
    tree.Number: Entrywise._number,
    tree.Constant: Entrywise._constant,
    tree.Size: Entrywise._size,
    Variable: Entrywise._variable,
    Parameter: Entrywise._parameter,
    tree.Call: Entrywise._call,
    tree.Sum: Entrywise._sum,
    tree.Negation: Entrywise._negation,
    tree.Product: Entrywise._product,
    tree.Quotient: Entrywise._quotient,
    tree.Power: Entrywise._power,
    tree.MatMul: Entrywise._matmul,
    tree.Dot: Entrywise._dot,
    tree.Outer: Entrywise._outer,
    tree.Trace: Entrywise._trace,
    tree.Diag: Entrywise._diag,
    tree.Eye: Entrywise._eye,
    tree.Ones: Entrywise._ones,
    tree.Inverse: Entrywise._inverse,
    tree.LogDet: Entrywise._logdet,
    tree.Transpose: Entrywise._transpose,
    tree.Gradient: Entrywise._gradient,
    tree.Divergence: Entrywise._divergence,
    tree.Elementwise: Entrywise._elementwise,
    Abbreviation: Entrywise._abbreviation,
}
