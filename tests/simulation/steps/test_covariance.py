"""Noise increments have the covariance 2 D, or sigma sigma^T."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.schemes.solvers.noise_type import diagonal_entries
from sdekit.simulation.bind.jax_reader import Environment
from sdekit.simulation.steps.covariance import factor_terms, noise_terms
from sdekit.simulation.steps.stage import increments, noise_elements, prepared_noise

n = sk.dim("n")
x, y = sk.vector("x", n), sk.vector("y", n)
X = sk.matrix("X", n, symmetric=True)
a, c = sk.scalar("a"), sk.scalar("c")
w = sk.parameter("w", n)
M = sk.parameter("M", n, n)
SIZES = {"n": 2}
ROOT = np.array([[1.0, 0.5], [-0.3, 0.8]])
VALUES = {"a": 0.6, "c": 1.5, "x": np.array([0.5, 2.0]), "y": np.zeros(2),
          "w": np.array([0.4, 1.3]), "M": ROOT @ ROOT.T, "X": np.eye(2)}  # fmt: skip


def covariance(terms, names):
    """Covariance of the increments, from unit vectors of noise run as chains."""
    with jax.enable_x64(True):
        count = noise_elements(terms)
        values = {
            k: jnp.broadcast_to(jnp.asarray(v)[..., None], (*np.shape(v), count))
            if k in ("a", "c", "x", "y", "X") else jnp.asarray(v)
            for k, v in VALUES.items()
        }  # fmt: skip
        environment = Environment(values, SIZES, dtype=np.dtype(np.float64))
        prepared = prepared_noise(terms, environment)
        found = increments(terms, environment, jnp.eye(count), prepared)
        rows = np.concatenate([np.asarray(found[name]).reshape(-1, count) for name in names])
    return rows @ rows.T


def dynamics(**blocks):
    return sk.Dynamics(drift={v: 0 * v for v in (x, y, a, c)}, **blocks)


I2 = np.eye(2)
DIAGONAL = [
    (x, c * sk.eye(n), 1.5 * I2),
    (x, sk.diag(w) / 2, np.diag(VALUES["w"]) / 2),
    (x, c * sk.eye(n) + sk.diag(w), 1.5 * I2 + np.diag(VALUES["w"])),
    (x, a**2 * sk.diag(x), 0.36 * np.diag(VALUES["x"])),
    (a, c**2, np.array([[2.25]])),
]


@pytest.mark.parametrize(("variable", "block", "expected"), DIAGONAL, ids=str)
def test_a_diagonal_diffusion_is_seen_and_costs_no_matrix(variable, block, expected):
    assert diagonal_entries(block, variable) is not None
    terms = noise_terms({(variable, variable): block}, SIZES)
    assert np.allclose(covariance(terms, [variable.name]), 2 * expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("block", "expected"),
    [(M, VALUES["M"]), (c * M, 1.5 * VALUES["M"]), (sk.outer(x, x), np.outer(*[VALUES["x"]] * 2))],
    ids=["constant", "of the state", "singular"],
)
def test_a_full_diffusion_is_factorized(block, expected):
    assert diagonal_entries(block, x) is None
    terms = noise_terms({(x, x): block}, SIZES)
    assert (terms[0].prepare is not None) == (block == M)
    assert np.allclose(covariance(terms, ["x"]), 2 * expected, rtol=0, atol=1e-13)


def test_variables_that_share_noise_are_factorized_together():
    shared = dynamics(diffusion={x: 2, (x, y): M / 4, y: 3, a: 1})
    terms = noise_terms(dict(shared.blocks()), SIZES)
    assert sorted(len(term.variables) for term in terms) == [1, 2]
    both = np.block([[2 * I2, VALUES["M"] / 4], [VALUES["M"] / 4, 3 * I2]])
    assert np.allclose(covariance(terms, ["x", "y"]), 2 * both, rtol=0, atol=1e-13)


def test_noise_of_a_symmetric_matrix_is_symmetric():
    found = covariance(noise_terms({(X, X): c}, SIZES), ["X"])
    assert np.allclose(np.diag(found), 3.0 * np.array([1, 0.5, 0.5, 1]))
    assert found[1, 2] == pytest.approx(1.5)


def test_a_declared_factor_is_used_as_it_is():
    own = dynamics(noise={x: M, a: c})
    assert np.allclose(
        covariance(factor_terms(own.noise, SIZES), ["x"]), VALUES["M"] @ VALUES["M"].T, atol=1e-13
    )
    shared = dynamics(noise={a: [c, 1], c: [0, a]})
    rows = np.array([[1.5, 1.0], [0.0, 0.6]])
    assert np.allclose(covariance(factor_terms(shared.noise, SIZES), ["a", "c"]), rows @ rows.T)


@pytest.mark.parametrize("name", ["x", "motion"])
def test_a_factor_may_read_a_variable_of_any_name(name):
    """A variable called as the Brownian motion is inside was read as the noise itself."""
    own = sk.vector(name, n)
    (term,) = factor_terms({own: sk.diag(own) @ M}, SIZES)
    values = {name: jnp.array([0.5, 2.0]), "M": jnp.asarray(ROOT)}
    z = jnp.array([1.0, -3.0])
    found = term.increments(Environment(values, SIZES), z, None)[name]
    np.testing.assert_allclose(found, values[name] * (ROOT @ np.asarray(z)), rtol=1e-6)
