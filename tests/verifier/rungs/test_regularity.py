"""Kinks, poles and what they do to the current."""

import pytest

import sdekit as sk
from sdekit.verifier.currents.smoothness import rough_parts
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.regularity import check_regularity

x, y = sk.scalar("x"), sk.scalar("y")
square = x**2 + y**2


def check(dynamics):
    return check_regularity(Problem(dynamics))


def test_smooth_coefficients_are_regular():
    assert check(sk.catalog.get("sgnht")).is_proved


def test_a_kink_without_current_is_harmless():
    laplace = sk.Dynamics({x: -sk.sign(x)}, {x: 1}, hamiltonian=sk.abs_(x))
    assert check(laplace).reason == "the probability current vanishes identically"


def test_a_jump_of_the_current_is_refuted():
    """R = 0 off the origin, yet probability is created there."""
    trap = sk.Dynamics({x: sk.exp(sk.abs_(x)) * sk.sign(x)}, hamiltonian=sk.abs_(x))
    found = check(trap)
    assert found.is_refuted
    assert (found.witness.point, found.witness.value) == ({"x": "0"}, "2")


def test_a_point_source_in_the_plane_is_refuted_with_its_flux():
    speed = sk.exp(square / 2) / square
    found = check(sk.Dynamics({x: speed * x, y: speed * y}, hamiltonian=square / 2))
    assert found.is_refuted
    assert found.witness.value.startswith("[6.28318530718")


def test_a_vortex_has_a_pole_but_no_flux():
    """Twin: the current turns around the origin; nothing flows out of it."""
    found = check(sk.Dynamics({x: -y / square, y: x / square}, hamiltonian=square / 2))
    assert not found.is_refuted


def test_a_kink_along_which_the_current_flows_is_regular():
    """v_y jumps at x = 0, but only its normal component, v_x = 0, would count."""
    sheared = sk.Dynamics({x: 0, y: sk.sign(x)}, {y: 1}, hamiltonian=sk.abs_(x))
    assert "continuous across" in check(sheared).reason


def test_a_jump_of_the_density_under_noise_is_refuted():
    """u = 0 off the origin, but the law of the smooth drift -x has no jump."""
    found = check(sk.Dynamics({x: -x}, {x: 1}, hamiltonian=x**2 / 2 + sk.sign(x)))
    assert found.is_refuted
    assert found.witness.value.startswith("[-2.350402387")


def test_a_jump_of_the_diffusion_is_refuted():
    jumping = 2 + sk.sign(x - 1)
    found = check(sk.Dynamics({x: -jumping * x}, {x: jumping}, hamiltonian=x**2 / 2))
    assert (found.witness.point, found.witness.value) == ({"x": "1"}, "2")


def test_a_density_that_jumps_out_of_a_pole_is_not_called_regular():
    energy = x**2 / 2 + sk.atan(1 / x)
    found = check(sk.Dynamics({x: -sk.grad(energy, x)}, {x: 1}, hamiltonian=energy))
    assert found.verdict.value == "undecided"


def test_a_continuous_density_without_current_is_regular():
    """Twin: |x|^(1/2) exp(-x^2/2) has a root at 0 and no jump."""
    energy = x**2 / 2 - sk.log(x**2) / 4
    assert check(sk.Dynamics({x: -sk.grad(energy, x)}, {x: 1}, hamiltonian=energy)).is_proved


def test_a_jumping_velocity_is_not_refuted_where_the_density_vanishes():
    energy = x**2 / 2 - sk.log(x**2) + y**2 / 2
    drift = {x: sk.sign(x) * y, y: 2 / sk.abs_(x) - sk.abs_(x)}
    assert not check(sk.Dynamics(drift, hamiltonian=energy)).is_refuted


def test_a_flux_is_blamed_on_a_pole_only_where_the_residual_is_zero():
    found = check(sk.Dynamics({x: -x + 1 / x, y: -y}, {x: 1, y: 1}, hamiltonian=square / 2))
    assert not found.is_refuted


@pytest.mark.parametrize(
    ("expression", "is_smooth"),
    [
        (sk.exp(x) / (1 + x**2), True),
        (sk.sqrt(1 + x**2), True),
        (sk.abs_(1 + x**2), True),
        (1 / x, False),
        (sk.sqrt(x), False),
        (sk.log(x), False),
        (sk.log(sk.scalar("tau", domain="positive")), True),
        (sk.tan(x), False),
        (x ** sk.parameter("a"), False),
    ],
)
def test_smoothness_is_read_off_the_expression(expression, is_smooth):
    assert (not list(rough_parts(expression))) is is_smooth


def test_a_root_of_a_real_variable_is_not_called_continuous():
    energy = x**2 / 2 - sk.log(x)
    found = check(sk.Dynamics({x: -sk.grad(energy, x)}, {x: 1}, hamiltonian=energy))
    assert not found.is_proved


n = sk.dim("n")
t, p = sk.vector("t", n), sk.vector("p", n)
phi = sk.scalar("phi", domain="circle")
U = sk.potential("U", t)
r2 = sk.dot(p, p)
kinetic = r2 / 2

#: Continuous across S, or bounded around a pole of codimension n: truth by the argument named.
REGULAR = {
    "lasso with momenta: the kink is crossed with velocity p": sk.Dynamics(
        {t: p, p: -sk.sign(t) - p}, {p: 1}, hamiltonian=sk.dot(sk.ones(n), sk.abs_(t)) + kinetic
    ),
    "velocity rescaling: D is bounded at p = 0 and u_p smooth": sk.Dynamics(
        {t: p, p: -sk.grad(U, t) + ((n - 1) / r2 - 1) * p / 2}, {p: sk.outer(p, p) / (2 * r2)},
        hamiltonian=U + kinetic, target=U,
    ),
    "tangential noise: u = 0, D is bounded at 0 and 0 for n = 1": sk.Dynamics(
        {p: -(n - 1) * p / r2}, {p: sk.eye(n) - sk.outer(p, p) / r2}, hamiltonian=0 * r2
    ),
    "norm as energy, u = 0": sk.Dynamics(
        {p: -p / sk.sqrt(r2)}, {p: 1}, hamiltonian=sk.sqrt(r2)
    ),
    "an angle that is driven by a sign": sk.Dynamics(
        {x: -x, phi: sk.sign(x)}, {x: 1}, hamiltonian=x**2 / 2, target=x**2 / 2
    ),
}  # fmt: skip
REGULAR["a unit force that turns at the origin of a vector"] = sk.Dynamics(
    {t: p, p: -t / sk.sqrt(sk.dot(t, t)) - p}, {p: 1},
    hamiltonian=sk.sqrt(sk.dot(t, t)) + kinetic, target=sk.sqrt(sk.dot(t, t)),
)  # fmt: skip
#: The same with a jump or a pole that carries probability away, or that nothing is known of.
IRREGULAR = {
    "the law jumps where the momentum crosses": sk.Dynamics(
        {t: p, p: -t}, hamiltonian=sk.dot(t, t) / 2 + kinetic + sk.sign(sk.dot(sk.ones(n), t))
    ),
    "velocity rescaling with n + 1: at n = 1 a layer at p = 0": sk.Dynamics(
        {p: n * p / r2 - p}, {p: sk.outer(p, p) / r2}, hamiltonian=kinetic
    ),
    "a point source at the origin for every n": sk.Dynamics(
        {p: p * sk.exp(kinetic) * r2 ** (-n / 2)}, hamiltonian=kinetic
    ),
    "an angle that is driven by a pole": sk.Dynamics(
        {x: -x, phi: 1 / x}, {x: 1}, hamiltonian=x**2 / 2, target=x**2 / 2
    ),
    "a derivative of a kink in D": sk.Dynamics(
        {x: -(2 + sk.grad(sk.abs_(x), x)) * x}, {x: 2 + sk.grad(sk.abs_(x), x)},
        hamiltonian=x**2 / 2,
    ),
    "a root of what may be negative": sk.Dynamics(
        {x: -x, phi: sk.sqrt(x)}, {x: 1}, hamiltonian=x**2 / 2, target=x**2 / 2
    ),
    "a root that is not real at n = 1": sk.Dynamics(
        {t: -sk.sqrt(n - 2) * t}, {t: sk.sqrt(n - 2) * sk.eye(n)}, hamiltonian=sk.dot(t, t) / 2
    ),
    "a denominator that vanishes at n = 1": sk.Dynamics(
        {t: -t / (n - 1)}, {t: sk.eye(n) / (n - 1)}, hamiltonian=sk.dot(t, t) / 2
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REGULAR)
def test_what_carries_nothing_away_is_regular(name):
    assert check(REGULAR[name]).is_proved


@pytest.mark.parametrize("name", IRREGULAR)
def test_what_may_carry_something_away_is_not_called_regular(name):
    assert not check(IRREGULAR[name]).is_proved
    assert sk.verify(IRREGULAR[name]).verdict.value != "proved"


def test_logarithms_up_to_the_ends_of_an_interval_are_smooth_inside():
    w = sk.scalar("w", domain=(0, 1))
    jacobi = -sk.log(w) - 2 * sk.log(1 - w)
    model = sk.Dynamics({w: 2 - 5 * w}, {w: w * (1 - w)}, hamiltonian=jacobi)
    assert check(model).reason == "all coefficients are smooth"
    past = sk.Dynamics({w: 2 - 5 * w}, {w: w * (1 - w)}, hamiltonian=jacobi - sk.log(1 - 2 * w))
    assert not check(past).is_proved


T, E = sk.vector("t", sk.dim("n")), sk.parameter("e", positive=True)


@pytest.mark.parametrize(
    ("energy", "assume", "verdict"),
    [
        (sk.sum(sk.abs_(T) ** E), [E > 1], "proved"),
        (sk.sum(sk.abs_(T) ** E), [2 * E >= 3], "proved"),
        (sk.norm(T) ** E, [E >= 2], "proved"),
        # A force that is infinite at 0 drives nothing that was shown to go on.
        (sk.sum(sk.abs_(T) ** E), [E < 1], "undecided"),
    ],
)
def test_powers_with_free_exponents_are_as_regular_as_the_assumptions_say(energy, assume, verdict):
    flow = sk.Dynamics({T: -sk.grad(energy, T)}, {T: 1}, hamiltonian=energy, assume=assume)
    assert sk.verify(flow).verdict == verdict


def test_repelling_charges_are_regular_in_every_dimension_and_attracting_ones_are_not():
    x, y = sk.vector("x", sk.dim("n")), sk.vector("y", sk.dim("n"))

    def pair(charge):
        energy = sk.dot(x, x) / 2 + sk.dot(y, y) / 2 + charge / sk.norm(x - y)
        drift = {z: -sk.grad(energy, z) for z in (x, y)}
        return sk.verify(sk.Dynamics(drift, {x: 1, y: 1}, hamiltonian=energy))

    repelling = pair(sk.parameter("c", positive=True))
    assert repelling.checks["regularity"].is_proved
    assert repelling.checks["non_explosion"].is_proved
    assert not pair(sk.parameter("c")).checks["regularity"].is_proved
