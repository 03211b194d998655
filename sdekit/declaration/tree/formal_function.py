"""A declared function whose formal arguments are no variables of the model.

A formal argument takes the shape it is first used with; every later use has to agree. Not for
functions declared on variables, whose shapes are known (`symbols.FunctionSymbol`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sdekit.declaration.tree.expression import Expression, Shape
from sdekit.declaration.tree.operators import as_expression, call
from sdekit.declaration.tree.symbols import FunctionSymbol, Variable
from sdekit.errors import DeclarationError


class FormalFunction:
    """A function that becomes a symbol when it is first used.

    Args:
        name: Its name.
        arguments: For each argument the variable it is, or the name of a formal argument.
        shape: Shape of the values.
        assumptions: What is assumed of it.

    Raises:
        DeclarationError: If a name cannot be one, or stands twice, or assumptions do not fit.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[Variable | str],
        shape: Shape = (),
        assumptions: frozenset[str] = frozenset(),
    ) -> None:
        formal = [a if isinstance(a, Variable) else Variable(a) for a in arguments]
        self.arguments = tuple(arguments)
        self.names = tuple(argument.name for argument in formal)
        if len(set(self.names)) != len(self.names):
            raise DeclarationError(f"function {name} lists one argument twice", found=self.names)
        self.pattern = FunctionSymbol(name, tuple(formal), shape, assumptions)
        self.symbol: FunctionSymbol | None = None

    def of(self, *shapes: Shape) -> FunctionSymbol:
        """The function; its formal arguments have these shapes if this is the first use."""
        if self.symbol is None and len(shapes) == len(self.names):
            formal = tuple(
                a if isinstance(a, Variable) else Variable(a, shape)
                for a, shape in zip(self.arguments, shapes, strict=True)
            )
            old = self.pattern
            self.symbol = FunctionSymbol(old.name, formal, old.shape, old.assumptions)
        return self.symbol or self.pattern

    def call(self, *arguments: Any) -> Expression:
        """The function at arguments.

        Raises:
            DeclarationError: If their number is wrong, or their shapes are not those of the first
                use.
        """
        given = tuple(as_expression(argument) for argument in arguments)
        return call(self.of(*(argument.shape for argument in given)), *given)
