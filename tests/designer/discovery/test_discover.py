"""Families that are found are theorems, and what they promise is what linear theory says."""

import dataclasses

import numpy as np
import pytest

import sdekit as sk
from sdekit.designer.discovery.ansatz_members import published, solved_ansatz
from sdekit.designer.discovery.promise import Goal, Harmonic, longest_time
from sdekit.errors import VerificationError

GOAL = Goal((1.0, 10.0), 0.0, 0.01, 1)


@pytest.fixture(scope="module")
def members():
    """Couplings by name -> support, of two vectors and a scalar."""
    ansatz = solved_ansatz(2, 1)
    return ansatz, {
        frozenset(c.symbol.name for c in support): support for support in ansatz.supports(4)
    }


def test_the_designer_finds_eleven_couplings_of_two_vectors_and_a_scalar(members):
    ansatz, supports = members
    assert len(ansatz.free) == 11
    # Langevin, and no family that lacks noise, shares noise that nobody has, or falls apart.
    assert frozenset({"D_p"}) in supports
    assert frozenset({"c_s1_p"}) not in supports
    assert frozenset({"D_p", "D_p_s1"}) not in supports
    assert frozenset({"D_p", "D_s1"}) not in supports


@pytest.mark.parametrize(
    ("names", "entry"),
    [
        ({"D_p"}, "langevin"),
        ({"D_s1", "c_s1_p"}, "gle"),
        ({"D_p", "c_xi1_p_p"}, "sgnht"),
        ({"D_xi1", "c_xi1_p_p"}, "nose-hoover-langevin"),
        ({"D_p", "D_s1", "c_s1_p"}, ""),
        ({"D_p", "D_s1", "D_p_s1"}, ""),
        ({"D_p", "D_s1", "c_s1_p", "c_xi1_p_s1"}, ""),
    ],
)
def test_members_are_proved_and_a_twin_with_another_sign_is_refuted(members, names, entry):
    ansatz, supports = members
    support = supports[frozenset(names)]
    dynamics = ansatz.member(support)
    assert published(support) == entry
    assert sk.verify(dynamics).verdict.value == "proved"
    p = ansatz.vectors[0]
    wrong = sk.Dynamics(
        {**dynamics.drift, p: dynamics.drift[p] - p},
        dynamics.diffusion,
        hamiltonian=dynamics.hamiltonian,
        target=dynamics.target,
        assume=dynamics.assume,
    )
    assert sk.verify(wrong).verdict.value == "refuted"


def test_like_blocks_are_told_apart_by_nothing():
    ansatz = solved_ansatz(3, 0)
    touched = [{b for c in support for b in c.blocks} for support in ansatz.supports(3)]
    assert {"p", "s1"} in touched and {"p", "s2"} not in touched


@pytest.mark.parametrize("a", [0.7, -0.7])
def test_times_of_an_autoregression_are_the_known_ones(a):
    found = longest_time(np.array([[a]]), np.array([[3.0]]))
    assert found == pytest.approx(max((1 + a) / (1 - a), (1 + a**2) / (1 - a**2)), rel=1e-12)


@pytest.fixture(scope="module")
def two_frictions(members):
    ansatz, supports = members
    support = supports[frozenset({"D_p", "D_s1", "c_s1_p"})]
    return Harmonic(ansatz.member(support), GOAL)


def test_the_search_sees_what_is_judged(two_frictions):
    values = {"D_p": 0.5, "D_s1": 1.7, "c_s1_p": -0.85}
    judged = two_frictions._judged("BAOAB", values, GOAL.longest)
    sought = two_frictions._time_at(np.array([values[name] for name in two_frictions.names]))
    assert two_frictions.parts.default_word == "BAOAB"
    assert judged.efficiency == pytest.approx(1 / sought, rel=1e-9)
    # Noise of one sign only: the search leaves what is no dynamics.
    assert two_frictions._time_at(np.array([0.5, -1.7, 0.0])) > 1e9


def test_a_memory_relaxes_faster_than_friction_alone(members, two_frictions):
    """For k from 1 to 10, in continuous time: the time of q^2 is 0.907 with memory, 1 without."""
    ansatz, supports = members
    friction = Harmonic(ansatz.member(supports[frozenset({"D_p"})]), GOAL)
    best = friction.promise({"D_p": 1.0})
    memory = two_frictions.promise({"D_p": 0.035, "D_s1": 3.757, "c_s1_p": 1.8})
    assert best is not None and memory is not None
    assert memory.efficiency > 1.07 * best.efficiency
    assert best.bias < 1e-9 and memory.bias < 1e-9


def test_a_word_with_a_bias_takes_the_step_that_keeps_it(members):
    """OBABO: K <q^2> = 1 / (1 - K h^2 / 4)."""
    ansatz, supports = members
    goal = dataclasses.replace(GOAL, bias=0.001)
    harmonic = Harmonic(ansatz.member(supports[frozenset({"D_p"})]), goal)
    found = harmonic._within_bias("OBABO", {"D_p": 1.0})
    assert found is not None
    x = 10 * found.step_size**2 / 4
    assert found.bias == pytest.approx(x / (1 - x), rel=1e-9)
    assert 0.0002 < found.bias <= 0.001


def test_gradient_noise_shortens_the_step_of_what_has_no_thermostat(members):
    ansatz, supports = members
    noisy = dataclasses.replace(GOAL, variance=10.0)
    friction = Harmonic(ansatz.member(supports[frozenset({"D_p"})]), noisy)
    found = friction._within_bias("BAOAB", {"D_p": 1.0})
    assert found is not None
    # 1 / K + V h / (2 K gamma), to leading order.
    assert found.bias == pytest.approx(10 * found.step_size / 2, rel=0.05)
    thermostat = Harmonic(ansatz.member(supports[frozenset({"D_p", "c_xi1_p_p"})]), noisy)
    held = thermostat._judged("BADODAB", {"D_p": 1.0, "c_xi1_p_p": 1.0}, 0.05)
    assert held.bias < 0.01 < friction._judged("BAOAB", {"D_p": 1.0}, 0.05).bias


def test_what_is_found_first_of_one_vector_is_langevin():
    (found,) = sk.discover(1)
    assert found.published == "langevin" and found.verification.verdict.value == "proved"
    # The autocorrelation time of q^2 is shortest at A = omega.
    assert found.promise.parameters["D_p"] == pytest.approx(1.0, rel=0.05)
    assert found.to_dict()["verdict"] == "proved"
    assert "langevin: D_p, proved" in str(found)


@pytest.mark.parametrize(
    "given",
    [
        {"vectors": 0},
        {"vectors": 4},
        {"vectors": True},
        {"scalars": -1},
        {"couplings": 0},
        {"keep": 1.5},
        {"stiffness": (0.0, 1.0)},
        {"stiffness": (2.0, 1.0)},
        {"stiffness": (1.0, float("nan"))},
        {"stiffness": 10.0},
        {"stiffness": "ab"},
        {"gradient_variance": -1.0},
        {"bias": 0.0},
    ],
)
def test_an_ansatz_that_is_none_is_refused(given):
    with pytest.raises(VerificationError):
        sk.discover(**given)
