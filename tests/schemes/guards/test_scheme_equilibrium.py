"""What a scheme itself does to <p . dH/dp>/n at the end of a step."""

import pytest

import sdekit as sk
from sdekit.errors import SchemeError
from sdekit.schemes.bias.harmonic import harmonic_law
from sdekit.schemes.guards.scheme_equilibrium import scheme_equilibrium

LANGEVIN = sk.catalog.get("langevin")


def of(dynamics, word, **given):
    numbers = {"stiffness": 2.0, "step_size": 0.3, "parameters": {"A": 1.5}}
    return scheme_equilibrium(dynamics, word, ["p"], **{**numbers, **given})


@pytest.mark.parametrize("word", ["BAOAB", "OBABO", "ABOBA", "EM", "Algorithm1"])
def test_it_is_the_variance_of_the_closed_form(word):
    law = harmonic_law(LANGEVIN, word)
    exact = law.written_out(law.moment("p", "p"))
    numbers = {"K": 2, "h": 0.3, "A": 1.5}
    exact = float(exact.subs({s: numbers[s.name] for s in exact.free_symbols}))
    assert of(LANGEVIN, word) == pytest.approx(exact, rel=5e-3)


def test_baoab_has_its_known_deficit():
    assert of(LANGEVIN, "BAOAB") == pytest.approx(1 - 2 * 0.3**2 / 4, rel=1e-6)


def test_a_temperature_of_the_dynamics_is_none_of_the_schemes_doing():
    hot = sk.catalog.get("sghmc-unmatched")
    numbers = {"A": 1.5, "B": 0.4}
    assert of(hot, "BAOAB", parameters=numbers) == pytest.approx(of(LANGEVIN, "BAOAB"), rel=0.05)


def test_a_mass_counts_as_it_does_in_h():
    """p . M^-1 p with K/M in the place of K."""
    given = sk.catalog.get("langevin-physical")
    names = {x.name for x in given.parameters}
    values = dict.fromkeys(names, 1.0)
    found = of(given, "BAOAB", parameters=values)
    assert found == pytest.approx(1 - 2 * 0.3**2 / 4, rel=1e-6)


def test_what_is_not_linear_has_no_such_theory():
    with pytest.raises(SchemeError):
        of(sk.catalog.get("langevin-relativistic"), None, parameters={"A": 1.0, "m": 1.0, "c": 1.0})
