"""Stages of flow records, as exact affine maps of state and noise."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import sdekit as sk
from sdekit.errors import SimulationError
from sdekit.schemes.split.flow_records import (
    Inexact,
    Joint,
    LinearBlock,
    LinearMap,
    OrnsteinUhlenbeck,
    Rotation,
    Shift,
)
from sdekit.simulation.bind.jax_reader import Environment
from sdekit.simulation.steps.stages import repeated_stage, stage_of

n = sk.dim("n")
p, s = sk.vector("p", n), sk.vector("s", n)
xi = sk.scalar("xi")
M, D = sk.parameter("M", n, n), sk.parameter("D", n, n, symmetric=True)
w = sk.parameter("w", n)
SIZES = {"n": 2}
RNG = np.random.default_rng(2)
FRICTION = RNG.standard_normal((2, 2)) * 0.4 + np.eye(2)
ROOT = RNG.standard_normal((2, 2))
VALUES = {
    "M": FRICTION,
    "D": ROOT @ ROOT.T,
    "w": np.array([0.4, 1.3]),
    "J": np.array([[0, 2.0], [-2, 0]]),
}
H = 0.3


def affine_map(flow, names, frozen):
    """Constant, matrix of the state, matrix of the noise; unit vectors run as chains."""
    with jax.enable_x64(True):
        stage = stage_of(flow, SIZES)
        count = 2 * len(names)
        columns = 1 + count + stage.elements
        unit = jnp.concatenate([jnp.zeros((columns - 1, 1)), jnp.eye(columns - 1)], axis=1)
        values = {name: unit[2 * i : 2 * i + 2] for i, name in enumerate(names)}
        values |= {k: jnp.broadcast_to(v, (columns,)) for k, v in frozen.items()}
        values |= {k: jnp.asarray(v) for k, v in VALUES.items()}
        environment = Environment(values, SIZES, dtype=np.dtype(np.float64))

        def run(z):
            constants = stage.prepare(environment, H) if stage.prepare else None
            return stage.apply(environment, z, H, constants)

        moved = jax.jit(run)(unit[count:])
        rows = np.concatenate([np.asarray(moved[name]) for name in names])
    constant = rows[:, :1]
    linear = rows[:, 1:] - constant
    return constant[:, 0], linear[:, :count], linear[:, count:]


def exact(matrix, diffusion, force):
    """The flow of dz = (matrix z + force) dt + N(0, 2 diffusion dt) by quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    flows = [scipy.linalg.expm(matrix * (x + 1) * H / 2) for x in nodes]
    weights = weights * H / 2
    shift = sum(w * f @ force for w, f in zip(weights, flows, strict=True))
    covariance = sum(w * f @ (2 * diffusion) @ f.T for w, f in zip(weights, flows, strict=True))
    return shift, scipy.linalg.expm(matrix * H), covariance


I2 = np.eye(2)
OU = [
    ("scalar", OrnsteinUhlenbeck(p, LinearMap(xi), LinearMap(sk.parameter("c", value=2)), w),
     -0.7 * I2, 2 * I2, VALUES["w"]),
    ("frozen below zero",
     OrnsteinUhlenbeck(p, LinearMap(-xi), LinearMap(scalar=None, elementwise=w)),
     0.7 * I2, np.diag(VALUES["w"]), np.zeros(2)),
    ("entry by entry", OrnsteinUhlenbeck(p, LinearMap(xi, w), LinearMap(xi)),
     -0.7 * I2 - np.diag(VALUES["w"]), 0.7 * I2, np.zeros(2)),
    ("full noise", OrnsteinUhlenbeck(p, LinearMap(xi), LinearMap(matrix=D)),
     -0.7 * I2, VALUES["D"], np.zeros(2)),
    ("full friction", OrnsteinUhlenbeck(p, LinearMap(xi, None, M), LinearMap(xi, None, D)),
     -0.7 * I2 - FRICTION, 0.7 * I2 + VALUES["D"], np.zeros(2)),
    ("no friction", OrnsteinUhlenbeck(p, LinearMap(), LinearMap(xi)),
     0 * I2, 0.7 * I2, np.zeros(2)),
    ("no noise", OrnsteinUhlenbeck(p, LinearMap(matrix=M), LinearMap()),
     -FRICTION, 0 * I2, np.zeros(2)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("flow", "matrix", "diffusion", "force"), [o[1:] for o in OU], ids=[o[0] for o in OU]
)
def test_ornstein_uhlenbeck_flows_are_exact(flow, matrix, diffusion, force):
    shift, propagator, noise = affine_map(flow, ["p"], {"xi": 0.7})
    expected = exact(matrix, diffusion, force)
    assert np.allclose(shift, expected[0], rtol=0, atol=1e-12)
    assert np.allclose(propagator, expected[1], rtol=0, atol=1e-12)
    assert np.allclose(noise @ noise.T, expected[2], rtol=0, atol=1e-12)


def memory(force=()):
    """The generalized Langevin block: dp = xi s dt, ds = (-xi p - 2 s) dt + noise."""
    two = sk.parameter("two", value=2)
    matrix = (((p, s), LinearMap(xi)), ((s, p), LinearMap(-xi)), ((s, s), LinearMap(-two)))
    return LinearBlock((p, s), matrix, (((s, s), LinearMap(two)),), force)


@pytest.mark.parametrize("force", [(), ((p, w),)], ids=["scalar", "dense"])
def test_linear_blocks_are_exact(force):
    matrix = np.kron([[0, 0.7], [-0.7, -2.0]], I2)
    diffusion = np.kron([[0, 0], [0, 2.0]], I2)
    constant = np.concatenate([VALUES["w"] if force else np.zeros(2), np.zeros(2)])
    shift, propagator, noise = affine_map(memory(force), ["p", "s"], {"xi": 0.7})
    expected = exact(matrix, diffusion, constant)
    assert np.allclose(shift, expected[0], rtol=0, atol=1e-12)
    assert np.allclose(propagator, expected[1], rtol=0, atol=1e-12)
    assert np.allclose(noise @ noise.T, expected[2], rtol=0, atol=1e-12)


def test_rotations_and_shifts_are_exact():
    flow = Rotation(p, sk.parameter("J", n, n, antisymmetric=True))
    _, turn, _ = affine_map(flow, ["p"], {})
    assert np.allclose(turn, scipy.linalg.expm(H * VALUES["J"]), rtol=0, atol=1e-14)
    constant, linear, _ = affine_map(Shift(((p, w),)), ["p"], {})
    assert np.allclose(constant, H * VALUES["w"]) and np.allclose(linear, I2)


def test_joint_flows_use_noise_of_their_own():
    flow = Joint((OrnsteinUhlenbeck(p, LinearMap(xi), LinearMap(xi)),
                  OrnsteinUhlenbeck(s, LinearMap(), LinearMap(xi))))  # fmt: skip
    _, _, noise = affine_map(flow, ["p", "s"], {"xi": 0.7})
    assert noise.shape == (4, 4)
    assert np.allclose(noise @ noise.T, np.diag(np.diag(noise @ noise.T)), atol=1e-15)


@pytest.mark.parametrize(("method", "order"), [("rk4", 5), ("strang", 5)])
def test_sub_integrators_have_their_local_order(method, order):
    """Error of one step of dp = -M p dt against the exponential, at h and h / 2."""
    diffusion = () if method == "rk4" else (((p, p), sk.eye(n)),)
    stage = stage_of(Inexact(((p, -(M @ p)),), diffusion, method), SIZES)
    start = np.array([1.0, -0.5])
    with jax.enable_x64(True):
        values = {"p": jnp.asarray(start), "M": jnp.asarray(FRICTION)}
        environment = Environment(values, SIZES, dtype=np.dtype(np.float64))
        errors = []
        for h in (0.2, 0.1):
            found = stage.apply(environment, jnp.zeros(stage.elements), h, None)["p"]
            errors.append(np.max(np.abs(found - scipy.linalg.expm(-FRICTION * h) @ start)))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


def test_sub_steps_in_a_loop_are_the_stage_again_and_again():
    flow = Inexact(((p, -(M @ p) * sk.dot(p, p)),), (((p, p), sk.eye(n)),), "strang")
    stage = stage_of(flow, SIZES)
    loop = repeated_stage(stage, 3)
    normals = np.array([[0.3, -1.0], [0.5, 0.2], [-0.4, 0.7]])
    with jax.enable_x64(True):
        values = {"p": jnp.array([1.0, -0.5]), "M": jnp.asarray(FRICTION)}
        environment = Environment(values, SIZES, dtype=np.dtype(np.float64))
        found = loop.apply(environment, jnp.asarray(normals.reshape(-1)), 0.3, None)["p"]
        for own in normals:
            moved = stage.apply(environment, jnp.asarray(own), 0.1, None)
            environment = replace(environment, values={**values, **moved})
    assert loop.elements == 3 * stage.elements
    assert np.allclose(found, environment.values["p"], rtol=0, atol=1e-14)


def test_an_unknown_record_is_refused():
    with pytest.raises(SimulationError, match="flow of unknown kind"):
        stage_of(LinearMap(xi), SIZES)


def stiff_memory(rate):
    """q, p and a stiff memory whose rate is a parameter, or reads a variable that stands still."""
    q, p, s, z = (sk.scalar(name) for name in "qpsz")
    c, g = sk.parameter("c", positive=True), sk.parameter("g", positive=True)
    fast = g * z if rate == "state" else g
    return sk.Dynamics(drift={q: p, p: c * s - q, s: -c * p - fast * s, z: 0}, diffusion={s: fast})


def test_a_number_a_schedule_and_a_matrix_that_reads_the_state_give_the_same_stiff_flow():
    """h |M| = 160, where Van Loan's block exponential has lost everything."""
    given = {"parameters": {"c": 40.0, "g": 1600.0}, "step_size": 0.1, "steps": 40, "chains": 500}
    start = {"q": 0.0, "p": 0.0, "s": 0.0, "z": 1.0}
    number = sk.simulate(stiff_memory("parameter"), start, **given)
    assert number.scheme == "O"
    schedule = given | {"step_size": lambda k: 0.1}
    scheduled = sk.simulate(stiff_memory("parameter"), start, **schedule)
    reading = sk.simulate(stiff_memory("state"), start, **given)
    for name in "qps":
        at = np.asarray(number.samples[name])
        assert np.abs(at - scheduled.samples[name]).max() < 1e-4
        assert np.abs(at - reading.samples[name]).max() < 1e-4
    # The memory has its law N(0, 1) after one step already, up to (c / g)^2.
    variance, error = np.var(number.samples["s"]), np.sqrt(2 / (500 * 40))
    assert abs(variance - 1) < 4.5 * error
