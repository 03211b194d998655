"""Quick form of verification/certificates.py: no corrupted certificate is wrongly accepted."""

import pytest

from sdekit.certificates.checker import check as checker
from verification import certificates

#: Short ones, which the checker and the oracle are quick with.
SHORT = ("hamiltonian", "overdamped-preconditioned", "ornstein-uhlenbeck", "vasicek", "mclmc-2d")


@pytest.fixture(scope="module")
def honest():
    return certificates.certified_entries(SHORT)


def test_no_corrupted_certificate_is_wrongly_accepted(honest):
    found, wrong = certificates.attacked(certificates.random_jobs(honest, 200, 1), honest)
    assert wrong == []
    assert sum(found[key] for key in found if key.startswith("accepted")) > 0
    assert not any("undeclarable" in key for key in found if key.startswith("accepted"))


def test_a_checker_that_believes_a_rung_is_found_out(honest, monkeypatch):
    """Twin: with the residual taken for granted the same attack finds wrong ones."""
    monkeypatch.setattr(checker.Claims, "stationarity", lambda model, evidence: [])
    _, wrong = certificates.attacked(certificates.random_jobs(honest, 100, 1), honest)
    assert wrong


def test_every_honest_certificate_is_a_declaration_again(honest):
    for name, content in honest.items():
        dynamics = certificates.declared(content["model"])
        assert certificates.judged(content, content)[0].startswith("accepted"), name
        again = certificates.sk.certify(dynamics)
        assert again["rungs"].keys() == content["rungs"].keys()
