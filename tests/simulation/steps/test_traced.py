"""Parameters, starts and step sizes of a user's transformation, through `sampler.step`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError

X, R, S = sk.scalar("x"), sk.parameter("r", positive=True), sk.parameter("s", positive=True)
N = sk.dim("n")
THETA, P = sk.vector("theta", N), sk.vector("p", N)
U = sk.potential("U", THETA)
A = sk.parameter("A", positive=True)
C = sk.parameter("C", N, N, positive_semidefinite=True)
OU = sk.Dynamics(drift={X: -R * X}, noise={X: S})
STRATONOVICH = sk.Dynamics(
    drift={X: -R * X}, noise={X: S * sk.sqrt(1 + X**2)}, interpretation="stratonovich"
)
LANGEVIN = sk.Dynamics(
    drift={THETA: P, P: -sk.grad(U, THETA) - A * P},
    diffusion={P: A * sk.eye(N)},
    hamiltonian=U + sk.dot(P, P) / 2,
    target=U,
)
DENSE = sk.Dynamics(drift={THETA: -C @ THETA}, diffusion={THETA: C})
WALK = sk.Dynamics(drift={THETA: 0 * THETA}, diffusion={THETA: C})


@pytest.fixture(autouse=True)
def double_precision():
    """As a user must switch it on for gradients in double precision."""
    with jax.enable_x64(True):
        yield


def minibatch():
    rows = np.arange(20.0) / 10
    return sk.Minibatch(
        lambda at: -at @ at / 2, lambda at, row: -((row - at.sum()) ** 2) / 2, rows, batch_size=4
    )


def singular(a):
    """Of rank one for every a, with other eigenvectors for each."""
    along = jnp.stack([a, 1.0 + 0.0 * a])
    return jnp.outer(along, along)


#: Dynamics, potential, parameters of a number, scheme, start.
CASES = {
    "Ito by Euler-Maruyama": (OU, None, lambda a: {"r": a, "s": 0.3}, "EM", 0.7),
    "Ito by its exact flow": (OU, None, lambda a: {"r": a, "s": 0.3}, None, 0.7),
    "Stratonovich": (STRATONOVICH, None, lambda a: {"r": 1.0, "s": a}, None, 0.7),
    "minibatch": (LANGEVIN, minibatch, lambda a: {"A": a}, "BAOAB", np.ones(2)),
    "equal eigenvalues": (DENSE, None, lambda a: {"C": jnp.eye(2) * a}, None, np.ones(2)),
    "singular noise": (WALK, None, lambda a: {"C": singular(a)}, "EM", np.ones(2)),
    "singular flow": (DENSE, None, lambda a: {"C": singular(a)}, None, np.ones(2)),
}


def end_of(dynamics, potential, values, scheme, start, h=0.05, steps=10):
    """A number of the end of one path, of the parameter and a key."""

    def end(a, key):
        given = potential() if potential else None
        sampler = sk.sampler(dynamics, given, values(a), scheme=scheme, precision="float64")
        state = sampler.init(key, start)
        keys = jax.random.split(key, steps)
        last = jax.lax.scan(lambda at, k: (sampler.step(k, at, h), None), state, keys)[0]
        return jnp.sum(jnp.sin(last.position))

    return end


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_of_a_mean_is_its_central_difference(name):
    end = end_of(*CASES[name])
    keys = jax.random.split(jax.random.key(3), 5)
    mean = jax.jit(lambda a: jnp.mean(jax.vmap(end, (None, 0))(a, keys)))
    slope, width = float(jax.jit(jax.grad(mean))(0.8)), 1e-5
    difference = float(mean(0.8 + width) - mean(0.8 - width)) / (2 * width)
    # The difference is off by width^2 and by 1e-16 / width, below 1e-9 of such numbers.
    assert abs(slope - difference) < 1e-6 * abs(difference)


def test_the_gradient_of_one_path_that_is_not_vectorized_is_its_difference():
    """Shared gradients are kept in a branch, which vectorization and reverse mode both change."""
    end, key, width = end_of(*CASES["minibatch"]), jax.random.key(5), 1e-5
    slope = float(jax.grad(end)(0.8, key))
    difference = float(end(0.8 + width, key) - end(0.8 - width, key)) / (2 * width)
    assert abs(slope - difference) < 1e-6 * abs(difference)


def test_a_traced_parameter_gives_the_path_of_its_number():
    end, key = end_of(*CASES["minibatch"]), jax.random.key(5)
    assert abs(float(jax.jit(end)(0.8, key)) - float(end(0.8, key))) < 1e-14


def test_the_slope_of_a_mean_is_that_of_the_exact_solution():
    """E X_1 = e^{-r}: d/dr is -e^{-1/2}, up to the bias h/4 of the step and the standard error."""
    h, steps = 0.02, 50
    end = jax.vmap(
        jax.grad(
            lambda a, key: _position(OU, {"r": a, "s": 0.1}, key, h, steps),
        ),
        (None, 0),
    )
    slopes = np.asarray(jax.jit(end)(0.5, jax.random.split(jax.random.key(0), 200)))
    # Of Euler-Maruyama itself: (1 - r h)^n has the slope -n h (1 - r h)^(n - 1).
    exact = -steps * h * (1 - 0.5 * h) ** (steps - 1)
    assert abs(slopes.mean() - exact) < 4.5 * slopes.std() / np.sqrt(len(slopes)) + 1e-12


def _position(dynamics, values, key, h, steps, start=1.0):
    sampler = sk.sampler(dynamics, parameters=values, scheme="EM", precision="float64")
    state = sampler.init(key, start)
    keys = jax.random.split(key, steps)
    return jax.lax.scan(lambda at, k: (sampler.step(k, at, h), None), state, keys)[0].position


def test_start_and_step_size_may_be_differentiated_as_well():
    """Without noise to speak of x_n = x_0 (1 - r h)^n."""
    values, key = {"r": 0.5, "s": 1e-30}, jax.random.key(0)
    slopes = jax.grad(lambda h, x: _position(OU, values, key, h, 10, x), (0, 1))(0.1, 2.0)
    exact = (2.0 * 10 * 0.95**9 * -0.5, 0.95**10)
    assert np.allclose(slopes, exact, rtol=1e-12)


@pytest.mark.parametrize("value", [-0.3, 0.0, np.inf, np.nan])
def test_a_traced_value_against_its_declaration_is_no_number(value):
    assert np.isnan(jax.jit(end_of(*CASES["Ito by Euler-Maruyama"]))(value, jax.random.key(0)))


@pytest.mark.parametrize(
    "matrix", [np.array([[1.0, 0.5], [0.4, 1.0]]), np.array([[1.0, 2.0], [2.0, 1.0]])]
)
def test_a_traced_matrix_against_its_declaration_is_no_number(matrix):
    end = end_of(WALK, None, lambda c: {"C": c}, "EM", np.ones(2))
    assert np.isnan(jax.jit(end)(matrix, jax.random.key(0)))
    assert np.isfinite(jax.jit(end)(matrix @ matrix.T, jax.random.key(0)))


def test_a_traced_start_outside_its_domain_is_no_number():
    inside = sk.scalar("w", domain="positive")
    dynamics = sk.Dynamics(drift={inside: -R + 0 * inside}, diffusion={inside: S})
    end = jax.jit(lambda x: _position(dynamics, {"r": 1.0, "s": 1.0}, jax.random.key(0), 0.1, 3, x))
    assert np.isnan(end(-0.5)) and np.isfinite(end(0.5))


def test_traced_shapes_are_checked():
    end = end_of(*CASES["Ito by Euler-Maruyama"])
    with pytest.raises(SimulationError, match="parameter r has the wrong shape"):
        jax.jit(end)(jnp.ones(2), jax.random.key(0))


def test_double_precision_of_single_tracers_is_refused():
    with jax.enable_x64(False), pytest.raises(SimulationError, match="has single precision"):
        jax.jit(end_of(*CASES["Ito by Euler-Maruyama"]))(0.5, jax.random.key(0))


def test_a_function_over_traced_values_runs():
    """Functions that close over tracers are the other clean way; only H may not need them."""

    def end(a):
        sampler = sk.sampler(
            LANGEVIN, lambda at: a * jnp.sum(at**2), {"A": 1.0}, precision="float64"
        )
        state = sampler.step(jax.random.key(1), sampler.init(jax.random.key(0), np.ones(2)), 0.1)
        return jnp.sum(state.position)

    difference = (end(0.7 + 1e-5) - end(0.7 - 1e-5)) / 2e-5
    assert np.isclose(jax.grad(end)(0.7), difference, rtol=1e-6)


def test_a_start_that_needs_traced_values_in_words_is_refused():
    metric = sk.function("G", THETA, shape=(N, N), positive_definite=True)
    dynamics = sk.Dynamics(
        drift={THETA: P, P: -P}, hamiltonian=sk.dot(THETA, THETA) + sk.dot(P, metric @ P),
        target=sk.dot(THETA, THETA),
    )  # fmt: skip

    def start(a):
        functions = {"G": lambda at: a * jnp.eye(2)}
        sampler = sk.sampler(dynamics, functions=functions, scheme="EM", precision="float64")
        return jnp.sum(sampler.init(jax.random.key(0), np.ones(2)).auxiliary["p"])

    assert np.isfinite(start(0.7))
    with pytest.raises(SimulationError, match="a function in H reads traced ones"):
        jax.jit(start)(0.7)
