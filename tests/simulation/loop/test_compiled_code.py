"""What is compiled has no cliffs: the state is not joined by concatenation, noise is made once.

XLA's concatenation for CPUs reads each piece behind its end under a mask, which costs a hundred
times the step where the memory there is not mapped; and a block of noise for one turn of a loop
was made anew, without vectors, at every place that reads it.
"""

import re
from functools import cache, partial
from importlib.metadata import version
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.simulation.bind import position
from sdekit.simulation.loop import compiled_loop
from sdekit.simulation.loop.blocks import plan_run
from sdekit.simulation.loop.driver import Driver
from sdekit.simulation.loop.program import Fixed, Keys, Program
from sdekit.simulation.loop.tracing import equations

ROWS = np.linspace(-1, 1, 50 * 12, dtype=np.float32).reshape(50, 12), np.arange(50) % 3
WIDTHS = {"one large leaf": (12, 9, 3), "leaves of one size": (3, 3, 3)}
SCHEMES = {"SGLD": "overdamped", "BAOAB": "langevin", "SGHMC": "langevin", "OBABO": "langevin"}
THINNINGS = (1, 2, 10, 50)
#: Scheme, thinning, whether everything is recorded and observed: 32 of them; shapes and the number
#: of chains alternate.
CASES = list(product(SCHEMES, THINNINGS, (False, True)))


def network(widths):
    def likelihood(q, rows):
        pixels, label = rows
        z = jnp.tanh(pixels[:, : widths[0]] @ q["W1"] + q["b1"]) @ q["W2"] + q["b2"]
        return jnp.take_along_axis(z, label[:, None], 1)[:, 0] - jax.nn.logsumexp(z, axis=1)

    first, hidden, last = widths
    start = {
        "W1": np.zeros((first, hidden), np.float32), "b1": np.zeros(hidden, np.float32),
        "W2": np.zeros((hidden, last), np.float32), "b2": np.zeros(last, np.float32),
    }  # fmt: skip
    prior = lambda q: -sum(jnp.sum(w**2) for w in q.values()) / 2  # noqa: E731
    return sk.Minibatch(prior, likelihood, ROWS, 5, vectorized=True), start


@cache
def sampler_of(scheme, widths):
    """A sampler and its start."""
    target, start = network(widths) if widths else (lambda q: jnp.sum(q * q) / 2, np.zeros(150))
    parameters = {} if SCHEMES[scheme] == "overdamped" else {"A": 2.0}
    return sk.sampler(sk.catalog.get(SCHEMES[scheme]), target, parameters, scheme), start


def loop_of(scheme, thin, everything, widths, chains=1):
    """The loop of a run, the shapes of its arguments, and the size of a block of the state.

    Blocks of noise are as short as they are for a large state.
    """
    sampler, start = sampler_of(scheme, widths)
    bound = sampler.bind(start)
    names = tuple(x.name for x in bound.problem.dynamics.variables)
    observe = (lambda total, blocks, h: total + blocks["theta"]) if everything else None
    program = Program(
        bound.scheme, sampler.noise, names if everything else ("theta",), observe=observe
    )
    driver = Driver(sampler, bound, program, range(chains), jax.local_devices()[:1], 0)
    size = driver.numbers // len(names)
    plan = plan_run(
        5, thin, chains=chains, normals=2**14, numbers=size, recorded=size, draw_bytes=0
    )
    lanes = () if chains == 1 else (chains,)
    theta = jax.ShapeDtypeStruct((size, *lanes), np.float32)
    keys = jax.ShapeDtypeStruct((2, *lanes), np.uint32)
    state, _, _ = jax.eval_shape(driver._start_function(), {"theta": theta}, {}, keys, {}, {})
    h, parameters = jax.ShapeDtypeStruct((), np.float32), bound.problem.parameters
    constants = jax.eval_shape(partial(bound.scheme.prepare, dtype=sampler.dtype), parameters, h)
    fixed = Fixed(h, constants, parameters, {})
    arguments = (state, Keys(keys, keys, keys, keys), fixed, np.uint32(0), np.int32(1))
    run = partial(compiled_loop.advance, program, plan)
    return run, (*arguments, theta if everything else ()), size


def joins(run, arguments, size):
    """Operations of the loop that put unequal pieces together to arrays of the state's size."""
    found = []
    for equation in equations(jax.make_jaxpr(run)(*arguments).jaxpr):
        name, parts = equation.primitive.name, {x.aval.size for x in equation.invars}
        is_join = name == "pad" or (name == "concatenate" and len(parts) > 1)
        if is_join and equation.outvars[0].aval.size >= size:
            found.append(name)
    return found


@pytest.mark.parametrize(("number", "case"), list(enumerate(CASES)))
def test_no_loop_puts_leaves_together_by_concatenation(number, case):
    widths = list(WIDTHS.values())[number // 2 % 2]
    assert not joins(*loop_of(*case, widths, chains=1 + 2 * (number // 4 % 2)))


def test_leaves_put_together_by_concatenation_are_seen(monkeypatch):
    monkeypatch.setattr(position, "_side_by_side", lambda pieces, dtype: jnp.concatenate(pieces))
    assert joins(*loop_of("BAOAB", 10, False, WIDTHS["one large leaf"]))


def functions(run, arguments):
    """Functions of the compiled loop: their text by name."""
    # Without the passes of LLVM, which come after fusion and take most of the time.
    quick = {"xla_llvm_disable_expensive_passes": True, "xla_backend_optimization_level": 0}
    text = jax.jit(run).lower(*arguments).compile(compiler_options=quick).as_text()
    return dict(re.findall(r"^(?:ENTRY )?%(\S+) \((.*?)^}", text, re.MULTILINE | re.DOTALL))


def fused(found):
    return {name: text for name, text in found.items() if name.startswith("fused")}


def on_one_core(found):
    """Functions that XLA compiles into a caller's, which runs on one core."""
    calls = [line for text in found.values() for line in text.splitlines()]
    marked = [line for line in calls if 'xla_cpu_small_call="true"' in line]
    inside, new = set(), set(re.findall(r"to_apply=%([\w.\-]+)", "\n".join(marked)))
    while new:
        inside |= new
        called = "\n".join(found[name] for name in new)
        new = set(re.findall(r"(?:calls|to_apply|body|condition)=%([\w.\-]+)", called)) - inside
    return inside


def hashing(found):
    hashes = {name: text for name, text in found.items() if text.count(" xor(") > 15}
    assert hashes, "no hash is found in what was compiled"
    return hashes


def mixed(found):
    """Fused functions that hash counters and read numbers of the state as well."""
    hashes = hashing(fused(found))
    return [name for name, text in hashes.items() if re.search(r"= f32\[\d.*parameter", text)]


def padded(found, size):
    """Fused functions that pad a piece to the size of the state."""
    return [
        n
        for n, text in fused(found).items()
        if re.search(rf"= f32\[{size}\]\S* (pad|concat)", text)
    ]


@pytest.fixture(scope="module")
def rest():
    """Ten steps a draw in blocks of four: each draw ends with a block of one turn."""
    run, arguments, size = loop_of("BAOAB", 10, False, WIDTHS["one large leaf"])
    return functions(run, arguments), size


def test_compiled_noise_is_made_apart_from_the_step(rest):
    assert not mixed(rest[0])


def noise_on_one_core():
    run, arguments, _ = loop_of("BAOAB", 10, False, widths=None, chains=20)
    found = functions(run, arguments)
    return on_one_core(found) & hashing(found).keys()


def test_all_cores_make_the_noise_of_a_block():
    assert not noise_on_one_core()


@pytest.mark.skipif(version("jaxlib") < "0.12", reason="jaxlib 0.12 makes one function of a loop")
def test_noise_on_one_core_is_seen(monkeypatch):
    monkeypatch.setattr(compiled_loop, "_with_all_cores", lambda index: index)
    assert noise_on_one_core()


def test_no_compiled_fusion_pads_or_joins_the_state(rest):
    assert not padded(*rest)


def test_the_old_ways_are_seen_in_compiled_code(monkeypatch):
    monkeypatch.setattr(compiled_loop, "_apart", lambda draw, keys, first: draw(keys, first))
    monkeypatch.setattr(position, "_side_by_side", lambda pieces, dtype: jnp.concatenate(pieces))
    run, arguments, size = loop_of("BAOAB", 10, False, WIDTHS["one large leaf"])
    found = functions(run, arguments)
    assert mixed(found)
    assert padded(found, size)
