"""Types for SymPy objects whose own annotations lose what their subclasses have.

Not for anything at run time.
"""

from __future__ import annotations

from typing import Any

Formula = Any  # sympy.Expr
Matrix = Any  # sympy.Matrix or sympy.ImmutableMatrix
