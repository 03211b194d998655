"""Draws from a density, with a stated bias and a verdict: the eight schools (Rubin 1981).

Tell the effects as mu + tau z. Told as effects with their own law N(mu, tau) the same posterior is
a funnel in log tau, and the verdict says so instead of "converged".
"""

import jax.numpy as jnp
import numpy as np

import sdekit as sk
from sdekit.diagnostics import mean_estimate

Y = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
SIGMA = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])


def minus_log_density(v):
    """z ~ N(0, 1), mu ~ N(0, 5), tau ~ half-Cauchy(0, 5), y ~ N(mu + tau z, sigma)."""
    misfit = jnp.sum(((Y - v["mu"] - v["tau"] * v["z"]) / SIGMA) ** 2) / 2
    prior = jnp.sum(v["z"] ** 2) / 2 + v["mu"] ** 2 / 50 + jnp.log1p((v["tau"] / 5) ** 2)
    return misfit + prior


start = {"z": np.zeros(8), "mu": 0.0, "tau": 3.0}
run = sk.sample(minus_log_density, start, domains={"tau": "positive"}, seed=1)
print(run.tuned, run, sep="\n")
mu = mean_estimate(run.samples["mu"])
print("mean of mu:", mu)
# 10,000 reference draws of posteriordb have 4.41, with an error of 0.033.
assert run.verdict == "converged"
assert abs(mu.value - 4.41) < 4.5 * np.hypot(mu.standard_error, 0.033)
