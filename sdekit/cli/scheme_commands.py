"""The commands about schemes: which fit a dynamics, their orders, their bias.

Not for the theory behind them (`sdekit.schemes`).

Checked by: tests/cli/test_schemes.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def complete_models(incomplete: str) -> list[str]:
    """Names of the catalogue and model files that begin like this, for the shell."""
    from sdekit import catalog
    from sdekit.kernels.kernel_file import published_kernels

    files = [str(path) for path in Path().glob(f"{incomplete}*.toml")]
    names = (*catalog.names(), *published_kernels())
    return [*(name for name in names if name.startswith(incomplete)), *files]


NameOrFile = Annotated[
    str,
    typer.Argument(
        metavar="NAME_OR_FILE",
        help="Of the list, a TOML file, or a report.",
        autocompletion=complete_models,
    ),
]


def schemes(
    model: NameOrFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """List every scheme that fits a dynamics, with its letters and their flows."""
    from sdekit.cli.inputs import dynamics_of
    from sdekit.cli.show import show_json
    from sdekit.schemes.available import table

    found = table(dynamics_of(model))
    if as_json:
        show_json(found.to_dict())
    else:
        print(found)
    return 0


def order(
    model: NameOrFile,
    scheme: Annotated[
        str | None, typer.Argument(help="Word such as BAOAB, or a name; default: derived.")
    ] = None,
    n: Annotated[list[str] | None, typer.Option("--n", help="Size of the series; 1.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Show the weak order of a scheme, and its order for the stationary law."""
    from sdekit.cli.inputs import dynamics_of, sizes_of
    from sdekit.cli.show import show_json
    from sdekit.schemes.order.scheme_order import order as order_of

    dynamics = dynamics_of(model)
    sizes: dict[str, Any] = {**(sizes_of(n or [], dynamics) or {})}
    found = order_of(dynamics, scheme, **sizes)
    if as_json:
        show_json(found.to_dict())
    else:
        print(found)
    return 0


def bias(
    model: NameOrFile,
    scheme: Annotated[
        str | None, typer.Argument(help="Word such as BAOAB, or a name; default: derived.")
    ] = None,
    potential: Annotated[
        str | None, typer.Option(help="In the target's variable, such as theta**4/4.")
    ] = None,
    observable: Annotated[
        str | None, typer.Option(help="Whose mean; default: the squared norm of the target.")
    ] = None,
    n: Annotated[
        list[str] | None, typer.Option("--n", help="Size, or name=size; 1 when left out.")
    ] = None,
    values: Annotated[
        list[str] | None, typer.Option("--set", help="Parameters: A=1,mu=10.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Bias that is accepted; prints the step size for it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Show the leading bias of a stationary mean under a scheme."""
    from sdekit.cli.inputs import dynamics_of, sizes_of, values_of
    from sdekit.cli.show import show_json
    from sdekit.schemes.bias.scheme_bias import bias as bias_of

    dynamics = dynamics_of(model)
    found = bias_of(
        dynamics,
        scheme,
        potential=potential,
        parameters=values_of(values or []),
        observable=observable,
        sizes=sizes_of(n or [], dynamics),
    )
    step = None if tolerance is None else found.recommended_step_size(tolerance)
    if as_json:
        show_json({**found.to_dict(), **({} if step is None else {"step_size": step})})
        return 0
    print(found)
    if step is not None:
        print(f"step size for a bias of {tolerance:g}: {step:.4g}")
    return 0
