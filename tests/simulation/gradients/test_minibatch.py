"""Minibatch gradients: unbiased, with the exact covariance, from any PyTree, also from the disk."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.diagnostics.draw_statistics import mean_estimate
from sdekit.errors import DataError, SimulationError
from sdekit.simulation.gradients import epochs
from sdekit.simulation.gradients.gradient_noise import full_gradient
from sdekit.simulation.gradients.minibatch import Minibatch

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3))
Y = (RNG.random(12) < 0.5).astype(int)
POSITION = {"w": jnp.array([0.3, -0.2, 0.5]), "b": jnp.array(0.1)}


def log_prior(position):
    return -0.5 * jnp.sum(position["w"] ** 2) - position["b"] ** 2


def log_likelihood(position, row):
    logit = row["x"] @ position["w"] + position["b"]
    return row["y"] * logit - jax.nn.softplus(logit)


def target(**options):
    return Minibatch(log_prior, log_likelihood, {"x": X, "y": Y}, 4, **options)


def flat(gradient):
    return np.concatenate([np.atleast_1d(gradient["w"]), np.atleast_1d(gradient["b"])])


EXACT = flat(
    jax.grad(
        lambda p: (
            -log_prior(p)
            - sum(log_likelihood(p, {"x": x, "y": y}) for x, y in zip(X, Y, strict=True))
        )
    )(POSITION)
)


def gradients(source, count, seed=0):
    """Gradients at one position along `count` steps of one chain, shape (count, 4)."""
    key = jax.random.key(seed)
    bits = jax.random.bits(key, (count, source.words), jnp.uint32)
    draws = jax.vmap(source.prepare)(bits)

    def step(state, draw):
        gradient, state = source.gradient(draw, POSITION, state)
        return state, gradient

    _, result = jax.lax.scan(step, source.init(key, POSITION), draws, length=count)
    return np.column_stack([result["w"], result["b"]])


def z_of_mean(values, exact):
    return (values.mean(0) - exact) / (values.std(0, ddof=1) / np.sqrt(len(values)))


@pytest.mark.parametrize("sampling", ["with replacement", "without replacement"])
def test_the_estimate_is_unbiased(sampling):
    values = gradients(target(sampling=sampling), 4_000)
    assert np.max(np.abs(z_of_mean(values, EXACT))) < 4.5


def test_the_bias_check_has_power():
    """Twin: without the factor N/M = 3 the likelihood counts a third."""
    prior = flat(jax.grad(lambda p: -log_prior(p))(POSITION))
    values = gradients(target(), 4_000)
    assert np.max(np.abs(z_of_mean(values, prior + (EXACT - prior) / 3))) > 7


def test_a_pass_over_all_rows_averages_to_the_full_gradient():
    """Epochs: three batches of four take every one of the twelve rows once, so this is exact."""
    values = gradients(target(sampling="epochs"), 9)
    for epoch in range(3):
        mean = values[3 * epoch : 3 * epoch + 3].mean(0)
        np.testing.assert_allclose(mean, EXACT, rtol=2e-6, atol=2e-6)


def test_passes_differ_in_their_batches():
    values = gradients(target(sampling="epochs"), 9)
    gaps = [np.abs(a - b).max() for a, b in itertools.combinations(values, 2)]
    assert min(gaps) > 1e-3


def test_the_epoch_check_has_power():
    """Twin: independent batches do not cover the rows in one pass."""
    values = gradients(target(), 3)
    assert np.abs(values.mean(0) - EXACT).max() > 1e-2


def test_contiguous_epochs_take_every_row_once_and_follow_the_chain():
    source = target(sampling="epochs", contiguous=True)
    assert source.period == epochs.RESHUFFLE * 3
    key = jax.random.key(3)
    state = source.init(key, POSITION)
    step = jax.jit(source.gradient)
    first = []
    for number in range(4):
        tables = source.tables(key, number // 2)
        values = []
        for _ in range(3):
            gradient, state = step((), POSITION, state, tables)
            values.append(flat(gradient))
        np.testing.assert_allclose(np.mean(values, axis=0), EXACT, rtol=2e-6, atol=2e-6)
        first.append(values[0])
    assert int(state["epoch"]) == 4
    assert min(np.abs(a - b).max() for a, b in itertools.combinations(first, 2)) > 1e-3


def test_a_vectorized_likelihood_gives_the_same_gradient():
    def whole(position, batch):
        logit = batch["x"] @ position["w"] + position["b"]
        return batch["y"] * logit - jax.nn.softplus(logit)

    vectorized = Minibatch(log_prior, whole, {"x": X, "y": Y}, 4, vectorized=True)
    np.testing.assert_allclose(gradients(vectorized, 5), gradients(target(), 5), rtol=1e-5)


def test_control_variates_are_exact_at_their_reference():
    values = gradients(target(control_variate=POSITION), 5)
    np.testing.assert_allclose(values, np.tile(EXACT, (5, 1)), rtol=1e-5, atol=1e-5)


def test_control_variates_shrink_the_noise_and_stay_unbiased():
    near = jax.tree.map(lambda leaf: leaf + 0.1, POSITION)
    values = gradients(target(control_variate=near), 4_000)
    assert np.max(np.abs(z_of_mean(values, EXACT))) < 4.5
    assert np.all(values.var(0) < 0.05 * gradients(target(), 4_000).var(0))


def test_svrg_renews_its_reference_when_due_under_vmap():
    source = target(svrg=2)
    chains = 3
    keys = jax.random.split(jax.random.key(0), chains)
    start = {
        "w": jnp.tile(POSITION["w"], (chains, 1)) * jnp.array([[0.0], [1.0], [2.0]]),
        "b": jnp.zeros(chains),
    }
    state = jax.vmap(source.init)(keys, start)
    draw = jax.vmap(source.prepare)(jax.random.bits(keys[0], (chains, source.words), jnp.uint32))
    step = jax.jit(jax.vmap(source.gradient))
    first, state = step(draw, start, state)
    exact = jax.vmap(jax.grad(source.potential))(start)
    np.testing.assert_allclose(first["w"], exact["w"], rtol=1e-4, atol=1e-5)
    moved = jax.tree.map(lambda leaf: leaf + 1.0, start)
    second, state = step(draw, moved, state)
    assert np.abs(second["w"] - jax.vmap(jax.grad(source.potential))(moved)["w"]).max() > 1e-3
    third, _ = step(draw, moved, state)
    exact = jax.vmap(jax.grad(source.potential))(moved)
    np.testing.assert_allclose(third["w"], exact["w"], rtol=1e-4, atol=1e-5)


def test_svrg_branches_once_for_all_chains():
    """Under vmap a plain cond becomes a select, which would take all rows at every step."""
    source = target(svrg=2)
    state = jax.vmap(source.init)(
        jax.random.split(jax.random.key(0), 2), jax.tree.map(lambda x: jnp.stack([x, x]), POSITION)
    )
    draw = jnp.zeros((2, 4), jnp.int32)
    both = jax.tree.map(lambda x: jnp.stack([x, x]), POSITION)
    assert " cond[" in str(jax.make_jaxpr(jax.vmap(source.gradient))(draw, both, state))


def test_the_potential_is_that_of_all_rows():
    exact = -log_prior(POSITION) - sum(
        log_likelihood(POSITION, {"x": x, "y": y}) for x, y in zip(X, Y, strict=True)
    )
    np.testing.assert_allclose(target().potential(POSITION), exact, rtol=1e-6)
    np.testing.assert_allclose(flat(full_gradient(target(), POSITION)), EXACT, rtol=1e-5)


def test_double_precision_sees_the_data_in_double_precision():
    """The first use is inside a trace; numbers that single precision rounds must survive."""
    data = 1.0 + np.arange(12) * 1e-12
    source = Minibatch(lambda mu: 0.0 * mu, lambda mu, x: -((x - mu) ** 2) / 2, data, 4)
    gradient = jax.jit(jax.grad(source.potential))
    with jax.enable_x64(True):
        exact = 12 * 1.0 - data.sum()
        np.testing.assert_allclose(gradient(jnp.float64(1.0)), exact, rtol=1e-3)
    assert source.rows.matrices[0].dtype == np.float32


def mapped(tmp_path):
    files = {}
    for name, values in {"x": X.astype(np.float32), "y": Y}.items():
        np.save(tmp_path / f"{name}.npy", values)
        files[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    return files


@pytest.mark.parametrize("sampling", ["with replacement", "epochs"])
def test_memory_mapped_data_give_the_same_gradients(tmp_path, sampling):
    disk = Minibatch(log_prior, log_likelihood, mapped(tmp_path), 4, sampling=sampling)
    assert disk.is_on_host
    np.testing.assert_allclose(
        gradients(disk, 6), gradients(target(sampling=sampling), 6), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(flat(full_gradient(disk, POSITION)), EXACT, rtol=1e-5)
    with pytest.raises(SimulationError, match="memory-mapped"):
        disk.potential(POSITION)


def test_a_run_on_memory_mapped_data_gives_the_numbers_of_one_in_memory(tmp_path):
    def run(data):
        source = Minibatch(log_prior, log_likelihood, data, 4)
        return sk.simulate(
            sk.catalog.get("overdamped"), POSITION, potential=source, scheme="EM", step_size=0.01,
            steps=12, chains=3,
        ).samples["theta"]  # fmt: skip

    on_disk, in_memory = run(mapped(tmp_path)), run({"x": X, "y": Y})
    assert np.abs(np.diff(in_memory[:, -1], axis=0)).min() > 1e-4
    np.testing.assert_allclose(on_disk, in_memory, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"batch_size": 0}, DataError, "expected 1 to 12, found 0"),
        ({"batch_size": 13}, DataError, "expected 1 to 12, found 13"),
        ({"batch_size": 2.5}, DataError, "no integer"),
        ({"sampling": "shuffle"}, SimulationError, "found 'shuffle'"),
        ({"contiguous": True}, SimulationError, "need sampling='epochs'"),
        ({"svrg": 0}, SimulationError, "positive number of steps"),
        ({"log_prior": 3.0}, SimulationError, "are functions"),
        ({"data": {"x": X, "y": np.full(12, np.nan)}}, DataError, "not finite"),
    ],
)
def test_impossible_settings_are_refused(change, error, message):
    settings = {
        "log_prior": log_prior,
        "log_likelihood": log_likelihood,
        "data": {"x": X, "y": Y},
        "batch_size": 4,
    } | change
    with pytest.raises(error, match=message):
        Minibatch(**settings)


def test_a_likelihood_of_the_wrong_shape_is_refused_before_the_run():
    wrong = Minibatch(log_prior, lambda p, row: row["x"] * p["w"], {"x": X, "y": Y}, 4)
    with pytest.raises(
        DataError,
        match=r"a scalar for one row: expected \(\), found \(3,\)",
    ):
        wrong.init(jax.random.key(0), POSITION)


def test_a_likelihood_that_fails_is_refused_before_the_run():
    wrong = Minibatch(log_prior, lambda p, row: row["z"], {"x": X, "y": Y}, 4)
    with pytest.raises(DataError, match="fails at the given position: found 'z'"):
        wrong.init(jax.random.key(0), POSITION)


def sgld(data, steps, thin, chains=8, **options):
    """Overdamped Langevin for a Gaussian mean in coordinates where U = (z - 20 mean)^2 / 2."""
    target = Minibatch(lambda z: 0.0, lambda z, x: -0.5 * (x - z[0] / 20) ** 2, data, 20, **options)
    run = sk.simulate(
        sk.catalog.get("overdamped"), np.full(1, 20 * data.mean()), potential=target, scheme="EM",
        step_size=0.05, steps=steps, thin=thin, chains=chains, seed=2,
    )  # fmt: skip
    return run.samples["theta"][..., 0]


def variance_in_epochs(h, noise, batches):
    """Of z' = (1 - h) z + h e + sqrt(2 h) zeta, averaged over the places in a pass.

    Two errors e of one pass have correlation -1 / (batches - 1), of two passes none.
    """
    a, total = 1 - h, 0.0
    for place in range(batches):
        lags = [np.arange(place + 1)] + [
            place + 1 + batches * k + np.arange(batches) for k in range(60)
        ]
        for lag in lags:
            w = a**lag
            total += (w**2).sum() * batches / (batches - 1) - w.sum() ** 2 / (batches - 1)
    return 2 * h / (1 - a**2) + h**2 * noise * total / batches


def test_in_epochs_the_gradient_noise_cancels_over_a_pass_as_computed():
    """A pass is 20 batches; thinning by 7 visits all places of a pass."""
    data = np.random.default_rng(1).normal(size=400)
    noise = 400**2 / 20 * data.var() * 380 / 399 / 400
    exact = variance_in_epochs(0.05, noise, 20)
    z = sgld(data, 10_500, 7, sampling="epochs", contiguous=True).astype(float) - 20 * data.mean()
    assert abs(mean_estimate(z).z(0.0)) < 4.5
    assert abs(mean_estimate(z**2).z(exact)) < 4.5
    # Twin: independent batches add h V / 2 = 0.5 to the variance.
    assert abs(mean_estimate(z**2).z(1 + 0.05 * noise / 2)) > 7


def test_contiguous_epochs_do_not_depend_on_the_cuts():
    data = np.random.default_rng(1).normal(size=400)
    options = {"sampling": "epochs", "contiguous": True, "chains": 2}
    often, rarely = (sgld(data, 1_280, thin, **options) for thin in (8, 16))
    np.testing.assert_array_equal(often[:, 1::2], rarely)
