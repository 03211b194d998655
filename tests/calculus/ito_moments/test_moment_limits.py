"""Limits of moments as exact expressions, and that there is none where none is."""

import pytest
import sympy as sp

import sdekit as sk
from sdekit.errors import MomentError

x, y = sk.scalar("x"), sk.scalar("y")
v = sk.scalar("v", domain="positive")
k, m, s = (sk.parameter(name, positive=True) for name in "kms")
a, b = sk.parameter("a"), sk.parameter("b")
K, M, S = sp.symbols("k m s", positive=True)


def test_cir_has_the_moments_of_its_gamma_law():
    cir = sk.Dynamics(drift={v: k * (m - v)}, noise={v: s * sk.sqrt(v)})
    found = sk.moments(cir, 3).stationary()
    assert found.conditions == ()
    assert sp.simplify(found.variance(v) - M * S**2 / (2 * K)) == 0
    shape, scale = 2 * K * M / S**2, S**2 / (2 * K)
    assert sp.simplify(found.mean(v**3) - scale**3 * shape * (shape + 1) * (shape + 2)) == 0


def test_langevin_has_equipartition_whatever_the_friction():
    oscillator = sk.Dynamics(drift={x: y, y: -m * x - a * y}, diffusion={y: a * k})
    found = sk.moments(oscillator, 2).stationary()
    assert found.variance(y) == K
    assert found.variance(x) == K / M
    assert found.covariance(x, y) == 0
    assert [str(fact) for fact in found.conditions] == ["a"]


def test_a_limit_needs_the_second_moment_to_shrink():
    noisy = sk.Dynamics(drift={x: 1 - k * x}, noise={x: s * x})
    found = sk.moments(noisy, 2).stationary()
    assert [str(fact) for fact in found.conditions] == ["2*k - s**2"]
    assert found.mean(x**2).subs({K: 1, S: 1}) == 2
    with pytest.raises(MomentError, match="no limit"):
        sk.moments(noisy, 2).stationary({"k": 1, "s": 2})


@pytest.mark.parametrize(
    "dynamics",
    [
        sk.Dynamics(drift={x: 0}, diffusion={x: 1}),
        sk.Dynamics(drift={x: k * x}, diffusion={x: 1}),
        sk.Dynamics(drift={x: y, y: -x}, diffusion={x: 1}),
        sk.Dynamics(drift={x: k * y, y: k * x}, diffusion={x: 1}),
        sk.Dynamics(drift={v: k * v}, noise={v: s * v}),
    ],
)
def test_what_grows_or_remembers_its_start_has_no_limit(dynamics):
    """Also where A is not singular, so that A m + b = 0 has a solution."""
    with pytest.raises(MomentError, match="no limit"):
        sk.moments(dynamics, 2).stationary()


def test_coefficients_in_time_have_no_limit():
    with pytest.raises(MomentError, match="depend on the time"):
        sk.moments(sk.Dynamics(drift={x: sk.sin(sk.time) - x}, diffusion={x: 1}), 1).stationary()


def test_large_symbolic_blocks_are_refused_and_their_numbers_are_not():
    coupled = sk.Dynamics(
        drift={x: y - a * x, y: -x - b * y, v: v * 0 + 1 - v}, diffusion={x: 1, y: 1, v: v}
    )
    with pytest.raises(MomentError, match="not decided"):
        sk.moments(coupled, 4).stationary()
    found = sk.moments(coupled, 4).stationary({"a": sp.Rational(1, 2), "b": 0.5})
    assert found.mean(x**4) == 12


@pytest.mark.parametrize(("name", "value"), [("q", 1), ("k", -1), ("k", 0)])
def test_wrong_values_are_refused(name, value):
    with pytest.raises(MomentError, match=r"no scalar parameter|contradicts"):
        sk.moments(sk.Dynamics(drift={x: -k * x}, diffusion={x: 1}), 1).stationary({name: value})
