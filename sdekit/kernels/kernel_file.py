"""`load`: model files of dynamics, and of kernels, which have a table `[kernel]`.

    [kernel]
    steps = ["refresh p", "metropolis (BAB)^L flip p"]

The letters are those of the dynamics in the same file; a kernel without words needs no `[drift]`.
Not for the grammar of steps (`kernel_text`) nor of formulas (`declaration.text.parser`).
Checked by: tests/kernels/test_kernel_file.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdekit.catalog.markov_kernels import ENTRIES, WRONG
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.model_file import read_model
from sdekit.declaration.model.toml_text import file_text, toml_table
from sdekit.errors import DeclarationError, ModelFileError, SdekitError, similar
from sdekit.kernels.building import compose
from sdekit.kernels.kernel_text import StepReader
from sdekit.kernels.steps import Kernel

#: More steps than this are a slip of the pen.
MOST_STEPS = 1000


def load(path: str | Path) -> Dynamics | Kernel:
    """Read a model file: a dynamics, or a kernel where it has a table `[kernel]`.

    Args:
        path: The file.

    Raises:
        ModelFileError: If it cannot be read; the message names the place.
    """
    return loads(file_text(path))


def loads(text: str) -> Dynamics | Kernel:
    """Read the text of a model file.

    Raises:
        ModelFileError: If it is no model; the message names the place.
    """
    table = toml_table(text)
    if "kernel" not in table:
        return read_model(table)[0]
    section = table.pop("kernel")
    steps = _steps(section)
    if "drift" not in table and isinstance(table.get("variables"), Mapping):
        table["drift"] = dict.fromkeys(table["variables"], "0")
    dynamics, scope = read_model(table)
    if dynamics.hamiltonian is None:
        raise ModelFileError(
            "a kernel needs the law that it keeps", where="energy", fix='write [energy] H = "..."'
        )
    read = []
    for number, step in enumerate(steps, start=1):
        where = f"kernel.steps, number {number}"
        try:
            read.append(StepReader(dynamics, scope, where).step(step))
        except ModelFileError:
            raise
        except SdekitError as error:
            raise ModelFileError(
                error.what, where=where, expected=error.expected, found=error.found, fix=error.fix
            ) from None
    return compose(
        *read,
        hamiltonian=dynamics.hamiltonian,
        target=dynamics.target,
        name=dynamics.name or "",
        source=dynamics.source or "",
    )


def _steps(section: Any) -> list[str]:
    example = 'steps = ["refresh p", "metropolis (BAB)^L flip p"]'
    if not isinstance(section, Mapping) or set(section) != {"steps"}:
        found = ", ".join(section) if isinstance(section, Mapping) else repr(section)[:60]
        raise ModelFileError(
            "[kernel] has one entry", where="kernel", expected=example, found=found
        )
    steps = section["steps"]
    good = isinstance(steps, list) and 0 < len(steps) <= MOST_STEPS
    if not good or not all(isinstance(step, str) and step.strip() for step in steps):
        raise ModelFileError(
            "steps is no list of texts",
            where="kernel.steps",
            expected=example,
            found=repr(steps)[:60],
        )
    return steps


def published_kernel(name: str) -> Kernel:
    """A kernel of the catalogue, with its source.

    Args:
        name: One of `published_kernels()`, such as "hmc" or "malt".

    Raises:
        DeclarationError: If there is no such name.
    """
    records = {record.name: record for record in (*ENTRIES, *WRONG)}
    if name not in records:
        raise DeclarationError(
            "no such kernel in the catalogue",
            found=name,
            fix=similar(name, records) or f"one of {', '.join(records)}",
        )
    kernel = loads(records[name].model_file())
    assert isinstance(kernel, Kernel)
    return kernel


def published_kernels() -> tuple[str, ...]:
    """The names of the kernels of the catalogue, the right ones first."""
    return tuple(record.name for record in (*ENTRIES, *WRONG))
