"""Bayesian logistic regression from minibatches: SGLD, SGHMC and SGNHT on one posterior.

The breast-cancer table of scikit-learn, 569 tumours with 30 measurements. The same posterior from
the command line: sdekit simulate sgnht --potential 03_breast_cancer_sgmcmc.py:posterior
"""

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_breast_cancer

import sdekit as sk

table = load_breast_cancer()
features = (table.data - table.data.mean(axis=0)) / table.data.std(axis=0)
X = np.column_stack([np.ones(len(features)), features]).astype(np.float32)
y = table.target.astype(np.float32)
held_out = np.arange(len(y)) % 4 == 0
position = jnp.zeros(X.shape[1])


def log_prior(beta):
    """Coefficients of standard deviation 1."""
    return -(beta**2).sum() / 2


def log_likelihood(beta, rows):
    """Bernoulli with the logit X beta, one number for each row of the batch."""
    x, label = rows
    logit = x @ beta
    return label * logit - jax.nn.softplus(logit)


data = (X[~held_out], y[~held_out])
posterior = sk.Minibatch(log_prior, log_likelihood, data, batch_size=64, vectorized=True)
SAMPLERS = {
    "SGLD": ("overdamped", {}, "SGLD", 2e-4),
    "SGHMC": ("langevin", {"A": 5.0}, "SGHMC", 1e-2),
    "SGNHT": ("sgnht", {"A": 5.0, "mu": 31.0}, "BADODAB", 1e-2),
}

if __name__ == "__main__":
    for name, (dynamics, parameters, scheme, step_size) in SAMPLERS.items():
        sampler = sk.sampler(sk.catalog.get(dynamics), posterior, parameters, scheme)
        run = sk.simulate(
            sampler,
            position,
            step_size=step_size,
            steps=6_000,
            thin=20,
            burn_in=2_000,
            chains=4,
            seed=3,
        )
        draws = np.asarray(run.samples["theta"]).reshape(-1, X.shape[1])
        probability = (1 / (1 + np.exp(-draws @ X[held_out].T))).mean(axis=0)
        accuracy = ((probability > 0.5) == y[held_out]).mean()
        print(f"{name}: {accuracy:.3f} of the held-out tumours classified rightly")
        assert accuracy > 0.95
