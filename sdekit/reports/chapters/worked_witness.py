"""A witness worked through: each term of a claim as an exact number at that point.

The numbers are to be shown only if they add up to the value that the verifier gave.
Not for finding a witness (`sdekit.verifier`).
Checked by: tests/reports/chapters/test_worked_witness.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.parser import parse_expression
from sdekit.declaration.tree.symbols import Variable
from sdekit.errors import SdekitError
from sdekit.reports.chapters.formulas import scope_of
from sdekit.verifier.verdict import Witness


def values_at(
    formulas: Iterable[str], witness: Witness, dynamics: Dynamics
) -> tuple[list[Fraction], dict[str, str]] | None:
    """Exact values of formulas at a witness.

    A witness leaves out what cancels in the claim; in single terms such symbols are 1 where they
    are positive or on a diagonal, and 0 elsewhere.

    Args:
        formulas: Scalars in the grammar of model files, over the symbols of the dynamics.
        witness: A point, with a polynomial for each unknown function that matters.
        dynamics: The declaration.

    Returns:
        One number for each, and the symbols that were filled in; None where one of them cannot be
        read or is no exact number there.
    """
    try:
        point = _Point(witness, dynamics)
        return [point.value(text) for text in formulas], point.filled
    except (SdekitError, Unsupported, KeyError, ValueError):
        return None


class _Point:
    """Formulas as SymPy expressions at the sizes of a witness, and then as numbers."""

    def __init__(self, witness: Witness, dynamics: Dynamics) -> None:
        self._scope: dict[str, Any] = scope_of(dynamics)
        fixed = {dim.name: dim.size for dim in dynamics.dimensions if dim.size is not None}
        self._components = ComponentReader({**fixed, **witness.dimensions}, self._scope)
        self._point = {name: sp.Rational(value) for name, value in witness.point.items()}
        self._functions = {
            name.partition("(")[0]: self._choice(text) for name, text in witness.functions.items()
        }
        self.filled: dict[str, str] = {}

    def _choice(self, text: str) -> Any:
        """The choice of a function, written in blocks or in their components."""
        names = set(re.findall(r"[A-Za-z]\w*_\d+", text)) - set(self._scope)
        scope = {**self._scope, **{name: Variable(name) for name in names}}
        return self._components.scalar(parse_expression(text, scope))

    def _known(self, expression: Any, kind: type[sp.Basic]) -> Any:
        """With the values that the witness names."""
        values = {one: self._point.get(str(one)) for one in expression.atoms(kind)}
        return expression.xreplace({one: v for one, v in values.items() if v is not None})

    def _fill(self, symbol: Any) -> sp.Integer:
        """A value for what cancels, the same in every term."""
        name = symbol.func.__name__ if isinstance(symbol, AppliedUndef) else str(symbol)
        indices = [] if symbol.is_Derivative else re.findall(r"_(\d+)", name)
        on_diagonal = len(indices) == 2 and len(set(indices)) == 1
        value = sp.Integer(1 if symbol.is_positive or on_diagonal else 0)
        self.filled[str(symbol)] = str(value)
        return value

    def value(self, text: str) -> Fraction:
        """The number that a formula has at the witness.

        Raises:
            ValueError: If it has none that is rational.
        """
        tree = parse_expression(text, self._scope)
        if tree.shape:
            raise ValueError(f"{text} is no scalar")
        expression = self._components.scalar(tree) + sp.Integer(0)
        for name, choice in self._functions.items():
            calls = [f for f in expression.atoms(sp.Function) if f.func.__name__ == name]
            if all(argument.is_Symbol for call in calls for argument in call.args):
                expression = expression.xreplace(dict.fromkeys(calls, choice))
        # Derivatives first: the function inside has a value of its own.
        for kind in (sp.Derivative, AppliedUndef, sp.Symbol):
            expression = self._known(expression, kind)
            if kind is sp.Derivative:
                expression = expression.doit()
            left = sorted(expression.atoms(kind), key=str)
            expression = expression.xreplace({one: self._fill(one) for one in left})
        found = sp.expand(expression)
        if not isinstance(found, sp.Rational):
            raise ValueError(f"{text} is no exact number at the witness")
        return Fraction(int(found.p), int(found.q))
