"""How runs are cut."""

import pytest

from sdekit.simulation.loop.blocks import (
    BLOCK_STEPS,
    LEAST_STEPS,
    TILE_CHAINS,
    VECTOR,
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
