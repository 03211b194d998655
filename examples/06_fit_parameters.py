"""Parameters of an SDE from its path, with standard errors: maximum likelihood.

Drift and noise of a declaration are JAX functions of traced parameters, and so is the likelihood of
a path. The data is observed at every step of Euler-Maruyama, whose increments are Gaussian.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.optimize import minimize

import sdekit as sk

jax.config.update("jax_enable_x64", True)
H, STEPS = 0.01, 20_000
x, y = sk.scalar("x"), sk.scalar("y")
a, b, c, s = (sk.parameter(name, positive=True) for name in "abcs")
MODELS = {
    "Ornstein-Uhlenbeck": ({x: a * (b - x)}, {x: s}),
    "Cox-Ingersoll-Ross": ({x: a * (b - x)}, {x: s * sk.sqrt(x)}),
    "Lotka-Volterra": ({x: a * x - b * x * y, y: b * x * y - c * y}, {x: s * x, y: s * y}),
}
TRUTH = {"a": 1.0, "b": 0.8, "c": 0.7, "s": 0.1}


def likelihood_of(dynamics, names, start, path):
    """Minus the logarithm of the likelihood, by step, of the logarithms of the parameters."""

    def value(logs):
        parameters = dict(zip(names, jnp.exp(logs), strict=True))
        given = sk.to_diffrax(dynamics, start, t1=1.0, parameters=parameters, precision="float64")

        def of_step(before, after):
            spread = given.diffusion(0.0, before, None).diagonal
            z = (after - before - H * given.drift(0.0, before, None)) / (spread * jnp.sqrt(H))
            return jnp.sum(z**2 / 2 + jnp.log(spread))

        return jnp.mean(jax.vmap(of_step)(path[:-1], path[1:]))

    return value


for title, (drift, noise) in MODELS.items():
    dynamics = sk.Dynamics(drift=drift, noise=noise)
    names = [parameter.name for parameter in dynamics.parameters]
    start = {variable.name: 1.0 for variable in dynamics.variables}
    truth = np.array([TRUTH[name] for name in names])
    how = {"step_size": H, "steps": STEPS, "scheme": "EM", "precision": "float64", "seed": 1}
    found = sk.solve(dynamics, start, parameters=dict(zip(names, truth, strict=True)), **how)
    path = jnp.stack([found.position[name] for name in start], axis=-1)
    value = likelihood_of(dynamics, names, start, path)
    logs = minimize(value, jnp.log(1.2 * truth), method="BFGS").x
    curvature = STEPS * np.asarray(jax.jit(jax.hessian(value))(logs))
    errors = np.sqrt(np.diag(np.linalg.inv(curvature)))
    z = (np.asarray(logs) - np.log(truth)) / errors
    rows = zip(names, np.exp(logs), errors, strict=True)
    print(title, *(f"{name} = {value:.3f} ({error:.0%})" for name, value, error in rows))
    assert np.all(np.abs(z) < 4.5) and np.all(errors < 0.3), (title, z)
