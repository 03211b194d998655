"""Closed forms of stationary covariances on U = K theta^2 / 2, for every step size."""

from __future__ import annotations

import math

import pytest
import sympy as sp

import sdekit as sk
import sdekit.catalog as catalog
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import SchemeError
from sdekit.schemes.bias.harmonic import HarmonicLaw, harmonic_law
from tests.schemes.models import langevin, overdamped, sgnht

h, K, c = (sp.Symbol(name, positive=True) for name in "hKc")
A = sp.Symbol("A", positive=True)
stiff = K * h**2

#: <theta^2> and <p^2>; c = exp(-A h).
TABLE = {
    "BAOAB": (1 / K, 1 - stiff / 4),
    "ABOBA": (1 / K, 1 / (1 - stiff / 4)),
    "OBABO": (1 / (K * (1 - stiff / 4)), 1),
    "OABAO": ((1 - stiff / 4) / K, 1),
    "BAO": (
        (1 + c) ** 2 / (K * (2 + 2 * c - stiff)),
        (1 + c) * (2 - stiff * (1 - c)) / (2 + 2 * c - stiff),
    ),
    "OBA": ((1 + c) ** 2 / (K * (2 + 2 * c - stiff)), 2 * (1 + c) / (2 + 2 * c - stiff)),
}


def _positive(expression: sp.Expr) -> sp.Expr:
    """The same expression in the symbols of this file."""
    names = {symbol.name: symbol for symbol in expression.free_symbols}
    return expression.subs(
        {names[k]: s for k, s in {"A": A, "V": sp.Symbol("V")}.items() if k in names}
    )


@pytest.mark.parametrize("word", TABLE)
def test_the_table_of_langevin_splittings_is_reproduced(word: str) -> None:
    law = harmonic_law(langevin(), word)
    position, momentum = TABLE[word]
    assert sp.cancel(law.moment("theta", "theta") - position) == 0
    assert sp.cancel(law.moment("p", "p") - momentum) == 0


def test_a_wrong_formula_is_told_from_the_right_one() -> None:
    """Twin: OBABO's position variance is not that of BAOAB."""
    law = harmonic_law(langevin(), "OBABO")
    assert sp.cancel(law.moment("theta", "theta") - TABLE["BAOAB"][0]) != 0


@pytest.mark.parametrize("word", ["BAOAB", "OBABO", "BAO", "ABO", "EM", "Algorithm1"])
def test_the_covariance_solves_its_own_equation_in_numbers(word: str) -> None:
    """S = M S M^T + N, with M and N multiplied out from the letters by floating-point numbers."""
    from sdekit.schemes.bias.linear_step import quadratic_law

    law = harmonic_law(langevin(), word)
    step = 0.2
    numbers = quadratic_law(
        langevin(), word, stiffness=3.0, step_size=step, parameters={"A": 1.5}
    ).covariance
    exact = law.written_out(law.covariance)
    values = {"h": step, "K": 3.0, "A": 1.5}
    found = exact.subs({s: values[s.name] for s in exact.free_symbols})
    for i in range(2):
        for j in range(2):
            assert float(found[i, j]) == pytest.approx(numbers[i, j], rel=1e-10, abs=1e-13)


def test_euler_maruyama_of_brownian_dynamics_is_known() -> None:
    law = harmonic_law(overdamped(), "EM")
    assert sp.cancel(law.moment("theta", "theta") - 1 / (K * (1 - h * K / 2))) == 0
    assert [sp.expand(condition - (2 - K * h)) for condition in law.conditions] == [0]


def test_sgld_with_a_constant_step_adds_the_gradient_noise() -> None:
    """With U alone in the drift and D = 1 + h V / 2: (1 + h V / 2) / (K (1 - h K / 2))."""
    law = harmonic_law(catalog.get("sgld-untempered"), "EM")
    V = next(s for s in law.covariance.free_symbols if s.name == "V")
    declared = next(s for s in law.covariance.free_symbols if s.name == "h")
    expected = (1 + declared * V / 2) / (K * (1 - declared * K / 2))
    assert sp.cancel(law.moment("theta", "theta") - expected) == 0


def test_gradient_noise_in_baoab_has_the_known_effect() -> None:
    """1/K + V h^2 coth(A h / 2) / (K (4 - K h^2)), where coth(A h / 2) = (1 + c) / (1 - c)."""
    V = sp.Symbol("V", positive=True)
    law = harmonic_law(langevin(), "BAOAB", gradient_covariance=V)
    expected = 1 / K + V * h**2 * (1 + c) / (1 - c) / (K * (4 - stiff))
    assert sp.cancel(law.moment("theta", "theta") - expected) == 0
    assert [sp.expand(condition - (4 - stiff)) for condition in law.conditions] == [0]


@pytest.mark.parametrize("word", ["OBABO", "ABOBA", "BAO", "EM", "Algorithm1"])
def test_gradient_noise_agrees_with_numbers(word: str) -> None:
    from sdekit.schemes.bias.linear_step import quadratic_law

    law = harmonic_law(langevin(), word, gradient_covariance=sp.Integer(2))
    numbers = quadratic_law(
        langevin(),
        word,
        stiffness=3.0,
        step_size=0.2,
        parameters={"A": 1.5},
        gradient_covariance=2.0,
    ).covariance
    exact = law.written_out(law.covariance)
    values = {"h": 0.2, "K": 3.0, "A": 1.5}
    found = exact.subs({s: values[s.name] for s in exact.free_symbols})
    assert float(found[0, 0]) == pytest.approx(numbers[0, 0], rel=1e-10)
    assert float(found[1, 1]) == pytest.approx(numbers[1, 1], rel=1e-10)


def test_algorithm_1_at_frozen_friction_has_correlated_state() -> None:
    law = harmonic_law(langevin(), "Algorithm1")
    momentum = _positive(law.moment("p", "p"))
    expected = 2 / (2 - A * h - stiff / 2)
    assert sp.cancel(momentum - expected) == 0
    assert sp.cancel(_positive(law.moment("theta", "theta")) - (1 - A * h / 2) * expected / K) == 0
    assert sp.cancel(_positive(law.moment("theta", "p")) - h * expected / 2) == 0


@pytest.mark.parametrize(
    ("word", "limit"),
    [("BAOAB", 1.0), ("ABOBA", 1.0), ("OBABO", 1.0), ("Algorithm1", 0.7807764064044151)],
)
def test_the_stability_limit_is_that_of_the_conditions(word: str, limit: float) -> None:
    """h sqrt(K) < 2 for splittings, K h^2 + 2 A h < 4 for Algorithm 1; here K = 4 and A = 1."""
    law = harmonic_law(langevin(), word)
    assert law.stability_limit(K=4.0, A=1.0) == pytest.approx(limit, rel=1e-6)
    (condition,) = law.conditions
    values = {s: {"K": 4.0, "A": 1.0, "h": limit}[s.name] for s in condition.free_symbols}
    assert float(condition.subs(values)) == pytest.approx(0, abs=1e-9)


def test_explicit_euler_needs_a_step_below_friction_over_stiffness() -> None:
    law = harmonic_law(langevin(), "EM")
    assert law.stability_limit(K=4.0, A=1.0) == pytest.approx(0.25, rel=1e-6)
    assert any(sp.expand(_positive(c) - (A - K * h)) == 0 for c in law.conditions)


def test_a_limit_needs_a_number_for_every_symbol() -> None:
    with pytest.raises(SchemeError, match="a number for every symbol"):
        harmonic_law(langevin(), "BAOAB").stability_limit(K=1.0)


def test_mass_and_temperature_are_kept_as_symbols() -> None:
    law = harmonic_law(catalog.get("langevin-physical"), "BAOAB")
    kT = next(s for s in law.covariance.free_symbols if s.name == "kT")
    assert sp.cancel(law.moment("theta", "theta") - kT / K) == 0


def test_a_scheme_without_friction_has_no_stationary_law() -> None:
    with pytest.raises(SchemeError, match="no stationary law"):
        harmonic_law(catalog.get("hamiltonian"), "BAB")


def test_a_thermostat_is_not_linear() -> None:
    with pytest.raises(SchemeError, match="not linear at this potential"):
        harmonic_law(sgnht(), "BADODAB")


def test_a_block_without_closed_form_says_so() -> None:
    with pytest.raises(SchemeError, match="no closed form"):
        harmonic_law(catalog.get("gle"), "BAOAB")


def test_an_exact_flow_has_the_exact_variance() -> None:
    x = sk.scalar("x")
    law = harmonic_law(Dynamics({x: -2 * x}, {x: 1}, hamiltonian=x**2), "O")
    assert law.moment("x", "x") == sp.Rational(1, 2)
    assert law.conditions == ()


def test_a_law_is_plain_data_and_text() -> None:
    law: HarmonicLaw = harmonic_law(langevin(), "BAO")
    data = law.to_dict()
    assert set(data) == {"covariance", "where", "stable_where_positive"}
    assert data["where"] == {"c": "exp(-A*h)"}
    assert "stable where" in str(law)
    with pytest.raises(SchemeError, match="no coordinate zeta"):
        law.moment("zeta", "zeta")
    assert math.isfinite(float(law.stability_limit(K=1.0, A=1.0) or 0))
