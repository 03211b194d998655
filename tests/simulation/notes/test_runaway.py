"""Positions that run away are told of, whatever the scheme; those that do not are not."""

from types import SimpleNamespace

import numpy as np
import pytest

import sdekit as sk
from sdekit.simulation.notes.runaway import runaway_notes

OVERDAMPED = sk.catalog.get("overdamped")
TIMES = np.linspace(0.0, 5.0, 100)


def run_of(paths, dynamics=OVERDAMPED):
    """What the notes read of a run whose position has these paths, (chain, draw)."""
    return SimpleNamespace(
        dynamics=dynamics, draws=paths.shape[1], samples={"theta": paths[..., None]}
    )


@pytest.mark.parametrize("chains", [1, 4])
def test_an_exponential_is_a_runaway(chains):
    noise = np.random.default_rng(0).normal(size=(chains, 100))
    (note,) = runaway_notes(run_of(np.exp(TIMES) + 0.1 * noise))
    assert "theta runs away" in note and "*minus* the log density" in note


def test_what_stays_walks_or_goes_straight_is_none():
    """Twin: draws of a law, a random walk, a straight line, and one of two chains that stays."""
    noise = np.random.default_rng(1).normal(size=(200, 2, 100))
    calm = [*noise, *noise.cumsum(axis=2), np.stack([TIMES, 2 * TIMES])]
    calm.append(np.stack([np.exp(TIMES), noise[0, 0]]))
    assert [paths for paths in calm if runaway_notes(run_of(paths))] == []


def test_few_draws_and_dynamics_without_a_law_say_nothing():
    assert runaway_notes(run_of(np.exp(TIMES[None, :10]))) == []
    assert runaway_notes(run_of(np.exp(TIMES[None]), sk.catalog.get("black-scholes"))) == []


def test_a_run_with_the_wrong_sign_of_its_potential_says_so():
    options = {"step_size": 0.1, "steps": 60, "chains": 2, "seed": 0, "scheme": "EM"}
    wrong = sk.simulate(OVERDAMPED, np.zeros(1), potential=lambda q: -(q @ q) / 2, **options)
    right = sk.simulate(OVERDAMPED, np.zeros(1), potential=lambda q: q @ q / 2, **options)
    assert any("runs away" in note for note in wrong.notes)
    assert not any("runs away" in note for note in right.notes)
