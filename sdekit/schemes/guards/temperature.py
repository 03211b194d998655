r"""The temperature that a dynamics really has: the T for which exp(-H/T) is stationary.

Unmatched SGHMC, friction A and noise A + B: T = (A + B) / A. SGLD with a constant step h and
gradient noise of variance V: T = 1 + h V / 2. Exact, for every potential; None where no such T
exists, as for gradient noise that depends on the position.

Not for the bias of a discretization (`sdekit.schemes.bias.scheme_bias`).
"""

from __future__ import annotations

from functools import reduce

import sympy as sp

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.model.sympy_types import Expr
from sdekit.errors import SchemeError
from sdekit.schemes.jet_ring.jets import JetRing, Polynomial
from sdekit.schemes.order.one_step_series import Generator, weighted
from sdekit.schemes.order.ring_stages import small_sizes

_INVERSE = "inverse_temperature"


def effective_temperature(dynamics: Dynamics, **sizes: int) -> Expr | None:
    r"""The constant T with $L^\dagger 1 = 0$ in $L^2(e^{-H/T})$, or None if there is none.

    Args:
        dynamics: A declaration with H.
        **sizes: Where to compute; 2 for every open size when left out, since some wrong samplers
            pass at n = 1.

    Raises:
        SchemeError: If no H is declared.

    Example:
        >>> import sdekit.catalog as catalog
        >>> effective_temperature(catalog.get("sghmc-unmatched"))
        (A + B)/A

    Source: derived; the unmatched case is Chen, Fox, Guestrin (2014) [recalled].
    Checked by: tests/schemes/guards/test_temperature.py.
    """
    if dynamics.hamiltonian is None:
        raise SchemeError(
            "a temperature needs a declared H",
            fix="declare hamiltonian=H at temperature 1",
        )
    ito = dynamics.ito()
    at = {name: sizes.get(name, 2) for name in small_sizes(ito, {})}
    components = ito.at(**at)
    slopes = [sp.diff(components.hamiltonian, x) for x in components.coordinates]
    written = [*components.drift, *components.diffusion.values(), *slopes]
    ring = JetRing(components.coordinates, written, 3, (_INVERSE,))
    drift = {i: ring.convert(v) for i, v in enumerate(components.drift) if v != 0}
    noise = {key: ring.convert(entry) for key, entry in components.diffusion.items()}
    cold = ring.generator(_INVERSE)
    along = weighted(ring, [cold * ring.convert(slope) for slope in slopes])
    residual = Generator(ring, drift, noise).apply_adjoint(ring.one, along)
    return _temperature(ring, ring.numerator(residual))


def _temperature(ring: JetRing, residual: Polynomial) -> Expr | None:
    """The T at which all coefficients of the residual vanish together."""
    if residual == 0:
        # Every temperature is stationary, as without noise and friction: none is the one.
        return None
    place = ring.position(_INVERSE)
    constants = [
        i
        for i, key in enumerate(ring.keys)
        if isinstance(key, sp.Symbol) and key not in ring.coordinates
    ]
    coefficients = _coefficients(ring, residual, {*constants, place})
    common = reduce(lambda a, b: a.gcd(b), coefficients)
    for factor, _ in common.factor()[1]:
        powers = ring.by_power(factor, place)
        if max(powers) == 1 and 0 in powers:
            return sp.factor(-ring.to_sympy(powers[1]) / ring.to_sympy(powers[0]))
    return None


def _coefficients(ring: JetRing, polynomial: Polynomial, kept: set[int]) -> list[Polynomial]:
    """Coefficients of the monomials in all variables but the kept ones."""
    groups: dict[tuple[int, ...], dict[tuple[int, ...], object]] = {}
    for exponents, coefficient in polynomial.terms():
        outside = tuple(0 if i in kept else e for i, e in enumerate(exponents))
        inside = tuple(e if i in kept else 0 for i, e in enumerate(exponents))
        groups.setdefault(outside, {})[inside] = coefficient
    return [ring.from_terms(terms) for terms in groups.values()]
