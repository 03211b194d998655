"""Splitting schemes: derived from the triple, and what they do to the stationary law.

    names table              every scheme that fits a dynamics, with letters and flows
    quadratic_law            stationary covariance of a scheme on a quadratic target
    thermostat_prediction    what gradient noise does to a thermostat's law

Not for running them (`sdekit.simulation`); nothing here imports JAX.
"""

from __future__ import annotations

from sdekit.loading import on_use

_HOMES = {
    "SchemeTable": "sdekit.schemes.available",
    "names": "sdekit.schemes.available",
    "quadratic_law": "sdekit.schemes.bias.linear_step",
    "table": "sdekit.schemes.available",
    "thermostat_prediction": "sdekit.schemes.bias.mean_field",
}

__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]

__getattr__, __dir__ = on_use(__name__, _HOMES)
