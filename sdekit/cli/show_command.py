"""`sdekit show`: a declaration with what the catalogue says of it.

Not for verdicts (`sdekit verify`) nor for derivations (`sdekit report`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from sdekit.cli.scheme_commands import NameOrFile

#: How a fact of each kind reads.
WORDS = {"moment": "E[{}] = {}", "limit": "E[{}] tends to {}", "rate": "dE[{}]/dt = E[{}]"}


def show(
    model: NameOrFile,
    toml: Annotated[bool, typer.Option("--toml", help="Print it as a model file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> int:
    """Print a dynamics, and of a catalogue entry its source, facts and example."""
    from sdekit import catalog
    from sdekit.cli.inputs import dynamics_of
    from sdekit.cli.show import show_json

    dynamics = dynamics_of(model)
    entry = catalog.entry(model) if model in catalog.names() else None
    facts = entry.triple().facts if entry else ()
    told = [WORDS[fact.kind].format(fact.of, fact.value) for fact in facts]
    example = entry.example if entry else None
    numbers = {**example.start, **example.parameters, **example.sizes} if example else {}
    if as_json:
        described = entry.to_dict() if entry else {"name": dynamics.name, "source": dynamics.source}
        show_json({**described, "model": dynamics.to_toml(), "facts": told, "example": numbers})
    elif toml:
        print(dynamics.to_toml(), end="")
    else:
        lines = [str(dynamics), *([entry.title, entry.source, entry.notes] if entry else []), *told]
        if numbers:
            lines.append("example: " + ", ".join(f"{name} = {x}" for name, x in numbers.items()))
        print("\n".join(line for line in lines if line))
    return 0
