r"""What the noise of a stochastic gradient adds to the leading bias of a scheme.

A gradient that is off by $\eta$, mean zero and variance $V(\theta)$, moves the state by
$h\,s\,E\,\eta$ where it acts over the share s of the step, E being how the force enters the drift.
To order h in the stationary law that adds

$$\tfrac12 \Big(\sum_j s_j^2\Big) \sum_{ik} (\partial_i - H_i)(\partial_k - H_k)(E_i E_k V)$$

to $A_2^\dagger 1$, the sum over the gradients that are drawn anew in one step: 1 for a word with
one force per step.

Not for large noise on quadratic targets, where closed forms stand
(`sdekit.schemes.bias.linear_step`, `sdekit.schemes.bias.mean_field`).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import sympy as sp

from sdekit.errors import SchemeError
from sdekit.schemes.bias.concrete import Particle
from sdekit.schemes.jet_ring.jets import Polynomial
from sdekit.schemes.jet_ring.sympy_stubs import Formula
from sdekit.schemes.order.one_step_series import weighted
from sdekit.schemes.order.ring_stages import Step
from sdekit.schemes.split.splitting import Splitting
from sdekit.schemes.split.unroll import fresh_gradients, unroll

_FORCE_ERROR = sp.Dummy("eta")


def gradient_shares(splitting: Splitting, scheme: str) -> tuple[Fraction, ...]:
    """For each gradient that is drawn anew in a step, how much of the step it acts.

    Neighbouring kicks that see the same positions share one draw, also across the end of a step.

    Example:
        >>> import sdekit.catalog as catalog
        >>> from sdekit.schemes.split.splitting import splitting
        >>> gradient_shares(splitting(catalog.get("langevin")), "BAOAB")
        (Fraction(1, 1),)
    """
    moves = unroll(splitting, scheme)
    kicks = [i for i, move in enumerate(moves) if move.calls]
    fresh = [i for i, is_fresh in enumerate(fresh_gradients(moves)) if is_fresh] or kicks[:1]
    shares = []
    for start in fresh:
        total, place = Fraction(0), start
        while True:
            if place in kicks:
                total += moves[place].share
            place = (place + 1) % len(moves)
            if place in fresh:
                break
        shares.append(total)
    return tuple(shares)


def force_entries(particle: Particle) -> tuple[Formula, ...]:
    """E: the derivative of the drift by an error of the force, one entry for each coordinate.

    Raises:
        SchemeError: If the potential is not left open in the declaration.
    """
    if particle.function is None:
        raise SchemeError(
            "gradient noise needs a potential that is left open in the declaration",
            expected="an unknown function U in the target",
        )
    function: Formula = particle.function
    if len(function.args) > 1:
        raise SchemeError(
            "gradient noise is known for targets of one coordinate",
            found=str(function),
            fix="see sdekit.schemes.bias.linear_step for quadratic targets",
        )
    tilted = function + _FORCE_ERROR * function.args[0]
    return tuple(
        sp.diff(rate.subs(function, tilted).doit(), _FORCE_ERROR)
        for rate in particle.components.drift
    )


def noise_term(
    step: Step, entries: Sequence[Formula], variance: Formula, shares: Sequence[Fraction]
) -> Polynomial:
    """What gradient noise adds to A_2^dagger 1, in the ring of the step.

    Args:
        step: The scheme; its ring must know the entries and the variance.
        entries: E.
        variance: V, in the coordinates.
        shares: The shares of the gradients drawn anew.
    """
    assert step.slopes is not None
    ring, along = step.ring, weighted(step.ring, step.slopes)
    total = ring.zero
    for i, left in enumerate(entries):
        for k, right in enumerate(entries):
            if left != 0 and right != 0:
                product = ring.convert(left) * ring.convert(right) * ring.convert(variance)
                total += along[i](along[k](product))
    return total * ring.number(sum((s * s for s in shares), Fraction(0)) / 2)
