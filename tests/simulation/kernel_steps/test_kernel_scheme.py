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


def z_of_second_moment(name: str, parameters=None) -> float:
    kernel, start = K.published_kernel(name), jnp.zeros(SIZE)
    return z_of(kernel, SECOND_MOMENT, start, parameters=parameters, steps=STEPS)


def z_of(
    kernel, expected, position, *, observed=lambda x: x**2, parameters=None, **options
) -> float:
    functions = {"G": lambda x: jnp.diag(1 + x**2)} if options.pop("metric", False) else None
    length, h = options.pop("length", 2), options.pop("step_size", 0.4)
    model = sk.sampler(kernel, quartic, parameters, functions=functions, leapfrog_steps=length)
    given = {"steps": 800, "chains": CHAINS, "burn_in": 50, "seed": 1, **options}
    run = sk.simulate(model, position, step_size=h, **given)
    values = observed(np.asarray(run.samples["theta"])).reshape(CHAINS, -1).mean(axis=1)
    return float((values.mean() - expected) / (values.std(ddof=1) / np.sqrt(CHAINS)))


def test_a_second_attempt_counts_the_first_rejection_seen_from_both_ends():
    """Two reflections make a chain on the lattice of +-0.3 + k/2, whose law is a sum."""
    n = sk.dim("n")
    x = sk.vector("theta", n)
    near = K.metropolis(K.map_to({x: sk.ones(n) / 2 - x}), accept="barker")
    far = K.metropolis(K.map_to({x: sk.ones(n) - x}))
    lattice = np.concatenate([sign * 0.3 + np.arange(-20, 20) / 2 for sign in (-1, 1)])
    weights = np.exp(-(lattice**4) / 4)
    given = {"expected": weights @ lattice**2 / weights.sum(), "position": jnp.full(1, 0.3)}

    def kernel(remembers):
        step = K.delayed(near, far, remembers=remembers)
        return K.compose(step, hamiltonian=sk.potential("U", x))

    assert abs(z_of(kernel(True), **given)) < 4.5
    # Twin: the attempt that forgets.
    assert abs(z_of(kernel(False), **given)) > 7


def test_an_implicit_midpoint_keeps_the_law_under_any_metric():
    given = {"expected": SECOND_MOMENT, "position": jnp.zeros(1), "metric": True, "steps": 300}
    kernel = K.published_kernel("rhmc-midpoint")
    assert abs(z_of(kernel, length=1, step_size=0.8, **given)) < 4.5


def test_a_closed_form_counts_its_own_volume():
    """A dilation keeps the ray: along it the density is r^2 exp(-r^4/4) in three dimensions."""
    along_ray = 2 * gamma(5 / 4) / gamma(3 / 4)
    given = {"expected": along_ray, "position": jnp.array([1.0, 0.0, 0.0])}
    given["observed"] = lambda x: x[..., 0] ** 2
    assert abs(z_of(K.published_kernel("dilation"), **given)) < 4.5
    # Twin: the volume of one dimension.
    assert abs(z_of(K.published_kernel("dilation-jacobian"), **given)) > 7


def test_one_of_two_steps_is_drawn():
    x = sk.vector("theta", sk.dim("n"))
    small, large = (K.metropolis(K.jump(x, x, scale)) for scale in (1, 3))
    given = {"expected": SECOND_MOMENT, "position": jnp.zeros(1), "burn_in": 200}

    def chosen(weight):
        step = K.choose([(weight, small), (1 - weight, large)])
        return K.compose(step, hamiltonian=sk.potential("U", x))

    third = sk.parameter("w", value="1/3")
    assert abs(z_of(chosen(third), **given)) < 4.5
    # Twin: a weight that reads what the steps move.
    assert abs(z_of(chosen(1 / (1 + sk.dot(x, x) ** 2)), **given)) > 7


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


@pytest.mark.parametrize("weight", ["7/10", "-1/10"])
def test_weights_that_are_no_probabilities_are_refused(weight):
    x = sk.vector("theta", sk.dim("n"))
    first, second = (sk.parameter(name, value=weight) for name in "ab")
    small, large = (K.metropolis(K.jump(x, x, scale)) for scale in (1, 3))
    kernel = K.compose(
        K.choose([(first, small), (second, large)]), hamiltonian=sk.potential("U", x)
    )
    with pytest.raises(SimulationError, match="weights of a choice are no probabilities"):
        sk.sampler(kernel, quartic).init(jax.random.key(0), jnp.zeros(3))


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("hmc", {}, "number of steps L is open"),
        ("hmc", {"leapfrog_steps": 2, "scheme": "BAB"}, "its own scheme"),
        ("generalized-hmc", {"leapfrog_steps": 2}, "parameter c has no value"),
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
