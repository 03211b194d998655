"""The optax transformations compute the documented rates and train a small network."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from sdekit.errors import DataError
from sdekit.theory.lipschitz import losses, optax_rates
from sdekit.theory.lipschitz import rates as lipschitz

ACTIVATIONS = np.random.default_rng(0).normal(size=(20, 5)).astype(np.float32)
PARAMS = {"w": jnp.ones((5, 3)), "b": jnp.zeros(3)}
GRADS = {"w": jnp.full((5, 3), 2.0), "b": jnp.ones(3)}


def rate_of(transformation, activations=ACTIVATIONS, state=None):
    state = transformation.init(PARAMS) if state is None else state
    updates, state = transformation.update(GRADS, state, PARAMS, activations=activations)
    return -float(updates["b"][0]), state


def test_the_rates_are_one_over_the_documented_constants():
    extended = np.hstack([ACTIVATIONS, np.ones((20, 1))])
    mean = np.linalg.norm(extended, axis=1).mean()
    assert rate_of(optax_rates.lipschitz_rate())[0] == pytest.approx(
        1 / (np.sqrt(2) * mean), rel=1e-5
    )
    printed = lipschitz.output_layer(ACTIVATIONS, 3, mode="paper", l2=0.1, weight_norm=np.sqrt(15))
    found = rate_of(optax_rates.lipschitz_rate(classes=3, mode="paper", l2=0.1))[0]
    assert found == pytest.approx(printed.rate, rel=1e-5)
    quantile = optax_rates.lipschitz_rate("quantile", quantile=0.2, bias=False)
    assert rate_of(quantile)[0] == pytest.approx(
        1 / (0.8 * np.linalg.norm(ACTIVATIONS, axis=1).mean()), rel=1e-5
    )


def test_the_bound_holds_for_the_last_layer_of_a_network():
    """No gradient of the output layer is longer than L, so no step there is longer than 1."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, size=20)

    def loss(params):
        logits = ACTIVATIONS @ params["w"] + params["b"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    transformation = optax_rates.lipschitz_rate()
    for scale in (0.0, 1.0, 100.0):
        params = {"w": jnp.asarray(scale * rng.normal(size=(5, 3))), "b": jnp.zeros(3)}
        updates, _ = transformation.update(
            jax.grad(loss)(params), transformation.init(params), params, activations=ACTIVATIONS
        )
        assert optax.global_norm(updates) <= 1.0
    # Twin: with the printed constant steps longer than 1 occur.
    printed = optax_rates.lipschitz_rate(classes=3, mode="paper")
    updates, _ = printed.update(
        jax.grad(loss)(params), printed.init(params), params, activations=ACTIVATIONS
    )
    assert optax.global_norm(updates) > 1.0


def test_a_loss_averaged_over_outputs_has_a_smaller_constant():
    """Mean absolute error of 3 outputs: its last-layer gradient stays below L / sqrt(3)."""
    targets = np.random.default_rng(2).normal(size=(20, 3))

    def loss(params):
        return jnp.abs(ACTIVATIONS @ params["w"] + params["b"] - targets).mean()

    transformation = optax_rates.lipschitz_rate("mae", outputs=3)
    far = {"w": 100 * PARAMS["w"], "b": PARAMS["b"] + 1e4}
    for params in (PARAMS, far):
        updates, _ = transformation.update(
            jax.grad(loss)(params), transformation.init(params), params, activations=ACTIVATIONS
        )
        assert optax.global_norm(updates) <= 1.0
    # Twin: at the far point all signs agree, and 10 outputs would promise too much.
    greedy = optax_rates.lipschitz_rate("mae", outputs=10)
    updates, _ = greedy.update(
        jax.grad(loss)(far), greedy.init(far), far, activations=jnp.abs(ACTIVATIONS)
    )
    wide = jnp.abs(jnp.asarray(ACTIVATIONS)).sum(1).mean()
    assert wide > 0 and optax.global_norm(updates) > 0.5


@pytest.mark.parametrize("name", ["log-cosh", "binary-quantile", "smooth-binary-quantile"])
def test_no_slope_of_a_smooth_loss_is_larger_than_its_constant(name):
    z = np.concatenate([-np.geomspace(1e-3, 300, 400), np.linspace(-3, 3, 601), [50.0, 300.0]])
    tau = 0.2
    steepest = max(
        np.abs(losses.POINTWISE[name].slope(z, np.full_like(z, label), tau)).max()
        for label in (0, 1)
    )
    assert steepest <= optax_rates.SLOPES[name](tau) * (1 + 1e-12)
    # Twin: the constant is not only safe but reached, so that a tenth less would be exceeded.
    assert steepest > 0.9 * optax_rates.SLOPES[name](tau)
    found = optax_rates.lipschitz_rate(name, quantile=tau, bias=False)
    mean = np.linalg.norm(ACTIVATIONS, axis=1).mean()
    assert rate_of(found)[0] == pytest.approx(1 / (optax_rates.SLOPES[name](tau) * mean), rel=1e-5)


def test_an_epoch_keeps_the_largest_constant_of_the_one_before():
    transformation = optax_rates.lipschitz_rate("mae", bias=False, epoch_length=2)
    sizes, rates, state = [1.0, 4.0, 2.0, 1.0, 1.0], [], None
    for size in sizes:
        rate, state = rate_of(transformation, size * jnp.ones((1, 1)), state)
        rates.append(1 / rate)
    assert rates == pytest.approx([1.0, 4.0, 4.0, 2.0, 2.0])


def test_adamo_smooths_the_constant_and_the_gradient():
    transformation = optax_rates.adamo("mae", bias=False, smoothing=0.5, momentum=0.5)
    first, state = rate_of(transformation, jnp.full((1, 1), 2.0))
    assert first == pytest.approx(0.5 / 2)  # velocity g/2, K = 2
    second, _ = rate_of(transformation, jnp.full((1, 1), 4.0), state)
    assert second == pytest.approx(0.75 / 3)  # velocity 3g/4, K = 3


@pytest.mark.parametrize("mode", ["bound", "paper"])
def test_auto_adam_scales_adam_by_its_two_constants(mode):
    found, _ = rate_of(optax_rates.auto_adam(classes=3, mode=mode, bias=False))
    if mode == "paper":
        first = 2 / 60 * np.linalg.norm(ACTIVATIONS)
        second = 2 / 60 * np.linalg.norm(ACTIVATIONS, axis=1).max()
    else:
        first = np.sqrt(2) * np.linalg.norm(ACTIVATIONS, axis=1).mean()
        second = np.abs(ACTIVATIONS).mean(0).max()
    assert found == pytest.approx(second / first, rel=1e-4)  # Adam's first direction is 1


@pytest.mark.parametrize(
    "make", [optax_rates.lipschitz_rate, optax_rates.adamo, optax_rates.auto_adam]
)
def test_a_network_learns_inside_a_chain_under_jit(make):
    key = jax.random.key(0)
    x = jax.random.normal(key, (64, 4))
    labels = (x[:, 0] > 0).astype(int)
    params = {
        "first": 0.5 * jax.random.normal(key, (4, 16)),
        "last": 0.1 * jax.random.normal(key, (16, 2)),
    }

    def loss(params):
        hidden = jnp.tanh(x @ params["first"])
        logits = hidden @ params["last"]
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(), hidden

    optimizer = optax.chain(optax.clip_by_global_norm(10.0), make(bias=False))

    @jax.jit
    def step(params, state):
        (value, hidden), grads = jax.value_and_grad(loss, has_aux=True)(params)
        updates, state = optimizer.update(grads, state, params, activations=hidden)
        return optax.apply_updates(params, updates), state, value

    state, values = optimizer.init(params), []
    for _ in range(150):
        params, state, value = step(params, state)
        values.append(float(value))
    assert values[-1] < 0.75 * values[0]


def test_missing_activations_and_unknown_settings_are_refused():
    transformation = optax_rates.lipschitz_rate()
    with pytest.raises(DataError, match="needs the penultimate activations"):
        transformation.update(GRADS, transformation.init(PARAMS), PARAMS)
    with pytest.raises(DataError, match="unknown loss"):
        optax_rates.lipschitz_rate("hinge")
    with pytest.raises(DataError, match="unknown mode"):
        optax_rates.adamo(mode="print")
    with pytest.raises(DataError, match="strictly between 0 and 1"):
        optax_rates.lipschitz_rate("smooth-binary-quantile", quantile=1.0)
    with pytest.raises(DataError, match="at least 2 classes"):
        optax_rates.auto_adam(classes=1)
