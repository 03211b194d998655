r"""Weak order and invariant-measure order of a scheme, with what is proved and for which n.

With one step $P_h = \sum_k h^k A_k$ and the generator L of the dynamics,

* weak order r: $A_k = L^k / k!$ for k <= r;
* order r for the invariant measure: $A_k^\dagger 1 = 0$ for 1 <= k <= r, the adjoint being that of
  $L^2(e^{-H})$; then $\langle f \rangle_h = \langle f \rangle
  - h^r \langle \phi, A_{r+1}^\dagger 1 \rangle + \dots$ with $L \phi = f - \langle f \rangle$.

Everything is exact and holds for every smooth unknown function. The series are computed at one
size (n = 1 by default), the second one for all n as well; lower bounds of the weak order for all n
come from the free algebra.

Not for numbers at a given potential (`sdekit.schemes.bias.scheme_bias`).

Notation: v drift, D diffusion, H minus the log density, h step size, r order.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.dynamics_checks import require_free_entries
from sdekit.errors import SchemeError, check_word
from sdekit.notebook import ShownInNotebooks
from sdekit.schemes.jet_ring.notation import compact
from sdekit.schemes.noise_laws import NoiseLaw, weak_law
from sdekit.schemes.order.density import large_friction_marginal, modified_density
from sdekit.schemes.order.order_claims import Claim, claims_of
from sdekit.schemes.order.order_series import AllSizes, OneSize, for_all_sizes, series_at
from sdekit.schemes.order.ring_stages import small_sizes
from sdekit.schemes.split.flow_records import IntervalNoise, PowerNoise
from sdekit.schemes.split.scheme_names import canonical
from sdekit.schemes.split.splitting import splitting
from sdekit.schemes.split.unroll import unroll


@dataclass(frozen=True)
class Order(ShownInNotebooks):
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
        leading_for_all_n: A_{r+1}^dagger 1 in vector notation, for every n; None where the index
            calculus does not reach or the series were asked for at one size.
        claims: What is proved, and for which n.
        assumptions: What the claims take for granted.
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
    leading_for_all_n: str | None
    claims: tuple[Claim, ...]
    assumptions: tuple[str, ...]
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
            "leading_term_for_all_n": self.leading_for_all_n,
            "modified_density": None if density is None else compact(density),
            "large_friction_marginal": None if marginal is None else compact(marginal),
            "proved": [
                {"statement": c.statement, "scope": c.scope, "method": c.method}
                for c in self.claims
            ],
            "assumptions": list(self.assumptions),
            "seconds": round(self.seconds, 4),
        }

    def __str__(self) -> str:
        lines = [
            f"{self.name or 'the dynamics'} by {self.word}: weak order {_text(self.weak_order)}, "
            f"invariant-measure order {_text(self.invariant_order)}"
        ]
        if self.leading_text is not None and self.invariant_order is not None:
            lines.append(f"  A_{self.invariant_order + 1}^dagger 1 = {self.leading_text}")
        if self.leading_for_all_n is not None:
            lines.append(f"  for every n: {self.leading_for_all_n}")
        if self.modified_density is not None:
            lines.append(f"  modified density g = {compact(self.modified_density)} + const")
        if self.large_friction_marginal is not None:
            marginal = compact(self.large_friction_marginal)
            lines.append(f"  position marginal at large friction: {marginal} + const")
        lines += [f"  {claim}" for claim in self.claims]
        return "\n".join([*lines, *(f"  if {assumption}" for assumption in self.assumptions)])


def _text(order: int | None) -> str:
    return "not known" if order is None else str(order)


def order(
    dynamics: Dynamics, scheme: str | None = None, *, noise: str = "normal", **sizes: int
) -> Order:
    r"""Weak and invariant-measure order of a scheme, exactly and for every potential.

    Args:
        dynamics: Any declaration without explicit time. Declared gradient noise counts: as white
            noise N(0, 2 B t) of each stage that has the gradient, beside what the letters inject.
        scheme: A word over the letters of `sdekit.splitting(dynamics)`, or the name of a scheme
            such as "EM" or "Algorithm1"; the default word when left out.
        noise: "normal", or "weak" for variables with a few moments of a normal, with which both
            orders are kept; the leading term is left out where theirs is another one.
        **sizes: Where to compute the series, such as n=2; 1 when left out.

    Returns:
        Orders, leading term and the claims with their scope.

    Raises:
        SchemeError: If the scheme does not fit the dynamics, it is one that has no order theory
            (the reason is named), a coefficient is outside the class that order theory knows, or
            weak noise would change the order.

    Example:
        >>> import sdekit as sk
        >>> x, p = sk.scalar("x"), sk.scalar("p")
        >>> U = sk.potential("U", x)
        >>> d = sk.Dynamics(
        ...     {x: p, p: -sk.grad(U, x) - p}, {p: 1}, hamiltonian=U + p**2 / 2, target=U
        ... )
        >>> print(order(d, "OBABO").leading_text)
        -U'''*p**3/12 + U'*U''*p/4

    Source: Abdulle, Vilmart, Zygalakis (2014) for the invariant measure; Talay, Tubaro (1990)
        for the leading bias [both recalled].
    Checked by: tests/schemes/order/test_scheme_order.py, tests/schemes/order/test_order_catalog.py.
    """
    require_free_entries(dynamics.variables, "no scheme here keeps")
    found = analysed(dynamics, scheme, sizes)[0]
    law = noise_law(noise, dynamics, found)
    return found if law is None else _with_noise(found, law)


def noise_law(noise: str, dynamics: Dynamics, found: Order) -> NoiseLaw | None:
    """The law of a noise by its name, the one with the fewest bits; None for normals.

    Args:
        noise: "normal" or "weak".
        dynamics: The declaration.
        found: What is known of the scheme with normals.

    Raises:
        SchemeError: If the name is unknown, no order is proved for the scheme, it needs more
            moments, or the law of single increments matters (exact laws, ends of domains).
    """
    check_word("noise", noise, ("normal", "weak"), SchemeError)
    if noise == "normal":
        return None
    known = max(found.weak_order or 0, found.invariant_order or 0)
    law = weak_law(known)
    ends = [x.name for x in dynamics.variables if x.domain.kind not in ("real", "circle")]
    if ends:
        why = f"{', '.join(ends)} can meet an end, where the law of one increment counts"
    elif found.is_exact:
        why = f"{found.word} draws from the exact law, which its variables must have"
    elif not known:
        why = f"no order of {found.word} is proved"
    elif law is None:
        why = f"{found.word} has order {known}, which needs {2 * known + 1} moments"
    else:
        return law
    raise SchemeError(
        "weak noise would change what this scheme promises",
        expected="a scheme whose weak or invariant-measure order is proved, judged by that alone",
        found=why,
        fix="leave noise= out",
    )


def weak_noise(dynamics: Dynamics, scheme: str) -> NoiseLaw | None:
    """The law that a run of a scheme with weak noise draws from.

    Raises:
        SchemeError: If the scheme does not keep its order with any.
    """
    try:
        found = order(dynamics, scheme)
    except SchemeError as error:
        raise SchemeError(
            "weak noise needs a scheme whose order is proved",
            found=str(error),
            fix="leave noise= out",
        ) from error
    moves = unroll(splitting(dynamics), scheme)
    own = [move.name for move in moves if isinstance(move.flow, PowerNoise | IntervalNoise)]
    if own:
        raise SchemeError(
            f"weak noise has too few bits for the law of the letter {own[0]}",
            expected="letters whose noise is normal",
            fix="leave noise= out",
        )
    return noise_law("weak", dynamics, found)


def _with_noise(found: Order, law: NoiseLaw) -> Order:
    """The same orders, kept with variables whose moments suffice."""
    scope = found.claims[0].scope
    claim = Claim("both orders are kept", scope, str(law))
    kept = replace(found, claims=(*found.claims, claim))
    if law.moments >= 2 * (found.invariant_order or 0) + 2:
        return kept
    return replace(
        kept,
        leading_term=None,
        modified_density=None,
        large_friction_marginal=None,
        leading_for_all_n=None,
    )


def analysed(
    dynamics: Dynamics, scheme: str | None, sizes: Mapping[str, int]
) -> tuple[Order, OneSize | None]:
    """The order of a scheme, and the series at one size behind it; None for an exact flow."""
    started = time.perf_counter()
    parts = splitting(dynamics)
    if parts.dynamics.depends_on_time:
        raise SchemeError(
            "order theory needs coefficients that do not depend on time",
            fix="add a variable s with ds = 1 dt and write s for the time",
        )
    scheme = parts.default_word if scheme is None else scheme
    at = small_sizes(parts.dynamics, sizes)
    moves = unroll(parts, scheme)
    scheme = canonical(scheme)
    is_flow = all(m.letter and m.method == "exact" and not m.gradient_noise for m in moves)
    if len(parts.parts) == 1 and is_flow:
        return _exact_order(dynamics, scheme, time.perf_counter() - started), None
    one = series_at(parts, scheme, at)
    every = None if sizes else for_all_sizes(parts, scheme, one)
    claims = claims_of(parts, scheme, one, every)
    return _assembled(dynamics, scheme, one, every, claims, started), one


def _exact_order(dynamics: Dynamics, word: str, seconds: float) -> Order:
    scope = "all n" if dynamics.dimensions else "components"
    claim = Claim("one step has the exact law of the dynamics", scope, "a single exact flow")
    return Order(
        dynamics.name, word, None, None, True, None, None, None, None, (claim,), (), seconds
    )


def _assembled(
    dynamics: Dynamics,
    word: str,
    one: OneSize,
    every: AllSizes | None,
    claims: tuple[Claim, ...],
    started: float,
) -> Order:
    # Some wrong samplers pass at n = 1; they have no invariant-measure order to speak of.
    is_refuted = every is not None and every.is_stationary is False
    leading = None if is_refuted else one.leading
    density = marginal = None
    if leading is not None and one.invariant is not None:
        density = modified_density(one.step, leading)
        marginal = large_friction_marginal(one.step, leading, one.invariant)
    write = one.step.ring.as_fraction
    return Order(
        dynamics.name,
        word,
        one.weak if one.weak_known else None,
        one.invariant if one.invariant_known and not is_refuted else None,
        False,
        None if leading is None else write(leading),
        None if density is None else write(density),
        None if marginal is None else write(marginal),
        None if every is None else every.leading_text,
        claims,
        _assumptions(dynamics),
        time.perf_counter() - started,
    )


def _assumptions(dynamics: Dynamics) -> tuple[str, ...]:
    """What order theory takes for granted and nobody can read off the coefficients."""
    found = [
        "unknown functions are smooth, and they and the observables grow at most polynomially",
        "the series in h are asymptotic: moments of the scheme stay bounded for small h",
    ]
    bounded = [x.name for x in dynamics.variables if x.domain.is_bounded]
    if bounded:
        found.append(f"the boundary of {', '.join(bounded)} is not reached")
    return tuple(found)
