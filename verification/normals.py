"""The law of the fast normals on many draws: moments, tails, distribution, independence.

    python verification/normals.py [--draws 1e9] [--double]

Writes results/normals.json. Every number is a z score (or sqrt(n) times the Kolmogorov distance),
so that it is to be compared with 4.5 (or 2.6); the run fails beyond.
"""

from __future__ import annotations

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from _results import Report, arguments
from scipy.special import ndtr

from sdekit.simulation.loop.compiled_loop import compiler_options
from sdekit.simulation.noise.streams import NORMALS, NoiseSource, chain_keys

#: Mean of z^k, and the variance of z^k.
MOMENTS = {1: (0, 1), 2: (1, 2), 3: (0, 15), 4: (3, 96), 5: (0, 945), 6: (15, 10170),
           7: (0, 135135), 8: (105, 2016000)}  # fmt: skip
TAILS = (1.0, 2.0, 3.0, 4.0, 4.5, 5.0)
CHAINS, ELEMENTS, PAIRS = 64, 4, 2048
BINS = 4096


def statistics(source: NoiseSource):
    """Sums over one block of draws: powers, tail counts, histogram, products of neighbours."""

    def of_block(keys, first):
        pairs = source.pairs(keys, first, PAIRS, ELEMENTS)
        even, odd = pairs if isinstance(pairs, tuple) else (pairs.real, pairs.imag)
        z = jnp.stack([even, odd], axis=1).reshape(2 * PAIRS, ELEMENTS, CHAINS)
        wide = z.astype(jnp.float64)
        powers = jnp.stack([jnp.sum(wide**k) for k in MOMENTS])
        tails = jnp.stack([jnp.sum(jnp.abs(z) > t) for t in TAILS])
        # Bins of equal probability.
        bins = jnp.clip((jax.scipy.special.ndtr(wide) * BINS).astype(jnp.int32), 0, BINS - 1)
        counts = jnp.zeros(BINS, jnp.int64).at[bins.ravel()].add(1)
        products = [jnp.sum(wide[1:] * wide[:-1]), jnp.sum(wide[:, 1:] * wide[:, :-1]),
                    jnp.sum(wide[:, :, 1:] * wide[:, :, :-1])]  # fmt: skip
        squares = wide**2 - 1
        products += [jnp.sum(squares[1:] * squares[:-1]) / 2,
                     jnp.sum(squares[:, 1:] * squares[:, :-1]) / 2,
                     jnp.sum(squares[:, :, 1:] * squares[:, :, :-1]) / 2]  # fmt: skip
        return powers, tails, counts, jnp.stack(products)

    return jax.jit(of_block, compiler_options=compiler_options())


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=float, default=1e9)
    parser.add_argument("--double", action="store_true")
    options = arguments(__doc__ or "", parser)
    report = Report("normals_double" if options.double else "normals", options, seed=2026)
    dtype = np.dtype(np.float64 if options.double else np.float32)
    block = 2 * PAIRS * ELEMENTS * CHAINS
    blocks = max(1, round((1e7 if options.quick else options.draws) / block))
    with jax.enable_x64(True):
        keys = chain_keys(jax.random.key(2026), np.arange(CHAINS, dtype=np.uint32), NORMALS)
        of_block = statistics(NoiseSource(dtype=dtype))
        totals = None
        for k in range(blocks):
            new = [np.asarray(x, np.float64) for x in of_block(keys, np.uint32(k * PAIRS))]
            totals = new if totals is None else [a + b for a, b in zip(totals, new, strict=True)]
    n = blocks * block
    powers, tails, counts, products = totals
    moments = [
        (total / n - mean) / np.sqrt(variance / n)
        for total, (mean, variance) in zip(powers, MOMENTS.values(), strict=True)
    ]
    expected = 2 * ndtr(-np.array(TAILS)) * n
    beyond = (tails - expected) / np.sqrt(expected * (1 - expected / n))
    gaps = np.cumsum(counts) / n - np.arange(1, BINS + 1) / BINS
    along = [2 * PAIRS - 1, ELEMENTS - 1, CHAINS - 1]
    sizes = [2 * PAIRS, ELEMENTS, CHAINS]
    pairs = [n * a / s for a, s in zip(along, sizes, strict=True)] * 2
    measured = {
        "draws": n,
        "dtype": str(dtype),
        "moment_scores": moments,
        "tail_scores": dict(zip(map(str, TAILS), beyond, strict=True)),
        "kolmogorov": float(np.sqrt(n) * np.max(np.abs(gaps))),
        "chi_squared_score": float((np.sum((counts - n / BINS) ** 2) / (n / BINS) - BINS + 1)
                                   / np.sqrt(2 * (BINS - 1))),
        "neighbour_scores": list(products / np.sqrt(pairs)),
    }  # fmt: skip
    scores = [*moments, *beyond, *measured["neighbour_scores"], measured["chi_squared_score"]]
    passed = np.max(np.abs(scores)) < 4.5 and measured["kolmogorov"] < 2.6
    report.judge(measured, bool(passed))
    report.write()
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
