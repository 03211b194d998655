"""Sparse Laurent polynomials: the ring laws, FLINT's route, factors."""

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from sdekit.calculus.field.ring import polynomial as module
from sdekit.calculus.field.ring.division import divide_numerators
from sdekit.calculus.field.ring.polynomial import ONE, ZERO, Polynomial, irreducible_factors, total
from sdekit.calculus.limits import BudgetExceeded

x, y, z = (Polynomial.generator(k) for k in range(3))


def monomials(lowest):
    exponents = st.dictionaries(st.integers(0, 3), st.integers(lowest, 3).filter(bool), max_size=3)
    return exponents.map(lambda found: tuple(sorted(found.items())))


def polynomials(lowest=-2):
    numbers = st.fractions(-5, 5, max_denominator=4).filter(bool)
    return st.dictionaries(monomials(lowest), numbers, max_size=5).map(
        lambda terms: Polynomial({m: fmpq(c.numerator, c.denominator) for m, c in terms.items()})
    )


@settings(max_examples=30, deadline=None)
@given(polynomials(), polynomials(), polynomials())
def test_the_ring_laws_hold(a, b, c):
    assert a * (b + c) == a * b + a * c
    assert (a * b) * c == a * (b * c)
    assert a + b == b + a
    assert a - a == ZERO
    assert a * ONE == a
    assert total((a, b, c)) == a + b + c
    assert (a + b) ** 2 == a**2 + a * b + b * a + b**2


@settings(max_examples=20, deadline=None)
@given(polynomials(), polynomials())
def test_flint_multiplies_to_the_same_product(a, b):
    before = module._FLINT_PRODUCTS
    module._FLINT_PRODUCTS = 0
    try:
        by_flint = a * b
    finally:
        module._FLINT_PRODUCTS = before
    assert by_flint == a * b


@settings(max_examples=20, deadline=None)
@given(polynomials(), polynomials())
def test_partial_derivatives_obey_leibniz(a, b):
    def slope(f):
        return f.partial_derivatives({0}).get(0, ZERO)

    assert slope(a * b) == slope(a) * b + a * slope(b)


@settings(max_examples=20, deadline=None)
@given(polynomials(lowest=1), polynomials(lowest=1))
def test_content_and_its_sign_are_multiplicative(a, b):
    if a and b:
        assert (a * b).content() == a.content() * b.content()


def test_factors_multiply_to_the_polynomial():
    product = (x**2 - y**2) * (x + z) ** 3
    found = irreducible_factors(product)
    result = ONE
    for factor, multiplicity in found:
        result = result * factor.scaled(1 / factor.content()) ** multiplicity
    assert result == product.scaled(1 / product.content())
    assert sorted(multiplicity for _, multiplicity in found) == [1, 1, 3]


def test_a_common_monomial_may_have_negative_exponents():
    polynomial = x**-2 * y + x * y**3
    assert polynomial.common_monomial() == ((0, -2), (1, 1))


def test_numerators_are_divided_by_what_a_generator_names():
    # z stands for 1 + x: x / z = 1 - 1 / z.
    assert divide_numerators(x * z**-1, 2, ONE + x) == ONE - z**-1
    assert divide_numerators(x**2 * z**-1, 2, ONE + x) == x - ONE + z**-1


def test_a_product_that_would_fill_the_memory_is_refused():
    many = Polynomial({((k, 1),): fmpq(1) for k in range(2000)})
    with pytest.raises(BudgetExceeded, match="too large"):
        many * many


def test_only_a_monomial_has_a_negative_power():
    with pytest.raises(ValueError, match="monomial"):
        (x + y) ** -1
