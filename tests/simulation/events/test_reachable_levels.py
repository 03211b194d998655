"""Levels at and near ends of a domain: exact chances, a run at a wall, what is refused."""

import numpy as np
import pytest
from scipy import integrate, stats

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.events.reachable_levels import WallAhead, passing_chance

X = sk.scalar("x", domain="positive")
WALK = sk.Dynamics(drift={X: 0}, noise={X: 1})


def _passed(room: float, believed: float, begin: float = 0.7) -> float:
    """Chance to have passed in a step of 1, by the law of a reflected end."""

    def density(end: float) -> float:
        image = begin + end + 2 * room
        return float(stats.norm.pdf(end - begin) + stats.norm.pdf(image))

    def passing(end: float) -> float:
        wall = WallAhead(np.float64(believed), False, True)
        return density(end) * float(passing_chance(wall, begin, end, 1.0))

    behind = integrate.quad(density, -room, 0.0)[0]
    return behind + integrate.quad(passing, 0.0, 12.0)[0]


@pytest.mark.parametrize("room", [0.0, 0.3, 2.0])
def test_a_level_before_a_wall_is_passed_as_often_as_without_the_wall(room):
    exact = 2 * stats.norm.sf(0.7)
    assert abs(_passed(room, room) - exact) < 1e-6
    # Twin: the bridge of a path that knows no wall.
    assert room > 1 or _passed(room, 1e30) < exact - 0.02


def test_a_level_beyond_the_domain_or_where_noise_vanishes_is_not_passed_before_a_step_ends_there():
    close = (np.float64(1e-3), np.float64(1e-3), 1.0)
    assert passing_chance(WallAhead(np.float64(-0.5), False, True), *close) == 0
    assert passing_chance(WallAhead(np.float64(0.0), True, True), *close) == 0
    # Twin: noise that vanishes farther away does not keep a path from the level.
    assert passing_chance(WallAhead(np.float64(0.5), True, True), *close) > 0.99


def test_a_reflected_walk_comes_to_its_wall_as_often_as_a_free_one_to_that_level():
    chains = 4000
    run = sk.simulate(
        WALK, 1.0, scheme="EM", step_size=0.25, t1=2.0, chains=chains,
        events={"end": sk.barrier(2 * X, lower=0), "beyond": sk.barrier(X, lower=-1, stop=False)},
    )  # fmt: skip
    exact = 2 * stats.norm.sf(1 / np.sqrt(2))
    seen = run.events["end"]
    error = np.sqrt(exact * (1 - exact) / chains)
    assert abs(1 - seen.censored / chains - exact) < 4.5 * error
    early = np.sum(seen.times < 0.5) / chains
    known = 2 * stats.norm.sf(1 / np.sqrt(0.5))
    assert abs(early - known) < 4.5 * np.sqrt(known * (1 - known) / chains)
    assert run.events["beyond"].censored == chains


def test_ends_that_steps_reach_and_leave_unseen_are_refused():
    q, p = sk.scalar("q", domain="positive"), sk.scalar("p")
    billiard = sk.Dynamics(
        drift={q: p, p: -p}, diffusion={p: 1}, hamiltonian=q + p**2 / 2, target=q
    )
    rate = sk.Dynamics(drift={X: 1 - X}, diffusion={X: X})
    for dynamics, event, words in [
        (billiard, sk.barrier(q, lower=0), "turns within a step"),
        (rate, sk.barrier(X, lower=0), "driven back within a step"),
    ]:
        with pytest.raises(SimulationError, match=words):
            sk.simulate(dynamics, 1.0, step_size=0.1, steps=10, events=event)
