"""Every name of a scheme has one record, and theory and runner read the same one."""

from __future__ import annotations

import pytest

import sdekit.catalog as catalog
from sdekit.errors import SchemeError
from sdekit.schemes.order.scheme_order import order
from sdekit.schemes.solvers.solver_table import SOLVERS
from sdekit.schemes.split.scheme_names import NAMED, canonical, named


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("EM", "EM"),
        ("em", "EM"),
        ("Euler", "EM"),
        ("euler-maruyama", "EM"),
        ("SGLD", "EM"),
        ("sghmc", "Algorithm1"),
        ("algorithm 1", "Algorithm1"),
        ("Algorithm_2", "Algorithm2"),
        ("hmc", "HMC"),
        ("euler", "euler"),
        ("slow-rk", "slow-rk"),
        ("Milstein", "milstein"),
    ],
)
def test_a_spelling_leads_to_its_record(spelling: str, name: str) -> None:
    assert canonical(spelling) == name


@pytest.mark.parametrize("word", ["BAOAB", "SEA", "SPARK", "B (C A O A C)*3 B", "baoab"])
def test_a_word_is_no_name(word: str) -> None:
    assert named(word) is None
    assert canonical(word) == "".join(word.split())


def test_every_record_is_read_by_theory_or_says_why_not() -> None:
    assert set(SOLVERS) <= set(NAMED)
    for record in NAMED.values():
        assert (record.groups is None) == bool(record.no_theory)
        assert record.says
        assert record.source


@pytest.mark.parametrize("spelling", ["em", "euler", "SGLD", "Euler-Maruyama"])
def test_all_names_of_euler_maruyama_have_its_order(spelling: str) -> None:
    langevin = catalog.get("langevin")
    found, expected = order(langevin, spelling), order(langevin, "EM")
    assert (found.weak_order, found.invariant_order) == (1, 1)
    assert found.leading_text == expected.leading_text


@pytest.mark.parametrize(
    ("scheme", "reason"), [("HMC", "accepts or rejects"), ("milstein", "strong order")]
)
def test_a_scheme_without_order_theory_says_why(scheme: str, reason: str) -> None:
    with pytest.raises(SchemeError, match=f"no order theory of {scheme}.*{reason}"):
        order(catalog.get("langevin"), scheme)
