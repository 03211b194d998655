"""What Python and NumPy would do to a number, refused for expressions with the way to write it.

Not for arithmetic (`operators`), which expressions know.
Checked by: tests/declaration/tree/test_python_habits.py.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, NoReturn

from sdekit.errors import DeclarationError

#: What `array op expression` asks of the expression, by the name of NumPy's function.
_REFLECTED = {
    "add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__",
    "true_divide": "__rtruediv__", "divide": "__rtruediv__", "power": "__rpow__",
    "matmul": "__rmatmul__", "less": "__gt__", "less_equal": "__ge__", "greater": "__lt__",
    "greater_equal": "__le__", "equal": "__eq__", "not_equal": "__ne__",
}  # fmt: skip
_DIRECT = {
    "add": "__add__", "subtract": "__sub__", "multiply": "__mul__", "true_divide": "__truediv__",
    "divide": "__truediv__", "power": "__pow__", "matmul": "__matmul__", "negative": "__neg__",
    "absolute": "__abs__", "less": "__lt__", "less_equal": "__le__", "greater": "__gt__",
    "greater_equal": "__ge__", "equal": "__eq__", "not_equal": "__ne__",
}  # fmt: skip
#: Where sdekit has another name for a function of NumPy.
_OTHER_NAMES = {"einsum": "dot, sk.outer or @", "vdot": "dot", "inner": "dot"}


class PythonHabits:
    """The protocols of Python and NumPy that an expression answers with an error."""

    def __bool__(self) -> bool:
        raise DeclarationError(
            "an expression has no truth value",
            found=repr(self),
            fix="compare expressions with ==, which asks for equal structure",
        )

    def __iter__(self) -> Iterator[Any]:
        self._refuse_entries()

    def __getitem__(self, index: object) -> NoReturn:
        self._refuse_entries()

    def _refuse_entries(self) -> NoReturn:
        raise DeclarationError(
            "an expression cannot be taken apart entry by entry",
            found=repr(self),
            fix="write with whole vectors and matrices, or take components with Dynamics.at(n=...)",
        )

    def __float__(self) -> float:
        raise DeclarationError(
            "a symbolic expression is no floating point number",
            found=repr(self),
            fix="use sk.sqrt, sk.exp, ... for functions of expressions",
        )

    @property
    def __jax_array__(self) -> NoReturn:
        """JAX asks for this before it takes a value for an array."""
        raise DeclarationError(
            "JAX's functions do not know expressions",
            expected="a function of sdekit, such as sk.sqrt, sk.dot",
            found=repr(self),
            fix="write sk.sin for jnp.sin; JAX is for potentials, which get numbers",
        )

    def _sympy_(self) -> NoReturn:
        """SymPy asks for this: its operators then leave `Rational(1, 2) * x` to the expression."""
        raise _no_sympy()(
            "a function of SymPy does not know expressions",
            found=repr(self),
            fix="use sk.sqrt, sk.exp, ..., or declare with SymPy's symbols alone",
        )

    def __xor__(self, other: object) -> NoReturn:
        raise DeclarationError("^ is no power in Python", found=f"{self!r}^{other!r}", fix="use **")

    def __rxor__(self, other: object) -> NoReturn:
        raise DeclarationError("^ is no power in Python", found=f"{other!r}^{self!r}", fix="use **")

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Arithmetic goes to the expression; every other function of NumPy is refused."""
        left, *right = inputs
        names = _DIRECT if isinstance(left, PythonHabits) else _REFLECTED
        name = names.get(function.__name__)
        if method != "__call__" or options or name is None:
            _refuse_numpy(function.__name__, self)
        if isinstance(left, PythonHabits):
            return getattr(left, name)(*right)
        # NumPy hands over its own numbers as arrays without axes.
        return getattr(right[0], name)(left[()] if getattr(left, "shape", None) == () else left)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> NoReturn:
        """Functions of NumPy know arrays of numbers only."""
        _refuse_numpy(function.__name__, self)


@functools.cache
def _no_sympy() -> type[DeclarationError]:
    """The error that SymPy's operators catch and users read; SymPy is loaded, for it asks."""
    from sympy import SympifyError

    class NoSympyError(DeclarationError, SympifyError):
        def __str__(self) -> str:
            return self._message()

    return NoSympyError


def _refuse_numpy(name: str, expression: object) -> NoReturn:
    raise DeclarationError(
        f"NumPy's {name} does not know expressions",
        expected="a function of sdekit, such as sk.sqrt, sk.dot",
        found=f"np.{name} of {expression!r}",
        # What NumPy calls arc is a in sdekit.
        fix=f"use sk.{_OTHER_NAMES.get(name, name.replace('arc', 'a', 1))}",
    )
