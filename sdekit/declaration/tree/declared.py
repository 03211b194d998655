"""What may be assumed of parameters and unknown functions, and how assumptions fit shapes.

Not for the symbols that carry them (`symbols`).
"""

from __future__ import annotations

from typing import Any

from sdekit.errors import DeclarationError

#: What may be assumed of a parameter or unknown function; a definite matrix is symmetric.
ASSUMPTIONS = (
    "positive",
    "nonnegative",
    "symmetric",
    "antisymmetric",
    "positive_definite",
    "positive_semidefinite",
)
MATRIX_ASSUMPTIONS = frozenset(ASSUMPTIONS[2:])
#: What may be declared of an unknown function beside that: even is f(-x) = f(x), bounded and
#: lipschitz are about f itself, coercive is f -> infinity as |x| -> infinity.
PROPERTIES = ("convex", "even", "bounded", "lipschitz", "coercive")


def shape_text(shape: tuple[Any, ...]) -> str:
    """A shape as users read it: `()` for a scalar, `(n, n)` for a square matrix."""
    names = [dim.name for dim in shape]
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def check_properties(name: str, shape: tuple[Any, ...], declared: frozenset[str]) -> None:
    """Check that properties fit a function of a shape, and each other.

    Raises:
        DeclarationError: If they do not.
    """
    if shape and declared & {"convex", "coercive"}:
        raise DeclarationError(
            f"function {name} is no scalar and is declared {' and '.join(sorted(declared))}",
            expected="a scalar function",
            found=f"values of shape {shape_text(shape)}",
        )
    if {"bounded", "coercive"} <= declared:
        raise DeclarationError(
            f"function {name} is declared bounded and coercive",
            expected="at most one of the two",
            fix="coercive functions grow without bound: keep what holds",
        )


def require_square(name: str, dims: tuple[Any, ...], assumption: str) -> None:
    """Check that a shape is that of a square matrix.

    Raises:
        DeclarationError: If it is not.
    """
    if len(dims) != 2 or dims[0] != dims[1]:
        raise DeclarationError(
            f"{name} is declared {assumption.replace('_', ' ')} but is no square matrix",
            expected="shape (n, n)",
            found=f"shape {shape_text(dims)}",
        )


def implied_assumptions(
    name: str, dims: tuple[Any, ...], assumptions: frozenset[str]
) -> frozenset[str]:
    """Check assumptions about a symbol of a shape and add what they imply.

    Raises:
        DeclarationError: If one is unknown, does not fit the shape, or contradicts another.
    """
    for assumption in sorted(assumptions):
        if assumption not in ASSUMPTIONS:
            raise DeclarationError(
                f"unknown assumption about {name}",
                expected=f"some of {', '.join(ASSUMPTIONS)}",
                found=repr(assumption),
            )
        if assumption in MATRIX_ASSUMPTIONS:
            require_square(name, dims, assumption)
        elif len(dims) > 1:
            raise DeclarationError(
                f"{name} is a matrix and is declared {assumption}",
                fix="say positive_definite for a matrix",
            )
    full = set(assumptions)
    if full & {"positive_definite", "positive_semidefinite"}:
        full.add("symmetric")
    if {"symmetric", "antisymmetric"} <= full:
        raise DeclarationError(
            f"{name} is declared symmetric and antisymmetric, so it is zero",
            expected="at most one of the two",
            fix="keep one of them, or leave the parameter out",
        )
    return frozenset(full)
