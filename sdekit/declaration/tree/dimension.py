"""Sizes of blocks as symbols: `n = dim("n")`.

Not for concrete sizes of one verification or run; those are given there (`verify(d, n=3)`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdekit.declaration.tree.names import check_name
from sdekit.errors import DeclarationError

if TYPE_CHECKING:
    from fractions import Fraction

    from sdekit.declaration.tree.expression import Expression


@dataclass(frozen=True, slots=True)
class Dim:
    """The size of an axis: a symbol that stands for every n >= 1, or a fixed number.

    As a number in an expression (`dot(p, p) - n`) it behaves like a scalar.

    Args:
        name: An identifier.
        size: A positive integer for an axis of that one length; None for any length.

    Raises:
        DeclarationError: If the name is no identifier or the size no positive integer.
    """

    name: str
    size: int | None = None

    def __post_init__(self) -> None:
        check_name(self.name, "dimension")
        if self.size is not None and (
            isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 1
        ):
            raise DeclarationError(
                f"the size of dimension {self.name} is no positive integer",
                expected="an integer >= 1, or None for every size",
                found=repr(self.size),
                fix="leave the size out to declare the model for every size",
            )

    def __repr__(self) -> str:
        return self.name if self.size is None else f"{self.name}={self.size}"

    def as_expression(self) -> Expression:
        """The size as a scalar of an expression."""
        from sdekit.declaration.tree.expression import Size

        return Size(self)

    def __add__(self, other: Expression | Dim | int | Fraction) -> Expression:
        return self.as_expression() + other

    def __radd__(self, other: Expression | int | Fraction) -> Expression:
        return other + self.as_expression()

    def __sub__(self, other: Expression | Dim | int | Fraction) -> Expression:
        return self.as_expression() - other

    def __rsub__(self, other: Expression | int | Fraction) -> Expression:
        return other - self.as_expression()

    def __mul__(self, other: Expression | Dim | int | Fraction) -> Expression:
        return self.as_expression() * other

    def __rmul__(self, other: Expression | int | Fraction) -> Expression:
        return other * self.as_expression()

    def __truediv__(self, other: Expression | Dim | int | Fraction) -> Expression:
        return self.as_expression() / other

    def __rtruediv__(self, other: Expression | int | Fraction) -> Expression:
        return other / self.as_expression()

    def __pow__(self, other: Expression | Dim | int | Fraction) -> Expression:
        return self.as_expression() ** other

    def __neg__(self) -> Expression:
        return -self.as_expression()


def dim(name: str, size: int | None = None) -> Dim:
    """A symbolic size, for every n >= 1, or a fixed one.

    Args:
        name: Identifier.
        size: A fixed number of entries; any number when left out.

    Example:
        >>> dim("n")
        n
    """
    return Dim(name, size)


def as_dims(dims: Sequence[Any], kind: str, name: str) -> tuple[Dim, ...]:
    """Check that sizes are `Dim`s; an integer k becomes the fixed size `k`.

    Raises:
        DeclarationError: If a size is neither.
    """
    checked = []
    for dim in dims:
        if isinstance(dim, bool) or not isinstance(dim, (Dim, int)):
            raise DeclarationError(
                f"{kind} {name} has a size that is no dimension",
                expected='dimensions from sk.dim("n"), or positive integers',
                found=repr(dim),
                fix=f'write n = sk.dim("n") and {kind}("{name}", n)',
            )
        checked.append(dim if isinstance(dim, Dim) else Dim(f"size_{dim}", dim))
    return tuple(checked)
