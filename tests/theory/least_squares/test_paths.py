"""Simulated ensembles agree with the exact moments, scheme by scheme."""

import numpy as np
import pytest
import scipy.sparse

from sdekit.errors import SimulationError
from sdekit.theory import LeastSquaresFlow
from sdekit.theory.least_squares.paths import SCHEMES, simulate
from tests.theory.least_squares.problems import euler_covariance, relative, small_flow

PATHS = 4000
STEPS = 30


def largest_z(sample, mean, covariance):
    """Largest z over the means and the covariance entries of an ensemble."""
    states = sample.states[-1]
    centred = states - states.mean(axis=0)
    products = np.einsum("ri,rj->rij", centred, centred)
    spread = products.std(axis=0, ddof=1) / np.sqrt(len(states))
    z_mean = (states.mean(axis=0) - mean) / (states.std(axis=0, ddof=1) / np.sqrt(len(states)))
    return max(np.abs(z_mean).max(), np.abs((products.mean(axis=0) - covariance) / spread).max())


@pytest.mark.parametrize("scheme", ["sgd", "euler-maruyama"])
@pytest.mark.parametrize("replace", [True, False])
def test_sgd_and_euler_maruyama_at_its_step_have_the_sgd_moments(scheme, replace):
    flow = small_flow(replace=replace)
    sample = simulate(flow, scheme, steps=STEPS, paths=PATHS, seed=1)
    assert largest_z(sample, flow.sgd_mean(STEPS), flow.sgd_covariance(STEPS)) < 4.5


def test_that_check_tells_the_flow_from_sgd():
    """Twin: against the moments of the flow the same ensemble is refuted."""
    flow = small_flow(step_size=0.25)
    sample = simulate(flow, "sgd", steps=STEPS, paths=PATHS, seed=1)
    assert largest_z(sample, flow.sgd_mean(STEPS), flow.sgd_covariance(STEPS)) < 4.5
    time = STEPS * 0.25
    assert largest_z(sample, flow.mean(time), flow.covariance(time)) > 7


def test_the_midpoint_scheme_has_the_moments_of_the_flow():
    flow = small_flow(step_size=0.25)
    sample = simulate(flow, "midpoint", steps=60, paths=PATHS, seed=2, step_size=0.05)
    assert largest_z(sample, flow.mean(3.0), flow.covariance(3.0)) < 4.5


def midpoint_moments(flow, step_size, steps):
    """Exact covariance of the midpoint scheme: its own linear recursion, no randomness."""
    equation, rates = flow.equation, flow.problem.rates
    half = np.exp(-step_size / 2 * rates)
    pair = half[:, None] * half[None, :]
    covariance, decay = np.zeros((len(rates), len(rates))), np.ones(len(rates))

    def noise(matrix, mean_decay):
        return equation.feedback(matrix) + equation.source_at(mean_decay)

    for _ in range(steps):
        middle = pair * (covariance + step_size / 2 * noise(covariance, decay))
        covariance = pair * (pair * covariance + step_size * noise(middle, half * decay))
        decay = half * half * decay
    return flow.problem.matrix_from_basis(covariance)


def test_the_midpoint_scheme_is_of_second_order_in_the_moments():
    """Deterministic: the scheme's exact covariance against the flow's, slope of the log error."""
    flow = small_flow(step_size=0.25)
    exact = flow.covariance(3.0, 1e-11)
    counts = np.array([20, 40, 80, 160])
    errors = [relative(midpoint_moments(flow, 3.0 / k, k), exact) for k in counts]
    slopes = np.diff(np.log(errors)) / np.diff(np.log(1 / counts))
    assert (np.abs(slopes - 2) < 0.1).all()
    # Twin: Euler-Maruyama is of first order.
    first = [relative(euler_covariance(flow, 3.0 / k, k), exact) for k in counts]
    slopes = np.diff(np.log(first)) / np.diff(np.log(1 / counts))
    assert (np.abs(slopes[1:] - 1) < 0.1).all()


def test_the_recursion_above_is_the_scheme():
    flow = small_flow(step_size=0.25)
    sample = simulate(flow, "midpoint", steps=4, paths=PATHS, seed=5, step_size=0.75)
    mean = flow.mean(3.0)
    assert largest_z(sample, mean, midpoint_moments(flow, 0.75, 4)) < 4.5


def test_one_path_and_chunked_paths_are_recorded_alike(monkeypatch):
    flow = small_flow()
    one = simulate(flow, "euler-maruyama", steps=4, paths=1, seed=0, record=[0, 2, 4])
    assert one.states.shape == (3, 1, 5) and one.times.tolist() == [0.0, 0.2, 0.4]
    assert np.abs(one.states[0]).max() < 1e-14
    monkeypatch.setattr("sdekit.theory.least_squares.paths.CHUNK_NUMBERS", 400)
    many = simulate(flow, "euler-maruyama", steps=4, paths=25, seed=0)
    assert many.states.shape == (1, 25, 5)
    assert len(np.unique(many.states[0, :, 0])) == 25
    again = simulate(flow, "euler-maruyama", steps=4, paths=25, seed=0)
    assert (many.states == again.states).all()


def test_ensemble_moments_are_sample_moments():
    flow = small_flow()
    sample = simulate(flow, "sgd", steps=3, paths=50, seed=0, record=[1, 3])
    assert relative(sample.mean()[1], sample.states[1].mean(axis=0)) < 1e-14
    assert relative(sample.covariance()[1], np.cov(sample.states[1].T)) < 1e-12
    trace, error = sample.trace()
    assert trace[1] == pytest.approx(np.trace(np.cov(sample.states[1].T)))
    assert (error > 0).all()


def test_sparse_rows_are_simulated_too():
    sparse = scipy.sparse.random(60, 5, density=0.4, random_state=0, format="csr")
    y = np.random.default_rng(1).normal(size=60)
    flow = LeastSquaresFlow(sparse, y, batch_size=4, step_size=1.0)
    for scheme in SCHEMES:
        sample = simulate(flow, scheme, steps=10, paths=2000, seed=1)
        moments = (
            (flow.mean(10.0), midpoint_moments(flow, 1.0, 10))
            if scheme == "midpoint"
            else (flow.sgd_mean(10), flow.sgd_covariance(10))
        )
        assert largest_z(sample, *moments) < 4.5


def test_runs_that_cannot_be_meant_are_refused():
    flow = small_flow()
    with pytest.raises(SimulationError, match="unknown scheme: expected 'sgd'"):
        simulate(flow, "milstein", steps=1, paths=1, seed=0)
    with pytest.raises(SimulationError, match="SGD moves with the step size of the flow"):
        simulate(flow, "sgd", steps=1, paths=1, seed=0, step_size=0.2)
    with pytest.raises(SimulationError, match="recorded steps ascending"):
        simulate(flow, "sgd", steps=3, paths=1, seed=0, record=[2, 1])
    with pytest.raises(SimulationError, match="must diverge with this step size"):
        simulate(flow, "euler-maruyama", steps=1, paths=1, seed=0, step_size=1.0)
