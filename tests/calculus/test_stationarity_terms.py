"""The derivation that reports print adds up to the residual that the verifier decides on."""

import pytest

import sdekit as sk
from sdekit.calculus.contraction.fokker_planck import residual
from sdekit.calculus.stationarity_terms import DIFFUSION, TRANSPORT, derive

WITH_LAW = [e for e in sk.catalog.entries(plain=False) if e.dynamics().hamiltonian is not None]


@pytest.mark.parametrize("entry", WITH_LAW, ids=lambda e: e.name)
def test_the_terms_add_up_to_the_residual(entry):
    dynamics = entry.dynamics()
    derivation = derive(dynamics)
    assert (derivation.residual - residual(dynamics)).is_empty


def test_both_sides_of_the_thermostat_are_equal():
    derivation = derive(sk.catalog.get("sgnht"))
    assert derivation.transport == derivation.diffusion
    assert not derivation.transport.is_empty
    assert {term.side for term in derivation.terms} == {TRANSPORT, DIFFUSION}


def test_a_dropped_term_unbalances_the_sides():
    """Twin: without any one of its terms the condition does not hold."""
    derivation = derive(sk.catalog.get("sgnht"))
    for dropped in derivation.terms:
        sign = 1 if dropped.side == TRANSPORT else -1
        assert not (derivation.residual - dropped.value.scaled(sign)).is_empty


def test_the_energy_of_the_auxiliaries_is_what_the_target_leaves():
    derivation = derive(sk.catalog.get("langevin"))
    assert repr(derivation.auxiliary_energy) in ("dot(p, p)/2", "1/2*dot(p, p)")


def test_a_plain_sde_has_no_condition():
    assert derive(sk.catalog.get("stochastic-gradient-flow")) is None
