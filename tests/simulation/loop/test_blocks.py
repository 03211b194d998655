"""How runs are cut."""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.simulation.loop import driver
from sdekit.simulation.loop.blocks import (
    BLOCK_STEPS,
    LEAST_STEPS,
    TILE_CHAINS,
    VECTOR,
    burn_in_piece,
    plan_run,
    tail_plan,
    tiled,
)


def cut(draws, thin, chains=1, normals=1, numbers=3, recorded=1, draw_bytes=0):
    return plan_run(
        draws, thin, chains=chains, normals=normals, numbers=numbers, recorded=recorded,
        draw_bytes=draw_bytes,
    )  # fmt: skip


@pytest.mark.parametrize("draws", [1, 7, 1000, 10**6, 999_983])
@pytest.mark.parametrize("thin", [1, 2, 3, 100, 4001, 100_000])
def test_a_plan_covers_its_draws(draws, thin):
    plan = cut(draws, thin)
    assert plan.draws * plan.thin == plan.steps * plan.repeats + plan.rest
    assert plan.steps <= max(BLOCK_STEPS, 2)
    left = draws % plan.draws
    if left:
        assert tail_plan(plan, left).steps == left * thin


@pytest.mark.parametrize("draws", [1000, 4000, 10**6, 123_456])
def test_blocks_of_round_runs_take_steps_in_pairs_and_leave_no_rest(draws):
    plan = cut(draws, 1)
    assert draws % plan.draws == 0
    assert plan.in_pairs


def test_a_large_state_has_short_blocks():
    assert cut(1000, 1, chains=100_000, normals=10).steps == LEAST_STEPS
    assert cut(1000, 1, draw_bytes=2**20).steps <= 64


def test_many_chains_run_in_whole_vectors():
    assert tiled(100, 10) == (1, 100)
    tiles, each = tiled(100_000, 20)
    assert tiles > 1
    assert each % VECTOR == 0 and each >= TILE_CHAINS
    assert 100_000 <= tiles * each < 1.02 * 100_000


@pytest.mark.parametrize("steps", [1, 2, 3, 999, 4000, 4001, 100_000, 999_983])
def test_a_burn_in_runs_in_few_pieces(steps):
    piece = burn_in_piece(steps)
    assert 1 <= piece <= min(steps, BLOCK_STEPS)
    assert -(-steps // piece) <= 4 * -(-steps // BLOCK_STEPS)


@pytest.mark.parametrize("given", [{"thin": 1}, {"thin": 3, "burn_in": 2999}, {"batch": True}])
def test_a_burn_in_takes_few_calls_however_few_draws_follow(monkeypatch, given):
    """Thousands of calls of one step each where calls are cut by the draws to be kept."""
    calls, call = [], driver.Driver.call
    monkeypatch.setattr(
        driver.Driver, "call", lambda self, *plan: calls.append(plan) or call(self, *plan)
    )
    x, start = sk.scalar("x"), 0.0
    ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
    sampler = sk.sampler(ou, scheme="EM")
    if given.pop("batch", False):
        data = np.linspace(-1, 1, 40, dtype=np.float32)
        target = sk.Minibatch(
            lambda m: -jnp.sum(m**2) / 2, lambda m, row: -jnp.sum((row - m) ** 2) / 2, data, 4,
            sampling="epochs", contiguous=True,
        )  # fmt: skip
        sampler, start = sk.sampler(sk.catalog.get("overdamped"), target, scheme="EM"), np.zeros(1)
    given = {"burn_in": 2998, "step_size": 0.01, "seed": 2, **given}
    run = sk.simulate(sampler, start, steps=3, **given)
    assert len(calls) < 100
    count = given.pop("burn_in") + 3
    whole = sk.simulate(sampler, start, steps=count, **{**given, "thin": 1})
    name = next(iter(run.samples))
    np.testing.assert_allclose(run.samples[name][0, -1], whole.samples[name][0, -1], atol=1e-5)
