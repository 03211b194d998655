"""The catalogue as pages: each entry with its triple, verdicts, splitting and code to run it.

Not for claims: `tests/catalog` holds those of the entries against the verifier; a page shows what
the verifier says while the site is built, and the build ends where that is not what is claimed.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import sdekit as sk
from docs.generate.cells import PageError
from sdekit.catalog.markov_kernels import ENTRIES, WRONG, KernelEntry
from sdekit.catalog.record import CONDITIONAL, PROVED, Entry
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.symbols import Parameter
from sdekit.errors import SchemeError
from sdekit.verifier.verdict import Verification

__all__ = ["entry_page", "kernels_page", "write_catalogue"]


def entry_page(entry: Entry) -> str:
    """The page of one entry.

    Raises:
        PageError: If a verdict is not the one that the entry claims.
    """
    dynamics = entry.dynamics()
    found = sk.verify(dynamics)
    _compare(entry, found)
    parts = [f"# {entry.title}", f"`{entry.name}`: {entry.source}."]
    parts += [_admonition("note", entry.notes)] if entry.notes else []
    parts += [_admonition("warning", entry.errata)] if entry.errata else []
    parts += ["## Declaration", f"$$\n{dynamics.latex()}\n$$", _listing(str(dynamics))]
    parts += ["## Verdicts", f"**{found.headline}**", _verdict_table(found)]
    parts += ["## Splitting", _listing(_splitting(entry))]
    parts += ["## Prove and run it", _code(code_of(dynamics)), _shell(entry)]
    parts += ["## As a model file", f"```toml\n{dynamics.to_toml().strip()}\n```"]
    return "\n\n".join(parts) + "\n"


def write_catalogue(folder: Path) -> None:
    """Write a page for each entry and the table that leads to them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {True: [], False: []}
    for entry in sk.catalog.entries():
        (folder / f"{entry.name}.md").write_text(entry_page(entry), encoding="utf-8")
        row = f"| [{entry.name}]({entry.name}.md) | {_cell(entry.title)} | {_cell(entry.source)} |"
        rows[entry.is_wrong].append(row)
    head = "| name | what it is | source |\n|---|---|---|\n"
    text = (
        "# Catalogue\n\nPublished dynamics with the verdicts they get, computed while this site "
        "was built, and known mistakes, which must be refuted. `sk.catalog.get(name)` gives the "
        "declaration. Markov kernels (HMC, MALA and others) are on [a page of their own]"
        "(kernels.md).\n\n## Published dynamics\n\n" + head + "\n".join(rows[False])
        + "\n\n## Known mistakes\n\n" + head + "\n".join(rows[True]) + "\n\n"
    )  # fmt: skip
    (folder / "kernels.md").write_text(kernels_page((*ENTRIES, *WRONG)), encoding="utf-8")
    names = "\n".join(("kernels", *sk.catalog.names()))
    toctree = "```{toctree}\n:hidden:\n:maxdepth: 1\n\n" + names + "\n```\n"
    (folder / "index.md").write_text(text + toctree, encoding="utf-8")


def kernels_page(entries: tuple[KernelEntry, ...]) -> str:
    """The page of kernels: the steps and the verdicts of each.

    Raises:
        PageError: If a verdict is not the one that the entry claims.
    """
    parts = [
        "# Kernels",
        "Markov steps of flows, flips, refreshments and Metropolis decisions, decided for every "
        "size, potential and number of steps while this site was built, and known mistakes, which "
        "must be refuted. `sdekit verify NAME` and `sdekit report NAME` take these names; "
        "`sk.kernels` makes your own.",
    ]
    for entry in entries:
        found = sk.verify(sk.loads(entry.model_file()))
        claimed = PROVED if entry.is_conditional else entry.verdict
        if found.verdict.value != claimed:
            raise PageError(f"{entry.name} is {found.verdict.value}, and {claimed} is claimed")
        parts += [f"## {entry.title}", f"`{entry.name}`: {entry.source}."]
        parts += [_admonition("note", entry.notes)] if entry.notes else []
        parts += ["```toml\nsteps = [\n" + "".join(f'    "{s}",\n' for s in entry.steps) + "]\n```"]
        parts += [f"**{found.headline}**", _verdict_table(found)]
    return "\n\n".join(parts) + "\n"


def _compare(entry: Entry, found: Verification) -> None:
    for name, claimed in entry.claims.items():
        expected = PROVED if claimed == CONDITIONAL else claimed
        verdict = found.checks[name].verdict.value if name in found.checks else None
        if verdict is not None and verdict != expected:
            raise PageError(f"{entry.name}: {name} is {verdict}, and {claimed} is claimed")


def _verdict_table(found: Verification) -> str:
    lines = ["| check | verdict | why |", "|---|---|---|"]
    for name, check in found.checks.items():
        needed = "" if name in found.required else " (beside the verdict)"
        why = check.reason
        if check.witness is not None:
            why += f"; witness: {check.witness}"
        lines.append(f"| {name}{needed} | {check.verdict.value} | `` {_cell(why)} `` |")
    stated = [*(f"assumed: {a}" for a in found.assumptions), *map(str, found.side_conditions)]
    return "\n".join(lines) + "\n\n" + "\n".join(f"- `{s}`" for s in stated)


def _splitting(entry: Entry) -> str:
    try:
        return str(sk.splitting(entry.dynamics()))
    except SchemeError as none:
        return str(none)


def code_of(dynamics: Dynamics) -> str:
    """Python that proves an entry and, where plain values serve, runs it at n = 2."""
    name = dynamics.name
    proof = (
        f'import sdekit as sk\n\ndynamics = sk.catalog.get("{name}")\nprint(sk.verify(dynamics))'
    )
    given = {symbol.name: _value(symbol) for symbol in dynamics.parameters if symbol.value is None}
    one = len(dynamics.target_variables) == 1 and len(dynamics.target_variables[0].shape) == 1
    if not one or None in given.values() or any(f.shape for f in dynamics.functions):
        return proof
    functions = [f'"{f.name}": energy' for f in dynamics.functions]
    values = ", ".join(f'"{key}": {value}' for key, value in given.items())
    lines = [
        "import numpy as np",
        f"{proof}\n",
        *(["\ndef energy(x):\n    return (x**2).sum() / 2\n\n"] if functions else []),
        "run = sk.simulate(",
        "    dynamics, np.zeros(2), step_size=0.01, steps=10_000, thin=10, chains=4, seed=0,",
        *([f"    functions={{{', '.join(functions)}}},"] if functions else []),
        *([f"    parameters={{{values}}},"] if values else []),
        ")\nprint(run)",
    ]
    return "\n".join(lines)


def _value(symbol: Parameter) -> str | None:
    """The text of a plain value of a parameter; None where there is none."""
    if not symbol.shape:
        return "1.0"
    if len(symbol.shape) == 2 and "antisymmetric" not in symbol.assumptions:
        return "np.eye(2)"
    return "np.zeros((2, 2))" if len(symbol.shape) == 2 else None


def _shell(entry: Entry) -> str:
    return (
        f"```text\nsdekit verify {entry.name}\nsdekit simulate {entry.name}\n"
        f"sdekit report {entry.name} --out {entry.name}.html\n```"
    )


def _code(text: str) -> str:
    return f"```py\n{text}\n```"


def _listing(text: str) -> str:
    return f"```text\n{inspect.cleandoc(text)}\n```"


def _admonition(kind: str, text: str) -> str:
    return f":::{{{kind}}}\n{text}\n:::"


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")
