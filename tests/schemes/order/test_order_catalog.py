"""Order theory answers for every published dynamics, right or wrong, in a second or two."""

from __future__ import annotations

import pytest

import sdekit.catalog as catalog
from sdekit.catalog.record import REFUTED
from sdekit.errors import SchemeError
from sdekit.schemes.order.scheme_order import order
from sdekit.schemes.split.splitting import splitting

#: Entries whose default word holds a letter of order one.
FIRST_ORDER = {"student-flow", "stochastic-gradient-flow"}
#: Entries whose default word holds a letter without order theory.
NO_THEORY = {"mclmc-3d"}


@pytest.mark.parametrize("name", catalog.names(plain=False))
def test_the_default_word_has_the_order_of_its_letters(name: str) -> None:
    dynamics = catalog.get(name)
    if name in NO_THEORY:
        with pytest.raises(SchemeError, match="no order theory of the letter"):
            order(dynamics)
        return
    found = order(dynamics)
    if found.is_exact:
        return
    is_second_order = found.word != "EM" and name not in FIRST_ORDER
    assert found.weak_order == (2 if is_second_order else 1)
    is_stationary = catalog.entry(name).claims.get("stationarity") != REFUTED
    if dynamics.hamiltonian is not None:
        assert (found.invariant_order is not None) == is_stationary
    if found.invariant_order is not None:
        assert found.invariant_order >= found.weak_order


@pytest.mark.parametrize("name", ["langevin", "sgnht", "gle", "sgnht-matrix", "sgrhmc"])
def test_the_order_at_two_particles_is_that_at_one(name: str) -> None:
    dynamics = catalog.get(name)
    one, two = order(dynamics), order(dynamics, n=2)
    assert (one.weak_order, one.invariant_order) == (two.weak_order, two.invariant_order)


def test_every_letter_of_every_entry_can_be_followed_by_euler_maruyama() -> None:
    for name in ("sgrld", "recipe", "overdamped-preconditioned"):
        assert order(catalog.get(name), "EM").weak_order == 1
        assert splitting(catalog.get(name)).default_word == "EM"
