"""`sdekit compare`: several dynamics on one target, written on one page.

Not for the page itself (`sdekit.reports.comparison`).
Checked by: tests/cli/test_compare_command.py.
"""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer


def compare(
    models: Annotated[
        list[str], typer.Argument(metavar="NAME_OR_FILE...", help="Two dynamics or more.")
    ],
    out: Annotated[Path, typer.Option("--out", help="FILE.html, FILE.tex or FILE.md.")],
    potential: Annotated[
        str | None,
        typer.Option(help="double-well, normal, a formula (summed over entries), or FILE.py:NAME."),
    ] = None,
    position: Annotated[
        list[str] | None, typer.Option(help="Start: theta=1,2. Default: 0.")
    ] = None,
    n: Annotated[list[str] | None, typer.Option("--n", help="Sizes: 2, or n=2,k=3.")] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="Parameters: A=1,mu=10. Default: 1 each.")
    ] = None,
    step_size: Annotated[float, typer.Option(help="Step size h of all of them.")] = 0.05,
    steps: Annotated[int, typer.Option(help="Steps of each chain.")] = 100_000,
    burn_in: Annotated[int, typer.Option(help="Steps before the first draw.")] = 1_000,
    thin: Annotated[int, typer.Option(help="Steps between draws.")] = 10,
    chains: Annotated[int, typer.Option(help="Number of chains.")] = 4,
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same numbers.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Run dynamics on one target and write verdicts, moments, cost and densities side by side.

    Exit status: 0 written, 1 diverged, 2 bad usage or bad input, 130 interrupted.
    """
    from sdekit.cli.inputs import dynamics_of, sizes_of, values_of
    from sdekit.cli.show import show_json
    from sdekit.reports.comparison import parameters_of, write_comparison
    from sdekit.reports.write import check_path

    check_path(out)
    found = [dynamics_of(model) for model in models]
    shares = parameters_of(found, values_of(values or []))
    # JAX is loaded only now, after everything that needs none of it has been checked.
    from sdekit.cli.run_command import Setting, run_setting

    setting = Setting(
        potential, position or [], {}, {}, None, step_size, steps, thin, chains, seed,
        burn_in, "float32", None, False,
    )  # fmt: skip
    runs = [
        run_setting(
            dynamics,
            replace(setting, sizes=sizes_of(n or [], dynamics) or {}, values=share),
            progress=sys.stderr.isatty(),
        )[0]
        for dynamics, share in zip(found, shares, strict=True)
    ]
    write_comparison(runs, out, shlex.join(["sdekit", *sys.argv[1:]]))
    if as_json:
        show_json({"written": str(out)})
    else:
        print(out)
    return 0
