r"""Laws of the variables that stand for standard normals in a step, and which scheme may use which.

A scheme of weak or invariant-measure order p keeps its orders with independent variables that have
the moments of a normal up to 2 p + 1: with one step $P_h = \sum_k h^k A_k$, the operators
$A_1, \dots, A_p$ hold moments up to 2 p, and odd moments belong to no whole power of h. The leading
bias is made of $A_{p+1}$ and reads the moment 2 p + 2 as well; where it differs, the bias does, by

$$\frac{E x^6 - 15}{90} \sum_s c_s^3 \sum_i D_{ii}^3\, \partial_i^6$$

in $A_3$ for p = 2, diagonal D and stages s with shares c_s of the step.

Such variables take a few random bits instead of a whole word and no inverse error function.

Not for drawing them (`sdekit.simulation.noise`).

Source: Milstein, Tretyakov (2004), section 2.1; Kloeden, Platen (1992), section 14.5 (moments
    needed) [both recalled].
Checked by: tests/schemes/test_noise_laws.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt


@dataclass(frozen=True)
class NoiseLaw:
    """A symmetric law on a few magnitudes.

    Attributes:
        name: As notes spell it.
        bits: Random bits of one variable: the sign, and which magnitude.
        cells: Magnitude and how many of the 2^(bits - 1) cells it has; the last takes the rest.
        moments: The moments up to this one, an odd number, are those of a standard normal.
    """

    name: str
    bits: int
    cells: tuple[tuple[float, int], ...]
    moments: int

    @property
    def per_word(self) -> int:
        """Variables made from one 32-bit word."""
        return 32 // self.bits

    def moment(self, power: int) -> float:
        """E x^power."""
        if power % 2:
            return 0.0
        return sum(count * size**power for size, count in self.cells) / 2 ** (self.bits - 1)

    def __str__(self) -> str:
        return f"{self.name} variables with the moments 1 to {self.moments} of a normal"


#: By the moments they keep. The squares of the magnitudes solve sum p a^2k = 1, 3, 15 (as far as
#: they go).
WEAK_LAWS = (
    NoiseLaw(
        "4-bit", 4, ((sqrt(1 + sqrt(14)), 1), (sqrt(1 - sqrt(2 / 7)), 7)), 5
    ),
    NoiseLaw(
        "6-bit", 6,
        ((2.439867036384045, 1), (2.256891230617632, 2), (0.7395229774493032, 29)), 7,
    ),
)  # fmt: skip


def weak_law(order: int) -> NoiseLaw | None:
    """The law with the fewest bits that keeps an order; None where none does."""
    return next((law for law in WEAK_LAWS if law.moments >= 2 * order + 1), None)
