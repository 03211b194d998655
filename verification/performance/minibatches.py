"""Bayesian logistic regression from minibatches; times per step.

BlackJAX gets its batch from independent row numbers in the scan, as its users write it, or from
a permutation for each pass. SGMCMCJax and jax-sgmc no longer import; their loops are written anew
from their sources: the one draws its batch by `random.choice` with a key in the carry, the other
fetches 512 batches at a time from the host.

Not for torch (`torch_peers`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.experimental import io_callback

import sdekit as sk
from verification.performance.claims import Measure, at_least, at_most
from verification.performance.one_chain import compiled
from verification.performance.regression import BATCH, COLUMNS, H, regression
from verification.performance.timing import Case

GROUP = "minibatches"
#: Batches that jax-sgmc's loader hands over at a time, as its examples set it.
CACHED = 512
SAMPLINGS: Mapping[str, Mapping[str, Any]] = {
    "independent rows": {},
    "without replacement": {"sampling": "without replacement"},
    "epochs": {"sampling": "epochs", "contiguous": True},
}
METHODS: Mapping[str, tuple[str, str, Mapping[str, float]]] = {
    "SGLD": ("overdamped", "EM", {}),
    "SGNHT": ("sgnht", "Algorithm1", {"A": 1.0, "mu": float(COLUMNS)}),
}
Batch = tuple[Array, Array]


def log_likelihood(theta: Array, batch: Batch) -> Array:
    x, y = batch
    logits = x @ theta
    return y * logits - jnp.logaddexp(0.0, logits)


def log_prior(theta: Array) -> Array:
    return -jnp.sum(theta**2) / 2


def log_density_slope(rows: int) -> Callable[[Array, Batch], Array]:
    """Gradient of the log density estimated from a batch, by automatic differentiation."""

    def estimate(theta: Array, batch: Batch) -> Array:
        return log_prior(theta) + rows / BATCH * jnp.sum(log_likelihood(theta, batch))

    return jax.grad(estimate)


def ours(method: str, data: Any, sampling: Mapping[str, Any], steps: int) -> Callable[[], object]:
    """`simulate`, from its call to the arrays."""
    entry, scheme, parameters = METHODS[method]
    target = sk.Minibatch(log_prior, log_likelihood, data, BATCH, vectorized=True, **sampling)
    sampler = sk.sampler(
        sk.catalog.get(entry), potential=target, parameters=parameters, scheme=scheme
    )
    return lambda: sk.simulate(
        sampler, jnp.zeros(COLUMNS), step_size=H, steps=steps, thin=10, record=["theta"]
    )


def rows_of(data: Batch, numbers: Array) -> Batch:
    return data[0][numbers], data[1][numbers]


def blackjax_method(method: str, rows: int) -> tuple[Any, Callable[..., Any]]:
    """State at the start, and BlackJAX's step (key, state, batch)."""
    import blackjax

    slope, theta = log_density_slope(rows), jnp.zeros(COLUMNS)
    if method == "SGLD":
        sgld = blackjax.sgld(slope)
        return theta, lambda key, state, batch: sgld.step(key, state, batch, H)
    sgnht = blackjax.sgnht(slope, alpha=1.0)
    state = sgnht.init(theta, jax.random.key(1))._replace(xi=jnp.asarray(1.0))
    return state, lambda key, state, batch: sgnht.step(key, state, batch, H)


def blackjax_independent(method: str, data: Batch, steps: int) -> Callable[[], object]:
    """Row numbers by `randint` in the scan, over keys that were split before."""
    rows = len(data[1])
    begin, step = blackjax_method(method, rows)

    def run(key: Array, data: Batch) -> Any:
        def one(state: Any, key: Array) -> tuple[Any, None]:
            first, second = jax.random.split(key)
            numbers = jax.random.randint(first, (BATCH,), 0, rows)
            return step(second, state, rows_of(data, numbers)), None

        return lax.scan(one, begin, jax.random.split(key, steps))[0]

    return compiled(run, jax.random.key(0), data)


def blackjax_epochs(method: str, data: Batch, passes: int) -> Callable[[], object]:
    """A permutation of the rows for each pass, cut into batches."""
    rows = len(data[1])
    begin, step = blackjax_method(method, rows)

    def run(key: Array, data: Batch) -> Any:
        def one(state: Any, given: tuple[Array, Array]) -> tuple[Any, None]:
            numbers, key = given
            return step(key, state, rows_of(data, numbers)), None

        def one_pass(state: Any, key: Array) -> tuple[Any, None]:
            first, second = jax.random.split(key)
            numbers = jax.random.permutation(first, rows).reshape(-1, BATCH)
            keys = jax.random.split(second, len(numbers))
            return lax.scan(one, state, (numbers, keys))[0], None

        return lax.scan(one_pass, begin, jax.random.split(key, passes))[0]

    return compiled(run, jax.random.key(0), data)


def noise_up_front(data: Batch, steps: int) -> Callable[[], object]:
    """A scan by hand over normals and row numbers drawn before: one call, all in memory."""
    rows = len(data[1])
    slope = log_density_slope(rows)

    def run(key: Array, data: Batch) -> Array:
        first, second = jax.random.split(key)
        numbers = jax.random.randint(first, (steps, BATCH), 0, rows)
        normals = jax.random.normal(second, (steps, COLUMNS))

        def one(theta: Array, given: tuple[Array, Array]) -> tuple[Array, None]:
            numbers, z = given
            spread = float(np.sqrt(2 * H))
            return theta + H * slope(theta, rows_of(data, numbers)) + spread * z, None

        return lax.scan(one, jnp.zeros(COLUMNS), (numbers, normals))[0]

    return compiled(run, jax.random.key(0), data)


def sgmcmcjax_sgld(data: Batch, steps: int) -> Callable[[], object]:
    """SGMCMCJax's loop: key in the carry, `random.choice`, every position kept."""
    rows = len(data[1])
    slope = log_density_slope(rows)

    def run(key: Array, data: Batch) -> Array:
        def one(carry: tuple[Array, Array], number: Array) -> tuple[tuple[Array, Array], Array]:
            key, theta = carry
            key, own = jax.random.split(key)
            first, second = jax.random.split(own)
            numbers = jax.random.choice(first, jnp.arange(rows), (BATCH,))
            (leaf,) = jax.random.split(second, 1)
            noise = jnp.sqrt(2 * H) * jax.random.normal(leaf, theta.shape)
            theta = theta + H * slope(theta, rows_of(data, numbers)) + noise
            return (key, theta), theta

        return lax.scan(one, (key, jnp.zeros(COLUMNS)), jnp.arange(steps))[1]

    return compiled(run, jax.random.key(0), data)


def jax_sgmc_sgld(data: tuple[np.ndarray, np.ndarray], steps: int) -> Callable[[], object]:
    """jax-sgmc's loop: the host draws 512 batches, which the device uses up one by one."""
    rows, generator = len(data[1]), np.random.default_rng(0)
    slope = log_density_slope(rows)
    kinds = (
        jax.ShapeDtypeStruct((CACHED, BATCH, COLUMNS), np.float32),
        jax.ShapeDtypeStruct((CACHED, BATCH), np.float32),
    )

    def fetched() -> tuple[np.ndarray, np.ndarray]:
        numbers = generator.choice(rows, (CACHED, BATCH))
        return data[0][numbers], data[1][numbers]

    def one(carry: Any, number: Array) -> tuple[Any, None]:
        key, theta, cache, line = carry
        is_empty = line == CACHED
        cache = lax.cond(is_empty, lambda _: io_callback(fetched, kinds), lambda old: old, cache)
        line = jnp.where(is_empty, 0, line)
        key, own = jax.random.split(key)
        noise = jnp.sqrt(2 * H) * jax.random.normal(own, theta.shape)
        theta = theta + H * slope(theta, (cache[0][line], cache[1][line])) + noise
        return (key, theta, cache, line + 1), None

    def run(key: Array) -> Array:
        empty = tuple(jnp.zeros(kind.shape, kind.dtype) for kind in kinds)
        begin = (key, jnp.zeros(COLUMNS), empty, jnp.asarray(CACHED))
        return lax.scan(one, begin, jnp.arange(steps))[0][1]

    return compiled(run, jax.random.key(0))


def numpy_loop(data: tuple[np.ndarray, np.ndarray], steps: int) -> Callable[[], object]:
    """SGLD by hand in NumPy."""
    (x, y), generator = data, np.random.Generator(np.random.SFC64(0))
    rows, spread = len(y), np.float32(np.sqrt(2 * H))

    def run() -> np.ndarray:
        theta = np.zeros(COLUMNS, np.float32)
        for _ in range(steps):
            numbers = generator.integers(0, rows, BATCH)
            batch = x[numbers]
            excess = y[numbers] - 1 / (1 + np.exp(-(batch @ theta)))
            drift = np.float32(rows / BATCH) * (excess @ batch) - theta
            z = generator.standard_normal(COLUMNS, dtype=np.float32)
            theta = theta + np.float32(H) * drift + spread * z
        return theta

    return run


def gradient_alone(data: Batch, steps: int) -> Callable[[], object]:
    """The gradient of one and the same batch, without gather and noise."""
    slope = log_density_slope(len(data[1]))
    batch = (data[0][:BATCH], data[1][:BATCH])
    begin = jnp.zeros(COLUMNS)
    return compiled(
        lambda batch: lax.fori_loop(0, steps, lambda i, t: t + H * slope(t, batch), begin), batch
    )


def gradient_of_slices(data: Batch, steps: int) -> Callable[[], object]:
    """The gradient of slices of the data at scattered places, which come from memory."""
    slope = log_density_slope(len(data[1]))
    batches = len(data[1]) // BATCH

    def one(number: Array, theta: Array) -> Array:
        # 389 is prime, and far enough from 1 that no slice is in a cache already.
        first = number * 389 % batches * BATCH
        return theta + H * slope(
            theta, tuple(lax.dynamic_slice_in_dim(x, first, BATCH) for x in data)
        )

    return compiled(lambda data: lax.fori_loop(0, steps, one, jnp.zeros(COLUMNS)), data)


def cases(quick: bool) -> list[Case]:
    """All cases of the group."""
    data = regression(10_000 if quick else 100_000)
    steps = 3_200 if quick else 32_000
    slow = steps // 10
    on_device = (jnp.asarray(data[0]), jnp.asarray(data[1]))
    passes = max(1, slow * BATCH // len(data[1]))
    made = [
        Case(f"sdekit {method}, {name}", ours(method, data, sampling, steps), steps)
        for name, sampling in SAMPLINGS.items()
        for method in METHODS
    ]
    made += [
        Case(f"BlackJAX {method}, independent rows",
             blackjax_independent(method, on_device, slow), slow)
        for method in METHODS
    ]  # fmt: skip
    made += [
        *(
            Case(f"BlackJAX {method}, epochs", blackjax_epochs(method, on_device, passes),
                 passes * len(data[1]) / BATCH)
            for method in METHODS
        ),
        Case("scan, SGLD, noise and rows up front", noise_up_front(on_device, slow), slow),
        Case("SGMCMCJax's loop, SGLD", sgmcmcjax_sgld(on_device, slow), slow),
        Case("jax-sgmc's loop, SGLD", jax_sgmc_sgld(data, slow), slow),
        Case("NumPy loop, SGLD", numpy_loop(data, slow), slow),
        Case("limit: gradient of one batch", gradient_alone(on_device, steps), steps),
        Case("limit: gradient of neighbouring rows", gradient_of_slices(on_device, steps), steps),
    ]  # fmt: skip
    return made


def measures() -> list[Measure]:
    """The measures of both methods."""
    found = []
    for method in METHODS:
        theirs = f"BlackJAX {method}, independent rows"
        of = {name: f"sdekit {method}, {name}" for name in SAMPLINGS}
        found += [
            at_least(
                f"Logistic regression, {method} with independent rows, faster than BlackJAX's",
                GROUP, theirs, of["independent rows"], 2.5,
            ),
            at_least(
                f"Logistic regression, {method} in shuffled epochs, faster than BlackJAX's with "
                "independent rows",
                GROUP, theirs, of["epochs"], 5,
            ),
            at_least(
                f"Logistic regression, {method} in shuffled epochs, faster than BlackJAX's in "
                "shuffled epochs",
                GROUP, f"BlackJAX {method}, epochs", of["epochs"], 5,
            ),
            at_most(
                f"Logistic regression, {method}, cost of batches without replacement over those "
                "with replacement",
                GROUP, of["without replacement"], of["independent rows"], 1.2,
            ),
        ]  # fmt: skip
    return found
