"""Flows of every published dynamics, entry by entry in SymPy at n = 2: an independent route."""

from __future__ import annotations

import random

import pytest
import sympy as sp

import sdekit.catalog as catalog
from sdekit.declaration.model.dynamics import Dynamics
from sdekit.schemes.split.splitting import splitting
from tests.schemes.split.flows import assert_solved, assert_sum


@pytest.mark.parametrize("name", catalog.names(plain=False))
def test_parts_add_up_entry_by_entry(name: str) -> None:
    found = splitting(catalog.get(name))
    assert_sum(found)


def _exact_parts() -> list[tuple[str, str]]:
    return [
        (name, part.letter)
        for name in catalog.names(plain=False)
        for part in splitting(catalog.get(name)).parts
        if part.exact
    ]


@pytest.mark.parametrize(("name", "letter"), _exact_parts())
def test_an_exact_flow_solves_its_part_and_reads_nothing_that_moves(name: str, letter: str) -> None:
    found = splitting(catalog.get(name))
    assert_solved(found, found.part(letter))


def _random_dynamics(seed: int) -> Dynamics:
    """Three scalars, drifts of random polynomials, diagonal or shared noise, sometimes a sine."""
    source = random.Random(seed)
    x = sp.symbols("x y z", real=True)

    def term() -> sp.Expr:
        factors = source.choices([1, *x, *x, x[0] ** 2, sp.sin(x[1])], k=source.randint(1, 2))
        return source.choice([-2, -1, 1, 3]) * sp.prod(factors)

    drift = {symbol: sum(term() for _ in range(source.randint(0, 3))) for symbol in x}
    noise = {symbol: source.choice([0, 1, 2, x[2] ** 2]) for symbol in x}
    if source.random() < 0.3:
        noise[x[0], x[1]] = sp.Rational(1, 2)
    return Dynamics(drift, noise)


@pytest.mark.parametrize("seed", range(120))
def test_dynamics_never_seen_before_are_split_rightly(seed: int) -> None:
    found = splitting(_random_dynamics(seed))
    assert found.proof.holds
    assert_sum(found)
    for part in found.parts:
        if part.exact:
            assert_solved(found, part)
