"""Reports advise a step size for the bias of the default word."""

import math

import sdekit as sk
from sdekit.reports.chapters.scheme_sections import bias_section
from sdekit.reports.results import ACCEPTED_BIAS, results_of


def advice(name):
    return results_of(sk.catalog.get(name), experiment=False, steps=1).biases


def test_the_advice_for_euler_is_the_exact_bias_of_a_quadratic():
    """<theta^2> = 1/(1 - h/2): leading bias h/2, so a bias of 1 % needs h = 0.02."""
    quadratic, stiff = advice("overdamped")
    assert math.isclose(quadratic.bias.coefficient, 0.5, rel_tol=1e-9)
    assert math.isclose(quadratic.step_size, 2 * ACCEPTED_BIAS, rel_tol=1e-9)
    assert stiff.step_size < quadratic.step_size


def test_the_section_has_one_row_for_each_potential():
    table = bias_section(advice("langevin")).blocks[-1]
    assert len(table.rows) == 2
    assert "none seen" in table.rows[0][1]


def test_what_is_refuted_gets_no_advice():
    """Twin: a step size cannot mend a wrong law."""
    assert advice("langevin-heating") == ()
