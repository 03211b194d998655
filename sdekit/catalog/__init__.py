"""The catalogue: published dynamics and known mistakes as data, with the verdicts they must get.

    >>> from sdekit import catalog
    >>> catalog.get("sgnht").variables
    (theta, p, xi)

Not for deciding anything: `tests/catalog` holds every claim against the verifier.
"""

from __future__ import annotations

import difflib

from sdekit.catalog import geometric, gradient_flow, langevin, thermostat, wrong
from sdekit.catalog.record import Entry
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import DeclarationError

__all__ = ["Entry", "entries", "entry", "get", "names"]

_ENTRIES: dict[str, Entry] = {
    record.name: record
    for module in (langevin, thermostat, geometric, gradient_flow, wrong)
    for record in module.ENTRIES
}


def entries() -> tuple[Entry, ...]:
    """All records, the right ones first."""
    return tuple(_ENTRIES.values())


def names() -> tuple[str, ...]:
    """All names, the right ones first."""
    return tuple(_ENTRIES)


def entry(name: str) -> Entry:
    """The record of one dynamics: title, source, claims, notes.

    Raises:
        DeclarationError: If there is no such name; a similar one is offered.
    """
    if name not in _ENTRIES:
        close = difflib.get_close_matches(name, _ENTRIES, n=1)
        raise DeclarationError(
            "no such name in the catalogue",
            found=name,
            fix=f"did you mean {close[0]}?" if close else "see sdekit list for all names",
        )
    return _ENTRIES[name]


def get(name: str) -> Dynamics:
    """The declaration of one dynamics, with its source.

    Args:
        name: A name of `names()`, such as "sgnht" or "langevin".

    Raises:
        DeclarationError: If there is no such name; a similar one is offered.
    """
    return entry(name).dynamics()
