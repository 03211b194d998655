"""A witness worked through comes to the verifier's value, or is not shown."""

from fractions import Fraction

import pytest

import sdekit as sk
from sdekit.calculus.stationarity_terms import derive
from sdekit.reports.chapters.derivation_lines import worked_blocks
from sdekit.reports.chapters.worked_witness import values_at
from sdekit.verifier.verdict import Witness

#: A sign, a coefficient, an unknown function with a polynomial, two dimensions, and a matrix.
NAMES = ("sgnht-sign", "sghmc-unmatched", "overdamped-temperature", "sgnht-mass",
         "sgnht-position-uncorrected", "sgnht-matrix-unbalanced", "sgnht-anisotropic")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_terms_at_the_witness_come_to_its_value(name):
    dynamics = sk.catalog.get(name)
    verification, derivation = sk.verify(dynamics), derive(dynamics)
    witness = verification.checks["stationarity"].witness
    values, _ = values_at(
        [repr(t) for t in (derivation.transport, derivation.diffusion)], witness, dynamics
    )
    assert values[0] - values[1] == Fraction(witness.value) != 0
    blocks = worked_blocks(derivation, verification, dynamics)
    assert witness.value in blocks[-1].steps[-1].value


def test_another_value_than_the_verifiers_is_not_worked_through():
    """Twin: the same witness with a value that the terms do not come to."""
    dynamics = sk.catalog.get("sgnht-sign")
    verification = sk.verify(dynamics)
    witness = verification.checks["stationarity"].witness
    object.__setattr__(witness, "value", "17")
    assert worked_blocks(derive(dynamics), verification, dynamics) == []


@pytest.mark.parametrize("text", ["p[i]", "A*", "sqrt(A)", "p"])
def test_what_has_no_exact_number_there_is_not_given_one(text):
    dynamics = sk.catalog.get("langevin")
    witness = Witness({"n": 1}, {"p_1": "1", "A": "2"}, "0")
    assert values_at([text], witness, dynamics) is None
    assert values_at(["A*dot(p, p)/3"], witness, dynamics) == ([Fraction(2, 3)], {})


def test_what_cancels_is_filled_in_the_same_way_in_every_term():
    dynamics = sk.catalog.get("langevin")
    witness = Witness({"n": 1}, {"p_1": "3"}, "0")
    texts = ["A*dot(p, p)", "dot(p, grad(U(theta), theta))", "U(theta)"]
    values, filled = values_at(texts, witness, dynamics)
    assert values == [9, 0, 0]
    assert filled["A"] == "1" and set(filled.values()) == {"0", "1"}
