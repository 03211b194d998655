r"""An argument against every affine involution, for energies with an unknown function.

Let H = c U(X) + g(Y) with c > 0 and nothing else assumed of U. Some U grows faster than g along
every line and at different rates in different directions, so that an affine involution that keeps
H acts on X as the identity. Its current has to satisfy $u_X\circ T = -u_X$. So if u_X is a function
of X alone and not zero, there is no such T; and if $u_X = MP$ with M regular, then P goes to -P,
and the conditions on the noise and current of P can be checked. Not for showing that there is a T.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from sdekit.calculus.contraction import (
    Lowered,
    Tensor,
    contract,
    gradient,
    heads,
    is_zero,
    lower,
    substitute,
)
from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import Monomial, TooLarge, as_expression
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import POSITIVE
from sdekit.declaration.tree.expression import Call
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.brackets import has_full_rank

#: What may be assumed of a function that has no symmetry and grows as fast as is wanted.
_HARMLESS = frozenset({"positive", "nonnegative", "convex", "coercive"})


def contradictions(
    problem: Problem, velocity: Mapping[Variable, Tensor]
) -> Iterator[tuple[Tensor, str]]:
    """What has to vanish for any affine involution to reverse the process, each with the reason.

    Args:
        problem: A dynamics with H.
        velocity: That of the probability current.

    Checked by: tests/verifier/involutions/test_forced.py.
    """
    model = problem.lowered
    fixed = _fixed_blocks(problem)
    for x, name in fixed.items():
        kept = f"an involution that keeps H for every {name} fixes {x.name}"
        if _variables(model, velocity[x]) <= set(fixed):
            yield velocity[x], f"{kept}, and the current of {x.name} is a function of it"
        p = _momentum(model, velocity[x], x)
        if p is None or p in fixed:
            continue
        flipped = f"{kept} and, because of the current of {x.name}, takes {p.name} to -{p.name}"
        images = {p: -lower(p)}
        known = {*fixed, p}
        if _variables(model, velocity[p]) <= known:
            yield substitute(velocity[p], images) - velocity[p], flipped
        block = model.diffusion.get((p, p))
        if block is not None and _variables(model, block) <= known:
            yield substitute(block, images) - block, flipped


def _variables(model: Lowered, tensor: Tensor) -> set[Variable]:
    return {x for x in model.variables if heads.variable(x) in tensor.depends}


def _fixed_blocks(problem: Problem) -> dict[Variable, str]:
    """Blocks X with H = c U(X) + g(Y), and the names of the functions."""
    assert problem.dynamics.hamiltonian is not None
    try:
        terms = expand(problem.dynamics.hamiltonian)
    except TooLarge:
        return {}
    found = {}
    for x in problem.dynamics.variables:
        mine = [(m, c) for m, c in terms.items() if _holds(m, x)]
        others = [m for m in terms if not _holds(m, x)]
        if len(mine) == 1 and x.symmetry is None and x.domain.kind in ("real", "circle"):
            name = _function_of(x, *mine[0])
            # A function that occurs again, as in U(x) + U(y), has symmetries all the same.
            if name is not None and not any(_calls(m, name) for m in others):
                found[x] = name
    return found


def _holds(monomial: Monomial, x: Variable) -> bool:
    core = monomial.core is not None and monomial.core.depends_on(x)
    return core or any(base.depends_on(x) for base, _ in monomial.factors)


def _calls(monomial: Monomial, name: str) -> bool:
    nodes = as_expression({monomial: Fraction(1)}).walk()
    return any(isinstance(node, Call) and node.function.name == name for node in nodes)


def _function_of(x: Variable, monomial: Monomial, coefficient: Fraction) -> str | None:
    """The name of U where the term is c U(X) with a constant c > 0."""
    calls, others = monomial.parted(x)
    if len(calls) != 1 or calls[0][1] != 1 or not isinstance(calls[0][0], Call):
        return None
    call = calls[0][0]
    if call.arguments != (x,) or not call.function.assumptions <= _HARMLESS:
        return None
    rest = as_expression({others: coefficient})
    return call.function.name if not rest.varies and entry_signs(rest) == POSITIVE else None


def _momentum(model: Lowered, current: Tensor, x: Variable) -> Variable | None:
    """P where the current of X is M P with a constant regular M."""
    for p in model.variables:
        is_real = p.symmetry is None and p.domain.kind == "real"
        if p.shape != x.shape or not is_real or _variables(model, current) != {p}:
            continue
        slope = gradient(current, p)
        rank = len(x.shape)
        whole = contract(slope, range(2 * rank), lower(p), range(rank, 2 * rank), range(rank))
        try:
            if not slope.depends and is_zero(current - whole) and has_full_rank(slope, x):
                return p
        except Unsupported:
            return None
    return None
