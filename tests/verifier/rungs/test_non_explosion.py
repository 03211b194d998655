"""Lyapunov bounds, completeness, linear growth, and explosions."""

import pytest

import sdekit as sk
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.non_explosion import check_non_explosion

x, p = sk.scalar("x"), sk.scalar("p")


def check(dynamics):
    return check_non_explosion(Problem(dynamics.ito()))


def test_sgnht_has_the_bound_of_its_quadratic_part():
    found = check(sk.catalog.get("sgnht"))
    assert found.reason == "L H = -A*dot(p, p) + 2*A*n - n*xi <= c (1 + H)"
    assert found.assumptions == ("U(theta) is bounded below and tends to infinity",)


def test_a_conserved_proper_energy_keeps_solutions_bounded():
    assert check(sk.catalog.get("hamiltonian")).is_proved


def test_overdamped_dynamics_are_complete_because_their_law_is_finite():
    assert "does not explode" in check(sk.catalog.get("overdamped")).reason


def test_bounded_velocities_cannot_explode():
    assert "at most linearly" in check(sk.catalog.get("mclmc-2d")).reason


def test_a_drift_that_outgrows_every_square_explodes():
    """R = 0 and everything is smooth, yet the solution from 0 is infinite in finite time."""
    found = check(sk.Dynamics({x: sk.exp(x**2 / 2)}, hamiltonian=x**2 / 2))
    assert found.is_refuted
    assert found.witness.point == {"x": "0"}


@pytest.mark.parametrize(
    "drift", [x, -(x**3), sk.exp(-x), x**2 / (1 + x**2), x**4 / (1 + sk.exp(x))]
)
def test_explosion_is_not_claimed_without_growth(drift):
    """Twin: none of these reaches infinity forwards in time from where it is tried.

    The last one is bounded for x > 0, though 1 + u + u^2/2 <= exp(u) put in makes it grow.
    """
    assert not check(sk.Dynamics({x: drift}, hamiltonian=x**2)).is_refuted


def test_an_energy_without_a_floor_proves_nothing():
    """exp(x^4) is not integrable; the reversible diffusion towards it explodes."""
    wrong = sk.Dynamics({x: 4 * x**3}, {x: 1}, hamiltonian=-(x**4))
    assert not check(wrong).is_proved
    langevin = sk.Dynamics(
        {x: p, p: 4 * x**3 - p}, {p: 1}, hamiltonian=p**2 / 2 - x**4, target=-(x**4)
    )
    assert not check(langevin).is_proved


def test_a_concrete_coercive_energy_is_recognized():
    langevin = sk.Dynamics(
        {x: p, p: -4 * x**3 - p}, {p: 1}, hamiltonian=p**2 / 2 + x**4, target=x**4
    )
    found = check(langevin)
    assert (found.is_proved, found.assumptions) == (True, ())


def test_a_momentum_that_the_metric_lets_run_away_is_a_condition():
    """H is conserved, but with a metric of unknown growth it need not tend to infinity."""
    found = check(sk.catalog.get("rhmc"))
    assert found.assumed == "solutions do not explode"
    assert "G(theta) = eye(n)" in found.reason


def test_an_energy_that_is_proper_for_the_target_only_bounds_nothing():
    """H = (x^2 + p^2)/2 - x^4 falls to minus infinity, and solutions follow it."""
    energy = x**2 / 2 + p**2 / 2 - x**4
    falling = sk.Dynamics({x: p, p: -sk.grad(energy, x)}, hamiltonian=energy, target=x**2 / 2)
    assert not check(falling).is_proved


def test_a_square_of_a_real_parameter_bounds_nothing_where_it_is_zero():
    """For a = 0 the solution of dx = p x^2 explodes from p = x = 1."""
    a = sk.parameter("a")
    energy = p**2 / 2 + a**2 * x**2 / 2
    turning = sk.Dynamics({p: -(a**2) * x**3, x: p * x**2}, hamiltonian=energy)
    assert not check(turning).is_proved


def test_completeness_needs_coefficients_without_poles():
    """The law |x|^(-1/2) exp(-x^2/2) is finite, but no solution passes the pole at 0."""
    energy = x**2 / 2 + sk.log(x**2) / 4
    assert not check(sk.Dynamics({x: -sk.grad(energy, x)}, {x: 1}, hamiltonian=energy)).is_proved


def test_a_pole_in_the_drift_of_a_circle_is_not_overlooked():
    phi = sk.scalar("phi", domain="circle")
    spun = sk.Dynamics({x: -x, phi: 1 / x}, {x: 1}, hamiltonian=x**2 / 2, target=x**2 / 2)
    assert not check(spun).is_proved


def test_a_pole_at_the_end_of_an_interval_that_is_reached_is_not_overlooked():
    """The angle gains the integral of 1/(1 - w), which diverges where w is reflected."""
    w, phi = sk.scalar("w", domain=(-1, 1)), sk.scalar("phi", domain="circle")
    H = 0 * w
    pole = sk.Dynamics({w: 0, phi: 1 / (1 - w)}, {w: 1}, hamiltonian=H)
    assert not check(pole).is_proved
    tame = sk.Dynamics({w: 0, phi: 1 / (2 - w)}, {w: 1}, hamiltonian=H)
    assert check(tame).is_proved


def test_a_diffusion_that_is_written_as_zero_is_none():
    drift = {x: sk.exp(x**2 / 2)}
    for diffusion in ({}, {x: 0}):
        assert check(sk.Dynamics(drift, diffusion, hamiltonian=x**2 / 2)).is_refuted


def balanced(diffusion, energy, *variables):
    """The reversible dynamics with this diagonal D."""
    drift = {z: sk.grad(diffusion[z], z) - diffusion[z] * sk.grad(energy, z) for z in variables}
    return sk.Dynamics(drift, diffusion, hamiltonian=energy)


def test_a_diffusion_of_finite_mean_cuts_infinity_off():
    """Neal's funnel with its own metric: D = exp(v) grows fast, and has a finite mean."""
    v = sk.scalar("v")
    funnel = v**2 / 18 + v / 2 + x**2 * sk.exp(-v) / 2
    one = sk.parameter("one", value=1)
    assert check(balanced({v: one, x: sk.exp(v)}, funnel, v, x)).is_proved
    # Twins: exp(v^2) has no finite mean, and exp(x^2) explodes.
    assert not check(balanced({v: one, x: sk.exp(v**2)}, funnel, v, x)).is_proved
    assert not check(balanced({v: one, x: sk.exp(x**2)}, (v**2 + x**2) / 2, v, x)).is_proved


def test_a_smooth_energy_bounds_solutions_beside_a_pole_that_nothing_enters():
    """Rescaling of velocities: the drift is (n - 1) p / |p|^2 near p = 0."""
    n = sk.dim("n")
    q, m = sk.vector("q", n), sk.vector("m", n)
    U, tau = sk.potential("U", q), sk.parameter("tau", positive=True)
    force = ((n - 1) / sk.dot(m, m) - 1) * m / (2 * tau)
    drift = {q: m, m: -sk.grad(U, q) + force}
    noise = {m: sk.outer(m, m) / (2 * tau * sk.dot(m, m))}
    energy = U + sk.dot(m, m) / 2
    assert check(sk.Dynamics(drift, noise, hamiltonian=energy, target=U)).is_proved


@pytest.mark.parametrize("end", ["positive", (0, 1)])
def test_what_an_end_drives_infinitely_fast_is_not_overlooked(end):
    """The integral of 1/w over time diverges at w = 0, where w is reflected."""
    w, phi = sk.scalar("w", domain=end), sk.scalar("phi", domain="circle")
    for speed, is_proved in ((1 / w, False), (1 / (1 + w), True)):
        drift, noise = {w: -1 + 0 * w, phi: speed}, {w: 1}
        assert check(sk.Dynamics(drift, noise, hamiltonian=w)).is_proved == is_proved
    noise = {w: 1, phi: 1 / w}
    assert not check(sk.Dynamics({w: -1 + 0 * w, phi: 0 * w}, noise, hamiltonian=w)).is_proved


def test_a_choice_of_functions_keeps_what_is_assumed_of_them():
    """exp(U) drives every integrable exp(-U) to infinity; only U = 1, which is none, would do."""
    x = sk.scalar("x")
    u = sk.potential("U", x)
    driven = sk.Dynamics({x: -sk.grad(u, x) + sk.exp(u)}, {x: 1}, hamiltonian=u)
    assert sk.verify(driven).checks["non_explosion"].verdict == "undecided"
    twin = sk.Dynamics({x: -sk.grad(u, x)}, {x: 1}, hamiltonian=u)
    assert sk.verify(twin).verdict == "proved"


def _at_a_wall(q, slope, noise, *, tilt=0):
    """H = x + y^2/2 - tilt x on x > 0, with Q(x, y) = x q(y), D of x and 1 for y."""
    x, y = sk.scalar("x", domain="positive"), sk.scalar("y")
    f = 1 - tilt + 2 * tilt * x
    q, slope, noise = q(y), slope(y), noise(y)
    return sk.Dynamics(
        {x: -noise * f + x * (q * y - slope), y: -y + q * (1 - x * f)},
        {x: noise, y: 1},
        hamiltonian=(1 - tilt) * x + tilt * x**2 + y**2 / 2,
    )


def test_reflection_that_feeds_the_energy_is_no_bound():
    """L H <= 1, and y explodes: x is fast and has the law exp(-x), so that y moves by an average.

    It has the noise 2 q^2 / D = 2 exp(y^2) / (1 + y^2) and the law exp(-y^2/2).
    """
    fast = _at_a_wall(
        lambda y: y * sk.exp(y**2),
        lambda y: (1 + 2 * y**2) * sk.exp(y**2),
        lambda y: (y**2 + y**4) * sk.exp(y**2),
    )
    found = sk.verify(fast).checks
    assert found["stationarity"].is_proved and found["non_explosion"].verdict == "undecided"
    # Twins: noise of x alone, and an energy that is flat at the wall.
    slow = _at_a_wall(lambda y: 0 * y, lambda y: 0 * y, lambda y: 1 + 0 * y)
    assert sk.verify(slow).checks["non_explosion"].verdict == "proved"
    flat = _at_a_wall(lambda y: 0 * y, lambda y: 0 * y, lambda y: y**2, tilt=1)
    assert sk.verify(flat).checks["non_explosion"].verdict == "proved"


def test_poles_at_the_ends_of_polar_angles_are_never_met_by_two_dipoles():
    t, s = (sk.scalar(name, domain=("0", "pi")) for name in "ts")
    f, g = (sk.scalar(name, domain="circle") for name in "fg")
    energy = -sk.sin(t) * sk.sin(s) * sk.cos(f - g) - sk.log(sk.sin(t)) - sk.log(sk.sin(s))
    noise = {t: 1, f: 1 / sk.sin(t) ** 2, s: 1, g: 1 / sk.sin(s) ** 2}

    def of(energy):
        drift = {z: -sk.grad(energy, z) * d for z, d in noise.items()}
        return sk.Dynamics(drift, noise, hamiltonian=energy)

    assert sk.verify(of(energy)).verdict == "proved"
    flat = sk.verify(of(-sk.sin(t) * sk.sin(s) * sk.cos(f - g)))
    assert not flat.checks["non_explosion"].is_proved


def test_exponentials_of_linear_forms_are_lyapunov_functions():
    u, v = sk.scalar("u"), sk.scalar("v")
    energy = sk.exp(u) - u + 2 * sk.exp(v) - v
    force = {u: sk.grad(energy, u), v: sk.grad(energy, v)}
    turned = {u: -force[u] - force[v], v: -force[v] + force[u]}
    assert sk.verify(sk.Dynamics(turned, {u: 1, v: 1}, hamiltonian=energy)).verdict == "proved"
    away = {u: force[u], v: force[v]}
    wrong = sk.Dynamics(away, {u: 1, v: 1}, hamiltonian=energy)
    assert not sk.verify(wrong).checks["non_explosion"].is_proved


def test_populations_never_meet_zero_where_the_energy_of_their_logarithms_is_infinite_there():
    x, y = (sk.scalar(name, domain="positive") for name in "xy")
    a, b = (sk.parameter(name, positive=True) for name in "ab")
    energy = x - (a - 1) * sk.log(x) + y - (b - 1) * sk.log(y)

    def non_explosion(drift, noise=None):
        model = sk.Dynamics(drift, noise or {}, hamiltonian=energy)
        return sk.verify(model).checks["non_explosion"]

    cycles = {x: x * (b - y), y: y * (x - a)}
    assert non_explosion(cycles).is_proved
    with_noise = {x: cycles[x] + a * x - x**2 + x, y: cycles[y] + b * y - y**2 + y}
    assert non_explosion(with_noise, {x: x**2, y: y**2}).is_proved
    assert not non_explosion({x: x**2, y: -y}).is_proved
    assert not non_explosion({x: x * (b + y), y: y * (x - a)}).is_proved
