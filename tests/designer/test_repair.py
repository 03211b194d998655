"""Repairs: the change of fewest terms that makes a refuted dynamics stationary."""

import pytest

import sdekit as sk
from sdekit.designer.repair import repair


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("langevin-heating", "drift of p: -grad(U(theta), theta)"),
        ("sghmc-unmatched", "diffusion of (p, p): A*eye(n)"),
        ("sgnht-sign", "drift of xi"),
        ("sgnht-mass", "drift of xi"),
        ("sgrld-no-divergence", "div(D(theta), theta)"),
        ("ccadl-undamped", None),
    ],
)
def test_the_change_is_named_and_proved(name, text):
    found = repair(sk.catalog.get(name))
    assert len(found) <= 3
    assert all(sk.verify(change.dynamics).verdict is sk.Verdict.PROVED for change in found)
    if text is not None:
        assert text in found[0].text


def test_the_smallest_change_comes_first_and_few_are_given():
    every = sk.repair(sk.catalog.get("sghmc-unmatched"))
    assert [change.changes for change in every] == sorted(change.changes for change in every)
    assert sk.repair(sk.catalog.get("sghmc-unmatched"), most=1) == every[:1] != ()


def test_what_is_right_needs_no_repair():
    assert repair(sk.catalog.get("sgnht")) == ()


def test_what_claims_nothing_has_no_repair():
    x = sk.scalar("x")
    assert repair(sk.Dynamics({x: -x}, {x: 1})) == ()


def test_what_has_no_such_repair_gets_none():
    """Twin: no weights of its terms make p' = p stationary for this H."""
    x = sk.scalar("x")
    assert repair(sk.Dynamics({x: 1 + 0 * x}, {x: x**2 + 1}, hamiltonian=x**4)) == ()
