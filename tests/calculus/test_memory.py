"""Answers are kept while a question is decided, and no longer."""

import pytest

import sdekit as sk
from sdekit.calculus.contraction.lowering import lower
from sdekit.calculus.limits import BudgetExceeded
from sdekit.calculus.memory import remembered, remembering


def counted():
    asked = []

    @remembered
    def double(x):
        asked.append(x)
        if x == 0:
            raise BudgetExceeded
        return 2 * x

    return double, asked


def test_inside_each_argument_is_asked_once_and_an_inner_memory_is_the_outer_one():
    double, asked = counted()
    with remembering():
        assert [double(1), double(2), double(1)] == [2, 4, 2]
        with remembering():
            assert double(1) == 2
        assert double(2) == 4
    assert asked == [1, 2]


def test_outside_and_for_the_next_question_nothing_is_kept():
    double, asked = counted()
    assert double(1) == double(1) == 2
    with remembering():
        double(1)
    with remembering():
        double(1)
    assert asked == [1] * 4


def test_a_budget_that_ran_out_is_no_answer():
    double, asked = counted()
    with remembering():
        for _ in range(2):
            with pytest.raises(BudgetExceeded):
                double(0)
    assert asked == [0, 0]


def test_two_functions_of_one_argument_have_each_their_answer():
    (double, _), (other, asked) = counted(), counted()
    with remembering():
        assert double(3) == other(3)
    assert asked == [3]


def test_a_tensor_is_made_once_for_equal_expressions():
    x = sk.scalar("x")
    with remembering():
        assert lower(x**2 + 1) is lower(x**2 + 1)
    assert lower(x**2 + 1) is not lower(x**2 + 1)
