"""The table of elementary functions: canonical form, derivative, value as a ball.

Adding a function means adding one record. Not for rewriting rules themselves (`powers`, `angles`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from sdekit.calculus.contraction import heads
from sdekit.calculus.contraction.heads import Kernel
from sdekit.calculus.contraction.rules import angles, powers
from sdekit.calculus.contraction.rules import signed_factors as factors
from sdekit.calculus.contraction.rules.function_heads import opaque
from sdekit.calculus.contraction.splitting_terms import leading
from sdekit.calculus.contraction.tensor import Tensor, number, of_component, of_head, ones
from sdekit.calculus.limits import Unsupported

if TYPE_CHECKING:
    from flint import arb

_HALF = Fraction(1, 2)


def apply(name: str, argument: Tensor) -> Tensor:
    """An elementary function of a scalar, or of every entry of a tensor.

    Args:
        name: One of the names of `FORMS`.
        argument: A scalar or a tensor; the result has its shape.

    Raises:
        Unsupported: If the function is not among those of the calculus, or is nowhere defined.
    """
    form = FORMS.get(name)
    if form is None:
        raise Unsupported(f"the index calculus does not know the function {name}")
    return form(argument)


def _odd(name: str) -> Callable[[Tensor], Tensor]:
    def form(argument: Tensor) -> Tensor:
        if argument.is_empty:
            return argument
        if argument.terms[leading(argument)] < 0:
            return -opaque(name, -argument)
        return opaque(name, argument)

    return form


def _plain(name: str) -> Callable[[Tensor], Tensor]:
    return lambda argument: opaque(name, argument)


def _square_root(argument: Tensor) -> Tensor:
    return argument if argument.is_empty else powers.power(argument, number(_HALF))


#: Canonical form of each function that a model may name.
FORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "sqrt": _square_root,
    "exp": powers.exponential,
    "log": powers.logarithm,
    "sin": angles.sine,
    "cos": angles.cosine,
    "tan": angles.tangent,
    "sinh": angles.hyperbolic_sine,
    "cosh": angles.hyperbolic_cosine,
    "tanh": angles.hyperbolic_tangent,
    "asinh": _odd("asinh"),
    "atan": _odd("atan"),
    "abs": factors.absolute,
    "sign": factors.sign,
    "erf": _odd("erf"),
    "gamma": _plain("gamma"),
    "loggamma": _plain("loggamma"),
}


@dataclass(frozen=True)
class KernelRule:
    """What is known about a kernel.

    Attributes:
        slope: f' at the argument of the kernel, given its head as a tensor and that argument.
        ball: f at a ball, given the exponent of a root or power; raises ValueError off its domain.
        domain: Where f is defined and smooth, as the relation of the argument to 0; "" everywhere.
    """

    slope: Callable[[Tensor, Kernel], Tensor]
    ball: Callable[[arb, arb | None], arb]
    domain: str = ""


def _root_slope(head: Tensor, kernel: Kernel) -> Tensor:
    """d s^(1/q) = s^(1/q - 1) ds / q, of a scalar in powers of the root alone."""
    assert kernel.exponent is not None
    q = kernel.exponent.number
    assert q is not None
    if kernel.argument.shape:
        return (head * powers.reciprocal(kernel.argument)).scaled(1 / q)
    ((term, _),) = head.terms.items()
    return of_component(term.monomial[0][0], 1 - int(q)).scaled(1 / q)


def _power_slope(head: Tensor, kernel: Kernel) -> Tensor:
    assert kernel.exponent is not None
    return head * powers.reciprocal(kernel.argument) * kernel.exponent


def _gauss(argument: Tensor) -> Tensor:
    """Slope of erf: 2 exp(-x^2) / sqrt(pi)."""
    pi = of_head(heads.constant("pi"))
    scale = powers.power(pi, number(-_HALF)).scaled(2)
    return scale * powers.exponential(-(argument * argument))


def _one_plus_square(argument: Tensor) -> Tensor:
    return ones(argument.shape) + argument * argument


def _no_slope(head: Tensor, kernel: Kernel) -> Tensor:
    raise Unsupported(f"the derivative of {kernel.name} is not in the index calculus")


def _positive(value: arb) -> arb:
    if not value > 0:
        raise ValueError("not positive")
    return value


def _nonzero(value: arb) -> arb:
    if value.contains(0):
        raise ValueError("not away from zero")
    return value


def _root(value: arb, q: arb | None) -> arb:
    assert q is not None
    return _positive(value) ** (1 / q)


def _general_power(value: arb, exponent: arb | None) -> arb:
    assert exponent is not None
    return _positive(value) ** exponent


def _sign(value: arb) -> arb:
    return _nonzero(value) / abs(value)


#: Derivative and value of each kernel that can occur in a normal form.
RULES: dict[str, KernelRule] = {
    "reciprocal": KernelRule(lambda h, k: -(h * h), lambda x, _: 1 / _nonzero(x), "!= 0"),
    "root": KernelRule(_root_slope, _root, "> 0"),
    "power": KernelRule(_power_slope, _general_power, "> 0"),
    "exp": KernelRule(lambda h, k: h, lambda x, _: x.exp()),
    "log": KernelRule(
        lambda h, k: powers.reciprocal(k.argument), lambda x, _: _positive(x).log(), "> 0"
    ),
    "sin": KernelRule(lambda h, k: opaque("cos", k.argument), lambda x, _: x.sin()),
    "cos": KernelRule(lambda h, k: -opaque("sin", k.argument), lambda x, _: x.cos()),
    "sign": KernelRule(lambda h, k: h.scaled(0), lambda x, _: _sign(x), "!= 0"),
    "asinh": KernelRule(
        lambda h, k: powers.power(_one_plus_square(k.argument), number(-_HALF)),
        lambda x, _: x.asinh(),
    ),
    "atan": KernelRule(
        lambda h, k: powers.reciprocal(_one_plus_square(k.argument)), lambda x, _: x.atan()
    ),
    "erf": KernelRule(lambda h, k: _gauss(k.argument), lambda x, _: x.erf()),
    "gamma": KernelRule(
        lambda h, k: h * opaque("digamma", k.argument), lambda x, _: _positive(x).gamma(), "> 0"
    ),
    "loggamma": KernelRule(
        lambda h, k: opaque("digamma", k.argument), lambda x, _: _positive(x).lgamma(), "> 0"
    ),
    "digamma": KernelRule(_no_slope, lambda x, _: _positive(x).digamma(), "> 0"),
}
