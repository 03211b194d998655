"""Machine loops: the same numbers as without the mark, and no operation that ends the compiler."""

import importlib
import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import sdekit as sk
from sdekit import catalog

machine_loop = importlib.import_module("sdekit.simulation.loop.machine_loop")

# Each operation that is let through, in a loop: what XLA cannot compile ends the process, so that
# this runs in one of its own. `x` is a float array on (0, 1), `n` are unsigned integers.
EVERY_OPERATION = """
import importlib, json
import jax, jax.numpy as jnp, numpy as np
from jax import lax
machine_loop = importlib.import_module("sdekit.simulation.loop.machine_loop")
machine_loop.LEAST_BYTES, machine_loop.MOST_BYTES = 0, 2**20
UNARY = ("abs acos acosh asin asinh atan atanh cbrt ceil cos cosh erf erf_inv erfc exp exp2 expm1 "
         "floor is_finite lgamma log log1p logistic neg round rsqrt sign sin sinh sqrt square tan "
         "tanh").split()
BINARY = "add atan2 div eq ge gt le lt max min mul ne nextafter pow rem sub".split()
INTEGER = "and or xor shift_left shift_right_logical shift_right_arithmetic".split()
FORMS = {name: (lambda f: lambda x, n: f(x))(getattr(lax, name)) for name in UNARY}
FORMS |= {name: (lambda f: lambda x, n: f(x, 0.5 + 0 * x))(getattr(lax, name)) for name in BINARY
          if name != "nextafter"}
NAMED = {"and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor"}
FORMS |= {name: (lambda f: lambda x, n: f(n, n + 1))(getattr(lax, NAMED.get(name, name)))
          for name in INTEGER}
FORMS |= {
    "not": lambda x, n: ~n,
    "integer_pow": lambda x, n: x**3,
    "clamp": lambda x, n: lax.clamp(0.1 * x, x, 0.4 * x),
    "select_n": lambda x, n: jnp.where(x < 0.5, x, 1 - x),
    "complex": lambda x, n: lax.real(lax.conj(lax.complex(x, x))) + lax.imag(lax.complex(x, x)),
    "bitcast_convert_type": lambda x, n: lax.bitcast_convert_type(n, jnp.int32),
    "convert_element_type": lambda x, n: n.astype(x.dtype),
    "copy": lambda x, n: jnp.array(x, copy=True),
    "broadcast_in_dim": lambda x, n: x[None] + x[:, None],
    "concatenate": lambda x, n: jnp.concatenate([x, 2 * x]),
    "stack": lambda x, n: jnp.stack([x, 2 * x]),
    "unstack": lambda x, n: sum(jnp.unstack(jnp.stack([x, 2 * x]))),
    "split": lambda x, n: jnp.split(jnp.concatenate([x, x]), 2)[1],
    "tile": lambda x, n: jnp.tile(x, 3),
    "dynamic_slice": lambda x, n: lax.dynamic_slice(x, (jnp.int32(n.sum() % 2),), (1,)),
    "dynamic_update_slice": lambda x, n: lax.dynamic_update_slice(x, x[:1], (n[0].astype(int),)),
    "iota": lambda x, n: x * jnp.arange(x.size),
    "pad": lambda x, n: jnp.pad(x, 2),
    "reduce_and": lambda x, n: jnp.all(x > 0.1),
    "reduce_or": lambda x, n: jnp.any(x > 0.1),
    "reduce_max": lambda x, n: jnp.max(x),
    "reduce_min": lambda x, n: jnp.min(x),
    "reduce_prod": lambda x, n: jnp.prod(x),
    "reduce_sum": lambda x, n: jnp.sum(x[:, None] * x, axis=1),
    "reshape": lambda x, n: (x[:, None] * x).reshape(-1),
    "rev": lambda x, n: x[::-1],
    "slice": lambda x, n: x[:1],
    "squeeze": lambda x, n: jnp.squeeze(x[:, None], 1),
    "transpose": lambda x, n: (x[:, None] + 2 * x).T,
    "cond": lambda x, n: lax.cond(n[0] > 3, lambda: x, lambda: 1 - x),
    "while": lambda x, n: lax.while_loop(lambda y: jnp.sum(y) < 4, lambda y: 2 * y + 0.1, x),
    "scan": lambda x, n: lax.scan(lambda y, z: (y + z, z), x, jnp.stack([x, x]))[0],
    "checkpoint": lambda x, n: jax.checkpoint(jnp.sin)(x),
    "custom_jvp_call": lambda x, n: jax.nn.relu(x),
    "gradient": lambda x, n: jax.grad(lambda y: jnp.sum(jnp.tanh(y) ** 2 * jnp.exp(-y)))(x),
}
seen, gaps = set(), {}
KINDS = [(1, np.float32), (16, np.float32), (5, np.float64)]
with jax.enable_x64(True):
    for size, dtype in KINDS:
        x = np.linspace(0.05, 0.9, size, dtype=dtype)

        def run(x, unused):
            def body(y, i):
                n = i + jnp.arange(x.size, dtype=jnp.uint32)
                return y * 0.7 + 0.1, {name: form(y, n) for name, form in FORMS.items()}
            return lax.scan(body, x, jnp.arange(4, dtype=jnp.uint32))

        closed = jax.make_jaxpr(run)(x, x)
        known = {e.primitive.name for e in machine_loop.equations(closed.jaxpr)}
        assert known <= machine_loop.COMPILED, known - machine_loop.COMPILED
        assert machine_loop._fits(closed.jaxpr)
        seen |= known
        marked = jax.jit(lambda x: machine_loop.as_machine_loop(run, x, x))(x)[1]
        plain = jax.jit(run)(x, x)[1]
        for name in FORMS:
            a, b = (np.asarray(m[name]).astype(float) for m in (marked, plain))
            room = 64 * np.finfo(dtype).eps * np.maximum(1, abs(b))
            if not np.all((abs(a - b) <= room) | (np.isnan(a) & np.isnan(b)) | (a == b)):
                gaps[f"{name} {size}"] = (a.tolist(), b.tolist())
print(json.dumps({"untried": sorted(machine_loop.COMPILED - seen), "gaps": gaps}))
"""


def in_own_process(source):
    """What a script prints as JSON; a compiler that ends the process fails the test."""
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def test_every_operation_that_is_let_through_compiles_and_agrees():
    found = in_own_process(EVERY_OPERATION)
    assert found["gaps"] == {}
    # Other names of the same operations in other versions of JAX.
    assert set(found["untried"]) <= {"add_any", "closed_call", "copy_p", "custom_vjp_call", "pjit"}


def cases():
    # Every scheme, and every shape of a loop: one chain or several, each draw kept or some.
    for name, scheme, size, chains, thin, precision in (
        ("langevin", "BAOAB", 6, 1, 1, "float32"),
        ("langevin", "BAOAB", 6, 1, 4, "float64"),
        ("sgnht", "BADODAB", 3, 5, 1, "float32"),
        ("sgnht", "euler", 3, 5, 3, "float32"),
    ):
        parameters = {"A": 1.0} if name == "langevin" else {"A": 1.0, "mu": 2.0}
        yield pytest.param(
            name, scheme, parameters, size, chains, thin, precision,
            id=f"{name} {scheme} {size} {chains} {thin} {precision}",
        )  # fmt: skip


@pytest.mark.parametrize(("name", "scheme", "parameters", "size", "chains", "thin", "precision"),
                         list(cases()))  # fmt: skip
def test_a_marked_run_gives_the_numbers_of_an_unmarked_one(
    monkeypatch, name, scheme, parameters, size, chains, thin, precision
):
    marked = []
    fits = machine_loop._fits
    monkeypatch.setattr(machine_loop, "_fits", lambda f: marked.append(fits(f)) or marked[-1])

    def run():
        return sk.simulate(
            catalog.get(name), jnp.full(size, 0.3), potential=lambda q: jnp.sum(q**4) / 4,
            parameters=parameters, scheme=scheme, precision=precision, step_size=0.05, steps=120,
            thin=thin, chains=chains, seed=3,
        )  # fmt: skip

    with_mark = run()
    assert all(marked) and marked
    monkeypatch.setattr(machine_loop, "TESTED", ())
    without = run()
    eps = np.finfo(precision).eps
    for block, expected in zip(with_mark.samples.values(), without.samples.values(), strict=True):
        # Rounding grows along a path of 120 contracting steps by less than their number.
        np.testing.assert_allclose(block, expected, rtol=0, atol=120 * 8 * eps)


# What a loop does not read, in every form that a value can have. Each ended the compiler once, or
# comes close to one that did.
UNREAD = """
import importlib, json
import jax, jax.numpy as jnp, numpy as np
from jax import lax
machine_loop = importlib.import_module("sdekit.simulation.loop.machine_loop")
machine_loop.LEAST_BYTES = 0
random = np.random.default_rng(0).normal(size=(20_000, 2)).astype(np.float32)
FORMS = {
    "array": lambda i: jnp.asarray(random), "numpy": lambda i: random,
    "number": lambda i: jnp.float32(3), "zeros": lambda i: jnp.zeros(3),
    "counted": lambda i: jnp.arange(5.0), "folded": lambda i: jnp.asarray(random[:3]) * 2 + 1,
    "of the loop": lambda i: i + jnp.asarray(random[:3]),
}
closed_over = jnp.asarray(random)
found = {}
for name, form in FORMS.items():
    for read in ("nothing", "all", "one row", "closed over"):
        def run(x, a):
            def body(y, i):
                more = {"nothing": 0.0, "all": jnp.sum(a), "one row": jnp.ravel(a)[:1].sum(),
                        "closed over": closed_over[:100][0, 0]}[read]
                return 0.5 * jnp.sin(y) + 1e-3 * more, y
            return lax.scan(body, x, None, length=4)
        def whole(x, once=machine_loop.as_machine_loop):
            def block(y, i):
                return once(run, y, form(i))[0], None
            return lax.scan(block, x, jnp.arange(3.0))[0]
        x = jnp.ones(8)
        with jax.disable_jit():
            plain = whole(x, lambda f, *a: f(*a))
        found[f"{name}, {read}"] = float(jnp.max(jnp.abs(jax.jit(whole)(x) - plain)))
print(json.dumps(found))
"""


def test_no_value_that_a_loop_leaves_unread_ends_the_compiler():
    found = in_own_process(UNREAD)
    assert len(found) == 28
    assert max(found.values()) < 1e-5


def test_the_mark_can_be_switched_off(monkeypatch):
    asked = []
    monkeypatch.setattr(machine_loop, "_fits", lambda f: asked.append(f) or False)
    x = jnp.linspace(0.1, 1.0, 40)
    looped(jnp.sin, x)
    assert len(asked) == 1
    monkeypatch.setenv("SDEKIT_MACHINE_LOOPS", "off")
    looped(jnp.sin, x)
    assert len(asked) == 1


def looped(operation, x):
    def run(x, unused):
        return lax.scan(lambda y, _: (operation(y), y), x, None, length=4)

    return jax.jit(lambda x: machine_loop.as_machine_loop(run, x, x))(x)


@pytest.mark.parametrize(
    "operation",
    [
        lambda y: jnp.sort(y) * 0.5,
        lambda y: jnp.linalg.cholesky(jnp.eye(40) + jnp.outer(y, y) / 100)[0],
        lambda y: y[jnp.argsort(y)],
        lambda y: jnp.outer(y, y) @ y,
        lambda y: y.at[3].add(1.0),
        lambda y: jnp.real(jnp.fft.fft(y)),
        lambda y: y * 0 + jnp.sum(jnp.tile(y, 120)) / 120,
    ],
    ids=["sort", "cholesky", "gather", "matrix product", "scatter", "fft", "large sum"],
)
def test_other_operations_run_without_the_mark(operation):
    x = jnp.linspace(0.1, 1.0, 40)
    closed = jax.make_jaxpr(
        lambda x: lax.scan(lambda y, _: (operation(y), y), x, None, length=4)
    )(x)  # fmt: skip
    assert not machine_loop._fits(closed.jaxpr)
    expected = [np.asarray(x)]
    for _ in range(3):
        expected.append(np.asarray(operation(jnp.asarray(expected[-1]))))
    np.testing.assert_allclose(looped(operation, x)[1], expected, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize(("size", "fits"), [(2, False), (200, True), (200_000, False)])
def test_the_mark_is_for_bodies_between_two_sizes(size, fits):
    closed = jax.make_jaxpr(
        lambda x: lax.scan(lambda y, _: (jnp.sin(y) + y, y), x, None, length=4)
    )(jnp.zeros(size))  # fmt: skip
    assert machine_loop._fits(closed.jaxpr) == fits


def test_what_stands_outside_loops_counts_nothing():
    closed = jax.make_jaxpr(lambda x: jnp.sin(x) + 1)(jnp.zeros(10**6))
    assert machine_loop._bytes_per_turn(closed.jaxpr, inside=False) == 0


def test_a_compiler_that_refuses_the_mark_gets_the_loop_without_it(monkeypatch):
    driver = importlib.import_module("sdekit.simulation.loop.driver")
    asked = []
    advance = driver.advance

    def refusing(program, *rest):
        asked.append(program.machine_loops)
        if program.machine_loops:
            raise jax.errors.JaxRuntimeError("UNIMPLEMENTED: Fusion kind not implemented on CPU")
        return advance(program, *rest)

    monkeypatch.setattr(driver, "advance", refusing)
    run = sk.simulate(
        catalog.get("langevin"), jnp.zeros(2), potential=lambda q: q @ q / 2, parameters={"A": 1.0},
        step_size=0.1, steps=10,
    )  # fmt: skip
    assert run.samples["theta"].shape == (1, 10, 2)
    assert asked == [True, False]
