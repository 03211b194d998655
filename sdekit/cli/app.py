"""The commands and their options; every command loads what it needs when it runs.

Not for printing (`show`), reading of arguments (`inputs`) or experiments (`experiment`).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from sdekit.cli.compare_command import compare
from sdekit.cli.expect_command import expect
from sdekit.cli.sample_command import sample
from sdekit.cli.scheme_commands import NameOrFile, bias, order, schemes
from sdekit.cli.show import show_error
from sdekit.cli.show_command import show
from sdekit.cli.simulate_command import simulate
from sdekit.errors import (
    EXTRAS,
    DivergenceError,
    SdekitError,
    UndecidedError,
    VerificationError,
)

if TYPE_CHECKING:
    from sdekit.kernels.steps import Kernel

#: Exit status of each verdict; 2 is left for mistakes of the user.
STATUS = {"proved": 0, "refuted": 1, "undecided": 3}
BAD_INPUT = 2
DIVERGED = 1
INTERRUPTED = 130

# Typer exports only the leaves of its usage errors; their common base is the parent of this one.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


class _Stopped(Exception):
    """Ctrl-C, with what the command says about it."""


class _Group(TyperGroup):
    """The commands; Typer would turn Ctrl-C into a status and lose what is said about it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stopped:
            raise _Stopped(str(stopped)) from stopped


app = typer.Typer(
    name="sdekit",
    cls=_Group,
    help="Stochastic dynamics, declared once: proved, run and explained.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def run(argv: Sequence[str] | None = None) -> int:
    """Run one command; mistakes of the user become one line on standard error.

    Args:
        argv: Arguments without the program's name; those of the process when left out.

    Returns:
        The exit status.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        status = app(args=arguments, prog_name="sdekit", standalone_mode=False)
    except _UsageError as error:
        # Help asked for by leaving every argument out arrives here too, already printed.
        message = error.format_message()  # type: ignore[attr-defined]
        if message:
            show_error(f"{message} See sdekit --help.")
        return BAD_INPUT
    except DivergenceError as error:
        show_error(str(error))
        return DIVERGED
    except (SdekitError, OSError) as error:
        show_error(str(error))
        return BAD_INPUT
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        show_error(f'{error.name} is not installed. Fix: pip install "sdekit[{extra}]"')
        return BAD_INPUT
    except (_Stopped, KeyboardInterrupt, typer.Abort) as stopped:
        show_error(str(stopped) or "interrupted")
        return INTERRUPTED
    return status if isinstance(status, int) else 0


def _version(asked: bool) -> None:
    if asked:
        from sdekit import __version__

        print(__version__)
        raise typer.Exit()


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Stochastic dynamics, declared once: proved, run and explained."""


@app.command("list")
def list_entries(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    kernels: Annotated[bool, typer.Option("--kernels", help="Kernels, not dynamics.")] = False,
) -> int:
    """List the catalogue: published dynamics or kernels, and mistakes that must be refuted."""
    from sdekit import catalog
    from sdekit.catalog.markov_kernels import ENTRIES, WRONG
    from sdekit.cli.show import show_entries, show_json

    found = (*ENTRIES, *WRONG) if kernels else catalog.entries()
    if as_json:
        show_json([entry.to_dict() for entry in found])
    else:
        show_entries(found)
    return 0


@app.command()
def verify(
    model: NameOrFile,
    n: Annotated[
        list[str] | None, typer.Option("--n", help="Sizes: 2, or n=2,k=3. Default: all n.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    budget: Annotated[
        float | None, typer.Option(help="Seconds for all checks; then the rest is undecided.")
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="Write a certificate for sdekit check, as JSON.")
    ] = None,
    coq: Annotated[
        Path | None, typer.Option(help="Write stationarity as a Coq theorem, FILE.v.")
    ] = None,
) -> int:
    """Prove or refute that exp(-H) is stationary and that its marginal is the target.

    A kernel, by name or as a model file with a table [kernel], is decided for every size and every
    number of steps.

    Exit status: 0 proved, 1 refuted, 3 undecided, 2 bad usage or bad input.
    """
    from sdekit.cli.inputs import model_of, sizes_of
    from sdekit.cli.show import show_json, show_repairs, show_verification
    from sdekit.declaration.model.dynamics import Dynamics
    from sdekit.verifier.ladder import verify as verify_dynamics

    if budget is not None and not 0 < budget < float("inf"):
        raise VerificationError("the budget is no number of seconds", found=budget)
    limits: dict[str, Any] = {} if budget is None else {"budget": budget}
    dynamics = model_of(model)
    if not isinstance(dynamics, Dynamics):
        if n or coq is not None:
            raise VerificationError(
                "a kernel is decided for every size, without a theorem",
                fix="leave --n and --coq out",
            )
        result = verify_dynamics(dynamics, **limits)
        if as_json:
            show_json(result.to_dict())
        else:
            show_verification(result)
        if certificate is not None:
            _certify_kernel(dynamics, certificate, is_shown=not as_json)
        return STATUS[result.verdict.value]
    sizes = sizes_of(n or [], dynamics)
    result = verify_dynamics(dynamics, sizes, **limits)
    repairs = ()
    if result.verdict.value == "refuted":
        from sdekit.designer.repair import repair

        repairs = repair(dynamics)
    if as_json:
        found = {"repairs": [change.to_dict() for change in repairs]} if repairs else {}
        show_json({**result.to_dict(), **found})
    else:
        show_verification(result)
        show_repairs(repairs)
    if certificate is not None:
        from sdekit.certificates.export import certificate as certificate_of
        from sdekit.certificates.export import recheck, write_certificate
        from sdekit.cli.show import show_certified

        content = certificate_of(dynamics, result, sizes)
        write_certificate(certificate, content)
        if not as_json:
            show_certified(recheck(content, dynamics))
    if coq is not None:
        from sdekit.certificates.coq import write_theorem

        write_theorem(coq, dynamics, sizes)
    return STATUS[result.verdict.value]


def _certify_kernel(kernel: Kernel, path: Path, *, is_shown: bool) -> None:
    """Write the certificate of a kernel, and say what the stand-alone checker says of it."""
    from sdekit.certificates.kernel_certificates import certify, recheck_kernel
    from sdekit.cli.show import show_certified

    content = certify(kernel, path=path)
    if is_shown:
        show_certified(recheck_kernel(content, kernel))


@app.command()
def design(
    model: Annotated[Path, typer.Argument(metavar="FILE.toml", help=r"With a table \[unknowns].")],
    report: Annotated[
        Path | None, typer.Option(help="Write how it follows: FILE.html, FILE.tex or FILE.md.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Solve for what is unknown in a model file; every family of designs is verified.

    Exit status: 0 found, 1 proved that there is none, 3 undecided, 2 bad usage or bad input.
    """
    from sdekit.cli.show import show_designs, show_json
    from sdekit.declaration.model.design_file import load_posed
    from sdekit.designer.ansatz import design as solve

    posed = load_posed(model)
    try:
        found = solve(posed.dynamics, posed.unknowns, nonzero=posed.nonzero)
    except UndecidedError as error:
        show_error(str(error))
        return STATUS["undecided"]
    if report is not None:
        from sdekit.reports.design_report import design_report

        design_report(posed.dynamics, posed.unknowns, report, nonzero=posed.nonzero)
    if as_json:
        show_json({"name": posed.dynamics.name, "designs": [one.to_dict() for one in found]})
    else:
        show_designs(found)
    return 0 if found else 1


@app.command()
def check(
    certificate: Annotated[Path, typer.Argument(metavar="FILE.json", help="A certificate.")],
    model: Annotated[
        str | None, typer.Option(help="The name or file of the model it has to be about.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Check a certificate with a checker that shares no code with the verifier.

    Exit status: 0 certified as a whole, 1 rejected, 3 some rung is not certified, 2 no certificate.
    """
    from sdekit.certificates.kernel_certificates import check_file
    from sdekit.cli.inputs import model_of
    from sdekit.cli.show import show_certified, show_json

    found = check_file(certificate, None if model is None else model_of(model))
    if as_json:
        rungs = {k: {"certified": ok, "because": why} for k, (ok, why) in found.rungs.items()}
        show_json({"certified": found.verdict, "rejected": found.rejected, "rungs": rungs})
    else:
        show_certified(found)
    return 1 if found.rejected is not None else 0 if found.verdict else 3


@app.command()
def new(
    model: Annotated[Path, typer.Argument(metavar="FILE.toml", help="A file that is not there.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Write a commented model file to begin with."""
    from sdekit.cli.new_model import write_model
    from sdekit.cli.show import show_json

    write_model(model)
    if as_json:
        show_json({"written": str(model)})
    else:
        print(f"{model}\nNext: sdekit verify {model}")
    return 0


@app.command(context_settings={"ignore_unknown_options": True})
def slurm(
    command: Annotated[list[str], typer.Argument(help="What runs a part, with {part} for I/N.")],
    parts: Annotated[int, typer.Option(help="Number of parts, which share the chains.")],
    hours: Annotated[float, typer.Option(help="Time of each part.")] = 24.0,
    cpus: Annotated[int, typer.Option(help="Cores of each part.")] = 1,
    gpus: Annotated[int, typer.Option(help="GPUs of each part.")] = 0,
    name: Annotated[str, typer.Option(help="Of the job.")] = "sdekit",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Print a batch file that runs the parts of one simulation as an array of Slurm jobs."""
    from sdekit.cli.batch_file import batch_file
    from sdekit.cli.show import show_json

    text = batch_file(command, parts, hours=hours, cpus=cpus, gpus=gpus, name=name)
    if as_json:
        show_json({"batch_file": text})
    else:
        print(text, end="")
    return 0


@app.command()
def report(
    model: NameOrFile,
    out: Annotated[Path, typer.Option("--out", help="FILE.html, FILE.tex or FILE.md.")],
    experiment: Annotated[
        bool | None,
        typer.Option(help="Run the double-well experiment; default: for the scalar thermostat."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps of each chain of the experiment; 1,000,000.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Write the derivation, the verdicts, the splitting and an experiment as one document."""
    from sdekit.cli.inputs import model_of
    from sdekit.cli.show import show_json
    from sdekit.reports.results import report as report_of
    from sdekit.reports.write import check_path

    if steps is not None and experiment is False:
        raise SdekitError("there are no steps without an experiment", fix="leave out --steps")
    # A path that cannot be written is told before a model is read.
    check_path(out)
    counts = {} if steps is None else {"steps": steps}
    written = report_of(model_of(model), out, experiment=experiment, **counts)
    if as_json:
        show_json({"written": str(written)})
    else:
        print(written)
    return 0


for _command in (show, simulate, expect, compare, schemes, order, bias, sample):
    app.command()(_command)
