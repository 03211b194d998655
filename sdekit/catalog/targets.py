r"""Targets that the sources test samplers on, with their exact moments.

The potentials are written for arrays of any library (NumPy, JAX) and sum over independent entries.
Not for data sets; those come through the user's own potential.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Target:
    """A law on the line with exact facts, each entry of a vector being drawn from it.

    Attributes:
        name: What users type.
        title: What readers read.
        source: Where it was used.
        potential: U of an array, summed over its entries.
        formula: U of one entry, in the grammar of model files, with the variable theta.
        normalizer: Integral of exp(-U) over the line.
        mean: Mean of one entry.
        variance: Variance of one entry.
        barrier: Where two wells part, or None.
        left_mass: Probability to the left of the barrier.
    """

    name: str
    title: str
    source: str
    potential: Callable[[Any], Any]
    formula: str
    normalizer: float
    mean: float
    variance: float
    barrier: float | None = None
    left_mass: float | None = None


def double_well_potential(theta: Any) -> Any:
    r"""$U = \sum_i (\theta_i+4)(\theta_i+1)(\theta_i-1)(\theta_i-3)/14 + 1/2$."""
    return ((theta + 4) * (theta + 1) * (theta - 1) * (theta - 3) / 14 + 0.5).sum()


def normal_potential(theta: Any) -> Any:
    r"""$U = |\theta|^2 / 2$."""
    return (theta * theta).sum() / 2


DOUBLE_WELL = Target(
    name="double-well",
    title="Double well",
    source="Ding et al. 2014, figure 1",
    potential=double_well_potential,
    formula="(theta + 4)*(theta + 1)*(theta - 1)*(theta - 3)/14 + 1/2",
    # By quadrature to ten digits; tests/catalog does it again.
    normalizer=28.0223681906,
    mean=-2.14795530,
    variance=2.86176737,
    barrier=-0.0383009,
    left_mass=0.87087216,
)

NORMAL = Target(
    name="normal",
    title="Standard normal",
    source="Any textbook",
    potential=normal_potential,
    formula="theta**2/2",
    normalizer=2.5066282746,
    mean=0.0,
    variance=1.0,
)

TARGETS = {target.name: target for target in (DOUBLE_WELL, NORMAL)}
