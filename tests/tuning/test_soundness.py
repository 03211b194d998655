"""Draws say what speaks against them."""

import numpy as np
import pytest

from sdekit.tuning.soundness import (
    quality,
    stiffness_objections,
    tail_index,
    tail_objections,
    varying_entries,
)

RNG = np.random.default_rng(0)
SHAPE = (4, 1000)


def test_independent_draws_have_nothing_against_them():
    found = quality({"x": RNG.normal(size=(*SHAPE, 2)), "y": RNG.normal(size=SHAPE)})
    assert found.objections(400) == [] and found.entries == ("x[0]", "x[1]", "y")
    assert found.objections(10**6) != []


def with_shifted_chain():
    draws = RNG.normal(size=SHAPE)
    draws[0] += 1
    return draws


def with_a_number_missing():
    draws = RNG.normal(size=SHAPE)
    draws[1, 5] = np.nan
    return draws


BAD = {
    "a chain elsewhere": with_shifted_chain(),
    "a chain that never moves": RNG.normal(size=SHAPE) * np.array([0, 1, 1, 1])[:, None],
    "chains that stay where they began": np.ones(SHAPE) * np.arange(4)[:, None],
    "a number that is none": with_a_number_missing(),
    "random walks": RNG.normal(size=SHAPE).cumsum(1),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_chains_are_named(kind):
    found = quality({"good": RNG.normal(size=SHAPE), "bad": BAD[kind]})
    assert "R-hat of bad" in found.objections(400)[0]


def test_a_constant_of_the_model_is_no_stuck_chain():
    names, draws = varying_entries({"c": np.ones(SHAPE), "x": RNG.normal(size=SHAPE)})
    assert names == ["x"] and draws.shape == (*SHAPE, 1)


@pytest.mark.parametrize("nu", [1.0, 3.0])
def test_the_tail_index_of_students_t_is_one_over_its_degrees_of_freedom(nu):
    index, error = tail_index(RNG.standard_t(nu, size=(4, 25_000)))
    assert abs(index - 1 / nu) < 4.5 * error + 0.1 / nu  # the estimator has a bias of 5 % of draws
    assert error < 0.03


def test_only_tails_without_variance_are_objected_to():
    heavy = {"c": RNG.standard_cauchy(size=SHAPE), "x": RNG.normal(size=SHAPE)}
    (said,) = tail_objections(heavy)
    assert "of c (" in said and "x" not in said.partition("(")[0].partition("of ")[2]
    light = {"t": RNG.standard_t(4, size=SHAPE), "e": RNG.exponential(size=SHAPE)}
    assert tail_objections(light) == []


def test_curvature_beyond_the_step_is_objected_to():
    stiffness = np.ones(48)
    assert stiffness_objections(stiffness, 1.9) == []
    stiffness[:3] = 5.0
    assert "funnel: at 6 % of the draws" in stiffness_objections(stiffness, 1.0)[0]
