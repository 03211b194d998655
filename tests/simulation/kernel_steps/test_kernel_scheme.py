"""Declared kernels run: right ones have the exact moments, wrong ones do not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gamma

import sdekit as sk
from sdekit.errors import SimulationError

K = sk.kernels
CHAINS, STEPS, SIZE = 64, 1500, 3
#: E x^2 under exp(-x^4/4).
SECOND_MOMENT = 2 * gamma(3 / 4) / gamma(1 / 4)


def quartic(x):
    return jnp.sum(x**4) / 4


def z_of_second_moment(name: str, parameters=None, length=2, step_size=0.4) -> float:
    model = sk.sampler(K.published_kernel(name), quartic, parameters or {}, leapfrog_steps=length)
    start = jnp.zeros(SIZE)
    run = sk.simulate(
        model, start, step_size=step_size, steps=STEPS, chains=CHAINS, burn_in=50, seed=1
    )
    means = (np.asarray(run.samples["theta"]) ** 2).reshape(CHAINS, -1).mean(axis=1)
    return float((means.mean() - SECOND_MOMENT) / (means.std(ddof=1) / np.sqrt(CHAINS)))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("malt", {"A": 1.0}), ("mala", {}), ("nose-hoover-adjusted", {"mu": 2.0})],
)
def test_a_proved_kernel_has_the_exact_moment(name, parameters):
    assert abs(z_of_second_moment(name, parameters)) < 4.5


def test_a_jump_with_a_scale_of_its_own_counts_its_density():
    x = sk.vector("theta", sk.dim("n"))
    U = sk.potential("U", x)
    step = K.metropolis(K.jump(x, x, 1 + sk.dot(x, x) / 2))
    model = sk.sampler(K.compose(step, hamiltonian=U), quartic)
    run = sk.simulate(model, jnp.zeros(1), step_size=0.4, steps=STEPS, chains=CHAINS, burn_in=50)
    means = (np.asarray(run.samples["theta"]) ** 2).reshape(CHAINS, -1).mean(axis=1)
    z = (means.mean() - SECOND_MOMENT) / (means.std(ddof=1) / np.sqrt(CHAINS))
    assert abs(z) < 4.5


def test_a_refuted_kernel_has_another_moment():
    """Twin: the same runs see the mistake that the proof names."""
    assert abs(z_of_second_moment("mala-symmetric")) > 7


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("hmc", {}, "number of steps L is open"),
        ("hmc", {"leapfrog_steps": 2, "scheme": "BAB"}, "its own scheme"),
        ("generalized-hmc", {"leapfrog_steps": 2}, "parameter c has no value"),
        ("hmc-delayed", {"leapfrog_steps": 2}, "this step of a kernel is not run"),
        ("rhmc-midpoint", {"leapfrog_steps": 2}, "proposal is not run"),
        ("hmc", {"leapfrog_steps": 0}, "leapfrog_steps is wrong"),
        ("hmc", {"leapfrog_steps": 2, "noise": "weak"}, "needs normals"),
        ("hmc", {"leapfrog_steps": 2, "parameters": {"b": 1.0}}, "unknown parameter b"),
    ],
)
def test_what_is_not_run_is_said(name, options, said):
    with pytest.raises(SimulationError, match=said):
        functions = {"G": lambda x: jnp.eye(3)} if name == "rhmc-midpoint" else None
        model = sk.sampler(K.published_kernel(name), quartic, functions=functions, **options)
        model.init(jax.random.key(0), jnp.zeros(3))
