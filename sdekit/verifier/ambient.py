r"""Blocks on the simplex, in order or positive definite, proved for every size where they stand.

Ordered and definite blocks fill an open set of their space, so that the rungs read them as they
are. On the simplex every function f is continued to all $x > 0$ by $f(x / s)$, $s = 1\cdot x$, and
the drift by $v(x/s)/s$: where $1\cdot v = 0$ and $D\,1 = 0$ the continued process stays on each
simplex $s = c$, where it is the declared one (for s = 1), at another speed. Nothing flows through
the boundary where the current $u = v - \nabla\cdot D + D\nabla H$ vanishes identically, which is
all that is decided here; the process is then reversible.

Proofs only; what is refuted, at which size, is up to `joint_domains`.

Notation: s sum of the entries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from sdekit.calculus.contraction import is_zero, lower
from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.monomial_sums import Monomial, TooLarge, as_expression
from sdekit.calculus.expansion.rewriting import substituted, with_closed_ends
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.sign_values import POSITIVE, never_negative
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.domains import REAL, Domain
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.currents.smoothness import has_pole, rough_parts
from sdekit.verifier.declared_facts import contradiction
from sdekit.verifier.joint_integrals import finite_over_definite, finite_over_simplex
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.brackets import is_definite
from sdekit.verifier.rungs.definiteness import in_pairs
from sdekit.verifier.rungs.non_explosion import by_completeness
from sdekit.verifier.verdict import Check, proved

_HALF_LINE = Domain("positive")


@dataclass(frozen=True)
class _Ambient:
    """The model where its blocks move freely, and what the rungs cannot read off there.

    Attributes:
        problem: The model with blocks in order as real ones and the simplex continued.
        declared: The model as declared.
        simplex: The block on the simplex, continued; None for other models.
    """

    problem: Problem
    declared: Problem
    simplex: Variable | None


def proved_for_all_sizes(problem: Problem) -> dict[str, Check]:
    """The claims that hold for every size; those that were not shown are left out.

    Args:
        problem: A model with blocks on such domains.

    Checked by: tests/verifier/test_joint_domains.py.
    """
    dynamics = problem.dynamics
    joint = [x for x in dynamics.variables if x.domain.is_joint]
    is_plain = problem.has_law and dynamics.noise is None and not problem.declared.gradient_noise
    if not is_plain or any(x in dynamics.auxiliary_variables for x in joint):
        return {}
    if contradiction(dynamics.assume) is not None:
        return {}
    try:
        ambient = _ambient(problem)
        return {} if ambient is None else _checks(ambient)
    except (Unsupported, TooLarge):
        return {}


def _ambient(problem: Problem) -> _Ambient | None:
    dynamics = problem.dynamics
    simplex = [x for x in dynamics.variables if x.domain.kind == "simplex"]
    images: dict[Variable, Variable] = {}
    for x in dynamics.variables:
        if x.domain.kind in ("simplex", "ordered"):
            images[x] = replace(x, domain=_HALF_LINE if simplex else REAL)
    if simplex and len(dynamics.variables) > 1:
        return None
    moved = _moved(dynamics, images) if images else dynamics
    if simplex:
        moved = _continued(moved)
        if moved is None:
            return None
    return _Ambient(
        Problem(moved, problem.sizes, is_ambient=True),
        problem,
        moved.variables[0] if simplex else None,
    )


def _moved(dynamics: Dynamics, images: Mapping[Variable, ex.Expression]) -> Dynamics:
    """The same formulas for variables on other domains."""

    def at(x: Variable) -> Variable:
        image = images.get(x, x)
        assert isinstance(image, Variable)
        return image

    def written(expression: ex.Expression | None) -> ex.Expression | None:
        return None if expression is None else _renamed(expression, images)

    changed = {
        "drift": {at(x): written(v) for x, v in dynamics.drift.items()},
        "noise": None,
        "diffusion": {(at(x), at(y)): written(d) for (x, y), d in dynamics.blocks()},
        "hamiltonian": written(dynamics.hamiltonian),
        "target": written(dynamics.target),
        "target_variables": [at(x) for x in dynamics.target_variables],
    }
    return dynamics.changed(changed)


def _renamed(node: ex.Expression, images: Mapping[Variable, ex.Expression]) -> ex.Expression:
    """The formula for other variables, by which it may be differentiated as well."""
    if isinstance(node, Variable):
        return images.get(node, node)
    return node.rebuilt(lambda p: _renamed(p, images) if isinstance(p, ex.Expression) else p)


def _continued(dynamics: Dynamics) -> Dynamics | None:
    """The process on the simplex, continued; None where it may leave the simplex."""
    (x,) = dynamics.variables
    ones = ex.Ones(x.dims)
    total = ex.Dot(ones, x)
    share = {x: ex.Quotient(x, total)}
    drift = ex.Quotient(substituted(dynamics.drift[x], share), total)
    block = dynamics.diffusion_block(x, x)
    noise = ZERO if block is None else substituted(block, share)
    leaving = [ex.Dot(ones, drift)]
    if block is not None:
        leaving += [ex.MatMul(noise, ones), ex.MatMul(ones, noise)]
    if not all(is_zero(lower(part)) for part in leaving):
        return None
    assert dynamics.hamiltonian is not None
    changed = {
        "drift": {x: drift},
        "diffusion": {} if block is None else {(x, x): noise},
        "hamiltonian": substituted(dynamics.hamiltonian, share),
        "target": None,
    }
    return dynamics.changed(changed)


def _checks(ambient: _Ambient) -> dict[str, Check]:
    problem = ambient.problem
    names = ["diffusion_symmetric", "diffusion_psd"]
    is_still = problem.is_balanced
    if is_still:
        names += ["stationarity", "marginalization", "regularity"]
    found = {name: problem.check(name) for name in names}
    if ambient.simplex is not None:
        found["diffusion_psd"] = _of_genes(ambient) or found["diffusion_psd"]
    checks = {name: check for name, check in found.items() if check.is_proved}
    if not is_still or not {"diffusion_psd", "stationarity"} <= checks.keys():
        return checks
    checks["reversibility"] = proved("detailed balance: the probability current vanishes")
    finite = _finite(ambient)
    if finite is not None:
        checks["normalizable"] = finite
        kept = _kept(ambient, finite)
        checks |= {"non_explosion": kept} if kept else {}
    if _is_definite(ambient) and not any(_rough(ambient.problem.dynamics)):
        checks["uniqueness"] = proved("D is definite inside, where the coefficients are smooth")
    return checks


def _rough(dynamics: Dynamics) -> list[ex.Expression]:
    assert dynamics.hamiltonian is not None
    parts = (*dynamics.drift.values(), *dynamics.diffusion.values(), dynamics.hamiltonian)
    return [rough for part in parts for rough in rough_parts(part, inside=True)]


def _of_genes(ambient: _Ambient) -> Check | None:
    r"""$z^\top(\mathrm{diag}\,x - x x^\top)z$ is the variance of z under the weights x."""
    factor = _factor_of_genes(ambient)
    if factor is None or not never_negative(decided_signs(factor)):
        return None
    return proved(f"{factor!r} times diag(x) - x x^T, whose form is a variance on the simplex")


def _factor_of_genes(ambient: _Ambient) -> ex.Expression | None:
    """c where D is c (diag(x) - x x^T) as declared."""
    (x,) = ambient.declared.dynamics.variables
    block = ambient.declared.dynamics.diffusion_block(x, x)
    if block is None:
        return None
    spread = ex.Diag(x)
    terms = expand(block)
    mine = {Monomial(m.factors): c for m, c in terms.items() if m.core == spread}
    factor = as_expression(mine)
    variance = ex.Sum((spread, ex.Negation(ex.Outer(x, x))))
    rest = ex.Sum((block, ex.Negation(ex.Product((factor, variance)))))
    return factor if mine and not expand(rest) else None


def _is_definite(ambient: _Ambient) -> bool:
    """Whether D is definite inside the domain, in all directions that stay in it."""
    if ambient.simplex is not None:
        factor = _factor_of_genes(ambient)
        return factor is not None and decided_signs(collected(factor)) == POSITIVE
    dynamics = ambient.problem.dynamics
    if any(x != y for (x, y), _ in dynamics.blocks()):
        return False
    own = {x: dynamics.diffusion_block(x, x) for x in dynamics.variables}
    return all(d is not None and is_definite(in_pairs(x, d)) for x, d in own.items())


def _finite(ambient: _Ambient) -> Check | None:
    problem = ambient.problem
    definite = [x for x in problem.target_variables if x.domain.kind == "positive_definite"]
    if ambient.simplex is None and not definite:
        # The ordered states are a part of the whole space.
        found = problem.check("normalizable")
        return found if found.is_proved else None
    if problem.auxiliary and not (problem.marginal.is_finite and not problem.marginal.assumptions):
        return None
    if ambient.simplex is not None:
        reason = finite_over_simplex(ambient.declared.target, ambient.declared.target_variables[0])
    elif len(problem.target_variables) == 1:
        reason = finite_over_definite(problem.target, definite[0])
    else:
        reason = None
    return proved(f"the target is integrable: {reason}") if reason else None


def _kept(ambient: _Ambient, finite: Check) -> Check | None:
    if ambient.simplex is None:
        return by_completeness(ambient.problem, finite)
    (x,) = ambient.declared.dynamics.variables
    block = ambient.declared.dynamics.diffusion_block(x, x)
    entry = replace(x, domain=Domain("interval", Fraction(0), Fraction(1)))
    if block is None or has_pole(with_closed_ends(substituted(block, {x: entry}))):
        return None
    return proved(
        "a reversible diffusion with bounded D and finite exp(-H) on a compact state space does "
        "not explode",
        assumptions=finite.assumptions,
    )
