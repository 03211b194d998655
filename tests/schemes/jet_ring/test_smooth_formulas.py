"""Jumps, kinks and poles are told from smooth formulas."""

from __future__ import annotations

import pytest
import sympy as sp

from sdekit.errors import SchemeError
from sdekit.schemes.jet_ring.smooth_formulas import require_smooth

x, y = sp.symbols("x y", real=True)


@pytest.mark.parametrize(
    "formula",
    [
        sp.Abs(x), x * sp.sign(x), sp.sqrt(x**2), sp.sqrt((x**2 - 2) ** 2), sp.Max(x, 0),
        sp.sqrt(x**4 + x**2), (x**2) ** sp.Rational(1, 3), 1 / (x - sp.Rational(1, 7)),
        sp.log(x**2), sp.Piecewise((x, x > 1), (x**2, True)), sp.tan(x), sp.sqrt(1 + sp.cos(x)),
        1 / (x - y),
    ],
)  # fmt: skip
def test_kinks_and_poles_are_refused(formula: sp.Expr) -> None:
    with pytest.raises(SchemeError, match="not smooth"):
        require_smooth(formula, [x, y], "potential")


@pytest.mark.parametrize(
    "formula",
    [
        x**4, sp.sqrt(1 + x**2), 1 / (x**2 - x + 1), sp.log(sp.cosh(x)), sp.log(1 + sp.exp(x)),
        1 / (2 + sp.sin(x)), sp.sqrt(1 + x**2 + y**2), sp.sin(x) / 3, sp.Abs(sp.Symbol("A")) * x,
    ],
)  # fmt: skip
def test_smooth_formulas_are_not_refused_and_a_kink_added_to_them_is(formula: sp.Expr) -> None:
    require_smooth(formula, [x, y], "potential")
    with pytest.raises(SchemeError, match="not smooth"):
        require_smooth(formula + sp.Abs(x - 3), [x, y], "potential")
