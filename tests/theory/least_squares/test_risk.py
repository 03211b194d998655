"""Risks: closed forms against averages over the noise of the data."""

import numpy as np
import pytest

from sdekit.errors import DataError
from sdekit.theory import LeastSquaresFlow, Risks
from tests.theory.least_squares.problems import data, relative

DRAWS = 4000


def averaged_losses(estimates, signal, design, kind):
    """Mean and standard error of the loss over draws of y; estimates (draws, p)."""
    gap = estimates - signal
    losses = (gap**2).sum(1) if kind == "estimation" else ((gap @ design.T) ** 2).mean(1)
    return losses.mean(), losses.std(ddof=1) / np.sqrt(len(losses))


@pytest.mark.parametrize("kind", ["estimation", "prediction"])
def test_closed_risks_are_averages_over_the_noise(kind):
    design, _, signal = data(n=12)
    rng = np.random.default_rng(5)
    responses = design @ signal + 0.8 * rng.normal(size=(DRAWS, 12))
    flow = LeastSquaresFlow(design, responses[0], batch_size=3, step_size=0.05)
    risks = Risks(flow, signal, noise_variance=0.64, kind=kind)
    gram, moment = design.T @ design / 12, responses @ design / 12
    ridge = np.linalg.solve(gram + 0.5 * np.eye(5), moment.T).T
    values, vectors = np.linalg.eigh(gram)
    filtered = (vectors * ((1 - np.exp(-2.0 * values)) / values)) @ vectors.T
    for risk, estimates in (
        (risks.ridge(0.5), ridge),
        (risks.gradient_flow(2.0), moment @ filtered),
    ):
        mean, error = averaged_losses(estimates, signal, design, kind)
        assert abs(risk.total - mean) < 4.5 * error
        # Twin: a risk without its variance is far outside.
        assert abs(risk.bias_squared - mean) > 7 * error


@pytest.mark.parametrize("kind", ["estimation", "prediction"])
def test_injected_variance_is_the_average_of_the_exact_trace(kind):
    """The source averaged over y in one equation, against one exact equation per draw of y."""
    design, _, signal = data(n=12)
    rng = np.random.default_rng(6)
    traces, sgd = [], []
    for _ in range(100):
        y = design @ signal + 0.8 * rng.normal(size=12)
        flow = LeastSquaresFlow(design, y, batch_size=3, step_size=0.05)
        traces.append(flow.covariance_trace([0.5, 3.0], 1e-4, prediction=kind == "prediction"))
        covariance = flow.sgd_covariance(20)
        gram = design.T @ design / 12 if kind == "prediction" else np.eye(5)
        sgd.append(np.trace(gram @ covariance))
    risks = Risks(flow, signal, noise_variance=0.64, kind=kind)
    found = [risk.injected for risk in risks.stochastic_flow([0.5, 3.0])]
    error = np.std(traces, axis=0, ddof=1) / 10
    assert (np.abs(np.mean(traces, axis=0) - found) < 4.5 * error).all()
    assert abs(np.mean(sgd) - risks.sgd([20])[0].injected) < 4.5 * np.std(sgd, ddof=1) / 10
    # Twin: without the noise in y the source is visibly smaller.
    quiet = Risks(flow, signal, noise_variance=0.0, kind=kind).stochastic_flow([0.5, 3.0])
    assert abs(quiet[1].injected - np.mean(traces, axis=0)[1]) > 7 * error[1]


def test_without_noise_in_y_the_injected_variance_is_the_exact_trace():
    design, _, signal = data(n=12)
    flow = LeastSquaresFlow(design, design @ signal, batch_size=3, step_size=0.05)
    risks = Risks(flow, signal, noise_variance=0.0)
    exact = flow.covariance_trace([0.5, 3.0])
    assert relative([r.injected for r in risks.stochastic_flow([0.5, 3.0])], exact) < 1e-9
    assert abs(risks.sgd([7])[0].injected - np.trace(flow.sgd_covariance(7))) < 1e-14


def test_a_single_row_has_bias_and_variance_but_no_minibatch_noise():
    """n = 1, whatever the y of the flow: all batches are equal."""
    flow = LeastSquaresFlow([[2.0]], [0.0], batch_size=1, step_size=0.01)
    risk = Risks(flow, [1.0], noise_variance=1.0).stochastic_flow([0.1, 1e6])[1]
    assert risk.injected < 1e-14
    assert risk.total == pytest.approx(0.25)


def test_sgd_bias_and_variance_are_those_of_its_mean():
    design, y, signal = data(n=12)
    flow = LeastSquaresFlow(design, y, batch_size=3, step_size=0.05)
    risk = Risks(flow, signal, noise_variance=0.64).sgd([0, 30])
    hat = np.linalg.matrix_power(np.eye(5) - 0.05 * design.T @ design / 12, 30)
    assert abs(risk[1].bias_squared - np.sum((hat @ signal) ** 2)) < 1e-13
    smoother = (np.eye(5) - hat) @ np.linalg.pinv(design)
    assert abs(risk[1].variance - 0.64 * np.sum(smoother**2)) < 1e-12
    assert risk[0].total == pytest.approx(float(signal @ signal), rel=1e-14)


def test_what_no_row_sees_of_the_signal_is_bias_of_estimation_only():
    design, y, _ = data(n=3)
    signal = np.ones(5)
    flow = LeastSquaresFlow(design, y, batch_size=1, step_size=0.01)
    null = np.linalg.svd(design)[2][3:]
    unseen = float(((null @ signal) ** 2).sum())
    late = Risks(flow, signal, noise_variance=0.0).gradient_flow(1e9)
    assert late.total == pytest.approx(unseen, rel=1e-10)
    assert Risks(flow, signal, 0.0, "prediction").gradient_flow(1e9).total < 1e-20


def test_linear_processes_add_their_covariance_to_gradient_flow():
    design, y, signal = data(n=12)
    flow = LeastSquaresFlow(design, y, batch_size=3, step_size=0.05)
    risks = Risks(flow, signal, noise_variance=0.64)
    for process in (flow.langevin(0.1), flow.constant_covariance()):
        risk = risks.linear(process, 2.0)
        assert risk.injected == pytest.approx(np.trace(process.covariance(2.0)), rel=1e-12)
        assert risk.total - risk.injected == pytest.approx(risks.gradient_flow(2.0).total)


def test_impossible_risks_are_refused():
    design, y, signal = data(n=12)
    flow = LeastSquaresFlow(design, y, batch_size=3, step_size=0.05)
    with pytest.raises(DataError, match="unknown kind of risk"):
        Risks(flow, signal, 1.0, "excess")
    with pytest.raises(DataError, match="noise variance must not be negative"):
        Risks(flow, signal, -1.0)
    with pytest.raises(DataError, match="signal has the wrong length: expected 5, found 2"):
        Risks(flow, [1.0, 2.0], 1.0)
    with pytest.raises(DataError, match="times must ascend"):
        Risks(flow, signal, 1.0).stochastic_flow([2.0, 1.0])
    with pytest.raises(DataError, match="must ascend from 0"):
        Risks(flow, signal, 1.0).sgd([3, 1])
    with pytest.raises(DataError, match="one number is wanted"):
        Risks(flow, signal, 1.0).ridge([1.0])
