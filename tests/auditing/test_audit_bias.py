"""The moments of an audit's chains at finite steps: exact ones, and the bound of what is left."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.auditing.audit import _LARGEST
from sdekit.auditing.audit_chains import WINDOWS, pairs, run_chains
from sdekit.auditing.audit_checks import declared_coefficients, step_map
from sdekit.auditing.audit_law import Gaussian
from sdekit.auditing.audit_moments import Budget
from sdekit.auditing.audit_result import FLOOR
from sdekit.auditing.implied_coefficients import RATIOS as ONE_STEP
from sdekit.auditing.implied_coefficients import extrapolated

x = sk.scalar("x")
ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)


def euler(key, state, h):
    return {"x": state["x"] * (1 - h) + jnp.sqrt(2 * h) * jax.random.normal(key)}


def test_pairs_are_counted_once():
    rows, columns = pairs(3)
    assert list(zip(rows, columns, strict=True)) == [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]


#: Exact stationary variance of Euler-Maruyama for dx = -x dt + sqrt(2) dW at step size h.
def euler_variance(h):
    return 1 / (1 - h / 2)


@functools.cache
def chain_variance(step_size):
    declared = declared_coefficients(ou, {}, None, None, {}, {})
    step = step_map(euler, declared, None, None, np.zeros(1, dtype=np.float32))
    law = Gaussian(np.zeros(1), np.eye(1), "exp(-H)")
    squares = run_chains(step, law, np.array([step_size]), 8192, 0).window[0, :, 1]
    return squares.mean(), squares.std() / np.sqrt(len(squares))


def test_chains_have_the_variance_of_their_own_scheme():
    """After half a run, ten time units, what is left of the start is below e^-20 of the bias."""
    value, error = chain_variance(0.16)
    assert abs(value - euler_variance(0.16)) < 4.5 * error


def test_the_variance_of_chains_has_power():
    """Twin: the SDE's variance, 8 % off at this step size, is near 10 standard errors away."""
    value, error = chain_variance(0.16)
    assert abs(value - 1) > 7 * error


#: Step maps M and noise covariances N of schemes for Langevin dynamics with U = K theta^2 / 2, as
#: words of kicks B, drifts A and exact friction O, or explicit Euler.
WORDS = ("BAOAB", "OBABO", "ABOBA", "OBA", "BAO", "OAB", "Euler")
RATIOS = np.array([1.0, 4.0, 16.0])
GRID = np.array([(K, g) for K in np.geomspace(0.01, 1000, 24) for g in np.geomspace(0.05, 100, 12)])


def letter(name, h, K, g):
    M, N = np.eye(2), np.zeros((2, 2))
    if name == "B":
        M[1, 0] = -h * K
    elif name == "A":
        M[0, 1] = h
    else:
        M[1, 1] = np.exp(-g * h)
        N[1, 1] = 1 - M[1, 1] ** 2
    return M, N


def step_of(word, h, K, g):
    if word == "Euler":
        return np.array([[1, h], [-h * K, 1 - h * g]]), np.diag([0, 2 * g * h])
    M, N = np.eye(2), np.zeros((2, 2))
    for name in word:
        part, noise = letter(name, h / word.count(name), K, g)
        M, N = part @ M, part @ N @ part.T + noise
    return M, N


def sizes_of(K, g):
    """The step sizes that an audit with the step size 0.01 chooses."""
    rate = np.abs(np.linalg.eigvals([[0, 1], [-K, -g]])).max()
    return Budget.of(8192, 0.01, float(rate), exact=False).sizes


@functools.cache
def exact_windows(word):
    """Exact window averages of u u^T from the law on, shape (step sizes, parameters, 2, 2)."""
    scale = np.stack([1 / np.sqrt(GRID[:, 0]), np.ones(len(GRID))], axis=1)
    units, found = scale[:, :, None] * scale[:, None, :], []
    for place, stride in enumerate((16, 4, 1)):
        maps = [step_of(word, sizes_of(*v)[place], *v) for v in GRID]
        M, N = (np.array(part) for part in zip(*maps, strict=True))
        covariance, total = units * np.eye(2), np.zeros_like(units)
        for index in range(WINDOWS * stride):
            covariance = M @ covariance @ np.swapaxes(M, 1, 2) + N
            if (index + 1) % stride == 0 and index >= WINDOWS // 2 * stride:
                total += covariance
        found.append(total / (WINDOWS // 2) / units)
    return np.stack(found)


@pytest.mark.parametrize("word", WORDS)
def test_the_bias_bound_holds_for_right_schemes(word):
    """Without sampling, stiffness over five decades and friction over three."""
    value, bound = extrapolated(exact_windows(word), RATIOS)
    assert (np.abs(value - np.eye(2)) <= bound + FLOOR).all()


def test_without_the_bound_right_schemes_would_raise_alarms():
    """Twin: extrapolated moments alone are off by more than the floor of what is judged."""
    value, _ = extrapolated(exact_windows("OAB"), RATIOS)
    assert np.abs(value - np.eye(2)).max() > 2 * FLOOR


def one_step_excess(word, times):
    """How far the implied drift and diffusion are beyond their bounds, in units of the scale."""
    normals = np.random.default_rng(0).standard_normal((2, 12))
    worst = 0.0
    for K, g in GRID:
        drift = np.array([[0, 1], [-K, -g]])
        sizes = times / np.abs(np.linalg.eigvals(drift)).max() * ONE_STEP
        maps = [step_of(word, h, K, g) for h in sizes]
        values = [(M - np.eye(2)) @ normals / h for (M, _), h in zip(maps, sizes, strict=True)]
        noises = [N / (2 * h) for (_, N), h in zip(maps, sizes, strict=True)]
        expected = drift @ normals
        scale = np.abs(expected).max(axis=1, keepdims=True)
        value, bound = extrapolated(np.stack(values), ONE_STEP)
        worst = max(worst, ((np.abs(value - expected) - bound) / scale).max())
        value, bound = extrapolated(np.stack(noises), ONE_STEP)
        worst = max(worst, (np.abs(value - np.diag([0, g])) - bound).max() / g)
    return worst


@pytest.mark.parametrize("word", WORDS)
def test_the_bias_bound_of_one_step_holds_up_to_the_largest_step(word):
    assert one_step_excess(word, _LARGEST) <= FLOOR


def test_beyond_the_largest_step_the_bound_of_one_step_fails():
    """Twin: at 0.4 fastest times, where right steps were called wrong."""
    assert one_step_excess("BAOAB", 0.4) > 2 * FLOOR
