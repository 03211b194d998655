"""Streaming averages equal those of the stored draws, in single precision over many steps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.loop import observables as ob
from sdekit.simulation.loop import totals

RNG = np.random.default_rng(0)
#: (draw, n, chains) far from zero, where plain float32 sums lose their digits.
P = (RNG.normal(size=(400, 3, 2)) * 0.01 + 100).astype(np.float32)
NDIMS = {"p": 1}


def streamed(watched, draws, weights, chunks=4):
    total = None

    @jax.jit
    def run(draws, weights):
        start = watched.init({"p": draws[0]})

        def step(sums, one):
            return watched.update(sums, {"p": one[0]}, one[1]), None

        return jax.lax.scan(step, start, (draws, weights))[0]

    for part, w in zip(np.split(draws, chunks), np.split(weights, chunks), strict=True):
        total = watched.merge(total, run(part, w.astype(np.float32)))
    return watched.result(total)


def test_mean_and_variance_are_those_of_the_draws():
    watched = ob.Observables({"p": lambda blocks: blocks["p"]}, NDIMS, chains=2)
    found = streamed(watched, P, np.ones(400))["p"]
    exact = P.astype(float).transpose(1, 0, 2).reshape(3, -1)
    np.testing.assert_allclose(found.mean, exact.mean(1), rtol=1e-7)
    np.testing.assert_allclose(found.variance, exact.var(1), rtol=1e-3)
    assert (found.batches, found.weight) == (8, 800.0)
    z = (found.mean - 100) / found.standard_error
    assert np.max(np.abs(z)) < 6.0  # Student t with 7 degrees of freedom


def test_the_sum_check_has_power():
    """Twin: a plain float32 sum of squares around zero loses the variance altogether."""
    plain = np.float32(0)
    for value in P[:, 0, 0]:
        plain += value * value
    variance = plain / 400 - np.float32(P[:, 0, 0].mean()) ** 2
    assert abs(variance / P[:, 0, 0].astype(float).var() - 1) > 0.5


def test_weights_are_those_of_the_steps():
    weights = RNG.random(400)
    watched = ob.Observables({"p": lambda blocks: blocks["p"][0]}, NDIMS, chains=2)
    found = streamed(watched, P, weights)["p"]
    exact = np.average(P[:, 0].astype(float).mean(1), weights=weights)
    np.testing.assert_allclose(found.mean, exact, rtol=1e-7)


def test_long_sums_keep_their_digits():
    """A million steps of 1.1: the plain float32 sum is off by 1e-3 relative."""
    watched = ob.Observables({"p": lambda blocks: blocks["p"]}, {"p": 0})

    @jax.jit
    def run():
        start = watched.init({"p": jnp.float32(1.0)})
        return jax.lax.fori_loop(
            0, 1_000_000, lambda _, s: watched.update(s, {"p": jnp.float32(1.1)}, 1.0), start
        )

    found = watched.result(watched.merge(None, run()))["p"]
    np.testing.assert_allclose(found.mean, np.float32(1.1), rtol=1e-7)
    assert found.weight == 1e6


def test_temperatures_of_a_harmonic_oscillator():
    rng = np.random.default_rng(1)
    draws = (rng.normal(size=(4_000, 3, 2)) * np.sqrt(1.5 / 2)).astype(np.float32)
    watched = ob.Observables(
        {
            "kinetic": ob.kinetic_temperature(inverse_mass=2.0),
            "configurational": ob.configurational_temperature(lambda q: jnp.sum(q**2), "p"),
        },
        NDIMS,
        chains=2,
    )
    found = streamed(watched, draws, np.ones(4_000), chunks=20)
    for moments in found.values():
        assert abs((moments.mean - 1.5) / moments.standard_error) < 4.5
        assert abs((moments.mean - 1.0) / moments.standard_error) > 7


def test_batches_join_to_the_same_moments_in_any_grouping():
    """Against the sums over all batches, written out."""
    weights = RNG.uniform(0.5, 1.5, (12, 1)) * np.ones(2)
    means, seconds = RNG.normal(3.0, 0.1, (2, 12, 2))
    batches = [
        totals.of_batch(weights[k : k + 3], means[k : k + 3], seconds[k : k + 3], False)
        for k in range(0, 12, 3)
    ]
    one_by_one = functools.reduce(totals.joined, batches, totals.no_batches((2,), False))
    in_pairs = totals.joined(totals.joined(*batches[:2]), totals.joined(*batches[2:]))
    mean = np.average(means, 0, weights)
    variance = (seconds + weights * (means - mean) ** 2).sum(0) / weights.sum(0)
    share = weights / weights.sum(0)
    error = np.sqrt((share**2 * (means - mean) ** 2).sum(0) * 12 / 11)
    for found in map(totals.total_moments, (one_by_one, in_pairs)):
        assert found.batches == 12
        np.testing.assert_allclose(found.mean, mean, rtol=1e-14)
        np.testing.assert_allclose(found.variance, variance, rtol=1e-12)
        np.testing.assert_allclose(found.standard_error, error, rtol=1e-12)


def test_the_error_of_a_ratio_is_that_of_its_linear_form():
    pairs = RNG.normal(3.0, 0.2, (12, 2))
    weights = np.ones((12, 2))
    batches = [totals.of_batch(weights[:5], pairs[:5], 0 * weights[:5], True),
               totals.of_batch(weights[5:], pairs[5:], 0 * weights[5:], True)]  # fmt: skip
    found = totals.total_moments(totals.joined(*batches))
    ratio = pairs[:, 0].mean() / pairs[:, 1].mean()
    gaps = (pairs[:, 0] - ratio * pairs[:, 1]) / pairs[:, 1].mean()
    np.testing.assert_allclose(found.mean, ratio, rtol=1e-14)
    np.testing.assert_allclose(found.standard_error, gaps.std(ddof=0) / np.sqrt(11), rtol=1e-12)


def test_one_chain_has_no_axis_of_chains():
    watched = ob.Observables({"p": lambda blocks: blocks["p"]}, NDIMS)
    found = streamed(watched, P[..., 0], np.ones(400), chunks=2)["p"]
    np.testing.assert_allclose(found.mean, P[..., 0].astype(float).mean(0), rtol=1e-7)
    assert np.isnan(found.standard_error).all()


def test_observables_that_fail_are_named():
    with pytest.raises(SimulationError, match="the observable t cannot be called"):
        ob.Observables({"t": 3}, NDIMS)
    wrong = ob.Observables({"t": lambda blocks: blocks["q"]}, NDIMS)
    with pytest.raises(SimulationError, match="the observable t fails: expected a function of the"):
        wrong.init({"p": jnp.zeros(3)})


def test_a_run_streams_what_its_draws_say():
    """Two hundred draws of three chains in chunks that the run chooses itself."""
    x = sk.scalar("x")
    ou = sk.Dynamics(drift={x: -x}, diffusion={x: 1}, hamiltonian=x**2 / 2)
    run = sk.simulate(
        ou, 0.5, step_size=0.1, steps=400, thin=2, chains=3,
        observables={"square": lambda blocks: blocks["x"] ** 2},
    )  # fmt: skip
    squares = run.samples["x"].astype(float) ** 2
    found = run.observed["square"]
    np.testing.assert_allclose(found.mean, squares.mean(), rtol=1e-6)
    np.testing.assert_allclose(found.variance, squares.var(), rtol=1e-5)
    assert found.weight == pytest.approx(600 * 0.1)


@pytest.mark.parametrize("chains", [None, 2])
@pytest.mark.parametrize(
    ("function", "found", "fix"),
    [
        (lambda p: 1j * p + 2, r"complex64 of shape \(3,\)", "real and imaginary part"),
        (lambda p: p[:0], r"float32 of shape \(0,\)", "not empty"),
        (lambda p: jax.random.key(0), r"key<fry> of shape \(\)", "leave it out"),
    ],
)
def test_what_has_no_average_is_refused(chains, function, found, fix):
    watched = ob.Observables({"a": lambda blocks: function(blocks["p"])}, NDIMS, chains)
    blocks = {"p": P[0, :, 0] if chains is None else P[0]}
    for use in (watched.init, watched.described):
        with pytest.raises(SimulationError, match=f"observable a has no average.*{found}") as told:
            use(blocks)
        assert fix in told.value.fix


def test_counts_and_truth_values_are_averaged_as_numbers():
    """Twin of the refusals: an average of integers that is none itself."""
    watched = ob.Observables(
        {"count": lambda b: jnp.int32(b["p"]), "low": lambda b: b["p"] < 2}, {"p": 0}
    )
    sums = watched.init({"p": jnp.float32(1.0)})
    for value in (1.0, 2.0, 4.0, 4.0):
        sums = watched.update(sums, {"p": jnp.float32(value)}, 1.0)
    found = watched.result(watched.merge(None, sums))
    assert float(found["count"].mean) == 2.75
    assert float(found["low"].mean) == 0.25


def test_an_observable_of_a_run_sees_the_position_as_it_was_given():
    """The flattened PyTree comes as the user's tree; twin: its parts differ."""
    import sdekit as sk

    start = {"b": np.zeros(3), "w": np.full((2, 2), 1.0)}
    run = sk.simulate(
        sk.catalog.get("overdamped"), start, step_size=0.01, steps=8, seed=1,
        potential=lambda at: jnp.sum(at["w"] ** 2) / 2 + jnp.sum(at["b"] ** 2),
        observables={
            "w": lambda blocks: blocks["theta"]["w"],
            "b": lambda blocks: blocks["theta"]["b"].sum(),
            "hot": ob.configurational_temperature(lambda at: jnp.sum(at["w"] ** 2) / 2),
        },
    )  # fmt: skip
    own = run.position
    assert np.allclose(run.observed["w"].mean, own["w"].mean(axis=(0, 1)), rtol=1e-5)
    assert np.allclose(run.observed["b"].mean, own["b"].sum(-1).mean(), atol=1e-6)
    assert np.allclose(
        run.observed["hot"].mean, (own["w"] ** 2).sum((-1, -2)).mean() / 4, rtol=1e-5
    )
    assert not np.allclose(run.observed["w"].mean[0, 0], run.observed["w"].mean[1, 1])
