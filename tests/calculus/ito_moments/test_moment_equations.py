"""Moment equations against closed forms that are written here, and what is refused."""

import numpy as np
import pytest
import sympy as sp

import sdekit as sk
from sdekit.errors import MomentError, SimulationError

x, y = sk.scalar("x"), sk.scalar("y")
v = sk.scalar("v", domain="positive")
k, m, s = (sk.parameter(name, positive=True) for name in "kms")
r = sk.parameter("r")
OU = sk.Dynamics(drift={x: -k * (x - r)}, noise={x: s})
CIR = sk.Dynamics(drift={v: k * (m - v)}, noise={v: s * sk.sqrt(v)})
T = 0.7
#: Rounding of some ten operations on numbers of the size of the result.
CLOSE = 1e-12


def is_close(found, exact):
    return bool(np.all(np.abs(found - exact) <= CLOSE * np.abs(exact)))


def test_ou_has_its_mean_variance_and_fourth_moment():
    found = sk.moments(OU, 4).solve(T, 2.0, {"k": 1.5, "r": 0.5, "s": 0.8})
    mean = 0.5 + 1.5 * np.exp(-1.5 * T)
    variance = 0.64 * (1 - np.exp(-3 * T)) / 3
    assert is_close(found.mean(x), mean)
    assert is_close(found.variance(x), variance)
    assert is_close(found.mean(x**4), mean**4 + 6 * mean**2 * variance + 3 * variance**2)


def test_a_variance_off_by_a_millionth_is_told_apart():
    """Twin."""
    found = sk.moments(OU, 2).solve(T, 2.0, {"k": 1.5, "r": 0.5, "s": 0.8})
    assert not is_close(found.variance(x), 0.64 * (1 - np.exp(-3 * T)) / 3 * (1 + 1e-6))


@pytest.mark.parametrize(("interpretation", "rate"), [("ito", 0.3), ("stratonovich", 0.3 + 0.125)])
def test_geometric_brownian_motion_grows_by_its_interpretation(interpretation, rate):
    gbm = sk.Dynamics(drift={v: r * v}, noise={v: s * v}, interpretation=interpretation)
    found = sk.moments(gbm, 2).solve([0.0, T], {"v": 2.0}, {"r": 0.3, "s": 0.5})
    assert is_close(found.mean(v), 2.0 * np.exp(rate * np.array([0.0, T])))
    assert is_close(found.mean(v**2), 4.0 * np.exp((2 * rate + 0.25) * np.array([0.0, T])))


def test_cir_has_its_variance():
    found = sk.moments(CIR, 2).solve(T, {v: 0.1}, {"k": 2.0, "m": 0.4, "s": 0.3})
    decay = np.exp(-2 * T)
    exact = 0.1 * 0.09 / 2 * (decay - decay**2) + 0.4 * 0.09 / 4 * (1 - decay) ** 2
    assert is_close(found.variance("v"), exact)
    assert sk.moments(CIR, 2).conditions == ()


def test_vectors_have_the_moments_of_the_linear_sde():
    n = sk.dim("n")
    z, A = sk.vector("z", n), sk.parameter("A", n, n)
    flow = sk.Dynamics(drift={z: -(A @ z) + sk.ones(n)}, diffusion={z: 2})
    matrix = np.array([[1.0, 0.5, 0.0], [-0.5, 2.0, 0.3], [0.1, 0.0, 0.7]])
    start = np.array([1.0, -2.0, 0.5])
    found = sk.moments(flow, 2, sizes={"n": 3}).solve(T, start, {"A": matrix})
    law = sk.linear_sde(flow, {"A": matrix}, {"n": 3})
    names = ["z_1", "z_2", "z_3"]
    np.testing.assert_allclose([found.mean(a) for a in names], law.mean(T, start), rtol=1e-11)
    covariance = [[found.covariance(a, b) for b in names] for a in names]
    np.testing.assert_allclose(covariance, law.covariance(T), rtol=1e-10, atol=1e-12)


def test_an_active_particle_has_its_squared_displacement():
    theta = sk.scalar("theta", domain="circle")
    active = sk.Dynamics(
        drift={x: r * sk.cos(theta), y: r * sk.sin(theta), theta: 0},
        diffusion={x: s, y: s, theta: k},
    )
    found = sk.moments(active, 2).solve(
        T, {"x": 0, "y": 0, "theta": 0.4}, {"r": 3.0, "s": 0.1, "k": 2.0}
    )
    exact = 4 * 0.1 * T + 2 * 9 / 4 * (2 * T - 1 + np.exp(-2 * T))
    assert is_close(found.mean(x**2 + y**2), exact)
    assert is_close(found.mean(sk.sin(theta)), np.sin(0.4) * np.exp(-2 * T))


def test_a_circle_of_any_period_has_its_own_waves():
    angle = sk.scalar("angle", domain={"circle": 1})
    turning = sk.Dynamics(drift={angle: r}, diffusion={angle: k})
    found = sk.moments(turning, 2).solve(T, 0.2, {"r": 0.5, "k": 0.01})
    wave = np.cos(2 * np.pi * (0.2 + 0.5 * T)) * np.exp(-4 * np.pi**2 * 0.01 * T)
    assert is_close(found.mean(sk.cos(2 * sk.pi * angle)), wave)


def test_sines_of_differences_are_waves_of_each():
    locked = sk.Dynamics(drift={x: sk.sin(2 * x - y), y: 0}, diffusion={x: 1, y: k})
    with pytest.raises(MomentError, match="do not close"):
        sk.moments(locked, 1)
    found = sk.moments(locked, 1, of=[y, sk.sin(y)])
    assert str(found).splitlines() == ["dE[y]/dt = 0", "dE[sin(y)]/dt = -E[sin(y)]*k"]


def test_coefficients_may_depend_on_the_time():
    pulsed = sk.Dynamics(drift={x: sk.cos(sk.time) - x}, noise={x: sk.sqrt(sk.time)})
    found = sk.moments(pulsed, 2).solve([1.0, 1.0, 2.0], 3.0, t0=1.0)
    late = (np.cos(2) + np.sin(2)) / 2 + (3 - (np.cos(1) + np.sin(1)) / 2) * np.exp(-1)
    np.testing.assert_allclose(found.mean(x), [3.0, 3.0, late], rtol=1e-8)
    # The integral of e^{-2 (2 - t)} t from 1 to 2.
    np.testing.assert_allclose(found.variance(x)[2], 3 / 4 - np.exp(-2) / 4, rtol=1e-8)


def test_a_short_pulse_is_not_stepped_over():
    kicked = sk.Dynamics(drift={x: sk.exp(-(((sk.time - 50) * 10) ** 2))}, diffusion={x: 1})
    found = sk.moments(kicked, 1).solve(100.0, 0.0)
    np.testing.assert_allclose(found.mean(x), np.sqrt(np.pi) / 10, rtol=1e-7)


def test_other_variables_may_be_asked_for_alone():
    price = sk.scalar("S", domain="positive")
    heston = sk.Dynamics(
        drift={price: r * price, v: k * (m - v)},
        diffusion={price: v * price**2 / 2, v: s**2 * v / 2},
    )
    assert list(map(str, sk.moments(heston, 2, of=[v]).monomials)) == ["v", "v**2"]
    with pytest.raises(MomentError, match=r"E\[S\*\*2\] holds E\[S\*\*2\*v\]"):
        sk.moments(heston, 2)


def test_what_is_no_martingale_by_growth_is_said():
    """dX = X^2 dW has a mean that falls, though L x = 0."""
    found = sk.moments(sk.Dynamics(drift={x: 0}, noise={x: x**2}), 1)
    assert found.conditions == ("the stochastic integrals are martingales (D of x grows too fast)",)
    assert found.conditions[0] in str(found)


def test_growth_is_weighed_by_variable():
    """Twin: y grows like x squared, and all moments are finite."""
    assert sk.moments(sk.Dynamics(drift={x: 0}, noise={x: sk.sqrt(x**2 + 1)}), 2).conditions == ()
    fed = sk.Dynamics(drift={x: -x, y: x**2 - y}, noise={x: [s, 0], y: [0, x]})
    assert sk.moments(fed, 2).conditions == ()


@pytest.mark.parametrize(
    ("dynamics", "message"),
    [
        (sk.Dynamics(drift={x: -(x**3)}, diffusion={x: 1}), r"of E\[x\] holds E\[x\*\*3\]"),
        (sk.Dynamics(drift={x: -sk.sqrt(1 + x**2)}, diffusion={x: 1}), "sqrt.*in the drift of x"),
        (sk.Dynamics(drift={x: -k / x}, diffusion={x: 1}), "in the drift of x"),
        (sk.Dynamics(drift={x: -sk.grad(sk.potential("U", x), x)}, diffusion={x: 1}), "Derivative"),
        (sk.Dynamics(drift={v: -v}, diffusion={v: 1}), "v is reflected at 0"),
        (sk.Dynamics(drift={v: -k}, diffusion={v: v}), "driven out of its domain at 0"),
    ],
)  # fmt: skip
def test_what_has_no_equations_is_refused(dynamics, message):
    with pytest.raises(MomentError, match=message):
        sk.moments(dynamics, 1)


ANGLE = sk.scalar("phi", domain="circle")


@pytest.mark.parametrize(
    ("drift", "diffusion", "message"),
    [
        # Pushed along D n, turned as a momentum, and an angle that jumps at the cut.
        ({v: -v, x: -x}, {v: 1, x: 1, (v, x): x * 0 + k}, "moved where v meets its end 0"),
        ({v: x, x: -x}, {x: 1}, "a momentum, which turns"),
        ({ANGLE: 0 * ANGLE, x: ANGLE - x}, {ANGLE: 1}, "phi in the drift of x"),
    ],
)
def test_what_a_boundary_does_to_others_is_no_moment(drift, diffusion, message):
    with pytest.raises(MomentError, match=message):
        sk.moments(sk.Dynamics(drift, diffusion), 1, of=[x])


def test_what_a_boundary_leaves_alone_has_its_moments():
    """Twin: no coupling, a position whose neighbour is positive, and a wave of the angle."""
    w = sk.scalar("w", domain="positive")
    for drift, diffusion in (
        ({v: -v, x: -x}, {v: 1, x: 1}),
        ({w: v - w, v: 1 - v, x: -x}, {v: v, x: 1}),
        ({ANGLE: 0 * ANGLE, x: sk.cos(ANGLE) - x}, {ANGLE: 1}),
    ):
        assert sk.moments(sk.Dynamics(drift, diffusion), 1, of=[x]).conditions == ()


def test_an_end_that_depends_on_a_parameter_is_a_condition():
    found = sk.moments(sk.Dynamics(drift={v: r - v}, diffusion={v: v}), 1)
    assert found.conditions == ("r >= 0 (the drift points inwards at v = 0)",)


@pytest.mark.parametrize("order", [0, True, 1.5, -2])
def test_an_order_is_a_positive_integer(order):
    with pytest.raises(MomentError, match="positive integer"):
        sk.moments(OU, order)


def test_too_many_moments_are_refused_at_once():
    n = sk.dim("n")
    z = sk.vector("z", n)
    with pytest.raises(MomentError, match="too many"):
        sk.moments(sk.Dynamics(drift={z: -z}, diffusion={z: 1}), 6, sizes={"n": 40})


VALUES = {"k": 1.0, "r": 0.0, "s": 1.0}


@pytest.mark.parametrize(
    ("t", "start", "parameters", "message"),
    [
        (1.0, 0.0, {"k": 1.0, "r": 0.0}, "parameter s has no value"),
        (1.0, 0.0, {**VALUES, "q": 1.0}, "unknown parameter q"),
        (1.0, 0.0, {**VALUES, "k": -1.0}, "contradicts its declaration"),
        (1.0, 0.0, {**VALUES, "r": np.nan}, "not finite"),
        (1.0, [0.0], VALUES, "wrong shape"),
        (1.0, "here", VALUES, "no number"),
        (1.0, {"y": 0.0}, VALUES, "no variable y"),
        (1.0, {}, VALUES, "x has no start"),
        (-1.0, 0.0, VALUES, "do not ascend"),
        ([2.0, 1.0], 0.0, VALUES, "do not ascend"),
        (np.inf, 0.0, VALUES, "do not ascend"),
    ],
)
def test_wrong_numbers_are_refused(t, start, parameters, message):
    with pytest.raises(SimulationError, match=message):
        sk.moments(OU, 1).solve(t, start, parameters)


def test_a_start_outside_the_domain_is_refused():
    with pytest.raises(SimulationError, match="outside its domain"):
        sk.moments(CIR, 1).solve(1.0, -0.1, {"k": 1.0, "m": 1.0, "s": 1.0})


def test_a_correlation_beyond_one_is_no_noise():
    pair = sk.Dynamics(drift={x: -x, y: -y}, diffusion={x: 1, y: 1, (x, y): r})
    sk.moments(pair, 2).solve(1.0, {"x": 0, "y": 0}, {"r": 1.0})
    with pytest.raises(SimulationError, match="not positive semidefinite"):
        sk.moments(pair, 2).solve(1.0, {"x": 0, "y": 0}, {"r": 1.1})


def test_growth_beyond_the_numbers_is_an_error():
    growing = sk.Dynamics(drift={x: x}, diffusion={x: 1})
    with pytest.raises(SimulationError, match="beyond the numbers"):
        sk.moments(growing, 2).solve(1000.0, 1.0)


def test_a_moment_that_was_not_asked_for_is_named():
    with pytest.raises(MomentError, match=r"x\*\*3 is not among"):
        sk.moments(OU, 2).solve(1.0, 0.0, VALUES).mean(x**3)


def test_a_pole_in_time_is_not_stepped_over():
    bridge = sk.Dynamics(drift={x: (1 - x) / (1 - sk.time)}, diffusion={x: sp.Rational(1, 2)})
    found = sk.moments(bridge, 2).solve([0.5, 0.9], 0.0)
    np.testing.assert_allclose(found.mean(x), [0.5, 0.9], rtol=1e-9)
    np.testing.assert_allclose(found.variance(x), [0.25, 0.09], rtol=1e-7)
    for late in (1.0, 1.5):
        with pytest.raises(SimulationError, match="pole in time"):
            sk.moments(bridge, 2).solve(late, 0.0)
