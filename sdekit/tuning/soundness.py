r"""What the draws of a sampling run say against themselves, in words.

R-hat and effective sizes of every value and of the energy, tails that have no variance, curvature
that the step does not resolve. Not for what is known before any draw (`landscape`).

Source: Vehtari et al. (2021) for R-hat and effective sizes; Dekkers, Einmahl, de Haan (1989) for
the tail index.
Checked by: tests/tuning/test_soundness.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sdekit.diagnostics.draw_statistics import effective_sample_size, split_rhat

#: R-hat of draws that may be called converged.
MOST_R_HAT = 1.01
#: Share of the draws that make a tail.
TAIL = 0.05
#: Share of the draws at which leapfrog may be unstable.
UNSTABLE = 0.03


@dataclass(frozen=True)
class Quality:
    """The worst entry of all values.

    Attributes:
        r_hat: Largest split R-hat, and whose it is.
        effective: Least effective size, bulk or tail, and whose it is.
        entries: Names of the entries that vary, in the order of the arrays.
    """

    r_hat: tuple[float, str]
    effective: tuple[float, str]
    entries: tuple[str, ...]

    def objections(self, least: float) -> list[str]:
        """What R-hat and effective sizes say against the draws."""
        found = []
        if not self.r_hat[0] <= MOST_R_HAT:
            found.append(f"chains disagree: R-hat of {self.r_hat[1]} is {self.r_hat[0]:.3f}")
        if not self.effective[0] >= least:
            found.append(
                f"too few effective draws: {self.effective[0]:.0f} of {self.effective[1]}, "
                f"{least:.0f} are needed"
            )
        return found


def varying_entries(values: Mapping[str, np.ndarray]) -> tuple[list[str], np.ndarray]:
    """Names and draws (chain, draw, k) of the entries that are no constants."""
    names, columns = [], []
    for name, draws in values.items():
        for index in np.ndindex(draws.shape[2:]):
            column = draws[(..., *index)]
            # One value in all chains, which began far apart, is a constant of the model.
            if not (column == column.flat[0]).all():
                names.append(name + (f"[{','.join(map(str, index))}]" if index else ""))
                columns.append(column)
    return names, np.stack(columns, -1) if columns else np.zeros((1, 1, 0))


def quality(values: Mapping[str, np.ndarray]) -> Quality:
    """R-hat and effective sizes of all values; a number that is not finite counts as the worst."""
    names, draws = varying_entries(values)
    if not names:
        return Quality((np.inf, "every value"), (0.0, "every value"), ())
    bad = [name for k, name in enumerate(names) if not np.isfinite(draws[..., k]).all()]
    if bad:
        return Quality((np.inf, bad[0]), (0.0, bad[0]), tuple(names))
    stuck = [name for k, name in enumerate(names) if (draws[..., k].std(1) == 0).any()]
    if stuck:
        return Quality((np.inf, stuck[0]), (0.0, stuck[0]), tuple(names))
    r_hat = split_rhat(draws)
    sizes = np.minimum(effective_sample_size(draws), effective_sample_size(draws, "tail"))
    high, low = int(np.argmax(r_hat)), int(np.argmin(sizes))
    return Quality((float(r_hat[high]), names[high]), (float(sizes[low]), names[low]), tuple(names))


def tail_index(draws: np.ndarray) -> tuple[float, float]:
    """The index g of the tail r^(-1/g) of one value, by moments of log excesses, and its error.

    Args:
        draws: Shape (chain, draw). A variance exists for g < 1/2; normal tails have g <= 0.
    """
    values = np.sort(np.abs(draws - np.median(draws)).ravel())[::-1]
    count = max(20, int(TAIL * values.size))
    if values.size <= count or values[count] <= 0:
        return 0.0, np.inf
    logs = np.log(values[:count] / values[count])
    first, second = logs.mean(), (logs**2).mean()
    if second == first**2:
        return 0.0, np.inf
    index = first + 1 - 0.5 / (1 - first**2 / second)
    return float(index), float(np.sqrt((1 + index**2) / count))


def tail_objections(values: Mapping[str, np.ndarray]) -> list[str]:
    """Values whose draws have a tail without variance, beyond twice the error of its index."""
    names, draws = varying_entries(values)
    heavy = []
    for k, name in enumerate(names):
        index, error = tail_index(draws[..., k])
        if index - 2 * error > 0.5:
            heavy.append(f"{name} (falls like r^-{1 + 1 / index:.1f})")
    if not heavy:
        return []
    return [f"heavy tail: the variance of {', '.join(heavy[:3])} may not exist"]


def stiffness_objections(stiffness: np.ndarray, step_size: float) -> list[str]:
    """Whether the step resolves the curvature where the chains are.

    Args:
        stiffness: Largest curvature of the whitened target at some draws.
        step_size: h; leapfrog and BAOAB are unstable for h^2 lambda > 4.
    """
    share = float((step_size**2 * stiffness > 4).mean())
    if share <= UNSTABLE:
        return []
    return [
        f"funnel: at {100 * share:.0f} % of the draws the curvature exceeds what the step "
        "resolves, and what lies beyond may be missed; reparameterize (non-centred)"
    ]
