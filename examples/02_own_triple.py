"""Your own triple: write it, let it be refuted, mend it, let it be proved, run it.

Somebody adds a second friction to Langevin dynamics, one that grows with the kinetic energy, and
forgets that a friction needs its noise.
"""

import numpy as np

import sdekit as sk

n = sk.dim("n")
theta, p = sk.vector("theta", n), sk.vector("p", n)
a, b = sk.parameter("a", positive=True), sk.parameter("b", positive=True)
U = sk.potential("U", theta)
friction = a + b * sk.dot(p, p)


def langevin(noise, correction):
    """Friction a + b |p|^2 with this noise and this correction of the drift."""
    return sk.Dynamics(
        drift={theta: p, p: -sk.grad(U, theta) - friction * p + correction},
        diffusion={p: noise * sk.eye(n)},
        hamiltonian=U + sk.dot(p, p) / 2,
        target=U,
        name="langevin with a growing friction",
    )


for noise, correction in ((a, 0), (friction, 0)):
    refuted = sk.verify(langevin(noise, correction)).checks["stationarity"]
    assert refuted.verdict.value == "refuted"
    print("left over:", refuted.residual, "| witness:", refuted.witness)

# Noise that reads the momentum it acts on needs its divergence, 2 b p, in the drift.
mended = langevin(friction, 2 * b * p)
print(sk.verify(mended))
assert sk.verify(mended).verdict.value == "proved"

run = sk.simulate(
    sk.sampler(
        mended, potential=lambda x: (x**2).sum() / 2, parameters={"a": 1.0, "b": 0.5}, scheme="EM"
    ),
    np.zeros(2), step_size=0.005, steps=20_000, thin=20, chains=128, seed=2, burn_in=2_000,
)  # fmt: skip
energies = (np.asarray(run.samples["p"]) ** 2).mean(axis=(1, 2))
mean, error = energies.mean(), energies.std(ddof=1) / np.sqrt(len(energies))
print(f"<p^2> = {mean:.4f} +- {error:.4f}, exactly 1 at step size zero")
assert abs(mean - 1) < 4.5 * error + 0.02
