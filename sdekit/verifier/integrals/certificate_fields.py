r"""The marginal in components: certificate fields, concrete instances, rigorous quadrature.

A field $w$ in the auxiliary coordinates y with
$\partial_\theta Q + \nabla_y\cdot w - w\cdot\nabla_y Q = 0$ certifies
$\partial_\theta\int e^{-Q}dy = -\int\nabla_y\cdot(w\,e^{-Q})dy = 0$ (the WZ argument). It is sought
affine in y by linear algebra and checked again by the field engine; its flux at infinity vanishes
because $w$ grows linearly and $e^{-Q}$ is integrable. Not for what elimination does in closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import sympy as sp
from flint import arb

from sdekit.calculus.expansion.monomial_sums import TooLarge, as_expression
from sdekit.calculus.expansion.rewriting import substituted
from sdekit.calculus.limits import Unsupported, tick
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.model.components import components_from_sympy
from sdekit.declaration.tree.domains import Domain
from sdekit.verifier.integrals.coercivity import finite_in_components, is_small
from sdekit.verifier.integrals.elimination import eliminate
from sdekit.verifier.integrals.quadrature import mass
from sdekit.verifier.pointwise.componentwise import Space, space_at
from sdekit.verifier.pointwise.instances import choices, varying_functions
from sdekit.verifier.pointwise.zero import gradient_text, gradient_vanishes, gradient_witness
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Witness, proved, refuted, undecided

#: Values of one target coordinate whose masses are compared.
_PAIRS = ((0, 1), (1, -1))


def certified_marginal(problem: Problem, reason: str) -> Check:
    """The marginal, where closed forms leave a block open.

    Args:
        problem: A dynamics with H.
        reason: What was left open.

    Returns:
        Proved by certificate fields at the sizes of the problem, refuted by an instance or by
        quadrature, or undecided for the given reason.

    Checked by: tests/verifier/integrals/test_certificate_fields.py.
    """
    found = _by_instance(problem)
    if found is not None:
        return found
    finite = _finite(problem, reason)
    if finite.is_refuted:
        return finite
    for sizes in problem.trial_sizes() if is_small(problem.excess) else ():
        check = _at_sizes(problem, sizes, finite)
        if check is not None and (check.is_refuted or not problem.is_for_all_sizes):
            return check
    return undecided(reason)


def _finite(problem: Problem, reason: str) -> Check:
    try:
        if problem.marginal.is_finite:
            return proved(reason, assumptions=problem.marginal.assumptions)
    except (TooLarge, Unsupported):
        pass
    return finite_in_components(problem, problem.excess, problem.auxiliary, reason)


def _by_instance(problem: Problem) -> Check | None:
    """A refutation by polynomials in place of the unknown functions, integrated in closed form."""
    functions = varying_functions(problem.excess)
    if not functions:
        return None
    try:
        concrete = substituted(problem.excess, functions)
        for choice in [{}, *choices(concrete)]:
            found = eliminate(
                substituted(concrete, choice), problem.auxiliary, problem.target_variables
            )
            if found.is_complete:
                return _slope_of_instance(problem, as_expression(found.energy), functions)
    except (TooLarge, Unsupported):
        return None
    return None


def _slope_of_instance(problem: Problem, left: object, functions: dict) -> Check | None:
    for x in problem.target_variables:
        if gradient_vanishes(left, x):  # type: ignore[arg-type]
            continue
        witness = gradient_witness(left, x, problem.trial_sizes())  # type: ignore[arg-type]
        if witness is not None:
            named = {repr(call): repr(value) for call, value in functions.items()}
            witness = Witness(witness.dimensions, witness.point, witness.value, functions=named)
            return refuted(
                f"for these functions -log of the marginal is the target plus {left!r}, which "
                f"depends on {x.name}",
                witness,
                residual=gradient_text(left, x),  # type: ignore[arg-type]
            )
    return None


def _at_sizes(problem: Problem, sizes: dict[str, int], finite: Check) -> Check | None:
    reader = ComponentReader(problem.all_sizes(sizes), problem.dynamics.names)
    at = space_at(problem.dynamics, reader)
    energy = sp.expand(reader.scalar(problem.excess))
    ys = [s for s in at.coordinates if s not in at.target_coordinates]
    moving = [t for t in at.target_coordinates if sp.expand(energy.diff(t)) != 0]
    # At the ends of an interval, or on a circle, an affine field does not vanish.
    open_ended = all(x.domain.kind in ("real", "positive") for x in problem.auxiliary)
    if finite.is_proved and open_ended:
        fields = {t: certificate_field(energy, ys, t, at) for t in moving}
        if all(field is not None for field in fields.values()):
            shown = {str(t): [str(w) for w in field or ()] for t, field in fields.items()}
            names = ", ".join(map(str, moving))
            how = f"a certificate field for {names}" if moving else "no target variable in it"
            return proved(
                f"{finite.reason}; {how}",
                details={"certificate": shown} if moving else {},
                assumptions=finite.assumptions,
            )
    concrete = substituted(problem.excess, varying_functions(problem.excess))
    return _by_quadrature(sp.expand(reader.scalar(concrete)), ys, at)


def certificate_field(
    energy: sp.Expr, ys: Sequence[sp.Symbol], t: sp.Symbol, at: Space
) -> list[sp.Expr] | None:
    """A field w, affine in ys, with dQ/dt + div w - w . grad Q = 0, checked exactly; or None."""
    unknown: list[sp.Symbol] = []
    field = []
    for i, y in enumerate(ys):
        row = [sp.Symbol(f"w_{i}_{k}") for k in range(len(ys) + 1)]
        if y.is_positive:
            # w has to vanish at y = 0, or something flows through that boundary.
            field.append(row[i] * y)
            unknown.append(row[i])
        else:
            field.append(row[-1] + sum(c * z for c, z in zip(row, ys, strict=False)))
            unknown += row
    equation = energy.diff(t) + sum(
        w.diff(y) - w * energy.diff(y) for w, y in zip(field, ys, strict=True)
    )
    equation: Any = equation.replace(sp.sign, lambda a: sp.Abs(a) / a)
    solution = _solve(equation, ys, unknown)
    if solution is None:
        return None
    solved = [sp.cancel(w.xreplace(solution)) for w in field]
    return solved if _certifies(energy, ys, t, solved, at) else None


def _solve(
    equation: sp.Expr, ys: Sequence[sp.Symbol], unknown: list[sp.Symbol]
) -> dict[sp.Symbol, sp.Expr] | None:
    """Values of the unknowns that make every coefficient of the equation vanish."""
    numerator = sp.numer(sp.together(equation))
    opaque = [a for a in numerator.atoms(sp.Function, sp.Derivative, sp.Pow) if _is_opaque(a, ys)]
    ordered = sorted(set(opaque), key=lambda a: (-a.count_ops(), str(a)))
    kernels = {a: sp.Dummy() for a in ordered if a.has(*ys)}
    others = {a: sp.Dummy() for a in ordered if not a.has(*ys)}
    numerator = sp.expand(numerator.xreplace(kernels).xreplace(others))
    if numerator.has(sp.Derivative, sp.Function):
        return None
    generators = [*ys, *kernels.values()]
    if not numerator.is_polynomial(*generators):
        return None
    equations = sp.Poly(numerator, *generators).coeffs()
    tick()
    solutions = sp.linsolve(equations, *unknown)
    if not solutions:
        return None
    back = {v: k for k, v in others.items()}
    values: Any = next(iter(solutions))
    zero = dict.fromkeys(unknown, sp.S.Zero)
    return {
        u: value.xreplace(zero).xreplace(back) for u, value in zip(unknown, values, strict=True)
    }


def _is_opaque(atom: sp.Basic, ys: Sequence[sp.Symbol]) -> bool:
    """Whether an atom counts as one more variable in the linear system."""
    if isinstance(atom, sp.Pow):
        return not atom.exp.is_Integer or (atom.exp.is_negative is True and atom.has(*ys))
    return True


def _certifies(
    energy: sp.Expr,
    ys: Sequence[sp.Symbol],
    t: sp.Symbol,
    field: list[sp.Expr],
    at: Space,
) -> bool:
    """The identity again, as the residual of the drift (-1, w) against exp(-Q)."""
    from sdekit.calculus.field.field_residual import FieldResidual

    others = [s for s in at.coordinates if s not in ys and s != t]
    coordinates = [t, *ys, *others]
    drift = [sp.Integer(-1), *field, *(sp.S.Zero for _ in others)]
    known = dict(zip(at.coordinates, at.domains, strict=True))
    domains = [known[s] for s in coordinates]
    try:
        components = components_from_sympy(coordinates, drift, {}, energy, domains=domains)
        return FieldResidual(components).is_zero is True
    except Unsupported:
        return False


# ------------------------------------------------------------------ quadrature


def _by_quadrature(energy: sp.Expr, ys: Sequence[sp.Symbol], at: Space) -> Check | None:
    """Two values of one target coordinate with different masses, where one auxiliary meets it."""
    for t in at.target_coordinates:
        joined = _joined(energy, ys, t)
        if len(joined) != 1:
            continue
        y = joined[0]
        domain = at.domains[at.coordinates.index(y)]
        part = sp.Add(*(a for a in sp.Add.make_args(energy) if a.has(y) or a.has(t)))
        found = _different_masses(part, y, t, domain)
        if found is not None:
            point, masses = found
            texts = [ball.str(12) for ball in masses]
            return refuted(
                f"the mass of {y} is {texts[0]} at {t} = {point[0]} and {texts[1]} at "
                f"{t} = {point[1]}",
                Witness(dict(at.sizes), {str(t): f"{point[1]}"}, (masses[1] - masses[0]).str(12)),
                residual=f"mass at {t} = {point[1]} minus mass at {t} = {point[0]}",
            )
    return None


def _joined(energy: sp.Expr, ys: Sequence[sp.Symbol], t: sp.Symbol) -> list[sp.Symbol]:
    """The auxiliary coordinates that terms connect with t, directly or through others."""
    terms: list[Any] = [a.free_symbols for a in sp.Add.make_args(energy)]
    found: set[sp.Symbol] = set()
    frontier = {t}
    while frontier:
        near = {s for f in terms if f & frontier for s in f if s in ys}
        frontier = near - found
        found |= near
    return sorted(found, key=str)


def _different_masses(
    part: Any, y: sp.Symbol, t: sp.Symbol, domain: Domain
) -> tuple[tuple[Fraction, Fraction], tuple[arb, arb]] | None:
    others = dict.fromkeys(part.free_symbols - {y, t}, sp.S.One)
    for first, second in _PAIRS:
        masses = []
        for value in (Fraction(first), Fraction(second)):
            here = part.subs(others).subs(t, sp.Rational(value.numerator, value.denominator))
            masses.append(mass(here, y, domain))
        if None not in masses and not (masses[0] - masses[1]).contains(0):
            return (Fraction(first), Fraction(second)), (masses[0], masses[1])
    return None
