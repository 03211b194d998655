r"""Does probability flow through the boundary of a bounded domain?

At an end of a positive or interval variable the normal current $J e^{-H}$,
$J = v - \nabla\cdot D + D\nabla H$, has to go to zero; a process that is reflected there (along
D n) then keeps exp(-H). A position that a momentum drives is reflected specularly, and what leaves
comes back (`currents.specular`). On a circle v, D and H have to be periodic, or the current and
the density jump at the cut. All belong to stationarity: a zero residual says nothing about the
boundary.

Not for infinity (non-explosion), nor for jumps and poles inside the domain (regularity).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.growth import (
    Growth,
    Unclear,
    Z,
    is_slower_than_log,
    leading,
    log_or_bounded,
)
from sdekit.calculus.expansion.monomial_sums import Terms, TooLarge
from sdekit.calculus.expansion.rewriting import INTERNAL, substituted
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import NEGATIVE, POSITIVE
from sdekit.declaration.tree.domains import End as ExactEnd
from sdekit.declaration.tree.domains import as_constant
from sdekit.declaration.tree.expression import (
    Call,
    Elementwise,
    Expression,
    Negation,
    Number,
    Product,
    Sum,
)
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.verifier.currents.normal_current import Normal, current_at, is_jet, normal_current
from sdekit.verifier.currents.periodicity import is_periodic
from sdekit.verifier.currents.specular import is_finite_at_ends, turned_momentum
from sdekit.verifier.integrals.tails import Approach, approaches
from sdekit.verifier.pointwise.instances import Choice, choices, text_of_choice
from sdekit.verifier.pointwise.zero import nonzero_value
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Verdict, Witness, proved, refuted, undecided


def check_boundary(problem: Problem) -> Check | None:
    """Whether the flux through every boundary vanishes; None for models without one.

    Args:
        problem: A dynamics with H whose residual is zero.

    Returns:
        Proved, refuted with a point on the boundary, or undecided for the first variable that is.

    Checked by: tests/verifier/rungs/test_boundary.py.
    """
    checks = [
        _circle(problem, x) if x.domain.kind == "circle" else _bounded(problem, x)
        for x in problem.dynamics.variables
        if x.domain.kind != "real"
    ]
    if not checks:
        return None
    for wanted in (Verdict.REFUTED, Verdict.UNDECIDED):
        for check in checks:
            if check.verdict is wanted:
                return check
    return proved(
        "; ".join(check.reason for check in checks),
        assumptions=tuple(a for check in checks for a in check.assumptions),
    )


# ------------------------------------------------------------------ half-lines and intervals


def _bounded(problem: Problem, x: Variable) -> Check:
    if _current_vanishes(problem, x):
        return proved(f"no current in {x.name}")
    momentum = turned_momentum(problem.dynamics, x)
    if momentum is None:
        return _by_flux(problem, x)
    if is_finite_at_ends(problem.dynamics, x):
        return _turned(problem, x, momentum)
    found = _by_flux(problem, x)
    if found.is_proved:
        return found
    return undecided(
        f"{momentum.name} turns round at the boundary of {x.name}, where H may be infinite"
    )


def _turned(problem: Problem, x: Variable, momentum: Variable) -> Check:
    turns = f"{momentum.name} turns round where {x.name} meets the end of its domain"
    energy = problem.dynamics.hamiltonian
    assert energy is not None
    has_functions = any(isinstance(node, Call) and node.depends_on(x) for node in energy.walk())
    return proved(
        f"what leaves at the boundary of {x.name} comes back with {momentum.name} turned round",
        assumptions=(turns, _smooth(x)) if has_functions else (turns,),
    )


def _smooth(x: Variable) -> str:
    return f"the unknown functions are smooth up to the boundary of {x.name}"


def _by_flux(problem: Problem, x: Variable) -> Check:
    try:
        return _through_ends(problem, x, normal_current(problem, x))
    except (Unsupported, TooLarge) as reason:
        open_question = f"the flux through the boundary of {x.name} is not decided: {reason}"
    for sizes in problem.trial_sizes() if problem.is_for_all_sizes else ():
        try:
            check = _through_ends(problem, x, current_at(problem, x, sizes), sizes)
        except (Unsupported, TooLarge):
            break
        if check.is_refuted:
            return check
    return undecided(open_question)


def _through_ends(
    problem: Problem, x: Variable, parts: list[Normal], sizes: Mapping[str, int] | None = None
) -> Check:
    checks = [
        _at_end(problem, part, end, sizes)
        for part in parts
        for end in approaches(x.domain)
        if end.at is not None
    ]
    for check in checks:
        if not check.is_proved:
            return check
    reflected = f"{x.name} is reflected at the boundary of its domain"
    has_functions = any(
        with_limits(e, part[0], Fraction(0)) != e for part in parts for e in part[1:]
    )
    return proved(
        f"no flux through the boundary of {x.name}",
        assumptions=(reflected, _smooth(x)) if has_functions else (reflected,),
    )


def _current_vanishes(problem: Problem, x: Variable) -> bool:
    from sdekit.calculus.contraction.fokker_planck import current

    try:
        return problem.vanishes(lambda model: current(model)[x])
    except Unsupported:
        return False


def _at_end(
    problem: Problem, part: Normal, end: Approach, sizes: Mapping[str, int] | None
) -> Check:
    x = part[0]
    assert end.at is not None
    place = f"{x.name} = {end.at}"
    current, energy = (with_limits(e, x, end.at) for e in part[1:])
    try:
        j = expand(substituted(current, {x: end.towards}))
        h = expand(substituted(energy, {x: end.towards}))
        if not j:
            return proved(f"no flux at {place}")
        flow, depth = leading(j), leading(h) if h else None
        size = _flux_size(flow, depth, h)
    except Unclear as reason:
        chosen = _by_choice(problem, (x, current, energy), end, sizes)
        return chosen or undecided(f"the flux at the boundary {place} is not decided: {reason}")
    if size < 0:
        return proved(f"no flux at {place}")
    return _flowing(problem, (x, end), flow, size, sizes)


def with_limits(expression: Expression, x: Variable, at: ExactEnd) -> Expression:
    """Unknown functions of x, and their derivatives, as their value at the end and a remainder.

    f(x) = f(a) + (x - a) r(x) with r bounded near a, because f is smooth up to the boundary.
    """
    limits: dict[Expression, Expression] = {}
    for node in expression.walk():
        if is_jet(node) and not node.shape and node.depends_on(x) and node not in limits:
            number = len(limits)
            signs = node.function.assumptions if isinstance(node, Call) else frozenset()
            value = Parameter(f"{INTERNAL}limit_{number + 1}", (), signs & {"nonnegative"})
            remainder = Elementwise("sin", Product((Parameter(f"{INTERNAL}rest_{number + 1}"), Z)))
            gap = Sum((x, Negation(as_constant(at))))
            limits[node] = Sum((value, Product((gap, remainder))))
    return substituted(expression, limits) if limits else expression


def _by_choice(
    problem: Problem, normal: Normal, end: Approach, sizes: Mapping[str, int] | None
) -> Check | None:
    """A refutation for some choice of parameters, where their signs matter."""
    x, current, energy = normal
    for choice in choices(Sum((current, energy))):
        # Unknown functions stay: a constant potential would claim nothing about others.
        numbers = {s: v for s, v in choice.items() if not isinstance(s, Call)}
        chosen = [substituted(part, {**numbers, x: end.towards}) for part in (current, energy)]
        try:
            j, h = (expand(part) for part in chosen)
            if not j:
                continue
            flow = leading(j)
            size = _flux_size(flow, leading(h) if h else None, h)
        except (Unclear, TooLarge):
            continue
        if size >= 0:
            check = _flowing(problem, (x, end), flow, size, sizes, numbers)
            if check.is_refuted:
                return check
    return None


def _flux_size(flow: Growth, depth: Growth | None, energy: Terms) -> int:
    """-1 if J exp(-H) goes to zero, 0 if to a limit that is not zero, 1 if to infinity.

    Raises:
        Unclear: If that cannot be read off.
    """
    order = _order(flow)
    if depth is None or depth.is_bounded:
        return order
    if depth.coefficient is None:
        raise Unclear("the energy oscillates")
    signs = entry_signs(depth.coefficient)
    if depth.exponent == ZERO and depth.power == 0 and depth.logs == 1:
        # H = c log Z + bounded, so that the flux is like Z^(power of J - c).
        if not all(log_or_bounded(m) for m in energy):
            raise Unclear("the energy has terms between log and a constant")
        excess = entry_signs(collected(Sum((Number(flow.power), Negation(depth.coefficient)))))
        if flow.exponent != ZERO or (flow.logs and excess not in (POSITIVE, NEGATIVE)):
            raise Unclear("the current and the density cannot be compared")
        if excess in (POSITIVE, NEGATIVE):
            return 1 if excess == POSITIVE else -1
        if excess == frozenset({0}):
            return 0
        raise Unclear(f"the sign of {depth.coefficient!r} - {flow.power} is not known")
    if signs == POSITIVE and flow.exponent == ZERO and not is_slower_than_log(depth):
        return -1
    if signs == NEGATIVE and order >= 0:
        return 1
    raise Unclear("the current and the density cannot be compared")


def _order(flow: Growth) -> int:
    """-1 for a current that vanishes at the boundary, 0 for a finite one, 1 for an infinite one."""
    if flow.exponent != ZERO:
        raise Unclear("the current has an essential singularity")
    if flow.vanishes:
        return -1
    if flow.coefficient is None:
        raise Unclear("the current oscillates")
    return 0 if flow.is_bounded else 1


def _flowing(
    problem: Problem,
    place: tuple[Variable, Approach],
    flow: Growth,
    size: int,
    given: Mapping[str, int] | None,
    chosen: Choice | None = None,
) -> Check:
    """A refutation, if the limit of the current is not zero at some exact point."""
    x, end = place
    assert flow.coefficient is not None
    for sizes in problem.trial_sizes() if given is None else (dict(given),):
        found = nonzero_value(problem, flow.coefficient, sizes)
        if found is None:
            continue
        point, value = found
        fixed, _ = text_of_choice(chosen or {})
        witness = Witness(sizes, {**point, **fixed, x.name: str(end.at)}, value)
        amount = "an infinite" if size else "a"
        return refuted(
            f"the residual is zero, but {amount} flux leaves through the boundary at "
            f"{x.name} = {end.at}",
            witness,
            residual=f"normal current {flow.coefficient!r} at {x.name} = {end.at}",
            details={"boundary": x.name},
        )
    return undecided(f"whether {flow.coefficient!r} vanishes at {x.name} = {end.at} is open")


# ------------------------------------------------------------------ circles


def _circle(problem: Problem, x: Variable) -> Check:
    parts = _parts(problem, x)
    uneven = [name for name, part in parts.items() if not is_periodic(part, x)]
    if not uneven:
        return proved(f"periodic in {x.name}", assumptions=_periodic_functions(parts, x))
    from sdekit.verifier.currents.cut import jump_at_cut, periodic_in_components

    if all(periodic_in_components(parts[name], x) for name in uneven):
        return proved(f"periodic in {x.name}")
    jump = jump_at_cut(problem, x)
    if jump is not None:
        return jump
    return undecided(
        f"{', '.join(uneven)} is not shown to have period {x.domain.period_text} in {x.name}"
    )


def _parts(problem: Problem, x: Variable) -> dict[str, Expression]:
    dynamics = problem.dynamics
    assert dynamics.hamiltonian is not None
    parts = {f"the drift of {y.name}": dynamics.drift[y] for y in dynamics.variables}
    for (y, z), block in dynamics.blocks():
        parts[f"the block ({y.name}, {z.name}) of D"] = block
    parts["H"] = dynamics.hamiltonian
    return {name: part for name, part in parts.items() if part.depends_on(x)}


def _periodic_functions(parts: dict[str, Expression], x: Variable) -> tuple[str, ...]:
    names = {
        node.function.name
        for part in parts.values()
        for node in part.walk()
        if isinstance(node, Call) and node.depends_on(x)
    }
    period = x.domain.period_text
    return tuple(f"{name} has period {period} in {x.name}" for name in sorted(names))
