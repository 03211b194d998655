"""Runs under JAX's transformations and settings."""

import contextlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DivergenceError, SimulationError
from sdekit.simulation.runs.compiled_run import check_untransformed

X = sk.scalar("x")
OU = sk.Dynamics(drift={X: -X}, diffusion={X: 1}, hamiltonian=X**2 / 2)


def end(start=1.0, h=0.1, weight=1.0):
    pull = sk.function("f", X)
    pulled = sk.Dynamics(drift={X: pull}, diffusion={X: 1})
    run = sk.simulate(
        pulled, start, functions={"f": lambda z: -weight * z}, step_size=h, steps=4, chains=3
    )
    return jnp.mean(jnp.asarray(run.samples["x"]))


TRANSFORMED = {
    "jit of the start": lambda: jax.jit(end)(1.0),
    "grad of the start": lambda: jax.grad(end)(1.0),
    "vmap of the start": lambda: jax.vmap(end)(jnp.ones(2)),
    "jit of the step size": lambda: jax.jit(lambda h: end(h=h))(0.1),
    "grad of what a function holds": lambda: jax.grad(lambda w: end(weight=w))(1.0),
    "vmap of what a function holds": lambda: jax.vmap(lambda w: end(weight=w))(jnp.ones(2)),
    "jit of nothing that the run reads": lambda: jax.jit(lambda z: z + end())(1.0),
    "scan": lambda: jax.lax.scan(lambda c, _: (c + end(), None), 0.0, None, length=2),
    "jit of a parameter": lambda: jax.jit(
        lambda a: sk.simulate(
            sk.catalog.get("langevin"),
            jnp.zeros(2),
            potential=lambda z: jnp.sum(z**2),
            parameters={"A": a},
            step_size=0.1,
            steps=2,
        ).samples["theta"]
    )(1.0),
}


@pytest.mark.parametrize("what", TRANSFORMED)
def test_transformations_are_refused_in_words(what):
    with pytest.raises(SimulationError, match=r"sk.simulate cannot be transformed.*sampler.step"):
        TRANSFORMED[what]()


def test_a_traced_number_that_has_left_its_trace_is_refused():
    held = []
    jax.jit(lambda a: (held.append(a), a)[1])(1.0)
    with pytest.raises(SimulationError, match="cannot be transformed"):
        end(held[0])


def test_what_is_no_transformation_is_let_through():
    """Twin: the same call beside jit, within disabled jit, and where JAX calls the host."""
    check_untransformed("this", 1.0)
    with jax.disable_jit():
        jax.jit(lambda x: (check_untransformed("this"), x)[1])(1.0)
    back = jax.ShapeDtypeStruct((), jnp.float32)
    jax.pure_callback(
        lambda x: (check_untransformed("this"), np.asarray(x))[1], back, jnp.float32(1.0)
    )


FAULT_FINDERS = (
    jax.disable_jit,
    lambda: jax.numpy_rank_promotion("raise"),
    lambda: jax.numpy_dtype_promotion("strict"),
    lambda: jax.transfer_guard("disallow"),
    lambda: jax.default_prng_impl("rbg"),
    lambda: jax.debug_nans(True),
)


def draws(scheme):
    run = sk.simulate(OU, 1.0, step_size=0.1, steps=6, chains=2, seed=3, scheme=scheme)
    return run.samples["x"]


def test_a_run_gives_the_same_numbers_whatever_is_switched_on_to_find_faults():
    usual = draws("EM")
    with contextlib.ExitStack() as stack:
        for setting in FAULT_FINDERS:
            stack.enter_context(setting())
        found = draws("EM")
    np.testing.assert_allclose(found, usual, rtol=1e-5)


def test_a_solver_of_diffrax_keeps_its_precision_in_64_bit_mode():
    usual = draws("milstein")
    with jax.enable_x64(True):
        found = draws("milstein")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, usual, rtol=1e-5)


def test_a_divergence_under_debug_nans_names_the_chain_and_the_step():
    explosive = sk.Dynamics(drift={X: X**3}, diffusion={X: 1})
    with jax.debug_nans(True), pytest.raises(DivergenceError, match="chain 0 is not finite after"):
        sk.simulate(explosive, 10.0, step_size=1.0, steps=60, chains=2, scheme="EM")


def test_grad_of_many_chains_does_not_end_the_process():
    """XLA's own check ends the process where a traced constant is split over the chains."""
    code = (
        "import jax, sdekit as sk\n"
        "x = sk.scalar('x'); f = sk.function('f', x)\n"
        "d = sk.Dynamics(drift={x: f}, noise={x: 1})\n"
        "def mean(a):\n"
        "    given = {'functions': {'f': lambda z: -a * z}, 'chains': 100}\n"
        "    return sk.simulate(d, 1.0, step_size=0.1, steps=9, **given).samples['x'].mean()\n"
        "try: jax.grad(mean)(1.0)\n"
        "except sk.SdekitError: print('told')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout.strip() == "told", done.stderr[-500:]
