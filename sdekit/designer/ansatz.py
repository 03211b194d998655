r"""Design: unknowns of v, D and H such that exp(-H) is stationary with the wanted marginal.

Each independent part of the residual, and of the slope of the marginal where auxiliaries are
Gaussian, gives one polynomial equation in the unknown coefficients over the rational functions of
the other parameters and sizes; they are solved by cases, and every solution is put back and
verified. Not for what an ansatz does not contain.
"""

from __future__ import annotations

from collections.abc import Sequence

from sdekit.calculus.contraction import Tensor, is_zero, lower, residual, text
from sdekit.calculus.contraction import heads as hd
from sdekit.calculus.contraction.fokker_planck import swapped
from sdekit.calculus.limits import BudgetExceeded, Unsupported, spending
from sdekit.calculus.signs.forms import form_signs
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import POSITIVE, ZERO, never_negative
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.expression import Call, Expression
from sdekit.declaration.tree.operators import ONE, multiply
from sdekit.declaration.tree.symbols import Parameter
from sdekit.designer.marginals import marginal_equations, wall_equations
from sdekit.designer.matching import System, matched
from sdekit.designer.raising import sum_of
from sdekit.designer.solution import Solution, Unverified, verified, with_values
from sdekit.designer.solving import SolvedCase
from sdekit.designer.unknowns import (
    MOST_UNKNOWNS,
    Unknown,
    integrated,
    jets_of,
    read_unknown,
    slopes_of,
)
from sdekit.errors import UndecidedError, VerificationError

#: Seconds for solving.
BUDGET = 10.0


def design(
    dynamics: Dynamics, unknowns: Sequence[Expression], *, nonzero: Sequence[Parameter] = ()
) -> tuple[Solution, ...]:
    """All values of the unknowns for which exp(-H) is stationary with the target as marginal.

    Args:
        dynamics: A declaration with unknowns in v, D or H.
        unknowns: What is solved for: scalar parameters; vectors and matrices, and functions of
            variables of any shape, over terms that the declaration suggests; scalar functions of
            one scalar variable, of which nothing is supposed as long as what is found can be
            integrated, and polynomials else.
        nonzero: Scalar parameters among them that must not vanish, to exclude trivial designs.

    Returns:
        The families, each verified again; those that are refuted for all values of what is free
        are left out. None if it is proved that no coefficients that are rational in the
        parameters and sizes make a design.

    Raises:
        VerificationError: If an unknown is none of the dynamics, or there are more than
            `MOST_UNKNOWNS` coefficients.
        UndecidedError: If none is found and none is excluded.

    Example:
        >>> import sdekit as sk
        >>> x, c, k = sk.scalar("x"), sk.parameter("c"), sk.parameter("k", positive=True)
        >>> d = sk.Dynamics({x: -c * x}, {x: 1}, hamiltonian=k * x**2 / 2)
        >>> print(sk.design(d, [c])[0])
        c = k

    Checked by: tests/designer/test_ansatz.py.
    """
    sought = _read(dynamics, unknowns, nonzero)
    found, reason = _attempt(dynamics, sought, nonzero)
    if not found and reason and any(unknown.variable is not None for unknown in sought):
        # That there is no polynomial is no proof that there is no function.
        found, _ = _attempt(dynamics, _read(dynamics, unknowns, nonzero, powers=True), nonzero)
    if not found and reason:
        raise UndecidedError("no design was found, which is no proof of none", found=reason)
    declared = {u.name: _allowed(u.symbol) for u in sought if _allowed(u.symbol)}
    solutions = verified(found, declared)
    if any(s.is_refuted for s in solutions):
        # What is refuted for free coefficients may hold where momenta turn round at walls.
        at_walls, _ = _attempt(dynamics, sought, nonzero, walls=True)
        good = [s for s in verified(at_walls, declared) if s.is_proved]
        solutions = [*(s for s in solutions if not s.is_refuted), *good] if good else solutions
    return tuple(solutions)


def _allowed(symbol: Expression) -> frozenset[int]:
    """The signs that are declared of an unknown parameter; empty where none are."""
    known = symbol.assumptions if isinstance(symbol, Parameter) and not symbol.shape else ()
    return frozenset((1,) if "positive" in known else (0, 1) if "nonnegative" in known else ())


def _attempt(
    dynamics: Dynamics,
    sought: Sequence[Unknown],
    nonzero: Sequence[Parameter],
    *,
    walls: bool = False,
) -> tuple[list[Unverified], str]:
    """The families; where there is none, why that is no proof, and nothing where it is one."""
    try:
        with spending(BUDGET):
            found, is_proof = _solved(dynamics, sought, nonzero, walls)
    except (Unsupported, BudgetExceeded) as error:
        return [], str(error)
    return found, "" if is_proof else "the terms are not known to be independent"


def _read(
    dynamics: Dynamics,
    unknowns: Sequence[Expression],
    nonzero: Sequence[Parameter],
    *,
    powers: bool = False,
) -> list[Unknown]:
    if dynamics.hamiltonian is None:
        raise VerificationError("a design needs a Hamiltonian", fix="declare hamiltonian=H")
    if dynamics.depends_on_time:
        raise VerificationError(
            "no law is stationary where a coefficient depends on time",
            expected="coefficients that depend on the state alone",
        )
    for fact in dynamics.assume:
        if not {*fact.left.walk(), *fact.right.walk()}.isdisjoint(unknowns):
            raise VerificationError(
                "what is assumed of an unknown is not solved along",
                expected="assumptions on the other parameters",
                found=repr(fact),
                fix='declare the unknown itself, as sk.parameter("c", positive=True)',
            )
    if len(set(unknowns)) < len(unknowns):
        raise VerificationError("an unknown is given twice", found=repr(list(unknowns)))
    sought = [read_unknown(dynamics, u, unknowns, powers=powers) for u in unknowns]
    count = sum(max(len(unknown.weights), 1) for unknown in sought)
    if not 1 <= count <= MOST_UNKNOWNS:
        raise VerificationError(
            "a design solves for a few unknowns",
            expected=f"1 to {MOST_UNKNOWNS} coefficients",
            found=count,
        )
    scalars = [unknown.symbol for unknown in sought if not unknown.basis]
    for parameter in nonzero:
        if parameter not in scalars or not isinstance(parameter, Parameter):
            raise VerificationError(
                f"{parameter!r} cannot be kept from zero",
                expected="scalar parameters among the unknowns",
            )
    return sought


def equations_for(
    dynamics: Dynamics, unknowns: Sequence[Expression]
) -> tuple[list[tuple[Expression, Expression]], list[tuple[str, Expression]]]:
    """What `design` solves: the ansatz of each unknown that has one, and the equations.

    Returns:
        Pairs of an unknown and its sum of weighted terms, and pairs of an independent product, as
        text, and the polynomial that is its coefficient and must vanish.

    Raises:
        VerificationError: As `design`.
        UndecidedError: If the equations cannot be written.

    Checked by: tests/reports/test_design_report.py.
    """
    sought = _read(dynamics, unknowns, ())
    try:
        system, _, _ = _posed(dynamics, sought)
    except Unsupported as error:
        raise UndecidedError("the equations cannot be written", found=error.reason) from None
    one = system.ring.constant(1)
    return (
        [(unknown.symbol, unknown.weighted()) for unknown in sought if unknown.basis],
        [
            (text(product), system.expression((equation, one)))
            for product, equation in zip(system.products, system.equations, strict=True)
        ],
    )


def _posed(
    dynamics: Dynamics, sought: Sequence[Unknown], walls: bool = False
) -> tuple[System, list[hd.Head], list[Parameter]]:
    """The equations, the values of unknown functions in them, and the unknown constants."""
    posed = with_values(dynamics, {u.symbol: u.weighted() for u in sought if u.basis})
    tensors = [residual(posed), *marginal_equations(posed), *_asymmetries(posed)]
    if walls and all(unknown.variable is None for unknown in sought):
        tensors += wall_equations(posed)
    jets = jets_of(sought, tensors)
    weights = [weight for unknown in sought for weight in unknown.weights]
    field = {hd.variable(u.variable) for u in sought if u.variable is not None}
    heads = [*jets, *(hd.parameter(weight) for weight in weights)]
    return matched(tensors, heads, field), jets, weights


def _asymmetries(posed: Dynamics) -> list[Tensor]:
    """What must vanish for D to be symmetric."""
    blocks = [(x, lower(block, x.shape * 2)) for (x, y), block in posed.diffusion.items() if x == y]
    return [block - swapped(block, x.ndim) for x, block in blocks if x.shape]


def _solved(
    dynamics: Dynamics, sought: Sequence[Unknown], nonzero: Sequence[Parameter], walls: bool
) -> tuple[list[Unverified], bool]:
    """Values, free coefficients and dynamics of each family; whether none proves that there is."""
    system, jets, weights = _posed(dynamics, sought, walls)
    kept = [len(jets) + weights.index(parameter) for parameter in nonzero]
    found = []
    for case in system.families(kept, len(jets), slopes_of(jets, system)):
        values, free = _values(system, case, sought, jets, weights)
        images: dict[Expression, Expression] = {
            u.symbol: values[u.name] for u in sought if u.name in values
        }
        for symbol, value in images.items():
            _require_declared(symbol, value)
        solved = with_values(dynamics, images)
        if not is_zero(residual(solved)):
            raise Unsupported("a solution of the equations is not seen to be a design")
        found.append(Unverified(values, free, solved))
    is_open = all(dim.size is None for dim in dynamics.dimensions)
    return found, system.is_exact and is_open


def _require_declared(symbol: Expression, value: Expression) -> None:
    """Refuse a function or block that is not seen to be what is declared of it.

    Raises:
        Unsupported: If it is not; another one, as with another constant, may be.
    """
    if isinstance(symbol, Parameter) and not symbol.shape:
        return
    owner = symbol.function if isinstance(symbol, Call) else symbol
    known = set()
    if symbol.ndim == 2:
        tensor = lower(value, symbol.shape)
        turned = swapped(tensor, 1)
        signs = ZERO if tensor.is_empty else form_signs(value)
        known |= {"symmetric"} if is_zero(tensor - turned) else set()
        known |= {"antisymmetric"} if is_zero(tensor + turned) else set()
        known |= {"positive_definite", "positive_semidefinite"} if signs == POSITIVE else set()
        known |= {"positive_semidefinite"} if never_negative(signs) else set()
    elif entry_signs(value) == POSITIVE:
        known = {"positive", "nonnegative"}
    left = sorted(getattr(owner, "assumptions", frozenset()) - known)
    if left:
        raise Unsupported(
            f"{symbol!r} is declared {', '.join(left)}, and {value!r} is not seen to be that"
        )


def _values(
    system: System,
    case: SolvedCase,
    sought: Sequence[Unknown],
    jets: Sequence[hd.Head],
    weights: Sequence[Parameter],
) -> tuple[dict[str, Expression], list[Parameter]]:
    """The value of each unknown that is not free, and the weights that are."""
    places = dict(zip(weights, system.unknowns[len(jets) :], strict=True))
    values: dict[str, Expression] = {}
    free: list[Parameter] = []
    for unknown in sought:
        if unknown.variable is not None:
            function = integrated(unknown, jets, system, case)
            if function is not None:
                values[unknown.name] = function
            continue
        terms = []
        for weight, term in zip(unknown.weights, unknown.basis or (ONE,), strict=True):
            value = case.values.get(places[weight])
            if value is not None and not value[0].is_zero():
                terms.append(system.expression(value, term))
            elif value is None and not (unknown.basis and term == ONE):
                # A constant that nothing determines is no part of a design.
                free.append(weight)
                terms += [multiply(weight, term)] if unknown.basis else []
        if unknown.basis or unknown.symbol not in free:
            values[unknown.name] = sum_of(terms)
    return values, free
