r"""What a scheme does to a mean at a given potential: leading bias, closed forms, step size.

$$\langle f \rangle_h = \langle f \rangle + c\,h^r + \dots$$

with r the invariant-measure order for generic potentials (`sdekit.schemes.order.scheme_order`), c
by Galerkin (`sdekit.schemes.bias.galerkin`) and, where scheme and potential are linear, the exact
stationary covariance for every h (`sdekit.schemes.bias.harmonic`).

Not for thermostats under gradient noise (`sdekit.schemes.bias.mean_field`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from sdekit.declaration.model.dynamics import Dynamics
from sdekit.declaration.tree.names import by_name
from sdekit.errors import SchemeError
from sdekit.notebook import ShownInNotebooks
from sdekit.schemes.bias.concrete import Particle, Value, particle
from sdekit.schemes.bias.curvature import TAIL, step_limit
from sdekit.schemes.bias.galerkin import (
    Coefficient,
    leading_coefficient,
    require_few_coordinates,
    stationary_mean,
)
from sdekit.schemes.bias.harmonic import HarmonicLaw, harmonic_law
from sdekit.schemes.bias.noise_bias import (
    check_one_noise,
    check_own_noise,
    force_entries,
    gradient_shares,
    noise_term,
    sixth_moment_term,
)
from sdekit.schemes.noise_laws import NoiseLaw
from sdekit.schemes.order.one_step_series import adjoint_of_one
from sdekit.schemes.order.order_series import OneSize
from sdekit.schemes.order.ring_stages import small_sizes, step_of
from sdekit.schemes.order.scheme_order import Order, analysed, noise_law
from sdekit.schemes.split.splitting import splitting


@dataclass(frozen=True)
class Bias(ShownInNotebooks):
    """The bias of the mean of one observable under one scheme.

    Attributes:
        name: Name of the dynamics.
        word: The scheme.
        observable: The observable.
        weak_order: Weak order for generic potentials.
        invariant_order: Order for the invariant measure, for generic potentials.
        power: r, the power of the step size in the leading bias.
        coefficient: c.
        error_bound: Estimated error of c, from refinement.
        mean: The exact mean of the observable.
        stability_limit: Step size at which the scheme is unstable on a quadratic potential as
            stiff as this one is within 1 - 2e-5 of its probability; None if there is none or it is
            not known.
        harmonic: The stationary law for every step size, for quadratic potentials and linear
            schemes.
    """

    name: str | None
    word: str
    observable: str
    weak_order: int | None
    invariant_order: int | None
    power: int | None
    coefficient: float
    error_bound: float
    mean: float
    stability_limit: float | None
    harmonic: HarmonicLaw | None

    def predicted_mean(self, step_size: float) -> float:
        """The mean that a long run with this step size has, to leading order."""
        return self.mean + self.coefficient * step_size ** (self.power or 0)

    def recommended_step_size(self, tolerance: float) -> float:
        """The largest step size whose leading bias stays within the tolerance.

        Args:
            tolerance: Bias of the mean that is accepted, in units of the observable.

        Returns:
            At most half of the stability limit, where one is known: nearer to it the leading term
            says nothing. Infinite if nothing limits the step.

        Raises:
            SchemeError: If the tolerance is not positive.
        """
        if not tolerance > 0:
            raise SchemeError("the tolerated bias is not positive", found=tolerance)
        slope = abs(self.coefficient) + self.error_bound
        step = float("inf")
        if slope > 0 and self.power:
            step = (tolerance / slope) ** (1 / self.power)
        return step if self.stability_limit is None else min(step, self.stability_limit / 2)

    def to_dict(self) -> dict[str, Any]:
        """The bias as plain data."""
        leading = {
            "power": self.power,
            "coefficient": self.coefficient,
            "error_bound": self.error_bound,
        }
        return {
            "format": 1,
            "name": self.name,
            "word": self.word,
            "observable": self.observable,
            "weak_order": self.weak_order,
            "invariant_order": self.invariant_order,
            "mean": self.mean,
            "leading_bias": leading,
            "stability_limit": self.stability_limit,
            "harmonic": None if self.harmonic is None else self.harmonic.to_dict(),
        }

    def __str__(self) -> str:
        lines = [
            f"{self.name or 'the dynamics'} by {self.word}: <{self.observable}> = {self.mean:.8g} "
            f"{self.coefficient:+.6g} h^{self.power} (error of the coefficient "
            f"{self.error_bound:.1g}, by refinement)"
        ]
        if self.stability_limit is not None:
            lines.append(f"  {self._stability()}")
        if self.harmonic is not None:
            lines.append(str(self.harmonic))
        return "\n".join(lines)

    def _stability(self) -> str:
        """What is known: a limit of the scheme for quadratic potentials, else one of comparison."""
        if self.harmonic is not None:
            return f"unstable from h = {self.stability_limit:.4g}"
        return (
            f"as stiff as the potential is within {1 - 2 * TAIL:.3%} of its law, a quadratic one "
            f"would be unstable from h = {self.stability_limit:.3g}; of this one no limit is known"
        )


def bias(
    dynamics: Dynamics,
    scheme: str | None = None,
    *,
    potential: str | sp.Expr | None = None,
    parameters: Mapping[str, Value] | None = None,
    observable: str | sp.Expr | None = None,
    functions: Mapping[str, str | sp.Expr] | None = None,
    gradient_covariance: str | sp.Expr | float | None = None,
    sizes: Mapping[str, int] | None = None,
    noise: str = "normal",
) -> Bias:
    """Leading bias of the stationary mean of an observable.

    Args:
        dynamics: A declaration with a stationary exp(-H).
        scheme: A word over the letters of `sdekit.splitting(dynamics)`, or the name of a scheme
            such as "EM" or "Algorithm1"; the default word when left out.
        potential: The potential in the target's variables, as text, SymPy or sdekit expression,
            such as "dot(theta, theta)/2"; a sum of functions of one coordinate each.
        parameters: A number for each parameter.
        observable: In the variables, as text or expression, such as "theta_1*theta_2"; polynomials
            are best. The squared norm of the target variables when left out.
        functions: Formulas of other unknown functions by name, such as a kinetic energy K.
        gradient_covariance: Variance V(theta) of the noise of a stochastic gradient, drawn anew for
            each gradient; the leading bias is then of first order, whatever the word. One
            coordinate only. Declared gradient noise B is read by itself, as white noise N(0, 2 B t)
            of each stage that has the gradient; kicks that share a gradient share its noise in
            closed forms only.
        sizes: The size of each dimension by name, 1 when left out; four coordinates in all.
        noise: "normal", or "weak" for a run with that noise.

    Returns:
        Orders, leading coefficient with its error, and the closed form for quadratic potentials.

    Raises:
        SchemeError: If scheme, potential or parameters do not fit or contradict what is declared,
            a formula has jumps, kinks or poles, exp(-H) is not stationary, the coefficient does
            not converge, or the scheme does not keep its order with that noise.
        ModelFileError: If a text cannot be read as a formula.
        MissingDependencyError: Without scipy.

    Example:
        >>> import sdekit as sk
        >>> x = sk.scalar("x")
        >>> U = sk.potential("U", x)
        >>> d = sk.Dynamics({x: -sk.grad(U, x)}, {x: 1}, hamiltonian=U, target=U)
        >>> round(bias(d, "EM", potential="x**2/2", observable="x**2").coefficient, 9)
        0.5

    Source: Talay, Tubaro (1990) [recalled].
    Checked by: tests/schemes/bias/test_scheme_bias.py.
    """
    given = dict(by_name(parameters or {}))
    at = dict(sizes or {})
    check_one_noise(splitting(dynamics), gradient_covariance)
    target = particle(
        dynamics, potential, given, observable,
        functions=by_name(functions), gradient_covariance=gradient_covariance, sizes=at,
    )  # fmt: skip
    require_few_coordinates(target)
    found, series = analysed(dynamics, scheme, at)
    text = target.observable_text if observable is None else str(observable)
    if found.is_exact:
        return _without_bias(found, target, text)
    if found.invariant_order is None:
        raise SchemeError(
            "exp(-H) is not stationary for this dynamics, so a bias against it means nothing",
            found="; ".join(str(claim) for claim in found.claims[-1:]),
            fix="see sdekit.verifier, and effective_temperature for unmatched noise",
        )
    assert series is not None
    law = noise_law(noise, dynamics, found)
    power, value = _leading(dynamics, found, series, target, at, law)
    return Bias(
        dynamics.name,
        found.word,
        text,
        found.weak_order,
        found.invariant_order,
        power,
        value.value,
        value.error_bound,
        value.mean,
        step_limit(dynamics, found.word, target, given),
        _closed_form(dynamics, found.word, target),
    )


def _leading(
    dynamics: Dynamics,
    found: Order,
    series: OneSize,
    target: Particle,
    at: Mapping[str, int],
    law: NoiseLaw | None,
) -> tuple[int, Coefficient]:
    """The power of the leading bias and its coefficient."""
    assert found.invariant_order is not None
    variance = target.gradient_covariance
    power = found.invariant_order if variance is None else 1
    if law is not None and law.moments < 2 * power + 2:
        check_own_noise(splitting(dynamics))
        leading = adjoint_of_one(
            series.step.ring, series.step.stages, power + 1, series.step.slopes or ()
        )[power + 1]
        leading += sixth_moment_term(series.step, law)
        return power, leading_coefficient(series.step, target, leading)
    if variance is None and series.leading is not None:
        return found.invariant_order, leading_coefficient(series.step, target, series.leading)
    parts = splitting(dynamics)
    sizes = small_sizes(parts.dynamics, at)
    entries = () if variance is None else force_entries(target)
    more = () if variance is None else (*entries, variance)
    step = step_of(parts, found.word, sizes, power + 1, more)
    assert step.slopes is not None
    leading = adjoint_of_one(step.ring, step.stages, power + 1, step.slopes)[power + 1]
    if variance is not None:
        leading += noise_term(step, entries, variance, gradient_shares(parts, found.word))
    return power, leading_coefficient(step, target, leading)


def _without_bias(found: Order, target: Particle, text: str) -> Bias:
    mean = stationary_mean(target)
    return Bias(found.name, found.word, text, None, None, None, 0.0, 0.0, mean, None, None)


def _closed_form(dynamics: Dynamics, scheme: str, target: Particle) -> HarmonicLaw | None:
    """The exact law for every h, where the scheme is linear at this potential."""
    if len(target.components.target_coordinates) > 1 or _has_curved_force(target):
        return None
    try:
        return harmonic_law(
            dynamics, scheme, particle_of=target, gradient_covariance=target.gradient_covariance
        )
    except SchemeError:
        return None


def _has_curved_force(target: Particle) -> bool:
    """Whether the potential is a polynomial beyond quadratic, so that no scheme is linear."""
    if target.potential is None or target.function is None:
        return False
    (x,) = target.function.args
    polynomial = target.potential.as_poly(x)
    return polynomial is not None and polynomial.degree() > 2
