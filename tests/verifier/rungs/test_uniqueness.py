"""Hoermander's condition for every n, and conserved quantities."""

import pytest

import sdekit as sk
from sdekit.verifier.question import Problem
from sdekit.verifier.rungs.brackets import spanned_blocks, spanned_coordinates
from sdekit.verifier.rungs.uniqueness import check_uniqueness

n = sk.dim("n")


def check(dynamics, sizes=None):
    return check_uniqueness(Problem(dynamics.ito(), sizes))


@pytest.mark.parametrize(
    "name",
    ["overdamped", "langevin", "langevin-mass", "gle", "sghmc", "sgnht", "sgnht-diagonal",
     "sgnht-matrix-symmetric", "adaptive-langevin", "ccadl", "sgrhmc"],
)  # fmt: skip
def test_brackets_span_for_every_n(name):
    assert check(sk.catalog.get(name)).is_proved


def test_the_steps_name_how_each_block_is_reached():
    reason = check(sk.catalog.get("sgnht")).reason
    assert "D is definite on p" in reason
    assert "d/dp d/dp of the drift spans xi" in reason
    assert "d/dp of the drift spans theta" in reason


def test_the_full_matrix_thermostat_keeps_its_antisymmetric_part():
    found = check(sk.catalog.get("sgnht-matrix"))
    assert found.is_refuted
    assert found.details["conserved"] == "xi - transpose(xi)"
    assert found.witness.to_dict() == {
        "dimensions": {"n": 2}, "point": {"xi_1_2": "1", "xi_2_1": "0"}, "value": "1",
    }  # fmt: skip


def test_at_n_1_the_matrix_thermostat_has_no_antisymmetric_part():
    assert not check(sk.catalog.get("sgnht-matrix"), {"n": 1}).is_refuted


def test_energy_is_named_where_it_is_conserved():
    assert check(sk.catalog.get("hamiltonian")).details["conserved"] == "H"


def test_a_block_that_never_moves_is_conserved():
    x, y = sk.scalar("x"), sk.scalar("y")
    d = sk.Dynamics({x: -x, y: 0}, {x: 1}, hamiltonian=(x**2 + y**2) / 2)
    assert check(d).details["conserved"] == "y"


def test_missing_noise_alone_decides_nothing():
    found = check(sk.catalog.get("nose-hoover"))
    assert not found.is_refuted
    assert not found.is_proved


def test_noise_that_may_vanish_spans_nothing():
    """Twin: with D = x^2 the point x = 0 is never left."""
    x = sk.scalar("x")
    d = sk.Dynamics({x: x - x**3}, {x: x**2}, hamiltonian=x**2 / 2)
    reached, _ = spanned_blocks(Problem(d))
    assert not reached


def test_a_coefficient_that_may_vanish_reaches_nothing():
    """Twin: with theta' = xi * p the drift of theta does not span it at xi = 0."""
    theta, p, xi = sk.vector("theta", n), sk.vector("p", n), sk.scalar("xi")
    d = sk.Dynamics({theta: xi * p, p: -p, xi: -xi}, {p: 1}, hamiltonian=sk.dot(p, p))
    reached, _ = spanned_blocks(Problem(d))
    assert theta not in reached


def test_a_matrix_of_rank_one_reaches_nothing():
    """Twin: theta' = b (b.p) moves along b only."""
    theta, p, b = sk.vector("theta", n), sk.vector("p", n), sk.parameter("b", n)
    d = sk.Dynamics({theta: sk.outer(b, b) @ p, p: -p}, {p: 1}, hamiltonian=sk.dot(p, p))
    reached, _ = spanned_blocks(Problem(d))
    assert theta not in reached


def test_repeated_deltas_are_not_taken_for_the_identity():
    """Twin: theta_i' = sum_j p_j has rank one."""
    theta, p = sk.vector("theta", n), sk.vector("p", n)
    d = sk.Dynamics(
        {theta: sk.dot(sk.ones(n), p) * sk.ones(n), p: -p}, {p: 1}, hamiltonian=sk.dot(p, p)
    )
    reached, _ = spanned_blocks(Problem(d))
    assert theta not in reached


def test_a_trace_does_not_reach_a_matrix():
    """Twin: X' = tr(P) I moves along the identity only."""
    X, P = sk.matrix("X", n), sk.matrix("P", n)
    d = sk.Dynamics({X: sk.trace(P) * sk.eye(n), P: -P}, {P: 1}, hamiltonian=sk.dot(P, P))
    reached, _ = spanned_blocks(Problem(d))
    assert X not in reached


def test_minors_decide_where_blocks_are_joint():
    found = spanned_coordinates(Problem(sk.catalog.get("mclmc-2d")))
    assert found is not None
    assert "noise on phi" in found


X, Y = sk.scalar("x"), sk.scalar("y")


def gibbs(energy, *variables, **parts):
    drift = {z: -sk.grad(energy, z) for z in variables}
    return sk.Dynamics(drift, dict.fromkeys(variables, 1), hamiltonian=energy, **parts)


@pytest.mark.parametrize(
    "dynamics",
    [
        gibbs(X**2 / 2 - sk.log(X**2), X),
        gibbs(X**2 / 2 + 1 / X**2, X),
        gibbs((X**2 + Y**2) / 2 - sk.log((X - Y) ** 2), X, Y),
        sk.Dynamics({X: X - X**3}, {X: 1 + sk.sign(X) / 2}, hamiltonian=X**2),
    ],
)
def test_nothing_is_proved_across_a_pole_or_a_jump_of_the_noise(dynamics):
    assert not check(dynamics).is_proved


def test_kinks_of_the_drift_where_noise_is_definite_do_no_harm():
    assert check(gibbs(sk.abs_(X) + sk.abs_(Y) + sk.abs_(X - Y), X, Y)).is_proved
    level = sk.scalar("level", domain="positive")
    assert check(gibbs(level - sk.log(level), level)).is_proved


def test_a_constant_is_no_conserved_quantity():
    phi = sk.scalar("phi", domain="circle")
    turning = sk.Dynamics({phi: 1}, hamiltonian=sk.sin(phi) ** 2 + sk.cos(phi) ** 2)
    assert not check(turning).is_refuted
    rotor = sk.Dynamics({X: Y, Y: -X}, hamiltonian=(X**2 + Y**2) / 2)
    assert "dH/d" in check(rotor).witness.value


def test_a_witness_lies_in_the_domain():
    narrow = sk.scalar("narrow", domain=(2, 3))
    still = sk.Dynamics({X: -X, narrow: 0}, {X: 1}, hamiltonian=X**2 / 2 + narrow)
    point = check(still).witness.point
    assert point == {"narrow": "11/4"}
    M = sk.scalar("positive_level", domain="positive")
    still = sk.Dynamics({X: -X, M: 0}, {X: 1}, hamiltonian=X**2 / 2 + M)
    assert check(still).witness.to_dict()["point"] == {"positive_level": "2"}


def test_the_length_is_kept_by_tangential_noise():
    x = sk.vector("x", n)
    V = sk.potential("V", x)
    square = sk.dot(x, x)
    projector = sk.eye(n) - sk.outer(x, x) / square
    drift = -projector @ sk.grad(V, x) + sk.div(projector, x)
    found = check(sk.Dynamics({x: drift}, {x: projector}, hamiltonian=V))
    assert found.details["conserved"] == "|x|**2"
    full = sk.Dynamics({x: -sk.grad(V, x)}, {x: 1}, hamiltonian=V)
    assert check(full).is_proved


def test_correlated_noise_spans_where_it_is_definite():
    p, q = sk.vector("p", n), sk.vector("q", n)
    drift = {p: -p, q: -q}
    energy = sk.dot(p, p) + sk.dot(q, q)
    definite = {p: sk.eye(n), q: sk.eye(n), (p, q): sk.eye(n) / 2}
    assert check(sk.Dynamics(drift, definite, hamiltonian=energy)).is_proved
    singular = {**definite, (p, q): sk.eye(n)}
    assert not check(sk.Dynamics(drift, singular, hamiltonian=energy)).is_proved
    scalars = {X: 2, Y: 1 + X**2, (X, Y): 1}
    d = sk.Dynamics({X: -X, Y: -Y}, scalars, hamiltonian=X**2)
    assert check(d).is_proved


def test_a_mass_for_each_particle_is_a_regular_factor():
    q, p, m = sk.vector("q", n), sk.vector("p", n), sk.parameter("m", n, positive=True)
    V = sk.potential("V", q)
    drift = {q: p / m, p: -sk.grad(V, q) - p}
    energy = V + sk.dot(p, p / m) / 2
    assert check(sk.Dynamics(drift, {p: sk.diag(m)}, hamiltonian=energy)).is_proved
    # Twin: a mass of any sign may be zero in the limit that its inverse is a parameter.
    inverse = sk.parameter("w", n)
    drift = {q: inverse * p, p: -sk.grad(V, q) - p}
    assert not check(sk.Dynamics(drift, {p: 1}, hamiltonian=energy)).is_proved
