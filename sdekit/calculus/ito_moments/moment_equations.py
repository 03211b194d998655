r"""Exact equations for the moments of a dynamics, where they close: `sk.moments`.

$$\frac{d}{dt}\,E f = E\,Lf,\qquad
  Lf = \sum_i v_i\,\partial_i f + \sum_{ij} D_{ij}\,\partial_i\partial_j f$$

with Ito convention, $dz = v\,dt + N(0, 2D\,dt)$. On a circle moments are those of the cosine and
sine of the angle. Not for laws (`calculus.linear`) nor for closures by approximation.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import sympy as sp

from sdekit.calculus.ito_moments.moment_bounds import conditions
from sdekit.calculus.ito_moments.moment_closure import MOST_MONOMIALS, Generator, closed
from sdekit.calculus.ito_moments.moment_limits import MomentLimits, limit
from sdekit.calculus.ito_moments.moment_ring import (
    MomentRing,
    Monomial,
    NotPolynomialError,
    Terms,
)
from sdekit.calculus.ito_moments.moment_system import MomentSystem, entries_of
from sdekit.calculus.ito_moments.moment_values import MomentValues, solved
from sdekit.declaration.model.component_reader import ComponentReader
from sdekit.declaration.model.components import Components
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.dynamics_checks import require_free_entries
from sdekit.declaration.model.sympy_types import Expr
from sdekit.errors import MomentError


class MomentEquations(MomentSystem):
    r"""The linear system $dm/dt = A(t)\,m + b(t)$ of moments m, and its solutions."""

    def solve(
        self,
        t: Any,
        start: Any,
        parameters: Mapping[str, Any] | None = None,
        *,
        t0: float = 0.0,
    ) -> MomentValues:
        """The moments at one or several times, in double precision, from a fixed start.

        Args:
            t: A time, or ascending times, none before t0.
            start: The state at t0: a value for each variable, by variable or name; a bare value
                where there is only one.
            parameters: Values of the parameters, by name.
            t0: The time of the start, which matters where coefficients depend on it.

        Raises:
            SimulationError: If a value is missing, unknown, of the wrong shape or not finite, the
                start lies outside the domain, or moments grow beyond the numbers.

        Checked by: tests/calculus/ito_moments/test_moment_equations.py.
        """
        return solved(self, t, start, parameters or {}, t0=t0)

    def stationary(self, parameters: Mapping[str, Any] | None = None) -> MomentLimits:
        """The moments that are approached from every start, as exact expressions.

        Args:
            parameters: Exact or other numbers for some of the scalar parameters, by name.

        Raises:
            MomentError: If coefficients depend on the time, or a moment grows or remembers its
                start, so that there is no such limit.

        Checked by: tests/calculus/ito_moments/test_moment_limits.py.
        """
        return limit(self, parameters or {})


def moments(
    dynamics: Dynamics,
    order: int,
    *,
    of: Sequence[Any] | None = None,
    sizes: Mapping[str, int] | None = None,
) -> MomentEquations:
    r"""The equations of all moments up to an order, and of those that they need.

    Args:
        dynamics: Any declaration, Ito or Stratonovich, also with time-dependent coefficients, whose
            drift and diffusion are polynomials in the variables and in cosines and sines of them,
            as far as the moments need them. Coefficients may be parameters.
        order: Largest total degree, at least 1.
        of: Variables, or polynomials of them, whose products up to that degree are asked for; all
            variables when left out.
        sizes: Sizes of the dimensions.

    Returns:
        The linear system; `.solve(t, start, parameters)`, `.stationary()`, and in `.conditions`
        what its truth depends on beyond Ito's formula.

    Raises:
        MomentError: If the moments do not close (the first one that needs a further one is named),
            a coefficient is no polynomial, or reflection at a boundary adds to a mean.
        DeclarationError: If a size is missing, or a block is on the simplex, in order or definite.

    Example:
        >>> import sdekit as sk
        >>> x, k = sk.scalar("x"), sk.parameter("k", positive=True)
        >>> print(moments(sk.Dynamics(drift={x: -k * x}, diffusion={x: 1}), 2))
        dE[x]/dt = -E[x]*k
        dE[x**2]/dt = -2*E[x**2]*k + 2

    Source: Ito's formula; Socha 2008, ch. 4, for the closure of moment equations.
    Checked by: tests/calculus/ito_moments/test_moment_equations.py.
    """
    if isinstance(order, bool) or not isinstance(order, int) or order < 1:
        raise MomentError(
            "the order is no positive integer", expected="an integer >= 1", found=repr(order),
            fix="write sk.moments(dynamics, 2)",
        )  # fmt: skip
    require_free_entries(dynamics.variables, "no moment equation knows the boundary of")
    components = dynamics.at(**(sizes or {}))
    chosen = None if of is None else [e for x in of for e in entries_of(dynamics, components, x)]
    ring = _ring(dynamics, components, chosen or [])
    asked = _asked(ring, components, chosen, order)
    applied = closed(Generator(components, ring), asked)
    support = set().union(*(ring.support(f) for f in applied))
    return MomentEquations(
        dynamics,
        tuple(ring.expression(f) for f in applied),
        tuple(conditions(components, support)),
        components,
        ring,
        applied,
    )


def _ring(dynamics: Dynamics, components: Components, chosen: Sequence[Expr]) -> MomentRing:
    reader = ComponentReader(components.sizes, dynamics.names)
    circles = {
        i: 2 * sp.pi / reader.scalar(domain.circumference)
        for i, domain in enumerate(components.domains)
        if domain.kind == "circle"
    }
    written = (*components.drift, *components.diffusion.values(), *chosen)
    return MomentRing(components.coordinates, written, circles)


def _asked(
    ring: MomentRing, components: Components, chosen: Sequence[Expr] | None, order: int
) -> list[Monomial]:
    """The monomials of all products of what is asked for, by degree."""
    if chosen is None:
        circles = {x for x, d in zip(components.coordinates, components.domains, strict=True)
                   if d.kind == "circle"}  # fmt: skip
        waves = ring.generators[len(components.coordinates) :]
        chosen = [x for x in components.coordinates if x not in circles]
        chosen += [wave for wave in waves if wave.free_symbols & circles]
    count = sp.binomial(len(chosen) + order, order) - 1
    if count > MOST_MONOMIALS:
        raise MomentError(
            "there are too many moments", expected=f"at most {MOST_MONOMIALS}", found=count,
            fix="lower the order or the sizes, or name by of= the variables that are asked for",
        )  # fmt: skip
    try:
        factors = [ring.read(expression) for expression in chosen]
    except NotPolynomialError as error:
        raise MomentError(
            "what is asked for is no polynomial of the variables", found=str(error.args[0])
        ) from None
    found: dict[Monomial, None] = {}
    for degree in range(1, order + 1):
        for picked in itertools.combinations_with_replacement(factors, degree):
            product: Terms = {ring.one: sp.Integer(1)}
            for factor in picked:
                product = ring.times(product, factor)
            found.update(dict.fromkeys(product))
    found.pop(ring.one, None)
    if not found:
        raise MomentError("no moment is asked for", fix="name a variable by of=")
    return list(found)


__all__ = ["MomentEquations", "moments"]
