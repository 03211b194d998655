r"""Design: unknowns of v, D and H such that exp(-H) is stationary with the wanted marginal.

Each independent part of the residual, and of the slope of the marginal where auxiliaries are
Gaussian, gives one polynomial equation in the unknown coefficients over the rational functions of
the other parameters and sizes; they are solved by cases, and every solution is put back and
verified. Not for what an ansatz does not contain.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sdekit.calculus.contraction import Tensor, is_zero, lower, residual, text
from sdekit.calculus.contraction import heads as hd
from sdekit.calculus.contraction.fokker_planck import swapped
from sdekit.calculus.expansion.rewriting import substituted
from sdekit.calculus.limits import BudgetExceeded, Unsupported, spending
from sdekit.calculus.signs.forms import form_signs
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import POSITIVE, ZERO, never_negative
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.text.expression_text import grammar_text
from sdekit.declaration.tree.expression import Call, Expression
from sdekit.declaration.tree.operators import ONE, multiply, negate
from sdekit.declaration.tree.symbols import Parameter
from sdekit.designer.marginals import marginal_equations, wall_equations
from sdekit.designer.matching import System, matched
from sdekit.designer.raising import sum_of
from sdekit.designer.solving import SolvedCase
from sdekit.designer.unknowns import Unknown, integrated, jets_of, read_unknown, slopes_of
from sdekit.errors import UndecidedError, VerificationError
from sdekit.verifier.ladder import verify
from sdekit.verifier.verdict import Verdict, Verification

#: More coefficients than anybody reads.
MOST_UNKNOWNS = 40
#: Seconds for solving.
BUDGET = 10.0
#: Free coefficients whose signs are tried together.
_MOST_SIGNS = 2

#: Values, free coefficients, and the dynamics with the values.
Unverified = tuple[dict[str, Expression], list[Parameter], Dynamics]


@dataclass(frozen=True)
class Solution:
    """A family of designs.

    Attributes:
        values: Each solved unknown in terms of the free ones, the parameters and the sizes.
        free: Coefficients that may take any value that the conditions allow.
        conditions: What the free coefficients must fulfil for the verdict, such as "c > 0".
        dynamics: The declaration with the values put in.
        verification: The verdict about it.
    """

    values: Mapping[str, Expression]
    free: tuple[str, ...]
    conditions: tuple[str, ...]
    dynamics: Dynamics
    verification: Verification

    def to_dict(self) -> dict[str, object]:
        """The family as plain data; the dynamics as a model file."""
        return {
            "values": {name: grammar_text(value) for name, value in self.values.items()},
            "free": list(self.free),
            "conditions": list(self.conditions),
            "verdict": self.verification.verdict.value,
            "model": self.dynamics.to_toml(),
        }

    def __str__(self) -> str:
        lines = [f"{name} = {grammar_text(value)}" for name, value in self.values.items()]
        if self.free:
            lines.append(f"free: {', '.join(self.free)}")
        return "\n".join([*lines, *(f"where {condition}" for condition in self.conditions)])


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
    solutions = _all_verified(found, declared)
    if any(s.free and s.verification.verdict is Verdict.REFUTED for s in solutions):
        # What is refuted for free coefficients may hold where momenta turn round at walls.
        at_walls, _ = _attempt(dynamics, sought, nonzero, walls=True)
        good = [
            s for s in _all_verified(at_walls, declared) if s.verification.verdict is Verdict.PROVED
        ]
        kept = [s for s in solutions if s.verification.verdict is not Verdict.REFUTED]
        solutions = [*kept, *good] if good else solutions
    return tuple(solutions)


def _all_verified(
    found: Sequence[Unverified], declared: Mapping[str, frozenset[int]]
) -> list[Solution]:
    verified = (_verified(*solution, declared) for solution in found)
    return [s for s in verified if s is not None and not _is_excluded(s)]


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
        found.append((values, free, solved))
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


def _verified(
    values: dict[str, Expression],
    free: Sequence[Parameter],
    solved: Dynamics,
    declared: Mapping[str, frozenset[int]],
) -> Solution | None:
    """The family with the first signs of its free coefficients for which it is proved.

    None where a value has not the sign that is declared.
    """
    tried = [weight for weight in free if not weight.assumptions][:_MOST_SIGNS]
    choices = [(0,) * len(tried), *itertools.product((1, -1), repeat=len(tried))]
    solutions = []
    for signs in choices if tried else choices[:1]:
        images: dict[Expression, Expression] = {
            w: _signed(w, s) for w, s in zip(tried, signs, strict=True) if s
        }
        new = {name: substituted(value, images) for name, value in values.items()}
        # A negative coefficient is minus a positive one of another name.
        minus = [(w, images[w]) for w in tried if w in images]
        new |= {w.name: image for w, image in minus if not isinstance(image, Parameter)}
        names = [next(_parameters(images.get(weight, weight))).name for weight in free]
        conditions = [f"{next(_parameters(image)).name} > 0" for image in images.values()]
        signs_of = {name: entry_signs(new[name]) for name in declared if name in new}
        if any(not signs_of[name] & declared[name] for name in signs_of):
            continue
        conditions += [
            f"{grammar_text(new[name])} {'>=' if 0 in declared[name] else '>'} 0"
            for name in signs_of
            if not signs_of[name] <= declared[name]
        ]
        signed = with_values(solved, images)
        solution = Solution(new, tuple(names), tuple(conditions), signed, verify(signed))
        if solution.verification.verdict is Verdict.PROVED:
            return solution
        solutions.append(solution)
    return solutions[0] if solutions else None


def _signed(weight: Parameter, sign: int) -> Expression:
    positive = frozenset({"positive"})
    if sign > 0:
        return Parameter(weight.name, (), positive)
    return negate(Parameter(f"{weight.name}_minus", (), positive))


def _parameters(expression: Expression) -> Iterator[Parameter]:
    return (node for node in expression.walk() if isinstance(node, Parameter))


def _is_excluded(solution: Solution) -> bool:
    return not solution.free and solution.verification.verdict is Verdict.REFUTED


def with_values(dynamics: Dynamics, values: Mapping[Expression, Expression]) -> Dynamics:
    """The dynamics with expressions in the place of parameters and functions."""
    return dynamics.rewritten(lambda expression: substituted(expression, values))
