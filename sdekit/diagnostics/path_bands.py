"""Paths of a simulation against the time: mean, its standard error, quantile bands, a figure.

Chains are independent paths, so that at each time their spread is that of the law. Not for averages
along a path (`draw_statistics`).

Checked by: tests/diagnostics/test_path_bands.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdekit.diagnostics.plots import axes_of_figure
from sdekit.errors import DataError


@dataclass(frozen=True, eq=False)
class Paths:
    """Paths of some variables.

    Attributes:
        times: Of the draws, (draw,).
        samples: By name, (chain, draw, *shape).

    Example:
        >>> walks = np.random.default_rng(0).normal(size=(400, 9)).cumsum(axis=1)
        >>> found = Paths(np.arange(1.0, 10.0), {"x": walks})
        >>> found.mean("x").shape, found.quantiles("x", [0.1, 0.9]).shape
        ((9,), (2, 9))
    """

    times: np.ndarray
    samples: Mapping[str, np.ndarray]

    def mean(self, name: str | None = None) -> np.ndarray:
        """Mean over the paths at each time, (draw, *shape), in double precision.

        Args:
            name: Variable; may be left out where there is one.

        Raises:
            DataError: If there is no such variable.
        """
        return self._values(name).mean(axis=0)

    def standard_error(self, name: str | None = None) -> np.ndarray:
        """Of the mean, from the spread over the paths: sigma / sqrt(paths), (draw, *shape).

        Raises:
            DataError: If there is no such variable, or one path only.
        """
        values = self._values(name)
        if len(values) < 2:
            raise DataError(
                "one path has no spread", expected="several chains", found=len(values),
                fix="run more chains",
            )  # fmt: skip
        return values.std(axis=0, ddof=1) / np.sqrt(len(values))

    def quantiles(self, name: str | None = None, levels: Any = (0.05, 0.5, 0.95)) -> np.ndarray:
        """Quantiles over the paths at each time, (level, draw, *shape).

        Raises:
            DataError: If a level is none, or there are too few paths to have one beyond it.
        """
        values, asked = self._values(name), np.atleast_1d(np.asarray(levels, np.float64))
        if asked.ndim != 1 or not np.all((asked > 0) & (asked < 1)):
            raise DataError("levels are no levels", expected="between 0 and 1", found=levels)
        needed = int(np.ceil(1 / np.minimum(asked, 1 - asked).min() - 1e-9))
        if len(values) < needed:
            raise DataError(
                "too few paths for these quantiles",
                expected=f"at least {needed} chains, of which one lies beyond",
                found=len(values),
                fix="run more chains, or ask for quantiles nearer to the median",
            )
        return np.quantile(values, asked, axis=0)

    def plot(
        self, name: str | None = None, *, entry: Any = (), level: float = 0.9, shown: int = 20
    ) -> Any:
        """A figure of the mean, the band that holds `level` of the paths, and some paths.

        Args:
            name: Variable; may be left out where there is one.
            entry: Index of an entry of a variable that is no scalar.
            level: Share of the paths in the band.
            shown: Most paths that are drawn.

        Raises:
            DataError: If there is no such variable or entry, or there are too few paths.
        """
        values = self._values(name)
        place = entry if isinstance(entry, tuple) else (entry,)
        own = values[(..., *place)] if place else values
        if own.ndim != 2:
            raise DataError(
                "a figure shows one entry",
                expected=f"entry= with {values.ndim - 2} indices",
                found=entry,
            )
        one = Paths(self.times, {"": own})
        low, high = one.quantiles("", [(1 - level) / 2, (1 + level) / 2])
        figure, axes = axes_of_figure()
        axes.plot(self.times, own[:shown].T, linewidth=0.5, color="0.6")
        axes.fill_between(self.times, low, high, alpha=0.3, label=f"{level:.0%} of the paths")
        axes.plot(self.times, one.mean(""), label="mean")
        axes.set(xlabel="time", ylabel=f"{self._named(name)}{list(place) if place else ''}")
        axes.legend()
        return figure

    def _named(self, name: str | None) -> str:
        if name is None and len(self.samples) == 1:
            return next(iter(self.samples))
        if name is None or name not in self.samples:
            raise DataError(
                "there is no such variable", expected=", ".join(self.samples), found=repr(name)
            )
        return name

    def _values(self, name: str | None) -> np.ndarray:
        return np.asarray(self.samples[self._named(name)], np.float64)
