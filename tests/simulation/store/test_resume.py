"""A run that was stopped goes on as if nothing had happened, and leaves what can be read."""

import signal
import subprocess
import time

import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DivergenceError, SimulationError
from sdekit.simulation.loop import blocks as plan
from sdekit.simulation.loop import driver
from sdekit.simulation.loop.observables import Observable
from sdekit.simulation.store import sinks
from sdekit.simulation.store.checkpoint import load_checkpoint
from sdekit.simulation.store.store_path import checkpoint_path
from sdekit.simulation.store.stored import read_samples
from sdekit.simulation.store.zarr_store import SampleStore
from verification import kill_test

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
    """Blocks of some 8 steps and batches of 32 at most."""
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
    sampler, tmp_path, monkeypatch, short_batches, written_at_once, chunks
):
    """Killed in the burn-in, early, within a batch and at the last chunk; resumed at another pace.

    The undisturbed run is not paced: 3 chains and three batches of the 45 draws.
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
    """As on other devices, which fill up the chains to another number."""
    store = SampleStore(tmp_path / "run.zarr")
    store.begin({}, {"x": ((), "float32")}, chains=1, draws=1)
    sinks.OnDisk(store).resumed({"x": np.zeros(3)})
    store.close()
    again = SampleStore.reopen(store.path)
    with pytest.raises(SimulationError, match="the state in the store is not one of this run"):
        sinks.OnDisk(again).resumed({"x": np.zeros(4)})


def test_what_waits_is_written_in_one_piece(sampler, tmp_path, monkeypatch, short_batches):
    """Where writing is dear, draws wait for the end; the first chunk is written at once."""
    monkeypatch.setattr(driver, "PACE", 0.0)
    monkeypatch.setattr(sinks, "WRITING_SHARE", 1e-9)
    pieces = []

    class Noted(SampleStore):
        def append(self, first_draw, samples, state, next_step):
            pieces.append((first_draw, next_step))
            super().append(first_draw, samples, state, next_step)

    run = sk.simulate(sampler, 0.5, store=Noted(tmp_path / "run.zarr"), **OPTIONS)
    assert pieces == [(0, 0), (0, 6), (0, 106)]
    assert np.array_equal(run.samples["x"], sk.simulate(sampler, 0.5, **OPTIONS).samples["x"])
    # Twin: little memory for what waits makes many pieces.
    monkeypatch.setattr(sinks, "WAITING_BYTES", 1)
    sk.simulate(sampler, 0.5, store=Noted(tmp_path / "again.zarr"), **OPTIONS)
    assert len(pieces) > 10


def test_draws_that_wait_hold_no_more_memory_than_their_own(tmp_path):
    sink = sinks.OnDisk(SampleStore(tmp_path / "run.zarr"))
    sink.seconds = np.inf
    buffer = np.ones((1000, 1), np.float32)
    sink.append(0, {"x": buffer[:2]}, (), 2)
    assert np.array_equal(sink.waiting[0]["x"], buffer[:2])
    assert not np.shares_memory(sink.waiting[0]["x"], buffer)


def test_a_diverged_run_leaves_its_last_finite_state(tmp_path, monkeypatch, short_batches):
    monkeypatch.setattr(driver, "PACE", 0.0)
    x = sk.scalar("x")
    explosion = sk.Dynamics(drift={x: x**3}, diffusion={x: sk.parameter("D", positive=True)})
    path = tmp_path / "run.zarr"
    options = {"parameters": {"D": 1e-12}, "step_size": 0.01, "steps": 400, "chains": 2}
    with pytest.raises(DivergenceError, match="is not finite after step") as caught:
        sk.simulate(explosion, 1.0, store=path, **options)
    step = int(str(caught.value).split("after step ")[1].split(":")[0])
    samples, store = read_samples(path)["x"], SampleStore.reopen(path)
    store.close()
    # All draws before that step count; the state is that of the last.
    assert samples.shape[1] == store.next_step == step - 1
    assert np.all(np.isfinite(samples))
    assert np.array_equal(store.state_leaves[0], samples[:, -1])
    assert np.array_equal(caught.value.run.state.blocks["x"], samples[:, -1])
    assert np.array_equal(caught.value.run.samples["x"], samples)
    with pytest.raises(DivergenceError, match=f"after step {step}:"):
        sk.simulate(explosion, 1.0, store=path, resume=True, **options)


def test_ctrl_c_leaves_a_store_that_can_be_read_and_resumed(tmp_path):
    """A process of its own gets the signal while it samples."""
    path = tmp_path / "run.zarr"
    with kill_test.start("thermostat", path, subprocess.DEVNULL) as process:
        kill_test.wait_for_checkpoint(process, path)
        while process.poll() is None and not load_checkpoint(checkpoint_path(path))[1]["draws"]:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
    assert process.returncode == -signal.SIGINT
    before = read_samples(path)["theta"]
    with kill_test.start("thermostat", path) as process:
        assert process.wait() == 0
    after = read_samples(path)["theta"]
    assert 0 < before.shape[1] < after.shape[1] == 10_000
    assert np.array_equal(before, after[:, : before.shape[1]])
    assert np.all(np.isfinite(after))


def test_ctrl_c_keeps_draws_in_memory(monkeypatch, short_batches):
    """The signal comes while a chunk is made; a twin without it has all draws."""
    x = sk.scalar("x")
    ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
    options = {"step_size": 0.1, "steps": 4000, "chains": 2, "progress": False}
    whole = sk.simulate(ou, 0.0, **options).samples["x"]
    made = driver.Driver.chunks

    def with_signal(*arguments, **named):
        for chunk in made(*arguments, **{**named, "paced": True}):
            signal.raise_signal(signal.SIGINT)
            yield chunk

    monkeypatch.setattr(driver.Driver, "chunks", with_signal)
    with pytest.raises(KeyboardInterrupt, match=r"interrupted after draw \d+ of 4000") as caught:
        sk.simulate(ou, 0.0, **options)
    kept = caught.value.run.samples["x"]
    assert 0 < kept.shape[1] < 4000
    assert np.array_equal(kept, whole[:, : kept.shape[1]])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("scheme", ["EM", "default"])
def test_a_stored_run_is_lengthened_as_if_never_interrupted(tmp_path, scheme):
    x = sk.scalar("x")
    ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
    sampler = sk.sampler(ou, scheme=None if scheme == "default" else scheme)
    options = {"step_size": 0.1, "thin": 3, "burn_in": 20, "chains": 3, "seed": 1}
    whole = sk.simulate(sampler, 0.0, steps=600, **options).samples["x"]
    path = tmp_path / "run.zarr"
    first = sk.simulate(sampler, 0.0, steps=300, store=path, **options)
    longer = sk.simulate(sampler, 0.0, steps=600, store=path, resume=True, **options)
    assert np.array_equal(longer.samples["x"], whole)
    # The run that was lengthened still reads its own draws.
    assert np.array_equal(first.samples["x"], whole[:, :100])
    with pytest.raises(SimulationError, match=r"another run: expected draws = 200, found draws"):
        sk.simulate(sampler, 0.0, steps=300, store=path, resume=True, **options)


def test_a_schedule_names_the_step_size_at_which_a_run_diverged():
    x = sk.scalar("x")
    explosion = sk.Dynamics(drift={x: x**3}, diffusion={x: 0})
    with pytest.raises(DivergenceError, match=r"found step size 0\.5"):
        sk.simulate(explosion, 1.0, step_size=lambda k: jnp.where(k < 5, 0.01, 0.5), steps=400)
