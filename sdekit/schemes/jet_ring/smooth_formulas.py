"""Whether a formula has derivatives of every order on the whole space, which series in h need.

Not for claims about densities (`sdekit.verifier`): what SymPy cannot decide is looked at on a grid.

Checked by: tests/schemes/jet_ring/test_smooth_formulas.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy as sp

from sdekit.declaration.model.sympy_types import Expr
from sdekit.errors import SchemeError

_KINKS = (
    sp.Abs, sp.sign, sp.Heaviside, sp.DiracDelta, sp.Piecewise, sp.Max, sp.Min, sp.floor,
    sp.ceiling, sp.Mod, sp.arg, sp.atan2,
)  # fmt: skip
#: Where a base that SymPy cannot decide is looked at, in each coordinate.
_REACH, _POINTS = 30.0, 20_001
#: A base smaller than this part of its median somewhere on the grid is taken to vanish.
_SMALL = 1e-6


def require_smooth(formula: Expr, coordinates: Sequence[sp.Symbol], what: str) -> None:
    """Refuse a formula with a jump, a kink or a pole in the coordinates.

    Args:
        formula: Parameters should have their values.
        coordinates: The symbols that move.
        what: Its name, for the message.

    Raises:
        SchemeError: With the term.
    """
    moving = set(coordinates)
    for term in sp.preorder_traversal(formula):
        if term.free_symbols & moving and _is_rough(term, coordinates):
            raise SchemeError(
                f"the {what} is not smooth, and the leading bias is a sum of derivatives",
                expected="a formula without jumps, kinks and poles",
                found=str(term),
                fix="use a smooth formula near it, such as sqrt(1/100 + x**2) for abs(x), "
                "or measure the bias with sdekit.simulate",
            )


def _is_rough(term: Expr, coordinates: Sequence[sp.Symbol]) -> bool:
    if isinstance(term, _KINKS):
        return True
    if isinstance(term, sp.Pow) and not (term.exp.is_integer and term.exp.is_nonnegative):
        return term.base.has(*coordinates) and _vanishes(term.base, coordinates)
    if isinstance(term, sp.log):
        return _vanishes(term.args[0], coordinates)
    if isinstance(term, (sp.tan, sp.sec)):
        return _vanishes(sp.cos(term.args[0]), coordinates)
    if isinstance(term, (sp.cot, sp.csc)):
        return _vanishes(sp.sin(term.args[0]), coordinates)
    return False


def _vanishes(base: Expr, coordinates: Sequence[sp.Symbol]) -> bool:
    """Whether the base is zero or changes sign somewhere."""
    if base.is_positive or base.is_negative:
        return False
    read = [x for x in coordinates if base.has(x)]
    others = base.free_symbols - set(read)
    base = base.subs(dict.fromkeys(others, sp.Integer(1)))
    polynomial = base.as_poly(*read)
    if len(read) == 1 and polynomial is not None and (polynomial.domain in (sp.QQ, sp.ZZ)):
        return polynomial.count_roots() > 0
    if len(read) == 1:
        points = [np.linspace(-_REACH, _REACH, _POINTS)]
    else:
        source = np.random.default_rng(0)
        points = list(source.normal(scale=_REACH / 10, size=(len(read), _POINTS)))
    with np.errstate(all="ignore"):
        values = np.asarray(sp.lambdify(read, base, "numpy", docstring_limit=0)(*points))
    values = values[np.isfinite(values)]
    return (
        not len(values)
        or np.ptp(np.sign(values)) > 0
        or bool(np.abs(values).min() < _SMALL * np.median(np.abs(values)))
    )
