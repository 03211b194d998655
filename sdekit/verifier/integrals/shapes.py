r"""Integrals that reduce to one dimension: scalars, independent entries, functions of a length.

A function of $X\cdot M X$ alone is radial in $Y = M^{1/2}X$, with measure $r^{d-1}dr$. Independent
entries are one scalar integral each. Both end in the behaviour at the ends (`tails`) and
boundedness between them (`rewriting`). Not for closed forms (`integrals`).
"""

from __future__ import annotations

import hashlib
from fractions import Fraction

from sdekit.calculus.expansion import cores
from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.growth import Z
from sdekit.calculus.expansion.monomial_sums import Monomial, as_expression
from sdekit.calculus.expansion.rewriting import INTERNAL, is_locally_bounded, substituted
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.forms import form_signs
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import POSITIVE, never_negative
from sdekit.declaration.tree.domains import Domain
from sdekit.declaration.tree.expression import (
    Dot,
    Elementwise,
    Expression,
    LogDet,
    Negation,
    Number,
    Ones,
    Power,
    Product,
    Quotient,
    Sum,
)
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Parameter, Variable
from sdekit.verifier.integrals.quadratic import quadratic_form
from sdekit.verifier.integrals.tails import INVERSE_Z, Tail, approaches, tail

_LOG_Z = Elementwise("log", Z)


def univariate_integral(x: Variable, energy: Expression) -> tuple[Tail, str]:
    """Whether exp(-energy) is integrable over x, entry by entry for a block of any rank.

    Args:
        x: A block whose entries do not meet each other in the energy.
        energy: Scalar; other symbols are kept fixed.

    Returns:
        What is known, and why.

    Checked by: tests/verifier/integrals/test_block_integrals.py.
    """
    line = x
    if x.symmetry == "antisymmetric":
        return Tail.UNKNOWN, "its entries are coupled"
    if x.shape:
        line = Variable(f"{INTERNAL}{x.name}_entry", (), None, x.domain)
        scalar = entry_energy(energy, x, line)
        if scalar is None:
            return Tail.UNKNOWN, "its entries are coupled"
        energy = scalar
    return _on_domain(line, energy)


def _on_domain(x: Variable, energy: Expression) -> tuple[Tail, str]:
    if x.domain.kind == "circle":
        if is_locally_bounded(energy, x):
            return Tail.FINITE, "bounded on a circle"
        return Tail.UNKNOWN, "a pole on the circle is not excluded"
    found = []
    for end in approaches(x.domain):
        # Minus the logarithm of |dx/dZ|.
        jacobian = ZERO if end.at is None else Product((Number(Fraction(2)), _LOG_Z))
        try:
            result, reason = tail(Sum((substituted(energy, {x: end.towards}), jacobian)))
        except Unsupported as unsupported:
            return Tail.UNKNOWN, unsupported.reason
        if result in _AT_AN_END and end.at is not None:
            # At a finite end the measure is part of what grows, which would only confuse.
            reason = f"{_AT_AN_END[result]} as x -> {end.name}"
        elif result is not Tail.FINITE:
            reason = f"{reason} as x -> {end.name}"
        found.append((result, reason))
    bad = _worst(found)
    if bad is not None:
        return bad
    if not is_locally_bounded(energy, x):
        return _on_two_half_lines(x, energy)
    reasons = dict.fromkeys(reason for _, reason in found)
    return Tail.FINITE, "; ".join(reasons)


def _worst(found: list[tuple[Tail, str]]) -> tuple[Tail, str] | None:
    """An infinite part, else one that is not known, else None."""
    for wanted in (Tail.INFINITE, Tail.UNKNOWN):
        for result in found:
            if result[0] is wanted:
                return result
    return None


def _on_two_half_lines(x: Variable, energy: Expression) -> tuple[Tail, str]:
    """A real line that may have a pole at 0: both half-lines by themselves."""
    unknown = Tail.UNKNOWN, "a pole inside the domain is not excluded"
    if x.domain.kind != "real":
        return unknown
    half = Variable(f"{INTERNAL}{x.name}_half", (), None, Domain("positive"))
    sides = [substituted(energy, {x: image}) for image in (half, Negation(half))]
    if not all(is_locally_bounded(collected(side), half) for side in sides):
        return unknown
    found = [_on_domain(half, collected(side)) for side in sides]
    reasons = dict.fromkeys(reason for _, reason in found)
    return _worst(found) or (Tail.FINITE, "; ".join(reasons))


#: What the integral at a finite end is called.
_AT_AN_END = {Tail.FINITE: "integrable", Tail.INFINITE: "exp(-H) is not integrable"}


def entry_energy(energy: Expression, x: Variable, line: Variable) -> Expression | None:
    """The part of one entry in a sum over entries: contractions become products."""
    parts = []
    for monomial, coefficient in expand(energy).items():
        mine, rest = monomial.parted(x)
        if len(mine) != 1 or mine[0][1] != 1 or not isinstance(mine[0][0], Dot):
            return None
        dot = mine[0][0]
        factors = cores.entrywise_factors(dot.left) + cores.entrywise_factors(dot.right)
        entries = [_entry(f, x, line) for f in factors]
        if any(entry is None for entry in entries):
            return None
        scale = as_expression({rest: coefficient})
        parts.append(Product((scale, *(entry for entry in entries if entry is not None))))
    return Sum(tuple(parts)) if parts else None


def _entry(tensor: Expression, x: Variable, line: Variable) -> Expression | None:
    """One entry of a tensor that is built entry by entry from x and from constants."""
    if tensor == x:
        return line
    if not tensor.shape:
        return None if tensor.depends_on(x) else tensor
    if not tensor.depends_on(x):
        return ONE if isinstance(tensor, Ones) else _stand_in(tensor)
    if not isinstance(tensor, (Sum, Product, Negation, Quotient, Power, Elementwise)):
        return None
    inner = [_entry(child, x, line) for child in tensor.children]
    if any(part is None for part in inner):
        return None
    parts = tuple(part for part in inner if part is not None)
    match tensor:
        case Sum() | Product():
            return type(tensor)(parts)
        case Negation():
            return Negation(parts[0])
        case Quotient():
            return Quotient(parts[0], parts[1])
        case Power():
            return Power(parts[0], parts[1])
    return Elementwise(tensor.name, parts[0])


def _stand_in(tensor: Expression) -> Expression | None:
    """A scalar parameter with the sign that every entry of the tensor has."""
    signs = entry_signs(tensor)
    # Equal names for equal tensors only, and the same names in every run.
    name = INTERNAL + hashlib.sha256(repr(tensor).encode()).hexdigest()[:32]
    if isinstance(tensor, (Parameter, Variable)):
        name = f"{INTERNAL}{tensor.name}_i"
    if signs == POSITIVE:
        return Parameter(name, (), frozenset({"positive"}))
    return Parameter(name, (), frozenset({"nonnegative"} if never_negative(signs) else ()))


def radial_integral(
    x: Variable, energy: Expression, coordinates: Expression
) -> tuple[Tail, str, Expression, Expression | None] | None:
    r"""Whether exp(-energy) is integrable over x, where x enters through forms $x\cdot M x$ only.

    Args:
        x: Block of rank 1 or more, on all of R^d.
        energy: Scalar.
        coordinates: d.

    Returns:
        What is known, why, the radial profile, and log det M where there is one form only;
        None if x enters in another way.
    """
    if not x.shape or x.domain.kind != "real" or x.symmetry == "antisymmetric":
        return None
    forms = _forms(energy, x)
    if not forms or not all(form_signs(matrix) == POSITIVE for matrix in forms.values()):
        return None
    square = Product((Z, Z))
    if len(forms) == 1:
        lengths: dict[Expression, Expression] = dict.fromkeys(forms, square)
    else:
        positive = frozenset({"positive"})
        scales = [Parameter(f"{INTERNAL}direction_{k}", (), positive) for k in range(len(forms))]
        lengths = {
            node: Product((scale, square)) for node, scale in zip(forms, scales, strict=True)
        }
    try:
        profile = collected(substituted(energy, lengths))
    except Unsupported:
        return None
    if profile.depends_on(x):
        return None
    found, reason = radial_tail(profile, coordinates)
    determinant = _log_determinant(x, next(iter(forms.values())), coordinates)
    if len(forms) > 1 or determinant is None:
        return found, reason, energy, None
    return found, reason, profile, determinant


def _forms(energy: Expression, x: Variable) -> dict[Expression, Expression]:
    """The contractions in the energy that are quadratic forms of x, with their matrices."""
    found: dict[Expression, Expression] = {}
    for node in energy.walk():
        if isinstance(node, Dot) and node.depends_on(x) and node not in found:
            matrix = quadratic_form(node, x)
            if matrix is not None:
                found[node] = matrix
    return found


def radial_tail(profile: Expression, coordinates: Expression) -> tuple[Tail, str]:
    """Whether exp(-profile(Z)) Z^(d - 1) is integrable over all lengths Z, and why."""
    measure = Product((Sum((coordinates, Negation(ONE))), _LOG_Z))
    outer = tail(Sum((profile, Negation(measure))))
    if outer[0] is not Tail.FINITE:
        return outer
    near_zero = substituted(profile, {Z: INVERSE_Z})
    inner = tail(Sum((near_zero, measure, Product((Number(Fraction(2)), _LOG_Z)))))
    if inner[0] is not Tail.FINITE:
        return inner
    if not is_locally_bounded(profile, Z):
        return Tail.UNKNOWN, "a pole at some length is not excluded"
    return Tail.FINITE, outer[1].replace("|x|", "length") + " of the block"


def _log_determinant(x: Variable, matrix: Expression, coordinates: Expression) -> Expression | None:
    if x.ndim == 1:
        return LogDet(matrix)
    scale = [Monomial(m.factors) for m in expand(matrix)]
    if len(scale) != 1:
        return None
    ((_, coefficient),) = expand(matrix).items()
    return Product((coordinates, Elementwise("log", as_expression({scale[0]: coefficient}))))
