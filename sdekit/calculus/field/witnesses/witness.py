"""Search for an exact point at which something that should vanish does not.

What is evaluated is given as a function of the point, so that stationarity, identities and parts of
them are searched alike. A witness needs the value to be an exact non-zero rational, or a ball that
excludes zero.

Not for proofs: that no witness is found shows nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import factorial, prod

import sympy as sp
from flint import arb, fmpq

from sdekit.calculus.field.ring.partials import JetOf
from sdekit.calculus.field.witnesses.ball_functions import (
    PRECISION,
    Number,
    is_defined,
    is_surely_nonzero,
    working_precision,
)
from sdekit.calculus.field.witnesses.balls import number_value
from sdekit.calculus.field.witnesses.random_points import Point, Scene
from sdekit.calculus.field.witnesses.taylor import ValueOf
from sdekit.calculus.limits import tick
from sdekit.declaration.model.sympy_types import Expr, Matrix

#: Digits of a ball that are printed.
_DIGITS = 12
#: A witness with at most this many values is made simpler, value by value.
_MOST_SIMPLIFIED = 24
_SIMPLE = (fmpq(0), fmpq(1))
#: A polynomial in more variables is not written out.
_MOST_VARIABLES = 12

#: The value at a point of what should be zero.
Evaluation = Callable[[ValueOf], Number]


@dataclass(frozen=True)
class PointWitness:
    """An exact point at which something does not vanish.

    Attributes:
        values: Value of every symbol and jet that was needed, by its SymPy expression.
        value: The exact value there; None where it is known as a ball only.
        ball: The value as text: an exact number, or a ball that excludes zero.
        functions: For unknown functions of symbols, a polynomial with these jets, by call.
    """

    values: dict[Expr, Fraction]
    value: Fraction | None
    ball: str
    functions: dict[Expr, Expr] = field(default_factory=dict)

    @property
    def point(self) -> dict[str, str]:
        """Values of the symbols alone, as text, sorted by name."""
        texts = {str(k): str(v) for k, v in self.values.items() if isinstance(k, sp.Symbol)}
        return dict(sorted(texts.items()))

    @property
    def function_texts(self) -> dict[str, str]:
        """The unknown functions as text, such as {"U(x)": "x**2/2"}."""
        return {str(call): sp.sstr(value) for call, value in self.functions.items()}


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes:
        witness: A witness, or None.
        defined: At how many points the value was defined.
    """

    witness: PointWitness | None
    defined: int


def search(
    evaluate: Evaluation,
    scene: Scene,
    seeds: Iterable[int],
    *,
    enough: int | None = None,
    precision: int = PRECISION,
) -> Search:
    """Evaluate at random points until a value is surely not zero.

    Args:
        evaluate: What should be zero.
        scene: What points must respect.
        seeds: One for each point to try.
        enough: Stop after this many points with a value that may be zero.
        precision: Bits of the balls.

    Raises:
        Unsupported: If there are no values, for any point.
        BudgetExceeded: If the time granted is over.
    """
    defined = 0
    for seed in seeds:
        point = Point(scene, seed)
        value = _value(evaluate, point, precision)
        if value is None:
            continue
        defined += 1
        if is_surely_nonzero(value):
            return Search(_witness(*_simplified(evaluate, point, value, precision)), defined)
        if enough is not None and defined >= enough:
            break
    return Search(None, defined)


def _value(evaluate: Evaluation, point: Point, precision: int) -> Number | None:
    """The value at the point; None where it is not defined or the point contradicts itself."""
    tick()
    with working_precision(precision):
        value = evaluate(point)
        return value if is_defined(value) and _is_consistent(point) else None


def _is_consistent(point: Point) -> bool:
    """Whether calls of one function at different arguments are at different places.

    U(x) and U(y) have independent jets only where x != y.
    """
    calls: dict[object, set[Expr]] = {}
    for key in point.values:
        if isinstance(key, JetOf):
            calls.setdefault(key.call.func, set()).add(key.call)
    symbols = {key: value for key, value in point.values.items() if not isinstance(key, JetOf)}
    for same in calls.values():
        for first, second in itertools.combinations(same, 2):
            gaps = [a - b for a, b in zip(first.args, second.args, strict=False) if a != b]
            free = set().union(*(gap.free_symbols for gap in gaps))
            for symbol in free - symbols.keys():
                symbols[symbol] = point(symbol)
            if not any(is_surely_nonzero(number_value(gap, symbols)) for gap in gaps):
                return False
    return True


def _simplified(
    evaluate: Evaluation, point: Point, value: Number, precision: int
) -> tuple[Point, Number]:
    """The same witness with as many zeros and ones as it keeps."""
    if len(point.values) > _MOST_SIMPLIFIED:
        return point, value
    matrices: tuple[Matrix, ...] = point.scene.drawn_matrices
    bound = {entry for matrix in matrices for entry in matrix if entry.is_Symbol}
    for key in sorted(point.values, key=str):
        if isinstance(key, JetOf):
            is_free = bool(key.places) or not _is_constrained(key.call, point.scene)
        else:
            is_free = key not in bound
        for simple in _SIMPLE if is_free else ():
            if point.values.get(key) == simple or not _is_allowed(key, simple, point.scene):
                continue
            trial = Point(point.scene, point.seed, {**point.values, key: simple})
            found = _value(evaluate, trial, precision)
            if found is not None and is_surely_nonzero(found):
                point, value = trial, found
                break
    return point, value


def _is_constrained(call: Expr, scene: Scene) -> bool:
    """Whether values of a function are restricted, by assumptions or as a matrix entry."""
    if any(call in matrix.atoms(type(call)) for matrix in scene.drawn_matrices):
        return True
    return any(getattr(call, f"is_{name}") for name in ("nonnegative", "nonpositive", "nonzero"))


def _is_allowed(key: sp.Symbol | JetOf, value: fmpq, scene: Scene) -> bool:
    if isinstance(key, JetOf):
        return True
    bounds = scene.bounds.get(key)
    if bounds is not None and not (
        (bounds.lower is None or value > fmpq(bounds.lower.numerator, bounds.lower.denominator))
        and (bounds.upper is None or value < fmpq(bounds.upper.numerator, bounds.upper.denominator))
    ):
        return False
    number = sp.Rational(int(value.p), int(value.q))
    return all(getattr(number, f"is_{name}") == truth for name, truth in key.assumptions0.items())


def _witness(point: Point, value: Number) -> PointWitness:
    functions = _polynomials(point)
    values = {
        (key.expression() if isinstance(key, JetOf) else key): _fraction(number)
        for key, number in point.values.items()
    }
    if isinstance(value, arb):
        exact, text = None, value.str(_DIGITS)
    else:
        exact = _fraction(value)
        text = str(exact)
    return PointWitness(values, exact, text, functions)


def _polynomials(point: Point) -> dict[Expr, Expr]:
    """For each unknown function of symbols, the polynomial with the jets at the point."""
    terms: dict[Expr, list[Expr]] = {}
    for key, number in list(point.values.items()):
        if not isinstance(key, JetOf) or len(key.call.args) > _MOST_VARIABLES:
            continue
        if not all(argument.is_Symbol for argument in key.call.args):
            continue
        if _is_constrained(key.call, point.scene):
            continue
        counts = [key.places.count(place) for place in range(len(key.call.args))]
        shifts = [
            (argument - sp.Rational(str(_fraction(point(argument))))) ** count
            for argument, count in zip(key.call.args, counts, strict=True)
        ]
        weight = sp.Rational(int(number.p), int(number.q)) / prod(map(factorial, counts))
        terms.setdefault(key.call, []).append(weight * sp.Mul(*shifts))
    return {call: sp.Add(*parts) for call, parts in terms.items()}


def _fraction(number: fmpq) -> Fraction:
    return Fraction(int(number.p), int(number.q))
