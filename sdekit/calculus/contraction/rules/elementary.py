"""Elementary functions of tensors: canonical form, derivative, value as a ball.

The functions that satisfy relations have rules of their own here; all others are read from their
records (`sdekit.declaration.functions.records`), and adding one means adding one record there. Not
for the rewriting rules themselves (`powers`, `angles`).
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
from sdekit.declaration.functions.record import ELSEWHERE, INSIDE, NONZERO, POSITIVE
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.text.formulas import Algebra, evaluated

if TYPE_CHECKING:
    from flint import arb

_HALF = Fraction(1, 2)


def apply(name: str, argument: Tensor) -> Tensor:
    """An elementary function of a scalar, or of every entry of a tensor.

    Args:
        name: The name of a function record.
        argument: A scalar or a tensor; the result has its shape.

    Raises:
        Unsupported: If the function is not among those of the calculus, or is nowhere defined.
    """
    form = _FORMS.get(name)
    if form is not None:
        return form(argument)
    record = FUNCTIONS.get(name)
    if record is None:
        raise Unsupported(f"the index calculus does not know the function {name}")
    if record.smooth in (INSIDE, ELSEWHERE):
        # No condition on a sign of the argument would say where the result holds.
        raise Unsupported(f"the index calculus does not know where {name} is smooth")
    if record.definition:
        return of_formula(record.definition, argument)
    if record.parity == "odd":
        return _odd(name, argument)
    return opaque(name, argument)


def is_function(name: str) -> bool:
    """Whether a kernel of this name is an elementary function, to be applied by `apply`."""
    return name in FUNCTIONS


def _odd(name: str, argument: Tensor) -> Tensor:
    if argument.is_empty:
        return argument
    if argument.terms[leading(argument)] < 0:
        return -opaque(name, -argument)
    return opaque(name, argument)


def _square_root(argument: Tensor) -> Tensor:
    return argument if argument.is_empty else powers.power(argument, number(_HALF))


#: Canonical form of the functions that relations are known of.
_FORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "sqrt": _square_root,
    "exp": powers.exponential,
    "log": powers.logarithm,
    "sin": angles.sine,
    "cos": angles.cosine,
    "tan": angles.tangent,
    "sinh": angles.hyperbolic_sine,
    "cosh": angles.hyperbolic_cosine,
    "tanh": angles.hyperbolic_tangent,
    "abs": factors.absolute,
    "sign": factors.sign,
}


def of_formula(text: str, argument: Tensor) -> Tensor:
    """A formula of a function record, at every entry of a tensor.

    Example:
        >>> of_formula("1 - u**2", number(3))
        -8
    """
    return evaluated(text, argument, _ALGEBRA)


def _constant(name: str) -> Tensor:
    return powers.exponential(number(1)) if name == "E" else of_head(heads.constant(name))


def _sum(left: Tensor, right: Tensor) -> Tensor:
    """A number stands beside every entry."""
    if left.shape and not right.shape:
        right = right * ones(left.shape)
    elif right.shape and not left.shape:
        left = left * ones(right.shape)
    return left + right


_ALGEBRA = Algebra(
    number=number,
    constant=_constant,
    power=lambda base, exponent: powers.power(base, number(exponent)),
    function=lambda name, argument: apply(name, argument),
    add=_sum,
    divide=lambda top, bottom: top * powers.reciprocal(bottom),
)


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


#: Derivative and value of the kernels that normal forms are built on.
_RULES: dict[str, KernelRule] = {
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
}


def rule_of(name: str) -> KernelRule:
    """What is known about the kernel of this name."""
    rule = _RULES.get(name)
    return _rule_of_record(name) if rule is None else rule


def _rule_of_record(name: str) -> KernelRule:
    record = FUNCTIONS[name]

    def slope(head: Tensor, kernel: Kernel) -> Tensor:
        del head
        if not record.slope:
            raise Unsupported(f"the derivative of {name} is not in the index calculus")
        return of_formula(record.slope, kernel.argument)

    def ball(value: arb, exponent: arb | None) -> arb:
        del exponent
        inside = _INSIDE.get(record.smooth, lambda x: x)(value)
        return getattr(inside, record.ball)()

    return KernelRule(slope, ball, record.smooth if record.smooth in _INSIDE else "")


#: Balls on which a function with such a domain is smooth.
_INSIDE = {POSITIVE: _positive, NONZERO: _nonzero}
