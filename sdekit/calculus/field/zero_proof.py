"""Zero tests: the order in which zero is refuted and proved, for residuals and single expressions.

First a few random exact points, which refute fast and without expanding; then the normal form in a
coarse tower, then in a fine one; then more points at higher precision. True needs a normal form
that is zero and a point at which everything is defined; False needs a witness; else None.

Not for residuals of a triple (`field_residual`), which come in as two functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from sdekit.calculus.field.admission import check_input
from sdekit.calculus.field.cells import vanishes_in_every_cell
from sdekit.calculus.field.conditions import condition_texts
from sdekit.calculus.field.reading import Reader
from sdekit.calculus.field.ring.polynomial import Polynomial
from sdekit.calculus.field.ring.tower import Scales, Tower
from sdekit.calculus.field.scenes import plain_scene, reader_of
from sdekit.calculus.field.witnesses.ball_functions import Number
from sdekit.calculus.field.witnesses.random_points import Scene
from sdekit.calculus.field.witnesses.taylor import Expander, ValueOf
from sdekit.calculus.field.witnesses.witness import Evaluation, PointWitness, search
from sdekit.calculus.limits import Unsupported, spending
from sdekit.declaration.model.sympy_types import Expr

#: Seconds granted to one zero test when nothing is said.
DEFAULT_BUDGET = 10.0
#: Points with a value that may be zero, after which a proof is tried.
_FIRST_POINTS = 2
#: Points tried before a proof, and after one failed.
_FIRST_SEEDS = range(24)
_LATER_SEEDS = range(24, 72)
#: Bits of the balls after a failed proof.
_LATER_PRECISION = 640

NormalForm = Callable[[Reader], tuple[Tower, Polynomial]]


@dataclass(frozen=True)
class Decision:
    """The outcome of a zero test.

    Attributes:
        is_zero: True (proved), False (refuted by the witness), None (neither).
        reason: Why, as half a sentence.
        witness: Given exactly when `is_zero` is False.
        side_conditions: Where the expressions are defined, as far as that is not certain.
    """

    is_zero: bool | None
    reason: str
    witness: PointWitness | None = None
    side_conditions: tuple[str, ...] = ()


def decide(evaluate: Evaluation, normal_form: NormalForm, scene: Scene) -> Decision:
    """Whether something vanishes wherever it is defined.

    Args:
        evaluate: Its value at a point.
        normal_form: Its normal form in the tower of a reader.
        scene: What is assumed.

    Raises:
        Unsupported: If neither route understands the expressions.
        BudgetExceeded: If the time granted is over.
    """
    refusal = ""
    defined = 0
    try:
        first = search(evaluate, scene, _FIRST_SEEDS, enough=_FIRST_POINTS)
        if first.witness is not None:
            return Decision(False, "it does not vanish at an exact point", first.witness)
        defined = first.defined
    except Unsupported as unsupported:
        refusal = unsupported.reason
    if not defined:
        why = refusal or "no point was found at which everything is defined and real"
        return Decision(None, why)
    scales: Scales = {}
    before: Scales | None = None
    for is_fine in (False, True, True):
        if scales == before:
            # The scales that were found late in the fine tower were the ones it began with.
            break
        before = dict(scales) if is_fine else None
        try:
            reader = reader_of(scene, is_fine=is_fine, scales=scales)
            tower, element = normal_form(reader)
            if tower.is_zero(element) or (is_fine and vanishes_in_every_cell(tower, element)):
                return Decision(
                    True, "its normal form is zero", side_conditions=condition_texts(reader)
                )
        except Unsupported as unsupported:
            refusal = refusal or unsupported.reason
    later = search(evaluate, scene, _LATER_SEEDS, precision=_LATER_PRECISION)
    if later.witness is not None:
        return Decision(False, "it does not vanish at an exact point", later.witness)
    return Decision(
        None, refusal or "its normal form is not zero, but it vanishes at every point tried"
    )


def is_zero(expression: Expr, coordinates: Sequence[sp.Symbol] = ()) -> bool | None:
    """Whether an expression vanishes wherever it is defined and real.

    Args:
        expression: SymPy.
        coordinates: The symbols that unknown functions may be differentiated along.

    Returns:
        True: proved. False: it is not zero at some exact point. None: neither was found.

    Raises:
        Unsupported: If it holds something inexact, unreal or unknown.
        BudgetExceeded: If the time granted is over.

    Example:
        >>> x = sp.Symbol("x", real=True)
        >>> is_zero(sp.cosh(x) ** 2 - sp.sinh(x) ** 2 - 1), is_zero(sp.sqrt(x**2) - x)
        (True, False)

    Checked by: tests/calculus/field/test_zero_proof.py.
    """
    return zero_decision(expression, plain_scene(coordinates)).is_zero


def zero_decision(
    expression: Expr, scene: Scene, *, budget: float | None = DEFAULT_BUDGET
) -> Decision:
    """The same under any assumptions, with the reason, the witness and the side conditions.

    Args:
        expression: SymPy.
        scene: The coordinates, and what is assumed.
        budget: Seconds granted; None for no limit.
    """
    expression = sp.sympify(expression)

    def value_at(value_of: ValueOf) -> Number:
        return Expander(scene.coordinates, value_of, wanted=()).expand(expression).value

    def normal_form(reader: Reader) -> tuple[Tower, Polynomial]:
        return reader.tower, reader.read(expression)

    with spending(budget):
        check_input(expression)
        return decide(value_at, normal_form, scene)
