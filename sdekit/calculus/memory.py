"""What pure functions have found while one question is decided, so that nothing is found twice.

Rungs ask the same of the same expressions: their tensors, signs, poles, whether a tensor vanishes.
The answers are kept as long as the question, and never for the next one. Not for budgets
(`limits`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast

_answers: ContextVar[dict[tuple[Any, ...], Any] | None] = ContextVar("answers", default=None)

_F = TypeVar("_F", bound=Callable[..., Any])


@contextmanager
def remembering() -> Iterator[None]:
    """Inside, `remembered` functions keep their answers; an outer memory is shared.

    Checked by: tests/calculus/test_memory.py.
    """
    if _answers.get() is not None:
        yield
        return
    token = _answers.set({})
    try:
        yield
    finally:
        _answers.reset(token)


def remembered(function: _F) -> _F:
    """A function of immutable arguments, asked once for each inside `remembering`.

    Args:
        function: Of hashable positional arguments, without effects. What it raises is not kept,
            so that a budget that ran out is no answer.

    Checked by: tests/calculus/test_memory.py.
    """

    @wraps(function)
    def ask(*arguments: Any) -> Any:
        answers = _answers.get()
        if answers is None:
            return function(*arguments)
        key = (function, *arguments)
        if key not in answers:
            answers[key] = function(*arguments)
        return answers[key]

    return cast(_F, ask)
