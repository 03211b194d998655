"""Bounds of the operations: what compilers give lies within, what is wrong lies outside."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sdekit.simulation.guard.compiled_values import SLACK
from sdekit.simulation.guard.rounding import Unclaimed, rounded

ROWS = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
TABLE = np.array([0, 1, 1, 4, 2])


def logistic_regression(q):
    return jnp.sum(jax.nn.softplus(ROWS @ q) - (ROWS @ q) * (ROWS[:, 0] > 0)) + jnp.sum(q**2) / 2


def gaussian_process(q):
    x = jnp.arange(5.0, dtype=q.dtype)
    covariance = jnp.exp(-((x[:, None] - x) ** 2)) * jnp.exp(q[0]) + 1e-3 * jnp.eye(
        5, dtype=q.dtype
    )
    root = jnp.linalg.cholesky(covariance)
    white = jax.scipy.linalg.solve_triangular(root, q, lower=True)
    return jnp.sum(white**2) / 2 + jnp.sum(jnp.log(jnp.diagonal(root)))


def chaotic(q):
    """A hundred turns of the logistic map: rounding decides the result."""
    end, _ = jax.lax.scan(lambda c, _: (3.9 * c * (1 - c), None), jax.nn.sigmoid(q[0]), None, 100)
    return end + jnp.sum(q**2)


def branching(q):
    random = jax.random.uniform(jax.random.key(3), dtype=q.dtype)
    loop = jax.lax.fori_loop(0, 5, lambda i, c: c + jnp.sin(q[0] * i), jnp.zeros((), q.dtype))
    return jax.lax.cond(q[1] > random, lambda: jnp.sum(q**2), lambda: jnp.sum(q**4)) + loop


POTENTIALS = {
    "logistic regression": logistic_regression,
    "gaussian process": gaussian_process,
    "chaotic": chaotic,
    "branching": branching,
    "kink": lambda q: jnp.sum(jnp.abs(q - q[::-1])) + jnp.max(q),
    "funnel": lambda q: q[0] ** 2 / 18 + jnp.sum(q[1:] ** 2) * jnp.exp(-q[0]) / 2 + 2 * q[0],
    "gathered": lambda q: jnp.sum(q[TABLE] ** 2) + jnp.sum(jnp.cumsum(q)),
    "cancelling": lambda q: jnp.sum((1e4 + q) ** 2) - jnp.sum(1e8 + 2e4 * q),
    "special": lambda q: jnp.sum(jax.lax.lgamma(jnp.exp(q) + 1) + jax.scipy.special.log_ndtr(q)),
    "long": lambda q: jnp.sum(jnp.tile(q, 20_000) ** 2) + jnp.linalg.norm(q) ** 3,
}
#: Where rounding alone may be more than the faults below.
ILL_CONDITIONED = {
    np.float32: ("chaotic", "cancelling", "gaussian process", "long"),
    np.float64: ("chaotic",),
}
POINTS = np.array([[0.3, -1.2, 0.7, 2.1, -0.4], [0.5, 0.5, 0.5, 0.5, 0.5]])


def within(closed, arguments, found):
    """Whether numbers lie within the bounds of the operations."""
    for expected, number in zip(rounded(closed, arguments), found, strict=True):
        number = np.asarray(number)
        unit = float(jnp.finfo(number.dtype).eps) / 2
        allowed = SLACK * (expected.errors() + unit * np.abs(expected.value))
        if np.any(np.abs(number.astype(float) - expected.value) > allowed):
            return False
    return True


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("name", POTENTIALS)
def test_compiled_numbers_lie_within_the_bounds_and_wrong_ones_outside(name, dtype):
    with jax.enable_x64(dtype == np.float64):
        function = jax.value_and_grad(POTENTIALS[name])
        points = POINTS.astype(dtype)
        compiled = jax.jit(jax.vmap(function))(points)
        closed = jax.make_jaxpr(function)(points[0])
        for k, point in enumerate(points):
            value, gradient = compiled[0][k], compiled[1][k]
            assert within(closed, [point], [value, gradient])
            if k == 0 and name not in ILL_CONDITIONED[dtype]:
                # Twins: a gradient and a value that are 2 % off.
                assert not within(closed, [point], [value, gradient * 1.02])
                assert not within(closed, [point], [value * 1.02, gradient])


def test_the_bound_of_a_sum_is_its_length_times_its_size():
    numbers = np.linspace(1, 2, 1000, dtype=np.float32) * np.tile([1, -1], 500).astype(np.float32)
    (total,) = rounded(jax.make_jaxpr(jnp.sum)(numbers), [numbers])
    expected = 1000 * np.finfo(np.float32).eps / 2 * np.abs(numbers.astype(float)).sum()
    assert total.error == pytest.approx(expected, rel=1e-3)
    assert total.value == pytest.approx(numbers.astype(float).sum(), abs=1e-10)


def test_at_a_kink_the_bound_is_the_jump():
    slope = jax.make_jaxpr(
        lambda x: jnp.where(jnp.sin(x) - jnp.sin(x + 0.0 * x) * 1.0 > 0, 3.0, 1.0)
    )
    (found,) = rounded(slope(jnp.float32(0.7)), [np.float32(0.7)])
    assert found.error == pytest.approx(2.0, rel=1e-3)


def test_nothing_is_claimed_where_the_course_hangs_on_rounding():
    def function(x):
        return jax.lax.cond(jnp.sin(x) ** 2 + jnp.cos(x) ** 2 > 1, lambda: x, lambda: -x)

    with pytest.raises(Unclaimed):
        rounded(jax.make_jaxpr(function)(jnp.float32(0.3)), [np.float32(0.3)])
