"""Steps of linear noise: paths against matrix exponentials, moments against their equations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import sdekit as sk
from sdekit.schemes.split.splitting import splitting
from sdekit.schemes.split.unroll import unroll
from sdekit.simulation.bind.bound import bind
from sdekit.simulation.steps.stages import stage_of

n, m = sk.dim("n"), sk.dim("m")
V, U = sk.vector("v", n), sk.scalar("u")
R, S = sk.parameter("r", n), sk.parameter("s", n)
L, A = sk.parameter("L", n, m), sk.parameter("A", n, n)
X, Y = sk.scalar("x"), sk.scalar("y")
a, b = sk.parameter("a"), sk.parameter("b")
TURN = np.array([[0.0, 1.0], [-1.0, 0.0]])
VALUES = {
    "r": np.array([0.1, -0.2]),
    "s": np.array([0.5, 0.8]),
    "L": np.array([[0.5, 0.0, 0.1], [0.3, 0.4, -0.2]]),
    "A": np.array([[-0.5, 1.0], [-2.0, -0.3]]),
    "a": np.array(0.7),
    "b": np.array(0.4),
}
#: Each with its drift matrix and its matrices of noise, numbers put in.
MODELS = {
    "rates by component": (
        sk.Dynamics({V: R * V}, noise={V: sk.diag(S * V)}),
        np.diag(VALUES["r"]),
        [np.diag([0.5, 0.0]), np.diag([0.0, 0.8])],
    ),
    "correlated": (
        sk.Dynamics({V: R * V}, noise={V: sk.diag(V) @ L}),
        np.diag(VALUES["r"]),
        [np.diag(column) for column in VALUES["L"].T],
    ),
    "one motion": (
        sk.Dynamics({V: A @ V}, diffusion={V: a**2 / 2 * sk.outer(V, V)}),
        VALUES["A"],
        [0.7 * np.eye(2)],
    ),
    "a turn": (
        sk.Dynamics({X: Y - b * X, Y: -X - b * Y}, noise={X: [a * Y], Y: [-a * X]}),
        TURN - 0.4 * np.eye(2),
        [0.7 * TURN],
    ),
    "size and turn": (
        sk.Dynamics({X: Y, Y: -X}, noise={X: [a * X, b * Y], Y: [a * Y, -b * X]}),
        TURN,
        [0.7 * np.eye(2), 0.4 * TURN],
    ),
}
START, TIME, CHAINS = np.array([1.0, 2.0]), 1.0, 20_000


def blocks_of(dynamics, states):
    """States (2[, chains]) as blocks by name."""
    names = [x.name for x in dynamics.variables]
    return {names[0]: states} if len(names) == 1 else dict(zip(names, states, strict=True))


def walked(dynamics, scheme, states, normals):
    """Two steps of TIME / 2 in double precision, and how many normals one takes."""
    names = [p.name for p in dynamics.parameters]
    start = blocks_of(dynamics, START)
    problem = bind(
        dynamics,
        start if len(start) > 1 else START,
        potential=None,
        parameters={name: VALUES[name] for name in names},
        functions={},
        sizes={},
        dtype=np.dtype(np.float64),
    )
    values = blocks_of(dynamics, jnp.asarray(states))
    for _ in range(2):
        for move in unroll(splitting(dynamics), scheme):
            stage, h = stage_of(move.flow, problem.sizes), TIME / 2 * float(move.share)
            environment = problem.environment({**problem.parameters, **values})
            constants = None if stage.prepare is None else stage.prepare(environment, h)
            z = jnp.asarray(normals(stage.elements))
            values = {**values, **stage.apply(environment, z, h, constants)}
    found = [np.asarray(values[x.name]) for x in dynamics.variables]
    return np.stack(found) if len(found) > 1 else found[0]


def moments(drift, noise):
    """Mean and second moments at TIME, by their linear equations."""
    one = np.eye(2)
    both = np.kron(drift, one) + np.kron(one, drift) + sum(np.kron(B, B) for B in noise)
    second = scipy.linalg.expm(TIME * both) @ np.outer(START, START).ravel()
    return scipy.linalg.expm(TIME * drift) @ START, second


def scores(model, scheme):
    """Deviations of mean and second moments in standard errors."""
    dynamics, drift, noise = model
    rng = np.random.default_rng(1)
    with jax.enable_x64(True):
        states = np.repeat(START[:, None], CHAINS, axis=1)
        ends = walked(dynamics, scheme, states, lambda k: rng.standard_normal((k, CHAINS)))
    squares = np.einsum("ik,jk->ijk", ends, ends).reshape(4, -1)
    means = [values.mean(1) for values in (ends, squares)]
    errors = [values.std(1) / np.sqrt(CHAINS) for values in (ends, squares)]
    exact = moments(drift, noise)
    return np.concatenate(
        [(f - e) / s for f, e, s in zip(means, exact, errors, strict=True)]
    )  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_moments_are_exact_at_long_steps(name):
    word = splitting(MODELS[name][0]).default_word
    assert np.all(np.abs(scores(MODELS[name], word)) < 4.5)


@pytest.mark.parametrize("name", ["correlated", "a turn"])
def test_euler_maruyama_is_told_apart(name):
    """Twin: at steps of one half the same check fails."""
    assert np.max(np.abs(scores(MODELS[name], "EM"))) > 4.5


def test_a_path_is_the_exponential_of_its_matrices():
    dynamics, drift, noise = MODELS["size and turn"]
    rng = np.random.default_rng(2)
    drawn = []

    def normals(k):
        drawn.append(rng.standard_normal(k))
        return drawn[-1]

    with jax.enable_x64(True):
        end = walked(dynamics, "G", START, normals)
    motion = np.sqrt(TIME / 2) * np.sum(drawn, axis=0)
    total = TIME * (drift - sum(B @ B for B in noise) / 2)
    total = total + sum(B * w for B, w in zip(noise, motion, strict=True))
    assert np.allclose(end, scipy.linalg.expm(total) @ START, rtol=1e-12)


def test_volatilities_that_move_belong_to_their_own_chain():
    """Coefficients read a number of each chain: each chain moves as it does alone."""
    model = sk.Dynamics({V: U * V, U: 0}, noise={V: U * sk.diag(S * V), U: 1})
    (move,) = [m for m in unroll(splitting(model), None) if m.letter == "G"][:1]
    with jax.enable_x64(True):
        problem = bind(
            model, {"v": START, "u": 1.0}, potential=None, parameters={"s": VALUES["s"]},
            functions={}, sizes={}, dtype=np.dtype(np.float64),
        )  # fmt: skip
        stage = stage_of(move.flow, problem.sizes)
        u, z = jnp.asarray([0.5, 1.0, 2.0]), jnp.asarray(np.arange(6.0).reshape(2, 3) / 5)
        many = {"v": jnp.repeat(jnp.asarray(START)[:, None], 3, axis=1), "u": u}
        environment = problem.environment({**problem.parameters, **many})
        together = stage.apply(environment, z, 0.3, None)["v"]
        for k in range(3):
            one = {"v": jnp.asarray(START), "u": u[k]}
            environment = problem.environment({**problem.parameters, **one})
            alone = stage.apply(environment, z[:, k], 0.3, None)["v"]
            assert np.allclose(alone, together[:, k], rtol=1e-12)
