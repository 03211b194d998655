"""Row numbers of a batch: uniform, different where asked, a permutation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdekit.simulation.gradients import row_numbers


def random_words(seed, count, words):
    return jax.random.bits(jax.random.key(seed), (count, words), jnp.uint32)


def chi_square_z(counts, expected):
    """Wilson-Hilferty: the cube root of chi^2 / df is normal to this accuracy."""
    freedom = len(counts) - 1
    ratio = np.sum((counts - expected) ** 2 / expected) / freedom
    return (np.cbrt(ratio) - (1 - 2 / (9 * freedom))) / np.sqrt(2 / (9 * freedom))


def pair_counts(words):
    pairs = np.sort(
        np.asarray(jax.vmap(lambda w: row_numbers.without_replacement(w, 5, 2))(words)), axis=1
    )
    return np.bincount(pairs[:, 0] * 5 + pairs[:, 1], minlength=25)[
        [0 * 5 + 1, 2, 3, 4, 7, 8, 9, 13, 14, 19]
    ]


def test_rows_with_replacement_are_uniform():
    drawn = jax.vmap(lambda w: row_numbers.with_replacement(w, 7, 10))(random_words(0, 20_000, 10))
    counts = np.bincount(np.asarray(drawn).ravel(), minlength=7)
    assert abs(chi_square_z(counts, 200_000 / 7)) < 4.5


def test_the_uniformity_check_has_power():
    """Twin: numbers from 0..7 folded onto 7 rows give row 0 twice its share."""
    drawn = jax.vmap(lambda w: row_numbers.with_replacement(w, 8, 10))(random_words(0, 20_000, 10))
    counts = np.bincount(np.asarray(drawn).ravel() % 7, minlength=7)
    assert chi_square_z(counts, 200_000 / 7) > 7


@pytest.mark.parametrize("rows", [2**17 + 1, 2**31 - 1])
def test_two_words_give_the_remainder_of_the_64_bit_number(rows):
    words = np.asarray(random_words(1, 1, 2 * 50))[0]
    assert row_numbers.words_with_replacement(rows, 50) == 100
    draw = jax.jit(row_numbers.with_replacement, static_argnums=(1, 2))
    drawn = draw(jnp.asarray(words), rows, 50)
    exact = [(int(a) * 2**32 + int(b)) % rows for a, b in zip(words[:50], words[50:], strict=True)]
    assert drawn.tolist() == exact


@pytest.mark.parametrize("size", [1, 2, 5, 17, 434])
def test_permuted_is_a_permutation(size):
    keys = random_words(2, 1, row_numbers.ROUNDS)[0]
    permuted = jax.jit(row_numbers.permuted, static_argnums=2)
    images = permuted(jnp.arange(size, dtype=jnp.uint32), keys, size)
    assert sorted(images.tolist()) == list(range(size))


def test_every_pair_of_rows_is_drawn_equally_often():
    counts = pair_counts(random_words(3, 50_000, row_numbers.ROUNDS))
    assert counts.sum() == 50_000
    assert abs(chi_square_z(counts, 5_000)) < 4.5


def test_the_pair_check_has_power(monkeypatch):
    """Twin: two rounds are too few, the digits of the image then repeat the digits of the row."""
    monkeypatch.setattr(row_numbers, "ROUNDS", 2)
    counts = pair_counts(random_words(3, 50_000, 2))
    assert abs(chi_square_z(counts, 5_000)) > 7


def test_epochs_get_different_permutations():
    keys = random_words(4, 1, row_numbers.ROUNDS)[0]
    images = [
        row_numbers.permuted(
            jnp.arange(50, dtype=jnp.uint32), row_numbers.epoch_keys(keys, jnp.int32(e)), 50
        ).tolist()
        for e in range(3)
    ]
    agreements = sum(a == b for a, b in zip(images[0], images[1], strict=True))
    # Fixed points of a random permutation: Poisson(1); 9 or more has probability 1e-6.
    assert agreements < 9
    assert images[1] != images[2]
