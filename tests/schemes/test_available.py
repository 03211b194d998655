"""Every scheme that is listed runs, and every one that is not is refused."""

from __future__ import annotations

import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SdekitError
from sdekit.schemes.split.scheme_names import NAMED


def test_the_default_comes_first_and_every_palindrome_is_listed() -> None:
    found = sk.schemes.names(sk.catalog.get("langevin"))
    assert found[:2] == ("BAOAB", "ABOBA")
    assert {"OBABO", "AOBOA", "BOAOB", "OABAO", "EM", "Algorithm1", "shark"} <= set(found)
    assert "HMC" not in found and "Algorithm2" not in found


def test_the_default_of_one_part_without_flow_is_euler_maruyama() -> None:
    found = sk.schemes.names(sk.catalog.get("overdamped"))
    assert found[0] == "EM"
    assert "Algorithm1" not in found


def test_many_letters_are_not_permuted() -> None:
    table = sk.schemes.table(sk.catalog.get("nose-hoover-chain"))
    assert table.words == ("BADEFOFEDAB",)


@pytest.mark.parametrize("name", ["langevin", "overdamped", "hamiltonian", "sgnht"])
def test_what_is_listed_is_what_the_sampler_takes(name: str) -> None:
    dynamics = sk.catalog.get(name)
    listed = set(sk.schemes.names(dynamics))
    parameters = {p.name: 1.0 for p in dynamics.parameters}
    for scheme in NAMED:
        try:
            sk.sampler(dynamics, lambda q: q @ q / 2, parameters, scheme).bind(np.zeros(2))
        except SdekitError:
            assert scheme not in listed
        else:
            assert scheme in listed


def test_hmc_is_listed_where_momenta_are_linear_in_the_velocity_only() -> None:
    q, p = sk.scalar("q"), sk.scalar("p")
    u, k = sk.potential("U", q), sk.potential("K", p)
    drift = {q: sk.grad(k, p), p: -sk.grad(u, q)}
    general = sk.Dynamics(drift=drift, hamiltonian=u + k, target=u)
    assert "HMC" not in sk.schemes.names(general)
    # Twin: a mass is fine.
    assert "HMC" in sk.schemes.names(sk.catalog.get("hamiltonian-mass"))


def test_the_table_is_plain_data_and_text() -> None:
    table = sk.schemes.table(sk.catalog.get("langevin"))
    data = table.to_dict()
    assert data["default"] == "BAOAB"
    assert data["named"][0]["name"] == "EM"
    assert data["splitting"]["parts"][0]["letter"] == "A"
    text = str(table)
    assert "A  position drift, exact flow" in text
    assert "Algorithm1 (also SGHMC)" in text


def test_solvers_say_their_strong_order_for_the_noise_at_hand():
    x, y = sk.scalar("x"), sk.scalar("y")
    additive = sk.Dynamics(drift={x: 0, y: 0}, noise={x: [1, 0], y: [0, 1]})
    general = sk.Dynamics(drift={x: 0, y: 0}, noise={x: [1, 0], y: [0, x]})
    assert "strong order 1.5 for additive noise" in str(sk.schemes.table(additive))
    told = str(sk.schemes.table(general))
    assert "strong order 0.5 for general noise" in told
    only = [line for line in told.splitlines() if "strong order 1 for general noise" in line]
    assert len(only) == 1 and only[0].startswith("area-milstein")
