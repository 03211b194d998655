"""`sdekit expect`: the mean of a formula at a time, to a tolerance.

Not for the estimate (`sdekit.simulation.estimates`).

Checked by: tests/cli/test_expect_command.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdekit.cli.scheme_commands import NameOrFile
from sdekit.errors import SdekitError

if TYPE_CHECKING:
    from sdekit.cli.run_command import Setting
    from sdekit.declaration.model.dynamics import Dynamics
    from sdekit.simulation.estimates.expectation import Expectation


def expect(
    model: NameOrFile,
    of: Annotated[
        str, typer.Option("--of", help="A formula of variables and parameters: max(S - 100, 0).")
    ],
    t1: Annotated[float, typer.Option("--t1", help="The time.")],
    tolerance: Annotated[float, typer.Option(help="Root mean square error that is asked for.")],
    position: Annotated[
        list[str] | None, typer.Option(help="Start: S=100,v=0.04. Default: an SDE's example.")
    ] = None,
    potential: Annotated[
        str | None, typer.Option(help="double-well, normal, a formula, or FILE.py:NAME.")
    ] = None,
    n: Annotated[list[str] | None, typer.Option("--n", help="Sizes: 2, or n=2,k=3.")] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="Parameters: A=1,mu=10. Default: 1 each.")
    ] = None,
    scheme: Annotated[str | None, typer.Option(help="Word such as BAOAB, or EM.")] = None,
    seed: Annotated[int, typer.Option(help="Seed; the same seed gives the same numbers.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Estimate the mean of a formula at a time, to a tolerance, by multilevel Monte Carlo.

    Exit status: 0 done, 2 bad usage or bad input, 130 interrupted.
    """
    from sdekit.cli.inputs import dynamics_of, example_of, sizes_of, values_of
    from sdekit.cli.show import show_json

    dynamics = dynamics_of(model)
    sizes, given = sizes_of(n or [], dynamics) or {}, values_of(values or [])
    start, sizes, given, example = example_of(model, position or [], sizes, given)
    # JAX is loaded only now, after everything that needs none of it has been checked.
    from sdekit.cli.run_command import Setting, told_potential

    setting = Setting(potential, start, sizes, given, scheme, seed=seed, t1=t1)
    found, used = _expected(dynamics, setting, of, tolerance)
    if as_json:
        show_json({**found.to_dict(), **({"example": example} if example else {})})
        return 0
    if example:
        print(example)
    used = {**told_potential(dynamics, potential), **used}
    print(", ".join(f"{name} = {value}" for name, value in used.items()))
    print(f"E[{of}] at t = {t1:g}: {found}")
    return 0


def _expected(
    dynamics: Dynamics, setting: Setting, text: str, tolerance: float
) -> tuple[Expectation, dict[str, Any]]:
    """The mean of a formula of variables and parameters, and the values of the parameters."""
    from sdekit.cli.run_command import ready_setting
    from sdekit.declaration.text.parser import parse_expression
    from sdekit.simulation.bind.jax_reader import compile_expression
    from sdekit.simulation.estimates.multilevel import expect as expect_of

    known = {x.name: x for x in (*dynamics.variables, *dynamics.parameters)}
    formula = parse_expression(text, known, where="--of")
    if formula.shape:
        raise SdekitError(
            "the formula is no number", expected="a scalar", found=text, fix=f"--of 'sum({text})'"
        )
    ready, position, auxiliary, values = ready_setting(dynamics, setting)
    if auxiliary:
        raise SdekitError(
            "auxiliary variables are drawn", found=", ".join(auxiliary),
            fix="give --position for the others alone",
        )  # fmt: skip
    assert setting.t1 is not None
    compiled = compile_expression(
        formula, {dim.name: setting.sizes.get(dim.name, 1) for dim in dynamics.dimensions}
    )

    def value(blocks: Mapping[str, Any]) -> Any:
        return compiled({**values, **blocks})

    found = expect_of(ready, value, position, t1=setting.t1, tolerance=tolerance, seed=setting.seed)
    return found, values
