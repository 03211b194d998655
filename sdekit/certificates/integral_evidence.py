"""What a stand-alone checker needs to repeat an integral: its name in a table, and its parameters.

Each block that the verifier integrated out becomes one record; a block that no named integral
covers has none. Not for finding out whether an integral is finite (`sdekit.verifier.integrals`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from sdekit.calculus.expansion.expand import expand
from sdekit.calculus.expansion.monomial_sums import Monomial, TooLarge, as_expression
from sdekit.calculus.limits import Unsupported
from sdekit.declaration.tree import expression as ex
from sdekit.declaration.tree.operators import ONE, ZERO
from sdekit.declaration.tree.symbols import Variable
from sdekit.verifier.integrals.closed_forms import multiple_of_identity
from sdekit.verifier.integrals.elimination import Step
from sdekit.verifier.integrals.quadratic import Split, involves, split_by

#: A named integral with its parameters, still as expressions.
Evidence = dict[str, Any]
#: The terms of an energy by what they have of the block: its factors, and the coefficient.
Shape = Mapping[frozenset[tuple[ex.Expression, Fraction]], ex.Expression]

_TWO = ex.Number(Fraction(2))


def integral_evidence(step: Step) -> Evidence | None:
    """The named integral of one step, its parameters as expressions; None where none fits.

    Checked by: tests/certificates/test_checker.py.
    """
    if step.integral.assumptions:
        return assumed(step.blocks, step.energy)
    if len(step.blocks) != 1:
        return None
    (x,) = step.blocks
    try:
        if x.domain.kind == "circle":
            found: Evidence | None = {"kind": "uniform", "energy": only([x], step.energy)}
        else:
            found = gaussian_evidence(x, step.energy) or by_shape(x, step.energy)
    except (TooLarge, Unsupported):
        return None
    return None if found is None else {**found, "blocks": [x.name]}


def assumed(blocks: Sequence[Variable], energy: ex.Expression) -> Evidence | None:
    """Unknown functions with their weights, and the rest of an energy; None where one is no term.

    Raises:
        TooLarge: If the energy has more terms than are worth expanding.
    """
    weights: dict[str, list[ex.Expression]] = {}
    rest: list[ex.Expression] = [ZERO]
    for monomial, coefficient in expand(energy).items():
        calls = [(base, e) for base, e in monomial.factors if isinstance(base, ex.Call)]
        if not calls:
            rest.append(as_expression({monomial: coefficient}))
            continue
        ((call, exponent), *more) = calls
        if exponent != 1 or more or monomial.core is not None:
            return None
        weight = {Monomial(monomial.factors - {(call, exponent)}): coefficient}
        weights.setdefault(call.function.name, []).append(as_expression(weight))
    functions = {name: _sum(parts) for name, parts in weights.items()}
    names = [x.name for x in blocks]
    return {"kind": "assumed", "blocks": names, "functions": functions, "rest": _sum(rest)}


def _sum(parts: list[ex.Expression]) -> ex.Expression:
    return parts[0] if len(parts) == 1 else ex.Sum(tuple(parts))


def only(blocks: Sequence[Variable], energy: ex.Expression) -> ex.Expression:
    """The terms of an energy that hold one of these."""
    mine = {m: c for m, c in expand(energy).items() if any(involves(m, x) for x in blocks)}
    return as_expression(mine)


def gaussian_evidence(x: Variable, energy: ex.Expression) -> Evidence | None:
    """The mean and the form of an energy that is quadratic in x."""
    split = split_by(expand(energy), x)
    if split.other or not split.hessian:
        return None
    form = as_expression(split.hessian)
    found = {"kind": "gaussian", "mean": _mean(x, split, form), "form": form}
    if form.varies and x.ndim < 2:
        found["inverse"] = ex.Inverse(form) if x.shape else ex.Quotient(ONE, form)
        found["logdet"] = ex.LogDet(form) if x.shape else ex.Elementwise("log", form)
    return found


def _mean(x: Variable, split: Split, form: ex.Expression) -> ex.Expression:
    if not split.linear:
        return ex.Product((ZERO, x))
    linear = as_expression(split.linear)
    scale = form if not x.shape else multiple_of_identity(split)
    if scale is not None:
        return ex.Negation(ex.Quotient(linear, scale))
    if x.ndim != 1:
        raise Unsupported("the mean of a matrix with another form than a multiple of one")
    return ex.Negation(ex.MatMul(ex.Inverse(form), linear))


def by_shape(x: Variable, energy: ex.Expression) -> Evidence | None:
    """A named energy of x with its parameters."""
    shape: dict[Any, list[ex.Expression]] = {}
    for monomial, coefficient in expand(energy).items():
        mine = frozenset(f for f in monomial.factors if f[0].depends_on(x))
        rest = as_expression({Monomial(monomial.factors - mine): coefficient})
        if mine and monomial.core is None:
            shape.setdefault(mine, []).append(rest)
    summed = {mine: ex.Sum(tuple(parts)) for mine, parts in shape.items()}
    for family, conditions in _FAMILIES.items():
        found = family(x, summed)
        if found is not None:
            pairs = zip(found["coefficients"], conditions, strict=False)
            bounds = [_bound(c, *rule) for c, rule in pairs]
            return {**found, "bounds": bounds}
    return None


def _bound(c: ex.Expression, scale: int, shift: int) -> ex.Expression:
    """scale c + shift, multiplied out: what has to be positive."""
    scaled = ex.Product((ex.Number(Fraction(scale)), c))
    return as_expression(expand(ex.Sum((ex.Number(Fraction(shift)), scaled))))


def _power(base: ex.Expression, exponent: int | Fraction = 1) -> frozenset:
    return frozenset({(base, Fraction(exponent))})


def _coefficients(shape: Shape, *keys: frozenset) -> list[ex.Expression] | None:
    """The coefficients of these and no other terms, in order; zero for a term that is absent."""
    if not {*shape} <= {*keys}:
        return None
    return [shape.get(key, ZERO) for key in keys]


def _gamma(x: Variable, shape: Shape) -> Evidence | None:
    found = _coefficients(shape, _power(x), _power(ex.Elementwise("log", x)))
    if found is None or x.domain.kind != "positive":
        return None
    return {"kind": "gamma", "coefficients": found}


def _beta(x: Variable, shape: Shape) -> Evidence | None:
    logs = (ex.Elementwise("log", x), ex.Elementwise("log", ex.Sum((ONE, ex.Negation(x)))))
    found = _coefficients(shape, *map(_power, logs))
    if found is None or x.domain.kind != "interval":
        return None
    return {"kind": "beta", "coefficients": found}


def _lognormal(x: Variable, shape: Shape) -> Evidence | None:
    log = ex.Elementwise("log", x)
    found = _coefficients(shape, _power(log, 2), _power(log))
    if found is None or x.domain.kind != "positive":
        return None
    return {"kind": "lognormal", "coefficients": found}


def _student(x: Variable, shape: Shape) -> Evidence | None:
    if len(shape) != 1 or x.shape:
        return None
    ((mine, c),) = shape.items()
    ((base, exponent),) = mine if len(mine) == 1 else ((None, 0),)
    if exponent != 1 or not isinstance(base, ex.Elementwise) or base.name != "log":
        return None
    return {"kind": "student", "coefficients": [c], **_quadratic(x, base.operand)}


def _quadratic(x: Variable, energy: ex.Expression) -> Evidence:
    r"""$f + s\,|x - m|^2$ as its floor f, slope s and mean m.

    Raises:
        Unsupported: If the energy is of another shape.
    """
    split = split_by(expand(energy), x)
    scale = multiple_of_identity(split) if x.shape else as_expression(split.hessian)
    if split.other or scale is None or not split.hessian or (split.linear and x.shape):
        raise Unsupported("another quadratic")
    linear = as_expression(split.linear)
    mean = ex.Product((ZERO, x)) if x.shape else ex.Negation(ex.Quotient(linear, scale))
    lost = ex.Quotient(ex.Power(linear, _TWO), ex.Product((_TWO, scale)))
    constant = as_expression(split.constant)
    floor = ex.Sum((constant, ex.Negation(lost))) if split.linear else constant
    mean = mean if split.linear else ex.Product((ZERO, x))
    slope = as_expression(expand(ex.Quotient(scale, _TWO)))
    return {"floor": as_expression(expand(floor)), "slope": slope, "mean": mean}


def _polynomial(x: Variable, shape: Shape) -> Evidence | None:
    r"""$c_k x^k + \dots$ of one scalar; that k is even and $c_k > 0$ is for the checker to see."""
    found: dict[int, ex.Expression] = {}
    for mine, coefficient in shape.items():
        ((base, exponent),) = mine if len(mine) == 1 else ((None, Fraction(0)),)
        if base != x or x.shape or coefficient.varies or exponent.denominator != 1 or exponent < 1:
            return None
        found[int(exponent)] = coefficient
    powers = range(max(found, default=0), 0, -1)
    return {"kind": "polynomial", "coefficients": [found.get(k, ZERO) for k in powers]}


def _root(x: Variable, shape: Shape) -> Evidence | None:
    r"""$a\sqrt{b|x|^2 + d} \ge a\sqrt b\,|x|$."""
    if len(shape) != 1:
        return None
    ((mine, a),) = shape.items()
    ((base, exponent),) = mine if len(mine) == 1 else ((None, 0),)
    if isinstance(base, ex.Elementwise) and base.name == "sqrt" and exponent == 1:
        base, exponent = base.operand, Fraction(1, 2)
    if base is None or exponent != Fraction(1, 2):
        return None
    return {"kind": "root", "coefficients": [a], **_quadratic(x, base)}


#: Each with the (scale, shift) of the bounds on its first coefficients, as the checker has them.
_FAMILIES: dict[Callable[[Variable, Shape], Evidence | None], list[tuple[int, int]]] = {
    _gamma: [(1, 0), (-1, 1)],
    _beta: [(-1, 1), (-1, 1)],
    _lognormal: [(1, 0)],
    _student: [(2, -1)],
    _root: [(1, 0)],
    _polynomial: [(1, 0)],
}
