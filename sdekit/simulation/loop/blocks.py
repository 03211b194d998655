"""How a run is cut: blocks that draw their noise together, chunks that run in one compiled call.

A block is as long as keeps its noise in the cache; a chunk ends often enough for progress, stores
and interruption. Cutting never changes a number, since noise is a function of the step.

Not for running (`loop`).

Checked by: tests/simulation/loop/test_blocks.py.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Normals of one block over all chains: 2^16 single precision numbers fit the second level cache.
BLOCK_NORMALS = 2**16
#: Steps of one block; longer ones gain nothing measurable.
BLOCK_STEPS = 4000
#: Steps of the shortest block: the noise of a single pair is drawn three times slower.
LEAST_STEPS = 4
#: Numbers of the state of the chains that run together: what the loop touches fits the second
#: level cache. More chains run tile after tile.
TILE_NUMBERS = 2**15
#: Chains of a tile that keep vectors full.
TILE_CHAINS = 128
#: Single precision numbers of the widest vector.
VECTOR = 16
#: Numbers of samples of one chunk, over all chains: 64 MB in single precision.
CHUNK_NUMBERS = 2**24
#: Work of one chunk in steps times chains times numbers per state: some tenths of a second.
CHUNK_WORK = 2**27
#: Steps of one chunk of a single scalar chain: some hundredths of a second.
CHUNK_STEPS = 2**22
#: Bytes of the prepared minibatches of one block.
BLOCK_DRAW_BYTES = 2**26


@dataclass(frozen=True)
class Plan:
    """The shape of one compiled call.

    Attributes:
        draws: Kept draws of a block, or 1 where a draw takes several blocks.
        thin: Steps from one draw to the next.
        steps: Steps of a block.
        repeats: Blocks that make one draw, where a block is shorter than `thin`.
        rest: Steps of a shorter block at the end of each draw, where `thin` is not divided.
        blocks: Most blocks (most draws, where a draw takes several blocks) of one call.
        aligned: Whether calls begin at even steps, as pairs of normals want.
        tiles: Groups of chains that run one after the other within a call.
    """

    draws: int
    thin: int
    steps: int
    repeats: int = 1
    rest: int = 0
    blocks: int = 1
    aligned: bool = True
    tiles: int = 1

    @property
    def chunk_draws(self) -> int:
        """Most draws of one call."""
        return self.draws * self.blocks

    @property
    def holds_draws(self) -> bool:
        """Whether a block holds whole draws."""
        return self.steps == self.draws * self.thin

    @property
    def in_pairs(self) -> bool:
        """Whether a block takes two steps at a time, without a draw between them."""
        even = self.steps % 2 == 0 and (self.thin == 1 or self.thin % 2 == 0)
        return self.aligned and even


def tiled(chains: int, numbers: int) -> tuple[int, int]:
    """Tiles of the chains of one device, and chains of a tile (the last may be filled up).

    Args:
        chains: Chains of the device.
        numbers: Numbers in the state of one chain.
    """
    most = max(TILE_CHAINS, TILE_NUMBERS // max(1, numbers))
    if chains <= 2 * most:
        return 1, chains
    tiles = -(-chains // most)
    each = -(-chains // tiles)
    # Whole vectors: a tile of 125 chains costs a fifth more than one of 128.
    return tiles, -(-each // VECTOR) * VECTOR


def plan_run(
    draws: int,
    thin: int,
    *,
    chains: int,
    normals: int,
    numbers: int,
    recorded: int,
    draw_bytes: int,
    tiles: int = 1,
) -> Plan:
    """Cut a run of `draws` draws.

    Args:
        draws: Draws to keep.
        thin: Steps from one to the next.
        chains: Chains that run together.
        normals: Normals of one step of one chain.
        numbers: Numbers in the state of one chain.
        recorded: Numbers of one kept draw of one chain.
        draw_bytes: Bytes of the prepared minibatches of one step of one chain.
        tiles: Groups in which the chains run.
    """
    longest = min(
        BLOCK_STEPS,
        BLOCK_NORMALS // max(1, normals * chains // tiles),
        BLOCK_DRAW_BYTES // max(1, draw_bytes * chains // tiles),
    )
    longest = max(LEAST_STEPS, longest - longest % 2)
    if thin > longest:
        per_block, steps = 1, longest
        repeats, rest = divmod(thin, longest)
    else:
        per_block = _draws_of_block(draws, thin, longest)
        steps, repeats, rest = per_block * thin, 1, 0
    work = CHUNK_WORK // max(1, chains * max(numbers, 1))
    most_steps = max(per_block * thin, min(CHUNK_STEPS, work))
    most_draws = max(per_block, min(most_steps // thin, CHUNK_NUMBERS // max(1, recorded * chains)))
    blocks = _evened(draws // per_block, max(1, most_draws // per_block))
    return Plan(per_block, thin, steps, repeats, rest, blocks, tiles=tiles)


def _draws_of_block(draws: int, thin: int, longest: int) -> int:
    """Draws of a block: a divisor of the number of draws where one is long enough."""
    most = max(1, min(draws, longest // thin))
    for candidate in range(most, most // 4, -1):
        if draws % candidate == 0 and (candidate * thin) % 2 == 0:
            return candidate
    odd = (most * thin) % 2
    return most - 1 if odd and most > 1 else most


def burn_in_piece(steps: int) -> int:
    """Steps of the pieces in which a burn-in runs: a divisor where one is long enough."""
    most = min(steps, BLOCK_STEPS)
    for candidate in range(most, most // 4, -1):
        if steps % candidate == 0 and candidate % 2 == 0:
            return candidate
    return most - most % 2 or most


def _evened(total: int, most: int) -> int:
    """Blocks of a chunk such that all chunks are about equally long."""
    chunks = -(-total // most) if total else 1
    return max(1, -(-total // chunks))


def tail_plan(plan: Plan, draws: int) -> Plan:
    """One call for the draws that are left when no whole block fits."""
    return Plan(draws, plan.thin, draws * plan.thin, tiles=plan.tiles)
