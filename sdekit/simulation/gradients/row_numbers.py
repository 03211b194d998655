"""Which rows a minibatch takes, as a pure function of random words: with or without replacement.

Not for moving the rows (`rows.py`) and not a source of randomness: the words come from the
caller's counter-based generator, so a batch depends on (key, chain, step) and on nothing else.

Notation: N rows, M rows per batch, `x mod N` the remainder.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import Array, lax

#: Rounds of the permutation network: at 8 the inclusion counts of single rows and of pairs agree
#: with uniform sampling down to N = 5 (tests/simulation/gradients/test_row_numbers.py).
ROUNDS = 8

#: Above 2**17 rows one word per row would favour some rows by more than 2**-15 = 3e-5 (relative).
ONE_WORD_ROWS = 2**17


def words_with_replacement(rows: int, batch: int) -> int:
    """Random 32-bit words that `with_replacement` uses for one batch."""
    return batch if rows <= ONE_WORD_ROWS else 2 * batch


def with_replacement(bits: Array, rows: int, batch: int) -> Array:
    r"""Independent row numbers, each uniform on 0..N-1.

    $$i = \Big(\sum_k w_k\, 2^{32 k}\Big) \bmod N$$

    with one word per row up to `ONE_WORD_ROWS` rows and two beyond: a row's probability is off by
    a relative N / 2^32 <= 3e-5, or N / 2^64.

    Args:
        bits: uint32, shape (words_with_replacement(rows, batch),).
        rows: N, at most 2^31 - 1.
        batch: M.

    Returns:
        int32, shape (batch,).

    Checked by: tests/simulation/gradients/test_row_numbers.py.
    """
    words = bits.reshape(-1, batch)
    number = words[0] % jnp.uint32(rows)
    if words.shape[0] > 1:
        number = _append_word(number, words[1], rows)
    return number.astype(jnp.int32)


def _append_word(remainder: Array, word: Array, rows: int) -> Array:
    """`(remainder * 2^32 + word) mod rows`, digit by digit so that nothing leaves 32 bits."""
    digit = 32 - rows.bit_length()
    left = 32
    while left > 0:
        width = min(digit, left)
        left -= width
        piece = (word >> jnp.uint32(left)) & jnp.uint32((1 << width) - 1)
        remainder = ((remainder << jnp.uint32(width)) | piece) % jnp.uint32(rows)
    return remainder


def without_replacement(bits: Array, rows: int, batch: int) -> Array:
    """The first M images of a pseudo-random permutation of 0..N-1: all different.

    Args:
        bits: uint32, shape (ROUNDS,).
        rows: N.
        batch: M <= N.

    Returns:
        int32, shape (batch,), all different.

    Checked by: tests/simulation/gradients/test_row_numbers.py.
    """
    return permuted(jnp.arange(batch, dtype=jnp.uint32), bits, rows)


def permuted(positions: Array, round_keys: Array, size: int) -> Array:
    r"""Images of `positions` under a pseudo-random permutation of 0..size-1, without a table.

    An alternating Feistel network on mixed digits: with $ab \ge n$ and $x = l b + r$,

    $$l \leftarrow (l + F_k(r)) \bmod a, \qquad r \leftarrow (r + F_k(l)) \bmod b,$$

    `ROUNDS` times; an image outside 0..size-1 is permuted again until it is inside
    (cycle walking), which keeps it a permutation. Hardly any of the ab numbers are outside.

    Args:
        positions: uint32, any shape, values below `size`.
        round_keys: uint32, shape (ROUNDS,).
        size: n, the number of things permuted.

    Returns:
        int32 of the shape of `positions`.

    Source: Black and Rogaway (2002), Ciphers with arbitrary finite domains (generalized
        Feistel and cycle walking); round function: the 32-bit finalizer of MurmurHash3.
    Checked by: tests/simulation/gradients/test_row_numbers.py.
    """
    high, low = _digits(size)

    def once(x: Array) -> Array:
        left, right = x // jnp.uint32(low), x % jnp.uint32(low)
        for index in range(0, ROUNDS, 2):
            left = (left + mixed(right, round_keys[index]) % jnp.uint32(high)) % jnp.uint32(high)
            right = (right + mixed(left, round_keys[index + 1]) % jnp.uint32(low)) % jnp.uint32(low)
        return left * jnp.uint32(low) + right

    images = once(positions)
    if high * low > size:
        images = lax.while_loop(
            lambda x: jnp.any(x >= size), lambda x: jnp.where(x >= size, once(x), x), images
        )
    return images.astype(jnp.int32)


def _digits(size: int) -> tuple[int, int]:
    """Two numbers near the root of `size` whose product is hardly larger, or equal.

    Every image outside costs one more permutation of the whole block; small sizes keep equal
    digits, without which the network mixes badly.
    """
    root = math.isqrt(max(size - 1, 0)) + 1
    candidates = range(root, max(root + 1, root * 3 // 2)) if size >= 256 else (root,)
    high = min(candidates, key=lambda digit: -(-size // digit) * digit)
    return high, -(-size // high)


def mixed(x: Array, key: Array | int) -> Array:
    """A 32-bit hash of `x` under `key`: every input bit reaches every output bit."""
    x = (x * jnp.uint32(0x9E3779B1)) ^ key
    x = (x ^ (x >> jnp.uint32(16))) * jnp.uint32(0x85EBCA6B)
    x = (x ^ (x >> jnp.uint32(13))) * jnp.uint32(0xC2B2AE35)
    return x ^ (x >> jnp.uint32(16))


def epoch_keys(round_keys: Array, epoch: Array) -> Array:
    """Round keys of one epoch from those of the chain: a new permutation for each epoch.

    Args:
        round_keys: uint32, shape (ROUNDS,), of one chain.
        epoch: Scalar integer.

    Returns:
        uint32, shape (ROUNDS,).
    """
    return jax.vmap(lambda key: mixed(epoch.astype(jnp.uint32) + key, key))(round_keys)
