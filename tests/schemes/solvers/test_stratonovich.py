"""Ito to Stratonovich and back is the identity."""

import numpy as np

import sdekit as sk
from sdekit.schemes.solvers.stratonovich import stratonovich_drift
from sdekit.simulation.bind.jax_reader import Environment, evaluate

X, Y = sk.scalar("x"), sk.scalar("y")


def test_geometric_brownian_motion_has_its_textbook_drift():
    """dS = m S dt + s S dW is dS = (m - s^2/2) S dt + s S o dW."""
    given = sk.Dynamics(drift={X: 3 * X}, diffusion={X: 2 * X**2})
    drift = stratonovich_drift(given)[X]
    np.testing.assert_allclose(evaluate(drift, Environment({"x": 1.7})), (3 - 2) * 1.7, rtol=1e-6)


def test_converting_there_and_back_is_the_identity():
    rows = {X: [X * Y, sk.sin(Y)], Y: [sk.exp(X), Y**2]}
    given = sk.Dynamics(drift={X: -X, Y: X - Y**3}, noise=rows)
    back = sk.Dynamics(
        drift=stratonovich_drift(given), noise=rows, interpretation="stratonovich"
    ).ito()
    values = Environment({"x": 0.3, "y": -0.8})
    for x in (X, Y):
        found, exact = (evaluate(d.drift[x], values) for d in (back, given))
        np.testing.assert_allclose(found, exact, rtol=1e-6)


def test_entrywise_noise_is_corrected_entry_by_entry():
    n = sk.dim("n")
    z = sk.vector("z", n)
    given = sk.Dynamics(drift={z: -z}, diffusion={z: sk.diag(z**4)})
    values = Environment({"z": np.array([0.5, 2.0])}, {"n": 2})
    found = evaluate(stratonovich_drift(given)[z], values)
    np.testing.assert_allclose(found, [-0.5 - 2 * 0.5**3, -2.0 - 2 * 2.0**3], rtol=1e-6)


def test_a_full_diffusion_without_a_factor_cannot_be_converted():
    given = sk.Dynamics(drift={X: -X, Y: -Y}, diffusion={X: X**2 + 1, Y: 1, (X, Y): X})
    assert stratonovich_drift(given) is None
