"""Families of designs: free coefficients have names, signs and conditions of their own."""

import pytest

import sdekit as sk
from sdekit.designer.solution import noise_conditions

x, y, z = (sk.scalar(name) for name in "xyz")
a, b, c = (sk.parameter(name) for name in "abc")
A, B = sk.parameter("A", positive=True), sk.parameter("B", positive=True)
SQUARE = x**2 / 2 + y**2 / 2


def lines(dynamics, *unknowns):
    found = sk.design(dynamics, unknowns)
    assert all(sk.verify(f.dynamics).verdict is sk.Verdict.PROVED for f in found)
    return [str(f).splitlines() for f in found]


def test_three_free_coefficients_are_positive_together():
    noise = sk.Dynamics({x: -a * x, y: -b * y, z: -c * z}, {x: a, y: b, z: c}, hamiltonian=SQUARE)
    law = {"hamiltonian": SQUARE + z**2 / 2}
    (found,) = lines(noise.changed(law), a, b, c)
    assert found == ["free: a, b, c", "where a > 0", "where b > 0", "where c > 0"]


def test_a_minus_sign_takes_no_name_that_is_taken():
    """D = -c of x and c_minus of y: a negative c is minus another name than c_minus."""
    other = sk.parameter("c_minus")
    posed = sk.Dynamics({x: c * x, y: -other * y}, {x: -c, y: other}, hamiltonian=SQUARE)
    (found,) = lines(posed, c, other)
    assert found[:2] == ["c = -c_minus_", "free: c_minus_, c_minus"]


def test_noise_between_two_variables_bounds_a_free_coefficient():
    posed = sk.Dynamics({x: -c * x - y, y: -x - y}, {x: c, (x, y): 1, y: 1}, hamiltonian=SQUARE)
    (found,) = lines(posed, c)
    assert found[-1] == "where c - 1 >= 0"
    # Twin: without the noise between them a positive one will do.
    alone = sk.Dynamics({x: -c * x, y: -y}, {x: c, y: 1}, hamiltonian=SQUARE)
    assert lines(alone, c) == [["free: c", "where c > 0"]]


def test_a_design_for_some_parameters_is_told_with_them_and_is_not_left_out():
    """D = A - B is no noise for A < B; D = -A is none at all."""
    some = sk.Dynamics({x: -c * x}, {x: A - B}, hamiltonian=x**2 / 2)
    assert lines(some, c) == [["c = A - B", "where A - B >= 0"]]
    assert lines(sk.Dynamics({x: -c * x}, {x: -A}, hamiltonian=x**2 / 2), c) == []


@pytest.mark.parametrize(
    ("noise", "needed"),
    [
        ({x: A, y: A + B}, []),
        ({x: 1 / (A - B), y: 1}, ["A - B"]),
        ({x: -A * (1 - B), y: 1}, ["B - 1"]),
        ({x: c, (x, y): 1, y: 1}, ["c", "c - 1"]),
        ({x: x**2, y: 1}, []),
        ({x: -A, y: c}, []),
    ],
)
def test_conditions_are_polynomials_without_positive_factors(noise, needed):
    found = noise_conditions(sk.Dynamics({x: 0, y: 0}, noise, hamiltonian=SQUARE))
    assert [repr(e) for e in found] == needed
