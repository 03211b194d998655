"""Tables that pages show and nobody types: what the package's own records and theory say.

Not for prose: a page asks for one with `{{ tables.strong_orders() }}`.
"""

from __future__ import annotations

from collections.abc import Iterable

import sdekit as sk
from docs.generate.measured import RESULTS, Measured
from sdekit.errors import SdekitError
from sdekit.schemes.solvers.noise_type import NoiseKind
from sdekit.schemes.solvers.solver_table import SOLVERS

__all__ = ["claims", "markdown", "strong_orders", "words"]


def markdown(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    lines = [list(head), ["---"] * len(list(head)), *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def strong_orders() -> str:
    """Every solver of general SDEs with its strong order for each kind of noise."""
    kinds = tuple(NoiseKind)
    rows = [
        [
            f"`{name}`",
            solver.interpretation,
            *(f"{solver.orders[kind]:g}" if kind in solver.orders else "no" for kind in kinds),
            "yes" if solver.needs_levy_area else "no",
            "yes" if solver.adaptive else "no",
            solver.source,
        ]
        for name, solver in SOLVERS.items()
    ]
    head = ["scheme", "solves as", *kinds, "draws space-time area", "adaptive", "source"]
    return markdown(head, rows)


def words(name: str, schemes: tuple[str, ...], parameters: dict[str, int]) -> str:
    """Orders and harmonic bias of some schemes of one entry of the catalogue.

    Args:
        name: The entry.
        schemes: Words and named schemes.
        parameters: Values at which the bias is computed.
    """
    dynamics = sk.catalog.get(name)
    rows = []
    for scheme in schemes:
        order = sk.order(dynamics, scheme)
        rows.append(
            [
                f"`{scheme}`",
                f"{order.weak_order}",
                f"{order.invariant_order}",
                _bias(dynamics, scheme, "dot(theta, theta)/2", parameters),
                _bias(dynamics, scheme, "theta**4/4", parameters),
            ]
        )
    head = [
        "scheme",
        "weak order",
        "order of the stationary law",
        "bias of the mean square, harmonic",
    ]
    return markdown([*head, "quartic"], rows)


def _bias(dynamics: sk.Dynamics, scheme: str, potential: str, parameters: dict[str, int]) -> str:
    try:
        found = sk.bias(dynamics, scheme, potential=potential, parameters=parameters)
    except SdekitError as error:
        return f"not computed: {error}".split(":")[0]
    if abs(found.coefficient) < 1e-8:
        return "none of this order"
    power = "h" if found.power == 1 else f"h^{found.power}"
    return f"${found.coefficient:.3g}\\,{power}$"


def claims(measured: Measured | None = None) -> str:
    """Every claim of the committed evidence, its result, and the file that holds it."""
    rows = []
    for file in sorted(RESULTS.glob("*.json")):
        record = (measured or Measured())[file.stem]
        for claim in record.get("claims", []):
            verdict = {True: "met", False: "**not met**"}.get(claim.get("passed"), "measured")
            rows.append([verdict, claim["claim"], claim["result"], f"`{file.name}`"])
    return markdown(["", "claim", "result", "file"], rows)
