"""How far a run is: steps done, rate, time left, on the terminal.

Not for logging results; the bar is told after each compiled chunk and costs nothing inside it.
"""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class RateColumn(ProgressColumn):
    """Steps per second, with a metric prefix."""

    def render(self, task: Task) -> Text:
        """The rate of a task as text, empty until it is known."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{metric(speed)} steps/s")


def metric(number: float) -> str:
    """A number with three digits and a prefix.

    Example:
        >>> metric(12_345_678), metric(950)
        ('12.3 M', '950')
    """
    for factor, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:.3g} {prefix}"
    return f"{number:.3g}"


class ProgressBar:
    """A progress bar with rate and time left; silent when not enabled.

    Args:
        total: Steps of the run.
        enabled: Whether to show anything.
        description: What is running.
        console: Where to write; default the terminal's error stream, so that piped output stays
            clean.

    Example:
        >>> with ProgressBar(100, enabled=False) as bar:
        ...     bar.advance(50)

    Checked by: tests/simulation/loop/test_progress.py.
    """

    def __init__(
        self,
        total: int,
        *,
        enabled: bool = True,
        description: str = "sampling",
        console: Console | None = None,
    ) -> None:
        self.progress: Progress | None = None
        # Building a bar that nobody sees costs as much as ten thousand steps.
        if enabled:
            self.progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                RateColumn(),
                TimeRemainingColumn(),
                console=console or Console(stderr=True),
            )
            self.task = self.progress.add_task(description, total=total)

    def __enter__(self) -> ProgressBar:
        if self.progress is not None:
            self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.progress is not None:
            self.progress.stop()

    def advance(self, steps: int) -> None:
        """Tell that `steps` more steps are done."""
        if self.progress is not None:
            self.progress.advance(self.task, steps)
