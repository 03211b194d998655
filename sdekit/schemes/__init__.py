"""Splitting schemes: derived from the triple, and what they do to the stationary law.

    names table      every scheme that fits a dynamics, with letters and flows

Not for running them (`sdekit.simulation`); nothing here imports JAX.
"""

from __future__ import annotations

from sdekit.loading import on_use

_HOMES = {
    "SchemeTable": "sdekit.schemes.available",
    "names": "sdekit.schemes.available",
    "table": "sdekit.schemes.available",
}

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]

__getattr__, __dir__ = on_use(__name__, _HOMES)
