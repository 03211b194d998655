"""Noise as a pure function of key, stream, chain, step and element."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.calculus.linear.linear_law import LinearSDE
from sdekit.errors import SimulationError
from sdekit.schemes.noise_laws import WEAK_LAWS
from sdekit.simulation.noise.fast_normal import threefry
from sdekit.simulation.noise.streams import (
    ACCEPT,
    BACKENDS,
    GRADIENT,
    NORMALS,
    NoiseSource,
    chain_keys,
    weak_variable,
)
from sdekit.simulation.runs.linear_samples import sample_linear

KEY = jax.random.key(11)


make_keys = jax.jit(chain_keys)


def keys(chains, stream=NORMALS):
    return make_keys(KEY, jnp.arange(chains, dtype=jnp.uint32), stream)


@partial(jax.jit, static_argnums=(0, 3, 4))
def normals(source, chain, first, steps, elements):
    return source.normals(chain, first, steps, elements)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_number_does_not_depend_on_how_many_are_drawn_around_it(backend):
    source = NoiseSource(backend, law=WEAK_LAWS[0] if backend == "weak" else None)
    all_of_them = np.asarray(normals(source, keys(5), 10, 9, 3))
    assert np.array_equal(all_of_them[3:], normals(source, keys(5), 13, 6, 3))
    assert np.array_equal(all_of_them[..., 2], normals(source, keys(5)[:, 2], 10, 9, 3))
    assert np.array_equal(all_of_them[..., :2], normals(source, keys(2), 10, 9, 3))


def test_fast_noise_does_not_depend_on_the_number_of_elements():
    source = NoiseSource()
    many = np.asarray(normals(source, keys(2), 4, 6, 7))
    assert np.array_equal(many[:, :3], normals(source, keys(2), 4, 6, 3))


def test_pairs_hold_the_normals_of_even_and_odd_steps():
    source = NoiseSource()
    pairs = jax.jit(lambda k: source.pairs(k, 5, 4, 2))(keys(3))
    even, odd = pairs if isinstance(pairs, tuple) else (pairs.real, pairs.imag)
    steps = np.asarray(normals(source, keys(3), 10, 8, 2))
    assert np.array_equal(even, steps[0::2])
    assert np.array_equal(odd, steps[1::2])


def test_double_precision_noise_has_the_same_invariance():
    with jax.enable_x64(True):
        source = NoiseSource("threefry-fast", np.dtype(np.float64))
        many = np.asarray(normals(source, keys(3), 7, 5, 2))
        assert many.dtype == np.float64
        assert np.array_equal(many[2:, :, 1], normals(source, keys(3)[:, 1], 9, 3, 2))


def correlation_scores(normals):
    """z of the correlation of neighbours along each axis."""
    scores = []
    for axis in range(normals.ndim):
        left = np.take(normals, range(normals.shape[axis] - 1), axis).ravel()
        right = np.take(normals, range(1, normals.shape[axis]), axis).ravel()
        scores.append(np.sum(left * right) / np.sqrt(len(left)))
    return np.array(scores)


@pytest.mark.parametrize("shape", [(4096, 8, 32), (64, 64, 256)])
def test_steps_elements_and_chains_are_uncorrelated(shape):
    steps, elements, chains = shape
    drawn = np.asarray(normals(NoiseSource(), keys(chains), 0, steps, elements), np.float64)
    assert np.max(np.abs(correlation_scores(drawn))) < 4.5
    assert np.max(np.abs(correlation_scores(drawn**2 - 1) / 2)) < 4.5


def test_the_correlation_check_has_power():
    """Twin: neighbouring chains that share one percent of their noise."""
    drawn = np.asarray(normals(NoiseSource(), keys(32), 0, 4096, 8), np.float64)
    mixed = drawn + 0.05 * np.roll(drawn, 1, axis=2)
    assert np.max(np.abs(correlation_scores(mixed))) > 7


def test_streams_and_keys_are_independent():
    source = NoiseSource()
    streams = [normals(source, keys(8, s), 0, 2048, 2) for s in (NORMALS, GRADIENT, ACCEPT)]
    elsewhere = make_keys(jax.random.key(12), np.arange(8, dtype=np.uint32), NORMALS)
    other = normals(source, elsewhere, 0, 2048, 2)
    flat = [np.asarray(x, np.float64).ravel() for x in (*streams, other)]
    for i, first in enumerate(flat):
        for second in flat[:i]:
            assert abs(first @ second) / np.sqrt(len(first)) < 4.5


def test_bits_are_a_function_of_step_and_word():
    source = NoiseSource()
    bits = jax.jit(source.bits, static_argnums=(2, 3))
    many = np.asarray(bits(keys(3), 5, 6, 5))
    assert many.dtype == np.uint32
    assert many.shape == (6, 5, 3)
    assert np.array_equal(many[1:], bits(keys(3), 6, 5, 5))
    assert source.bits(keys(3), 5, 6, 0).shape == (6, 0, 3)


def test_an_unknown_source_is_refused():
    with pytest.raises(SimulationError, match="unknown source of noise"):
        NoiseSource("xorshift")


def _large_seeds() -> dict[str, Callable[[int], object]]:
    x = sk.scalar("x")
    ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
    euler = sk.sampler(ou, scheme="EM")
    linear = LinearSDE([[-1.0]], [[1.0]])
    return {
        "simulate": lambda s: sk.simulate(euler, 0.0, step_size=0.1, steps=1, seed=s),
        "sample_linear": lambda s: sample_linear(linear, [0.0], step_size=0.1, steps=1, seed=s),
        "to_diffrax": lambda s: sk.to_diffrax(ou, 0.0, t1=1.0, seed=s),
        "empirical_order": lambda s: sk.empirical_order(euler, 0.0, paths=200, seed=s),
        "from_numpyro": lambda s: sk.from_numpyro(lambda: None, seed=s),
    }


@pytest.mark.parametrize("name", _large_seeds())
def test_seeds_that_a_key_would_cut_are_refused(name: str) -> None:
    """JAX keeps the last 32 bits: 2^32 + 5 would silently give the numbers of 5."""
    with pytest.raises(SimulationError, match="seed is wrong"):
        _large_seeds()[name](2**32 + 5)


@pytest.mark.parametrize("law", WEAK_LAWS, ids=lambda law: law.name)
def test_weak_variables_are_the_law_over_all_patterns_of_bits(law):
    patterns = np.arange(2**law.bits, dtype=np.uint32)
    drawn = np.asarray(weak_variable(jnp.asarray(patterns), law, np.dtype(np.float32)), np.float64)
    for power in range(1, law.moments + 2):
        rounding = 2.0**-22 * power * np.abs(drawn**power).max()
        assert abs(np.mean(drawn**power) - law.moment(power)) <= rounding
    above = jnp.asarray(patterns | np.uint32(5 << law.bits))
    np.testing.assert_array_equal(weak_variable(above, law, np.dtype(np.float32)), drawn)


@pytest.mark.parametrize("law", WEAK_LAWS, ids=lambda law: law.name)
def test_weak_variables_of_neighbouring_steps_and_elements_are_independent(law):
    source = NoiseSource("weak", law=law)
    drawn = np.asarray(normals(source, keys(16), 3, 4001, 4), np.float64)
    error = np.sqrt(drawn[1:].size)
    for other in (drawn[:-1], np.roll(drawn, 1, axis=1)[1:], np.roll(drawn, 1, axis=2)[1:]):
        assert abs((drawn[1:] * other).mean()) * error < 4.5
        squares = (drawn[1:] ** 2 - 1) * (other**2 - 1)
        assert abs(squares.mean()) / squares.std() * error < 4.5
    # Twin: the same step twice is seen.
    assert (drawn[1:] * drawn[1:]).mean() * error > 4.5


@pytest.mark.parametrize("law", WEAK_LAWS, ids=lambda law: law.name)
@pytest.mark.parametrize("chains", [3, 512])
def test_weak_variables_are_the_bits_of_both_words_of_a_hash(law, chains):
    """A small state and one whose variables are made apart from the steps."""
    source, first, elements = NoiseSource("weak", law=law), 38, 9
    block = jax.jit(partial(source.block, steps=6, elements=elements, in_pairs=True))
    pairs = jax.jit(lambda k, n: jnp.stack([jnp.stack(block(k, n).pair(i)) for i in range(3)]))
    found = np.asarray(pairs(keys(chains), np.uint32(first))).reshape(6, elements, chains)
    for step in range(6):
        number, within = divmod(first + step, 2 * law.per_word)
        words = threefry(number, np.arange(elements, dtype=np.uint32)[:, None], keys(chains))
        bits = words[within // law.per_word] >> np.uint32(within % law.per_word * law.bits)
        right = weak_variable(bits, law, np.dtype(np.float32))
        np.testing.assert_array_equal(found[step], right)


def test_starts_are_drawn_from_normals_with_weak_noise_too():
    source = NoiseSource("weak", law=WEAK_LAWS[0])
    drawn = np.asarray(normals(source.normal, keys(4000), 0, 1, 1))
    assert np.unique(drawn).size > 3900


def test_a_law_goes_with_weak_noise_alone():
    for given in ({"backend": "weak"}, {"law": WEAK_LAWS[0]}):
        with pytest.raises(SimulationError, match="weak noise"):
            NoiseSource(**given)
