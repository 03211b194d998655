r"""Design: unknown coefficients of v, D and H such that exp(-H) is stationary for every n.

The unknowns are scalar parameters of a declaration. Each independent part of the residual gives one
polynomial equation in them over the rational functions of the other parameters and sizes; a
Groebner basis solves the system, and every solution is put back and checked by the exact zero test.
Not for unknown functions, nor for what an ansatz does not contain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy as sp

from sdekit.calculus.contraction import is_zero, residual
from sdekit.calculus.expansion.rewriting import substituted
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.expression_text import grammar_text
from sdekit.declaration.tree.expression import Expression
from sdekit.declaration.tree.symbols import Parameter
from sdekit.designer.coefficients import coefficient_expression
from sdekit.designer.matching import equations
from sdekit.errors import VerificationError

#: Beyond this a Groebner basis in pure Python may not end.
MOST_UNKNOWNS = 20


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
        The solutions, each checked; none if the ansatz contains no design.

    Raises:
        VerificationError: If an unknown is no scalar parameter of the dynamics, or there are more
            than `MOST_UNKNOWNS`.

    Example:
        >>> import sdekit as sk
        >>> x, c, k = sk.scalar("x"), sk.parameter("c"), sk.parameter("k", positive=True)
        >>> d = sk.Dynamics({x: -c * x}, {x: 1}, hamiltonian=k * x**2 / 2)
        >>> print(sk.design(d, [c])[0])
        c = k

    Checked by: tests/designer/test_ansatz.py.
    """
    _check_unknowns(dynamics, unknowns, nonzero)
    ito = dynamics.ito()
    names = [unknown.name for unknown in unknowns]
    symbols = [sp.Symbol(name, real=True) for name in names]
    system = [sp.numer(equation) for equation in equations(residual(ito), names)]
    found = []
    for values in _solutions(
        system, symbols, [s for s in symbols if s.name in {p.name for p in nonzero}]
    ):
        if any(values.get(sp.Symbol(p.name, real=True)) == 0 for p in nonzero):
            continue
        replacement = {
            unknown: coefficient_expression(values[symbol], ito)
            for unknown, symbol in zip(unknowns, symbols, strict=True)
            if symbol in values
        }
        solved = _substituted(ito, replacement)
        if is_zero(residual(solved)):
            free = tuple(
                name for name, symbol in zip(names, symbols, strict=True) if symbol not in values
            )
            found.append(Solution({u.name: v for u, v in replacement.items()}, free, solved))
    return tuple(found)


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


def _solutions(
    system: list[sp.Expr], symbols: list[sp.Symbol], nonzero: list[sp.Symbol]
) -> list[dict[sp.Symbol, sp.Expr]]:
    """Solutions over the field of the other symbols; none of `nonzero` vanishes."""
    if not system:
        return [{}]
    helper = sp.Symbol("_inverse")
    excluded = [sp.prod(nonzero) * helper - 1] if nonzero else []
    others = sorted({s for e in system for s in e.free_symbols} - set(symbols), key=str)
    domain = sp.QQ.frac_field(*others) if others else sp.QQ
    first = [helper] if nonzero else []
    basis = sp.groebner([*system, *excluded], *first, *symbols, order="lex", domain=domain)
    kept = [polynomial for polynomial in basis.exprs if not polynomial.has(helper)]
    if kept == [1] or basis.exprs == [1]:
        return []
    return sp.solve(kept, symbols, dict=True) if kept else [{}]


def _substituted(dynamics: Dynamics, values: Mapping[Parameter, Expression]) -> Dynamics:
    def put(expression: Expression | None) -> Expression | None:
        return None if expression is None else substituted(expression, values)

    return Dynamics(
        drift={x: put(v) for x, v in dynamics.drift.items()},
        diffusion={pair: put(block) for pair, block in dynamics.diffusion.items()},
        hamiltonian=put(dynamics.hamiltonian),
        target=put(dynamics.target),
        name=dynamics.name,
        target_variables=None if dynamics.target is None else dynamics.target_variables,
    )
