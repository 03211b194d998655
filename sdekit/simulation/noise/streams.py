"""Random numbers as a pure function of (key, stream, chain, step, element).

The same seed therefore gives a chain the same noise whatever the number of chains and devices, the
length of compiled chunks or the layout in memory; and a run can go on from any step. Two back-ends:

- "threefry-fast": counters through `fast_normal`; drawn in blocks, several times faster than
  `jax.random.normal` on a CPU. Every chain has its own Threefry key, made from the seed, the stream
  and the chain's number. In single precision the counter is (step // 2, element), and its two
  normals belong to the even and the odd step; in double precision it is (step, element).
- "jax": `jax.random.normal` with the chain's key folded with the step; the reference.
- "weak": a few bits of the hash of (step // variables of a hash, element) for each variable, after
  a law of `sdekit.schemes.noise_laws`; starts are drawn from normals all the same.

The streams differ; each is reproducible for itself. Steps are counted in 32 bits of
pairs: at most 2^33 steps of one seed.

Not for the law of the normals (`fast_normal`), nor for the order in which steps use them (`loop`).

Notation: arrays end with the axis of chains, which is absent where keys have shape (2,).
Checked by: tests/simulation/noise/test_streams.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import ArrayLike

from sdekit.errors import SimulationError, check_word
from sdekit.schemes.noise_laws import NoiseLaw
from sdekit.simulation.bind.step_size import is_whole
from sdekit.simulation.noise.fast_normal import key_words, one_normal, pair_of_normals, threefry

SINGLE = np.dtype(np.float32)
BACKENDS = ("threefry-fast", "jax", "weak")
#: Normals of pairs of steps: one complex array, or one real array for each step of the pairs.
Pairs = Array | tuple[Array, Array]
#: The generator of all keys here, whatever `jax_default_prng_impl` says: a seed means one noise.
THREEFRY = "threefry2x32"
#: Streams of independent numbers of one chain.
NORMALS, GRADIENT, START, ACCEPT, UPDATES = 0, 1, 2, 3, 4
#: Single precision numbers of the widest vector.
_VECTOR = 16
#: No number of a hash: the last step has a smaller one.
_NEVER = np.uint32(2**32 - 1)
#: Entries from which on weak variables are made apart: what starts that costs as much as so many.
_LARGE = 4096
#: Size of a last axis from which on a remainder costs little.
_WIDE = 64
#: Seeds that JAX's keys tell apart whatever its precision is.
SEEDS = 2**32
#: Steps that one seed can number.
MOST_STEPS = 2**33


def check_seed(seed: Any) -> None:
    """Refuse what would not be a stream of its own: JAX's keys keep 32 bits of a seed.

    Raises:
        SimulationError: If the seed is no integer from 0 to 2^32 - 1.
    """
    if not is_whole(seed) or not 0 <= seed < SEEDS:
        raise SimulationError(
            "seed is wrong", expected="an integer from 0 to 2^32 - 1", found=repr(seed)[:60],
            fix="write seed=0; keys of JAX belong to sampler.step and sk.solve",
        )  # fmt: skip


def chain_keys(key: Array, chains: ArrayLike, stream: ArrayLike) -> Array:
    """Threefry keys of chains.

    Args:
        key: A JAX key.
        chains: Numbers of the chains, uint32, shape () or (chains,).
        stream: Which independent stream of the chain.

    Returns:
        uint32 of shape (2,) or (2, chains).
    """
    return jnp.stack(threefry(chains, jnp.asarray(stream, jnp.uint32), key_words(key)))


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["values", "odd"],
    meta_fields=["axis", "law", "dtype"],
)
@dataclass(frozen=True)
class NoiseBlock:
    """The noise of a block of steps, as it was drawn.

    Indexing keeps arrays as they were drawn: cutting them into steps beforehand would be fused into
    the generator and keep it from vectorizing.

    Attributes:
        values: Pairs of steps; random words where a law is given.
        axis: Where pairs or words stand.
        odd: How many steps before the first of the block the values begin; None where that is
            none and steps are taken in pairs.
        law: How bits become variables.
        dtype: Of the variables.
    """

    values: Any
    axis: int = 0
    odd: Any = None
    law: NoiseLaw | None = None
    dtype: np.dtype = SINGLE

    def step(self, index: Any) -> Array:
        """The variables of step `index` of the block, (elements[, chains])."""
        place = index if self.odd is None else index + self.odd
        if self.law is not None:
            return self._weak(place)
        even, odd = _two(self._entry(place // 2))
        return jnp.where(place % 2 == 0, even, odd)

    def pair(self, index: Any) -> tuple[Array, Array]:
        """The variables of steps 2 * index and 2 * index + 1 of the block."""
        if self.law is None:
            return _two(self._entry(index))
        both = partial(jax.tree.map, self.step, (2 * index, 2 * index + 1))
        is_large = self.values.size // self.values.shape[self.axis] >= _LARGE
        return made_apart(both, index < 0) if is_large else both()

    def _entry(self, place: Any) -> Any:
        return jax.tree.map(
            lambda x: lax.dynamic_index_in_dim(x, place, self.axis, keepdims=False), self.values
        )

    def _weak(self, place: Any) -> Array:
        assert self.law is not None
        place, each = jnp.asarray(place, jnp.uint32), np.uint32(self.law.per_word)
        shift = place % each * np.uint32(self.law.bits)
        return weak_variable(self._entry(place // each) >> shift, self.law, self.dtype)


def made_apart(draw: Callable[[], Any], never: Array) -> Any:
    """`draw()`, behind a condition that never holds.

    XLA makes numbers anew at each place that reads them, and a loop of one turn is no obstacle,
    since it is taken apart; what a branch makes it leaves alone.

    Args:
        draw: Makes arrays.
        never: A truth value that is false whenever the program runs, which the compiler cannot
            know.
    """
    shape = jax.eval_shape(draw)
    nothing = partial(jax.tree.map, lambda x: jnp.zeros(x.shape, x.dtype), shape)
    return lax.cond(never, nothing, draw)


def _two(pair: Any) -> tuple[Array, Array]:
    """The normals of the even and the odd step of a pair."""
    return pair if isinstance(pair, tuple) else (lax.real(pair), lax.imag(pair))


def weak_variable(bits: Array, law: NoiseLaw, dtype: np.dtype) -> Array:
    """The variable that the lowest bits of each word make.

    Args:
        bits: uint32, any shape; higher bits are ignored.
        law: Which variable.
        dtype: Of the result.
    """
    cells = 2 ** (law.bits - 1)
    cell = bits & np.uint32(cells - 1)
    size: Any = np.asarray(law.cells[-1][0], dtype)
    end = cells - law.cells[-1][1]
    for magnitude, count in reversed(law.cells[:-1]):
        size = jnp.where(cell < np.uint32(end), np.asarray(magnitude, dtype), size)
        end -= count
    return jnp.where((bits & np.uint32(cells)) == 0, size, -size)


@dataclass(frozen=True)
class NoiseSource:
    """Where standard normals and random bits of a simulation come from.

    Args:
        backend: "threefry-fast", "jax" or "weak".
        dtype: float32 or float64 (which needs JAX's 64-bit mode).
        law: Of the variables of "weak".

    Raises:
        SimulationError: If the back-end is unknown.

    Example:
        >>> source = NoiseSource()
        >>> keys = chain_keys(jax.random.key(0), jnp.arange(3, dtype=jnp.uint32), NORMALS)
        >>> source.normals(keys, 10, 4, 2).shape
        (4, 2, 3)
    """

    backend: str = "threefry-fast"
    dtype: np.dtype = SINGLE
    law: NoiseLaw | None = None

    def __post_init__(self) -> None:
        check_word("source of noise", self.backend, BACKENDS, SimulationError)
        if (self.backend == "weak") is (self.law is None):
            raise SimulationError(
                "a law of the noise goes with weak noise, and with it alone",
                found=f"{self.backend} noise with the law {self.law}",
            )

    @property
    def normal(self) -> NoiseSource:
        """The same source with normals, for draws from a law, such as starts."""
        return NoiseSource(BACKENDS[0], self.dtype) if self.law is not None else self

    def words(self, elements: int) -> int:
        """Numbers that a block keeps for each step of one chain."""
        return elements if self.law is None else max(1, elements // self.law.per_word)

    def block(
        self, keys: Array, first: Array, steps: int, elements: int, *, in_pairs: bool
    ) -> NoiseBlock:
        """The noise of `steps` steps from `first` on.

        Args:
            keys: Of the chains.
            first: Number of the first step.
            steps: How many.
            elements: Variables of one step of one chain.
            in_pairs: Whether steps will be taken two at a time, from an even one on.
        """
        axis = self.pairs_axis(keys, elements)
        if self.law is not None:
            each = 2 * self.law.per_word
            count = (steps + 2 * each - 2) // each
            words = self._words(keys, first // np.uint32(each), count, elements, axis)
            odd = (first % np.uint32(each)).astype(jnp.int32)
            return NoiseBlock(words, axis, odd, self.law, self.dtype)
        # One more pair for single steps, which may begin or end within one.
        pairs = steps // 2 if in_pairs else steps // 2 + 1
        values = self.pairs(keys, first // np.uint32(2), pairs, elements, axis)
        return NoiseBlock(values, axis, None if in_pairs else (first % 2).astype(jnp.int32))

    def _words(self, keys: Array, first: Array, count: int, elements: int, axis: int) -> Array:
        """Both words of `count` hashes, one after the other on the axis."""

        def hashed() -> Array:
            # Both as the parts of one number, so that the compiler computes the hash once.
            both = threefry(*_along(axis, keys, first, count, elements))
            return lax.complex(*(lax.bitcast_convert_type(word, jnp.float32) for word in both))

        found = made_apart(hashed, first == _NEVER)
        words = jnp.stack([lax.real(found), lax.imag(found)], 1 if axis == 0 else -1)
        words = lax.bitcast_convert_type(words, jnp.uint32)
        flat = [*found.shape]
        flat[axis] = 2 * count
        return words.reshape(flat)

    def pairs_axis(self, keys: Array, elements: int) -> int:
        """The axis of pairs for which `pairs` is drawn fastest: 0 or -1.

        The last axis is what vectors run along; a short one would leave most of them empty.
        """
        last = keys.shape[1] if keys.ndim > 1 else elements
        is_narrow = last < _WIDE and last % _VECTOR != 0
        return -1 if self.backend != "jax" and is_narrow else 0

    def pairs(
        self, keys: Array, first_pair: ArrayLike, pairs: int, elements: int, axis: int = 0
    ) -> Pairs:
        """Normals of `2 * pairs` steps from step `2 * first_pair` on.

        Args:
            keys: Of the chains.
            first_pair: Number of the first pair of steps.
            pairs: Number of pairs.
            elements: Normals of one step of one chain.
            axis: Where the axis of pairs stands: first (0), or last (-1; not for "jax").

        Returns:
            Complex numbers (pairs, elements[, chains]), whose real parts belong to the even steps
            and imaginary parts to the odd ones; or two real arrays of that shape, where normals do
            not come in pairs.
        """
        first = jnp.asarray(first_pair, jnp.uint32)
        if self.backend == "jax":
            steps = self._reference(keys, first * np.uint32(2), 2 * pairs, elements)
            return steps[0::2], steps[1::2]
        number, element, keys = _along(axis, keys, first, pairs, elements)
        if self.is_paired:
            return pair_of_normals(number, element, keys)
        # Interleaving two steps in one array would keep the compiler from vectorizing.
        even = one_normal(number * np.uint32(2), element, keys)
        return even, one_normal(number * np.uint32(2) + np.uint32(1), element, keys)

    @property
    def is_paired(self) -> bool:
        """Whether one hash makes the normals of two steps."""
        return self.backend != "jax" and self.dtype == np.float32

    def normals(self, keys: Array, first_step: ArrayLike, steps: int, elements: int) -> Array:
        """Normals of `steps` steps from `first_step` on, (steps, elements[, chains])."""
        if self.backend == "jax":
            return self._reference(keys, first_step, steps, elements)
        first = jnp.asarray(first_step, jnp.uint32)
        if self.law is not None:
            block = self.block(keys, first, steps, elements, in_pairs=False)
            return jax.vmap(block.step)(lax.iota(jnp.int32, steps))
        if not self.is_paired:
            return one_normal(*_counters((steps, elements, *keys.shape[1:]), first), keys)
        shape = (steps // 2 + 1, elements, *keys.shape[1:])
        pairs = pair_of_normals(*_counters(shape, first // np.uint32(2)), keys)
        both = jnp.stack([lax.real(pairs), lax.imag(pairs)], axis=1)
        flat = both.reshape(2 * both.shape[0], *both.shape[2:])
        odd = (first % np.uint32(2)).astype(jnp.int32)
        return lax.dynamic_slice_in_dim(flat, odd, steps, axis=0)

    def bits(self, keys: Array, first_step: ArrayLike, steps: int, words: int) -> Array:
        """Random words of `steps` steps from `first_step` on, uint32 (steps, words[, chains])."""
        if words == 0:
            # The compiler drops the hash of nothing as well, but only after reading all of it.
            return jnp.zeros((steps, 0, *keys.shape[1:]), jnp.uint32)
        # Joining both words of each hash would keep the compiler from vectorizing.
        return threefry(*_counters((steps, words, *keys.shape[1:]), first_step), keys)[0]

    def _reference(self, keys: Array, first_step: ArrayLike, steps: int, elements: int) -> Array:
        numbers = lax.iota(jnp.uint32, steps) + jnp.asarray(first_step, jnp.uint32)

        def one_chain(words: Array) -> Array:
            key = jax.random.wrap_key_data(words, impl=THREEFRY)
            of_step = jax.vmap(lambda step: jax.random.fold_in(key, step))(numbers)
            return jax.vmap(lambda k: jax.random.normal(k, (elements,), self.dtype))(of_step)

        if keys.ndim == 1:
            return one_chain(keys)
        return jax.vmap(one_chain, in_axes=-1, out_axes=-1)(keys)


def _along(
    axis: int, keys: Array, first: ArrayLike, count: int, elements: int
) -> tuple[Array, Array, Array]:
    """Counter words of `count` numbers that stand on the axis 0 or -1, and the keys beside them."""
    shape = (elements, *keys.shape[1:])
    if axis == 0:
        return *_counters((count, *shape), first), keys
    return *_counters((*shape, count), first, steps=-1, elements=0), keys[..., None]


def _counters(
    shape: tuple[int, ...], first: ArrayLike, *, steps: int = 0, elements: int = 1
) -> tuple[Array, Array]:
    """Counter words of an array, given its axes of steps (or pairs) and of elements."""
    axis = steps % len(shape)
    number = lax.broadcasted_iota(jnp.uint32, shape, axis) + jnp.asarray(first, jnp.uint32)
    return number, lax.broadcasted_iota(jnp.uint32, shape, elements)
