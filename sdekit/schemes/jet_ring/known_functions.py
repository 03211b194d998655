"""Known functions as generators of a differential ring: inverses, roots, exp, log, sin, cos, ...

Each function that occurs in a drift or diffusion becomes one polynomial variable with a rule for
its derivative and, where it satisfies one, an algebraic relation. Not for unknown functions such
as a potential, whose derivatives are independent of each other (`sdekit.schemes.jet_ring.jets`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.declaration.functions.record import EVERYWHERE
from sdekit.declaration.functions.records import BY_SYMPY, FUNCTIONS
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.text.sympy_reader import sympy_formula, sympy_function
from sdekit.errors import SchemeError


@dataclass(frozen=True)
class Kernel:
    """One generator: a known function of an argument.

    Attributes:
        kind: A key of `DERIVATIVES`, or the name of a function record.
        argument: SymPy expression inside; for "inverse" and "root" the base.
        index: Denominator q of the exponent 1/q of a root; 0 otherwise.
        exponent: The constant exponent of a power that is not rational; None otherwise.
    """

    kind: str
    argument: Expr
    index: int = 0
    exponent: Expr | None = None

    def as_sympy(self) -> Expr:
        """The function itself, for printing and for numbers."""
        if self.kind == "inverse":
            return 1 / self.argument
        if self.kind == "root":
            return self.argument ** sp.Rational(1, self.index)
        if self.kind == "power":
            assert self.exponent is not None
            return self.argument**self.exponent
        return sympy_function(self.kind)(self.argument)


def companions(kernel: Kernel) -> Iterator[Kernel]:
    """Kernels that the derivative of this one is written with; they must be in the ring too."""
    partner = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh"}.get(kernel.kind)
    if partner:
        yield Kernel(partner, kernel.argument)
    if kernel.kind in ("root", "power", "log"):
        yield Kernel("inverse", kernel.argument)


#: Of the kernels with relations: derivative(value, slope, lookup), where `value` is the generator,
#: `slope` the derivative of the argument, `lookup(kind, argument, index)` another generator.
DERIVATIVES: dict[str, Callable[[Kernel, Any, Any, Callable[..., Any]], Any]] = {
    "inverse": lambda k, value, slope, look: -(value * value * slope),
    "root": lambda k, value, slope, look: value * look("inverse", k.argument) * slope / k.index,
    "power": lambda k, value, slope, look: (
        look("constant", k.exponent) * value * look("inverse", k.argument) * slope
    ),
    "exp": lambda k, value, slope, look: value * slope,
    "log": lambda k, value, slope, look: look("inverse", k.argument) * slope,
    "sin": lambda k, value, slope, look: look("cos", k.argument) * slope,
    "cos": lambda k, value, slope, look: -(look("sin", k.argument) * slope),
    "sinh": lambda k, value, slope, look: look("cosh", k.argument) * slope,
    "cosh": lambda k, value, slope, look: look("sinh", k.argument) * slope,
}


def slope_of(kernel: Kernel) -> Expr | None:
    """The derivative of a function by its argument, where it is read from its record."""
    if kernel.kind in DERIVATIVES:
        return None
    return sympy_formula(FUNCTIONS[kernel.kind].slope, kernel.argument)


def _is_known(name: str) -> bool:
    record = FUNCTIONS.get(name)
    return record is not None and bool(record.slope) and record.smooth == EVERYWHERE


def kernel_of(expression: Expr) -> tuple[Kernel, int] | None:
    """The kernel and the positive power of it that an expression is, or None if it is neither.

    Raises:
        SchemeError: If the expression is a function that order theory does not know.
    """
    if isinstance(expression, sp.Pow):
        base: Expr = expression.base
        exponent: Expr = expression.exp
        if base is sp.E:
            return Kernel("exp", exponent), 1
        if exponent.is_Integer:
            return (Kernel("inverse", base), -int(exponent)) if exponent.is_negative else None
        if exponent.is_Rational and exponent.is_positive:
            return Kernel("root", base, int(exponent.q)), int(exponent.p)
        if exponent.is_Rational:
            # b**(-p/q) = (1/b)**k * (b**(1/q))**m needs two kernels: the caller splits it.
            return None
        return Kernel("power", base, 0, exponent), 1
    record = BY_SYMPY.get(expression.func.__name__)
    if record is not None and (record.name == "log" or _is_known(record.name)):
        return Kernel(record.name, expression.args[0]), 1
    if isinstance(expression, sp.Function) and not isinstance(expression, AppliedUndef):
        raise SchemeError(
            f"order theory has no rule for {expression.func}",
            expected="polynomials, powers, smooth functions of the grammar and unknown functions",
            found=str(expression),
            fix="declare it as an unknown function: the result then holds for every one",
        )
    return None
