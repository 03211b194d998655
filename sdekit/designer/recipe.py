r"""The complete recipe of a dynamics: an antisymmetric Q with $v = -(D+Q)\nabla H + \Gamma$.

$\Gamma_i = \sum_j \partial_j(D_{ij} + Q_{ij})$. A dynamics that keeps exp(-H) has such a Q. Since
the current is $u = -Q\nabla H + \nabla\cdot Q$, its blocks are sought among the identities and what
is left of the terms of u when a factor of grad H is taken out, with coefficients that are rational
in the parameters and sizes. Not for stationarity itself, which the verifier decides without any
ansatz.

Source: Ma, Chen and Fox (2015), eq. (3)-(4).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from sdekit.calculus.contraction import (
    Tensor,
    combine,
    current,
    divergence,
    gradient,
    is_zero,
    lower,
    lower_dynamics,
)
from sdekit.calculus.contraction.fokker_planck import Lowered, dot_last, swapped
from sdekit.calculus.contraction.heads import parameter
from sdekit.calculus.contraction.rules.projection import projected
from sdekit.calculus.contraction.tensor import eye
from sdekit.calculus.limits import BudgetExceeded, Unsupported, spending
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.dynamics_checks import require_free_entries
from sdekit.declaration.text.expression_text import grammar_text
from sdekit.declaration.tree.expression import Expression, Negation
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.designer.matching import matched
from sdekit.designer.proposals import cut_out, factors_of, monic
from sdekit.designer.raising import raised, sum_of
from sdekit.errors import UndecidedError, VerificationError
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Verdict

#: Seconds for the search.
BUDGET = 10.0

Pair = tuple[Variable, Variable]


@dataclass(frozen=True)
class Recipe:
    """A dynamics in the form of the complete recipe.

    Attributes:
        dynamics: In Ito form.
        Q: The non-zero blocks above the diagonal, with Q_YX = -Q_XY^T below.
    """

    dynamics: Dynamics
    Q: Mapping[Pair, Expression]

    @property
    def D(self) -> Mapping[Pair, Expression]:
        """The non-zero blocks of D on and above the diagonal."""
        return self.dynamics.diffusion

    @cached_property
    def irreversible(self) -> Mapping[Variable, Expression]:
        """The part -Q grad H + div Q of the drift, which alone makes a current."""
        return {x: raised(u) for x, u in current(self.dynamics).items()}

    @cached_property
    def reversible(self) -> Mapping[Variable, Expression]:
        """The part -D grad H + div D of the drift, which keeps detailed balance."""
        model = lower_dynamics(self.dynamics)
        return {x: raised(model.drift[x] - u) for x, u in current(model).items()}

    def __str__(self) -> str:
        lines = ["v = -(D + Q) grad H + div(D + Q), Q antisymmetric"]
        lines += [f"  Q[{x.name}, {y.name}] = {grammar_text(q)}" for (x, y), q in self.Q.items()]
        return "\n".join(lines)


def recipe(dynamics: Dynamics) -> Recipe | None:
    """The antisymmetric Q of a dynamics, for every n, within the ansatz.

    Args:
        dynamics: With a Hamiltonian.

    Returns:
        The recipe, checked by the exact zero test; None where it is proved that there is none:
        exp(-H) is not stationary, or it is and no combination of the identities and of the terms of
        the current, each without a factor of grad H, is such a Q.

    Raises:
        VerificationError: If the dynamics is declared without H.
        UndecidedError: If none is found and none is excluded.

    Example:
        >>> import sdekit as sk
        >>> print(sk.recipe(sk.catalog.get("langevin")))
        v = -(D + Q) grad H + div(D + Q), Q antisymmetric
          Q[theta, p] = -eye(n)

    Checked by: tests/designer/test_recipe.py.
    """
    if dynamics.hamiltonian is None:
        raise VerificationError("the recipe needs a Hamiltonian", fix="declare hamiltonian=H")
    require_free_entries(dynamics.variables, "the recipe does not know")
    ito = dynamics.ito()
    try:
        with spending(BUDGET):
            found, is_proof = _search(ito)
    except (Unsupported, BudgetExceeded) as error:
        found, is_proof, reason = None, False, str(error)
    else:
        reason = "the terms are not known to be independent"
    if found is not None:
        return found
    if is_proof or Problem(ito).check("stationarity").verdict is Verdict.REFUTED:
        return None
    raise UndecidedError("no recipe was found, which is no proof that there is none", found=reason)


def _search(ito: Dynamics) -> tuple[Recipe | None, bool]:
    """The recipe, and whether there is none in the ansatz where it was not found."""
    model = lower_dynamics(ito)
    velocity = current(model)
    if all(is_zero(u) for u in velocity.values()):
        return Recipe(ito, {}), True
    basis = list(_ansatz(model, velocity))
    weights = [Parameter(f"sdekit_c{k}") for k in range(len(basis))]
    effects: dict[Pair, list[tuple[Fraction, Tensor]]] = {}
    for weight, (pair, block, _) in zip(weights, basis, strict=True):
        effects.setdefault(pair, []).append((Fraction(1), lower(weight) * block))
    blocks = {pair: combine(parts) for pair, parts in effects.items()}
    system = matched(_left_over(model, velocity, blocks), [parameter(c) for c in weights])
    values = system.first()
    if values is None:
        return None, system.is_exact and all(dim.size is None for dim in ito.dimensions)
    found: dict[Pair, list[Expression]] = {}
    for value, (pair, _, written) in zip(values, basis, strict=True):
        if not value[0].is_zero():
            found.setdefault(pair, []).append(system.expression(value, written))
    Q = {pair: sum_of(parts) for pair, parts in found.items()}
    lowered = {(x, y): lower(q, x.shape + y.shape) for (x, y), q in Q.items()}
    if not all(is_zero(row) for row in _left_over(model, velocity, lowered)):
        return None, False
    return Recipe(ito, Q), True


def _left_over(
    model: Lowered, velocity: Mapping[Variable, Tensor], blocks: Mapping[Pair, Tensor]
) -> list[Tensor]:
    """u + Q grad H - div Q of every block."""
    rows = {x: [(Fraction(1), u)] for x, u in velocity.items()}
    for (x, y), block in blocks.items():
        entries = [(x, y, block)] if x == y else [(x, y, block), (y, x, -swapped(block, x.ndim))]
        for row, column, entry in entries:
            effect = dot_last(entry, gradient(model.energy, column)) - divergence(entry, column)
            rows[row].append((Fraction(1), projected(effect, row)))
    return [combine(parts) for parts in rows.values()]


# ---------------------------------------------------------------- the ansatz


def _ansatz(
    model: Lowered, velocity: Mapping[Variable, Tensor]
) -> Iterator[tuple[Pair, Tensor, Expression]]:
    """Candidates for each block of Q, as tensors and as expressions."""
    slopes = {x: factors_of(gradient(model.energy, x), x) for x in model.variables}
    for x, y in itertools.combinations_with_replacement(model.variables, 2):
        offered = [eye(x.shape)] if x != y and x.shape == y.shape else []
        offered += [part for head in slopes[y] for part in cut_out(velocity[x], head)]
        if x != y:
            turned = (part for head in slopes[x] for part in cut_out(velocity[y], head))
            offered += [swapped(part, y.ndim) for part in turned]
        else:
            offered = [part - swapped(part, x.ndim) for part in offered]
        for part in dict.fromkeys(monic(part) for part in offered if not part.is_empty):
            try:
                written = raised(part)
            except Unsupported:
                continue
            if isinstance(written, Negation):
                part, written = -part, written.operand
            yield (x, y), part, written
