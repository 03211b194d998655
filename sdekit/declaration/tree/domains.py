"""Where variables live: lines, half-lines, intervals, circles of any period, blocks as a whole.

Not for what a simulation does at a boundary, nor for the variables themselves (`symbols`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import total_ordering
from math import ceil, floor
from typing import Any

from sdekit.declaration.tree import expression as ex
from sdekit.errors import DeclarationError

#: Domains of a whole block: entries > 0 that sum to 1; x_1 < ... < x_k; symmetric and definite.
JOINT_KINDS = ("simplex", "ordered", "positive_definite")
DOMAIN_KINDS = ("real", "positive", "circle", *JOINT_KINDS, "interval")
#: Binary digits to which the value of an irrational end is enclosed.
_DIGITS = 192
#: Denominator of the simple numbers that stand for an irrational end.
_SIMPLE = 1000


@total_ordering
@dataclass(frozen=True)
class Irrational:
    """An exact constant such as pi or sqrt(2)/3 that is no rational number.

    Attributes:
        expression: The constant, as written.
        below: A rational number below it, close enough to tell it from every other end.
        above: One above it.
    """

    expression: ex.Expression
    below: Fraction = field(compare=False)
    above: Fraction = field(compare=False)

    def __lt__(self, other: Any) -> bool:
        low, high = enclosure(other)
        if self.above < low:
            return True
        if self.below > high:
            return False
        if isinstance(other, Irrational) and other.expression == self.expression:
            return False
        raise DeclarationError(
            "two ends are too close to be told apart",
            expected=f"numbers that differ in the first {_DIGITS} binary digits",
            found=f"{self} and {other}",
        )

    def __float__(self) -> float:
        return float((self.below + self.above) / 2)

    def __str__(self) -> str:
        return repr(self.expression)


End = Fraction | Irrational


def enclosure(end: End | int) -> tuple[Fraction, Fraction]:
    """Rational numbers below and above an end, or twice the end itself."""
    if isinstance(end, Irrational):
        return end.below, end.above
    return Fraction(end), Fraction(end)


def as_constant(end: End) -> ex.Expression:
    """An end as an expression."""
    return end.expression if isinstance(end, Irrational) else ex.Number(end)


@dataclass(frozen=True)
class Domain:
    """Where (each entry of) a variable lives, and what a simulation does at the boundary.

    Args:
        kind: "real"; "positive", the half-line x > 0; "circle"; "interval"; of a whole block
            "simplex", "ordered", "positive_definite".
        lower: Lower end of an interval.
        upper: Upper end of an interval.
        period: Of a circle: an exact number or an expression of positive parameters; None for
            2 pi.
        closed: Whether the ends belong to it, as for what is bounded up to them; a declared
            variable has no value there.

    Raises:
        DeclarationError: If the kind is unknown, or an interval has no two ends in order.
    """

    kind: str = "real"
    lower: End | None = None
    upper: End | None = None
    period: ex.Expression | None = None
    closed: bool = False

    def __post_init__(self) -> None:
        if self.kind not in DOMAIN_KINDS:
            raise DeclarationError(
                "unknown domain of a variable",
                expected=f"one of {', '.join(DOMAIN_KINDS[:-1])}, or a pair of ends",
                found=repr(self.kind),
            )
        ends = (self.lower, self.upper)
        if self.kind == "interval":
            if None in ends or not self.lower < self.upper:  # type: ignore[operator]
                raise DeclarationError(
                    "an interval needs a lower end below its upper end",
                    found=f"[{self.lower}, {self.upper}]",
                )
        elif ends != (None, None):
            raise DeclarationError(f"a domain of kind {self.kind} has no ends to give", found=ends)
        if self.period is not None and self.kind != "circle":
            raise DeclarationError(f"a domain of kind {self.kind} has no period", found=self.period)

    @property
    def boundary(self) -> str:
        """What a simulation does at the boundary: "none", "reflect" or "wrap"."""
        return {"real": "none", "circle": "wrap"}.get(self.kind, "reflect")

    @property
    def is_bounded(self) -> bool:
        """Whether there is a boundary that probability could flow through."""
        return self.is_joint or self.kind in ("positive", "interval")

    def contains(self, number: Fraction) -> bool:
        """Whether a number is inside, as the value of an entry; on a circle every number is."""
        if self.kind == "interval":
            assert self.lower is not None and self.upper is not None
            return self.lower < number < self.upper
        return number > 0 if self.kind == "positive" else not self.is_joint

    @property
    def is_joint(self) -> bool:
        """Whether it is a domain of a whole block, whose entries do not move freely."""
        return self.kind in JOINT_KINDS

    def symmetry_of(self, x: Any) -> str | None:
        """The symmetry of a variable on a joint domain: definite matrices are symmetric.

        Raises:
            DeclarationError: If it has no shape that such a domain is for.
        """
        dims, is_matrix = x.dims, self.kind == "positive_definite"
        if is_matrix:
            fits = len(dims) == 2 and dims[0] == dims[1] and x.symmetry != "antisymmetric"
        else:
            fits = len(dims) == 1 and dims[0].size != 1
        if not fits:
            wanted = "a square matrix, not antisymmetric" if is_matrix else "two or more entries"
            raise DeclarationError(
                f"the domain of {x.name} is {self.kind}",
                expected=wanted if is_matrix else f"a vector of {wanted}",
                found=f"shape ({', '.join(dim.name for dim in dims)}) {x.symmetry or ''}".strip(),
            )
        return "symmetric" if is_matrix else x.symmetry

    @property
    def circumference(self) -> ex.Expression:
        """The period of a circle."""
        return TWO_PI if self.period is None else self.period

    @property
    def period_text(self) -> str:
        """The period of a circle, in words."""
        return "2 pi" if self.period is None else repr(self.period)

    @property
    def simple_ends(self) -> tuple[Fraction, Fraction]:
        """Rational numbers inside an interval, the ends themselves or close to them."""
        assert self.lower is not None and self.upper is not None
        low, high = enclosure(self.lower)[1], enclosure(self.upper)[0]
        near = Fraction(ceil(low * _SIMPLE), _SIMPLE), Fraction(floor(high * _SIMPLE), _SIMPLE)
        simple = (
            near[0] if isinstance(self.lower, Irrational) else low,
            near[1] if isinstance(self.upper, Irrational) else high,
        )
        return simple if simple[0] < simple[1] else (low, high)

    @property
    def middle(self) -> Fraction:
        """A rational number in the middle of an interval, or close to it."""
        low, high = self.simple_ends
        return (low + high) / 2


REAL = Domain()
TWO_PI = ex.Product((ex.Number(Fraction(2)), ex.Constant("pi")))


def exact_end(constant: ex.Expression) -> End:
    """An end of an interval.

    Raises:
        DeclarationError: If it is no exact constant.
    """
    bounds = rational_bounds(constant)
    if bounds is None:
        raise DeclarationError(
            "an end of an interval is no exact constant",
            expected='numbers, pi, E and roots of numbers, such as "1/2", "pi" or "sqrt(2)"',
            found=repr(constant)[:60],
        )
    low, high = bounds
    if isinstance(constant, ex.Number):
        return constant.value
    return low if low == high else Irrational(constant, low, high)


def rational_bounds(expression: ex.Expression) -> tuple[Fraction, Fraction] | None:
    """Rational numbers below and above a constant; None for anything else."""
    from flint import ctx

    kept, ctx.prec = ctx.prec, _DIGITS
    try:
        ball = _ball(expression)
        if ball is None or not ball.is_finite():
            return None
        return tuple(_fraction(end) for end in (ball.lower(), ball.upper()))  # type: ignore[return-value]
    finally:
        ctx.prec = kept


def _fraction(exact: Any) -> Fraction:
    mantissa, exponent = (int(part) for part in exact.man_exp())
    return Fraction(mantissa) * Fraction(2) ** exponent


def _ball(node: ex.Expression) -> Any:
    from flint import arb, fmpq

    if isinstance(node, ex.Number):
        return arb(fmpq(node.value.numerator, node.value.denominator))
    if isinstance(node, ex.Constant):
        return arb.pi() if node.name == "pi" else arb(1).exp()
    if not isinstance(node, _CONSTANT_NODES):
        return None
    parts = [_ball(child) for child in node.children]
    if any(part is None for part in parts):
        return None
    match node:
        case ex.Negation():
            return -parts[0]
        case ex.Quotient():
            return parts[0] / parts[1]
        case ex.Power():
            return parts[0] ** parts[1]
        case ex.Elementwise():
            return parts[0].sqrt() if node.name == "sqrt" else None
    total = parts[0]
    for part in parts[1:]:
        total = total + part if isinstance(node, ex.Sum) else total * part
    return total


_CONSTANT_NODES = (ex.Sum, ex.Product, ex.Negation, ex.Quotient, ex.Power, ex.Elementwise)
