"""Discrepancies against closed forms, and their power."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdekit.diagnostics import discrepancy as d
from sdekit.errors import DataError

DRAWS = np.random.default_rng(0).normal(size=2_000)


def normal_potential(x):
    return jnp.sum(x**2) / 2


def normal_density(x):
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def test_one_point_at_the_mode_has_discrepancy_one():
    """q = 1, scores vanish: KSD^2 = -2 beta d = 1."""
    assert d.kernel_stein_discrepancy(np.zeros((1, 1)), normal_potential) == pytest.approx(1.0)


def test_the_stein_kernel_is_the_stein_operator_applied_twice():
    def kernel(x, y):
        return (0.7**2 + jnp.sum((x - y) ** 2)) ** -0.5

    def by_differentiation(x, y):
        s, t = -jax.grad(quartic)(x), -jax.grad(quartic)(y)
        mixed = jax.jacfwd(jax.grad(kernel, 0), 1)(x, y)
        return (
            s @ t * kernel(x, y)
            + s @ jax.grad(kernel, 1)(x, y)
            + t @ jax.grad(kernel, 0)(x, y)
            + jnp.trace(mixed)
        )

    def quartic(x):
        return jnp.sum(x**4) + x[0] * x[1]

    points = np.random.default_rng(1).normal(size=(3, 2))
    each = jax.jit(jax.vmap(jax.vmap(by_differentiation, (None, 0)), (0, None)))
    pairs = each(points, points)
    found = d.kernel_stein_discrepancy(points, quartic, scale=0.7, rows=2)
    assert found == pytest.approx(float(np.sqrt(np.mean(pairs))), rel=1e-4)


def test_draws_of_another_law_have_a_larger_stein_discrepancy():
    """For exact draws N KSD^2 has mean E k(x,x) = 2 (d = 1, c = 1), so KSD is near 0.03."""
    exact = d.kernel_stein_discrepancy(DRAWS[:, None], normal_potential)
    assert exact < 3 * np.sqrt(2 / len(DRAWS))
    assert d.kernel_stein_discrepancy(DRAWS[:, None] + 0.3, normal_potential) > 5 * exact


def test_density_error_is_that_of_a_binomial_histogram():
    """Each bin has variance p (1 - p) / (N w^2); their root mean is the expected error."""
    edges = np.linspace(-3, 3, 31)
    p = normal_density((edges[1:] + edges[:-1]) / 2) * 0.2
    expected = np.sqrt(np.mean(p * (1 - p)) / len(DRAWS)) / 0.2
    assert d.density_rmse(DRAWS, normal_density, -3, 3, 30) == pytest.approx(expected, rel=0.4)
    assert d.density_rmse(DRAWS + 0.6, normal_density, -3, 3, 30) > 4 * expected


def test_wasserstein_of_a_shift_is_the_shift():
    assert d.wasserstein_1(DRAWS, DRAWS + 0.25) == pytest.approx(0.25)
    near = d.wasserstein_1_to_density(DRAWS, normal_density, -8, 8)
    far = d.wasserstein_1_to_density(DRAWS + 1.0, normal_density, -8, 8)
    assert near < 3 * 0.8 / np.sqrt(len(DRAWS))
    assert far == pytest.approx(1.0 + DRAWS.mean(), abs=near)


def test_quantiles_of_the_law_are_at_distance_of_half_a_gap():
    """Midpoint quantiles of the uniform law: W1 = 1 / (4 N)."""
    quantiles = (np.arange(50) + 0.5) / 50
    found = d.wasserstein_1_to_density(quantiles, np.ones_like, 0.0, 1.0)
    assert found == pytest.approx(1 / 200, rel=1e-2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: d.wasserstein_1([], [1.0]), "needs finite draws"),
        (lambda: d.density_rmse(DRAWS, normal_density, 1.0, 0.0), "interval of the density"),
        (lambda: d.kernel_stein_discrepancy([np.nan], normal_potential), "finite numbers"),
        (
            lambda: d.kernel_stein_discrepancy(np.zeros((2, 1)), lambda x: jnp.sum(jnp.sqrt(x))),
            "gradient of U is not finite",
        ),
    ],
)
def test_unusable_input_is_refused(call, message):
    with pytest.raises(DataError, match=message):
        call()
