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

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.growth import Z
from sdekit.calculus.expansion.monomial_sums import Monomial, TooLarge, as_expression
from sdekit.calculus.expansion.rewriting import substituted, with_closed_ends
from sdekit.calculus.limits import Unsupported
from sdekit.calculus.signs.bounded import is_bounded, is_bounded_below
from sdekit.calculus.signs.implied_signs import entry_signs
from sdekit.calculus.signs.sign_values import POSITIVE, never_negative
from sdekit.declaration.functions.records import FUNCTIONS
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.operators import ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.currents.smoothness import has_pole, may_be_undefined
from sdekit.verifier.integrals.elimination import eliminate
from sdekit.verifier.integrals.shapes import entry_energy, radial_tail
from sdekit.verifier.integrals.tails import Tail

#: Summands beyond this are left together.
_MOST_SUMMANDS = 40
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
    if not blocks or may_be_undefined(energy):
        return None
    is_compact = all(x.domain.kind in ("circle", "interval") for x in blocks)
    if is_compact and not has_pole(with_closed_ends(energy)):
        return "the energy is bounded on a bounded domain"
    try:
        return _of_summands(summands(energy), blocks, _directly)
    except (TooLarge, Unsupported):
        return None


def grows_by_bounds(energy: ex.Expression, blocks: Blocks) -> str | None:
    """Why an energy is bounded below and tends to infinity with the blocks; None if not seen.

    The bounds are those of `finite_by_bounds`. One of independent blocks on the whole space has a
    finite integral only where it tends to infinity, unless it has poles: its leading terms decide.

    Args:
        energy: A scalar without unknown functions, of the blocks and of parameters.
        blocks: All that it depends on, on the whole space.

    Checked by: tests/verifier/integrals/test_lower_bounds.py.
    """
    if not blocks or may_be_undefined(energy) or has_pole(energy):
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
    return _pure_powers(energy, blocks)


def summands(energy: ex.Expression, scale: tuple[ex.Expression, ...] = ()) -> list[ex.Expression]:
    """The terms of a sum as written, constant factors drawn in."""
    match energy:
        case ex.Sum():
            return [part for term in energy.terms for part in summands(term, scale)]
        case ex.Negation():
            return summands(energy.operand, (*scale, ex.Number(Fraction(-1))))
        case ex.Quotient() if not energy.denominator.shape and not energy.denominator.varies:
            inverse = ex.Power(energy.denominator, ex.Number(Fraction(-1)))
            return summands(energy.numerator, (*scale, inverse))
        case ex.Product() if not energy.shape:
            varying = [f for f in energy.factors if f.varies]
            constant = tuple(f for f in energy.factors if not f.varies)
            if len(varying) == 1 and constant and not varying[0].shape:
                return summands(varying[0], (*scale, *constant))
    return [ex.Product((*scale, energy)) if scale else energy]


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
    kept = [part for part in parts if not is_bounded(part)]
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
    reason = _without_nonnegative(kept, blocks, judge) or judge(kept, blocks)
    if reason is None:
        return None
    return f"{reason}, and the other terms are bounded" if bounded else reason


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
    return _radial_scalars(energy, blocks) or _pure_powers(energy, blocks)


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
        weight = _growth(base, degrees)
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
    return _growth(base.children[0], ones) is not None


def _growth_of_log(operand: ex.Expression, degrees: dict[Variable, Fraction]) -> Fraction | None:
    """Of log(c + sum of exp(u)) with c >= 0, which is at most the largest |u| and a constant."""
    terms = operand.terms if isinstance(operand, ex.Sum) else (operand,)
    if any(entry_signs(term) != POSITIVE for term in terms):
        return None
    exponents = [_exponent(term) for term in terms if term.varies]
    known = [None if u is None else _growth(u, degrees) for u in exponents]
    return None if None in known else max((k for k in known if k is not None), default=Fraction(0))


def _exponent(term: ex.Expression) -> ex.Expression | None:
    """u of exp(u), or of sums of its entries with constant weights; None for anything else."""
    if isinstance(term, (ex.Dot, ex.MatMul)):
        varying = [side for side in (term.left, term.right) if side.varies]
        if len(varying) != 1:
            return None
        (term,) = varying
    return term.children[0] if isinstance(term, ex.Elementwise) and term.name == "exp" else None


#: |f(u)| <= C (1 + |u|)^k by the growth that the record of f states.
_SCALES = {"linear": Fraction(1), "root": Fraction(1, 2)}


def _growth(node: ex.Expression, degrees: dict[Variable, Fraction]) -> Fraction | None:
    """w with |node| <= C (1 + sum of pure powers)^w, entry by entry; None where none is known."""
    if not node.varies:
        return Fraction(0)
    if isinstance(node, Variable):
        return 1 / degrees[node] if node in degrees else None
    children = [_growth(child, degrees) for child in node.children]
    match node:
        case ex.Elementwise():
            if FUNCTIONS[node.name].bounds is not None:
                return Fraction(0)
            if node.name == "log":
                return _growth_of_log(node.children[0], degrees)
            scale = _SCALES.get(FUNCTIONS[node.name].growth)
            return None if scale is None or children[0] is None else scale * children[0]
        case ex.Power():
            e = node.exponent
            if not isinstance(e, ex.Number) or e.value < 0 or children[0] is None:
                return None
            return children[0] * e.value
        case ex.Quotient():
            return children[0] if not node.denominator.varies else None
    known = [child for child in children if child is not None]
    if len(known) < len(children):
        return None
    match node:
        case ex.Product() | ex.Dot() | ex.MatMul() | ex.Outer():
            return sum(known, Fraction(0))
        case ex.Sum() | ex.Negation() | ex.Transpose() | ex.Trace() | ex.Diag():
            return max(known)
    return None
