"""Bounds are never exceeded by gradient ascent; printed constants are, where the note says so."""

import numpy as np
import pytest

from sdekit.errors import DataError
from sdekit.theory.lipschitz import rates as lipschitz
from sdekit.theory.lipschitz.lipschitz_table import LOSSES
from sdekit.theory.lipschitz.losses import POINTWISE, mean_gradient

RADIUS = 2.0
NEEDS_RADIUS = ("least-squares", "log-cosh")


def setting(loss, seed):
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(30, 3))
    if loss == "softmax":
        return design, rng.integers(0, 4, size=30).astype(float)
    response = rng.normal(size=30) * rng.choice([0.1, 1, 5])
    binary = loss in POINTWISE and POINTWISE[loss].binary
    return design, (response > 0).astype(float) if binary else response


def norms(gradient):
    return np.sqrt((gradient**2).sum(axis=tuple(range(gradient.ndim - 1))))


def projected(weights, radius):
    return weights * np.minimum(1, radius / norms(weights)) if radius else weights


def steepest(loss, design, response, quantile, seed, trials=200, steps=12):
    """Largest gradient norm found by ascent on it from random starts (in the ball, if any)."""
    rng = np.random.default_rng(seed + 100)
    radius = RADIUS if loss in NEEDS_RADIUS else None
    shape = (3, 4, trials) if loss == "softmax" else (3, trials)
    scales = np.ones(trials) if radius else 10.0 ** rng.uniform(-1, 3, size=trials)
    weights = projected(rng.normal(size=shape) * scales, radius)
    best = norms(mean_gradient(loss, design, response, weights, quantile))
    for _ in range(steps):
        gradient = mean_gradient(loss, design, response, weights, quantile)
        unit = gradient / np.maximum(norms(gradient), 1e-300)
        ahead = mean_gradient(loss, design, response, weights + 1e-4 * unit, quantile)
        ascent = (ahead - gradient) / 1e-4
        length = np.maximum(norms(ascent), 1e-300)
        weights = projected(weights + 0.3 * norms(weights) * ascent / length, radius)
        best = np.maximum(best, norms(mean_gradient(loss, design, response, weights, quantile)))
    return best.max()


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("quantile", [0.2, 0.5])
def test_bounds_are_never_exceeded(loss, quantile):
    for seed in range(3):
        design, response = setting(loss, seed)
        bound = lipschitz.constant(
            loss, design, response, quantile=quantile, classes=4,
            radius=RADIUS if loss in NEEDS_RADIUS else None,
        )  # fmt: skip
        found = steepest(loss, design, response, quantile, seed)
        assert bound.is_bound and not bound.note
        assert found <= bound.value * (1 + 1e-12)
        # Twin: the ascent has power; a sixth of the bound is exceeded. (With a quantile of 1/5 and
        # half of the labels on the flat side a bound that does not see labels is not tight.)
        assert found > bound.value / 6


@pytest.mark.parametrize("loss", ["logistic", "softmax", "mae", "quantile", "log-cosh"])
def test_printed_constants_that_are_no_bounds_are_exceeded(loss):
    design, response = setting(loss, 0)
    printed = lipschitz.constant(
        loss, design, response, mode="paper", quantile=0.2, classes=4, radius=RADIUS
    )
    assert not printed.is_bound and printed.note
    assert steepest(loss, design, response, 0.2, 0) > printed.value


def test_the_printed_least_squares_constant_is_a_bound_and_its_minus_variant_is_not():
    design, response = setting("least-squares", 1)
    printed = lipschitz.constant("least-squares", design, response, mode="paper", radius=RADIUS)
    found = steepest("least-squares", design, response, 0.5, 1)
    assert printed.is_bound and found <= printed.value
    gram, target = np.linalg.norm(design.T @ design, 2), np.linalg.norm(design.T @ response)
    assert found > (RADIUS * gram - target) / 30


@pytest.mark.parametrize("tau", [0.1, 0.25, 0.5, 0.75, 0.9])
def test_constants_per_logit_of_the_binary_quantile_losses_are_exact(tau):
    # The supremum is a limit at 0 or at infinity.
    z = np.concatenate([np.linspace(-40, 40, 4001), [-1e-6, 1e-6]])[:, None]
    for loss in ("binary-quantile", "smooth-binary-quantile"):
        slopes = max(
            np.abs(POINTWISE[loss].slope(z, np.full_like(z, label), tau)).max()
            for label in (0.0, 1.0)
        )
        bound = lipschitz.constant(loss, [[1.0]], quantile=tau).value
        assert bound * (1 - 1e-3) <= slopes <= bound * (1 + 1e-12)
    printed = lipschitz.constant("binary-quantile", [[1.0]], mode="paper", quantile=tau)
    assert printed.value == pytest.approx(max(tau, 1 - tau)) and printed.is_bound
    smooth = lipschitz.constant("smooth-binary-quantile", [[1.0]], mode="paper", quantile=tau)
    assert not smooth.is_bound
    assert (smooth.value < bound) == (tau >= 0.5 or 2 / np.pi * (1 - tau) / tau < 1)


SMOOTH = ["least-squares", "logistic", "softmax", "log-cosh", "binary-quantile"]


@pytest.mark.parametrize("loss", [*SMOOTH, "smooth-binary-quantile"])
def test_smoothness_bounds_every_difference_quotient_of_the_gradient(loss):
    design, response = setting(loss, 2)
    quantile = 0.3 if loss == "binary-quantile" else 0.5
    constant = lipschitz.smoothness(loss, design, quantile=quantile)
    rng = np.random.default_rng(0)
    shape = (3, 4, 4000) if loss == "softmax" else (3, 4000)
    weights = rng.normal(size=shape) * 10.0 ** rng.uniform(-3, 0.5, size=4000)
    step = 1e-4 * rng.normal(size=shape)
    change = mean_gradient(loss, design, response, weights + step, quantile) - mean_gradient(
        loss, design, response, weights, quantile
    )
    quotients = norms(change) / norms(step)
    assert quotients.max() <= constant * (1 + 1e-6)
    # Twin: a fifth of the constant is exceeded.
    assert quotients.max() > constant / 5


def test_losses_with_a_jumping_gradient_have_no_smoothness():
    for loss in ("mae", "quantile"):
        assert lipschitz.smoothness(loss, [[1.0]]) is None
    assert lipschitz.smoothness("smooth-binary-quantile", [[1.0]], quantile=0.3) is None


def test_the_sech_constant_is_the_largest_curvature():
    z = np.linspace(-3, 3, 600_001)
    cdf = 2 / np.pi * np.arctan(np.exp(z))
    density = 1 / np.pi / np.cosh(z)
    curvature = (density**2 + density * np.tanh(z) * cdf) / cdf**2
    constant = lipschitz.smoothness("smooth-binary-quantile", [[1.0]])
    assert curvature.max() == pytest.approx(constant, rel=1e-10)


def test_regularizers_are_exact():
    gamma = np.random.default_rng(0).normal(size=(4, 4))
    direction = np.linalg.svd(gamma)[2][0]
    gradient = 2 * gamma.T @ gamma @ (RADIUS * direction)
    assert np.linalg.norm(gradient) == pytest.approx(lipschitz.tikhonov_constant(gamma, RADIUS))
    assert lipschitz.l2_constant(0.3, RADIUS) == pytest.approx(0.6)
    root = np.sqrt(0.15) * np.eye(4)
    assert lipschitz.tikhonov_constant(root, RADIUS) == pytest.approx(0.6)
    # Twin: the printed Gamma = lambda/2 I is another penalty.
    assert lipschitz.tikhonov_constant(0.15 * np.eye(4), RADIUS) != pytest.approx(0.6, rel=0.1)
    assert lipschitz.tikhonov_smoothness(root) == pytest.approx(lipschitz.l2_smoothness(0.3))


def test_the_lipschitz_rate_can_diverge_and_the_criterion_says_when():
    rng = np.random.default_rng(0)
    design, tiny = rng.normal(size=(30, 4)), 0.01 * rng.normal(size=30)
    smooth = lipschitz.smoothness("least-squares", design)
    for radius, y, stable in ((0.3, tiny, False), (2.0, tiny, True)):
        rate = lipschitz.constant("least-squares", design, y, radius=radius).rate
        criterion = radius + np.linalg.norm(design.T @ y) / np.linalg.norm(design.T @ design, 2)
        assert lipschitz.rate_is_stable(rate, smooth) is stable
        assert (criterion > 0.5) == stable
        weights = np.full((4, 1), 0.1)
        for _ in range(300):
            weights = weights - rate * mean_gradient("least-squares", design, y, weights)
        assert (np.linalg.norm(weights) < 1) == stable


def test_the_iteration_count_is_sufficient():
    curvature, weights = np.diag([1.0, 0.1, 0.01]), np.ones(3)
    count = lipschitz.iterations_for_gradient(1.0, weights @ curvature @ weights / 2, 0.02)
    gradients = []
    for _ in range(count):
        gradients.append(np.linalg.norm(curvature @ weights))
        weights = weights - curvature @ weights
    assert min(gradients) <= 0.02


def test_the_output_layer_constant_bounds_that_layer_and_no_other():
    rng = np.random.default_rng(0)
    activations = rng.normal(size=(20, 5))
    bound = lipschitz.output_layer(activations, 3)
    printed = lipschitz.output_layer(activations, 3, mode="paper", l2=0.1, weight_norm=2.0)
    assert bound.value == pytest.approx(lipschitz.constant("softmax", activations).value)
    assert printed.value == pytest.approx(2 / 60 * np.linalg.norm(activations) + 0.2)
    assert not printed.is_bound


def test_softmax_constants_per_class_and_per_entry_are_bounds():
    design, response = setting("softmax", 0)
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(3, 4, 2000)) * 10.0 ** rng.uniform(-1, 3, size=2000)
    gradient = mean_gradient("softmax", design, response, weights)
    per_class, per_entry = np.linalg.norm(gradient, axis=0).max(), np.abs(gradient).max()
    assert lipschitz.softmax_per_class(design) / 3 < per_class
    assert per_class <= lipschitz.softmax_per_class(design)
    assert lipschitz.softmax_per_entry(design) / 3 < per_entry
    assert per_entry <= lipschitz.softmax_per_entry(design)
    # Twin: the entry constant does not bound the 2-norm (one row of ones, sure of a wrong class).
    ones, certain = np.ones((1, 3)), np.zeros((3, 4, 1))
    certain[:, 1] = 100.0
    gradient = mean_gradient("softmax", ones, np.zeros(1), certain)
    assert np.abs(gradient).max() <= lipschitz.softmax_per_entry(ones) < norms(gradient)[0]


def test_the_network_form_of_least_squares_is_valid_and_looser():
    design, response = setting("least-squares", 1)
    output = RADIUS * np.linalg.norm(design, 2)
    network = lipschitz.output_layer_least_squares(design, response, output)
    plain = lipschitz.constant("least-squares", design, response, radius=RADIUS).value
    assert steepest("least-squares", design, response, 0.5, 1) <= plain <= network


def test_the_last_layer_need_not_have_the_largest_gradient():
    """y = w2 w1 x with w1 = 1/10, w2 = 10: the gradient in w1 is a hundred times that in w2."""
    first, last, x, target = 0.1, 10.0, 1.0, 0.0
    error = last * first * x - target
    assert abs(error * last * x) > 50 * abs(error * first * x)


def test_the_printed_radius_is_its_formula():
    assert lipschitz.printed_radius([[0.2, 0.8], [0.6, 0.4]]) == pytest.approx((1.0 + 0.7) / 2)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("hinge", [[1.0]]), {}, "unknown loss: expected 'least-squares'"),
        (("mae", [[1.0]]), {"mode": "print"}, "unknown mode"),
        (("least-squares", [[1.0]], [1.0]), {}, "needs `radius`"),
        (("least-squares", [[1.0]]), {"radius": 1.0}, "needs `response`"),
        (("mae", [[1.0]]), {"quantile": 1.0}, "strictly between 0 and 1"),
        (("mae", [[1.0]]), {"radius": -1.0}, "radius K must be positive"),
        (("softmax", [[1.0]]), {"classes": 1}, "at least 2 classes"),
        (("mae", [[1.0]], [1.0, 2.0]), {}, "different numbers of rows"),
    ],
)
def test_impossible_constants_are_refused(arguments, options, message):
    with pytest.raises(DataError, match=message):
        lipschitz.constant(*arguments, **options)


def test_a_printed_constant_that_is_negative_has_no_rate():
    printed = lipschitz.constant("log-cosh", [[1.0]], [1.0], mode="paper")
    assert printed.value < 0
    with pytest.raises(DataError, match="not positive"):
        _ = printed.rate
    with pytest.raises(DataError, match="must be positive"):
        lipschitz.iterations_for_gradient(0.0, 1.0, 1.0)
