"""Draws of exact linear SDEs."""

import numpy as np
import pytest

from sdekit.calculus.linear.linear_law import LinearSDE
from sdekit.errors import SimulationError
from sdekit.simulation.runs.linear_samples import sample_linear

#: Not normal, and not made normal by D: a package that symmetrizes the drift gets this wrong.
SHEARED = LinearSDE([[-1.0, -3.0], [0.0, -1.5]], np.eye(2), [0.5, -1.0])


def test_draws_have_the_exact_mean_and_covariance():
    chains, h = 4_000, 0.8
    z = np.asarray(sample_linear(SHEARED, [1.0, 2.0], step_size=h, steps=2, chains=chains))
    step = SHEARED.transition(2 * h)
    mean = step.matrix @ [1.0, 2.0] + step.offset
    scores = (z[:, 1] - mean) @ np.linalg.inv(np.linalg.cholesky(step.covariance)).T
    assert np.max(np.abs(scores.mean(0))) * np.sqrt(chains) < 4.5
    products = np.array([scores[:, 0] ** 2 - 1, scores[:, 1] ** 2 - 1, scores[:, 0] * scores[:, 1]])
    z_scores = products.mean(1) / (products.std(1) / np.sqrt(chains))
    assert np.max(np.abs(z_scores)) < 4.5


def test_a_chain_does_not_depend_on_the_number_of_chains():
    few = sample_linear(SHEARED, [0.0, 0.0], step_size=0.1, steps=3, chains=2, seed=1)
    many = sample_linear(SHEARED, [0.0, 0.0], step_size=0.1, steps=3, chains=5, seed=1)
    np.testing.assert_allclose(few, many[:2], rtol=1e-5)


def test_a_start_of_the_wrong_shape_is_refused():
    with pytest.raises(SimulationError, match="start of a linear SDE"):
        sample_linear(SHEARED, [0.0], step_size=1, steps=1)
