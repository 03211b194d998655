"""Verdicts about models with blocks on the simplex, in order, or positive definite.

At given sizes the model is verified in free coordinates (`charts`), where the boundary is that of
half-lines and intervals. Beside that: the process has to stay on the simplex, and whether it
explodes may be seen from the declared coordinates. A claim for every size is refuted at one size,
and proved by `ambient` alone. Not for the rungs themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import sympy as sp

from sdekit.calculus.expansion.rewriting import substituted
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.sympy_types import Expr
from sdekit.declaration.tree.declared import MATRIX_ASSUMPTIONS
from sdekit.declaration.tree.expression import Expression, Eye
from sdekit.declaration.tree.symbols import Parameter
from sdekit.verifier.ambient import proved_for_all_sizes
from sdekit.verifier.charts import Chart, chart_of
from sdekit.verifier.declared_facts import within_declaration
from sdekit.verifier.question import Problem
from sdekit.verifier.verdict import Check, Verdict, Witness, proved, refuted, undecided

Checks = dict[str, Check]
#: Sizes at which a claim about all sizes is tried: blocks of fewer entries are lines or points.
_TRIED = (2, 3)


def joint_checks(problem: Problem, decide: Callable[[Problem], Checks]) -> Checks:
    """All checks of a model with such blocks.

    Args:
        problem: The model and the sizes it is verified at.
        decide: The checks of a model of scalars.

    Checked by: tests/verifier/test_joint_domains.py.
    """
    if not problem.is_for_all_sizes:
        return _at_sizes(problem, problem.all_sizes(problem.sizes or {}), decide)
    shown = proved_for_all_sizes(problem)
    if all(name in shown for name in _names(problem)):
        return {name: shown[name] for name in _names(problem)}
    chosen, words = _with_identities(problem)
    tried = []
    for size in _TRIED:
        sizes = problem.all_sizes(dict.fromkeys(problem.open_dimensions, size))
        found = _at_sizes(chosen, sizes, decide)
        tried.append((size, _refutations(found, words) if words else found))
        if any(check.is_refuted for check in tried[-1][1].values()):
            break
    checks = {name: _for_all(name, tried, problem) for name in _names(problem)}
    return {n: c if c.is_refuted else shown.get(n, c) for n, c in checks.items()}


def _with_identities(problem: Problem) -> tuple[Problem, dict[str, str]]:
    """The model at one admissible value of its definite matrices, which may refute it."""
    definite = [p for p in problem.dynamics.parameters if p.assumptions & MATRIX_ASSUMPTIONS]
    definite = [p for p in definite if "antisymmetric" not in p.assumptions]
    if not definite or problem.dynamics.assume:
        return problem, {}
    identities: dict[Parameter, Expression] = {p: Eye(p.dims[:1]) for p in definite}
    chosen = problem.dynamics.rewritten(lambda e: substituted(e, identities))
    return Problem(chosen), {p.name: repr(image) for p, image in identities.items()}


def _refutations(checks: Checks, words: Mapping[str, str]) -> Checks:
    """What is refuted, with the values that were chosen in the witness."""
    open_ = undecided("definite matrix parameters are not written in free coordinates")
    return {
        name: replace(check, witness=replace(check.witness, point={**check.witness.point, **words}))
        if check.is_refuted and check.witness is not None
        else open_
        for name, check in checks.items()
    }


def _for_all(name: str, tried: list[tuple[int, Checks]], problem: Problem) -> Check:
    for _, checks in tried:
        if checks[name].is_refuted:
            return checks[name]
    joint = ", ".join(x.name for x in problem.dynamics.variables if x.domain.is_joint)
    where = ", ".join(f"{dim}=3" for dim in problem.open_dimensions)
    held = " and ".join(str(size) for size, checks in tried if checks[name].is_proved)
    reason = f"{joint}: decided at given sizes only, such as {where}"
    return undecided(f"{reason}; it holds at size {held}" if held else reason)


def _at_sizes(
    problem: Problem, sizes: Mapping[str, int], decide: Callable[[Problem], Checks]
) -> Checks:
    try:
        given = {name: sizes[name] for name in problem.open_dimensions}
        chart = chart_of(problem.dynamics, given)
    except Unsupported as unsupported:
        return {name: undecided(unsupported.reason) for name in _names(problem)}
    inner = Problem(chart.dynamics)
    checks = {name: _placed(check, sizes, problem) for name, check in decide(inner).items()}
    if chart.leaving and "stationarity" in checks:
        checks = {n: undecided(_LEAVES) if c.is_proved else c for n, c in checks.items()}
        checks["stationarity"] = _leaving(chart, sizes)
        return checks
    if "stationarity" in checks and "boundary" in checks["stationarity"].details:
        driven = _driven(problem)
        if driven:
            checks["stationarity"] = undecided(
                f"{driven}: momenta do not turn at its boundary here"
            )
    if "non_explosion" in checks and checks["non_explosion"].verdict is Verdict.UNDECIDED:
        kept = _kept(problem, problem.components(given), checks)
        checks["non_explosion"] = kept or checks["non_explosion"]
    words = tuple(f"in free coordinates {text}" for text in (", ".join(chart.texts),))
    return {
        name: replace(check, assumptions=(*check.assumptions, *words)) if check.is_proved else check
        for name, check in checks.items()
    }


_LEAVES = "the process leaves the simplex"


def _driven(problem: Problem) -> str:
    """A block without noise that others drive, whose momenta may turn and send back what leaves."""
    dynamics = problem.dynamics
    still = {x for x in dynamics.variables if not any(x in pair for pair, _ in dynamics.blocks())}
    for x in dynamics.variables:
        read = dynamics.drift[x].variables
        if x.domain.is_joint and x in still and read - {x}:
            return x.name
    return ""


def _names(problem: Problem) -> tuple[str, ...]:
    from sdekit.verifier.rung_table import RUNGS

    return tuple(rung.name for rung in RUNGS if problem.has_law or not rung.needs_law)


def _placed(check: Check, sizes: Mapping[str, int], problem: Problem) -> Check:
    """The check with the sizes of the declaration in its witness."""
    if check.witness is None:
        return check
    shown = {name: sizes[name] for name in problem.open_dimensions}
    return replace(check, witness=replace(check.witness, dimensions=shown))


def _leaving(chart: Chart, sizes: Mapping[str, int]) -> Check:
    """A point at which the drift or the noise leads off the simplex."""
    from sdekit.verifier.pointwise.exact_points import (
        admissible_points,
        number_text,
        point_text,
        surely_nonzero,
        value_at,
    )

    inner = Problem(chart.dynamics)
    at = inner.components()
    for name, amount in chart.leaving:
        named = amount.xreplace({s: t for s in amount.free_symbols for t in _same(s, at)})
        for point in admissible_points(at):
            value = value_at(named, point)
            if value is not None and surely_nonzero(value):
                witness = Witness(dict(sizes), point_text(point), number_text(value))
                reason = f"{_LEAVES}: {name} is not zero"
                check = refuted(reason, witness, residual=str(amount))
                check = within_declaration(check, inner)
                if check.is_refuted:
                    return check
    return undecided(f"whether {chart.leaving[0][0]} vanishes is open")


def _same(symbol: sp.Symbol, at: Components) -> list[sp.Symbol]:
    every = {*at.coordinates, *at.parameters}
    return [other for other in every if other.name == symbol.name]


def _kept(problem: Problem, at: Components, checks: Checks) -> Check | None:
    """No explosion: v and D bounded on a compact state space, or reversible with D of growth 2."""
    dynamics = problem.dynamics
    is_compact = all(x.domain.kind in ("simplex", "circle", "interval") for x in dynamics.variables)
    growth = [_degree(entry, at) for entry in at.diffusion.values()]
    drift = [_degree(entry, at) for entry in at.drift]
    if is_compact and all(d is not None for d in (*growth, *drift)):
        return proved("the state space is compact, and v and D are bounded on it")
    balanced = checks["reversibility"]
    is_plain = balanced.is_proved and "involution" not in balanced.details
    if not is_plain or not checks["uniqueness"].is_proved:
        return None
    finite = checks["normalizable"]
    if not finite.is_proved or any(d is None or d > 2 for d in growth):
        return None
    return proved(
        "a reversible diffusion with definite D of at most quadratic growth, and finite exp(-H), "
        "does not explode",
        assumptions=finite.assumptions,
    )


def _degree(entry: Expr, at: Components) -> int | None:
    """The degree of a polynomial in the coordinates; None for what is none."""
    try:
        return sp.Poly(entry, *at.coordinates).total_degree()
    except sp.PolynomialError:
        return None
