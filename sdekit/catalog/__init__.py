"""The catalogue: published samplers, plain SDEs and known mistakes as data, with what must hold.

    >>> from sdekit import catalog
    >>> catalog.get("sgnht").variables
    (theta, p, xi)

A plain SDE has an example (parameters and start) to run it with, and exact facts about moments.

Not for deciding anything: `tests/catalog` holds every claim against the verifier and `sk.moments`.
"""

from __future__ import annotations

from sdekit.catalog import geometric, gradient_flow, langevin, thermostat, wrong
from sdekit.catalog.plain import finance_sdes, physical_sdes, population_sdes
from sdekit.catalog.record import Entry
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import DeclarationError, similar

__all__ = ["Entry", "entries", "entry", "get", "names"]

_SAMPLERS = (langevin, thermostat, geometric, gradient_flow, wrong)
_PLAIN = (finance_sdes, population_sdes, physical_sdes)
_ENTRIES: dict[str, Entry] = {
    record.name: record for module in (*_SAMPLERS, *_PLAIN) for record in module.ENTRIES
}


def entries(*, plain: bool | None = None) -> tuple[Entry, ...]:
    """Records: samplers with known mistakes last, then plain SDEs.

    Args:
        plain: True for plain SDEs alone, False for samplers and mistakes; all when left out.
    """
    return tuple(e for e in _ENTRIES.values() if plain is None or e.is_plain == plain)


def names(*, plain: bool | None = None) -> tuple[str, ...]:
    """The names of `entries`, in that order."""
    return tuple(e.name for e in entries(plain=plain))


def entry(name: str) -> Entry:
    """The record of one dynamics: title, source, claims, notes.

    Raises:
        DeclarationError: If there is no such name; a similar one is offered.
    """
    if name not in _ENTRIES:
        raise DeclarationError(
            "no such name in the catalogue",
            found=name,
            fix=similar(name, _ENTRIES) or "see sdekit list for all names",
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
