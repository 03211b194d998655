"""What stops an exact engine short: expressions it cannot express, and time that runs out.

Not for verdicts: the verifier turns both into UNDECIDED, never into an answer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Unsupported(Exception):
    """The engine cannot express or decide this.

    Args:
        reason: Why, as half a sentence that reads well after "undecided:".
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class BudgetExceeded(Exception):
    """The time granted ran out before there was an answer.

    No kind of `Unsupported`: who tries another way where one cannot express something must not go
    on when there is no time left.
    """


#: Clock reads are slower than arithmetic on small terms, so only every so many ticks look.
_TICKS_PER_LOOK = 64

_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)
_ticks = 0


@contextmanager
def spending(seconds: float | None) -> Iterator[None]:
    """Grant the calculations inside this much time; an outer, shorter budget stays in force.

    Args:
        seconds: Processor time granted to this thread, so that a busy machine changes no verdict;
            None for no limit.

    Raises:
        BudgetExceeded: From inside a calculation that calls `tick` after the time is over.
    """
    outer = _deadline.get()
    own = None if seconds is None else time.thread_time() + seconds
    bounds = [bound for bound in (outer, own) if bound is not None]
    token = _deadline.set(min(bounds) if bounds else None)
    try:
        yield
    finally:
        _deadline.reset(token)


def tick(work: int = 1) -> None:
    """Called in every loop that can grow; stops it once the time granted is over.

    Args:
        work: Steps of about a microsecond that are about to be done.

    Raises:
        BudgetExceeded: If the time granted by `spending` is over.
    """
    global _ticks
    _ticks += work
    if _ticks >= _TICKS_PER_LOOK:
        _ticks = 0
        deadline = _deadline.get()
        if deadline is not None and time.thread_time() > deadline:
            raise BudgetExceeded("the time budget ran out")
