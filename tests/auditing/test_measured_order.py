"""Empirical orders agree with theory within their confidence intervals."""

import jax.numpy as jnp
import pytest
import sympy as sp

import sdekit as sk
from sdekit.auditing.measured_order import empirical_order
from sdekit.errors import SimulationError

x = sk.scalar("x")
ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
#: Geometric Brownian motion: strong order 1/2 and weak order 1 of Euler-Maruyama.
geometric = sk.Dynamics(drift={x: -x}, noise={x: x})


def langevin(scheme):
    def potential(theta):
        return jnp.sum(theta**2) / 2 + jnp.sum(theta**4) / 4

    d = sk.catalog.get("langevin")
    return sk.sampler(
        d, potential=potential, parameters={"A": 1.0}, scheme=scheme, precision="float64"
    )


def first(blocks):
    """The first target coordinate: its mean moves far, with little noise between levels."""
    return jnp.ravel(blocks["x" if "x" in blocks else "theta"])[0]


def contains(found, order):
    low, high = found.interval
    return low <= order <= high and high - low < 0.5


def test_euler_has_weak_order_1():
    euler = sk.sampler(ou, scheme="EM", precision="float64")
    found = empirical_order(euler, 2.0, steps=(32, 64, 128), observable=first, paths=4_000)
    assert contains(found, 1)


def test_euler_on_multiplicative_noise_has_strong_order_one_half():
    euler = sk.sampler(geometric, scheme="EM", precision="float64")
    found = empirical_order(euler, 1.0, kind="strong", steps=(256, 512, 1024), paths=4_000)
    assert contains(found, 0.5)


def test_baoab_has_weak_order_2():
    found = empirical_order(
        langevin("BAOAB"), 2 * jnp.ones(1), steps=(6, 12, 24), observable=first, paths=60_000
    )
    assert contains(found, 2)


def test_bao_does_not_have_weak_order_2():
    """Twin: without the palindrome the order is 1."""
    found = empirical_order(
        langevin("BAO"), 2 * jnp.ones(1), steps=(6, 12, 24), observable=first, paths=20_000
    )
    assert max(found.local_slopes) < 1.5
    assert not found.is_settled or found.interval[1] < 1.5


def test_a_slope_that_drifts_with_the_step_has_no_interval():
    """E X^2 of Euler: c h (1 + b h + ...); the Monte Carlo error alone is far below the drift."""
    calm = sk.Dynamics(drift={x: -x}, diffusion={x: sp.Rational(1, 10**6)})
    euler = sk.sampler(calm, scheme="EM", precision="float64")
    found = empirical_order(euler, 1.0, steps=(8, 16, 32), paths=400)
    assert not found.is_settled
    assert not found.interval[0] <= 1 <= found.interval[1]
    assert "not settled" in str(found)
    # The local slopes go down to 1: a halving of h halves the excess.
    excess = found.local_slopes - 1
    assert excess[0] > 7 * found.slope_errors[0]
    assert abs(excess[-1] - excess[0] / 2) < 4.5 * found.slope_errors[-1] + excess[0] / 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": (8, 12, 16)}, "do not form a grid"),
        ({"steps": (8, 16)}, "do not form a grid"),
        ({"kind": "mean"}, "unknown kind of order"),
        ({"paths": 10}, "make no sense"),
        ({"time": -1.0}, "make no sense"),
    ],
)
def test_bad_arguments_get_one_clear_error(arguments, message):
    with pytest.raises(SimulationError, match=message):
        empirical_order(sk.sampler(ou, scheme="EM"), 1.0, **arguments)
