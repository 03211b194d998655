"""From expressions to JAX: the reading "run" of a declaration.

An expression is evaluated while JAX traces, node by node, each node once. Blocks keep their shape;
where several chains run, the axis of chains is the LAST one, so that arithmetic vectorizes over
chains: a value belongs to many chains exactly when it has one axis more than its expression.
Parameters never have the axis.

Not for deciding anything about the expression, nor for SymPy expressions (`lower_sympy`).

Checked by: tests/simulation/bind/test_jax_reader.py.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.abbreviations import Abbreviation, EachRow
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.errors import SimulationError
from sdekit.simulation.bind.double import Epoch, double
from sdekit.simulation.bind.jax_functions import (
    COMPARE,
    INVERSES,
    LOG_DETERMINANTS,
    REDUCE,
    jax_function,
    of_pairs,
    onto_symmetry,
)
from sdekit.simulation.updates.extra import extra_ranks

#: The dtype where none is asked for.
SINGLE = np.dtype(np.float32)
#: A number known while tracing stays a Python float, so that it takes the dtype of its partner.
Value = Array | float
Function = Callable[..., Any]


@dataclass(frozen=True)
class Environment:
    """What the symbols of an expression stand for.

    Args:
        values: Arrays of the variables and parameters, by name.
        sizes: Sizes of the dimensions, by name.
        functions: Functions of the blocks of one chain, by the name of the unknown function.
        time: Time t; None where the expression may not depend on it.
        known: Values of whole nodes that were computed elsewhere, such as shared gradients.
        dtype: Of constants that are arrays.
        epoch: Time and parameters in double precision, where the others are single: what reads the
            time is computed with these, and rounded at the end. `time` counts from there.
    """

    values: Mapping[str, Any]
    sizes: Mapping[str, int] = field(default_factory=dict)
    functions: Mapping[str, Function] = field(default_factory=dict)
    time: Value | None = None
    known: Mapping[Expression, Any] = field(default_factory=dict)
    dtype: np.dtype = SINGLE
    epoch: Epoch | None = None


def evaluate(expression: Expression, environment: Environment) -> Value:
    """The value of an expression.

    Returns:
        An array of the expression's shape, plus the axis of chains where a variable in it has one;
        or a Python float for a number.

    Raises:
        SimulationError: If a symbol in it has no value.

    Example:
        >>> import sdekit as sk
        >>> n = sk.dim("n")
        >>> p = sk.vector("p", n)
        >>> float(evaluate(sk.dot(p, p) - n, Environment({"p": jnp.ones(3)}, {"n": 3})))
        0.0
    """
    return _Evaluation(environment).value(expression)


def compile_expression(
    expression: Expression,
    sizes: Mapping[str, int] | None = None,
    functions: Mapping[str, Function] | None = None,
) -> Callable[[Mapping[str, Any]], Value]:
    """The expression as a JAX function of the values of its symbols, by name."""

    def of_values(values: Mapping[str, Any]) -> Value:
        return evaluate(expression, Environment(values, sizes or {}, functions or {}))

    return of_values


def is_batched(value: Any, expression: Expression) -> bool:
    """Whether the value has an axis of chains."""
    return np.ndim(value) > expression.ndim


def per_chain(
    function: Callable[..., Any], arguments: tuple[Any, ...], batched: tuple[bool, ...]
) -> Any:
    """Apply a function of one chain's values to values with a last axis of chains."""
    if not any(batched):
        return function(*arguments)
    axes = tuple(-1 if with_chains else None for with_chains in batched)
    return jax.vmap(function, in_axes=axes, out_axes=-1)(*arguments)


def size_of(dim: Any, sizes: Mapping[str, int]) -> int:
    """The size of a dimension.

    Raises:
        SimulationError: If it is not known.
    """
    if dim.size is not None:
        return dim.size
    if dim.name not in sizes:
        raise SimulationError(
            f"the size of dimension {dim.name} is not known",
            expected="a position or parameter that has this axis",
            fix=f'give sizes={{"{dim.name}": ...}}',
        )
    return sizes[dim.name]


def shape_of(expression: Expression, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of an expression in numbers."""
    return tuple(size_of(dim, sizes) for dim in expression.shape)


class _Evaluation:
    """One walk through an expression; a table of handlers, one for each kind of node."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.done: dict[Expression, Value] = dict(environment.known)
        self.fine: _FineEvaluation | None = None

    def value(self, node: Expression) -> Value:
        if node not in self.done:
            self.done[node] = self.new_value(node)
        return self.done[node]

    def new_value(self, node: Expression) -> Value:
        if self.environment.epoch is None or not _reads(node, ex.Time):
            return _HANDLERS[type(node)](self, node)
        with jax.enable_x64(True):
            self.fine = self.fine or _FineEvaluation(self)
            return jnp.asarray(self.fine.value(node), self.environment.dtype)

    def aligned(self, nodes: tuple[Expression, ...]) -> list[Value]:
        """Values of scalars and tensors of one shape, made to broadcast against each other."""
        values = [self.value(node) for node in nodes]
        if not any(is_batched(v, node) for v, node in zip(values, nodes, strict=True)):
            return values
        return [
            v if is_batched(v, node) or not node.ndim else jnp.asarray(v)[..., None]
            for v, node in zip(values, nodes, strict=True)
        ]

    def symbol(self, node: Variable | Parameter) -> Value:
        if node.name in self.environment.values:
            return self.environment.values[node.name]
        if isinstance(node, Parameter) and node.value is not None:
            return float(node.value)
        kind = "parameter" if isinstance(node, Parameter) else "variable"
        raise SimulationError(
            f"{kind} {node.name} has no value", fix=f'give parameters={{"{node.name}": ...}}'
        )

    def time(self, node: ex.Time) -> Value:
        if self.environment.time is None:
            raise SimulationError(
                "the expression depends on the time, which is not given here",
                expected="an expression without sk.time",
                fix="leave sk.time out of it, or ask where a time is given",
            )
        if self.environment.epoch is None:
            return self.environment.time
        return self.environment.epoch.time + double(self.environment.time)

    def sum(self, node: ex.Sum) -> Value:
        first, *rest = self.aligned(node.terms)
        return sum(rest, first)

    def product(self, node: ex.Product) -> Value:
        values = self.aligned(node.factors)
        # Numbers and scalars first: fewer multiplications of whole blocks.
        values.sort(key=lambda v: (not isinstance(v, float), np.ndim(v)))
        return math.prod(values[1:], start=values[0])

    def quotient(self, node: ex.Quotient) -> Value:
        numerator, denominator = self.aligned((node.numerator, node.denominator))
        if isinstance(denominator, float):
            # A product is several times faster than a division, and this one is known beforehand.
            return numerator * (1.0 / denominator)
        return numerator / denominator

    def power(self, node: ex.Power) -> Value:
        base, exponent = self.aligned((node.base, node.exponent))
        if not isinstance(exponent, float):
            return jnp.power(base, exponent)
        if isinstance(base, float):
            # NumPy's power: a root of a negative number is no number, where Python's is complex.
            with np.errstate(all="ignore"):
                return float(np.power(base, exponent))
        if exponent == 0.5:
            return jnp.sqrt(base)
        if exponent.is_integer():
            return base ** int(exponent)
        return jnp.power(base, exponent)

    def contraction(self, node: ex.MatMul) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        a, b = is_batched(left, node.left), is_batched(right, node.right)
        if a and b:
            # Products over chains fuse into one loop; a batched matrix product would transpose.
            shape = (*left.shape[:-1], *(1,) * (node.right.ndim - 1), left.shape[-1])  # type: ignore[union-attr]
            return jnp.sum(left.reshape(shape) * right, axis=node.left.ndim - 1)  # type: ignore[union-attr]
        inner = ([node.left.ndim - 1], [0])
        product = jnp.tensordot(left, right, inner, precision="highest")
        return jnp.moveaxis(product, node.left.ndim - 1, -1) if a else product

    def dot(self, node: ex.Dot) -> Value:
        left, right = self.aligned((node.left, node.right))
        return jnp.sum(left * right, axis=tuple(range(node.left.ndim)))

    def outer(self, node: ex.Outer) -> Value:
        left, right = self.aligned((node.left, node.right))
        gap = (1,) * node.right.ndim
        shape = jnp.shape(left)[: node.left.ndim] + gap + jnp.shape(left)[node.left.ndim :]
        return jnp.reshape(left, shape) * right

    def eye(self, node: ex.Eye) -> Value:
        shape = tuple(size_of(dim, self.environment.sizes) for dim in node.dims)
        identity = np.eye(math.prod(shape), dtype=self.environment.dtype)
        return jnp.asarray(identity.reshape(shape + shape))

    def ones(self, node: ex.Ones) -> Value:
        return jnp.ones(shape_of(node, self.environment.sizes), self.environment.dtype)

    def of_matrix(self, node: Any, function: Callable[[Array], Array]) -> Value:
        """A function of the operand of each chain."""
        matrix = self.value(node.operand)
        return per_chain(function, (matrix,), (is_batched(matrix, node.operand),))

    def transpose(self, node: ex.Transpose) -> Value:
        values = jnp.asarray(self.value(node.operand))
        return jnp.transpose(values, (*node.axes, *range(len(node.axes), values.ndim)))

    def call(self, node: ex.Call) -> Value:
        function = self.function(node.function.name)
        values = [self.value(argument) for argument in node.arguments]
        batched = [is_batched(v, a) for v, a in zip(values, node.arguments, strict=True)]
        for name, ndim in extra_ranks([function]).items():
            values.append(self.environment.values[name])
            batched.append(np.ndim(values[-1]) > ndim)
        return per_chain(function, tuple(values), tuple(batched))

    def function(self, name: str) -> Function:
        if name not in self.environment.functions:
            raise SimulationError(
                f"function {name} is not given", fix=f'give functions={{"{name}": ...}}'
            )
        return self.environment.functions[name]

    def jacobian(self, operand: Expression, variable: Variable) -> Value:
        """Derivative of the operand, axes of the variable last (before the axis of chains)."""
        ndims = {n.name: n.ndim for n in operand.walk() if isinstance(n, Variable | Parameter)}
        calls = [node.function.name for node in operand.walk() if isinstance(node, ex.Call)]
        ndims |= extra_ranks(map(self.environment.functions.get, calls))
        names = tuple(n for n in ndims if n in self.environment.values)
        values = tuple(jnp.asarray(self.environment.values[name]) for name in names)
        if variable.name not in names:
            shape = shape_of(operand, self.environment.sizes)
            return jnp.zeros(shape + shape_of(variable, self.environment.sizes))
        at = names.index(variable.name)

        def of_one(*arguments: Array) -> Array:
            def of_variable(x: Array) -> Array:
                given = {**dict(zip(names, arguments, strict=True)), variable.name: x}
                inner = replace(self.environment, values=given, known={})
                return jnp.asarray(evaluate(operand, inner), x.dtype)

            derivative = jax.grad if operand.ndim == 0 else jax.jacfwd
            return derivative(of_variable)(arguments[at])

        batched = tuple(v.ndim > ndims[name] for name, v in zip(names, values, strict=True))
        jacobian = per_chain(of_one, values, batched)
        return onto_symmetry(jacobian, variable.symmetry, operand.ndim)

    def divergence(self, node: ex.Divergence) -> Value:
        jacobian = jnp.asarray(self.jacobian(node.operand, node.variable))
        for contracted in range(node.variable.ndim):
            # The first axis left of the operand's block, and the one of the variable's.
            second = node.operand.ndim - contracted
            jacobian = jnp.trace(jacobian, axis1=node.ndim, axis2=second)
        return jacobian


class _FineEvaluation(_Evaluation):
    """Nodes that read the time, and constants beside them, in double precision; others as ever."""

    def __init__(self, coarse: _Evaluation) -> None:
        given = coarse.environment
        assert given.epoch is not None
        values = {**given.values, **given.epoch.parameters}
        super().__init__(replace(given, values=values, known={}))
        self.coarse = coarse

    def new_value(self, node: Expression) -> Value:
        if _reads(node, ex.Time) or not _reads(node, Variable, ex.Call):
            return _HANDLERS[type(node)](self, node)
        with jax.enable_x64(False):
            return self.coarse.value(node)


def _reads(node: Expression, *kinds: type) -> bool:
    return any(isinstance(inner, kinds) for inner in node.walk())


def _is_definite(node: Expression) -> bool:
    symbol = node.function if isinstance(node, ex.Call) else node
    return "positive_definite" in getattr(symbol, "assumptions", ())


def _elementwise(evaluation: _Evaluation, node: ex.Elementwise) -> Value:
    value = evaluation.value(node.operand)
    function = jax_function(node.name)
    if not isinstance(value, float):
        return function(value)
    # A number stays one, in double precision, also while JAX traces a run in single precision.
    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        return float(function(value))


def _abbreviation(evaluation: _Evaluation, node: Abbreviation) -> Value:
    if node.word == "where":
        left, right, inside, outside = evaluation.aligned(node.arguments)
        return jnp.where(COMPARE[node.relation](left, right), inside, outside)
    if len(node.arguments) == 2:
        left, right = evaluation.aligned(node.arguments)
        return {"max": jnp.maximum, "min": jnp.minimum}[node.word](left, right)
    operand = node.arguments[0]
    return REDUCE[node.word](evaluation.value(operand), axis=tuple(range(operand.ndim)))


def _each_row(evaluation: _Evaluation, node: EachRow) -> Value:
    function = evaluation.function(node.function.name)
    values = evaluation.value(node.operand)

    each = partial(of_pairs, function) if node.is_paired else jax.vmap(function)
    return per_chain(each, (values,), (is_batched(values, node.operand),))


_HANDLERS: Mapping[type, Callable[[_Evaluation, Any], Value]] = {
    ex.Number: lambda e, node: float(node.value),
    ex.Constant: lambda e, node: {"pi": math.pi, "E": math.e}[node.name],
    ex.Size: lambda e, node: float(size_of(node.dim, e.environment.sizes)),
    ex.Time: _Evaluation.time,
    Variable: _Evaluation.symbol,
    Parameter: _Evaluation.symbol,
    ex.Call: _Evaluation.call,
    ex.Sum: _Evaluation.sum,
    ex.Negation: lambda e, node: -e.value(node.operand),
    ex.Product: _Evaluation.product,
    ex.Quotient: _Evaluation.quotient,
    ex.Power: _Evaluation.power,
    ex.MatMul: _Evaluation.contraction,
    ex.Dot: _Evaluation.dot,
    ex.Outer: _Evaluation.outer,
    ex.Trace: lambda e, node: e.of_matrix(node, jnp.trace),
    ex.Diag: lambda e, node: e.of_matrix(node, jnp.diag),
    ex.Eye: _Evaluation.eye,
    ex.Ones: _Evaluation.ones,
    ex.Inverse: lambda e, node: e.of_matrix(node, INVERSES[_is_definite(node.operand)]),
    ex.LogDet: lambda e, node: e.of_matrix(node, LOG_DETERMINANTS[_is_definite(node.operand)]),
    ex.Transpose: _Evaluation.transpose,
    ex.Gradient: lambda e, node: e.jacobian(node.operand, node.variable),
    ex.Divergence: _Evaluation.divergence,
    ex.Elementwise: _elementwise,
    Abbreviation: _abbreviation,
    EachRow: _each_row,
}
