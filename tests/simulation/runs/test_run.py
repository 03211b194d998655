"""Whole runs: reproducible, cut anywhere, and stopped where a chain diverges."""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DivergenceError, SimulationError
from sdekit.simulation.loop import blocks as plan
from sdekit.simulation.store.zarr_store import SampleStore


@pytest.fixture(scope="module")
def sampler(ornstein_uhlenbeck):
    return sk.sampler(ornstein_uhlenbeck, scheme="EM")


@pytest.fixture(scope="module")
def whole(sampler):
    """Every step of three chains."""
    return sk.simulate(sampler, 0.5, step_size=0.1, steps=84, chains=3, seed=4).samples["x"]


def test_a_seed_fixes_every_number(sampler, whole):
    again = sk.simulate(sampler, 0.5, step_size=0.1, steps=84, chains=3, seed=4).samples["x"]
    other = sk.simulate(sampler, 0.5, step_size=0.1, steps=84, chains=3, seed=5).samples["x"]
    assert np.array_equal(whole, again)
    assert not np.any(whole == other)


def test_a_chain_does_not_depend_on_how_many_run(sampler, whole):
    alone = sk.simulate(sampler, 0.5, step_size=0.1, steps=84, seed=4).samples["x"]
    many = sk.simulate(sampler, 0.5, step_size=0.1, steps=84, chains=9, seed=4).samples["x"]
    assert np.allclose(alone[0], whole[0], rtol=0, atol=2e-6)
    assert np.allclose(many[:3], whole, rtol=0, atol=2e-6)


@pytest.mark.parametrize(("thin", "burn_in"), [(2, 0), (3, 0), (7, 0), (2, 4), (3, 5), (84, 0)])
def test_thinning_and_burn_in_leave_the_path_as_it_is(sampler, whole, thin, burn_in):
    run = sk.simulate(
        sampler,
        0.5,
        step_size=0.1,
        steps=84 - burn_in,
        thin=thin,
        burn_in=burn_in,
        chains=3,
        seed=4,
    )
    expected = whole[:, burn_in + thin - 1 :: thin]
    assert run.samples["x"].shape == (3, (84 - burn_in) // thin)
    assert np.allclose(run.samples["x"], expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize(("thin", "burn_in"), [(1, 0), (4, 8), (21, 21), (42, 0)])
def test_cutting_into_blocks_and_chunks_changes_nothing(
    ornstein_uhlenbeck, whole, monkeypatch, thin, burn_in
):
    monkeypatch.setattr(plan, "BLOCK_STEPS", 8)
    monkeypatch.setattr(plan, "CHUNK_STEPS", 16)
    cut = sk.sampler(ornstein_uhlenbeck, scheme="EM")
    run = sk.simulate(
        cut, 0.5, step_size=0.1, steps=84 - burn_in, thin=thin, burn_in=burn_in, chains=3, seed=4
    )
    assert np.allclose(run.samples["x"], whole[:, burn_in + thin - 1 :: thin], rtol=0, atol=2e-6)


def explosion():
    x = sk.scalar("x")
    return sk.Dynamics(drift={x: x**3}, diffusion={x: sk.parameter("D", positive=True)})


def test_a_diverged_chain_is_named_with_its_step_and_keeps_what_was_sampled():
    x, steps = np.float32(1.0), 0
    while np.isfinite(x):
        with np.errstate(over="ignore"):
            x = x + np.float32(0.1) * x**3
        steps += 1
    with pytest.raises(
        DivergenceError, match=f"chain 0 is not finite after step {steps}"
    ) as caught:
        sk.simulate(explosion(), 1.0, parameters={"D": 1e-12}, step_size=0.1, steps=100, thin=2)
    samples = caught.value.run.samples["x"]
    assert samples.shape == (1, (steps - 1) // 2)
    assert np.all(np.isfinite(samples))


def test_the_first_of_many_chains_to_diverge_is_named():
    def start(key):
        # Only the chain whose draw is largest leaves; which one that is, is found below.
        return jax.random.uniform(key, minval=0.0, maxval=1.0)

    with pytest.raises(DivergenceError, match="chain") as caught:
        sk.simulate(
            explosion(), start, parameters={"D": 1e-12}, step_size=0.1, steps=40, chains=5, seed=1
        )
    first = caught.value.run.samples["x"][:, 0]
    assert f"chain {int(np.argmax(first))} " in str(caught.value)


def test_a_negative_diffusion_stops_the_run():
    x = sk.scalar("x")
    wrong = sk.Dynamics(drift={x: -x}, diffusion={x: -sk.parameter("D")})
    with pytest.raises(DivergenceError, match="after step 1"):
        sk.simulate(wrong, 1.0, parameters={"D": 1.0}, scheme="EM", step_size=0.1, steps=10)


def test_positions_may_be_trees_and_come_back_as_trees(langevin):
    from sdekit import catalog

    position = {"w": jnp.ones((2, 3)), "b": jnp.zeros(2)}

    def potential(tree):
        return jnp.sum(tree["w"] ** 2) / 2 + jnp.sum(jnp.cosh(tree["b"]))

    run = sk.simulate(
        catalog.get("langevin"), position, potential=potential, parameters={"A": 1.0},
        step_size=0.1, steps=20, chains=2,
    )  # fmt: skip
    assert run.samples["theta"].shape == (2, 20, 8)
    assert run.position["w"].shape == (2, 20, 2, 3)
    flat = np.concatenate(
        [run.position["b"].reshape(2, 20, 2), run.position["w"].reshape(2, 20, 6)], 2
    )
    assert np.array_equal(flat, run.samples["theta"])


def test_only_recorded_variables_are_kept(langevin):
    run = sk.simulate(
        langevin, 0.0, potential=lambda q: q**2, parameters={"A": 1.0}, step_size=0.1, steps=6,
        record=["p"],
    )  # fmt: skip
    assert set(run.samples) == {"p"}


class Interrupted(SampleStore):
    """A store whose run is killed after some chunks."""

    chunks_left = 3

    def append(self, first_draw, samples, state, next_step):
        self.chunks_left -= 1
        if not self.chunks_left:
            raise KeyboardInterrupt
        super().append(first_draw, samples, state, next_step)


def test_an_interrupted_run_goes_on_bit_by_bit(thermostat, tmp_path, monkeypatch, written_at_once):
    monkeypatch.setattr(plan, "BLOCK_STEPS", 8)
    monkeypatch.setattr(plan, "CHUNK_STEPS", 16)
    sampler = sk.sampler(thermostat, potential=lambda q: q**2 / 2, parameters={"A": 1.0, "mu": 1.0})
    options = {"step_size": 0.1, "steps": 64, "thin": 2, "burn_in": 16, "chains": 2, "seed": 3}
    expected = sk.simulate(sampler, 0.5, **options).samples
    path = tmp_path / "run.zarr"
    with pytest.raises(KeyboardInterrupt):
        sk.simulate(sampler, 0.5, store=Interrupted(path), **options)
    with pytest.raises(SimulationError, match="the store holds another run"):
        sk.simulate(sampler, 0.5, store=path, resume=True, **{**options, "seed": 4})
    resumed = sk.simulate(sampler, 0.5, store=path, resume=True, **options).samples
    for name, values in expected.items():
        assert np.array_equal(resumed[name], values)


def test_observables_see_every_draw(ornstein_uhlenbeck):
    run = sk.simulate(
        ornstein_uhlenbeck, 0.5, scheme="EM", step_size=0.1, steps=100, thin=5, chains=3,
        observables={"square": lambda blocks: blocks["x"] ** 2},
    )  # fmt: skip
    expected = np.mean(run.samples["x"].astype(np.float64) ** 2)
    assert float(run.observed["square"].mean) == pytest.approx(expected, rel=1e-6)


TWO_DEVICES = """
import json, sdekit as sk
x = sk.scalar("x")
ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1})
options = {"scheme": "EM", "step_size": 0.1, "steps": 20, "chains": 3, "seed": 4}
runs = [sk.simulate(ou, 0.5, devices=k, **options) for k in (1, 2)]
print(json.dumps([run.samples["x"].tolist() for run in runs]))
"""


def test_two_devices_give_the_numbers_of_one():
    flags = "--xla_force_host_platform_device_count=2"
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES],
        check=True, capture_output=True, text=True, env={**os.environ, "XLA_FLAGS": flags},
    )  # fmt: skip
    one, two = map(np.asarray, json.loads(done.stdout))
    assert one.shape == (3, 20)
    assert np.allclose(one, two, rtol=0, atol=2e-6)


WRONG = {
    "steps is wrong": {"steps": 0},
    "steps is wrong: expected an integer": {"steps": 10.0},
    "thin is wrong": {"thin": -1},
    "chains is wrong": {"chains": True},
    "burn_in is wrong": {"burn_in": -1},
    "seed is wrong": {"seed": -1},
    "seed is wrong: expected an integer from 0 to 2.32 - 1": {"seed": 2**32},
    "seed is wrong: expected an integer": {"seed": 1.0},
    "no draw is kept": {"thin": 50},
    "the step size is wrong": {"step_size": -0.1},
    "the step size is wrong: expected a positive number": {"step_size": float("nan")},
    "the start of x is not finite": {"position": float("inf")},
    "the position of x has the wrong shape": {"position": np.zeros(3)},
    "the position holds something": {"position": "zero"},
    "record does not name variables": {"record": ["y"]},
    "unknown parameter q": {"parameters": {"q": 1.0}},
    "unknown precision": {"precision": "float16"},
    "unknown source of noise": {"noise": "sobol"},
    "y is no auxiliary variable": {"auxiliary": {"y": 1.0}},
    "the number of devices is wrong": {"devices": 99},
    "a potential is given to a dynamics without": {"potential": lambda q: q},
    "there is nothing to resume": {"resume": True},
}


@pytest.mark.parametrize("message", WRONG)
def test_every_wrong_argument_is_told_in_one_line(ornstein_uhlenbeck, message):
    options = {"position": 0.0, "step_size": 0.1, "steps": 10, "scheme": "EM", **WRONG[message]}
    position = options.pop("position")
    with pytest.raises(SimulationError, match=message) as caught:
        sk.simulate(ornstein_uhlenbeck, position, **options)
    assert "\n" not in str(caught.value)


def test_a_dynamics_without_claim_says_so(ornstein_uhlenbeck):
    x = sk.scalar("x")
    plain = sk.Dynamics(drift={x: -x}, diffusion={x: 1})
    run = sk.simulate(plain, 0.0, scheme="EM", step_size=0.1, steps=2)
    assert "no stationary density" in run.notes[0]
    proved = sk.simulate(ornstein_uhlenbeck, 0.0, scheme="EM", step_size=0.1, steps=2)
    assert proved.notes == ()
    refuted = sk.Dynamics(drift={x: -2 * x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
    run = sk.simulate(refuted, 0.0, scheme="EM", step_size=0.1, steps=2)
    assert "not proved" in run.notes[0]


@pytest.mark.parametrize(
    ("noise", "chains"),
    [("threefry-fast", 1), ("threefry-fast", 40_000), ("jax", 3), ("weak", 2), ("weak", 40_000)],
)
@pytest.mark.parametrize(("thin", "burn_in"), [(1, 1), (5, 7), (4, 3), (26, 5)])
def test_draws_and_calls_may_begin_within_a_pair(ornstein_uhlenbeck, noise, chains, thin, burn_in):
    """Two steps share a hash; one chain, so many that blocks are short, and the other noise."""
    sampler = sk.sampler(ornstein_uhlenbeck, scheme="EM", noise=noise)
    options = {"step_size": 0.1, "chains": chains, "seed": 4}
    steps = 5 * thin
    whole = sk.simulate(sampler, 0.3, steps=burn_in + steps, **options).samples["x"]
    run = sk.simulate(sampler, 0.3, steps=steps, thin=thin, burn_in=burn_in, **options)
    found = run.samples["x"]
    expected = whole[:, burn_in + thin - 1 :: thin]
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)
    # Twin: one step off is seen.
    later = whole[:, burn_in + thin :: thin][:, :4]
    assert np.abs(found[:, :4] - later).max() > 0.1
