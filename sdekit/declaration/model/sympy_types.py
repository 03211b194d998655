"""The type of a SymPy expression in annotations.

SymPy's own annotations lose the type on almost every step: the arguments of an `Expr` are `Basic`,
operators are untyped. `Expr` says to the reader what is meant and stays out of the checker's way.

Not for checks at run time: those ask SymPy.
"""

from __future__ import annotations

from typing import Any, TypeAlias

#: A `sympy.Expr`.
Expr: TypeAlias = Any
#: A `sympy.Symbol`.
Symbol: TypeAlias = Any
#: A `sympy.Poly`.
Poly: TypeAlias = Any
#: A `sympy.ImmutableMatrix`.
Matrix: TypeAlias = Any
