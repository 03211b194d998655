"""Many chains of Langevin dynamics on a Gaussian, the end kept; times per chain, step, dimension.

BlackJAX has the step of this dynamics inside its `sghmc`; it is vmapped over chains, with one key
for each chain and step. The same normals alone, drawn in tiles that fit the cache as `simulate`
does and added up, are the limit of every scheme with this generator.

Not for several devices (`two_devices`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

import sdekit as sk
from sdekit.simulation.loop.blocks import tiled
from sdekit.simulation.loop.compiled_loop import compiler_options
from sdekit.simulation.noise.streams import NORMALS, NoiseSource, chain_keys
from verification.performance.claims import Measure, at_least, at_most
from verification.performance.native import LIMIT, NUMBA
from verification.performance.one_chain import compiled
from verification.performance.timing import Case

H = 0.05
FRICTION = 1.0
#: Chains, dimensions, steps of one call, and how many times faster than BlackJAX is claimed, with
#: exact normals and with weak noise. Steps enough that what a call pays once, such as the start of
#: the chains, counts as in a run.
SIZES = (
    (1_000, 1, 20_000, None, None), (1_000, 10, 2_000, 8.0, 25.0), (1_000, 100, 400, 2.5, 5.0),
    (100_000, 1, 1000, 5.0, None), (100_000, 10, 200, 8.0, 25.0),
)  # fmt: skip
OURS, THEIRS, NORMALS_ALONE = "sdekit Algorithm1", "BlackJAX sghmc, vmap", "limit: normals alone"
BAOAB, WEAK = "sdekit BAOAB", "sdekit BAOAB, weak noise"
#: Times the wall time of the Numba loop on two threads, and of the limit in C++.
OVER_NUMBA, WEAK_OVER_NUMBA, OVER_LIMIT, WEAK_OVER_EXACT = 1.5, 3.0, 1.8, 0.35
#: Times the cost of the normals that a step may have.
OVER_NORMALS = 1.5


def group(chains: int, size: int) -> str:
    return f"{chains:,} chains x {size}"


def stiffness(size: int) -> Array:
    return jnp.linspace(0.5, 2.0, size)


def ours(
    scheme: str, chains: int, size: int, steps: int, noise: str = "threefry-fast"
) -> Callable[[], object]:
    """`simulate`, from its call to the arrays."""
    k = stiffness(size)
    sampler = sk.sampler(
        sk.catalog.get("langevin"), potential=lambda q: jnp.sum(k * q * q) / 2,
        parameters={"A": FRICTION}, scheme=scheme, noise=noise,
    )  # fmt: skip
    return lambda: sk.simulate(
        sampler, jnp.zeros(size), step_size=H, steps=steps, thin=steps, chains=chains,
        record=["theta"],
    )  # fmt: skip


def blackjax_vmapped(chains: int, size: int, steps: int) -> Callable[[], object]:
    """The step inside BlackJAX's `sghmc`, a key for each chain."""
    from blackjax.sgmcmc.diffusions import sghmc

    integrator, begin, k = sghmc(FRICTION, 0.0), jnp.zeros((chains, size)), stiffness(size)

    def run(key: Array) -> tuple[Array, Array]:
        def one(state: tuple[Array, Array], key: Array) -> tuple[tuple[Array, Array], None]:
            q, p = state
            keys = jax.random.split(key, chains)
            step = jax.vmap(lambda own, q, p: integrator(own, q, p, -k * q, H))
            return step(keys, q, p), None

        return lax.scan(one, (begin, begin), jax.random.split(key, steps))[0]

    return compiled(run, jax.random.key(0))


def moved(q: Array, p: Array, k: Array, z: Array) -> tuple[Array, Array]:
    """The step of BlackJAX's `sghmc`, written by hand."""
    spread = float(np.sqrt(2 * FRICTION * H))
    return q + H * p, (1 - FRICTION * H) * p - H * k * q + spread * z


def scan_by_hand(chains: int, size: int, steps: int) -> Callable[[], object]:
    """Chains last and `jax.random`: what a user who knows the layout can write."""
    begin, k = jnp.zeros((size, chains)), stiffness(size)[:, None]

    def run(key: Array) -> tuple[Array, Array]:
        def one(state: tuple[Array, Array], number: Array) -> tuple[tuple[Array, Array], None]:
            z = jax.random.normal(jax.random.fold_in(key, number), begin.shape)
            return moved(*state, k, z), None

        return lax.scan(one, (begin, begin), jnp.arange(steps))[0]

    return compiled(run, jax.random.key(0))


def step_alone(chains: int, size: int, steps: int) -> Callable[[], object]:
    """The same normals in every step: what the step costs without its noise."""
    begin, k = jnp.zeros((size, chains)), stiffness(size)[:, None]
    normals = jax.random.normal(jax.random.key(0), begin.shape)
    return compiled(
        lambda z: lax.fori_loop(0, steps, lambda i, s: moved(*s, k, z), (begin, begin)), normals
    )


def normals_alone(chains: int, size: int, steps: int) -> Callable[[], object]:
    """The same normals as ours, tile after tile, added up."""
    tiles, each = tiled(chains, 2 * size)
    numbers = np.arange(tiles * each, dtype=np.uint32)
    keys = chain_keys(jax.random.key(0), numbers, NORMALS).reshape(2, tiles, each)

    def of_tile(keys: Array) -> Array:
        def one(index: Array, total: Array) -> Array:
            pairs = NoiseSource().pairs(keys, index.astype(jnp.uint32), 1, size)
            assert isinstance(pairs, Array)
            return total + pairs[0].real + pairs[0].imag

        return lax.fori_loop(0, steps // 2, one, jnp.zeros((size, each)))

    run = jax.jit(lambda keys: lax.map(of_tile, keys), compiler_options=compiler_options())
    first = jnp.moveaxis(keys, 1, 0)
    return lambda: jax.block_until_ready(run(first))


def numpy_vectorized(chains: int, size: int, steps: int) -> Callable[[], object]:
    """All chains in one array, single precision normals of the fastest generator."""
    generator, k = np.random.Generator(np.random.SFC64(1)), np.asarray(stiffness(size))

    def run() -> np.ndarray:
        q = p = np.zeros((chains, size), np.float32)
        for _ in range(steps):
            z = generator.standard_normal(q.shape, dtype=np.float32)
            spread = np.float32(np.sqrt(2 * FRICTION * H))
            q, p = q + H * p, (1 - FRICTION * H) * p - H * (k * q) + spread * z
        return q

    return run


def cases(chains: int, size: int, steps: int, quick: bool) -> list[Case]:
    """The cases of one number of chains and dimensions."""
    steps = max(20, steps // 10) if quick else steps
    slow = max(2, steps // 10)
    work, slow_work = chains * size * steps, chains * size * slow
    arguments = (chains, size, steps)
    return [
        Case(OURS, ours("Algorithm1", *arguments), work),
        Case(BAOAB, ours("BAOAB", *arguments), work),
        Case(WEAK, ours("BAOAB", *arguments, noise="weak"), work),
        Case(THEIRS, blackjax_vmapped(*arguments), work),
        Case("scan, chains last, jax.random", scan_by_hand(*arguments), work),
        Case("NumPy, all chains in one array", numpy_vectorized(chains, size, slow), slow_work),
        Case(NORMALS_ALONE, normals_alone(*arguments), work),
        Case("limit: step alone, noise given", step_alone(*arguments), work),
    ]


def measures(present: Mapping[str, Sequence[str]]) -> list[Measure]:
    """The measures of the groups that were timed, of the cases that are there."""
    found = []
    for chains, size, _, limit, weak_limit in SIZES:
        name = group(chains, size)
        if limit is None or name not in present:
            continue
        of = f"Langevin, {name} dimensions"
        found += [
            at_least(f"{of}, faster than BlackJAX vmapped", name, THEIRS, OURS, limit),
            at_most(
                f"{of}, cost over that of its normals alone",
                name, OURS, NORMALS_ALONE, OVER_NORMALS,
            ),
        ]  # fmt: skip
        if weak_limit is None:
            continue
        found += [
            at_least(
                f"{of}, BAOAB, wall time, faster than Numba on two threads",
                name, NUMBA, BAOAB, OVER_NUMBA, clock="wall",
            ),
            at_most(
                f"{of}, BAOAB, wall time over that of the limit in C++",
                name, BAOAB, LIMIT, OVER_LIMIT, clock="wall",
            ),
            at_most(f"{of}, BAOAB, weak noise over exact", name, WEAK, BAOAB, WEAK_OVER_EXACT),
            at_least(
                f"{of}, BAOAB with weak noise, wall time, faster than Numba on two threads",
                name, NUMBA, WEAK, WEAK_OVER_NUMBA, clock="wall",
            ),
            at_least(
                f"{of}, BAOAB with weak noise, faster than BlackJAX vmapped",
                name, THEIRS, WEAK, weak_limit,
            ),
        ]  # fmt: skip
    return [m for m in found if {m.over, m.under} <= set(present[m.group])]
