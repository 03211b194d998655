"""Runs in parts that know nothing of each other."""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DataError, SimulationError
from sdekit.simulation.loop import blocks as plan
from sdekit.simulation.loop import driver
from sdekit.simulation.store.sinks import OnDisk
from sdekit.simulation.store.stored import read_samples

GIVEN = {"step_size": 0.1, "steps": 60, "thin": 2, "chains": 19, "seed": 5}
PARTS = 8
#: Rounding of single precision over the 60 steps of a contracting dynamics.
ROUNDING = 2e-6


@pytest.fixture(scope="module")
def sampler():
    langevin = sk.catalog.get("langevin")
    return sk.sampler(langevin, lambda z: jnp.sum(z**2) / 2 + jnp.sum(jnp.cos(z)), {"A": 1.0})


def part(sampler, number, **options):
    return sk.simulate(sampler, np.ones(2), part=(number, PARTS), **{**GIVEN, **options})


@pytest.fixture(scope="module")
def undisturbed(sampler, tmp_path_factory):
    store = tmp_path_factory.mktemp("parts") / "run.zarr"
    for number in range(PARTS):
        part(sampler, number, store=store)
    return read_samples(store)


def test_parts_are_the_chains_of_one_run(sampler, undisturbed):
    whole = sk.simulate(sampler, np.ones(2), **GIVEN).samples
    for name in whole:
        np.testing.assert_allclose(undisturbed[name], whole[name], rtol=0, atol=ROUNDING)
    # Twin: chains of another number are told apart.
    assert np.abs(undisturbed["theta"][::-1] - whole["theta"]).max() > 100 * ROUNDING


def test_dead_parts_are_run_again_alone_and_give_the_same_bits(
    sampler, undisturbed, tmp_path, monkeypatch, written_at_once
):
    """Three of eight are killed, one before it kept anything; rerun in another order."""
    monkeypatch.setattr(plan, "BLOCK_STEPS", 8)
    monkeypatch.setattr(driver, "PACE", 0.0)  # one block a call
    store, killed, append = tmp_path / "run.zarr", {1: 1, 4: 3, 6: 5}, OnDisk.append
    for number in range(PARTS):
        left = [killed.get(number, -1)]

        def dying(self, *chunk, left=left):
            left[0] -= 1
            if not left[0]:
                raise MemoryError
            append(self, *chunk)

        monkeypatch.setattr(OnDisk, "append", dying)
        if number in killed:
            with pytest.raises(MemoryError):
                part(sampler, number, store=store)
        else:
            part(sampler, number, store=store)
    monkeypatch.setattr(OnDisk, "append", append)
    for number in (6, 1, 4):
        resumed = part(sampler, number, store=store, resume=True)
        first = resumed.first_chain
        own = resumed.samples["theta"]
        assert np.array_equal(own, undisturbed["theta"][first : first + len(own)])
    found = read_samples(store)
    assert all(np.array_equal(found[name], undisturbed[name]) for name in undisturbed)


def test_each_part_starts_its_own_chains_of_the_starts(sampler):
    rows = np.arange(38.0).reshape(19, 2)
    given = {"step_size": 1e-8, "steps": 1, "thin": 1}
    for number in (0, 3, 7):
        options = {**GIVEN, **given}
        run = sk.simulate(sampler, starts=rows, part=(number, PARTS), **options)
        own = rows[run.first_chain :][: len(run.samples["theta"])]
        np.testing.assert_allclose(run.samples["theta"][:, 0], own, atol=1e-3)


def test_a_store_without_a_part_is_refused_and_one_part_is_no_whole_run(sampler, tmp_path):
    run = part(sampler, 2, store=tmp_path / "run.zarr")
    with pytest.raises(DataError, match="lacks the chains"):
        read_samples(tmp_path / "run.zarr")
    with pytest.raises(SimulationError, match=r"not here.*found 3 from chain 4 on"):
        run.gathered()
    with pytest.raises(SimulationError, match="written by other processes"):
        sk.simulate(sampler, np.ones(2), store=tmp_path / "run.zarr", **GIVEN)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((8, 8), r"there is no such part.*\(7, 8\)"),
        ((-1, 8), "there is no such part"),
        ((0, 0), "there is no such part"),
        ((0, 20), "at least 20 chains"),
        (3, "part is no pair"),
        ((1, 2, 3), "part is no pair"),
        ((0.5, 2), "part is no pair"),
        ("01", "part is no pair"),
    ],
)
def test_what_is_no_part_is_refused(sampler, given, message):
    with pytest.raises(SimulationError, match=message):
        sk.simulate(sampler, np.ones(2), part=given, **GIVEN)
