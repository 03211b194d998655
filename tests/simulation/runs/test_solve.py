"""`sk.solve` against `sk.simulate`, exact solutions and central differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.simulation.runs.solve import checkpointed

X, R, S = sk.scalar("x"), sk.parameter("r", positive=True), sk.parameter("s", positive=True)
OU = sk.Dynamics(drift={X: -R * X}, noise={X: S})
N = sk.dim("n")
THETA, P = sk.vector("theta", N), sk.vector("p", N)
U = sk.potential("U", THETA)
LANGEVIN = sk.Dynamics(
    drift={THETA: P, P: -sk.grad(U, THETA) - P},
    diffusion={P: sk.eye(N)},
    hamiltonian=U + sk.dot(P, P) / 2,
    target=U,
)
VALUES = {"r": 1.0, "s": 0.5}
HOW = {"step_size": 0.1, "steps": 12, "parameters": VALUES}


def quartic(at):
    return jnp.sum(at**4) / 4


@pytest.mark.parametrize("scheme", ["EM", None])
def test_the_path_of_a_seed_is_that_of_the_first_chain(scheme):
    options = {"potential": quartic, "scheme": scheme, "step_size": 0.1, "steps": 12}
    path = sk.solve(LANGEVIN, np.ones(2), seed=5, thin=3, **options)
    run = sk.simulate(LANGEVIN, np.ones(2), seed=5, thin=3, **options)
    assert path.position.shape == (5, 2) and np.all(path.position[0] == 1.0)
    # A dozen steps of single precision, whose roundings the two programs may order differently.
    assert np.allclose(path.position[1:], run.samples["theta"][0], atol=12 * 4e-7)
    assert np.allclose(path.auxiliary["p"][1:], run.samples["p"][0], atol=12 * 4e-7)
    assert np.allclose(path.times, 0.3 * np.arange(5), atol=1e-6)


def test_the_end_is_the_last_state_of_the_path():
    path, end = sk.solve(OU, 1.0, **HOW), sk.solve(OU, 1.0, save="end", **HOW)
    assert end.position.shape == () and np.isclose(end.position, path.position[-1], atol=1e-6)
    assert np.isclose(end.times, 1.2)


def test_output_times_are_met():
    """Without noise to speak of the exact flow is e^{-t} at any time."""
    values = {"r": 1.0, "s": 1e-12}
    for times in ([0.0, 0.3, 1.0], [0.5, 0.7]):
        path = sk.solve(OU, 1.0, times=times, step_size=0.1, parameters=values)
        assert np.allclose(path.times, times)
        assert np.allclose(path.position, np.exp(-np.asarray(times)), atol=1e-6)
    path = sk.solve(OU, 1.0, t0=1.0, t1=2.05, step_size=0.1, parameters=values)
    assert path.times.shape == (12,)
    assert np.allclose([path.times[-1], path.position[-1]], [2.05, np.exp(-1.05)], atol=1e-6)


def test_the_time_is_that_of_each_step():
    dynamics = sk.Dynamics(drift={X: sk.time}, noise={X: S})
    how = {"parameters": {"s": 1e-15}, "scheme": "EM", "precision": "float64"}
    path = sk.solve(dynamics, 0.0, t0=1.0, t1=2.0, step_size=0.1, thin=5, **how)
    left = sum(0.1 * (1 + 0.1 * k) for k in range(10))
    assert np.isclose(path.position[-1], left, atol=1e-12)
    with pytest.raises(SimulationError, match="would lose the phase"):
        sk.solve(dynamics, 0.0, step_size=0.1, steps=3, parameters={"s": 1.0})


def test_the_gradient_of_a_mean_is_its_central_difference():
    keys = jax.random.split(jax.random.key(0), 4)

    def mean(r, x, h):
        def end(key):
            how = {"parameters": {"r": r, "s": 0.5}, "precision": "float64", "save": "end"}
            return sk.solve(OU, x, step_size=h, steps=30, key=key, **how).position

        return jnp.mean(jnp.sin(jax.vmap(end)(keys)))

    with jax.enable_x64(True):
        at, width = (0.8, 1.2, 0.05), 1e-5
        function = jax.jit(mean)
        slopes = jax.jit(jax.grad(mean, (0, 1, 2)))(*at)
        for k, slope in enumerate(slopes):
            up, down = list(at), list(at)
            up[k] += width
            down[k] -= width
            difference = (function(*up) - function(*down)) / (2 * width)
            assert abs(slope - difference) < 1e-6 * abs(difference)


def test_reverse_mode_of_many_steps_keeps_few_states():
    """1e5 steps: the temporary memory of the compiled gradient, which needs no run."""

    def loss(r, steps):
        how = {"parameters": {"r": r, "s": 0.5}, "scheme": "EM", "save": "end"}
        return sk.solve(OU, 1.0, step_size=1e-4, steps=steps, **how).position

    memory = {}
    for steps in (1_000, 100_000):
        compiled = jax.jit(jax.grad(lambda r, n=steps: loss(r, n))).lower(0.5).compile()
        memory[steps] = compiled.memory_analysis().temp_size_in_bytes
    # sqrt(100) times as much, and not 100 times as a plain loop takes.
    assert memory[100_000] < 20 * memory[1_000]
    plain = {n: jax.jit(jax.grad(lambda r, n=n: _plain(r, n))).lower(0.5) for n in memory}
    sizes = {n: p.compile().memory_analysis().temp_size_in_bytes for n, p in plain.items()}
    assert sizes[100_000] > 50 * sizes[1_000] and sizes[100_000] > 4 * memory[100_000]


def _plain(r, steps):
    """Twin: the same recursion in a loop that keeps every state."""
    return jax.lax.scan(lambda x, _: (x - 1e-4 * r * jnp.sin(x), None), 1.0, None, steps)[0]


def test_a_checkpointed_loop_is_a_loop_for_every_count():
    for count in (1, 2, 3, 7, 12, 101):
        last, out = checkpointed(lambda c, k: (c * 0.5 + k, c), jnp.float32(1.0), count)
        at, seen = 1.0, []
        for k in range(count):
            seen.append(at)
            at = at * 0.5 + k
        assert np.allclose(last, at) and np.allclose(out, seen)


@pytest.mark.parametrize("h", [0.0, -0.1, np.nan])
def test_a_traced_step_size_that_is_not_positive_gives_no_number(h):
    how = {"steps": 3, "parameters": VALUES, "save": "end"}
    assert np.isnan(jax.jit(lambda h: sk.solve(OU, 1.0, step_size=h, **how).position)(h))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"step_size": 0.1}, "how long to solve is not said once: .* found none of them"),
        ({"step_size": 0.1, "steps": 3, "times": [1.0]}, "found steps, times"),
        ({"steps": 3}, "no step size is given"),
        ({"step_size": 0.1, "steps": 3, "t1": 1.0}, "the step size is given twice"),
        ({"step_size": -0.1, "steps": 3}, "the step size is wrong"),
        ({"step_size": 0.1, "steps": 2.5}, "steps is wrong"),
        ({"step_size": 0.1, "steps": 5, "thin": 2}, "the last steps would be lost"),
        ({"step_size": 0.1, "times": [1.0, 0.5]}, "times do not increase"),
        ({"step_size": 0.1, "times": [True, False]}, "times are no times"),
        ({"step_size": 0.1, "times": [0.0]}, "ends before it begins"),
        ({"step_size": 0.1, "t1": -1.0}, "step size is wrong"),
        ({"step_size": 0.1, "steps": 3, "save": "all"}, "unknown save"),
        ({"step_size": 0.1, "steps": 3, "seed": -1}, "seed is wrong"),
    ],
)
def test_what_is_wrong_is_said(how, message):
    with pytest.raises(SimulationError, match=message):
        sk.solve(OU, 1.0, parameters=VALUES, **how)


def test_options_of_a_sampler_are_given_once():
    sampler = sk.sampler(OU, parameters=VALUES)
    assert sk.solve(sampler, 1.0, step_size=0.1, steps=2).position.shape == (3,)
    with pytest.raises(SimulationError, match="a sampler has its options already"):
        sk.solve(sampler, 1.0, step_size=0.1, steps=2, scheme="EM")
