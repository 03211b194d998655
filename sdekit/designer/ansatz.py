r"""Design: unknown coefficients of v, D and H such that exp(-H) is stationary for every n.

The unknowns are scalar parameters of a declaration. Each independent part of the residual gives one
polynomial equation in them over the rational functions of the other parameters and sizes; they are
solved by cases, and every solution is put back and checked by the exact zero test.
Not for unknown functions, nor for what an ansatz does not contain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sdekit.calculus.contraction import is_zero, residual
from sdekit.calculus.contraction.heads import parameter
from sdekit.calculus.expansion.rewriting import substituted
from sdekit.calculus.limits import BudgetExceeded, Unsupported, spending
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.expression_text import grammar_text
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Parameter
from sdekit.designer.matching import matched
from sdekit.errors import VerificationError

#: More unknowns than anybody means.
MOST_UNKNOWNS = 20
#: Seconds for solving.
BUDGET = 10.0


@dataclass(frozen=True)
class Solution:
    """A family of designs.

    Attributes:
        values: Each solved unknown in terms of the free ones, the parameters and the sizes.
        free: Unknowns that may take any value.
        dynamics: The declaration with the values put in.
    """

    values: Mapping[str, Expression]
    free: tuple[str, ...]
    dynamics: Dynamics

    def __str__(self) -> str:
        lines = [f"{name} = {grammar_text(value)}" for name, value in self.values.items()]
        if self.free:
            lines.append(f"free: {', '.join(self.free)}")
        return "\n".join(lines)


def design(
    dynamics: Dynamics, unknowns: Sequence[Parameter], *, nonzero: Sequence[Parameter] = ()
) -> tuple[Solution, ...]:
    """All values of unknown coefficients for which exp(-H) is stationary, for every n.

    Args:
        dynamics: A declaration with unknowns in v, D or H, each a scalar parameter.
        unknowns: What is solved for.
        nonzero: Unknowns that must not vanish, to exclude trivial designs.

    Returns:
        The solutions, each checked; none if it is proved that no coefficients that are rational
        in the parameters and sizes make a design.

    Raises:
        VerificationError: If an unknown is no scalar parameter of the dynamics, there are more
            than `MOST_UNKNOWNS`, or none is found and none is excluded.

    Example:
        >>> import sdekit as sk
        >>> x, c, k = sk.scalar("x"), sk.parameter("c"), sk.parameter("k", positive=True)
        >>> d = sk.Dynamics({x: -c * x}, {x: 1}, hamiltonian=k * x**2 / 2)
        >>> print(sk.design(d, [c])[0])
        c = k

    Checked by: tests/designer/test_ansatz.py.
    """
    _check_unknowns(dynamics, unknowns, nonzero)
    ito = dynamics if dynamics.interpretation == "ito" else dynamics.ito()
    try:
        with spending(BUDGET):
            found, is_proof = _solved(ito, unknowns, nonzero)
    except (Unsupported, BudgetExceeded) as error:
        found, is_proof, reason = (), False, str(error)
    else:
        reason = "the terms are not known to be independent"
    if not found and not is_proof:
        raise VerificationError("no design was found, which is no proof of none", found=reason)
    return found


def _solved(
    ito: Dynamics, unknowns: Sequence[Parameter], nonzero: Sequence[Parameter]
) -> tuple[tuple[Solution, ...], bool]:
    """The designs, and whether it is proved that there is none where none was found."""
    system = matched([residual(ito)], [parameter(unknown) for unknown in unknowns])
    found = []
    for family in system.families([unknowns.index(p) for p in nonzero]):
        values = {
            unknown: system.expression(family.values[position])
            for unknown, position in zip(unknowns, system.unknowns, strict=True)
            if position in family.values
        }
        solved = _substituted(ito, values)
        if not is_zero(residual(solved)):
            raise Unsupported("a solution of the equations is not seen to be a design")
        free = tuple(unknown.name for unknown in unknowns if unknown not in values)
        found.append(Solution({u.name: v for u, v in values.items()}, free, solved))
    return tuple(found), system.is_exact and all(dim.size is None for dim in ito.dimensions)


def _check_unknowns(
    dynamics: Dynamics, unknowns: Sequence[Parameter], nonzero: Sequence[Parameter]
) -> None:
    if dynamics.hamiltonian is None:
        raise VerificationError("a design needs a Hamiltonian", fix="declare hamiltonian=H")
    if not unknowns or len(unknowns) > MOST_UNKNOWNS:
        raise VerificationError(
            "a design solves for a few unknowns",
            expected=f"1 to {MOST_UNKNOWNS}",
            found=len(unknowns),
        )
    for unknown in (*unknowns, *nonzero):
        if (
            not isinstance(unknown, Parameter)
            or unknown.shape
            or unknown not in dynamics.parameters
        ):
            raise VerificationError(
                f"{unknown!r} is no scalar parameter of the dynamics",
                expected="parameters that its v, D or H contains",
            )


def _substituted(dynamics: Dynamics, values: Mapping[Parameter, Expression]) -> Dynamics:
    def put(expression: Expression | None) -> Expression | None:
        return None if expression is None else substituted(expression, values)

    return Dynamics(
        drift={x: put(v) for x, v in dynamics.drift.items()},
        diffusion={pair: put(block) for pair, block in dynamics.diffusion.items()},
        gradient_noise={pair: put(block) for pair, block in dynamics.gradient_noise.items()},
        hamiltonian=put(dynamics.hamiltonian),
        target=put(dynamics.target),
        name=dynamics.name,
        target_variables=None if dynamics.target is None else dynamics.target_variables,
    )
