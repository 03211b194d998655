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
