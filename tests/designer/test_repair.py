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
    if text is None:
        assert found is None or sk.verify(found.dynamics).checks["stationarity"].is_proved
        return
    assert text in found.text
    assert sk.verify(found.dynamics).checks["stationarity"].is_proved


def test_what_is_right_needs_no_repair():
    assert repair(sk.catalog.get("sgnht")) is None


def test_what_has_no_such_repair_gets_none():
    """Twin: no weights of its terms make p' = p stationary for this H."""
    x = sk.scalar("x")
    assert repair(sk.Dynamics({x: 1 + 0 * x}, {x: x**2 + 1}, hamiltonian=x**4)) is None
