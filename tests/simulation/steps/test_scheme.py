"""Steps of splitting words against exact stationary laws of their linear maps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import sdekit as sk
from sdekit.errors import DivergenceError, SchemeError, SimulationError
from sdekit.simulation.steps.boundaries import within_domain
from sdekit.simulation.steps.scheme import StepInput, first_cache

K, A, H = 1.7, 0.8, 0.3
C = np.exp(-A * H)
#: <q^2>, <p^2> of MATH B.4 for U = K q^2 / 2, and for Algorithm 1 with xi = D = A.
ALGORITHM_1_P = 2 / (2 - A * H - K * H**2 / 2)
CLOSED_FORMS = {
    "BAOAB": (1 / K, 1 - K * H**2 / 4),
    "A B O B A": (1 / K, 1 / (1 - K * H**2 / 4)),
    "OBABO": (1 / (K * (1 - K * H**2 / 4)), 1.0),
    "OABAO": ((1 - K * H**2 / 4) / K, 1.0),
    "BAO": (
        (1 + C) ** 2 / (K * (2 + 2 * C - K * H**2)),
        (1 + C) * (2 - K * H**2 * (1 - C)) / (2 + 2 * C - K * H**2),
    ),
    "OBA": (
        (1 + C) ** 2 / (K * (2 + 2 * C - K * H**2)),
        2 * (1 + C) / (2 + 2 * C - K * H**2),
    ),
    "Algorithm1": ((1 - A * H / 2) * ALGORITHM_1_P / K, ALGORITHM_1_P),
}


def linear_step(sampler, names, h):
    """The step as a matrix of the state and one of the noise, by feeding unit vectors."""
    with sampler.precision():
        bound = sampler.bind(0.0)
        scheme = bound.scheme
        columns = len(names) + scheme.elements
        unit = jnp.eye(columns, dtype=jnp.float64)
        blocks = {name: unit[i] for i, name in enumerate(names)}

        def step(blocks, normals):
            sources = {oracle.name: () for oracle in scheme.oracles}
            parameters = bound.problem.parameters
            draws = ((),) * len(scheme.carried)
            cache = first_cache(scheme, blocks, draws, sources, None, parameters)
            constants = scheme.prepare(parameters, h, np.dtype(np.float64))
            draws = ((),) * len(scheme.evaluations)
            given = StepInput(normals, draws, None, h, constants, parameters)
            return scheme.step(blocks, cache, given)[0]

        after = jax.jit(step)(blocks, unit[len(names) :])
        matrix = np.stack([np.asarray(after[name]) for name in names])
    return matrix[:, : len(names)], matrix[:, len(names) :]


def stationary_covariance(state, noise):
    return scipy.linalg.solve_discrete_lyapunov(state, noise @ noise.T)


def make(dynamics, word):
    return sk.sampler(
        dynamics,
        potential=lambda q: K * q**2 / 2,
        parameters={"A": A},
        scheme=word,
        precision="float64",
    )


@pytest.mark.parametrize("word", CLOSED_FORMS)
def test_words_have_their_exact_harmonic_law(langevin, word):
    state, noise = linear_step(make(langevin, word), ("theta", "p"), H)
    covariance = stationary_covariance(state, noise)
    assert np.allclose(np.diag(covariance), CLOSED_FORMS[word], rtol=1e-12, atol=0)


def test_the_harmonic_check_tells_words_apart():
    """Twin: the laws of different words differ by percents."""
    positions = sorted({round(q, 9) for q, _ in CLOSED_FORMS.values()})
    assert min(np.diff(positions)) > 1e-3


def test_euler_maruyama_has_its_own_variance():
    x = sk.scalar("x")
    overdamped = sk.Dynamics(drift={x: -x}, diffusion={x: 1})
    sampler = sk.sampler(overdamped, scheme="EM", precision="float64")
    covariance = stationary_covariance(*linear_step(sampler, ("x",), H))
    assert covariance[0, 0] == pytest.approx(1 / (1 - H / 2), rel=1e-13)


@pytest.mark.parametrize("word", ["BAOAB", "ABOBA", "OBABO", "BADODAB", "ADBOBDA"])
def test_a_palindrome_costs_one_gradient(langevin, thermostat, word):
    dynamics = thermostat if "D" in word else langevin
    values = {"A": 1.0, "mu": 2.0} if "D" in word else {"A": 1.0}
    sampler = sk.sampler(dynamics, potential=lambda q: q**2, parameters=values, scheme=word)
    scheme = sampler.bind(0.0).scheme
    assert len(scheme.evaluations) == 1
    assert len(scheme.carried) == (1 if word[0] in "BO" else 0)


def test_a_repeated_kick_with_moves_between_costs_one_gradient_each(langevin):
    word = sk.sampler(
        langevin, potential=lambda q: q**2, parameters={"A": 1.0}, scheme="A B A B A O"
    )
    assert len(word.bind(0.0).scheme.evaluations) == 2


def test_the_gradient_of_the_last_kick_is_that_of_the_next_step(langevin):
    calls = []

    def potential(q):
        jax.debug.callback(lambda: calls.append(1))
        return q**2 / 2

    sampler = sk.sampler(langevin, potential=potential, parameters={"A": 1.0}, scheme="BAOAB")
    state = sampler.init(jax.random.key(0), 1.0)
    step = jax.jit(sampler.step)
    calls.clear()
    for k in range(5):
        state = step(jax.random.key(k), state, 0.1)
    jax.block_until_ready(state)
    assert len(calls) == 5


def test_an_unknown_letter_is_refused(langevin):
    with pytest.raises(SchemeError, match="Z"):
        sk.sampler(langevin, potential=lambda q: q, parameters={"A": 1.0}, scheme="BAZAB")


@pytest.mark.parametrize(
    ("domain", "outside", "inside"),
    [
        ("positive", [-0.5, 2.0], [0.5, 2.0]),
        (("1", "2"), [0.75, 2.25, 4.3, -0.6, 1.5], [1.25, 1.75, 1.7, 1.4, 1.5]),
    ],
)
def test_ends_reflect(domain, outside, inside):
    variable = sk.scalar("x", domain=domain)
    found = within_domain(jnp.asarray(outside), variable)
    assert np.allclose(found, inside, atol=2e-6)


class NoisySource:
    """A stochastic gradient source of the smallest kind."""

    words = 1

    def init(self, key, position):
        return ()

    def prepare(self, bits):
        return bits

    def gradient(self, draw, position, state):
        return position, state

    def potential(self, position):
        return position**2


def test_a_stochastic_gradient_cannot_serve_a_part_without_exact_flow():
    theta = sk.scalar("theta")
    u = sk.potential("U", theta)
    overdamped = sk.Dynamics(drift={theta: -sk.grad(u, theta)}, diffusion={theta: 1})
    assert sk.sampler(overdamped, potential=NoisySource(), scheme="EM").bind(0.0).scheme.words == 1
    with pytest.raises(SimulationError, match="needs gradients between two steps"):
        sk.sampler(overdamped, potential=NoisySource(), scheme="S").bind(0.0)


@pytest.mark.parametrize(("word", "is_stable"), [(None, True), ("BADEOEDAB", False)])
def test_forces_that_nearly_cancel_act_together(word, is_stable):
    """mu (xi - A) grad A stands in two parts; apart, chains run away at ten times smaller steps."""
    sampler = sk.sampler(
        sk.catalog.get("sgnht-position"),
        functions={"U": lambda q: (q @ q) / 2, "A": lambda q: 1 + (q @ q) / 2},
        parameters={"mu": 1.0},
        scheme=word,
    )
    options = {"step_size": 0.1, "steps": 900, "thin": 10, "chains": 128, "record": ["theta"]}
    if is_stable:
        draws = sk.simulate(sampler, np.zeros(3), **options).samples["theta"][:, 20:]
        means = (draws.astype(float) ** 2).mean(axis=(1, 2))
        # The bias of this large step is below a tenth; a run that begins to diverge is far off.
        assert abs(means.mean() - 1) < 0.1 + 5 * means.std() / np.sqrt(len(means))
        return
    with pytest.raises(DivergenceError):
        sk.simulate(sampler, np.zeros(3), **options)


def end_of_driven_relaxation(scheme, steps):
    """x(1) of dx = -x + cos(3 t) dt from x = 0, and the exact one."""
    x = sk.scalar("x")
    driven = sk.Dynamics(drift={x: -x + sk.cos(3 * sk.time)}, diffusion={})
    run = sk.simulate(
        driven,
        0.0,
        step_size=1 / steps,
        steps=steps,
        thin=steps,
        scheme=scheme,
        precision="float64",
    )
    exact = (np.cos(3.0) + 3 * np.sin(3.0) - np.exp(-1.0)) / 10
    return abs(float(run.samples["x"][0, -1]) - exact)


@pytest.mark.parametrize(("scheme", "ratio"), [(None, 4.0), ("EM", 2.0)])
def test_a_word_reads_the_time_in_the_middle_of_the_step(scheme, ratio):
    """The error of a midpoint falls by 4 with half the step, that of EM, its twin, by 2."""
    coarse, fine = (end_of_driven_relaxation(scheme, steps) for steps in (50, 100))
    assert abs(coarse / fine - ratio) < 0.15


def test_an_annealed_langevin_equation_keeps_its_temperature_law():
    """T(t) = 1 + e^-t falls to 1; at friction 0.2 Euler-Maruyama is wrong by 100 per cent."""
    q, p, a = sk.scalar("q"), sk.scalar("p"), sk.parameter("A", positive=True)
    annealed = sk.Dynamics(drift={q: p, p: -q - a * p}, diffusion={p: a * (1 + sk.exp(-sk.time))})
    chains = 4000
    run = sk.simulate(
        annealed, {"q": 0.0, "p": 0.0}, parameters={"A": 0.2}, step_size=0.1, steps=600, thin=600,
        chains=chains,
    )  # fmt: skip
    assert run.scheme == "BAOAB"
    square = float((np.asarray(run.samples["q"], float) ** 2).mean())
    error = np.sqrt(2 / chains)
    assert abs(square - 1) < 4.5 * error
    # Twin: the value of Euler-Maruyama is far outside.
    assert abs(2.0 - 1) > 7 * error


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_sub_steps_of_friction_run_in_the_compiled_loop(precision):
    """A general kinetic energy that is p^2/2: a harmonic oscillator of temperature 1."""
    chains = 4000
    run = sk.simulate(
        sk.catalog.get("langevin-kinetic"), np.zeros(1), parameters={"A": 1.0}, step_size=0.5,
        functions={"U": lambda q: q @ q / 2, "K": lambda p: p @ p / 2}, steps=40, thin=40,
        chains=chains, precision=precision,
    )  # fmt: skip
    square = float(np.mean(np.asarray(run.samples["theta"], float) ** 2))
    # The scheme itself is off by h^2/384 = 0.0007.
    assert abs(square - 1) < 4.5 * np.sqrt(2 / chains)
    # Twin: a temperature off by a sixth would be told apart.
    assert abs(square - 7 / 6) > 4.5 * np.sqrt(2 / chains)
