"""The law that an audit compares with: where there is one, and why there is none."""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.auditing.audit_checks import declared_coefficients, random_states
from sdekit.auditing.audit_law import Gaussian, NoLaw, fastest_rate, stationary_law
from sdekit.calculus.linear.linear_law import LinearSDE

FRICTION, MU = 3.0, 2.0
VALUES = {"A": FRICTION, "mu": MU}
x, y = sk.scalar("x"), sk.scalar("y")
sgnht = sk.catalog.get("sgnht")


def law_of(dynamics, potential=None, parameters=None, **sizes):
    declared = declared_coefficients(dynamics, sizes, None, potential, {}, parameters or {})
    return stationary_law(declared, declared.at(random_states(declared, 8, 0)))


def test_the_law_has_the_mean_and_covariance_of_the_potential():
    K, centre = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([1.0, -3.0])

    def potential(theta):
        return (theta - centre) @ jnp.asarray(K, theta.dtype) @ (theta - centre) / 2

    law = law_of(sgnht, potential, VALUES)
    assert isinstance(law, Gaussian)
    assert law.mean == pytest.approx([1, -3, 0, 0, FRICTION], abs=1e-4)
    expected = np.zeros((5, 5))
    expected[:2, :2], expected[2:4, 2:4], expected[4, 4] = np.linalg.inv(K), np.eye(2), 1 / MU
    assert law.covariance == pytest.approx(expected, abs=1e-5)


def test_a_linear_sde_has_its_own_law_whatever_is_declared():
    tilted = sk.Dynamics({x: -x - 3 * y, y: -3 * y / 2}, {x: 1, y: 1}, hamiltonian=x**2 + y**2)
    law = law_of(tilted)
    assert isinstance(law, Gaussian)
    exact = LinearSDE([[-1, -3], [0, -1.5]], np.eye(2)).stationary_covariance()
    assert law.source == "linear SDE"
    assert law.covariance == pytest.approx(exact, rel=1e-4)


p, xi, n = sk.vector("p", sk.dim("n")), sk.scalar("xi"), sk.dim("n")
positive = sk.scalar("r", domain="positive")
unproved = sk.Dynamics(
    {p: -xi * p, xi: (sk.dot(p, p) - n) / 2},
    {p: sk.eye(n)},
    hamiltonian=sk.dot(p, p) / 2 + xi**2 / 2,
)


@pytest.mark.parametrize(
    ("dynamics", "potential", "reason"),
    [
        (sk.catalog.get("overdamped"), lambda q: jnp.sum(q**4), "H is not quadratic"),
        (sgnht, lambda q: -jnp.sum(q**2), "H is not convex"),
        (sk.Dynamics({x: -(x**3)}, {x: 1}), None, "no law is declared, and the SDE is not linear"),
        (unproved, None, "exp(-H) is not proved stationary"),
        (sk.Dynamics({x: 1}, {x: 1}), None, "does not relax"),
        (sk.Dynamics({x: -x, y: -y}, {x: 1}), None, "no density"),
        (sk.Dynamics({positive: -positive}, {positive: 1}), None, "r is not free"),
    ],
)
def test_where_there_is_no_gaussian_law_the_reason_is_told(dynamics, potential, reason):
    values = VALUES if dynamics is sgnht else {}
    law = law_of(dynamics, potential, values)
    assert isinstance(law, NoLaw)
    assert reason in law.reason


def test_the_fastest_rate_is_that_of_the_linearized_drift():
    langevin = sk.catalog.get("langevin")

    def normal(theta):
        return jnp.sum(theta**2) / 2

    declared = declared_coefficients(langevin, {}, None, normal, {}, {"A": 4.0})
    # Eigenvalues of [[0, 1], [-1, -4]].
    law = Gaussian(np.zeros(4), np.eye(4), "exp(-H)")
    assert fastest_rate(declared, law) == pytest.approx(2 + np.sqrt(3), rel=1e-5)
