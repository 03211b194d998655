r"""Rung: no solution leaves every compact set of the closed domain in finite time.

Proved by growth (v at most linear, D at most quadratic), by Lyapunov functions, by Feller's test in
one dimension, or by completeness. Refuted only where a solution is shown to reach infinity. Where
unknown functions alone leave it open, the proof is for solutions that do not explode, and a choice
of the functions is named for which they do not.

Source: Khasminskii (2012), theorem 3.5 (Lyapunov bound); Grigor'yan (2009), theorem 11.8, and
Sturm (1994) (a complete metric measure space of finite measure is stochastically complete);
Fukushima, Oshima, Takeda (2011), theorem 1.6.3 (functions of vanishing energy that tend to 1).
"""

from __future__ import annotations

from fractions import Fraction

from sdekit.calculus.contraction import generator, is_zero, lower, text
from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import TooLarge, as_expression
from sdekit.calculus.expansion.written_growth import growth_power
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree.expression import Expression, Eye, Negation, Product, Sum
from sdekit.declaration.tree.operators import ONE
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.confinement import lyapunov
from sdekit.verifier.confinement.at_poles import may_have_pole, repels_at_poles
from sdekit.verifier.confinement.explosion import find_explosion
from sdekit.verifier.confinement.feller import feller_check, logarithm_of
from sdekit.verifier.confinement.polynomial_lyapunov import by_coercivity
from sdekit.verifier.confinement.tensor_growth import degrees
from sdekit.verifier.currents.smoothness import has_pole, rough_parts
from sdekit.verifier.integrals.elimination import eliminate
from sdekit.verifier.pointwise.function_choices import functions_in_words, with_chosen_functions
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.brackets import is_definite
from sdekit.verifier.rungs.definiteness import in_pairs
from sdekit.verifier.verdict import Check, Verdict, proved, refuted, undecided

#: A degree of D that is not at most quadratic.
_TOO_FAST = Fraction(3)
#: What is taken for granted where unknown functions leave the rung open.
ASSUMED = "solutions do not explode"


def check_non_explosion(problem: Problem) -> Check:
    """Whether solutions exist for all times.

    Args:
        problem: A dynamics with H.

    Returns:
        Proved with the bound; refuted with a start or parameters whose solution explodes; or
        undecided. Proved with `assumed` where only unknown functions leave it open.

    Raises:
        Unsupported: If a coefficient is outside the index calculus.

    Checked by: tests/verifier/rungs/test_non_explosion.py.
    """
    found = _decided(problem)
    if found.verdict is Verdict.UNDECIDED and problem.sizes:
        for_all = _decided(Problem(problem.dynamics))
        found = for_all if for_all.is_proved else found
    if found.verdict is not Verdict.UNDECIDED or not problem.dynamics.functions:
        return found
    for chosen, choice in with_chosen_functions(problem.dynamics):
        try:
            outright = _decided(Problem(chosen, problem.sizes))
        except ValueError:
            # A choice may be singular where the functions are not: inv of a Hessian that is zero.
            continue
        if not outright.is_proved or outright.assumptions:
            continue
        # A choice has to have what else is assumed of the functions: a density that is one.
        finite = Problem(chosen, problem.sizes).check("normalizable")
        if finite.is_proved and not finite.assumptions:
            reason = f"open in general; for {functions_in_words(choice)}: {outright.reason}"
            evidence = {
                "kind": "instance",
                "choice": {call.function.name: value for call, value in choice.items()},
                "evidence": outright.evidence,
                "normalizable": finite.evidence,
            }
            return proved(reason, assumed=ASSUMED, evidence=evidence)
    return found


def _decided(problem: Problem) -> Check:
    explosion = find_explosion(problem)
    if explosion is not None:
        return refuted("a solution reaches infinity in finite time", explosion)
    open_reasons = []
    for rule in (
        _linear_growth,
        lyapunov.by_energy,
        lyapunov.by_square,
        lyapunov.by_energy_and_square,
        by_completeness,
        lyapunov.by_terms,
        feller_check,
        by_coercivity,
        _without_bound,
    ):
        try:
            check = rule(problem)
        except (Unsupported, TooLarge) as reason:
            open_reasons.append(str(reason))
            continue
        if check is not None:
            return check
    return undecided("; ".join(dict.fromkeys(open_reasons)))


def _without_bound(problem: Problem) -> Check:
    change = generator(problem.lowered, problem.lowered.energy)
    if change.is_empty or is_zero(change):
        return undecided("H is conserved, but it was not shown to tend to infinity")
    return undecided(f"no bound L H <= c (1 + H) was found for L H = {text(change)}")


def _linear_growth(problem: Problem) -> Check | None:
    """Drift at most linear and D at most quadratic, bounded variables not counted."""
    dynamics, model = problem.dynamics, problem.lowered
    if any(x.domain.kind == "positive" for x in dynamics.variables):
        return None
    # A circle is bounded, but a pole of its drift would still end the solution.
    if may_have_pole(problem):
        return None
    unbounded = {x for x in dynamics.variables if x.domain.kind == "real"}
    drift = degrees(model.drift[x] for x in unbounded)
    noise = degrees(d for pair, d in model.diffusion.items() if set(pair) & unbounded)
    if drift is None or noise is None or drift > 1 or noise > 2:
        return None
    reason = "the drift grows at most linearly and D at most quadratically"
    return proved(reason, evidence={"kind": "growth"})


def by_completeness(problem: Problem, finite: Check | None = None) -> Check | None:
    """Detailed balance, definite D of at most quadratic growth and finite exp(-H).

    log(1 + |z|^2) then has a bounded carre du champ, so that its level sets cut 1 off at no cost;
    the same holds where D has a finite mean. Coordinates on bounded domains need no cut, so that D
    may be of any size there. At poles H has to tend to infinity.

    Args:
        problem: A dynamics with H.
        finite: Whether exp(-H) has a finite integral; the rung's answer when left out.

    Checked by: tests/verifier/rungs/test_non_explosion.py.
    """
    dynamics = problem.dynamics
    # A kink of H, beside which the drift jumps, is none of the form's business.
    assert dynamics.hamiltonian is not None
    has_poles = may_have_pole(problem) or has_pole(dynamics.hamiltonian)
    if has_poles and not repels_at_poles(problem):
        return None
    if any(next(rough_parts(part), None) is not None for part in dynamics.diffusion.values()):
        return None
    if not _diffusion_is_definite(problem):
        return None
    free = [x for x in dynamics.variables if x.domain.kind not in ("circle", "interval")]
    blocks = [d for (x, y), d in dynamics.blocks() if x == y and x in free]
    noise = degrees(map(lower, blocks))
    if noise is None:
        ones = dict.fromkeys(dynamics.variables, Fraction(1))
        noise = max((_written_degree(block, ones) for block in blocks), default=Fraction(0))
    is_slow = noise <= 2
    if not is_slow and not _mean_noise_is_finite(problem, free):
        return None
    if not problem.is_balanced:
        return None
    finite = finite or problem.check("normalizable")
    if not finite.is_proved:
        return None
    size = "at most quadratic" if is_slow else "of finite mean"
    return proved(
        f"a reversible diffusion with definite D, {size}, and finite exp(-H) does not explode",
        assumptions=finite.assumptions,
        evidence={"kind": "reversible", "normalizable": finite.evidence},
    )


def _written_degree(block: Expression, ones: dict[Variable, Fraction]) -> Fraction:
    """A power of |z| that bounds a block as it is written; 3 where none is seen."""
    found = growth_power(block, ones)
    return _TOO_FAST if found is None else found


def _diffusion_is_definite(problem: Problem) -> bool:
    """Whether D is definite: block by block, or by its pivots at the sizes given."""
    dynamics = problem.dynamics
    if all(x == y for (x, y), _ in dynamics.blocks()):
        blocks = [(x, dynamics.diffusion_block(x, x)) for x in dynamics.variables]
        return all(block is not None and is_definite(in_pairs(x, block)) for x, block in blocks)
    if problem.is_for_all_sizes:
        return False
    from sdekit.verifier.pointwise.pivots import all_pivots_positive, diffusion_part

    at = problem.components()
    matrix, used = diffusion_part(at)
    return len(used) == len(at.coordinates) and all_pivots_positive(matrix)


def _mean_noise_is_finite(problem: Problem, free: list[Variable]) -> bool:
    """Whether D exp(-H) is integrable: functions of |z| / R then cut 1 off at no cost."""
    dynamics = problem.dynamics
    energy = problem.sized(dynamics.hamiltonian)
    if dynamics.functions:
        return False
    variables = tuple(map(problem.sized, dynamics.variables))
    for x in free:
        block = problem.sized(dynamics.diffusion_block(x, x))
        factors = block.factors if isinstance(block, Product) else (block,)
        scale = Product((ONE, *(f for f in factors if not f.shape)))
        if any(f.shape and not isinstance(f, Eye) for f in factors):
            return False
        terms = expand(Sum((energy, Negation(logarithm_of(scale)))))
        found = eliminate(as_expression(terms), variables, ())
        if not found.is_finite or found.infinite is not None or found.assumptions:
            return False
    return True
