r"""What the noise of a stochastic gradient adds to the leading bias of a scheme.

A gradient that is off by $\eta$, mean zero and variance $V(\theta)$, moves the state by
$h\,s\,E\,\eta$ where it acts over the share s of the step, E being how the force enters the drift.
To order h in the stationary law that adds

$$\tfrac12 \Big(\sum_j s_j^2\Big) \sum_{ik} (\partial_i - H_i)(\partial_k - H_k)(E_i E_k V)$$

to $A_2^\dagger 1$, the sum over the gradients that are drawn anew in one step: 1 for a word with
one force per step.

Gradient noise is given in one of two ways: as V, or as the declared B of a dynamics. Over a step

$$B = \tfrac h2 \Big(\sum_j s_j^2\Big) E\,V E^T,$$

which is h V / 2 for one force per step; this module is where the two are turned into each other.

Not for large noise on quadratic targets, where closed forms stand
(`sdekit.schemes.bias.linear_step`, `sdekit.schemes.bias.mean_field`).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from sdekit.declaration.model.sympy_types import Expr
from sdekit.errors import SchemeError
from sdekit.schemes.bias.concrete import Particle
from sdekit.schemes.jet_ring.jets import Polynomial
from sdekit.schemes.noise_laws import NoiseLaw
from sdekit.schemes.order.one_step_series import weighted
from sdekit.schemes.order.ring_stages import Step, part_components, small_sizes
from sdekit.schemes.split.factors import Factor
from sdekit.schemes.split.flow_records import Inexact
from sdekit.schemes.split.splitting import Splitting
from sdekit.schemes.split.unroll import fresh_gradients, unroll

_FORCE_ERROR = sp.Dummy("eta")


def check_own_noise(splitting: Splitting) -> None:
    """Refuse noise whose normals are not one for each coordinate and stage.

    Raises:
        SchemeError: If noise is declared by a factor or as gradient noise, or drawn in sub-steps.
    """
    inexact = [part.flow for part in splitting.parts if isinstance(part.flow, Inexact)]
    if splitting.dynamics.noise:
        why = "noise= with a factor, whose columns have normals of their own"
    elif splitting.gradient_noise:
        why = "gradient noise, whose law is not known"
    elif any(flow.diffusion for flow in inexact):
        why = "a letter that draws its noise in sub-steps"
    else:
        return
    raise SchemeError(
        "the leading bias with weak noise is not known",
        expected="one normal for each coordinate and stage",
        found=why,
        fix='ask with noise="normal"; the order is the same',
    )


def sixth_moment_term(step: Step, law: NoiseLaw) -> Polynomial:
    r"""What a sixth moment other than 15 adds to $A_3^\dagger 1$ (`sdekit.schemes.noise_laws`).

    $$\frac{E x^6 - 15}{90} \sum_s c_s^3 \sum_i (\partial_i - H_i)^6 D_{ii}^3$$

    Raises:
        SchemeError: If D has entries off its diagonal, which leave open how normals are shared.

    Checked by: tests/schemes/test_noise_laws.py.
    """
    assert step.slopes is not None
    along = weighted(step.ring, step.slopes)
    excess = Fraction(law.moment(6) - 15) / 90
    total = step.ring.zero
    for stage in step.stages:
        for (i, j), entry in stage.generator.diffusion.items():
            if i != j and not step.ring.is_zero(entry):
                raise SchemeError(
                    "the leading bias with these variables is not known",
                    expected=f"a diagonal D, where moments from {law.moments + 1} on differ",
                    found=f"an entry of D between coordinates {i} and {j}",
                )
            term = entry**3
            for _ in range(6 if i == j else 0):
                term = along[i](term)
            total += term * step.ring.number(excess * stage.share**3) if i == j else 0
    return step.ring.normal(total)


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
    kicks = [i for i, move in enumerate(moves) if move.forces]
    news = fresh_gradients(moves, forces_only=True)
    fresh = [i for i, is_fresh in enumerate(news) if is_fresh] or kicks[:1]
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


def diffusion_of_gradient(covariance: Any, step_size: Any, shares: Sequence[Any] = (1,)) -> Any:
    r"""$B = \tfrac h2 (\sum_j s_j^2)\,V$: what gradients off by N(0, V) add to the diffusion.

    Args:
        covariance: V, of the drift that the gradient drives: a number, array or formula.
        step_size: h.
        shares: For each gradient drawn in a step, how much of the step it acts.

    Example:
        >>> diffusion_of_gradient(1000.0, 0.001)
        0.5

    Source: Chen, Fox, Guestrin (2014), section 3.1; Ding et al. (2014), section 2.
    Checked by: tests/schemes/bias/test_noise_bias.py.
    """
    return covariance * (step_size * sum(s * s for s in shares) / 2)


def covariance_of_gradient(diffusion: Any, step_size: Any, shares: Sequence[Any] = (1,)) -> Any:
    """V of the drift from B, the inverse of `diffusion_of_gradient`.

    Checked by: tests/schemes/bias/test_noise_bias.py.
    """
    return diffusion / diffusion_of_gradient(1, step_size, shares)


def check_one_noise(splitting: Splitting, covariance: Any) -> bool:
    """Whether gradient noise is declared; V and a declared B exclude each other.

    Raises:
        SchemeError: If both are given.
    """
    is_declared = bool(splitting.gradient_noise)
    if is_declared and covariance is not None:
        raise SchemeError(
            "gradient noise is declared, and a covariance of the gradient is given",
            expected="one of them: B = h V / 2",
            fix="leave gradient_covariance out, or ask about dynamics.injected()",
        )
    return is_declared


def declared_covariance(splitting: Splitting, scheme: str, step_size: Expr) -> Expr:
    """V of the force at n = 1 whose noise is the declared B, in the symbols of the declaration.

    Raises:
        SchemeError: If there is no such V, as for noise on a variable that no force moves, or
            there are several coordinates.
    """
    sizes = small_sizes(splitting.dynamics, {})
    carried = splitting.gradient_noise
    whole = splitting.dynamics.at(**sizes)
    B = part_components(splitting.dynamics, Factor((), carried, Fraction(1)), sizes)
    energy = whole.target if whole.target is not None else whole.hamiltonian
    found = [] if energy is None else [f for f in energy.atoms(AppliedUndef) if len(f.args) == 1]
    entries = _force_entries(found[0], whole.drift) if len(found) == 1 else ()
    places = {i for pair in B.diffusion for i in pair}
    if len(places) != 1 or not entries or entries[(place := places.pop())] == 0:
        raise SchemeError(
            "the declared gradient noise is not that of one force",
            expected="one coordinate whose drift has the gradient of the target",
            found=", ".join(f"{x.name}, {y.name}" for (x, y), _ in carried),
        )
    noise = B.diffusion[place, place] / entries[place] ** 2
    return covariance_of_gradient(noise, step_size, gradient_shares(splitting, scheme))


def force_entries(particle: Particle) -> tuple[Expr, ...]:
    """E: the derivative of the drift by an error of the force, one entry for each coordinate.

    Raises:
        SchemeError: If the potential is not left open in the declaration.
    """
    if particle.function is None:
        raise SchemeError(
            "gradient noise needs a potential that is left open in the declaration",
            expected="an unknown function U in the target",
        )
    if len(particle.function.args) > 1:
        raise SchemeError(
            "gradient noise is known for targets of one coordinate",
            found=str(particle.function),
            fix="see sdekit.schemes.bias.linear_step for quadratic targets",
        )
    return _force_entries(particle.function, particle.components.drift)


def _force_entries(function: Expr, drift: Sequence[Expr]) -> tuple[Expr, ...]:
    tilted = function + _FORCE_ERROR * function.args[0]
    return tuple(sp.diff(rate.subs(function, tilted).doit(), _FORCE_ERROR) for rate in drift)


def noise_term(
    step: Step, entries: Sequence[Expr], variance: Expr, shares: Sequence[Fraction]
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
