"""Terms that the shapes of a declaration suggest, as a basis for what is missing or unknown.

Not for choosing among them: `design` and `repair` solve for their coefficients.
"""

from __future__ import annotations

from collections.abc import Iterator

from sdekit.declaration.functions.grammar import dot, logdet
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.addends import additive_terms
from sdekit.declaration.tree.expression import Call, Expression, Inverse, LogDet
from sdekit.declaration.tree.operators import multiply
from sdekit.declaration.tree.symbols import Parameter


def declared(dynamics: Dynamics) -> tuple[Expression, ...]:
    """The parameters, unknown functions, inverses and log determinants that a declaration names."""
    found: dict[Expression, None] = {}
    for expression in dynamics.expressions():
        for node in expression.walk():
            if isinstance(node, (Parameter, Call, Inverse, LogDet)):
                found[node] = None
    return tuple(found)


def energies(dynamics: Dynamics) -> Iterator[list[Expression]]:
    """Groups of terms that may belong to H together: squares, centres, potentials, log det."""
    named = declared(dynamics)
    target = [] if dynamics.target is None else additive_terms(dynamics.target)
    scalars = [node for node in named if not node.shape and not isinstance(node, Parameter)]
    yield from ([term] for term in dict.fromkeys([*target, *scalars]))
    yield from ([logdet(G)] for G in metrics(dynamics))
    for x in dynamics.variables:
        centres = [node for node in named if node.shape == x.shape]
        square = dot(x, x) if x.shape else x**2
        yield [square]
        for centre in centres:
            product = dot(x, centre) if x.shape else multiply(x, centre)
            own = dot(centre, centre) if x.shape else centre**2
            yield [square, product] if isinstance(centre, Parameter) else [square, product, own]
        if not x.shape:
            yield [square, x]
        if x.ndim == 1:
            matrices = [node for node in named if node.shape == x.shape * 2]
            yield from ([dot(x, M @ x)] for M in matrices)


def metrics(dynamics: Dynamics) -> Iterator[Call]:
    """The positive definite matrices that depend on variables."""
    for node in declared(dynamics):
        if isinstance(node, Call) and "positive_definite" in node.function.assumptions:
            yield node
