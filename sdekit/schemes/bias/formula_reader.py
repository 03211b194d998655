"""Reads potentials, functions and observables into the coordinates of a dynamics at given sizes.

Not for the dynamics itself (`sdekit.declaration.model.components`).

Checked by: tests/schemes/bias/test_scheme_bias.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.text.parser import parse_expression
from sdekit.declaration.tree.expression import Call, Expression
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.errors import ModelFileError, SchemeError


class FormulaReader:
    """Text, SymPy or sdekit expressions as formulas in the coordinates.

    In text and in sdekit expressions a variable is what it was declared as, so that dot(theta,
    theta) is meant for a vector theta; a variable of one coordinate may be used as a number too,
    and each coordinate has its own name, such as theta_2.

    Attributes:
        declared: The names of parameters and of their entries.
    """

    def __init__(self, dynamics: Dynamics, components: Components, given: Sequence[str]) -> None:
        """Collect what names stand for.

        Args:
            dynamics: The declaration.
            components: The same at given sizes.
            given: Names of parameters with a value, of which the dynamics need not know all.
        """
        self._dynamics = dynamics
        self._components = components
        self._reader = ComponentReader(components.sizes, dynamics.names)
        entries = [e for p in dynamics.parameters for e in self._reader.array(p).flat]
        symbols: dict[str, Expr] = {e.name: e for e in entries if isinstance(e, sp.Symbol)}
        self.declared = tuple(dict.fromkeys([*(p.name for p in dynamics.parameters), *symbols]))
        self._symbols = symbols | {n: sp.Symbol(n) for n in given if n not in self.declared}
        self._symbols |= {x.name: x for x in components.coordinates}
        self._single = {}
        for variable, places in components.variables:
            if len(places) == 1:
                self._single[variable.name] = components.coordinates[places[0]]
        self._symbols |= self._single

    def __call__(self, formula: Any, what: str) -> Expr:
        """The formula in the coordinates.

        Raises:
            SchemeError: If it is no scalar formula.
            ModelFileError: If a text cannot be read.
        """
        if isinstance(formula, str):
            formula = self._parsed(formula, what)
        if isinstance(formula, Expression):
            if formula.shape or any(isinstance(node, Call) for node in formula.walk()):
                raise SchemeError(f"the {what} is no scalar formula", found=str(formula))
            formula = self._reader.scalar(formula)
        if not isinstance(formula, sp.Basic):
            raise SchemeError(
                f"the {what} is no formula",
                expected='text such as "theta**2/2" or a SymPy expression',
                found=repr(formula)[:80],
            )
        for symbol in formula.free_symbols:
            if str(symbol) not in self._symbols:
                raise SchemeError(
                    f"the {what} has a name that nothing stands for",
                    expected=", ".join(self._symbols),
                    found=str(symbol),
                )
        return formula.xreplace({s: self._symbols[str(s)] for s in formula.free_symbols})

    def squared_norm(self) -> Expr:
        """The sum of the squares of the target coordinates."""
        return sp.Add(*(x**2 for x in self._components.target_coordinates))

    def _parsed(self, text: str, what: str) -> Expression:
        known: dict[str, Any] = {dim.name: dim for dim in self._dynamics.dimensions}
        known |= {name: Parameter(name) for name in self._symbols}
        known |= {p.name: p for p in self._dynamics.parameters}
        known |= {x.name: Variable(x.name) for x in self._components.coordinates}
        as_declared = known | {x.name: x for x in self._dynamics.variables}
        as_numbers = as_declared | {name: Variable(name) for name in self._single}
        try:
            return parse_expression(text, as_numbers, where=what)
        except ModelFileError as mistake:
            try:
                return parse_expression(text, as_declared, where=what)
            except ModelFileError:
                raise mistake from None
