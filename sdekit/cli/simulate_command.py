"""`sdekit simulate`: one run of a dynamics, as a table of averages or of the law at a time.

Not for reading what was asked for and running it (`run_command`).

Checked by: tests/cli/test_run_command.py.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from sdekit.cli.scheme_commands import NameOrFile
from sdekit.errors import SdekitError


def simulate(
    model: NameOrFile,
    potential: Annotated[
        str | None,
        typer.Option(help="double-well, normal, a formula (summed over entries), or FILE.py:NAME."),
    ] = None,
    position: Annotated[
        list[str] | None,
        typer.Option(help="Start: s=1, or theta=1,2. Default: an SDE's example, or 0 with an H."),
    ] = None,
    n: Annotated[list[str] | None, typer.Option("--n", help="Sizes: 2, or n=2,k=3.")] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="Parameters: A=1,mu=10. Default: 1 each.")
    ] = None,
    scheme: Annotated[str | None, typer.Option(help="Word such as BAOAB, or EM.")] = None,
    step_size: Annotated[float, typer.Option(help="Step size h.")] = 0.01,
    steps: Annotated[
        int | None, typer.Option(help="Steps of each chain.", show_default="100000")
    ] = None,
    t1: Annotated[
        float | None, typer.Option("--t1", help="In place of steps: the law at this time.")
    ] = None,
    burn_in: Annotated[int, typer.Option(help="Steps before the first draw.")] = 0,
    thin: Annotated[int, typer.Option(help="Steps between stored draws.")] = 10,
    chains: Annotated[
        int | None, typer.Option(help="Number of chains.", show_default="4; with --t1 10000")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same numbers.")] = 0,
    precision: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    store: Annotated[
        Path | None, typer.Option(help="Stream the samples to this Zarr store.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run of the store.")
    ] = False,
    part: Annotated[
        str | None, typer.Option(help="I/N: the chains of the I-th of N parts, I from 0.")
    ] = None,
    sweep: Annotated[
        list[str] | None, typer.Option(help="A=0.5,1,2: all chains run with each of these values.")
    ] = None,
    until: Annotated[
        list[str] | None, typer.Option(help='"x >= 1": chains stop there; passages are counted.')
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw traces and histograms to FILE.svg, .png or .pdf.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Run a dynamics and print means, standard errors, effective sample sizes and R-hat.

    With --t1, the mean and quantiles over the chains at that time.

    Exit status: 0 done, 1 diverged, 2 bad usage or bad input, 130 interrupted.
    """
    from sdekit.cli.inputs import (
        barriers_of,
        dynamics_of,
        example_of,
        part_of,
        sizes_of,
        sweep_of,
        values_of,
    )
    from sdekit.cli.show import show_events, show_json, show_run, write_figure

    dynamics = dynamics_of(model)
    sizes = sizes_of(n or [], dynamics) or {}
    given, share, swept = values_of(values or []), part_of(part), sweep_of(sweep or [])
    start, sizes, given, example = example_of(model, position or [], sizes, given)
    # JAX is loaded only now, after everything that needs none of it has been checked.
    from sdekit.cli.run_command import (
        Setting,
        data_of,
        hidden_rows,
        run_setting,
    )

    setting = Setting(
        potential, start, sizes, given, scheme, step_size, steps, thin, chains, seed,
        burn_in, precision, store, resume, share, t1, swept, barriers_of(until or [], dynamics),
    )  # fmt: skip
    if swept and figure is not None:
        raise SdekitError(
            "a sweep has no figure", expected="one of --sweep and --figure", found="both",
            fix="draw each value with --set",
        )  # fmt: skip
    run, used = run_setting(dynamics, setting, progress=sys.stderr.isatty())
    if figure is not None:
        write_figure(figure, run)
    runs = [
        ({name: column[k] for name, column in swept.items()}, one)
        for k, one in enumerate(run if swept else [run])
    ]
    if as_json:
        found = [data_of(one) | ({"values": own} if swept else {}) for own, one in runs]
        data = {"sweep": found} if swept else found[0]
        show_json(data | ({"example": example} if example else {}))
        return 0
    if example:
        print(example)
    for own, one in runs:
        data = data_of(one)
        show_run(dynamics, one, {**used, **own}, data["results"], hidden_rows(one))
        show_events(data.get("events", ()))
    return 0
