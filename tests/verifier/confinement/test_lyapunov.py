"""Lyapunov functions |z|^2 and H + |z|^2."""

import pytest

import sdekit as sk
from sdekit.verifier.confinement.lyapunov import (
    by_energy_and_square,
    by_square,
    by_terms,
    is_above_minus_square,
)
from sdekit.verifier.question import Problem

n = sk.dim("n")
x, y, p = sk.scalar("x"), sk.scalar("y"), sk.scalar("p")
t, q = sk.vector("t", n), sk.vector("q", n)
r = sk.scalar("r", domain="positive")
phi = sk.scalar("phi", domain="circle")
H = x**2 / 2


def found(drift, diffusion, energy):
    problem = Problem(sk.Dynamics(drift, diffusion, hamiltonian=energy).ito())
    rules = (by_square, by_energy_and_square, by_terms)
    return next((check for check in (rule(problem) for rule in rules) if check), None)


def test_a_drift_that_points_inwards_is_bounded_by_the_square():
    assert found({t: -(t**3) + t}, {t: 1}, sk.dot(t, t)) is not None
    assert found({r: 1 - r**2}, {r: r}, r) is not None


@pytest.mark.parametrize("drift", [x**3, sk.exp(x), -(x**2), 1 / x])
def test_other_drifts_are_not(drift):
    """Twin: these reach infinity, or a pole, from some start."""
    assert found({x: drift}, {x: 1}, H) is None


def test_a_form_in_scalar_products_that_falls_is_no_danger():
    """Two particles moved along their difference d: L (|t|^2 + |q|^2) holds -(d.t)^2 - (d.q)^2."""
    d = t - q
    pull = {t: -sk.dot(d, t) * d + d, q: -sk.dot(d, q) * d - d}
    energy = sk.dot(t, t) / 2 + sk.dot(q, q) / 2
    assert found(pull, {}, energy) is not None
    # Twin: one of the two squares with the other sign.
    push = {t: -sk.dot(d, t) * d + d, q: sk.dot(d, q) * d - d}
    assert found(push, {}, energy) is None


def test_langevin_needs_a_potential_that_is_bounded_below_only():
    U = sk.sin(t @ sk.ones(n)) + sk.log(1 + sk.dot(t, t))
    kinetic = sk.dot(q, q) / 2
    assert found({t: q, q: -sk.grad(U, t) - q}, {q: 1}, U + kinetic) is not None
    steep = sk.dot(t, t) ** 2 - sk.dot(t, t) ** 3
    assert found({t: q, q: -sk.grad(steep, t) - q}, {q: 1}, steep + kinetic) is None


def test_a_circle_that_is_driven_by_a_pole_is_left_open():
    assert found({r: 1 - r, phi: 1 / r}, {r: r}, r) is None
    assert found({r: 1 - r, phi: r}, {r: r}, r) is not None


def test_noise_that_couples_a_wall_to_a_line_is_left_open():
    """Reflection along D n then moves the line as well."""
    assert found({r: -r, x: -x}, {r: 2, x: 2}, H) is not None
    assert found({r: -r, x: -x}, {r: 2, x: 2, (r, x): 1}, H) is None


@pytest.mark.parametrize(
    ("energy", "expected"),
    [
        (x**2 + sk.cos(y), True),
        (x**2 / 2 + sk.log(1 + y**2), True),
        (x**2 - y**3, False),
        (-(x**4) + x**6, False),
        (3 * (x**4 + sk.sin(y)) / 2, True),
        (-3 * (x**4 + sk.sin(y)), False),
        (sk.dot(sk.ones(n), sk.exp(t)) - sk.dot(t, t), True),
        (-sk.dot(sk.ones(n), sk.exp(t)), False),
    ],
)
def test_bounds_from_below(energy, expected):
    assert is_above_minus_square(energy) is expected


def test_terms_bound_one_variable_after_the_other():
    """Hamiltonian dynamics in a funnel: v is bounded by H, and with it x and its momentum."""
    H = x**2 / 18 + y**2 * sk.exp(-x) / 2 + p**2 / 2
    flow = {x: p, y: -y, p: -sk.grad(H, x) - p}
    assert found(flow, {p: 1, y: sk.exp(x)}, H) is not None
    loose = y**2 * sk.exp(-x) / 2 + p**2 / 2
    assert found({x: p, y: -y, p: -sk.grad(loose, x)}, {y: sk.exp(x)}, loose) is None


def test_kinks_of_h_count_only_where_there_is_noise():
    """Along paths of x, which has no noise, |x|^3 has a slope; under noise it would be bent."""
    H = sk.abs_(x) ** 3 + p**2 / 2
    assert found({x: p, p: -3 * x * sk.abs_(x) - p}, {p: 1}, H) is not None
    cubic = sk.Dynamics({x: -x * sk.abs_(x)}, {x: 1}, hamiltonian=sk.abs_(x) ** 3)
    assert by_energy_and_square(Problem(cubic)) is None


KINETIC = {
    "log cosh": sk.sum(sk.log(sk.cosh(q))),
    "pseudo-Laplace": sk.sum(sk.sqrt(sk.ones(n) + q**2)),
    "quadratic": sk.dot(q, q) / 2,
}
MIXTURE = -sk.log(sk.exp(-sk.dot(t, t)) + sk.exp(-sk.dot(t - sk.ones(n), t - sk.ones(n)) / 3))


@pytest.mark.parametrize("kinetic", KINETIC.values(), ids=KINETIC)
def test_any_kinetic_energy_of_bounded_curvature_keeps_an_energy_that_grows(kinetic):
    def langevin(u, k):
        return {t: sk.grad(k, q), q: -sk.grad(u, t) - sk.grad(k, q)}, {q: 1}, u + k

    assert found(*langevin(MIXTURE, kinetic)) is not None
    # Twin: a potential that does not tend to infinity keeps only what the momenta bound by growth.
    steep = sk.dot(t, t) ** 2 - sk.dot(t, t) ** 3
    assert found(*langevin(steep, kinetic)) is None


def test_a_term_of_h_is_no_bound_where_others_cancel_it():
    """H = (x^2 - y^2)^2 + x^2 + y^2 grows like |z|^2 on the diagonal, and L H like x^4 there."""
    energy = (x**2 - y**2) ** 2 + x**2 + y**2
    assert found({x: x**3, y: x**3}, {}, energy) is None
