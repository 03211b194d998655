"""Updates of one's own in a run: the joint law they keep, what they change, what is refused."""

from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import DivergenceError, SimulationError
from sdekit.simulation.updates.updating import Updating

#: Correlation of x and z, which are standard normal each.
RHO = 0.9
LEFT = 1 - RHO**2


def _energy(x, z):
    """-log of the density of x given z."""
    return jnp.sum((x - RHO * z) ** 2) / (2 * LEFT)


def _gibbs(key, position, auxiliary, extra):
    """z given x."""
    del auxiliary, extra
    return {"extra": RHO * position + np.sqrt(LEFT) * jax.random.normal(key)}


def _count(key, position, auxiliary, extra):
    del position, auxiliary
    return {"extra": {"count": extra["count"] + 1, "bits": jax.random.bits(key)}}


@pytest.fixture(scope="module")
def overdamped():
    x = sk.scalar("x")
    u = sk.potential("U", x)
    return sk.Dynamics(drift={x: -sk.grad(u, x)}, diffusion={x: 1}, hamiltonian=u)


def _joint(dynamics):
    return sk.simulate(
        dynamics, 0.0, potential=_energy, scheme="MALA", step_size=0.2, steps=2000, burn_in=100,
        chains=32, seed=3, updates=[sk.update(_gibbs)], extra=0.0,
    )  # fmt: skip


def _scores(run, standard_score):
    """z of E x^2 = 1, E z^2 = 1, E x z = rho."""
    x, z = run.samples["x"].astype(float), run.extra.astype(float)
    known = ((x * x, 1.0), (z * z, 1.0), (x * z, RHO))
    return [abs(standard_score(values, exact)) for values, exact in known]


def test_metropolis_steps_with_a_gibbs_draw_between_sample_the_joint_law(
    overdamped, standard_score
):
    run = _joint(overdamped)
    assert max(_scores(run, standard_score)) < 4.5
    assert any("updates of one's own" in note for note in run.remarks)


def test_the_check_fails_where_energy_and_gradient_stay_those_of_the_old_extra_array(
    overdamped, standard_score, monkeypatch
):
    """Twin."""
    monkeypatch.setattr(Updating, "_renewed", lambda self, words, fixed, state: state)
    # The compiled numbers would not agree with their operations either.
    monkeypatch.setattr("sdekit.simulation.guard.compiler_guard.CompilerGuard.handed_on", _nothing)
    assert max(_scores(_joint(overdamped), standard_score)) > 4.5


def _nothing(self, state):
    del self, state


@pytest.fixture(scope="module")
def counted(langevin):
    """Two updates of a run with a carried gradient, three chains."""

    def swap(key, position, auxiliary, extra):
        del key, extra
        return {"position": -position, "auxiliary": {"p": -auxiliary["p"]}}

    return sk.simulate(
        langevin, 5.0, potential=lambda x, e: jnp.sum(x**2) * (1 + e["count"]) / 100,
        parameters={"A": 1.0}, scheme="BAOAB", step_size=0.1, steps=12, burn_in=3, chains=3,
        updates=[sk.update(_count, every=3), sk.update(swap, every=5)],
        extra={"count": 0, "bits": np.uint32(0)},
        observables={"count": lambda blocks: blocks["extra"]["count"]},
    )  # fmt: skip


def test_an_update_is_made_after_every_kth_step_burn_in_included(counted):
    number = np.arange(4, 16)
    assert np.array_equal(counted.extra["count"], np.broadcast_to(number // 3, (3, 12)))
    assert counted.samples["extra.count"].dtype == np.int32
    assert np.allclose(counted.observed["count"].mean, np.mean(number // 3))
    flips = np.sign(counted.samples["theta"][:, 1]) != np.sign(counted.samples["theta"][:, 0])
    assert flips.all(), "step 5 turns the position round"


def test_the_gradient_handed_on_is_that_of_the_new_position_and_extra_array(counted):
    x, count = counted.samples["theta"][:, -1], counted.extra["count"][:, -1]
    (gradient,) = counted.state.cache.gradients.values()
    assert np.allclose(gradient["theta"], x * (1 + count) / 50, rtol=1e-5)
    assert not np.allclose(gradient["theta"], x * count / 50, rtol=1e-5)


def test_keys_differ_between_chains_and_steps_whatever_the_number_of_chains(counted, langevin):
    bits = counted.extra["bits"][:, ::3]
    assert len(np.unique(bits)) == bits.size
    alone = sk.simulate(
        langevin, 0.5, potential=lambda x, e: jnp.sum(x**2) / 2, parameters={"A": 1.0},
        scheme="EM", step_size=0.1, steps=15, updates=[sk.update(_count, every=3)],
        extra={"count": 0, "bits": np.uint32(0)}, record=["extra.bits"],
    )  # fmt: skip
    assert set(alone.samples) == {"extra.bits"}
    assert np.array_equal(alone.samples["extra.bits"][0, 3:], counted.extra["bits"][0])


def test_a_resumed_run_gives_the_draws_of_an_undisturbed_one(overdamped, tmp_path, written_at_once):
    del written_at_once
    sampler = sk.sampler(overdamped, _energy)
    updates = [sk.update(_gibbs, every=3)]

    def run(steps, **options):
        return sk.simulate(
            sampler, 0.0, step_size=0.1, steps=steps, chains=2, updates=updates, extra=0.0,
            **options,
        )  # fmt: skip

    whole, store = run(40), tmp_path / "run.zarr"
    run(20, store=store)
    resumed = run(40, store=store, resume=True)
    for name in ("x", "extra"):
        assert np.array_equal(whole.samples[name], resumed.samples[name])
    # Twin: an update of another function is another run, whatever its name.
    updates = [sk.update(lambda *given: {"extra": 2 * _gibbs(*given)["extra"]}, every=3)]
    with pytest.raises(SimulationError, match="another run"):
        run(60, store=store, resume=True)
    updates = [sk.update(_gibbs, every=3)]
    onward = sk.simulate(
        sampler, start_from=whole, step_size=0.1, steps=40, chains=2, updates=updates
    )
    assert np.array_equal(onward.extra[:, 0], whole.extra[:, -1]), "no update is due yet"


def test_a_minibatch_takes_the_extra_array_behind_the_position(overdamped):
    rows = jnp.arange(8.0)
    target = sk.Minibatch(
        lambda x, e: -e["scale"] * x**2 / 2, lambda x, e, row: -e["scale"] * (x - row) ** 2 / 2,
        rows, batch_size=8, sampling="without replacement",
    )  # fmt: skip

    def twice(key, position, auxiliary, extra):
        del key, position, auxiliary
        return {"extra": {"scale": 2 * extra["scale"]}}

    run = sk.simulate(
        overdamped, 1.0, potential=target, scheme="EM", step_size=1e-3, steps=2, seed=1,
        updates=[sk.update(twice)], extra={"scale": 1.0},
    )  # fmt: skip
    x = np.array([1.0, *run.samples["x"][0]])
    drawn = sk.simulate(overdamped, 1.0, potential=lambda x: 0 * x, scheme="EM", step_size=1e-3,
                        steps=2, seed=1).samples["x"][0]  # fmt: skip
    noise = np.diff([1.0, *drawn])
    slope = np.array([1.0, 2.0]) * (9 * x[:2] - 28)
    assert np.allclose(np.diff(x), noise - 1e-3 * slope, atol=1e-6)
    assert not np.allclose(np.diff(x), noise - 1e-3 * slope[0], atol=1e-3)
    assert run.notes, "measuring the noise of the gradient reads the extra array as well"


def test_what_leaves_its_domain_ends_the_run(overdamped):
    x = sk.scalar("x", domain=(0, 1))
    box = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
    out = sk.update(lambda key, position, auxiliary, extra: {"position": position + 1}, every=7)
    with pytest.raises(DivergenceError, match="after step 7"):
        sk.simulate(box, 0.5, step_size=1e-3, steps=20, updates=[out])


def _returning(value):
    return sk.update(lambda key, position, auxiliary, extra: value)


WRONG = {
    "does not say": _returning({"positon": 0.0}),
    "an empty dictionary": _returning({}),
    "found tuple": _returning((0.0, 1.0)),
    "float32 of shape \\(2,\\)": _returning({"extra": jnp.zeros(2)}),
    "number type of extra": _returning({"extra": jnp.zeros((), jnp.int32)}),
    "another structure": _returning({"position": {"x": 0.0}}),
    "auxiliary variables that there are not": _returning({"auxiliary": {"p": 0.0}}),
    "_gibbs, fails|fails": sk.update(lambda key, position: {"extra": position}),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_update_gets_one_clear_error(overdamped, message):
    with pytest.raises(SimulationError, match=message):
        sk.simulate(
            overdamped, 0.0, potential=_energy, step_size=0.1, steps=2, updates=[WRONG[message]],
            extra=0.0,
        )  # fmt: skip


def test_what_cannot_be_is_refused_in_words(overdamped, langevin):
    gibbs = [sk.update(_gibbs)]

    def run(**options):
        given = {"potential": _energy, "updates": gibbs, "extra": 0.0} | options
        return sk.simulate(overdamped, 0.0, step_size=0.1, steps=2, **given)

    target = sk.Minibatch(lambda x, e: 0.0 * e, lambda x, e, row: x + e, jnp.zeros(4), 2, svrg=5)
    cases = [
        ("extra without updates", {"updates": None}),
        ("no list of updates", {"updates": gibbs[0]}),
        ("no update", {"updates": [_gibbs]}),
        ("no array of real numbers", {"extra": "z"}),
        ("fails at the position given.* and extra", {"potential": lambda x: x**2}),
        ("without control variate", {"potential": target}),
        ("name of a variable|potential", {"extra": {"z": 1.0}}),
        ("start of extra is not finite", {"extra": np.nan}),
        ("variables alone, without updates", {"scheme": "heun"}),
        ("or extra arrays", {"record": ["z"]}),
    ]
    for message, options in cases:
        with pytest.raises(SimulationError, match=message):
            run(**options)
    with pytest.raises(SimulationError, match="sweep runs without updates"):
        sk.simulate(
            langevin, 0.0, potential=_energy, step_size=0.1, steps=2, updates=gibbs, extra=0.0,
            sweep={"A": [1.0, 2.0]},
        )  # fmt: skip
    wrong: Any
    for wrong in ({"every": 0}, {"every": 2.0}):
        with pytest.raises(SimulationError, match="every is wrong"):
            sk.update(_gibbs, **wrong)
    with pytest.raises(SimulationError, match="cannot be called"):
        sk.update(cast(Any, 1))


def test_a_formula_reads_no_extra_array_and_runs_beside_one(overdamped):
    import sympy as sp

    run = sk.simulate(
        overdamped, 0.0, potential=sp.Symbol("x") ** 2 / 2, step_size=0.1, steps=6,
        updates=[sk.update(_gibbs, every=2)], extra=0.0,
    )  # fmt: skip
    assert run.extra[0, 0] == 0
    assert len(np.unique(run.extra[0])) == 4


def test_an_update_leaves_what_rounding_keeps_of_entries_that_it_does_not_set():
    """Exact: 1 + 4000 * 1e-9, to one rounding of 1; each step is a sixtieth of that rounding."""
    x, y = sk.vector("x", 2), sk.scalar("y")
    slow = sk.Dynamics(drift={x: sk.parameter("c") * sk.ones(2), y: 0 * y}, noise={y: 1})

    def sets_the_second(key, position, auxiliary, extra):
        del key, auxiliary, extra
        return {"position": {"x": position["x"].at[1].set(0.0), "y": position["y"]}}

    run = sk.simulate(
        slow, {"x": np.array([1, 1024]), "y": 0.0}, parameters={"c": 1e-9}, step_size=1.0,
        steps=4000, thin=4000, scheme="EM", updates=[sk.update(sets_the_second, every=3999)],
    )  # fmt: skip
    kept, replaced = run.samples["x"][0, -1].astype(float)
    assert abs(kept - (1 + 4e-6)) < 2.0**-23
    # Twin: nothing is left beside an entry that is set; 1024 had 4e-6, and one step follows.
    assert abs(replaced - 1e-9) < 1e-15
