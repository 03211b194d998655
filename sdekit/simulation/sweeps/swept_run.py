"""What a run with a sweep gives: the run of each value, and all draws together.

Not for the values (`swept_values`) nor for one run (`result`).

Checked by: tests/simulation/sweeps/test_sweep.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np

from sdekit.simulation.runs.inference_data import named_leaves, to_inference_data
from sdekit.simulation.runs.result import Run
from sdekit.simulation.sweeps.swept_values import Sweep

SHARED = "the values of the sweep share the noise of their chains"


@dataclass(frozen=True, eq=False)
class SweptRun:
    """Draws of all values of a sweep; `run[i]` is the `Run` of the i-th.

    Chain k has the same noise at every value, so that differences between values are sharper than
    those of independent runs, and averages over values are less sharp.

    Attributes:
        rows: All rows as one run, those of the first value first.
        sweep: Its values.
    """

    rows: Run = field(repr=False)
    sweep: Sweep = field(repr=False)

    def __len__(self) -> int:
        return self.sweep.size

    def __iter__(self) -> Iterator[Run]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> Run:
        """The run of one value."""
        number = range(len(self))[number]
        chains = self.sweep.chains
        own = slice(number * chains, (number + 1) * chains)
        problem = self.rows.problem and self.sweep.problem(self.rows.problem, number)
        values = {**self.rows.parameters, **self.sweep.at(number)}
        return replace(
            self.rows,
            samples={name: draws[own] for name, draws in self.rows.samples.items()},
            parameters=values if problem is None else problem.parameters,
            chains=chains,
            state=self.rows.state and self._lanes(self.rows.state, own),
            problem=problem,
        )

    @property
    def values(self) -> Mapping[str, np.ndarray]:
        """Values by name, (sweep, *shape)."""
        return self.sweep.values

    @property
    def chains(self) -> int:
        """Chains of each value."""
        return self.sweep.chains

    @property
    def draws(self) -> int:
        """Draws of each chain."""
        return self.rows.draws

    @property
    def times(self) -> np.ndarray | None:
        """The time of each draw, (draw,); None under a schedule."""
        return self.rows.times

    @property
    def seconds(self) -> float:
        """Wall time, compilation included."""
        return self.rows.seconds

    @cached_property
    def samples(self) -> dict[str, np.ndarray]:
        """Draws of each recorded variable, (sweep, chain, draw, *shape)."""
        shape = (len(self), self.chains)
        return {
            name: np.asarray(draws).reshape(*shape, *draws.shape[1:])
            for name, draws in self.rows.samples.items()
        }

    @property
    def position(self) -> Any:
        """Draws of the target variables, the user's PyTree: (sweep, chain, draw, *leaf)."""
        shape = (len(self), self.chains)
        return jax.tree.map(lambda x: x.reshape(*shape, *x.shape[1:]), self.rows.position)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know: what holds for all values once, the rest with its value."""
        each = [run.notes for run in self]
        shared = [note for note in each[0] if all(note in notes for notes in each)]
        own = [
            f"{self.sweep.text(number)}: {note}"
            for number, notes in enumerate(each)
            for note in notes
            if note not in shared
        ]
        return (*shared, SHARED, *own)

    def to_arviz(self) -> Any:
        """The draws as ArviZ's data, with an axis of the sweep behind those of chains and draws.

        Its coordinates are the values of the one parameter, or numbers where several go together
        or values are arrays.

        Raises:
            MissingDependencyError: Without ArviZ.
        """
        dimension, places = self.axis()
        leaves = named_leaves(dict(self.rows.samples), self.rows.layout)
        arrays = {
            name: np.moveaxis(x.reshape(len(self), self.chains, *x.shape[1:]), 0, 2)
            for name, x in leaves.items()
        }
        values = {name: array.tolist() for name, array in self.values.items()}
        facts = {**self.rows.facts(), "sweep": values, "notes": "; ".join(self.notes)}
        return to_inference_data(arrays, facts, self.times, {dimension: places})

    def _lanes(self, state: Any, own: slice) -> Any:
        """The state of some rows; one chain has no axis."""
        if self.sweep.rows == 1:
            return state
        cut = jax.tree.map(lambda x: np.asarray(x)[..., own], state)
        return jax.tree.map(lambda x: x[..., 0], cut) if self.chains == 1 else cut

    def axis(self) -> tuple[str, np.ndarray]:
        """Name and coordinates of the axis of the sweep."""
        (name, first), *others = self.values.items()
        is_plain = not others and first.ndim == 1
        return (name, first) if is_plain else ("sweep", np.arange(len(self)))

    def __repr__(self) -> str:
        text = " and ".join(self.values)
        return f"<Sweep of {len(self)} values of {text}: {self.rows!r}>"
