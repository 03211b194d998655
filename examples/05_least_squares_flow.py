"""The implicit regularization of SGD: the slides' example, n = 100, p = 10, minibatches of 10.

SGD for least squares is a diffusion around gradient flow, and gradient flow at time t is nearly
ridge at penalty 1/t. Risks below are exact over the noise of the data and over the minibatches.
"""

import matplotlib
import numpy as np

from sdekit.theory import LeastSquaresFlow, Risks, excess_risks
from sdekit.theory.least_squares.paths import simulate

matplotlib.use("Agg")
import matplotlib.pyplot as plt

rng = np.random.default_rng(0)
n, p = 100, 10
X, signal = rng.normal(size=(n, p)), rng.normal(size=p) / np.sqrt(p)
y = X @ signal + rng.normal(size=n)

# d beta = X^T (y - X beta)/n dt + Q(beta)^(1/2) dW, with the noise of SGD; declared, and printed.
flow = LeastSquaresFlow(X, y, batch_size=10, step_size=0.05)
print(flow.to_dynamics())

# Its mean is gradient flow; its covariance solves a closed linear equation.
times = np.geomspace(0.05, 20, 40)
exact = flow.covariance_trace(times)

# Simulation beside theory: 2000 paths of SGD after 100 steps, against its own exact moments.
sgd = simulate(flow, "sgd", steps=100, paths=2000, seed=1)
trace, error = sgd.trace()
z = (trace[0] - np.trace(flow.sgd_covariance(100))) / error[0]
print(f"tr Cov of SGD: {trace[0]:.5f} +- {error[0]:.5f}, z = {z:.2f}")
assert abs(z) < 4.5

# Risk of the flow, of ridge at 1/t, and the theorem between them with all its constants.
risks = Risks(flow, signal, noise_variance=1.0)
sides = excess_risks(risks, times, sharp=True)
assert all(side.excess <= side.bound for side in sides)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
left.plot(times, [side.flow.total for side in sides], label="stochastic gradient flow")
left.plot(times, [risks.gradient_flow(t).total for t in times], "--", label="gradient flow")
left.plot(times, [side.ridge.total for side in sides], ":", label="ridge, penalty 1/t")
right.plot(times, [side.excess for side in sides], label="excess risk over ridge")
right.plot(times, [side.bound for side in sides], label="bound")
right.plot(times, exact, ":", label="tr Cov for this y")
for axis in (left, right):
    axis.set(xscale="log", xlabel="t", ylabel="estimation risk")
    axis.legend()
figure.savefig("least_squares_flow.svg")

best_flow, best_ridge = (min(getattr(side, k).total for side in sides) for k in ("flow", "ridge"))
print(f"best risk: flow {best_flow:.4f}, ridge {best_ridge:.4f}: the price of minibatches of 10")
assert best_ridge < best_flow < best_ridge + max(side.bound for side in sides)
