"""Ends that are exact constants, and circles of any period."""

from __future__ import annotations

import pickle
from fractions import Fraction

import pytest
import sympy as sp

import sdekit as sk
from sdekit.declaration.tree.domains import Domain, Irrational
from sdekit.declaration.tree.symbols import as_domain
from sdekit.errors import DeclarationError

L = sk.parameter("L", positive=True)


def test_ends_written_as_text_and_in_sympy_are_the_same():
    assert as_domain(("0", "pi")) == as_domain((0, sp.pi))
    assert as_domain(("0", "sqrt(2)")) == as_domain((0, sp.sqrt(2)))
    assert as_domain(("0", "pi")) != as_domain(("0", "2*pi"))


def test_an_irrational_end_is_ordered_among_rational_ones():
    upper = as_domain(("0", "pi")).upper
    assert isinstance(upper, Irrational)
    assert Fraction(314, 100) < upper < Fraction(315, 100)
    assert float(upper) == pytest.approx(3.141592653589793, abs=0)


def test_a_root_that_is_rational_is_a_rational_end():
    assert as_domain(("0", "sqrt(4)")).upper == 2


def test_simple_ends_lie_inside():
    low, high = as_domain(("-sqrt(2)", "pi")).simple_ends
    assert low**2 < 2 and high < Fraction(355, 113)
    assert as_domain(("pi", "22/7")).simple_ends[0] > as_domain(("pi", "22/7")).lower


@pytest.mark.parametrize(
    ("domain", "what"),
    [
        (("pi", 3), "lower end below"),
        (("0", "x"), "no exact number: unknown name"),
        ({"circle": "x"}, "no exact number: unknown name"),
        (("pi", "pi"), "lower end below"),
        (("0", "log(2)"), "no exact constant"),
        ((0, L), "no exact constant"),
        ({"circle": -1}, "not seen to be positive"),
        ({"circle": "3 - pi"}, "not seen to be positive"),
        ({"circle": sk.parameter("a")}, "not seen to be positive"),
        ({"circle": L - 1}, "not seen to be positive"),
        ({"square": 1}, "unknown domain"),
    ],
)
def test_a_domain_that_is_none_is_refused(domain, what):
    with pytest.raises(DeclarationError, match=what):
        as_domain(domain)


def test_a_circle_of_period_two_pi_is_the_plain_one():
    assert as_domain({"circle": "2*pi"}) == as_domain({"circle": 2 * sp.pi}) == Domain("circle")
    assert as_domain({"circle": 1}) != Domain("circle")


@pytest.mark.parametrize("domain", [("0", "pi"), {"circle": L}, {"circle": "sqrt(2)"}])
def test_a_model_with_such_a_domain_comes_back_from_its_text(domain):
    x = sk.scalar("x", domain=domain)
    U = sk.potential("U", x)
    dynamics = sk.Dynamics(drift={x: -sk.grad(U, x)}, diffusion={x: 1}, hamiltonian=U)
    assert pickle.loads(pickle.dumps(dynamics)) == dynamics
    assert (L in dynamics.parameters) == (domain == {"circle": L})
    assert "circle" not in str(dynamics) or "period" in str(dynamics)
