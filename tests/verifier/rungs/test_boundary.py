"""Flux through boundaries: a zero residual with flux is not stationarity."""

from __future__ import annotations

from fractions import Fraction

import pytest

import sdekit as sk
from sdekit.declaration.tree.expression import Constant
from sdekit.verifier.currents.periodicity import is_periodic
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.boundary import with_limits
from sdekit.verifier.rungs.stationarity import check_stationarity
from tests.verifier.models import MU, THETA, A, N, P, U

X = sk.scalar("x", domain="positive")
Y = sk.scalar("y")
W = sk.scalar("w", domain=(0, 1))
PHI = sk.scalar("phi", domain="circle")
a, b, s = (sk.parameter(name, positive=True) for name in "abs")
K = sk.parameter("k")
NONE = sk.parameter("none", value=0)


def dynamics(drift, energy, diffusion=None):
    return sk.Dynamics(drift=drift, diffusion=diffusion or {}, hamiltonian=energy)


CASES = [
    ("square-root process",
     dynamics({X: a * (b - X)}, a * X / s - (a * b / s - 1) * sk.log(X), {X: s * X}), "proved"),
    ("Jacobi process",
     dynamics({W: a * (1 - W) - b * W}, -(a / s - 1) * sk.log(W) - (b / s - 1) * sk.log(1 - W),
              {W: s * W * (1 - W)}), "proved"),
    ("reflected Ornstein-Uhlenbeck",
     dynamics({W: -a * W}, a * W**2 / (2 * s), {W: s}), "proved"),
    ("transport out of an interval", dynamics({W: 1}, NONE * W), "refuted"),
    ("falling ball", dynamics({X: Y, Y: -1}, X + Y**2 / 2), "proved"),
    ("falling ball with a soft wall",
     dynamics({X: Y, Y: -1 + 2 / X}, X - 2 * sk.log(X) + Y**2 / 2), "proved"),
    ("falling ball with a hard wall",
     dynamics({X: Y, Y: -1 + 1 / X**2}, X + 1 / X + Y**2 / 2), "proved"),
    ("wall of a positive strength",
     dynamics({X: Y, Y: -1 + a / X}, X - a * sk.log(X) + Y**2 / 2), "proved"),
    ("wall of either strength",
     dynamics({X: Y, Y: -1 + K / X}, X - K * sk.log(X) + Y**2 / 2), "undecided"),
    ("rotation", dynamics({PHI: 1}, NONE * PHI, {PHI: 1}), "proved"),
    ("rotor", dynamics({PHI: Y, Y: sk.sin(PHI)}, Y**2 / 2 + sk.cos(PHI)), "proved"),
    ("tilted circle", dynamics({PHI: 1}, -PHI, {PHI: 1}), "refuted"),
    ("parabola on a circle", dynamics({PHI: -PHI}, PHI**2 / 2, {PHI: 1}), "refuted"),
    ("half angles squared",
     dynamics({PHI: -sk.sin(PHI / 2) * sk.cos(PHI / 2)}, sk.sin(PHI / 2) ** 2, {PHI: 1}),
     "proved"),
    ("half angles", dynamics({PHI: sk.sin(PHI / 2) / 2}, sk.cos(PHI / 2), {PHI: 1}), "refuted"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "verdict"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_zero_residual_is_stationary_only_without_flux(model, verdict):
    found = check_stationarity(Problem(model))
    assert found.verdict.value == verdict, found.reason


def test_the_witness_of_a_flux_lies_on_the_boundary():
    shear = dynamics({X: Y, Y: 0}, NONE * X + (Y - 1) ** 4)
    found = check_stationarity(Problem(shear))
    assert found.witness.point["x"] == "0"
    assert found.witness.value == found.witness.point["y"]
    assert "flux" in found.reason


def test_without_a_boundary_the_same_triple_is_stationary():
    """Twin: only the domain of x differs."""
    x = sk.scalar("x")
    falling = dynamics({x: Y, Y: -1}, x + Y**2 / 2)
    assert check_stationarity(Problem(falling)).is_proved


def test_the_flux_is_decided_for_every_n():
    xi = sk.scalar("xi", domain="positive")
    energy = U + sk.dot(P, P) / 2 + MU * (xi - A) ** 2 / 2
    drift = {THETA: P, P: -sk.grad(U, THETA) - xi * P, xi: (sk.dot(P, P) - N) / MU}
    model = sk.Dynamics(drift=drift, diffusion={P: A * sk.eye(N)}, hamiltonian=energy, target=U)
    found = check_stationarity(Problem(model))
    assert found.is_refuted
    assert found.witness.point["xi"] == "0"


def test_a_vector_of_positive_entries_has_no_current_for_every_n():
    x = sk.vector("x", N, domain="positive")
    energy = sk.dot(sk.ones(N), x) - (a - 1) * sk.dot(sk.ones(N), sk.log(x))
    gamma = sk.Dynamics(
        drift={x: a * sk.ones(N) - x}, diffusion={x: sk.diag(x)}, hamiltonian=energy
    )
    assert check_stationarity(Problem(gamma)).is_proved


@pytest.mark.parametrize(
    ("expression", "periodic"),
    [
        (sk.cos(PHI), True),
        (sk.sin(3 * PHI + Y), True),
        (sk.tan(PHI), True),
        (sk.cos(PHI / 2), False),
        (sk.cos(K * PHI), False),
        (PHI, False),
        (sk.exp(sk.sin(PHI)) / (2 + sk.cos(PHI)), True),
        (sk.sin(PHI**2), False),
        (sk.potential("F", PHI), True),
    ],
)
def test_a_period_of_2_pi_is_seen_where_it_is_written(expression, periodic):
    assert is_periodic(expression, PHI) is periodic


def test_unknown_functions_on_a_circle_are_assumed_to_be_periodic():
    f = sk.potential("F", PHI)
    free = sk.Dynamics(drift={PHI: -sk.grad(f, PHI)}, diffusion={PHI: 1}, hamiltonian=f)
    assert check_stationarity(Problem(free)).assumptions == ("F has period 2 pi in phi",)


def test_an_unknown_potential_does_not_hold_a_particle_back():
    """It flies to the wall; there its momentum turns."""
    u = sk.potential("U", X)
    free = sk.Dynamics(
        drift={X: Y, Y: -sk.grad(u, X) - a * Y}, diffusion={Y: a}, hamiltonian=u + Y**2 / 2
    )
    found = check_stationarity(Problem(free))
    assert found.is_proved
    assert found.assumptions == (
        "y turns round where x meets the end of its domain",
        "the unknown functions are smooth up to the boundary of x",
    )
    walled = sk.Dynamics(
        drift={X: Y, Y: -sk.grad(u, X) - a * Y + b / X},
        diffusion={Y: a},
        hamiltonian=u + Y**2 / 2 - b * sk.log(X),
    )
    assert check_stationarity(Problem(walled)).is_proved
    reversible = sk.Dynamics(drift={X: -sk.grad(u, X)}, diffusion={X: 1}, hamiltonian=u)
    assert check_stationarity(Problem(reversible)).is_proved


def test_a_difference_quotient_of_an_unknown_function_is_not_taken_for_zero():
    """(U(x) - U(0)) / x tends to U'(0), so nothing may be concluded from U(x) -> U(0)."""
    u = sk.potential("U", X)
    current = (u - sk.parameter("limit")) / X
    frozen = with_limits(current, X, Fraction(0))
    assert "sdekit_rest_1" in repr(frozen)


def test_vectors_on_half_lines_and_circles_are_decided_for_every_n():
    x = sk.vector("x", N, domain="positive")
    ball = sk.Dynamics(
        drift={x: P, P: -sk.ones(N)}, hamiltonian=sk.dot(sk.ones(N), x) + sk.dot(P, P) / 2
    )
    assert check_stationarity(Problem(ball)).is_proved
    stream = sk.Dynamics(
        drift={x: P, P: 0}, hamiltonian=sk.dot(P - sk.ones(N), P) / 2 + 0 * sk.dot(x, x)
    )
    assert not check_stationarity(Problem(stream)).is_proved
    phi = sk.vector("phi", N, domain="circle")
    rotors = sk.Dynamics(
        drift={phi: sk.sin(phi)}, diffusion={phi: 1},
        hamiltonian=sk.dot(sk.ones(N), sk.cos(phi)),
    )  # fmt: skip
    assert check_stationarity(Problem(rotors)).is_proved


@pytest.mark.parametrize("diffuses", [False, True])
@pytest.mark.parametrize("wall", [Fraction(0), Fraction(1, 3), Fraction(1), Fraction(2)])
@pytest.mark.parametrize("power", [Fraction(0), Fraction(1, 2), Fraction(1), Fraction(-1)])
def test_the_flux_of_a_stream_function_vanishes_exactly_for_positive_powers(wall, power, diffuses):
    """J = exp(H) curl(exp(-H) x^m y) has zero divergence; its flux at 0 is x^(k+m) up to a factor.

    Derivatives stay written as gradients, as a user would write them.
    """
    energy = X - wall * sk.log(X) + Y**2 / 2
    f = Y * X**power
    flow_x = sk.grad(f, Y) - f * sk.grad(energy, Y)
    flow_y = -(sk.grad(f, X) - f * sk.grad(energy, X))
    drift = {X: flow_x - sk.grad(energy, X) if diffuses else flow_x, Y: flow_y}
    model = dynamics(drift, energy, {X: 1} if diffuses else {})
    expected = "proved" if wall + power > 0 else "refuted"
    found = check_stationarity(Problem(model))
    assert found.verdict.value == expected, found.reason


def test_an_unknown_function_of_a_shifted_angle_is_not_refuted():
    phi = sk.scalar("phi", domain="circle")
    V = sk.potential("V", phi)
    shifted = V(phi + 2 * sk.pi)
    d = sk.Dynamics({phi: -sk.diff(shifted, phi)}, {phi: 1}, hamiltonian=V)
    assert not sk.verify(d).checks["stationarity"].is_refuted
    # Twin: a plain ramp is not periodic.
    ramp = sk.Dynamics({phi: -1}, {phi: 1}, hamiltonian=phi)
    assert sk.verify(ramp).checks["stationarity"].is_refuted


def test_differences_of_the_angles_of_a_block_are_periodic():
    n = sk.dim("n")
    th, one, K = sk.vector("th", n, domain="circle"), sk.ones(n), sk.parameter("K", positive=True)
    gaps = sk.outer(one, th) - sk.outer(th, one)

    def coupled(scale):
        drift = {th: 2 * K * scale * (sk.sin(scale * gaps) @ one)}
        energy = -K * sk.dot(one, sk.cos(scale * gaps) @ one)
        return sk.Dynamics(drift, {th: 1}, hamiltonian=energy)

    assert sk.verify(coupled(1)).checks["stationarity"].is_proved
    assert sk.verify(coupled(2), n=2).checks["stationarity"].is_proved
    # Twin: half a gap changes its sign when one angle goes round.
    assert (
        not sk.verify(coupled(sk.parameter("half", value="1/2")), n=2)
        .checks["stationarity"]
        .is_proved
    )


# ------------------------------------------------------------------ exact ends, other circles

PI = Constant("pi")
POLAR = sk.scalar("th", domain=("0", "pi"))
LENGTH = sk.parameter("L", positive=True)
RING = sk.scalar("r", domain={"circle": LENGTH})
RINGS = sk.vector("rs", N, domain={"circle": LENGTH})


def gradient_flow(x, energy, extra=None):
    drift = -sk.grad(energy, x)
    return dynamics({x: drift if extra is None else drift + extra}, energy, {x: 1})


@pytest.mark.parametrize(
    ("model", "verdict"),
    [
        (gradient_flow(POLAR, -sk.log(sk.sin(POLAR))), "proved"),
        (gradient_flow(POLAR, -sk.log(sk.sin(POLAR)), 1 / sk.sin(POLAR)), "refuted"),
        (gradient_flow(POLAR, -2 * sk.log(sk.sin(POLAR)), 1 / sk.sin(POLAR) ** 2), "refuted"),
        (gradient_flow(RING, a * sk.cos(2 * PI * RING / LENGTH)), "proved"),
        (gradient_flow(RING, a * sk.cos(4 * PI * RING / LENGTH)), "proved"),
        (gradient_flow(RING, a * sk.cos(PI * RING / LENGTH)), "refuted"),
        (gradient_flow(RING, a * sk.cos(RING)), "refuted"),
        (gradient_flow(RINGS, sk.dot(sk.ones(N), sk.cos(2 * PI * RINGS / LENGTH))), "proved"),
        (gradient_flow(RINGS, sk.dot(sk.ones(N), sk.cos(PI * RINGS / LENGTH))), "refuted"),
    ],
)
def test_exact_ends_and_periods_are_those_of_the_domain(model, verdict):
    assert sk.verify(model).checks["stationarity"].verdict == verdict


def test_the_energy_at_an_irrational_end_decides_integrability():
    free = gradient_flow(POLAR, sk.log(sk.sin(POLAR)))
    assert sk.verify(gradient_flow(POLAR, -sk.log(sk.sin(POLAR)))).verdict == "proved"
    assert sk.verify(free).checks["normalizable"].verdict == "refuted"


def test_an_unknown_function_one_period_on_is_the_same():
    U = sk.potential("U", PHI)
    turned = dynamics({PHI: -sk.grad(U(PHI + 2 * PI), PHI)}, U, {PHI: 1})
    half = dynamics({PHI: -sk.grad(U(PHI + PI), PHI)}, U, {PHI: 1})
    assert sk.verify(turned).verdict == "proved"
    for check in ("stationarity", "reversibility"):
        # A counterexample would choose a function without the period that is assumed.
        assert sk.verify(half).checks[check].verdict == "undecided"
