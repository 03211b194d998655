"""Whether positions run away, as they do where a potential has the wrong sign.

A run here is a `Run` (`result`). Not for momenta, of which more is known (`equilibrium`).

Checked by: tests/simulation/notes/test_runaway.py.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

#: Draws below which nothing is said, and draws of each quarter of the run that are looked at.
FEWEST, LOOKS = 16, 16
#: Growth from one quarter of the run to the next that no walk and no straight line has.
GROWS = 2.0


def runaway_notes(run: Any) -> list[str]:
    """What is to be said of positions whose distance from their first draw grows ever faster.

    A run that has found its law keeps its distance, one that has not yet moves on as a walk or a
    line does: the median distance of the last quarter is at most 1.4 times that of the quarter
    before. Away from a maximum of U it grows like an exponential, in every chain.

    Args:
        run: A `Run`; nothing is said where its dynamics claims no law.
    """
    if run.dynamics.hamiltonian is None or run.draws < FEWEST:
        return []
    edges = [run.draws // 2, 3 * run.draws // 4, run.draws]
    found = []
    for x in run.dynamics.target_variables:
        if x.domain.kind != "real" or x.name not in run.samples:
            continue
        draws = run.samples[x.name]
        first = np.asarray(draws[:, :1], np.float64)
        before, after = (
            _distances(draws, first, np.linspace(low, high - 1, LOOKS).astype(int))
            for low, high in pairwise(edges)
        )
        is_apart = after.min(axis=1) > before.max(axis=1)
        if np.all(is_apart & (np.median(after, axis=1) > GROWS * np.median(before, axis=1))):
            found.append(
                f"{x.name} runs away: at the end it is {after[:, -1].min():.1g} or more from its "
                "first draw in every chain, and ever faster; is the potential *minus* the log "
                "density?"
            )
    return found


def _distances(draws: Any, first: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Distances from the first draw, (chain, place)."""
    moved = np.asarray(draws[:, places], np.float64) - first
    return np.sqrt((moved**2).reshape(*moved.shape[:2], -1).sum(axis=2))
