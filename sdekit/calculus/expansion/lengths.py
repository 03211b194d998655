r"""Growth at least like |X| of sums of functions of the lengths of linear forms in vectors.

For $E(X) = \sum_j f_j(|l_j\cdot X|)$, vectors X of one shape, $f_j$ bounded below on compact sets:
those with $f_j(r) \ge c r - C$, c > 0, give $E \ge c\sum_j|l_j\cdot X| - C$, and if these $l_j$
span, the sum is at least $c'|X|$. Parts that grow slower than r, such as logarithms, are less than
any multiple of |X|; parts that are bounded below only help. For every size of the vectors. Not for
scalars (`directions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from sdekit.calculus.expansion.directions import direction_of, slope_at_infinity
from sdekit.calculus.expansion.expand import collected, expand
from sdekit.calculus.expansion.growth import Unclear, Z, growth_sign, leading
from sdekit.calculus.expansion.monomial_sums import Monomial, TooLarge, as_expression
from sdekit.calculus.expansion.rewriting import is_locally_bounded, substituted
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.linear.cones import Vector, rays_of_cone
from sdekit.calculus.signs.bounded import is_bounded, is_bounded_below
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.sign_values import POSITIVE
from sdekit.declaration.tree.expression import Dot, Expression, Number, Power, Product, Sum
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable


def grows_in_lengths(parts: Sequence[Expression], blocks: Sequence[Variable]) -> str | None:
    """Why the sum of the parts is above c |X| - C with c > 0; None if that was not seen.

    Args:
        parts: Scalars without unknown functions, of the blocks and of parameters.
        blocks: Tensors of one shape on the whole space.

    Checked by: tests/calculus/expansion/test_lengths.py.
    """
    if not blocks or len({x.shape for x in blocks}) != 1:
        return None
    if any(not x.shape or x.symmetry or x.domain.kind != "real" for x in blocks):
        return None
    try:
        forms = _growing_forms(parts, tuple(blocks))
    except (Unclear, TooLarge, Unsupported):
        return None
    if forms is None:
        return None
    both = [*forms, *(tuple(-entry for entry in form) for form in forms)]
    if rays_of_cone(both, len(blocks)) != []:
        return None
    return "the energy grows at least linearly in lengths that span the space"


def _growing_forms(
    parts: Sequence[Expression], blocks: tuple[Variable, ...]
) -> list[Vector] | None:
    """The forms in whose lengths the energy grows; None where a part may fall."""
    along: dict[Vector, list[Expression]] = {}
    for part in parts:
        found = _of_one_length(part, blocks)
        if found is not None:
            along.setdefault(found[0], []).append(found[1])
        elif not (is_bounded(part) or is_bounded_below(part)):
            return None
    forms: list[Vector] = []
    for direction, pieces in along.items():
        profile = collected(Sum((ZERO, *pieces)))
        if not _is_bounded_below_on_compacts(profile):
            return None
        slope = slope_at_infinity(profile)
        if slope is None or decided_signs(slope) == POSITIVE:
            forms.append(direction)
        elif slope != ZERO:
            return None
    return forms


def _is_bounded_below_on_compacts(profile: Expression) -> bool:
    """Whether f(z) is, up to z = 0 from above."""
    if not is_locally_bounded(profile, Z):
        return False
    lead = leading(expand(substituted(profile, {Z: Power(Z, Number(Fraction(-1)))})))
    if lead.is_bounded:
        return True
    rises = lead.exponent == ZERO or growth_sign(lead.exponent) > 0
    return lead.coefficient is not None and rises and decided_signs(lead.coefficient) == POSITIVE


def _of_one_length(
    part: Expression, blocks: tuple[Variable, ...]
) -> tuple[Vector, Expression] | None:
    """The direction v and f(z) of a part f(|v . X|), at z = `Z`."""
    images: dict[Expression, Expression] = {}
    directions = set()
    for node in part.walk():
        if not isinstance(node, Dot) or node.left != node.right:
            continue
        form = _affine_vector(node.left, blocks)
        if form is None:
            return None
        directions.add(form[0])
        images[node] = Product((form[1], form[1], Z, Z))
    if len(directions) != 1:
        return None
    (direction,) = directions
    profile = substituted(part, images)
    return None if profile.variables - {Z} else (direction, profile)


def _affine_vector(
    side: Expression, blocks: tuple[Variable, ...]
) -> tuple[Vector, Expression] | None:
    """The direction and the scale of a linear combination of the blocks."""
    form: dict[Variable, list[Expression]] = {}
    for monomial, coefficient in expand(side).items():
        scale = as_expression({Monomial(monomial.factors): coefficient})
        if scale.varies or monomial.core not in blocks:
            return None
        assert isinstance(monomial.core, Variable)
        form.setdefault(monomial.core, []).append(scale)
    return direction_of({x: collected(Sum((ZERO, *s))) for x, s in form.items()}, blocks)
