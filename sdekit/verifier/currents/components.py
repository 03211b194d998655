"""Smoothness of current, density and D in coordinates, after what cancels has cancelled.

Not for every size (`tensor_smoothness`), nor for what a kink or pole does (`flux`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.sign import sign
from sdekit.calculus.signs.sign_values import POSITIVE
from sdekit.declaration.functions.record import EVERYWHERE
from sdekit.declaration.functions.records import BY_SYMPY
from sdekit.declaration.model.sympy_types import Expr
from sdekit.verifier.pointwise.componentwise import current_of
from sdekit.verifier.question import Problem


def smooth_in_components(problem: Problem, sizes: Mapping[str, int]) -> bool:
    """Whether v, D, H and u are smooth at these sizes."""
    try:
        at = problem.components(sizes)
    except (Unsupported, ValueError):
        return False
    flow = [current_of(at, i) for i in range(len(at.coordinates))]
    parts = (*at.drift, *at.diffusion.values(), at.hamiltonian, *flow)
    return not any(True for part in parts for _ in rough_nodes(part))


def rough_nodes(expression: Expr) -> Iterator[sp.Basic]:
    """The nodes that were not shown to be smooth functions of what they hold."""
    for node in sp.preorder_traversal(expression):
        if not node.args or isinstance(
            node, (sp.Add, sp.Mul, sp.Derivative, sp.Subs, AppliedUndef, sp.Tuple)
        ):
            continue
        record = BY_SYMPY.get(type(node).__name__)
        if record is not None and record.smooth == EVERYWHERE:
            continue
        if not (isinstance(node, sp.Pow) and _is_smooth_power(node)) and not (
            node.func == sp.log and sign(node.args[0]) == POSITIVE
        ):
            yield node


def _is_smooth_power(node: sp.Pow) -> bool:
    base, exponent = node.args
    if exponent.is_Integer and exponent >= 0:
        return True
    found = sign(base)
    return found == POSITIVE or (bool(exponent.is_Integer) and 0 not in found)
