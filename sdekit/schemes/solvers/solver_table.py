"""Solvers of general SDEs, as a table: what each converges to, at which order, for which noise.

The solvers themselves are diffrax's, but for one that draws Levy areas. A solver that has no order
for the noise at hand is refused with the reason. Not for building the problem a solver is given
(`diffrax_problem.py`) nor for splitting schemes (`sdekit.schemes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sdekit.errors import SchemeError
from sdekit.schemes.solvers.noise_type import NoiseKind, NoiseType

ADDITIVE, DIAGONAL = NoiseKind.ADDITIVE, NoiseKind.DIAGONAL
COMMUTATIVE, GENERAL = NoiseKind.COMMUTATIVE, NoiseKind.GENERAL


@dataclass(frozen=True)
class Solver:
    """What is known of one solver.

    Args:
        name: Name in sdekit.
        diffrax_name: Class in diffrax; "" for a solver of our own.
        interpretation: "ito" or "stratonovich": what it converges to. With additive noise both
            are the same.
        orders: Strong order by kind of noise; a kind that is missing is refused.
        adaptive: Kinds of noise for which it may choose its own steps.
        has_error_estimate: Whether it estimates its error; otherwise two half steps do.
        needs_levy_area: Whether it needs the space-time Levy area of the Brownian path.
        source: Where the order is from.
    """

    name: str
    diffrax_name: str
    interpretation: str
    orders: Mapping[NoiseKind, float]
    adaptive: frozenset[NoiseKind]
    has_error_estimate: bool
    needs_levy_area: bool
    source: str


def _orders(*orders: float) -> dict[NoiseKind, float]:
    return dict(zip((ADDITIVE, DIAGONAL, COMMUTATIVE, GENERAL), orders, strict=False))


_NONE: frozenset[NoiseKind] = frozenset()
_COMMUTING = frozenset({ADDITIVE, DIAGONAL, COMMUTATIVE})
_ALL = frozenset(NoiseKind)
_FOSTER = "Foster, dos Reis, Strange (2023), arXiv:2210.17543"

SOLVERS = {
    solver.name: solver
    for solver in (
        # An adaptive Euler-Maruyama may converge to something else: Gaines and Lyons (1997).
        Solver("euler", "Euler", "ito", _orders(1.0, 0.5, 0.5, 0.5), _NONE, False, False,
               "Kloeden and Platen (1992), theorem 10.2.2"),
        Solver("milstein", "ItoMilstein", "ito", _orders(1.0, 1.0, 1.0), _COMMUTING, False, False,
               "Kloeden and Platen (1992), theorem 10.3.5"),
        Solver("area-milstein", "", "ito", _orders(1.0, 1.0, 1.0, 1.0), _NONE, False, True,
               "Davie (2014), arXiv:1409.1500"),
        Solver("stratonovich-milstein", "StratonovichMilstein", "stratonovich",
               _orders(1.0, 1.0, 1.0), _COMMUTING, False, False,
               "Kloeden and Platen (1992), theorem 10.3.5"),
        Solver("heun", "Heun", "stratonovich", _orders(1.0, 1.0, 1.0, 0.5), _COMMUTING, True,
               False, "the documentation of diffrax"),
        Solver("sea", "SEA", "stratonovich", _orders(1.0), _NONE, False, True, _FOSTER),
        Solver("shark", "ShARK", "stratonovich", _orders(1.5), frozenset({ADDITIVE}), True, True,
               _FOSTER),
        Solver("sra1", "SRA1", "stratonovich", _orders(1.5), frozenset({ADDITIVE}), True, True,
               "Roessler (2010), doi:10.1137/09076636X"),
        Solver("slow-rk", "SlowRK", "stratonovich", _orders(1.5, 1.5, 1.5, 0.5), _NONE, False,
               True, _FOSTER),
        Solver("general-shark", "GeneralShARK", "stratonovich", _orders(1.5, 1.0, 1.0, 0.5), _NONE,
               False, True, _FOSTER),
        Solver("spark", "SPaRK", "stratonovich", _orders(1.5, 1.0, 1.0, 0.5), _ALL, True, True,
               "Foster and Jelincic (2023), arXiv:2311.14201"),
    )
}  # fmt: skip

#: What is taken when nothing is asked for: the highest order. (diffrax's Milstein materializes
#: m^2 d numbers, so that it is no default.)
DEFAULTS = {ADDITIVE: "shark", DIAGONAL: "slow-rk", COMMUTATIVE: "slow-rk", GENERAL: "euler"}
ADAPTIVE_DEFAULTS = {ADDITIVE: "shark", DIAGONAL: "spark", COMMUTATIVE: "spark", GENERAL: "spark"}


def choose_solver(
    name: str | None, noise: NoiseType, *, adaptive: bool = False, can_convert: bool = True
) -> Solver:
    """The solver of that name if it fits the noise, or the default for it.

    Args:
        name: A name in `SOLVERS`; None for the default.
        noise: From `noise_type`.
        adaptive: Whether the solver is to choose its own steps.
        can_convert: Whether the Ito SDE can be written in Stratonovich form.

    Returns:
        The entry of the table.

    Raises:
        SchemeError: If there is no such solver or it does not fit; the reason is named.

    Example:
        >>> from sdekit.schemes.solvers.noise_type import NoiseKind, NoiseType
        >>> choose_solver(None, NoiseType(NoiseKind.ADDITIVE, "constant")).name
        'shark'

    Checked by: tests/schemes/solvers/test_solver_table.py.
    """
    if name is None:
        name = (ADAPTIVE_DEFAULTS if adaptive else DEFAULTS)[noise.kind]
        if SOLVERS[name].interpretation == "stratonovich" and not can_convert:
            name = "euler"
    if name not in SOLVERS:
        raise SchemeError(
            "there is no such solver", expected=", ".join(SOLVERS), found=name,
            fix="choose one of them, or a splitting word",
        )  # fmt: skip
    solver = SOLVERS[name]
    fitting = ", ".join(
        other.name
        for other in SOLVERS.values()
        if noise.kind in (other.adaptive if adaptive else other.orders)
        and (can_convert or other.interpretation == "ito" or noise.kind == ADDITIVE)
    )
    if noise.kind not in solver.orders:
        raise SchemeError(
            f"the solver {name} does not converge for {noise.kind} noise",
            found=noise.reason,
            fix=f"use one of {fitting}",
        )
    if adaptive and noise.kind not in solver.adaptive:
        raise SchemeError(
            f"the solver {name} must not choose its own steps here",
            expected=f"one of {fitting}" if fitting else "a fixed step",
            found=f"{noise.kind} noise",
            fix="with a scheme of low order, steps chosen from the noise may converge to "
            "something else",
        )
    is_same = solver.interpretation == "ito" or noise.kind == ADDITIVE
    if not is_same and not can_convert:
        raise SchemeError(
            f"the solver {name} solves Stratonovich SDEs, and this one cannot be converted",
            found=noise.reason,
            fix=f"declare the noise by a factor (noise=...), or use one of {fitting}",
        )
    return solver
