"""Zero tests of single expressions: identities, near misses, conditions, budgets."""

from fractions import Fraction

import pytest
import sympy as sp

from sdekit.calculus.field.scenes import plain_scene
from sdekit.calculus.field.witnesses.random_points import Interval, Scene
from sdekit.calculus.field.zero_proof import is_zero, zero_decision
from sdekit.calculus.limits import BudgetExceeded, Unsupported
from tests.calculus.field.identities import NOT_ZERO, ZERO, a, p, x, y

f = sp.Function("f", real=True)
k = sp.Symbol("k", integer=True)


@pytest.mark.parametrize("expression", ZERO, ids=str)
def test_an_identity_is_proved(expression):
    assert is_zero(expression, (x, y)) is True


@pytest.mark.parametrize("expression", NOT_ZERO, ids=str)
def test_a_near_miss_is_refuted_at_an_exact_point(expression):
    decision = zero_decision(expression, plain_scene((x, y)))
    assert decision.is_zero is False
    witness = decision.witness
    at_point = expression.subs({key: sp.Rational(str(v)) for key, v in witness.values.items()})
    if witness.value is not None:
        assert sp.nsimplify(at_point) == sp.Rational(str(witness.value))
    elif expression.count_ops() < 40:
        assert abs(sp.N(at_point, 20)) > sp.Float("1e-15")


@pytest.mark.parametrize(
    "expression",
    [
        sp.gamma(x + 1) - x * sp.gamma(x),
        sp.sqrt(3 + 2 * sp.sqrt(2)) - 1 - sp.sqrt(2),
        f(sp.sin(x) ** 2 + sp.cos(x) ** 2) - f(1),
    ],
    ids=str,
)
def test_a_true_identity_beyond_the_relations_is_left_undecided(expression):
    assert is_zero(expression, (x, y)) is None


@pytest.mark.parametrize(
    "expression",
    [
        sp.sqrt(x) * sp.sqrt(-x),
        sp.sqrt(-1 - p),
        sp.log(-(p**2)) - sp.log(-(p**2) * 2) + sp.log(2),
        (-1) ** sp.Rational(1, 3) * x,
        1 / (sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1),
        (-x) ** k - x**k,
    ],
    ids=str,
)
def test_nothing_is_claimed_of_an_expression_that_is_nowhere_real(expression):
    assert is_zero(expression, (x, y)) is None


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (sp.Float("0.1") * x, "float"),
        (sp.nan, "nan"),
        (sp.oo, "oo"),
        (sp.zoo, "zoo"),
        (sp.I * x, "I is not a real number"),
        (sp.Symbol("z", imaginary=True), "not real"),
        (sp.Piecewise((x, x > 0), (0, True)), "Abs, sign, Max or Min"),
        (sp.Integral(x, x), "Integral"),
        (sp.Sum(x, (k, 1, 3)), "Sum"),
    ],
    ids=str,
)
def test_what_is_not_exact_and_real_is_turned_away(expression, reason):
    with pytest.raises(Unsupported, match=reason):
        is_zero(expression, (x, y))


def test_deep_nesting_is_turned_away_before_python_runs_out_of_stack():
    nested = x
    for _ in range(70):
        nested = sp.sin(nested) + 1
    with pytest.raises(Unsupported, match="nested more than"):
        is_zero(nested, (x, y))


def test_an_unknown_function_is_followed_by_the_chain_rule():
    slope = sp.Subs(sp.Derivative(f(y), y), y, x + 1)
    assert is_zero(sp.diff(f(x + 1), x) - slope, (x,)) is True
    assert is_zero(f(x) - f(y), (x, y)) is False


def test_division_leaves_its_condition():
    found = zero_decision(
        (x**2 - 4) / (x - 2) / (1 + x**2) - (x + 2) / (1 + x**2), plain_scene((x,))
    )
    assert found.is_zero is True
    assert found.side_conditions == ("x - 2 != 0",)


def test_bounds_decide_signs():
    scene = Scene((x,), {x: Interval(Fraction(-1), Fraction(1))})
    assert zero_decision(sp.Abs(x - 1) - 1 + x, scene).is_zero is True
    assert is_zero(sp.Abs(x - 1) - 1 + x, (x,)) is False


def test_a_definite_matrix_has_a_positive_determinant():
    entries = sp.symbols("g_11 g_12 g_22", real=True)
    matrix = sp.ImmutableMatrix([[entries[0], entries[1]], [entries[1], entries[2]]])
    minor = entries[0] * entries[2] - entries[1] ** 2
    scene = Scene((x,), {}, (matrix,))
    assert zero_decision(sp.Abs(minor) - minor, scene).is_zero is True
    assert is_zero(sp.Abs(minor) - minor, (x,)) is False


def test_a_budget_ends_what_would_take_too_long():
    dense = sp.Add(*(x**i * y**j * a**i * p**j for i in range(12) for j in range(12)))
    with pytest.raises(BudgetExceeded):
        zero_decision(sp.sin(dense) ** 2 + sp.cos(dense) ** 2 - 1, plain_scene((x, y)), budget=0.0)


@pytest.mark.parametrize(
    "expression",
    [
        (2 * x + 4) ** (10**9) - 1,
        sp.sqrt(2 * x + 4) ** (10**9 + 1) - x,
        (x / 3 + y) ** -(10**9) - y,
    ],
    ids=str,
)
def test_huge_powers_are_refuted_without_being_worked_out(expression):
    assert is_zero(expression, (x, y)) is False


def test_a_huge_power_in_a_true_identity_is_proved_or_given_up():
    base = 2 * x + 4
    expression = base ** (10**9) * (base + 1) - base ** (10**9 + 1) - base ** (10**9)
    with pytest.raises(BudgetExceeded, match="too large"):
        is_zero(expression, (x, y))


def test_a_semidefinite_matrix_may_have_a_vanishing_determinant():
    entries = sp.symbols("g_11 g_12 g_22", real=True)
    matrix = sp.ImmutableMatrix([[entries[0], entries[1]], [entries[1], entries[2]]])
    minor = entries[0] * entries[2] - entries[1] ** 2
    for scene, conditions in (
        (Scene((x,), {}, matrices=(matrix,)), ()),
        (Scene((x,), {}, semidefinite=(matrix,)), (f"{minor} != 0",)),
    ):
        found = zero_decision(sp.expand(2 * minor) / minor - 2, scene)
        assert found.is_zero is True
        assert found.side_conditions == conditions


@pytest.mark.parametrize(
    "expression",
    [
        sp.sign(sp.Max(0, x)) - 1,
        sp.sign(sp.Max(0, x) + sp.Max(0, y)) - 1,
        sp.sign(sp.exp(sp.Abs(x)) - sp.exp(x)) - 1,
        sp.sqrt(sp.Max(0, x)) ** 3 - x * sp.sqrt(sp.Max(0, x)) + sp.sqrt(x**2) - x,
        2 * sp.Max(-y, y * sp.sign(x)) - 2 * sp.Abs(sp.Max(-y, y * sp.sign(x))),
    ],
    ids=str,
)
def test_what_holds_only_off_an_open_set_of_zeros_is_not_proved(expression):
    """Trap: sign(0) = 0 on a whole half-plane, where "the sign is 1 or -1" fails."""
    assert is_zero(expression, (x, y)) is not True


def test_the_sign_of_a_positive_part_is_an_indicator():
    assert is_zero(sp.sign(sp.Max(0, x)) - (1 + sp.sign(x)) / 2, (x, y)) is True
