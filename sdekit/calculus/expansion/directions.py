r"""Growth at least like |x| in every direction, of sums of functions of linear forms.

For $E(x) = \sum_j f_j(l_j\cdot x) + b\cdot x$, with $f_j$ bounded on compact sets, let
$s_j^\pm \in (-\infty, \infty]$ be the limits of $f_j(t)/|t|$ at the two ends. For every
$\epsilon > 0$ and every M, $E(x) \ge R(x) - \epsilon |x| - C$ with
$R(d) = b\cdot d + \sum_j \min(s_j^\pm, M)\,|l_j\cdot d|$. If $R > 0$ for all $d \ne 0$ where
$M = \infty$, then $R \ge 2c\,|d|$ for M large (R is continuous on the unit sphere and increases
with M), so that $E \ge c|x| - C$: exp(-E) is integrable, and E tends to infinity. R is linear
between the planes $l_j\cdot d = 0$, so that its sign on the rays of finitely many cones decides.

Terms that are bounded below only help; a product $c\,l_1 l_2$ is above
$-|c|\,(l_1^2 + l_2^2)/2$. Where $x_i > 0$, $f_i$ may have an integrable singularity at 0: it is
a factor of its own there. Not for forms whose coefficients are parameters.

Source: for convex E the recession function (Rockafellar 1970, section 8) [recalled].
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.growth import (
    Growth,
    Unclear,
    Z,
    growth_sign,
    leading,
    rate_of,
    settled_at_infinity,
)
from sdekit.calculus.expansion.monomial_sums import Monomial, TooLarge, as_expression
from sdekit.calculus.expansion.rewriting import INTERNAL, is_locally_bounded, substituted
from sdekit.calculus.limits import Unsupported, tick
from sdekit.calculus.linear.cones import Vector, rays_of_cone
from sdekit.calculus.signs.bounded import is_bounded, is_bounded_below
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.sign_values import NEGATIVE, POSITIVE
from sdekit.declaration.tree.domains import Domain
from sdekit.declaration.tree.expression import (
    Elementwise,
    Expression,
    Negation,
    Number,
    Power,
    Product,
    Sum,
)
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Variable

#: More coordinates, or forms with two finite slopes, are not looked at.
_MOST_COORDINATES, _MOST_SPLITS = 12, 7
_MINUS, _TWO = Number(Fraction(-1)), Number(Fraction(2))

#: A slope; None stands for infinity.
Slope = Expression | None


@dataclass
class _Parts:
    """The energy, taken apart: a slope for each coordinate, a function for each linear form."""

    linear: dict[Variable, list[Expression]] = field(default_factory=dict)
    along: dict[Vector, list[Expression]] = field(default_factory=dict)


def grows_in_every_direction(parts: Sequence[Expression], blocks: Sequence[Variable]) -> str | None:
    """Why the sum of the parts is above c |x| - C with c > 0; None if that was not seen.

    Args:
        parts: Scalars without unknown functions, of the blocks and of parameters.
        blocks: Scalars on lines and half-lines; the others have bounded domains.

    Example:
        >>> from sdekit.declaration.tree.symbols import scalar
        >>> x, y = scalar("x"), scalar("y")
        >>> one = [Elementwise("exp", x), Elementwise("exp", y - x), -y / 2]
        >>> grows_in_every_direction(one, (x, y)) is None
        True

    Checked by: tests/calculus/expansion/test_directions.py.
    """
    free = tuple(x for x in blocks if x.domain.kind in ("real", "positive"))
    if len(free) > _MOST_COORDINATES or any(x.shape for x in blocks):
        return None
    try:
        found = _taken_apart(parts, free)
        if found is None or not _is_positive_everywhere(found, free):
            return None
    except (Unclear, TooLarge, Unsupported):
        return None
    return "the energy grows at least linearly in every direction"


def _taken_apart(parts: Sequence[Expression], free: tuple[Variable, ...]) -> _Parts | None:
    found = _Parts()
    for part in parts:
        if _is_of_one_form(part, free, found) or is_bounded(part) or is_bounded_below(part):
            continue
        if not _is_product_of_two(part, free, found):
            return None
    return found


def _is_of_one_form(part: Expression, free: tuple[Variable, ...], found: _Parts) -> bool:
    form = _affine(part, free)
    if form is not None:
        for x, slope in form.items():
            found.linear.setdefault(x, []).append(slope)
        return True
    one = _of_one_form(part, free)
    if one is not None:
        found.along.setdefault(one[0], []).append(one[1])
    return one is not None


def _affine(node: Expression, free: tuple[Variable, ...]) -> dict[Variable, Expression] | None:
    """The slopes of an affine function of the free variables; None for anything else."""
    if node.shape:
        return None
    slopes: dict[Variable, list[Expression]] = {}
    for monomial, coefficient in expand(node).items():
        mine = [(base, e) for base, e in monomial.factors if base.variables & set(free)]
        if monomial.core is not None and monomial.core.variables & set(free):
            return None
        if not mine:
            if as_expression({monomial: coefficient}).varies:
                return None
            continue
        ((base, exponent), *others) = mine
        rest = as_expression({Monomial(monomial.factors - set(mine), monomial.core): coefficient})
        if others or exponent != 1 or base not in free or rest.varies:
            return None
        assert isinstance(base, Variable)
        slopes.setdefault(base, []).append(rest)
    return {x: collected(Sum((ZERO, *terms))) for x, terms in slopes.items()}


def direction_of(
    form: dict[Variable, Expression], free: tuple[Variable, ...]
) -> tuple[Vector, Expression] | None:
    """The direction with first entry 1, and the scale, of a form with rational ratios."""
    entries = [form.get(x, ZERO) for x in free]
    first = next((entry for entry in entries if entry != ZERO), None)
    if first is None:
        return None
    found = [_ratio(entry, first) for entry in entries]
    known = tuple(ratio for ratio in found if ratio is not None)
    return (known, first) if len(known) == len(found) else None


def _ratio(entry: Expression, first: Expression) -> Fraction | None:
    if entry == ZERO:
        return Fraction(0)
    one, other = dict(expand(entry)), dict(expand(first))
    ratios = {one[m] / other[m] if m in other else None for m in one}
    (ratio, *rest) = ratios
    return ratio if not rest and ratio is not None and len(one) == len(other) else None


def _of_one_form(part: Expression, free: tuple[Variable, ...]) -> tuple[Vector, Expression] | None:
    """The direction v and f(t) of a part f(v . x)."""
    images: dict[Expression, Expression] = {}
    directions = set()
    for node in _largest_affine(part, free):
        form = _affine(node, free)
        found = None if form is None else direction_of(form, free)
        if found is None:
            return None
        directions.add(found[0])
        rest = substituted(node, dict.fromkeys(free, ZERO))
        images[node] = collected(Sum((Product((found[1], _line(found[0], free))), rest)))
    if len(directions) != 1:
        return None
    (direction,) = directions
    function = substituted(part, images)
    return (direction, function) if not function.variables - {_line(direction, free)} else None


def _largest_affine(node: Expression, free: tuple[Variable, ...]) -> Iterator[Expression]:
    if not node.variables & set(free):
        return
    if not node.shape and _affine(node, free) is not None:
        yield node
        return
    for child in node.children:
        yield from _largest_affine(child, free)


def _line(direction: Vector, free: tuple[Variable, ...]) -> Variable:
    """What v . x runs over: a half-line for a coordinate that does."""
    used = [x for x, entry in zip(free, direction, strict=True) if entry]
    is_half = len(used) == 1 and used[0].domain.kind == "positive"
    return Variable(f"{INTERNAL}t", (), None, Domain("positive" if is_half else "real"))


def _is_product_of_two(part: Expression, free: tuple[Variable, ...], found: _Parts) -> bool:
    """c l_1 l_2 >= -|c| (l_1^2 + l_2^2)/2, in single coordinates."""
    terms = expand(part)
    made = []
    for monomial, coefficient in terms.items():
        mine = [(b, e) for b, e in monomial.factors if b.variables & set(free)]
        rest = as_expression({Monomial(monomial.factors - set(mine), monomial.core): coefficient})
        is_bilinear = len(mine) == 2 and all(b in free and e == 1 for b, e in mine)
        if monomial.core is not None or rest.varies or not is_bilinear:
            return False
        size = Product((Number(Fraction(-1, 2)), Elementwise("abs", rest)))
        made += [(base, size) for base, _ in mine if isinstance(base, Variable)]
    for base, size in made:
        direction = _unit_of(base, free)
        square = Power(_line(direction, free), _TWO)
        found.along.setdefault(direction, []).append(Product((size, square)))
    return True


# ------------------------------------------------------------------ slopes


def _slopes(pieces: list[Expression], line: Variable) -> tuple[Slope, Slope] | None:
    """Of f at both ends; None where f is not bounded below on compact sets."""
    f = collected(Sum((ZERO, *pieces)))
    is_half = line.domain.kind == "positive"
    if not is_locally_bounded(f, line) or (is_half and not _is_integrable_at_zero(f, line)):
        return None
    ends = (Z, Negation(Z)) if line.domain.kind == "real" else (Z,)
    found = [slope_at_infinity(substituted(f, {line: end})) for end in ends]
    return found[0], found[-1]


def slope_at_infinity(f: Expression) -> Slope:
    """The limit of f(z)/z as z tends to infinity.

    Raises:
        Unclear: If it is not known, or minus infinity.
    """
    terms = expand(settled_at_infinity(f))
    if not terms:
        return ZERO
    lead = leading(terms)
    order = _order(lead)
    if order < 0:
        return ZERO
    if lead.coefficient is None:
        raise Unclear("the leading term oscillates")
    if order == 0:
        return lead.coefficient
    if decided_signs(lead.coefficient) != POSITIVE:
        raise Unclear("the energy may fall faster than linearly")
    return None


def _order(lead: Growth) -> int:
    """Whether a leading term is slower than z, like z, or faster."""
    rate = rate_of(lead)
    if rate is not None:
        signs = decided_signs(collected(Sum((rate, _MINUS))))
        if signs not in (POSITIVE, NEGATIVE):
            raise Unclear("an exponent is not known")
        return 1 if signs == POSITIVE else -1
    if lead.exponent != ZERO:
        sign = growth_sign(lead.exponent)
        if sign == 0:
            raise Unclear("an exponential of an unknown kind")
        return sign
    excess = lead.power - 1 or lead.logs
    return (excess > 0) - (excess < 0)


def _is_integrable_at_zero(f: Expression, line: Variable) -> bool:
    """Whether exp(-f) is integrable at the end 0 of a half-line."""
    terms = expand(substituted(f, {line: Power(Z, _MINUS)}))
    if not terms:
        return True
    lead = leading(terms)
    if lead.is_bounded:
        return True
    if lead.coefficient is None:
        return False
    if lead.exponent == ZERO and (lead.power, lead.logs) == (0, 1):
        return decided_signs(collected(Sum((lead.coefficient, ONE)))) == POSITIVE
    rises = lead.exponent == ZERO or growth_sign(lead.exponent) > 0
    return rises and decided_signs(lead.coefficient) == POSITIVE


# ------------------------------------------------------------------ cones

#: A form, the side of its plane, and the slope there.
_Side = tuple[Vector, int, Expression]


def _is_positive_everywhere(found: _Parts, free: tuple[Variable, ...]) -> bool:
    """Whether R > 0 off the origin, where it is finite."""
    walls = [_times(_unit_of(x, free), -1) for x in free if x.domain.kind == "positive"]
    bent: list[list[_Side]] = []
    for direction, pieces in found.along.items():
        slopes = _slopes(pieces, _line(direction, free))
        if slopes is None:
            return False
        sides: list[_Side] = []
        for side, slope in zip((1, -1), slopes, strict=True):
            if slope is None:
                walls.append(_times(direction, side))
            else:
                sides.append((direction, side, slope))
        if any(slope != ZERO for _, _, slope in sides):
            bent.append(sides)
    if len(bent) > _MOST_SPLITS:
        return False
    return all(_is_positive_in(cell, walls, found, free) for cell in itertools.product(*bent))


def _is_positive_in(
    cell: tuple[_Side, ...], walls: list[Vector], found: _Parts, free: tuple[Variable, ...]
) -> bool:
    """R on the rays of one cone, on which it is linear."""
    tick()
    rays = rays_of_cone([*walls, *(_times(v, -side) for v, side, _ in cell)], len(free))
    if rays is None:
        return False
    for ray in rays:
        rise = [
            Product((Number(entry), slope))
            for x, entry in zip(free, ray, strict=True)
            for slope in found.linear.get(x, [])
        ]
        for v, side, slope in cell:
            along = sum((a * b for a, b in zip(v, ray, strict=True)), Fraction(0))
            rise.append(Product((Number(side * along), slope)))
        if decided_signs(collected(Sum((ZERO, *rise)))) != POSITIVE:
            return False
    return True


def _times(vector: Vector, by: int) -> Vector:
    return tuple(by * entry for entry in vector)


def _unit_of(x: Variable, free: tuple[Variable, ...]) -> Vector:
    return tuple(Fraction(int(x == y)) for y in free)
