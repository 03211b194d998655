"""Noise shared with a square-root diffusion is solved by moving along, in words of order 2."""

import pytest

import sdekit as sk

V, S = sk.scalar("v", domain="positive"), sk.scalar("s", domain="positive")
X = sk.scalar("x")
RHO, WIDTH = sk.parameter("rho"), sk.parameter("sigma", positive=True)
#: The noise of v, and what a price or its logarithm has of it and beside it.
ROOT = [WIDTH * sk.sqrt(V), 0]
PAIR = [RHO * sk.sqrt(V), sk.sqrt(1 - RHO**2) * sk.sqrt(V)]
PRICE = sk.Dynamics(drift={S: 0, V: 1 - V}, noise={S: [a * S for a in PAIR], V: ROOT})
LOGARITHM = sk.Dynamics(drift={X: -V / 2, V: 1 - V}, noise={X: PAIR, V: ROOT})


@pytest.mark.parametrize("dynamics", [LOGARITHM, sk.catalog.get("heston")])
def test_a_stochastic_volatility_has_exact_letters_of_weak_order_two(dynamics):
    parts = sk.splitting(dynamics)
    assert parts.proof.holds and all(part.exact for part in parts.parts)
    carrier = next(part for part in parts.parts if part.kind == "power noise")
    assert len(carrier.moves) == 2
    assert sk.order(dynamics).weak_order == 2


def test_what_is_left_is_not_correlated_and_vanishes_at_full_correlation():
    (left,) = [p for p in sk.splitting(PRICE).parts if p.kind == "geometric Brownian motion"]
    assert [pair for pair, _ in left.diffusion] == [(S, S)]
    same = sk.Dynamics(drift={S: 0, V: 1 - V}, noise={S: sk.sqrt(V) * S, V: sk.sqrt(V)})
    moved = {**same.diffusion, (S, V): V * S / 2}
    full = sk.Dynamics(drift={S: 0, V: 1 - V}, diffusion=moved)
    assert not any(p.diffusion for p in sk.splitting(full).parts if p.kind != "power noise")


def test_noise_that_is_shared_otherwise_stays_one_step_of_euler():
    """Twins: a square of the price, a ratio that moves, and a third number on the same noise."""
    other = sk.scalar("y")
    for drift, noise in [
        ({S: 0, V: 1 - V}, {S: [a * S**2 for a in PAIR], V: ROOT}),
        ({S: 0, V: 1 - V}, {S: [a * V * S for a in PAIR], V: ROOT}),
        ({S: 0, V: 1 - V, other: 0}, {S: [a * S for a in PAIR], V: ROOT, other: [1, 0]}),
    ]:
        assert sk.splitting(sk.Dynamics(drift=drift, noise=noise)).default_word == "EM"
