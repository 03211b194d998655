"""The command line: `sdekit list`, `verify`, `simulate`, `report`.

Exit status: 0 proved or done, 1 refuted, 3 undecided, 2 bad usage or bad input, told in one line on
standard error. Not for any mathematics; the commands call the same functions as Python users do.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit status.

    Args:
        argv: Arguments without the program's name; those of the process when left out.

    Raises:
        SystemExit: Always, with the exit status.
    """
    # Typer is loaded here, so that importing the package for its docstring stays free.
    from sdekit.cli.app import run

    raise SystemExit(run(argv))
