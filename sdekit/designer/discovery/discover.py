r"""`discover`: dynamics of a given shape, each a theorem, ranked by what they promise.

Not for one design (`sdekit.designer.ansatz`), nor for running what is found (`sdekit.simulate`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.designer.discovery.ansatz_members import published, solved_ansatz
from sdekit.designer.discovery.promise import Goal, Harmonic, Promise
from sdekit.errors import VerificationError
from sdekit.notebook import ShownInNotebooks
from sdekit.verifier.ladder import verify
from sdekit.verifier.verdict import Verdict, Verification

#: Larger ones are not solved in seconds.
_MOST_VECTORS, _MOST_SCALARS, _MOST_COUPLINGS = 3, 2, 6


@dataclass(frozen=True)
class Discovery(ShownInNotebooks):
    """A family of dynamics.

    Attributes:
        dynamics: The declaration, its coefficients as parameters.
        couplings: The coefficients that do not vanish.
        published: The catalogue entry that it is; empty where there is none.
        promise: The best word, values and step size, and what they promise.
        verification: The verdict, for all n and every U.
    """

    dynamics: Dynamics
    couplings: tuple[str, ...]
    published: str
    promise: Promise
    verification: Verification

    def to_dict(self) -> dict[str, object]:
        """The family as plain data; the dynamics as a model file."""
        return {
            "couplings": list(self.couplings),
            "published": self.published,
            "promise": vars(self.promise) | {"parameters": dict(self.promise.parameters)},
            "verdict": self.verification.verdict.value,
            "model": self.dynamics.to_toml(),
        }

    def __str__(self) -> str:
        told = self.promise
        values = ", ".join(f"{name} = {value:.3g}" for name, value in told.parameters.items())
        drift = [f"  d{x.name} = ({v!r}) dt" for x, v in self.dynamics.drift.items()]
        noise = [
            f"  D[{x.name}, {y.name}] = {D!r}" for (x, y), D in self.dynamics.diffusion.items()
        ]
        return "\n".join(
            [
                f"{self.published or 'in no catalogue entry'}: {', '.join(self.couplings)}, "
                f"{self.verification.verdict.value}",
                *drift,
                *noise,
                f"  {told.scheme}, h = {told.step_size:.3g}, {values}",
                f"  {told.efficiency:.3g} effective draws per gradient, gap {told.gap:.3g}, "
                f"bias {told.bias:.2g}",
            ]
        )


def discover(
    vectors: int = 2,
    scalars: int = 0,
    *,
    stiffness: tuple[float, float] = (1.0, 10.0),
    gradient_variance: float = 0.0,
    bias: float = 0.01,
    gradients: int = 1,
    couplings: int = 4,
    keep: int = 5,
) -> tuple[Discovery, ...]:
    r"""Dynamics with these auxiliary blocks for which exp(-H) is stationary, best first.

    The ansatz: $\theta' = p$; every other block has a drift of all products that rotations of n
    coordinates allow, $\nabla U$ and vectors alone or times a scalar, scalar products and powers up
    to two of scalars, with unknown coefficients; constant noise, shared by two blocks at most;
    $H = U + \tfrac12\sum|p|^2 + \dots$, unit variances. The designer solves it for all n and every
    U; each choice of coefficients that do not vanish is a family, one for all names of like blocks,
    and for rotations of the memories s1, s2 p feels s1 alone. A family is ranked by effective draws
    per gradient of q and q^2, the worst one over harmonic targets $U = k q^2/2$, at its best values
    and palindrome, with $h\sqrt{k_{max}} \le 1$ and the bias of every variance within `bias`.
    Every family that is returned is verified anew.

    Args:
        vectors: Auxiliary blocks of the shape of theta: p, s1, s2; 1 to 3.
        scalars: Auxiliary scalars xi1, xi2; 0 to 2. They are held where they settle in a mean
            field, so that what their own motion adds is not counted.
        stiffness: Smallest and largest k.
        gradient_variance: Of a stochastic gradient, in every coordinate. Values are those that are
            best without; friction that is added for the noise is found by scalars alone.
        bias: What is accepted of a variance, relative.
        gradients: Gradients in one step, at most.
        couplings: Coefficients that do not vanish, at most; 1 to 6.
        keep: Families that are returned, at most.

    Returns:
        Proved families, best first; fewer couplings first where they promise the same.

    Raises:
        VerificationError: If a number is out of its range.
        UndecidedError: If the designer does not solve the ansatz.

    Example:
        >>> import sdekit as sk
        >>> (found,) = sk.discover(1)
        >>> found.published, found.verification.verdict.value, found.promise.scheme
        ('langevin', 'proved', 'BAOAB')

    Source: derived. Linear families are Markovian generalized Langevin equations (Ceriotti, Bussi
    and Parrinello 2010).
    Checked by: tests/designer/discovery/test_discover.py.
    """
    low, high = _ends(stiffness)
    _require("vectors", vectors, 1, _MOST_VECTORS)
    _require("scalars", scalars, 0, _MOST_SCALARS)
    _require("couplings", couplings, 1, _MOST_COUPLINGS)
    _require("keep", keep, 1, None)
    _require("gradients", gradients, 1, None)
    if not (0 <= gradient_variance < float("inf") and 0 < bias < 1):
        raise VerificationError(
            "the goal is none",
            expected="a variance >= 0 and a bias between 0 and 1",
            found=f"gradient_variance={gradient_variance}, bias={bias}",
        )
    goal = Goal((low, high), gradient_variance, bias, gradients)
    ansatz = solved_ansatz(vectors, scalars)
    values: dict[frozenset[str], dict[str, float]] = {}
    ranked = []
    for support in ansatz.supports(couplings):
        harmonic = Harmonic(ansatz.member(support), goal)
        skeleton = frozenset(c.symbol.name for c in support if c.is_linear)
        if skeleton not in values:
            values[skeleton] = harmonic.best_values()
        best = values[skeleton]
        promise = harmonic.promise({x: best[x] if x in best else low**0.5 for x in harmonic.names})
        if promise is not None:
            ranked.append((promise, support, harmonic.dynamics))
    ranked.sort(key=lambda found: (-round(found[0].efficiency, 6), len(found[1])))
    found: list[Discovery] = []
    for promise, support, dynamics in ranked:
        verification = verify(dynamics)
        if verification.verdict is Verdict.PROVED:
            names = tuple(c.symbol.name for c in support)
            found.append(Discovery(dynamics, names, published(support), promise, verification))
        if len(found) == keep:
            break
    return tuple(found)


def _ends(stiffness: Any) -> tuple[float, float]:
    """Smallest and largest stiffness as numbers."""
    try:
        low, high = (float(k) for k in stiffness)
    except (TypeError, ValueError):
        low = high = float("nan")
    if not 0 < low <= high < float("inf"):
        raise VerificationError(
            "the targets are none",
            expected="0 < smallest <= largest stiffness",
            found=repr(stiffness),
            fix="stiffness=(1.0, 10.0)",
        )
    return low, high


def _require(name: str, value: int, least: int, most: int | None) -> None:
    is_count = isinstance(value, int) and not isinstance(value, bool)
    if not (is_count and value >= least and (most is None or value <= most)):
        raise VerificationError(
            f"{name} is out of its range",
            expected=f"an integer >= {least}" if most is None else f"{least} to {most}",
            found=repr(value),
        )
