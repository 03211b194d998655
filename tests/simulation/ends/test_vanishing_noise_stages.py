"""Steps of square-root diffusions have their exact law; those in an interval two exact moments."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.special
import scipy.stats

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.bind.jax_reader import Environment
from sdekit.simulation.ends.vanishing_noise_stages import _poisson, _Words
from sdekit.simulation.steps.stages import stage_of

COUNT = 40_000
#: Kolmogorov's law: a larger sqrt(n) D has the probability 2 exp(-2 * 2.6^2) = 3e-6.
KOLMOGOROV = 2.6
A, B, Q = sk.parameter("a"), sk.parameter("b"), sk.parameter("q", positive=True)
V, U = sk.scalar("v", domain="positive"), sk.scalar("u", domain=(0, 1))
ROOT = sk.Dynamics(drift={V: A - B * V}, diffusion={V: Q * V})
JACOBI = sk.Dynamics(drift={U: A - B * U}, diffusion={U: Q * U * (1 - U)})


@functools.cache
def stepped(dynamics):
    """The stage of the letter C, and one compiled step of it for all starts and parameters."""
    stage = stage_of(sk.splitting(dynamics).part("C").flow, {"n": 2})
    return stage, jax.jit(lambda given, z, h: stage.apply(Environment(given, {"n": 2}), z, h, None))


def drawn(dynamics, start, h, seed=0, **parameters):
    """One step of the letter C from the same start, many times."""
    (x,) = dynamics.variables
    stage, step = stepped(dynamics)
    shape = np.shape(start)
    given = {name: jnp.asarray(value, jnp.float32) for name, value in parameters.items()}
    given[x.name] = jnp.broadcast_to(jnp.asarray(start, jnp.float32)[..., None], (*shape, COUNT))
    z = jax.random.normal(jax.random.key(seed), (stage.elements, COUNT))
    return np.asarray(step(given, z, jnp.float32(h))[x.name], float)


def z_of_mean(values, expected):
    return (values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def z_of_variance(values, expected, centre):
    return z_of_mean((values - centre) ** 2, expected)


def distance(values, degrees, v, h, b, q):
    """sqrt(n) times Kolmogorov's distance from the transition law."""
    c = q * (-np.expm1(-b * h) / b if b else h) / 2
    law = scipy.stats.ncx2(degrees, v * np.exp(-b * h) / c, scale=c)
    return np.sqrt(COUNT) * scipy.stats.kstest(values, law.cdf).statistic


@pytest.mark.parametrize(
    ("a", "b", "q", "v", "h"),
    [
        (1.0, 2.0, 0.5, 0.7, 0.3),
        (1.0, 0.0, 0.5, 0.7, 4.0),
        (0.05, 0.5, 0.5, 0.04, 0.1),
        (0.1, 1.0, 0.5, 1.0, 0.05),
        (0.1, 1.0, 0.5, 1.0, 0.004),
        (0.3, -0.5, 1.0, 0.2, 1.0),
    ],
)
def test_the_transition_law_is_noncentral_chi_square(a, b, q, v, h):
    values = drawn(ROOT, v, h, a=a, b=b, q=q)
    assert distance(values, 2 * a / q, v, h, b, q) < KOLMOGOROV


def test_the_check_has_power():
    """Twin: a quarter more degrees of freedom are seen."""
    values = drawn(ROOT, 0.04, 0.1, a=0.05, b=0.5, q=0.5)
    assert distance(values, 0.25, 0.04, 0.1, 0.5, 0.5) > 2 * KOLMOGOROV


def test_what_has_no_inflow_is_absorbed_with_its_probability():
    values = drawn(ROOT, 1.0, 4.0, a=0.0, b=0.0, q=0.5)
    gone = np.exp(-1 / (0.5 * 4.0))
    assert abs(z_of_mean((values == 0) * 1.0, gone)) < 4.5
    assert abs(z_of_mean(values, 1.0)) < 4.5
    assert abs(z_of_variance(values, 4.0, 1.0)) < 4.5
    assert np.all(drawn(ROOT, 0.0, 4.0, a=0.0, b=0.0, q=0.5) == 0)


def test_constant_elasticity_of_variance_keeps_its_mean_and_its_absorption():
    """x' = r x with noise x^(3/4): y = sqrt x has -2 degrees; exp(-r t) x is a martingale."""
    cev = sk.Dynamics(drift={V: A * V}, noise={V: sk.sqrt(V) * sk.sqrt(sk.sqrt(V))})
    values, r, h = drawn(cev, 0.3, 1.5, a=0.2), 0.2, 1.5
    assert abs(z_of_mean(values, 0.3 * np.exp(r * h))) < 4.5
    c = 0.125 * np.expm1(r * h / 2) / (r / 2) / 2
    gone = scipy.special.gammaincc(2.0, np.sqrt(0.3) * np.exp(r * h / 2) / c / 2)
    assert 0.05 < gone < 0.5 and abs(z_of_mean((values == 0) * 1.0, gone)) < 4.5


def test_the_three_halves_model_is_the_inverse_of_a_square_root_diffusion():
    model = sk.Dynamics(drift={V: A * V - B * V**2}, diffusion={V: Q * V**3})
    values = 1 / drawn(model, 0.5, 0.7, a=1.2, b=0.4, q=0.3)
    # y = 1/x: dy = (b + 2 q - a y) dt + N(0, 2 q y dt).
    assert distance(values, 2 * (0.4 + 0.6) / 0.3, 2.0, 0.7, 1.2, 0.3) < KOLMOGOROV


def test_small_steps_lose_nothing_to_rounding():
    """x = 1 moves by 1e-5, of which the spacing of single precision is a 200th."""
    values = drawn(ROOT, 1.0, 1e-5, a=1.0, b=0.0, q=1e-6)
    assert abs(z_of_mean(values, 1 + 1e-5)) < 4.5
    assert values.std() < 1e-5


def test_entries_of_a_vector_have_parameters_and_numbers_of_their_own():
    n = sk.dim("n")
    x, c = sk.vector("x", n, domain="positive"), sk.parameter("c", n)
    block = sk.Dynamics(drift={x: sk.ones(n) - B * x}, noise={x: sk.diag(sk.sqrt(2 * c * x))})
    values = drawn(block, [0.5, 0.5], 1.0, b=1.0, c=[0.4, 3.0])
    for entry, q in zip(values, (0.4, 3.0), strict=True):
        assert distance(entry, 2 / q, 0.5, 1.0, 1.0, q) < KOLMOGOROV
    assert abs(np.corrcoef(values)[0, 1]) < 4.5 / np.sqrt(COUNT)


def jacobi_moments(x, h, a, b, q):
    """Mean and variance of a Jacobi process, from the linear equations of its moments."""
    M = np.array([[0, 0, 0], [a, -b, 0], [0, 2 * a + 2 * q, -2 * b - 2 * q]], float)
    _, mean, square = scipy.linalg.expm(h * M) @ [1, x, x * x]
    return mean, square - mean**2


@pytest.mark.parametrize(
    ("x", "h", "a", "b", "q"),
    [
        (0.4, 0.02, 1.0, 2.0, 0.5),
        (0.003, 0.02, 0.05, 0.2, 0.5),
        (0.999, 0.3, 0.05, 0.2, 0.5),
        (0.4, 5.0, 0.05, 0.2, 0.5),
        (0.3, 0.5, 0.0, 0.0, 0.5),
    ],
)
def test_steps_in_an_interval_have_the_exact_mean_and_variance(x, h, a, b, q):
    values = drawn(JACOBI, x, h, a=a, b=b, q=q)
    mean, variance = jacobi_moments(x, h, a, b, q)
    assert values.min() >= 0 and values.max() <= 1
    assert abs(z_of_mean(values, mean)) < 4.5
    assert abs(z_of_variance(values, variance, mean)) < 4.5


def test_a_mirrored_euler_step_is_told_apart():
    """Twin: near the end it has another mean by many standard errors."""
    x, h, a, b, q = 0.003, 0.02, 0.05, 0.2, 0.5
    z = np.random.default_rng(0).standard_normal(COUNT)
    mirrored = np.abs(x + h * (a - b * x) + np.sqrt(2 * h * q * x * (1 - x)) * z)
    assert abs(z_of_mean(mirrored, jacobi_moments(x, h, a, b, q)[0])) > 7


def test_the_stationary_law_of_an_interval_is_kept_by_long_steps():
    """Beyond the time of relaxation one step gives Beta(a/q, (b - a)/q)."""
    values = drawn(JACOBI, 0.9, 30.0, a=0.3, b=1.0, q=0.5)
    statistic = scipy.stats.kstest(values, scipy.stats.beta(0.6, 1.4).cdf).statistic
    assert np.sqrt(COUNT) * statistic < KOLMOGOROV


def test_another_interval_is_the_same_up_to_scale():
    w = sk.scalar("w", domain=(-1, 3))
    wide = sk.Dynamics(drift={w: A - B * w}, diffusion={w: Q * (w + 1) * (3 - w)})
    values = (drawn(wide, 0.6, 0.3, a=1.0, b=2.0, q=0.5) + 1) / 4
    mean, variance = jacobi_moments(0.4, 0.3, (1.0 + 2.0) / 4, 2.0, 0.5)
    assert abs(z_of_mean(values, mean)) < 4.5
    assert abs(z_of_variance(values, variance, mean)) < 4.5


def test_only_what_is_not_pulled_away_stays_at_the_end():
    assert drawn(ROOT, 0.0, 0.1, a=1e-3, b=1.0, q=0.5).min() > 0
    pulled = drawn(JACOBI, 1.0, 0.1, a=0.001, b=0.002, q=0.5)
    assert pulled.min() > 0 and pulled.max() < 1
    assert np.all(drawn(JACOBI, 1.0, 0.1, a=1.0, b=1.0, q=0.5) == 1)


def test_a_state_outside_and_a_negative_noise_give_no_number():
    assert np.isnan(drawn(ROOT, -0.1, 0.1, a=1.0, b=1.0, q=0.5)).all()
    assert np.isnan(drawn(ROOT, 0.1, 0.1, a=1.0, b=1.0, q=-0.5)).all()
    assert np.isnan(drawn(JACOBI, 0.999, 1.0, a=3.0, b=1.0, q=0.5)).all()


def test_derivatives_are_refused_in_words():
    sampler = sk.sampler(ROOT, parameters={"a": 1.0, "b": 1.0, "q": 0.5})
    state = sampler.init(jax.random.key(0), 0.5)

    def end(h):
        return sampler.step(jax.random.key(1), state, h).position

    with pytest.raises(SimulationError, match="no derivative"):
        jax.grad(end)(0.1)


class _Highest(_Words):
    """Words of the largest uniform number, which single precision rounds to 1."""

    def pair(self, use, attempt):
        del use, attempt
        return (jnp.full(self.shape, 2**32 - 1, jnp.uint32),) * 2


def test_poisson_counts_end_where_sums_of_probabilities_do_and_begin_below_all_numbers():
    key, means = jax.random.bits(jax.random.key(1), (2,), jnp.uint32), jnp.array([0.006, 50, 300.0])
    highest = np.asarray(_poisson(_Highest(key, (3,)), 1, means))
    # Each within the count whose tail is 1e-10, and above the one of 1e-6.
    assert np.all(highest < scipy.stats.poisson.isf(1e-10, means) + 1)
    assert np.all(highest > scipy.stats.poisson.isf(1e-6, means) - 1)
    # exp(-300) is 0 in single precision.
    draw = jax.jit(lambda key: _poisson(_Words(key, (20_000,)), 1, jnp.full(20_000, 300.0)))
    count = np.asarray(draw(key))
    assert abs(count.mean() - 300) < 4.5 * np.sqrt(300 / 20_000)
    assert abs(count.var() / 300 - 1) < 4.5 * np.sqrt(2 / 20_000)
