"""Every kernel of the catalogue gets the verdict that it claims, and every twin is refuted."""

import pytest

import sdekit as sk
from sdekit.catalog.markov_kernels import CONDITIONAL, ENTRIES, PROVED, REFUTED, WRONG

RECORDS = {record.name: record for record in (*ENTRIES, *WRONG)}


@pytest.mark.parametrize("name", RECORDS)
def test_the_claim_is_the_verdict(name):
    record = RECORDS[name]
    found = sk.verify(sk.kernels.published_kernel(name))
    said = CONDITIONAL if found.is_conditional else str(found.verdict)
    assert said == record.verdict, str(found)
    refuted = {n for n, check in found.checks.items() if check.is_refuted}
    assert refuted - {"invariance"} == set(record.refuted)
    assert found.scope.startswith("all n")


def test_as_many_are_refuted_as_proved():
    assert {r.verdict for r in ENTRIES} == {PROVED, CONDITIONAL}
    assert {r.verdict for r in WRONG} == {REFUTED}
    assert len(ENTRIES) >= 12 and len(WRONG) >= 12 and len(RECORDS) == len(ENTRIES) + len(WRONG)
