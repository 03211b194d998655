"""What the commands print: verdicts in colour, tables, one-line errors.

Not for deciding what is printed about a verification; that is `Verification` itself.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdekit.errors import SdekitError

if TYPE_CHECKING:
    from rich.console import Console

    from sdekit.catalog import Entry
    from sdekit.catalog.markov_kernels import KernelEntry
    from sdekit.certificates.export import Checked
    from sdekit.declaration.model.dynamics import Dynamics
    from sdekit.designer.repair import Repair
    from sdekit.designer.solution import Solution
    from sdekit.simulation.runs.result import Run
    from sdekit.verifier.verdict import Verification

#: Colours of the verdicts in a terminal; a pipe gets the same text without them.
COLOURS = {"proved": "green", "refuted": "red", "undecided": "yellow"}


def console() -> Console:
    """Standard output; lines are kept whole, so that what is piped stays as written."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


def show_verification(verification: Verification) -> None:
    """The verification as text, with its verdicts coloured in a terminal."""
    from rich.text import Text

    text = Text(str(verification))
    for verdict, colour in COLOURS.items():
        text.highlight_regex(rf"\b{verdict}\b", colour)
        text.highlight_regex(rf"\b{verdict.upper()}\b", f"bold {colour}")
    console().print(text)


def show_repairs(repairs: Sequence[Repair]) -> None:
    """One line for each change that mends a refuted design."""
    for change in repairs:
        print(f"  proved instead with {change.text}  [{change.kind}]")


def show_designs(found: Sequence[Solution]) -> None:
    """Each family of designs with its verdict, or that there is none."""
    if not found:
        print("no design: no coefficients that are rational in the parameters and sizes solve it")
    for solution in found:
        verdict = solution.verification.verdict.value
        console().print(f"[{COLOURS[verdict]}]{verdict.upper()}[/]", markup=True)
        print("\n".join(f"  {line}" for line in str(solution).splitlines()))


def show_entries(entries: Sequence[Entry | KernelEntry]) -> None:
    """The catalogue as a table of names, titles and sources."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("name", "title", "must be", "source"):
        table.add_column(heading, no_wrap=heading == "name")
    for entry in entries:
        verdict = "refuted" if entry.is_wrong else "proved" if entry.claims_all else "-"
        shown = f"[{COLOURS.get(verdict, 'default')}]{verdict}[/]" + ", if" * entry.is_conditional
        table.add_row(entry.name, entry.title, shown, entry.source)
    # A pipe has no width; without one Rich would break the rows at 80 columns.
    width = None if sys.stdout.isatty() else 200
    Console(highlight=False, width=width).print(table)


def show_certified(found: Checked) -> None:
    """What the checker says of a certificate: of the whole, and of every rung."""
    from rich.text import Text

    out = console()
    if found.rejected is not None:
        out.print(Text.assemble(("certificate: REJECTED", "bold red"), f": {found.rejected}"))
        return
    said, colour = f"CERTIFIED, {found.verdict}", "green"
    if found.verdict is None:
        said, colour = "NOT CERTIFIED as a whole", "yellow"
    out.print(Text.assemble("certificate: ", (said, f"bold {colour}")))
    width = max(map(len, found.rungs))
    for name, (is_certified, sentence) in found.rungs.items():
        mark = "+ certified    " if is_certified else "? not certified"
        out.print(Text(f"  {name:<{width}}  {mark}  {sentence}"))


def _number(value: float | None) -> str:
    """Four decimals, or four digits where they would say nothing."""
    if value is None:
        return "-"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.4g}"


_HEADINGS = {"r_hat": "R-hat", "quantile_5": "5 %", "quantile_95": "95 %"}
_FORMATS = {
    "effective_samples": "{:.0f}".format,
    "r_hat": lambda value: "-" if value is None else f"{value:.3f}",
}


def show_run(
    dynamics: Dynamics,
    run: Run,
    values: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    hidden: int = 0,
) -> None:
    """What was run and its estimates as a table."""
    from rich.table import Table

    out = console()
    given = ", ".join(f"{name} = {_one_line(value)}" for name, value in values.items())
    out.print(
        f"{dynamics.name or 'dynamics'}, scheme {run.scheme}" + (f", {given}" if given else "")
    )
    for note in run.notes:
        out.print(f"note: {shell_words(note)}", style="yellow")
    if dynamics.hamiltonian is None and run.draws > 1:
        out.print("hint: these are averages over time; --t1 1 shows the law at that time")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for heading in list(rows[0])[1:] if rows else ():
        table.add_column(_HEADINGS.get(heading, heading.replace("_", " ")), justify="right")
    for row in rows:
        name, *numbers = row.items()
        table.add_row(name[1], *(_FORMATS.get(key, _number)(x) for key, x in numbers))
    out.print(table)
    if hidden:
        out.print(f"... {hidden} more")


def show_events(events: Sequence[Mapping[str, Any]]) -> None:
    """How many chains each event has stopped, and when."""
    for found in events:
        line = f"{found['event']}: {100 * found['passed']:.1f} % of the chains passed"
        if found["mean_time"] is not None:
            mean, error = _number(found["mean_time"]), _number(found["standard_error"])
            line += f", mean time {mean} with standard error {error}"
        if found["median_time"] is not None:
            line += f", median time {_number(found['median_time'])}"
        console().print(line)


def _one_line(value: Any) -> str:
    return str(value.tolist() if hasattr(value, "tolist") else value)


def write_figure(path: Path, run: Run) -> None:
    """Traces and histograms of the entries that the table shows, in one figure.

    Raises:
        SdekitError: If the file cannot be written in the format that its name asks for.
    """
    from itertools import islice

    import matplotlib
    import numpy as np

    from sdekit.cli.run_command import MOST_ROWS
    from sdekit.diagnostics.plots import MOST_POINTS

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = [
        (f"{name}[{','.join(map(str, index))}]" if index else name, draws[(..., *index)])
        for name, draws in run.samples.items()
        for index in islice(np.ndindex(draws.shape[2:]), MOST_ROWS)
    ]
    figure, axes = plt.subplots(
        len(shown), 2, squeeze=False, figsize=(8, 1.8 * len(shown)), layout="constrained"
    )
    for (name, draws), (left, right) in zip(shown, axes, strict=True):
        every = -(-draws.shape[1] // MOST_POINTS)
        left.plot(np.arange(0, draws.shape[1], every), draws[:, ::every].T, linewidth=0.6)
        right.hist(np.ravel(draws), bins=80, density=True)
        left.set(ylabel=name)
    axes[-1, 0].set(xlabel="draw")
    axes[-1, 1].set(xlabel="value")
    try:
        figure.savefig(path)
    except ValueError as error:
        raise SdekitError("the figure cannot be written", found=f"{path}: {error}") from None
    finally:
        plt.close(figure)


def show_json(data: Any) -> None:
    """Plain data as one JSON object."""
    import json

    print(json.dumps(data, indent=2, ensure_ascii=False))


#: What a hint for Python is on the command line; words that stand for the user's own are kept.
_SHELL_WORDS = (
    (r"give parameters=\{['\"](\w+)['\"]: \.\.\.\}", r"--set \1=..."),
    (r"give potential=\"([^\"]*)\"", r'--potential "\1"'),
    (r"give potential=\.\.\.( for the target's potential)?", r"--potential ..."),
    (r"the same call with resume=True", "the same command with --resume"),
    (r"\bresume=True\b", "--resume"),
    (r"\bstep_size=", "--step-size "),
    (r"; what was sampled before is in the error's run", ""),
    (
        r"what was sampled is in the attribute `run` of this exception",
        "with --store DIR, --resume goes on from there",
    ),
)


def shell_words(message: str) -> str:
    """A message whose hints are options of the command line."""
    for pattern, words in _SHELL_WORDS:
        message = re.sub(pattern, words, message)
    return message


def show_error(message: str) -> None:
    """One line on standard error."""
    print(f"sdekit: {shell_words(' '.join(str(message).split()))}", file=sys.stderr)
