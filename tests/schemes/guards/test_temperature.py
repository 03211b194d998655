"""The temperature a dynamics really has."""

from __future__ import annotations

import pytest
import sympy as sp

import sdekit as sk
import sdekit.catalog as catalog
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.errors import SchemeError
from sdekit.schemes.guards.temperature import effective_temperature

EXPECTED = {
    "sghmc-unmatched": "(A + B)/A",
    "sgld-untempered": "1 + V*h/2",
    "overdamped-temperature": "2",
    "langevin": "1",
    "sgnht": "1",
    "langevin-physical": "1",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_known_temperatures_are_found(name: str) -> None:
    found = effective_temperature(catalog.get(name))
    assert found is not None
    plain = found.subs({symbol: sp.Symbol(symbol.name) for symbol in found.free_symbols})
    assert sp.cancel(plain - sp.sympify(EXPECTED[name])) == 0


@pytest.mark.parametrize("name", ["sghmc-no-friction", "sgnht-centre", "hamiltonian"])
def test_where_no_temperature_is_the_one_none_is_given(name: str) -> None:
    """Twin: heating without friction, a thermostat centred wrongly, a flow that has them all."""
    assert effective_temperature(catalog.get(name)) is None


def test_noise_that_depends_on_the_position_has_no_temperature() -> None:
    n = sk.dim("n")
    theta, p = sk.vector("theta", n), sk.vector("p", n)
    U, A = sk.potential("U", theta), sk.parameter("A", positive=True)
    B = sk.function("B", theta, nonnegative=True)
    unmatched = Dynamics(
        drift={theta: p, p: -sk.grad(U, theta) - A * p},
        diffusion={p: A + B},
        hamiltonian=U + sk.dot(p, p) / 2,
        target=U,
    )
    assert effective_temperature(unmatched) is None


def test_a_temperature_needs_an_energy() -> None:
    x = sk.scalar("x")
    with pytest.raises(SchemeError, match="needs a declared H"):
        effective_temperature(Dynamics({x: -x}, {x: 1}))
