"""What a multilevel estimate is: its value, its errors, its levels. Not for making it.

Checked by: tests/simulation/estimates/test_multilevel.py.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Level:
    """One level of a multilevel estimate.

    Attributes:
        steps: Steps of its fine paths.
        paths: Their number.
        mean: Of the difference of fine and coarse paths; of the function on the coarsest level.
        variance: Of one such difference.
        fine: Mean and standard error of the function on fine paths.
        coarse: The same on coarse paths; zeros on the coarsest level.
    """

    steps: int
    paths: int
    mean: float
    variance: float
    fine: tuple[float, float]
    coarse: tuple[float, float]

    @property
    def cost(self) -> float:
        """Steps of all its paths."""
        return self.paths * self.each

    @property
    def each(self) -> float:
        """Steps of one sample."""
        return self.steps * (1.0 if self.coarse == (0.0, 0.0) else 1.5)


@dataclass(frozen=True)
class Expectation:
    """A mean to a tolerance.

    Attributes:
        value: The estimate.
        standard_error: Its statistical error.
        bias: Estimate of what the step size leaves.
        tolerance: Asked for, of the root mean square error.
        levels: Coarse to fine.
        weak_rate: Power of h by which means of differences fall, as estimated.
        variance_rate: The same of their variances.
        notes: What contradicts the assumptions.
    """

    value: float
    standard_error: float
    bias: float
    tolerance: float
    levels: tuple[Level, ...]
    weak_rate: float
    variance_rate: float
    notes: tuple[str, ...]

    @property
    def cost(self) -> float:
        """Steps of all paths."""
        return sum(level.cost for level in self.levels)

    @property
    def plain_cost(self) -> float:
        """Steps that plain Monte Carlo with the finest step would need for the same error."""
        last = self.levels[-1]
        spread = last.fine[1] ** 2 * last.paths
        return 2 * spread / self.tolerance**2 * last.steps

    def to_dict(self) -> dict[str, Any]:
        """The estimate as plain data."""
        return {**asdict(self), "cost": self.cost, "plain_cost": self.plain_cost}

    def __str__(self) -> str:
        lines = [
            f"{self.value:.6g} +- {self.standard_error:.2g}, bias about {self.bias:.2g}; "
            f"{self.cost:.3g} steps, plain paths {self.plain_cost:.3g}",
            *(f"{level.steps} steps: {level.paths} paths, mean {level.mean:.3g}, variance "
              f"{level.variance:.3g}" for level in self.levels),
            *self.notes,
        ]  # fmt: skip
        return "\n".join(lines)
