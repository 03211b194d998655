r"""The normal component of the probability current, as an expression in one coordinate.

$J_x = v_x - \sum_y\nabla_y\cdot D_{xy} + \sum_y D_{xy}\nabla_y H$. Where the diffusion of a scalar
x touches x alone, J is written down for every size; otherwise it is taken from the components at
given sizes. Not for the whole current as tensors (`calculus.contraction.fokker_planck`).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.rewriting import substituted
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.functions.record import EVERYWHERE, POSITIVE
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.text.formulas import U, formula
from sdekit.declaration.tree.expression import (
    Call,
    Elementwise,
    Expression,
    Gradient,
    Negation,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
)
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.question import Problem

#: One coordinate, the current in its direction, and H.
Normal = tuple[Variable, Expression, Expression]


def normal_current(problem: Problem, x: Variable) -> list[Normal]:
    """The current in every coordinate of a block.

    Args:
        problem: A dynamics with H.
        x: A variable on a bounded domain.

    Returns:
        For each coordinate: it, J and H as scalar expressions.

    Raises:
        Unsupported: If J cannot be written for every size and no sizes are given.

    Checked by: tests/verifier/rungs/test_boundary.py.
    """
    if not x.shape:
        written = _for_every_size(problem, x)
        if written is not None:
            return [written]
    if problem.is_for_all_sizes:
        raise Unsupported("not written for every size; it can be decided at given sizes, n=2")
    return current_at(problem, x, dict(problem.sizes or {}))


def _for_every_size(problem: Problem, x: Variable) -> Normal | None:
    dynamics = problem.dynamics
    assert dynamics.hamiltonian is not None
    touched = [y for y in dynamics.variables if dynamics.diffusion_block(x, y) is not None]
    if any(y != x for y in touched):
        return None
    current = differentiated(dynamics.drift[x])
    energy = differentiated(dynamics.hamiltonian)
    if touched:
        block = dynamics.diffusion_block(x, x)
        assert block is not None
        block = differentiated(block)
        slope, force = scalar_derivative(block, x), scalar_derivative(energy, x)
        if slope is None or force is None:
            return None
        current = Sum((current, Negation(slope), Product((block, force))))
    return x, current, energy


def differentiated(expression: Expression) -> Expression:
    """The expression with derivatives of known scalars by scalars worked out.

    Raises:
        Unsupported: If a derivative is left that is not one of an unknown function.
    """
    worked_out: dict[Expression, Expression] = {}
    for node in expression.walk():
        if isinstance(node, Gradient) and not is_jet(node) and node not in worked_out:
            inner = differentiated(node.operand)
            slope = None if node.shape else scalar_derivative(inner, node.variable)
            if slope is None:
                raise Unsupported(f"the derivative {node!r} is not worked out")
            worked_out[node] = slope
    return substituted(expression, worked_out) if worked_out else expression


def is_jet(node: Expression) -> bool:
    """Whether the node is an unknown function or a derivative of one."""
    return isinstance(node, Call) or (isinstance(node, Gradient) and is_jet(node.operand))


def scalar_derivative(expression: Expression, x: Variable) -> Expression | None:
    """Derivative of a scalar expression by a scalar variable; None if a tensor holds x."""
    parts = []
    for monomial, coefficient in expand(expression).items():
        for base, exponent in monomial.factors:
            if not base.depends_on(x):
                continue
            inner = _derivative_of_base(base, x)
            if inner is None:
                return None
            rest = [_power(b, e) for b, e in monomial.factors if b != base]
            outer = Product((Number(exponent), _power(base, exponent - 1)))
            parts.append(Product((Number(coefficient), *rest, outer, inner)))
    return Sum(tuple(parts)) if parts else ZERO


def _power(base: Expression, exponent: Fraction) -> Expression:
    return ONE if exponent == 0 else Power(base, Number(exponent))


def _derivative_of_base(base: Expression, x: Variable) -> Expression | None:
    if base == x:
        return ONE
    if is_jet(base):
        return Gradient(base, x)
    if isinstance(base, Elementwise):
        inner = scalar_derivative(base.operand, x)
        function = FUNCTIONS[base.name]
        if inner is None or function.smooth not in (EVERYWHERE, POSITIVE):
            return None
        return Product((substituted(formula(function.slope), {U: base.operand}), inner))
    if isinstance(base, (Sum, Product, Quotient, Negation)):
        return scalar_derivative(base, x)
    return None


def current_at(problem: Problem, x: Variable, sizes: Mapping[str, int]) -> list[Normal]:
    """The current in every coordinate of a block at given sizes, read back from SymPy.

    Raises:
        Unsupported: If SymPy wrote something that the grammar has no word for.
    """
    from sdekit.verifier.pointwise.componentwise import current_of, read_back

    at = problem.components(sizes)
    positions = dict(at.variables)[x]
    symbols = {
        s: Variable(s.name, (), None, d) for s, d in zip(at.coordinates, at.domains, strict=True)
    }
    assert at.hamiltonian is not None
    energy = read_back(at.hamiltonian, symbols)
    return [
        (symbols[at.coordinates[i]], read_back(current_of(at, i), symbols), energy)
        for i in positions
    ]
