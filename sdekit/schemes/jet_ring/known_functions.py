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

from sdekit.errors import SchemeError
from sdekit.schemes.jet_ring.sympy_stubs import Formula


@dataclass(frozen=True)
class Kernel:
    """One generator: a known function of an argument.

    Attributes:
        kind: A key of `DERIVATIVES`.
        argument: SymPy expression inside; for "inverse" and "root" the base.
        index: Denominator q of the exponent 1/q of a root; 0 otherwise.
        exponent: The constant exponent of a power that is not rational; None otherwise.
    """

    kind: str
    argument: Formula
    index: int = 0
    exponent: Formula | None = None

    def as_sympy(self) -> Formula:
        """The function itself, for printing and for numbers."""
        if self.kind == "inverse":
            return 1 / self.argument
        if self.kind == "root":
            return self.argument ** sp.Rational(1, self.index)
        if self.kind == "power":
            assert self.exponent is not None
            return self.argument**self.exponent
        return FUNCTIONS[self.kind](self.argument)


FUNCTIONS: dict[str, Callable[[Formula], Formula]] = {
    "exp": sp.exp,
    "log": sp.log,
    "sin": sp.sin,
    "cos": sp.cos,
    "sinh": sp.sinh,
    "cosh": sp.cosh,
    "tanh": sp.tanh,
    "atan": sp.atan,
    "asinh": sp.asinh,
}

_HEADS = {head: name for name, head in FUNCTIONS.items()}


def companions(kernel: Kernel) -> Iterator[Kernel]:
    """Kernels that the derivative of this one is written with; they must be in the ring too."""
    partner = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh"}.get(kernel.kind)
    if partner:
        yield Kernel(partner, kernel.argument)
    if kernel.kind in ("root", "power", "log"):
        yield Kernel("inverse", kernel.argument)
    if kernel.kind == "atan":
        yield Kernel("inverse", 1 + kernel.argument**2)
    if kernel.kind == "asinh":
        root = Kernel("root", 1 + kernel.argument**2, 2)
        yield Kernel("inverse", root.argument)
        yield root


#: derivative(value, slope, lookup): `value` the generator, `slope` the derivative of the argument,
#: `lookup(kind, argument, index)` another generator.
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
    "tanh": lambda k, value, slope, look: slope - value * value * slope,
    "atan": lambda k, value, slope, look: look("inverse", 1 + k.argument**2) * slope,
    "asinh": lambda k, value, slope, look: (
        look("root", 1 + k.argument**2, 2) * look("inverse", 1 + k.argument**2) * slope
    ),
}


def kernel_of(expression: Formula) -> tuple[Kernel, int] | None:
    """The kernel and the positive power of it that an expression is, or None if it is neither.

    Raises:
        SchemeError: If the expression is a function that order theory does not know.
    """
    if isinstance(expression, sp.Pow):
        base: Formula = expression.base
        exponent: Formula = expression.exp
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
    head = _HEADS.get(expression.func)
    if head:
        return Kernel(head, expression.args[0]), 1
    if isinstance(expression, sp.Function) and not isinstance(expression, AppliedUndef):
        raise SchemeError(
            f"order theory has no rule for {expression.func}",
            expected=f"polynomials, powers, {', '.join(FUNCTIONS)} and unknown functions",
            found=str(expression),
            fix="declare it as an unknown function: the result then holds for every one",
        )
    return None
