"""The thermostat finds the friction that matches noise nobody told it about.

The double well of Ding et al. 2014, figure 1: noise of level 1 on the momentum, a thermostat that
starts there, and the density of the well. First the proof, then the run.
"""

import numpy as np

import sdekit as sk
from sdekit.catalog.targets import DOUBLE_WELL

sgnht = sk.catalog.get("sgnht")
proof = sk.verify(sgnht)
assert proof.verdict.value == "proved" and proof.scope == "all n"

sampler = sk.sampler(
    sgnht, potential=DOUBLE_WELL.potential, parameters={"A": 1.0, "mu": 1.0}, scheme="BADODAB"
)
run = sk.simulate(
    sampler, np.zeros(1), step_size=0.05, steps=20_000, thin=10, chains=256, seed=1, burn_in=2_000
)
theta = np.asarray(run.samples["theta"])[..., 0]

# Chains are independent, so their means tell the standard error of the mean of all.
left = (theta < DOUBLE_WELL.barrier).mean(axis=1)
mass, error = left.mean(), left.std(ddof=1) / np.sqrt(len(left))
print(f"left well: {mass:.4f} +- {error:.4f}, exactly {DOUBLE_WELL.left_mass:.4f}")
assert abs(mass - DOUBLE_WELL.left_mass) < 4.5 * error
