"""The law of the fast normals and their bits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from sdekit.simulation.noise.fast_normal import (
    key_words,
    normal_double,
    normal_single,
    pair_of_normals,
    threefry,
)

#: Known answers of Threefry-2x32-20 published with Random123: counter, key, output.
KNOWN_ANSWERS = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]
#: Even moments of N(0, 1), and the variance of their estimate from one draw.
MOMENTS = {1: (0, 1), 2: (1, 2), 3: (0, 15), 4: (3, 96), 5: (0, 945), 6: (15, 10170),
           7: (0, 135135), 8: (105, 2016000)}  # fmt: skip


def words(seed, count):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 2**32, count, dtype=np.uint32)


@pytest.fixture(scope="module")
def normals():
    """2^22 normals from counters, as a run makes them."""
    make = jax.jit(
        lambda key: pair_of_normals(jnp.arange(2**21, dtype=jnp.uint32), jnp.uint32(0), key)
    )
    pairs = np.asarray(make(np.array([1, 2], np.uint32)))
    return np.concatenate([pairs.real, pairs.imag]).astype(np.float64)


@pytest.mark.parametrize(("counter", "key", "output"), KNOWN_ANSWERS)
def test_threefry_gives_the_known_answers(counter, key, output):
    found = threefry(np.uint32(counter[0]), np.uint32(counter[1]), np.array(key, np.uint32))
    assert tuple(int(word) for word in found) == output


def test_threefry_is_the_hash_behind_jax_random():
    key = jax.random.key(7)
    from jax.extend.random import threefry_2x32

    counters = np.arange(10, dtype=np.uint32)
    expected = np.asarray(threefry_2x32(jax.random.key_data(key), counters)).reshape(2, 5)
    found = threefry(counters[:5], counters[5:], key_words(key))
    assert np.array_equal(np.stack(found), expected)


def exact_normals(word, extra):
    tail = ((word >> 1).astype(np.float64) + (extra + 0.5) * 2.0**-32) * 2.0**-31
    return np.where(word & 1, 1, -1) * ndtri(tail / 2)


def test_single_precision_normals_are_the_quantiles_of_their_bits():
    word = np.concatenate([words(0, 200_000), np.arange(4000, dtype=np.uint32)])
    found = np.asarray(jax.jit(normal_single)(word), np.float64)
    # The middle of the interval of each word; float32 keeps 24 bits of it.
    assert np.max(np.abs(found - exact_normals(word, np.float64(2.0**31)))) < 3e-6


def test_double_precision_normals_are_the_quantiles_of_their_bits():
    word, extra = words(1, 100_000), words(2, 100_000)
    with jax.enable_x64(True):
        found = np.asarray(jax.jit(normal_double)(word, extra))
    assert found.dtype == np.float64
    assert np.max(np.abs(found - exact_normals(word, extra.astype(np.float64)))) < 2e-14


def test_the_smallest_words_reach_beyond_six_sigma_and_stay_finite():
    found = np.asarray(normal_single(jnp.array([0, 1, 2, 2**32 - 1], jnp.uint32)))
    assert found[0] > 6.3 and found[1] == -found[0]
    assert np.all(np.isfinite(found))


def moment_scores(draws):
    n, power, scores = len(draws), np.ones_like(draws), []
    for mean, variance in MOMENTS.values():
        power *= draws
        scores.append((np.mean(power) - mean) / np.sqrt(variance / n))
    return scores


def test_moments_up_to_the_eighth_are_those_of_the_normal_law(normals):
    assert np.max(np.abs(moment_scores(normals))) < 4.5


def test_the_moment_check_has_power(normals):
    """Twin: a scale that is wrong by half a percent."""
    assert np.max(np.abs(moment_scores(1.005 * normals))) > 7


def kolmogorov_score(draws):
    """sqrt(n) times the largest gap; above 2.6 with probability 3e-6."""
    ordered = np.sort(draws)
    n = len(ordered)
    gaps = ndtr(ordered) - np.arange(n) / n
    return np.sqrt(n) * max(gaps.max(), (1 / n - gaps).max())


def test_the_distribution_function_is_normal(normals):
    assert kolmogorov_score(normals) < 2.6


def test_the_distribution_check_has_power(normals):
    """Twin: a shift by 0.006 sigma."""
    assert kolmogorov_score(normals + 0.006) > 4


@pytest.mark.parametrize("sigmas", [3.0, 4.0, 5.0])
def test_tails_have_their_probability(normals, sigmas):
    expected = len(normals) * 2 * ndtr(-sigmas)
    count = np.sum(np.abs(normals) > sigmas)
    assert abs(count - expected) < 4.5 * np.sqrt(expected) + 1


def test_every_bit_of_the_hash_is_even():
    made = threefry(jnp.arange(2**18, dtype=jnp.uint32), jnp.uint32(3), np.array([5, 6], np.uint32))
    for word in made:
        values = np.asarray(word)
        for bit in range(32):
            ones = np.sum((values >> np.uint32(bit)) & np.uint32(1), dtype=np.int64)
            assert abs(ones - 2**17) < 4.5 * np.sqrt(2**16)


def test_keys_of_all_kinds_have_two_words():
    assert np.array_equal(key_words(jax.random.key(3)), jax.random.key_data(jax.random.key(3)))
    assert key_words(jax.random.key(3, impl="rbg")).shape == (2,)
    assert key_words(jax.random.PRNGKey(3)).shape == (2,)
