r"""Is exp(-Q) integrable by a bound from below, $Q\ge Q_0 - C$ with $e^{-Q_0}$ integrable?

Used on the summands of Q as written, for every size: those that are bounded from below may be left
out; a mixture $-\log\sum_k e^{-a_k}$ is integrable if every $e^{-a_k}$ is; on a product of
circles and intervals a Q without poles is bounded; pure powers $c\sum_i x_i^d$, c > 0, outgrow all
terms of smaller weight, since $|x^a y^b|\le\epsilon(x^d + y^e) + C_\epsilon$ for $a/d + b/e < 1$.

Not for closed forms (`block_integrals`), nor for infinite integrals (`infinite`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from sdekit.calculus.expansion.directions import grows_in_every_direction
from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.growth import Z
from sdekit.calculus.expansion.lengths import grows_in_lengths
from sdekit.calculus.expansion.monomial_sums import Monomial, TooLarge, as_expression
from sdekit.calculus.expansion.rewriting import substituted, summands, with_closed_ends
from sdekit.calculus.expansion.written_growth import EPSILON, growth_power
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.bounded import is_bounded, is_bounded_below, written_below
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.scalar_signs import decided_signs
from sdekit.calculus.signs.sign_values import POSITIVE, never_negative
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.currents.poles import repulsion
from sdekit.verifier.currents.smoothness import has_pole, may_be_undefined, rough_parts
from sdekit.verifier.integrals.elimination import eliminate
from sdekit.verifier.integrals.shapes import entry_energy, radial_tail
from sdekit.verifier.integrals.tails import Tail

#: Summands beyond this are left together.
_MOST_SUMMANDS = 40
#: Blocks whose bounds tell that an energy tends to infinity.
_MOST_BLOCKS = 4
#: Components of a mixture that are integrated one by one.
_MOST_COMPONENTS = 12

Blocks = Sequence[Variable]
#: Why a sum of these terms is what is asked of it; None where that was not seen.
Judge = Callable[[list[ex.Expression], Blocks], str | None]


def finite_by_bounds(energy: ex.Expression, blocks: Blocks) -> str | None:
    """Why exp(-energy) has a finite integral over the blocks; None if that was not seen.

    Args:
        energy: A scalar without unknown functions, of the blocks and of parameters.
        blocks: What is integrated over.

    Checked by: tests/verifier/integrals/test_lower_bounds.py.
    """
    if not blocks:
        return None
    is_torus = all(x.domain.kind == "circle" for x in blocks)
    if is_torus and all(map(_is_smooth_by_sign, rough_parts(energy))):
        return "the energy is smooth on a torus"
    if may_be_undefined(energy):
        return None
    is_compact = all(x.domain.kind in ("circle", "interval") for x in blocks)
    if is_compact and not has_pole(with_closed_ends(energy)):
        return "the energy is bounded on a bounded domain"
    try:
        if is_compact and all(map(_is_bounded_below, summands(energy))):
            return "the energy is bounded from below on a bounded domain"
        found = repulsion(energy)
        if not found.essential:
            return _of_summands(summands(energy), blocks, _directly)
        # c q**-k with the other powers of q is bounded below: infinite at 0, zero at infinity.
        reason = _of_summands(list(found.rest), blocks, _directly)
        return reason and f"{reason}, and poles at which the energy is infinite are bounded below"
    except (TooLarge, Unsupported):
        return None


def _is_smooth_by_sign(part: ex.Expression) -> bool:
    """Whether algebra shows a logarithm, root or quotient to stay away from its edge."""
    match part:
        case ex.Elementwise(name="log" | "sqrt"):
            return decided_signs(part.operand) == POSITIVE
        case ex.Quotient():
            return 0 not in decided_signs(part.denominator)
        case ex.Power():
            return decided_signs(part.base) == POSITIVE
    return False


def _is_bounded_below(part: ex.Expression) -> bool:
    return is_bounded(part) or is_bounded_below(part)


def grows_by_bounds(energy: ex.Expression, blocks: Blocks) -> str | None:
    """Why an energy is bounded below and tends to infinity with the blocks; None if not seen.

    The bounds are those of `finite_by_bounds`. One of independent blocks on the whole space has a
    finite integral only where it tends to infinity, unless it has poles: its leading terms decide.

    Args:
        energy: A scalar without unknown functions, of the blocks and of parameters.
        blocks: All that it depends on, on the whole space.

    Checked by: tests/verifier/integrals/test_lower_bounds.py.
    """
    # Of many scalars completeness is quicker to see, or growth in components.
    if not 0 < len(blocks) <= _MOST_BLOCKS or may_be_undefined(energy) or has_pole(energy):
        return None
    if any(x.domain.kind != "real" for x in blocks) or not energy.variables <= set(blocks):
        return None
    if any(isinstance(node, ex.Call) for node in energy.walk()):
        return None
    try:
        return _of_summands(summands(energy), blocks, _grows_in_each)
    except (TooLarge, Unsupported):
        return None


def _grows_in_each(parts: list[ex.Expression], blocks: Blocks) -> str | None:
    """Of blocks that no term couples, or by pure powers."""
    if not parts or any(not any(p.depends_on(x) for p in parts) for x in blocks):
        return None
    energy = ex.Sum(tuple(parts))
    found = eliminate(energy, tuple(blocks), ())
    is_finite = found.infinite is None and found.is_finite and not found.assumptions
    steps = (*found.steps, *found.open_steps)
    if is_finite and all(step.energy.variables <= set(step.blocks) for step in steps):
        return "; ".join(step.reason for step in steps)
    return _grows_like_a_power(parts, blocks)


def without_bounded_functions(energy: ex.Expression) -> ex.Expression:
    """The energy without terms that are bounded because an unknown function is declared so.

    exp(-energy) has a finite integral exactly if the rest has one.
    """
    parts = summands(energy)
    kept = [
        part
        for part in parts
        if not (any(isinstance(n, ex.Call) for n in part.walk()) and is_bounded(part))
    ]
    return energy if len(kept) == len(parts) else ex.Sum((ZERO, *kept))


def _of_summands(parts: list[ex.Expression], blocks: Blocks, judge: Judge) -> str | None:
    kept = [written_below(part) for part in parts if not is_bounded(part)]
    bounded = len(kept) < len(parts)
    if len(kept) > _MOST_SUMMANDS:
        return None
    for number, part in enumerate(kept):
        components = _components(part)
        if components is None:
            continue
        rest = kept[:number] + kept[number + 1 :]
        found = [_of_summands([*rest, *summands(one)], blocks, judge) for one in components]
        if any(reason is None for reason in found):
            return None
        return "every component of the mixture is integrable: " + "; ".join(
            dict.fromkeys(reason for reason in found if reason)
        )
    reason = (
        _beside_logarithms(kept, blocks)
        or _without_nonnegative(kept, blocks, judge)
        or judge(kept, blocks)
    )
    if reason is None:
        return None
    return f"{reason}, and the other terms are bounded" if bounded else reason


def _beside_logarithms(parts: list[ex.Expression], blocks: Blocks) -> str | None:
    """What grows like a power outgrows logarithms of what is not near zero."""
    ones = dict.fromkeys(blocks, Fraction(1))
    powers = [growth_power(part, ones) for part in parts]
    rest = [p for p, w in zip(parts, powers, strict=True) if w is None or w > EPSILON]
    if len(rest) == len(parts):
        return None
    reason = _grows_like_a_power(rest, blocks)
    return reason and f"{reason}, and the other terms grow slower than every power"


def _grows_like_a_power(parts: list[ex.Expression], blocks: Blocks) -> str | None:
    """Growth in all blocks together, like some power of their size at least."""
    return (
        _pure_powers(ex.Sum((ZERO, *parts)), blocks)
        or grows_in_every_direction(parts, blocks)
        or grows_in_lengths(parts, blocks)
    )


def _components(part: ex.Expression) -> list[ex.Expression] | None:
    """The energies a_k of -log(sum of exp(-a_k)); None for anything else."""
    if not isinstance(part, ex.Product) or len(part.factors) != 2:
        return None
    sign, logarithm = part.factors
    if sign != ex.Number(Fraction(-1)) or not isinstance(logarithm, ex.Elementwise):
        return None
    if logarithm.name != "log" or not isinstance(logarithm.operand, ex.Sum):
        return None
    terms = logarithm.operand.terms
    if len(terms) > _MOST_COMPONENTS or any(entry_signs(t) != POSITIVE for t in terms):
        return None
    return [_negative_log(term) for term in terms]


def _negative_log(term: ex.Expression) -> ex.Expression:
    """-log of a product of constants and one exponential, up to a constant."""
    factors = term.factors if isinstance(term, ex.Product) else (term,)
    if isinstance(term, ex.Quotient) and not term.denominator.varies:
        return _negative_log(term.numerator)
    varying = [f for f in factors if f.varies]
    if not varying:
        return ZERO
    if len(varying) == 1 and isinstance(varying[0], ex.Elementwise) and varying[0].name == "exp":
        return ex.Negation(varying[0].operand)
    return ex.Negation(ex.Elementwise("log", term))


def _directly(parts: list[ex.Expression], blocks: Blocks) -> str | None:
    if not parts or any(not any(p.depends_on(x) for p in parts) for x in blocks):
        return None
    energy = ex.Sum(tuple(parts))
    found = eliminate(energy, tuple(blocks), ())
    if found.infinite is None and found.is_finite and not found.assumptions:
        return "; ".join(step.reason for step in (*found.steps, *found.open_steps))
    return _radial_scalars(energy, blocks) or _grows_like_a_power(parts, blocks)


def _radial_scalars(energy: ex.Expression, blocks: Blocks) -> str | None:
    """Scalars that enter through one sum of their squares only: their length and its measure."""
    if len(blocks) < 2 or any(x.shape or x.domain.kind != "real" for x in blocks):
        return None
    lengths: dict[ex.Expression, ex.Expression] = {}
    shapes = set()
    for node in energy.walk():
        squares = _squares(node, blocks) if isinstance(node, ex.Sum) else None
        if squares is not None:
            lengths[node] = ex.Sum((squares[0], ex.Product((Z, Z))))
            shapes.add(squares[1])
    profile = substituted(energy, lengths) if len(shapes) == 1 else energy
    if any(profile.depends_on(x) for x in blocks):
        return None
    found, reason = radial_tail(profile, ex.Number(Fraction(len(blocks))))
    return reason if found is Tail.FINITE else None


def _squares(
    node: ex.Expression, blocks: Blocks
) -> tuple[ex.Expression, tuple[ex.Expression, ...]] | None:
    """The constant, and the positive constant factors of the squares of all blocks."""
    terms = dict(expand(node))
    factors = []
    for x in blocks:
        mine = {m: c for m, c in terms.items() if as_expression({m: c}).depends_on(x)}
        if len(mine) != 1:
            return None
        ((monomial, number),) = mine.items()
        square = (x, Fraction(2))
        rest = as_expression({Monomial(monomial.factors - {square}, monomial.core): number})
        is_square = square in monomial.factors and not rest.varies
        if not is_square or entry_signs(rest) != POSITIVE:
            return None
        factors.append(rest)
        del terms[monomial]
    constant = as_expression(terms)
    return (constant, tuple(factors)) if not constant.varies else None


def _without_nonnegative(parts: list[ex.Expression], blocks: Blocks, judge: Judge) -> str | None:
    """Leave out terms bounded from below, those with most variables first, or last."""
    helpful = [part for part in parts if is_bounded_below(part)]
    helpful.sort(key=lambda p: -sum(isinstance(n, Variable) for n in p.walk()))
    orders = (helpful, helpful[::-1]) if len(helpful) > 1 else (helpful,)
    found = (_leaving_out(order, parts, blocks, judge) for order in orders)
    return next((reason for reason in found if reason is not None), None)


def _leaving_out(
    helpful: list[ex.Expression], parts: list[ex.Expression], blocks: Blocks, judge: Judge
) -> str | None:
    kept = list(parts)
    for part in helpful:
        fewer = [other for other in kept if other is not part]
        if not all(any(p.depends_on(x) for p in fewer) for x in blocks):
            continue
        kept = fewer
        reason = judge(kept, blocks)
        if reason is not None:
            left = [part for part in helpful if part not in kept]
            how = all(never_negative(entry_signs(part)) for part in left)
            kind = "nonnegative" if how else "bounded from below"
            return f"{reason}, and the other terms are {kind}"
    return None


def _pure_powers(energy: ex.Expression, blocks: Blocks) -> str | None:
    terms = expand(energy)
    degrees: dict[Variable, Fraction] = {}
    leading: dict[Variable, Monomial] = {}
    for x in blocks:
        if x.domain.kind not in ("real", "positive") or x.symmetry is not None:
            return None
        for monomial, coefficient in terms.items():
            degree = _pure_degree(monomial, coefficient, x)
            if degree is not None and degree > degrees.get(x, Fraction(0)):
                degrees[x], leading[x] = degree, monomial
        if x not in degrees:
            return None
    for monomial, coefficient in terms.items():
        part = as_expression({monomial: coefficient})
        if monomial in leading.values() or never_negative(entry_signs(part)):
            continue
        weight = _weight(monomial, coefficient, degrees)
        if weight is None or weight >= 1:
            return None
    shown = " + ".join(f"{x.name}**{d}" for x, d in degrees.items())
    return f"the energy grows at least like {shown}"


def _pure_degree(monomial: Monomial, coefficient: Fraction, x: Variable) -> Fraction | None:
    """d where the term is c sum_i x_i^d with a constant c > 0 and d even, or c sum_i |x_i|."""
    line = Variable(f"{x.name}_line", (), None, x.domain)
    part = as_expression({monomial: coefficient})
    if not part.depends_on(x):
        return None
    scalar = entry_energy(part, x, line) if x.shape else part
    if scalar is None:
        return None
    terms = expand(scalar)
    if len(terms) != 1:
        return None
    ((single, number),) = terms.items()
    entry = line if x.shape else x
    mine, others = single.parted(entry)
    rest = as_expression({others: number})
    if len(mine) != 1 or rest.varies or entry_signs(rest) != POSITIVE:
        return None
    base, exponent = mine[0]
    if base == ex.Elementwise("abs", entry):
        return exponent if exponent > 0 else None
    even = exponent.denominator == 1 and exponent > 0 and exponent % 2 == 0
    never_falls = even or (x.domain.kind == "positive" and exponent > 0)
    return exponent if base == entry and never_falls else None


def _weight(
    monomial: Monomial, coefficient: Fraction, degrees: dict[Variable, Fraction]
) -> Fraction | None:
    """How fast a term can fall, in units of the pure powers; None where that is not known."""
    total = Fraction(0)
    for base, exponent in monomial.factors:
        if not base.varies:
            continue
        if _is_falling_log(base, exponent, coefficient, monomial):
            continue
        weight = growth_power(base, degrees)
        if weight is None or exponent < 0:
            return None
        total += weight * exponent
    return total


def _is_falling_log(
    base: ex.Expression, exponent: Fraction, coefficient: Fraction, monomial: Monomial
) -> bool:
    """-c log P for a polynomial P and a constant c > 0, which falls slower than every power."""
    others = {(b, e) for b, e in monomial.factors if b != base}
    scale = as_expression({Monomial(frozenset(others)): -coefficient})
    is_log = isinstance(base, ex.Elementwise) and base.name == "log" and exponent == 1
    if not is_log or scale.varies or entry_signs(scale) != POSITIVE:
        return False
    ones = {n: Fraction(1) for n in base.walk() if isinstance(n, Variable)}
    return growth_power(base.children[0], ones) is not None
