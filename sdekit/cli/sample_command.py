"""`sdekit sample`: draws of a density in a Python file of the user, with a verdict.

The file is the user's own program, named by themselves, as with `simulate --potential`; it is run.
Not for the sampling (`sdekit.tuning.sample`).

Checked by: tests/cli/test_sample_command.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sdekit.errors import SdekitError

#: Exit status of draws that nothing speaks against, and of others.
STATUS = {True: 0, False: 1}


def sample(
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE.py:NAME",
            help="U = -log density of a position, or a NumPyro model without arguments.",
        ),
    ],
    log_density: Annotated[
        bool, typer.Option("--log-density", help="NAME is the log density, not U.")
    ] = False,
    tolerance: Annotated[
        float, typer.Option(help="Bias of every mean that is accepted, in standard deviations.")
    ] = 0.02,
    chains: Annotated[int, typer.Option(help="Number of chains.")] = 4,
    draws: Annotated[int, typer.Option(help="Draws of each chain, at least.")] = 1000,
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same numbers.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the draws to FILE.npz.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Sample a density of your own: tuned, with a stated bias and a verdict.

    The file may define `position`, a start, and `domains`, by name of the parameter.

    Exit status: 0 converged, 1 not converged, 2 bad usage or bad input, 130 interrupted.
    """
    from sdekit.cli.inputs import module_of
    from sdekit.cli.show import show_json

    path, colon, name = target.rpartition(":")
    if not colon or not path.endswith(".py"):
        raise SdekitError(
            "the target cannot be read", expected="FILE.py:NAME", found=target,
            fix="name the function of the file: sdekit sample model.py:U",
        )  # fmt: skip
    if out is not None and out.suffix != ".npz":
        raise SdekitError(
            "the draws cannot be written in this format", expected="FILE.npz", found=str(out)
        )
    module = module_of(Path(path), name)
    # JAX is loaded only now, after everything that needs none of it has been checked.
    from sdekit.tuning.sample import sample as sample_of

    function = getattr(module, name)
    given: dict[str, Any] = {"log_density" if log_density else "target": function}
    run = sample_of(
        **given, position=getattr(module, "position", None),
        domains=getattr(module, "domains", None), tolerance=tolerance, chains=chains, draws=draws,
        seed=seed,
    )  # fmt: skip
    if out is not None:
        import numpy as np

        np.savez(out, **run.samples)  # pyright: ignore[reportArgumentType]
    rows = _table(run.samples)
    if as_json:
        facts = {"verdict": run.verdict, "tuned": run.tuned.to_dict(), "seed": seed}
        show_json({**facts, "notes": list(run.notes), "results": rows})
    else:
        print(run)
        for row in rows:
            print("  {name:16} {mean:12.5g} +- {standard_error:8.2g}  sd {standard_deviation:.5g}".
                  format(**row))  # fmt: skip
    return STATUS[run.is_converged]


def _table(samples: Any) -> list[dict[str, Any]]:
    """Mean, its standard error and deviation of the entries that vary."""
    from sdekit.diagnostics.draw_statistics import mean_estimate
    from sdekit.tuning.soundness import varying_entries

    names, draws = varying_entries(samples)
    if not names:
        return []
    mean = mean_estimate(draws)
    columns = (mean.value, mean.standard_error, draws.std((0, 1)))
    return [
        {"name": n, "mean": float(m), "standard_error": float(e), "standard_deviation": float(s)}
        for n, m, e, s in zip(names, *columns, strict=True)
    ]
