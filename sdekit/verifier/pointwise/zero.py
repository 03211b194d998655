"""Is an expression zero for all sizes, states and parameters? If not, at which exact point?

The index calculus proves; the field engine proves at concrete sizes what the index calculus cannot
express; a counterexample is always an exact value at an exact point. Not for the stationary
residual, whose unknown potentials need jets (`stationarity`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from sdekit.calculus.expansion.rewriting import substituted
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.pointwise.instances import varying_functions
from sdekit.verifier.verdict import Witness

if TYPE_CHECKING:
    import sympy as sp

    from sdekit.verifier.question import Problem

#: Points tried for one expression before giving up.
_POINTS = 12


def gradient_vanishes(expression: Expression, x: Variable) -> bool:
    """Whether the gradient by x is shown to vanish for every size."""
    from sdekit.calculus.contraction.derivative import gradient
    from sdekit.calculus.contraction.lowering import lower
    from sdekit.calculus.contraction.relations import is_zero

    if not expression.depends_on(x):
        return True
    try:
        return is_zero(gradient(lower(expression), x))
    except Unsupported:
        return False


def gradient_text(expression: Expression, x: Variable) -> str | None:
    """The gradient by x in vector notation, its terms grouped; None outside the calculus."""
    from sdekit.calculus.contraction import printing
    from sdekit.calculus.contraction.derivative import gradient
    from sdekit.calculus.contraction.lowering import lower

    try:
        return printing.text(gradient(lower(expression), x))
    except Unsupported:
        return None


def gradient_witness(
    expression: Expression, x: Variable, sizes: Iterator[dict[str, int]]
) -> Witness | None:
    """An exact point at which a gradient by x is not zero, unknown functions made concrete.

    Args:
        expression: A scalar function of x.
        x: The variable of the gradient.
        sizes: Sizes to try, in order.

    Returns:
        A witness with an exact value, or a ball that excludes zero; None if none was found.
    """
    chosen = varying_functions(expression)
    concrete = substituted(expression, chosen)
    functions = {repr(call): repr(value) for call, value in chosen.items()}
    for at in sizes:
        found = _slope(concrete, x, at)
        if found is not None:
            point, value = found
            return Witness(at, point, value, functions=functions)
    return None


def _slope(
    expression: Expression, x: Variable, sizes: Mapping[str, int]
) -> tuple[dict[str, str], str] | None:
    from sdekit.declaration.model.component_reader import ComponentReader, names_in

    names = names_in(expression, x)
    reader = ComponentReader(_all_sizes(expression, x, sizes), names)
    try:
        scalar = reader.scalar(expression)
    except (ValueError, ZeroDivisionError):
        return None
    for index in reader.independent_indices(x):
        slope = scalar.diff(reader.coordinate(x, index))
        if slope == 0:
            continue
        found = nonzero_point(slope, scalar, reader.definite("positive_definite"))
        if found is not None:
            return found
    return None


def _all_sizes(expression: Expression, x: Variable, sizes: Mapping[str, int]) -> dict[str, int]:
    dims = {d.name: d.size for node in (*expression.walk(), x) for d in node.shape}
    fixed = {name: size for name, size in dims.items() if size is not None}
    return {**fixed, **sizes}


def nonzero_point(
    expression: sp.Expr, energy: sp.Expr, definite: tuple[Any, ...] = ()
) -> tuple[dict[str, str], str] | None:
    """Values of the symbols at which a SymPy expression without unknown functions is not zero.

    Args:
        expression: What should be zero.
        energy: Has to be defined at the point.
        definite: Matrices of symbols that have to be positive definite.

    Returns:
        (point, value) as text, or None.
    """
    from sdekit.calculus.field.witnesses.random_points import Scene
    from sdekit.calculus.field.witnesses.witness import search

    def evaluate(values: Any) -> Any:
        from sdekit.calculus.field.witnesses.ball_functions import is_defined
        from sdekit.calculus.field.witnesses.balls import number_value

        symbols = sorted(expression.free_symbols | energy.free_symbols, key=str)
        environment = {symbol: _as_fraction(values(symbol)) for symbol in symbols}
        height = number_value(energy, environment)
        # Where the energy has no value the slope means nothing, and NaN is never a witness.
        return number_value(expression, environment) if is_defined(height) else height

    scene = Scene((), {}, definite)
    witness = search(evaluate, scene, range(_POINTS)).witness
    return None if witness is None else (witness.point, witness.ball)


def nonzero_value(
    problem: Problem, expression: Expression, sizes: Mapping[str, int]
) -> tuple[dict[str, str], str] | None:
    """An exact point at which a scalar expression is not zero at given sizes, and its value."""
    from sdekit.declaration.model.component_reader import ComponentReader
    from sdekit.verifier.pointwise.exact_points import nonzero_at

    at = problem.components(sizes)
    scalar = ComponentReader(dict(at.sizes), problem.dynamics.names).scalar(expression)
    return nonzero_at(scalar, at, _POINTS)


def _as_fraction(value: Any) -> Fraction:
    return Fraction(int(value.p), int(value.q))
