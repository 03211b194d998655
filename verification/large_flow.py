"""Exact moments of the least-squares flow for n = 100,000 rows and p = 500 features.

A p^2 x p^2 generator would take 500 GB. The sparse design (1 % of the entries) is solved fully:
existence of the limit, the limit, and the covariance along the path, checked by putting the limit
into its equation. The dense design shows the cost of one evaluation of the moment equation, of one
SGD step of the moments, and of the existence test.
"""

from __future__ import annotations

import resource
import time

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse
from _results import Report, arguments

from sdekit.theory import LeastSquaresFlow

SEED = 0


def seconds(function):
    begin = time.process_time()
    value = function()
    return time.process_time() - begin, value


def main():
    options = arguments(__doc__)
    report = Report("large_flow", options, SEED)
    n, p = (10_000, 60) if options.quick else (100_000, 500)
    rng = np.random.default_rng(SEED)
    sparse = scipy.sparse.random(n, p, density=0.01, random_state=rng, format="csr",
                                 data_rvs=rng.standard_normal)  # fmt: skip
    sparse = sparse * 10.0
    y = sparse @ rng.normal(size=p) / np.sqrt(p) + rng.normal(size=n)
    spent, flow = seconds(lambda: LeastSquaresFlow(sparse, y, batch_size=10, step_size=0.02))
    rows = {"n": n, "p": p, "entries": sparse.nnz, "seconds_to_read": spent}
    rows["seconds_noise_ratio"], rows["noise_ratio"] = seconds(flow.equation.noise_ratio)
    rows["seconds_limit"], limit = seconds(flow.limit_covariance)
    basis = flow.problem.basis
    inner = basis.T @ limit @ basis
    equation, rates = flow.equation, flow.problem.rates
    source = equation.source_at(0 * rates)
    balance = equation.feedback(inner) + source - (rates[:, None] + rates[None, :]) * inner
    rows["largest_residual_of_the_limit"] = np.abs(balance).max() / np.abs(source).max()
    times = np.array([0.3, 1.0, 3.0, 10.0, 30.0])
    rows["times"] = times
    rows["seconds_path"], rows["trace"] = seconds(lambda: flow.covariance_trace(times, 1e-3))
    rows["trace_of_the_limit"] = np.trace(limit)
    report.add("sparse", rows)

    dense = rng.standard_normal((n, p))
    y = dense @ rng.normal(size=p) / np.sqrt(p) + rng.normal(size=n)
    spent, flow = seconds(lambda: LeastSquaresFlow(dense, y, batch_size=10, step_size=0.005))
    identity = np.eye(p)
    cost = {"seconds_to_read": spent}
    cost["seconds_one_evaluation"], _ = seconds(lambda: flow.equation.feedback(identity))
    cost["seconds_5_sgd_steps"], _ = seconds(lambda: flow.sgd_covariance(5))
    cost["seconds_noise_ratio"], cost["noise_ratio"] = seconds(flow.equation.noise_ratio)
    cost["critical_step_size"] = flow.step_size / cost["noise_ratio"]
    report.add("dense", cost)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    report.add("peak memory in GiB", peak)

    figure, axis = plt.subplots(figsize=(6, 3.5))
    axis.plot(times, rows["trace"], "o-", label="tr Cov of the flow, exact")
    axis.axhline(rows["trace_of_the_limit"], ls=":", color="k", label="limit")
    axis.set(xscale="log", xlabel="t", title=f"sparse X, n = {n:,}, p = {p}")
    axis.legend()
    report.write(figure)


if __name__ == "__main__":
    main()
