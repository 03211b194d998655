"""A model file: read, proved for all n, expanded at n = 2, run, and mistaken on purpose."""

from pathlib import Path

import numpy as np

import sdekit as sk
from sdekit.kernels.kernel_file import loads

path = Path(__file__).with_suffix(".toml")
model = sk.load(path)
print(model)
print(sk.verify(model))
assert sk.verify(model).verdict.value == "proved"
assert loads(model.to_toml()) == model

components = model.at(n=2)
print("at n = 2:", dict(zip(components.coordinates, components.drift, strict=True)))

mistaken = loads(path.read_text().replace("(dot(p, p) - n)/mu", "(dot(p, p) - n)/2"))
refuted = sk.verify(mistaken).checks["stationarity"]
print("with /2 for /mu:", refuted.residual, "at", refuted.witness)
assert refuted.verdict.value == "refuted"

sampler = sk.sampler(
    model,
    potential=lambda theta: (theta**2).sum() / 2,
    parameters={"A": 1.0, "gamma": 1.0, "mu": 2.0},
)
run = sk.simulate(
    sampler, np.zeros(2), step_size=0.1, steps=10_000, thin=10, chains=64, seed=4, burn_in=1_000
)
xi = np.asarray(run.samples["xi"])
means = xi.mean(axis=1)
mean, error = means.mean(), means.std(ddof=1) / np.sqrt(len(means))
print(f"<xi> = {mean:.4f} +- {error:.4f}, exactly A = 1 at step size zero")
assert abs(mean - 1) < 4.5 * error + 0.01
