"""A run injects what is declared as diffusion; gradient noise is left to the gradient."""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError

n = sk.dim("n")
theta, p = sk.vector("theta", n), sk.vector("p", n)
A, B = sk.parameter("A", positive=True), sk.parameter("B", positive=True)
U = sk.potential("U", theta)


def sghmc(injected, carried, **more):
    """Langevin dynamics with friction A; D is what is injected and what the gradient carries."""
    return sk.Dynamics(
        {theta: p, p: -sk.grad(U, theta) - A * p},
        injected,
        gradient_noise=carried,
        hamiltonian=U + sk.dot(p, p) / 2,
        target=U,
        **more,
    )


def quadratic(q):
    return jnp.sum(q**2) / 2


def run(model, scheme, **more):
    given = {"parameters": {"A": 1.0, "B": 0.25}, "potential": quadratic, "step_size": 0.1}
    return sk.simulate(model, jnp.zeros(2), steps=20, scheme=scheme, **{**given, **more})


@pytest.mark.parametrize("scheme", ["BAOAB", "EM", "Algorithm1", "euler"])
def test_a_run_draws_noise_for_the_injected_part_only(scheme):
    """The same numbers as a declaration of the injected part alone, to the last bit."""
    declared = run(sghmc({p: A - B}, {p: B}), scheme)
    alone = run(sghmc({p: A - B}, None), scheme)
    assert np.array_equal(declared.samples["theta"], alone.samples["theta"])
    whole = run(sghmc({p: A - B + B}, None), scheme)
    assert not np.array_equal(declared.samples["theta"], whole.samples["theta"])


def test_diffrax_terms_have_the_injected_noise_only():
    for model, root in ((sghmc({p: A - B}, {p: B}), 1.5**0.5), (sghmc({p: A}, None), 2**0.5)):
        values = {"A": 1.0, "B": 0.25} if model.gradient_noise else {"A": 1.0}
        given = sk.to_diffrax(
            model, jnp.zeros(1), t1=1.0, potential=quadratic, parameters=values, solver="euler"
        )
        noise = given.terms.terms[1].prod(given.terms.terms[1].vf(0.0, given.y0, None), jnp.ones(1))
        assert float(np.abs(noise).max()) == pytest.approx(root, rel=1e-6)


def test_injected_noise_below_zero_is_refused_at_the_start():
    with pytest.raises(SimulationError, match="injected diffusion is not positive semidefinite"):
        run(sghmc({p: A - B}, {p: B}), "BAOAB", parameters={"A": 1.0, "B": 2.0})


def test_gradient_noise_that_is_no_covariance_where_a_chain_starts_is_refused():
    sigma = sk.function("Sigma", theta, shape=(n, n))
    model = sghmc({p: A * sk.eye(n)}, {p: sigma})

    def start(position, matrix):
        return sk.simulate(
            model, position, potential=quadratic, parameters={"A": 1.0}, step_size=0.1, steps=2,
            functions={"Sigma": lambda q: jnp.asarray(matrix) * (1 - q[0] ** 2)},
        )  # fmt: skip

    start(jnp.zeros(2), [[2.0, 1.0], [1.0, 2.0]])
    with pytest.raises(SimulationError, match="declared gradient noise is not positive"):
        start(jnp.zeros(2), [[1.0, 2.0], [2.0, 1.0]])
    with pytest.raises(SimulationError, match="declared gradient noise is not positive"):
        start(jnp.array([2.0, 0.0]), [[2.0, 1.0], [1.0, 2.0]])
