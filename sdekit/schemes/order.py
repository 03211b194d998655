r"""Weak order and invariant-measure order of a scheme, with what is proved and for which n.

With one step $P_h = \sum_k h^k A_k$ and the generator L of the dynamics,

* weak order r: $A_k = L^k / k!$ for k <= r;
* order r for the invariant measure: $A_k^\dagger 1 = 0$ for 1 <= k <= r, the adjoint being that of
  $L^2(e^{-H})$; then $\langle f \rangle_h = \langle f \rangle
  - h^r \langle \phi, A_{r+1}^\dagger 1 \rangle + \dots$ with $L \phi = f - \langle f \rangle$.

Everything is exact and holds for every smooth unknown function. The series are computed at one
size (n = 1 by default); lower bounds for all n come from the free algebra.

Not for numbers at a given potential (`sdekit.schemes.bias`).

Notation: v drift, D diffusion, H minus the log density, h step size, r order.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from sdekit.declare.dynamics import Dynamics
from sdekit.errors import SchemeError
from sdekit.schemes.density import large_friction_marginal, modified_density
from sdekit.schemes.flow import Inexact
from sdekit.schemes.free_algebra import universal_order
from sdekit.schemes.jets import Polynomial
from sdekit.schemes.notation import compact
from sdekit.schemes.operators import adjoint_of_one, flow_symbol, step_symbol, weighted
from sdekit.schemes.splitting import Splitting, splitting
from sdekit.schemes.stages import Step, small_sizes, step_of
from sdekit.schemes.word import EULER_MARUYAMA, RESERVED

#: Runge-Kutta sub-steps agree with the flow up to this power of h, so nothing beyond it is claimed.
HIGHEST_ORDER = 4


@dataclass(frozen=True)
class Claim:
    """One statement with the sizes it is proved for.

    Attributes:
        statement: What is proved.
        scope: For which sizes.
        method: How.
    """

    statement: str
    scope: str
    method: str

    def __str__(self) -> str:
        return f"{self.statement} [{self.scope}; {self.method}]"


@dataclass(frozen=True)
class Order:
    """What a scheme does to a dynamics, for generic unknown functions.

    Attributes:
        name: Name of the dynamics.
        word: The scheme.
        weak_order: Weak order; None if it could not be decided.
        invariant_order: Order for the invariant measure; None without a stationary exp(-H).
        is_exact: Whether the scheme is the exact flow, so that there is no order to state.
        leading_term: A_{r+1}^dagger 1 as a SymPy expression in the coordinates; None if unknown.
        modified_density: g with rho_h = rho (1 + h^r g + ...), up to a constant, where a polynomial
            g exists.
        large_friction_marginal: The h^r coefficient of the marginal of the positions in the limit
            of large friction, up to a constant, where it exists.
        claims: What is proved, and for which n.
        seconds: Time it took.
    """

    name: str | None
    word: str
    weak_order: int | None
    invariant_order: int | None
    is_exact: bool
    leading_term: sp.Expr | None
    modified_density: sp.Expr | None
    large_friction_marginal: sp.Expr | None
    claims: tuple[Claim, ...]
    seconds: float

    @property
    def leading_text(self) -> str | None:
        """The leading term in the notation U', U'', ... of formulas on paper."""
        return None if self.leading_term is None else compact(self.leading_term)

    def to_dict(self) -> dict[str, Any]:
        """The order as plain data."""
        density, marginal = self.modified_density, self.large_friction_marginal
        return {
            "format": 1,
            "name": self.name,
            "word": self.word,
            "weak_order": self.weak_order,
            "invariant_order": self.invariant_order,
            "exact": self.is_exact,
            "leading_term": self.leading_text,
            "modified_density": None if density is None else compact(density),
            "large_friction_marginal": None if marginal is None else compact(marginal),
            "proved": [
                {"statement": c.statement, "scope": c.scope, "method": c.method}
                for c in self.claims
            ],
            "seconds": round(self.seconds, 4),
        }

    def __str__(self) -> str:
        lines = [
            f"{self.name or 'the dynamics'} by {self.word}: weak order {_text(self.weak_order)}, "
            f"invariant-measure order {_text(self.invariant_order)}"
        ]
        if self.leading_text is not None and self.invariant_order is not None:
            lines.append(f"  A_{self.invariant_order + 1}^dagger 1 = {self.leading_text}")
        if self.modified_density is not None:
            lines.append(f"  modified density g = {compact(self.modified_density)} + const")
        if self.large_friction_marginal is not None:
            marginal = compact(self.large_friction_marginal)
            lines.append(f"  position marginal at large friction: {marginal} + const")
        return "\n".join([*lines, *(f"  {claim}" for claim in self.claims)])


def _text(order: int | None) -> str:
    return "not known" if order is None else str(order)


def order(dynamics: Dynamics, word: str | None = None, **sizes: int) -> Order:
    r"""Weak and invariant-measure order of a scheme, exactly and for every potential.

    Args:
        dynamics: Any declaration without explicit time.
        word: Letters of `sdekit.splitting(dynamics)`, "EM", "Algorithm1" or "Algorithm2"; the
            default word when left out.
        **sizes: Where to compute the series, such as n=2; 1 when left out.

    Returns:
        Orders, leading term and the claims with their scope.

    Raises:
        SchemeError: If the word does not fit the dynamics, or a coefficient is outside the class
            that order theory knows.

    Example:
        >>> import sdekit as sk
        >>> x, p = sk.scalar("x"), sk.scalar("p")
        >>> U = sk.potential("U", x)
        >>> d = sk.Dynamics(
        ...     {x: p, p: -sk.grad(U, x) - p}, {p: 1}, hamiltonian=U + p**2 / 2, target=U
        ... )
        >>> print(order(d, "OBABO").leading_text)
        -p**3*U'''/12 + p*U'*U''/4

    Source: Abdulle, Vilmart, Zygalakis (2014) for the invariant measure; Talay, Tubaro (1990)
        for the leading bias [both recalled].
    Checked by: tests/schemes/test_order.py, tests/schemes/test_order_catalog.py.
    """
    started = time.perf_counter()
    parts = splitting(dynamics)
    if parts.dynamics.depends_on_time:
        raise SchemeError(
            "order theory needs coefficients that do not depend on time",
            fix="add a variable s with ds = 1 dt and write s for the time",
        )
    scheme = parts.default_word if word is None else word
    at = small_sizes(parts.dynamics, sizes)
    if len(parts.parts) == 1 and parts.parts[0].exact and scheme not in RESERVED:
        parts.parse(scheme)
        return _exact_order(dynamics, scheme, time.perf_counter() - started)
    return _order_at(parts, scheme, at, started, sizes_given=bool(sizes))


def _exact_order(dynamics: Dynamics, word: str, seconds: float) -> Order:
    scope = "all n" if dynamics.dimensions else "components"
    claim = Claim("one step has the exact law of the dynamics", scope, "a single exact flow")
    return Order(dynamics.name, word, None, None, True, None, None, None, (claim,), seconds)


def _order_at(
    parts: Splitting, word: str, sizes: Mapping[str, int], started: float, *, sizes_given: bool
) -> Order:
    dynamics = parts.dynamics
    failure = place = ", ".join(f"{name} = {size}" for name, size in sizes.items()) or "components"
    # Most schemes are of order 1 or 2: the long series is only made for those that are not.
    for degree in (3, HIGHEST_ORDER):
        step = step_of(parts, word, sizes, degree)
        weak, weak_known = _agreement(step, _weak_defects(step, degree))
        invariant, invariant_known, leading = _invariant(step, degree)
        if max(weak, invariant or 0) < degree:
            break
    if invariant is not None and not sizes_given and not _is_stationary_at_two(parts):
        # Some wrong samplers pass at n = 1; they have no invariant-measure order to speak of.
        invariant, leading, failure = None, None, "n = 2"
    claims = list(_lower_bounds(parts, word, has_stationary_law=invariant is not None))
    claims += _sharp_claims(weak, weak_known, invariant, invariant_known, place, degree)
    if step.slopes is None:
        claims.append(Claim("no H is declared: nothing is said of a stationary law", place, "-"))
    elif invariant is None:
        claims.append(Claim("exp(-H) is not stationary", failure, "L^dagger 1 is not zero"))
    density = marginal = None
    if leading is not None and invariant is not None:
        density = modified_density(step, leading)
        marginal = large_friction_marginal(step, leading, invariant)
    write = step.ring.as_fraction
    return Order(
        dynamics.name,
        word,
        weak if weak_known else None,
        invariant if invariant_known else None,
        False,
        None if leading is None else write(leading),
        None if density is None else write(density),
        None if marginal is None else write(marginal),
        tuple(claims),
        time.perf_counter() - started,
    )


def _weak_defects(step: Step, degree: int) -> list[Polynomial]:
    """Symbols of A_k - L^k / k! for k = 1, ..., degree."""
    made = step_symbol(step.ring, step.stages, degree, step.dual)
    exact = flow_symbol(step.ring, step.whole, degree, step.dual)
    return [a - b for a, b in zip(made[1:], exact[1:], strict=True)]


def _agreement(step: Step, defects: list[Polynomial]) -> tuple[int, bool]:
    """How many leading defects vanish, and whether the first that does not was decided."""
    for k, defect in enumerate(defects):
        vanishes = step.ring.is_zero(defect)
        if not vanishes:
            return k, vanishes is False
    return len(defects), True


def _invariant(step: Step, degree: int) -> tuple[int | None, bool, Polynomial | None]:
    """The invariant-measure order (None if exp(-H) is not stationary) and its leading term."""
    if step.slopes is None:
        return None, True, None
    series = adjoint_of_one(step.ring, step.stages, degree, step.slopes)[1:]
    found, known = _agreement(step, series)
    if found == 0:
        return None, known, None
    return found, known, series[found] if found < len(series) else None


def _is_stationary_at_two(parts: Splitting) -> bool:
    """Whether L^dagger 1 vanishes with every open size 2."""
    sizes = {dim.name: 2 for dim in parts.dynamics.dimensions if dim.size is None}
    if not sizes:
        return True
    step = step_of(parts, EULER_MARUYAMA, sizes, 1)
    assert step.slopes is not None
    along = weighted(step.ring, step.slopes)
    return step.ring.is_zero(step.whole.apply_adjoint(step.ring.one, along)) is not False


def _lower_bounds(parts: Splitting, word: str, *, has_stationary_law: bool) -> Iterator[Claim]:
    """What holds for every n: the free algebra knows neither dimensions nor potentials."""
    scope = "all n" if parts.dynamics.dimensions else "components"
    bound, method = 1, "every stage is consistent"
    if word not in RESERVED:
        bound = universal_order(parts.parse(word), HIGHEST_ORDER)
        method = "the word agrees with the flow for any operators, in the free algebra"
        inexact = [part.flow.order for part in parts.parts if isinstance(part.flow, Inexact)]
        if inexact:
            bound = min(bound, *inexact)
            method += "; sub-integrators keep that order"
    yield Claim(f"weak order >= {bound}", scope, method)
    if has_stationary_law:
        reason = "follows from the weak order, given that exp(-H) is stationary for these n"
        yield Claim(f"invariant-measure order >= {bound}", scope, reason)


def _sharp_claims(
    weak: int,
    weak_known: bool,
    invariant: int | None,
    invariant_known: bool,
    place: str,
    degree: int,
) -> list[Claim]:
    claims = []
    for what, found, known, test in (
        ("weak order", weak, weak_known, "A_k = L^k / k!"),
        ("invariant-measure order", invariant, invariant_known, "A_k^dagger 1 = 0"),
    ):
        if found is None:
            continue
        relation = ">=" if found >= degree or not known else "="
        if known:
            until = f"k <= {found}" if relation == ">=" else f"k <= {found}, not for {found + 1}"
            claims.append(Claim(f"{what} {relation} {found}", place, f"{test} for {until}"))
        else:
            reason = f"{test} could not be decided for k = {found + 1}"
            claims.append(Claim(f"{what} >= {found}", place, reason))
    return claims
