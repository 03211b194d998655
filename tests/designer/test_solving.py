"""Polynomial equations are solved by cases, and never answered with "none" for want of a way."""

import pytest
from flint import Ordering, fmpq_mpoly_ctx

from sdekit.calculus.limits import Unsupported
from sdekit.designer.solving import families, maximal

ring = fmpq_mpoly_ctx.get(["x", "y", "a"], Ordering.degrevlex)
x, y, a = ring.gens()


def solved(*equations, nonzero=()):
    found = []
    for family in maximal(list(families(equations, ring, [0, 1], nonzero)), ring):
        found.append({k: f"({top})/({bottom})" for k, (top, bottom) in family.values.items()})
    return found


def test_a_linear_system_is_solved_over_the_parameters():
    assert solved((1 + a) * x - 1, y - x) == [{1: "(1)/(a + 1)", 0: "(1)/(a + 1)"}]


def test_every_case_of_a_product_is_found_once():
    assert solved(x * y - x, x * (x - a)) == [{1: "(1)/(1)", 0: "(a)/(1)"}, {0: "(0)/(1)"}]


def test_what_must_not_vanish_does_not():
    assert solved(x * y - x, nonzero=[x]) == [{1: "(1)/(1)"}]


def test_contradictions_have_no_solution():
    assert solved(x - 1, x - a) == solved(x * y - 1, x) == []


@pytest.mark.parametrize("equation", [x**2 - 2, x**2 - a, x**3 + y**2 * x**2 - y**3 - 1])
def test_roots_outside_the_field_are_refused(equation):
    """Twin: they have solutions, so that "none" would be a wrong answer."""
    with pytest.raises(Unsupported, match="no rational function"):
        solved(equation)
