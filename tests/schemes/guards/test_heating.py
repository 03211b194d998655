"""What undeclared gradient noise does: a temperature, a thermostat's business, or neither."""

import pytest
import sympy as sp

import sdekit as sk
from sdekit.schemes.guards.heating import heated


@pytest.mark.parametrize(
    ("name", "variables", "temperature"),
    [
        ("langevin", "p", "(A + B)/A"),
        ("overdamped", "theta", "B + 1"),
        ("hamiltonian", "p", None),
    ],
)
def test_noise_of_one_size_is_a_temperature_where_friction_takes_heat_out(
    name, variables, temperature
):
    given = sk.catalog.get(name)
    found = heated(given, [x for x in given.variables if x.name in variables.split()])
    assert (found.temperature and str(sp.factor(found.temperature))) == temperature
    assert found.absorbed is None


def test_a_thermostat_takes_noise_out_where_its_level_stands_in_h_alone():
    for name in ("sgnht", "sgnht-paper"):
        given = sk.catalog.get(name)
        assert heated(given, [given.variables[1]]).absorbed == "A"


def test_a_level_that_is_the_friction_as_well_absorbs_nothing():
    """Twin: with xi replaced by A the same D is a temperature."""
    given = sk.catalog.get("langevin")
    assert heated(given, [given.variables[1]]).absorbed is None


def test_what_is_called_absorbed_is_the_declaration_with_a_larger_level():
    """The claim behind the word: D + B is the family at A + B, which verify proves for every A."""
    given, apart = sk.catalog.get("sgnht"), sk.catalog.get("sgnht-gradient-noise")
    assert sk.verify(given).verdict is sk.verify(apart).verdict is sk.Verdict.PROVED
    here, there = (model.at(n=2) for model in (given, apart))
    A, B = (sp.Symbol(name, positive=True) for name in "AB")
    # Beside gradient noise nothing need be injected: A may be 0 there.
    level = {A: sp.Symbol("A", nonnegative=True) + B}
    assert sp.expand(here.hamiltonian.subs(level) - there.hamiltonian) == 0
    assert {k: sp.expand(e.subs(level)) for k, e in here.diffusion.items()} == dict(there.diffusion)


def test_a_name_that_is_taken_is_not_used():
    given = sk.catalog.get("sghmc").injected()
    assert heated(given, [given.variables[1]]).symbol == "B_gradient"
