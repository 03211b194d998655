r"""Standard normals from a counter: Threefry-2x32-20 and a branch-free inverse error function.

A hash of (key, counter) gives two 32-bit words. In single precision each word makes one normal; in
double precision both words together make one. With s the sign bit and t in (0, 1) the remaining
bits as a fraction, the normal is

$$z = \pm\sqrt2\,\mathrm{erf}^{-1}(1-t),\qquad w=-\log\big(t(2-t)\big),$$

where erfinv(x)/x is a polynomial in w or sqrt(w) (Giles 2012). Taking t, not 1 - t, from the bits
keeps the tail accurate: every value down to t = 2^-32 (6.3 sigma; single precision) or 2^-64
(9.1 sigma; double precision) occurs with its right probability.

The hash is the one behind `jax.random`; the stream is not that of `jax.random.normal`, which uses
one word of two and another rule from bits to normals.

Not for keys, chains and steps: `noise` says which counter belongs to which number.

Source: Salmon, Moraes, Dror, Shaw 2011, doi:10.1145/2063384.2063405 (Threefry); Giles 2012,
"Approximating the erfinv function" (coefficients, except for the tail in single precision,
which is fitted here so that it holds down to t = 2^-32).
Checked by: tests/simulation/noise/test_fast_normal.py, verification/normals.py.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

#: Rotation distances of Threefry-2x32, in bits.
_ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
#: Parity constant of the Threefry key schedule.
_PARITY = np.uint32(0x1BD11BDA)
_ROUNDS = 20

#: erfinv(x)/x for w < 5, in powers of w - 5/2, highest first; single precision.
_SINGLE_CENTRE = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
    -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
#: The same for 5 <= w < 23, in powers of sqrt(w) - 7/2; Chebyshev fit, relative error 4.4e-7.
_SINGLE_TAIL = (
    -2.98365136e-06, -0.000177168004, 0.000567334033, -0.000758005722, 0.00100245282,
    -0.00202547547, 0.00329818815, 1.00736422, 3.3354849,
)  # fmt: skip
#: Double precision, w < 6.25, in powers of w - 3.125.
_DOUBLE_CENTRE = (
    -3.6444120640178196996e-21, -1.685059138182016589e-19, 1.2858480715256400167e-18,
    1.115787767802518096e-17, -1.333171662854620906e-16, 2.0972767875968561637e-17,
    6.6376381343583238325e-15, -4.0545662729752068639e-14, -8.1519341976054721522e-14,
    2.6335093153082322977e-12, -1.2975133253453532498e-11, -5.4154120542946279317e-11,
    1.051212273321532285e-09, -4.1126339803469836976e-09, -2.9070369957882005086e-08,
    4.2347877827932403518e-07, -1.3654692000834678645e-06, -1.3882523362786468719e-05,
    0.0001867342080340571352, -0.00074070253416626697512, -0.0060336708714301490533,
    0.24015818242558961693, 1.6536545626831027356,
)  # fmt: skip
#: Double precision, 6.25 <= w < 16, in powers of sqrt(w) - 3.25.
_DOUBLE_MIDDLE = (
    2.2137376921775787049e-09, 9.0756561938885390979e-08, -2.7517406297064545428e-07,
    1.8239629214389227755e-08, 1.5027403968909827627e-06, -4.013867526981545969e-06,
    2.9234449089955446044e-06, 1.2475304481671778723e-05, -4.7318229009055733981e-05,
    6.8284851459573175448e-05, 2.4031110387097893999e-05, -0.0003550375203628474796,
    0.00095328937973738049703, -0.0016882755560235047313, 0.0024914420961078508066,
    -0.0037512085075692412107, 0.005370914553590063617, 1.0052589676941592334,
    3.0838856104922207635,
)  # fmt: skip
#: Double precision, w >= 16, in powers of sqrt(w) - 5.
_DOUBLE_TAIL = (
    -2.7109920616438573243e-11, -2.5556418169965252055e-10, 1.5076572693500548083e-09,
    -3.7894654401267369937e-09, 7.6157012080783393804e-09, -1.4960026627149240478e-08,
    2.9147953450901080826e-08, -6.7711997758452339498e-08, 2.2900482228026654717e-07,
    -9.9298272942317002539e-07, 4.5260625972231537039e-06, -1.9681778105531670567e-05,
    7.5995277030017761139e-05, -0.00021503011930044477347, -0.00013871931833623122026,
    1.0103004648645343977, 4.8499064014085844221,
)  # fmt: skip


def threefry(first: ArrayLike, second: ArrayLike, key: ArrayLike) -> tuple[Array, Array]:
    """Threefry-2x32 with 20 rounds: two random words from a counter of two words.

    Args:
        first: First counter word, uint32, any shape.
        second: Second counter word, uint32, broadcast against the first.
        key: uint32 of shape (2, ...); key[0] and key[1] broadcast against the counters.

    Returns:
        Two uint32 arrays of the common shape.

    Example:
        >>> [hex(int(word)) for word in threefry(0, 0, np.zeros(2, np.uint32))]
        ['0x6b200159', '0x99ba4efe']
    """
    words = jnp.asarray(key)
    schedule = (words[0], words[1], words[0] ^ words[1] ^ _PARITY)
    x = jnp.asarray(first, jnp.uint32) + schedule[0]
    y = jnp.asarray(second, jnp.uint32) + schedule[1]
    shape = jnp.broadcast_shapes(x.shape, y.shape)
    # Operations of `lax` on equal shapes are traced twice as fast as those of `jnp`.
    x, y, *schedule = (jnp.broadcast_to(word, shape) for word in (x, y, *schedule))
    for round_ in range(_ROUNDS):
        distance = _ROTATIONS[round_ % len(_ROTATIONS)]
        x = lax.add(x, y)
        left = lax.shift_left(y, np.uint32(distance))
        right = lax.shift_right_logical(y, np.uint32(32 - distance))
        y = lax.bitwise_xor(lax.bitwise_or(left, right), x)
        if round_ % 4 == 3:
            injection = round_ // 4 + 1
            x = lax.add(x, schedule[injection % 3])
            y = lax.add(lax.add(y, schedule[(injection + 1) % 3]), np.uint32(injection))
    return x, y


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    value = jnp.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value = lax.add(lax.mul(value, x), np.asarray(coefficient, x.dtype))
    return value


def _signed(magnitude: Array, word: Array) -> Array:
    """The magnitude with the lowest bit of the word as its sign."""
    return jnp.where((word & np.uint32(1)) == 0, magnitude, -magnitude)


def normal_single(word: Array) -> Array:
    """One float32 normal from each 32-bit word."""
    half = np.float32(0.5)
    count = (word >> np.uint32(1)).astype(jnp.int32).astype(jnp.float32)
    t = (count + half) * np.float32(2.0**-31)
    w = -jnp.log(t * (np.float32(2) - t))
    centre = _polynomial(_SINGLE_CENTRE, w - np.float32(2.5))
    tail = _polynomial(_SINGLE_TAIL, jnp.sqrt(w) - np.float32(3.5))
    ratio = jnp.where(w < np.float32(5), centre, tail)
    return _signed(ratio * ((np.float32(1) - t) * np.float32(np.sqrt(2.0))), word)


def normal_double(word: Array, extra: Array) -> Array:
    """One float64 normal from each pair of 32-bit words; needs JAX's 64-bit mode."""
    high = (word >> np.uint32(1)).astype(jnp.int32).astype(jnp.float64)
    t = high * 2.0**-31 + (extra.astype(jnp.float64) + 0.5) * 2.0**-63
    w = -jnp.log(t * (2.0 - t))
    root = jnp.sqrt(w)
    ratio = jnp.where(
        w < 6.25,
        _polynomial(_DOUBLE_CENTRE, w - 3.125),
        jnp.where(
            w < 16.0,
            _polynomial(_DOUBLE_MIDDLE, root - 3.25),
            _polynomial(_DOUBLE_TAIL, root - 5.0),
        ),
    )
    return _signed(ratio * ((1.0 - t) * np.sqrt(2.0)), word)


def key_words(key: Array) -> Array:
    """The two 32-bit words of a JAX key of any kind, uint32 of shape (2,)."""
    if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return jnp.asarray(key, jnp.uint32).reshape(-1)[-2:]
    data = jax.random.key_data(key)
    if data.shape == (2,):
        return data
    return jax.random.bits(key, (2,), jnp.uint32)


def pair_of_normals(first: Array, second: Array, key: Array) -> Array:
    """Two independent float32 normals for each counter, as the parts of a complex number.

    One array for both lets the compiler compute the hash once; two arrays would cost it twice.

    Args:
        first: First counter word.
        second: Second counter word.
        key: Key words, shape (2, ...).

    Returns:
        complex64 of the common shape.
    """
    x, y = threefry(first, second, key)
    return lax.complex(normal_single(x), normal_single(y))


def one_normal(first: Array, second: Array, key: Array) -> Array:
    """One float64 normal for each counter, from both words of its hash."""
    return normal_double(*threefry(first, second, key))
