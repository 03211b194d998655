"""A run that was stopped goes on as if nothing had happened, and leaves what can be read."""

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulate import driver, plan
from sdekit.simulate.observables import Observable
from sdekit.simulate.store import SampleStore

OBSERVABLES = {
    "moments": lambda blocks: jnp.stack([blocks["x"], blocks["x"] ** 2]),
    "virial": Observable(
        lambda blocks: jnp.stack([blocks["x"] ** 2, jnp.cosh(blocks["x"])]), is_ratio=True
    ),
}


class Killed(SampleStore):
    """A store whose run is killed when it hands over a given chunk."""

    def __init__(self, path, chunks):
        super().__init__(path)
        self.chunks_left = chunks

    def append(self, first_draw, samples, state, next_step):
        self.chunks_left -= 1
        if not self.chunks_left:
            raise KeyboardInterrupt
        super().append(first_draw, samples, state, next_step)


@pytest.fixture(scope="module")
def sampler(ornstein_uhlenbeck):
    return sk.sampler(ornstein_uhlenbeck, scheme="EM")


@pytest.fixture
def short_batches(monkeypatch):
    """Blocks of 4 draws and batches of 16."""
    monkeypatch.setattr(plan, "BLOCK_STEPS", 8)
    monkeypatch.setattr(plan, "CHUNK_STEPS", 32)


OPTIONS = {"step_size": 0.1, "steps": 90, "thin": 2, "burn_in": 16, "chains": 3, "seed": 6}


def same_moments(one, other):
    """Whether all numbers of two results agree in every bit."""
    return all(
        np.array_equal(
            np.asarray(getattr(one[name], number), np.float64),
            np.asarray(getattr(other[name], number), np.float64),
            equal_nan=True,
        )
        for name in OBSERVABLES
        for number in ("mean", "variance", "standard_error", "batches", "weight")
    )


@pytest.mark.parametrize("chunks", [2, 5, 9, 15])
def test_observables_of_a_resumed_run_are_those_of_the_undisturbed_one(
    sampler, tmp_path, monkeypatch, short_batches, chunks
):
    """Killed in the burn-in, early, within a batch and at the last chunk; resumed at another pace.

    The undisturbed run is not paced: 3 chains and batches of 16, 16 and 13 draws.
    """
    options = {**OPTIONS, "observables": OBSERVABLES}
    whole = sk.simulate(sampler, 0.5, **options)
    assert whole.observed["moments"].batches == 9
    monkeypatch.setattr(driver, "PACE", 0.0)  # one block a call
    with pytest.raises(KeyboardInterrupt):
        sk.simulate(sampler, 0.5, store=Killed(tmp_path / "run.zarr", chunks), **options)
    monkeypatch.setattr(driver, "PACE", 1e6)
    resumed = sk.simulate(sampler, 0.5, store=tmp_path / "run.zarr", resume=True, **options)
    assert np.array_equal(resumed.samples["x"], whole.samples["x"])
    assert same_moments(resumed.observed, whole.observed)
    # Twin: a run of another seed is told apart.
    other = sk.simulate(sampler, 0.5, **{**options, "seed": 7})
    assert not same_moments(other.observed, whole.observed)


def test_a_complete_run_is_resumed_with_its_observables(sampler, tmp_path):
    options = {**OPTIONS, "observables": OBSERVABLES, "store": tmp_path / "run.zarr"}
    whole = sk.simulate(sampler, 0.5, **options)
    assert same_moments(sk.simulate(sampler, 0.5, resume=True, **options).observed, whole.observed)


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"square": lambda blocks: blocks["x"] ** 2},
        {**OBSERVABLES, "moments": lambda blocks: blocks["x"]},
        {**OBSERVABLES, "virial": OBSERVABLES["virial"].function},
    ],
)
def test_other_observables_than_those_stored_are_refused(sampler, tmp_path, others):
    options = {**OPTIONS, "store": tmp_path / "run.zarr"}
    sk.simulate(sampler, 0.5, observables=OBSERVABLES, **options)
    with pytest.raises(SimulationError, match="another run: expected observables") as caught:
        sk.simulate(sampler, 0.5, resume=True, observables=others, **options)
    assert "\n" not in str(caught.value)


def test_a_state_of_another_structure_is_refused(tmp_path):
    """The header does not know the potential; a gradient source that carries more shows here."""
    u = sk.potential("U", x := sk.scalar("x"))
    dynamics = sk.Dynamics(drift={x: -sk.grad(u, x)}, diffusion={x: 1}, hamiltonian=u)
    options = {**OPTIONS, "scheme": "EM", "store": tmp_path / "run.zarr"}
    sk.simulate(dynamics, 0.5, potential=lambda q: q**2, **options)
    rows = sk.Minibatch(
        lambda q: -(q**2), lambda q, row: -q * row[0], np.ones((8, 1)), 4, sampling="epochs"
    )
    with pytest.raises(SimulationError, match="the state in the store is not one of this run"):
        sk.simulate(dynamics, 0.5, potential=rows, resume=True, **options)
