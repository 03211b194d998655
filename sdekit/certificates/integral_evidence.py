"""What a stand-alone checker needs to repeat an integral: its name in a table, and its parameters.

Each block that the verifier integrated out becomes one record; a block that no named integral
covers has none. Not for finding out whether an integral is finite (`sdekit.verifier.integrals`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from sdekit.verifier.integrals.quadratic import split_by

#: A named integral with its parameters, still as expressions.
Evidence = dict[str, Any]
#: The terms of an energy by what they have of the block: its factors, and the coefficient.
Shape = Mapping[frozenset[tuple[ex.Expression, Fraction]], ex.Expression]

_TWO = Fraction(2)


def integral_evidence(step: Step) -> Evidence | None:
    """The named integral of one step, its parameters as expressions; None where none fits.

    Checked by: tests/certificates/test_checker.py.
    """
    blocks = {"blocks": [x.name for x in step.blocks]}
    if step.integral.assumptions:
        return {"kind": "assumed", **blocks}
    if len(step.blocks) != 1:
        return None
    (x,) = step.blocks
    if x.domain.kind == "circle":
        return {"kind": "uniform", **blocks}
    try:
        found = _gaussian(x, step.energy) or _by_shape(x, step.energy)
    except (TooLarge, Unsupported):
        return None
    return None if found is None else {**found, **blocks}


def _gaussian(x: Variable, energy: ex.Expression) -> Evidence | None:
    split = split_by(expand(energy), x)
    if split.other or not split.hessian or x.domain.kind != "real":
        return None
    if not split.linear:
        return {"kind": "gaussian", "mean": ex.Product((ZERO, x))}
    matrix, linear = as_expression(split.hessian), as_expression(split.linear)
    scale = matrix if not x.shape else multiple_of_identity(split)
    if scale is not None:
        return {"kind": "gaussian", "mean": ex.Negation(ex.Quotient(linear, scale))}
    if x.ndim != 1:
        return None
    return {"kind": "gaussian", "mean": ex.Negation(ex.MatMul(ex.Inverse(matrix), linear))}


def _by_shape(x: Variable, energy: ex.Expression) -> Evidence | None:
    shape: dict[Any, list[ex.Expression]] = {}
    for monomial, coefficient in expand(energy).items():
        mine = frozenset(f for f in monomial.factors if f[0].depends_on(x))
        rest = as_expression({Monomial(monomial.factors - mine): coefficient})
        if mine and monomial.core is None:
            shape.setdefault(mine, []).append(rest)
    summed = {mine: ex.Sum(tuple(parts)) for mine, parts in shape.items()}
    for family in _FAMILIES:
        found = family(x, summed)
        if found is not None:
            return found
    return None


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
    return {"kind": "student", "coefficients": [c], "q": base.operand}


def _polynomial(x: Variable, shape: Shape) -> Evidence | None:
    r"""$c_k x^k + \dots$ of one scalar; that k is even and $c_k > 0$ is for the checker to see."""
    is_power = all(len(mine) == 1 and base == x for mine in shape for base, _ in mine)
    is_alone = not any(coefficient.varies for coefficient in shape.values())
    return {"kind": "polynomial"} if is_power and is_alone and not x.shape else None


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
    split = split_by(expand(base), x)
    scale = multiple_of_identity(split) if x.shape else as_expression(split.hessian)
    if split.linear or split.other or scale is None or not split.hessian:
        return None
    root = ex.Power(ex.Quotient(scale, ex.Number(_TWO)), ex.Number(Fraction(1, 2)))
    return {"kind": "root", "slope": ex.Product((a, root))}


_FAMILIES: tuple[Callable[[Variable, Shape], Evidence | None], ...] = (
    _gamma,
    _beta,
    _lognormal,
    _student,
    _root,
    _polynomial,
)
