"""The flow that the catalogue declares is the one that the theory computes."""

import subprocess
import sys

import numpy as np
import pytest
import sympy as sp

import sdekit as sk
from sdekit.theory import LeastSquaresFlow
from tests.theory.least_squares.problems import euler_covariance, relative, small_flow


def substituted(components, values):
    """Numbers for the symbols X_1_2, y_1, eta, ... of a components object."""
    table = {}
    for name, value in values.items():
        array = np.asarray(value)
        for index in np.ndindex(*array.shape):
            table["_".join([name, *(str(i + 1) for i in index)])] = sp.Float(array[index], 30)
    return [(symbol, table[symbol.name]) for symbol in components.parameters]


def test_the_declared_flow_has_the_drift_and_the_noise_of_the_computed_one():
    design, y = np.array([[1.0, 2.0], [0.5, -1.0], [0.0, 1.5]]), np.array([1.0, 0.0, -2.0])
    flow = LeastSquaresFlow(design, y, batch_size=2, step_size=0.3)
    components = flow.to_dynamics().at(N=3, n=2)
    values = substituted(components, flow.parameter_values())
    beta = np.array([0.3, -0.7])
    point = [*values, *zip(components.coordinates, beta, strict=True)]
    drift = np.array([float(entry.subs(point)) for entry in components.drift])
    diffusion = np.zeros((2, 2))
    for (i, j), entry in components.diffusion.items():
        diffusion[i, j] = float(entry.subs(point))
    assert relative(drift, -flow.gradient(beta)) < 1e-12
    assert relative(2 * diffusion, flow.noise_covariance(beta)) < 1e-12
    assert flow.to_dynamics().hamiltonian is None


def test_the_pearson_law_of_one_feature_is_stationary():
    """de = -s e dt + N(0, q2 ((e - c)^2 + w^2) dt) and its law of type IV."""
    e = sk.scalar("e")
    s, q2, w = (sk.parameter(name, positive=True) for name in ("s", "q2", "w"))
    c = sk.parameter("c")
    square = (e - c) ** 2 + w**2
    power = (1 + s / q2) * sk.log(square)

    def verdict(law):
        dynamics = sk.Dynamics({e: -s * e}, {e: q2 * square / 2}, hamiltonian=law)
        return sk.verify(dynamics).checks["stationarity"].verdict

    skew = 2 * s * c / (q2 * w) * sk.atan((e - c) / w)
    assert verdict(power + skew) == "proved"
    # Twin: without the skew of a noise that is centred off the drift.
    assert verdict(power) == "refuted"


def test_the_declared_flow_runs_in_the_runner_of_every_other_dynamics():
    """Euler-Maruyama of the declared SDE, against the exact moments of that very recursion."""
    flow, chains = small_flow(n=12, step_size=0.3), 2000
    sampler = sk.sampler(flow.to_dynamics(), parameters=flow.parameter_values())
    run = sk.simulate(sampler, np.zeros(5), step_size=0.1, steps=20, thin=20, chains=chains, seed=1)
    states = np.asarray(run.samples["b"], dtype=np.float64)[:, -1]
    squares = ((states - states.mean(axis=0)) ** 2).sum(axis=1)
    error = squares.std() / np.sqrt(chains)
    assert abs(squares.mean() - np.trace(euler_covariance(flow, 0.1, 20))) < 4.5 * error
    # Twin: with half of the noise it would be far off.
    assert abs(squares.mean() - np.trace(euler_covariance(flow, 0.1, 20)) / 2) > 7 * error


def test_importing_the_theory_needs_no_jax_and_no_scipy():
    code = (
        "import sys, sdekit.theory\n"
        "from sdekit.theory.least_squares import flow, paths, risk\n"
        "sys.exit('jax' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_missing_package_is_named_with_the_extra_that_brings_it():
    code = (
        "import sys; sys.modules['optax'] = None; import sdekit.theory as t\n"
        "from sdekit.errors import MissingDependencyError\n"
        "try: t.optax_rates\n"
        "except MissingDependencyError as e:\n"
        "    sys.exit('needs optax, which' not in str(e) or not e.fix)\n"
        "sys.exit(2)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_of_the_theory_exists():
    import sdekit.theory

    for name in sdekit.theory.__all__:
        assert getattr(sdekit.theory, name) is not None
    assert set(dir(sdekit.theory)) == set(sdekit.theory.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = sdekit.theory.Nonsense
