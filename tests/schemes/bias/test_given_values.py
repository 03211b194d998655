"""Values of parameters are exact, have the declared shape and are what the declaration assumes."""

from __future__ import annotations

import pytest
import sympy as sp

import sdekit as sk
import sdekit.catalog as catalog
from sdekit.errors import SchemeError
from sdekit.schemes.bias.given_values import entry_values
from sdekit.schemes.bias.linear_step import quadratic_law


def _named(found: dict) -> dict:
    return {symbol.name: value for symbol, value in found.items()}


def test_a_number_for_a_matrix_is_a_multiple_of_the_identity() -> None:
    mass = catalog.get("langevin-mass")
    found = _named(entry_values(mass, {"n": 2}, {"M": 0.5, "C": [[2, "1/3"], ["1/3", 1]]}))
    assert [found[f"M_{k}"] for k in ("1_1", "1_2", "2_2")] == [
        sp.Rational(1, 2),
        0,
        sp.Rational(1, 2),
    ]
    assert found["C_1_2"] == sp.Rational(1, 3)
    entries = {"M_1_1": 1, "M_1_2": 0, "M_2_2": 3}
    assert _named(entry_values(mass, {"n": 2}, entries)) == entries


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"M": -1}, "positive definite"),
        ({"M": [[1, 2], [2, 1]]}, "positive definite"),
        ({"M_1_1": 1, "M_1_2": 2, "M_2_2": 1}, "positive definite"),
        ({"M": [1, 2]}, "wrong shape"),
        ({"M": "two"}, "is no number"),
        ({"M": float("nan")}, "is no number"),
    ],
)
def test_a_value_that_contradicts_the_declaration_is_refused(values: dict, message: str) -> None:
    with pytest.raises(SchemeError, match=message):
        entry_values(catalog.get("langevin-mass"), {"n": 2}, values)


def test_inequalities_between_parameters_are_kept() -> None:
    x = sk.scalar("x")
    a, b = sk.parameter("a", positive=True), sk.parameter("b", positive=True)
    d = sk.Dynamics({x: -a * x}, {x: b}, hamiltonian=a * x**2 / (2 * b), assume=[a >= b])
    assert len(entry_values(d, {}, {"a": 2, "b": 2})) == 2
    with pytest.raises(SchemeError, match="contradict an assumption"):
        entry_values(d, {}, {"a": 1, "b": 2})
    # With one of them open there is nothing to compare yet.
    assert len(entry_values(d, {}, {"a": 1})) == 1


def test_linear_laws_refuse_what_the_sampler_refuses() -> None:
    options = {"stiffness": 1.0, "step_size": 0.1}
    assert quadratic_law(catalog.get("langevin"), "BAOAB", parameters={"A": 1}, **options)
    with pytest.raises(SchemeError, match="contradicts its declaration: expected positive"):
        quadratic_law(catalog.get("langevin"), "BAOAB", parameters={"A": -1}, **options)
